"""Buckets let through what they should, and shares are given to users and networks as the settings say."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access import shares as module
from seatserver.access.shares import Bucket, Share, Shares
from seatserver.errors import TooMany

HOME, CAFE = "203.0.113.9", "198.51.100.7"


def shares(**changes: Any) -> Shares:
    return Shares(config.load({}, **changes))


def network(made: Shares, address: str = HOME) -> Share:
    found = made.of_network(address)
    assert found is not None
    return found


@given(
    st.floats(0.1, 1000),
    st.integers(1, 200),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3)), max_size=300),
)
def test_no_bucket_ever_gives_more_than_its_burst_and_its_rate(
    rate: float, burst: int, asked: list[tuple[float, int]]
) -> None:
    bucket, now, given_away = Bucket(rate, burst), 1000.0, 0
    for pause_s, amount in asked:
        now += pause_s
        wait_s = bucket.take(now, amount)
        if not wait_s:
            given_away += amount
        elif amount <= burst:
            assert bucket.take(now + wait_s + 1e-6, amount) == 0.0, "when it says so, there is enough"
            now += wait_s + 1e-6
            given_away += amount
        assert given_away <= burst + rate * (now - 1000.0) + 1e-3


def test_a_full_burst_is_given_at_once_and_then_the_rate() -> None:
    bucket = Bucket(2, 10)
    assert [bucket.take(100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.5) == 0.0
    assert bucket.take(200.0) == 0.0
    assert not bucket.is_full(200.0)
    assert bucket.is_full(201.0)


def test_each_user_and_each_network_has_a_share_of_its_own() -> None:
    made = shares(user_commands_per_s=1, network_commands_per_s=2)
    with pytest.raises(TooMany) as caught:
        for _ in range(100):
            made.of_user("ann").take("commands")
    assert caught.value.facts["what"] == "commands"
    assert 0 < caught.value.facts["retry_after_ms"] <= 1000
    made.of_user("bob").take("commands")
    with pytest.raises(TooMany):
        for _ in range(100):
            network(made).take("commands")
    network(made, CAFE).take("commands")
    assert made.of_user("ann") is made.of_user("ann")
    assert network(made) is network(made)


def test_zero_means_no_limit() -> None:
    made = shares(user_commands_per_s=0)
    for _ in range(10_000):
        made.of_user("ann").take("commands")


def test_networks_on_the_operators_list_and_unknown_ones_have_no_share() -> None:
    made = shares(unlimited=("10.0.0.0/8", "2001:db8::/32"))
    assert made.of_network("10.9.8.7") is None
    assert made.of_network("2001:db8:1:2::") is None
    assert made.of_network("") is None
    assert made.is_unlimited("10.9.8.7")
    assert not made.is_unlimited(HOME)
    assert not made.is_unlimited("")


def test_operators_see_who_pushes_by_part_of_the_address_only() -> None:
    made = shares()
    for address, times in ((HOME, 3), ("203.0.113.10", 2), ("2001:db8:1:2::", 1)):
        for _ in range(times):
            made.note_refusal(address)
    network(made, CAFE)
    assert made.pushing() == {"203.0.113.0/24": 5, "2001:db8:1::/48": 1}
    for number in range(20):
        made.note_refusal(f"192.0.{number}.1")
    assert len(made.pushing()) == 5, "the worst alone"


def test_a_hold_counts_until_it_ends_or_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    share, now = network(shares()), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    first, second = uuid4(), uuid4()
    share.hold("tonight", first, [0, 1, 2], 1, 300)
    share.hold("tonight", second, [5, 6], 0, 10)
    share.hold("tomorrow", uuid4(), range(9), 0, 300)
    assert share.seats_held("tonight", ()) == 6
    assert share.seats_held("tonight", (first, None)) == 2
    now[0] += 10
    assert share.seats_held("tonight", ()) == 4
    share.end("tonight", first)
    assert share.seats_held("tonight", ()) == 0


def test_seats_count_while_they_are_asked_for_and_once_for_each_hold() -> None:
    share, hold_id = network(shares()), uuid4()
    with share.asking("tonight", hold_id, 4), share.asking("tonight", hold_id, 4), share.asking("tonight", uuid4(), 1):
        assert share.seats_held("tonight", ()) == 5
        assert share.seats_held("tomorrow", ()) == 0
        share.hold("tonight", hold_id, range(6), 0, 300)
        assert share.seats_held("tonight", ()) == 7, "asking for less takes nothing from a hold"
    assert share.seats_held("tonight", ()) == 6


def test_seats_that_are_given_back_twice_are_free_once() -> None:
    share, hold_id = network(shares()), uuid4()
    share.hold("tonight", hold_id, range(6), 0, 300)
    for _ in range(6):
        share.give_back("tonight", hold_id, [0])
    assert share.seats_held("tonight", ()) == 5
    share.give_back("tonight", uuid4(), [1])
    assert share.seats_held("tonight", ()) == 5


def test_shares_that_are_idle_are_forgotten_and_others_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SHARES", 100)
    made = shares()
    busy = network(made)
    busy.hold("tonight", uuid4(), [1, 2], 0, 1000)
    connected = network(made, CAFE)
    connected.sockets = 1
    made.of_network("192.0.2.1")
    for number in range(2000):
        made.of_network(f"10.0.{number // 250}.{number % 250}")
    assert network(made) is busy
    assert network(made, CAFE) is connected
    assert len(made) <= 101


def test_a_newcomer_looks_at_few_shares_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SHARES", 100)
    made, looked = shares(), 0
    for number in range(2000):
        network(made, f"10.0.{number // 250}.{number % 250}").sockets = 1

    def is_idle(self: Share, now: float) -> bool:
        nonlocal looked
        looked += 1
        return not self.sockets

    monkeypatch.setattr(Share, "is_idle", is_idle)
    for number in range(200):
        looked = 0
        made.of_network(f"192.0.2.{number}").sockets = 1  # type: ignore[union-attr]  # it is no unlimited one
        assert looked <= module.LOOKED_AT
    for number in range(2000):
        network(made, f"10.0.{number // 250}.{number % 250}").sockets = 0
    for number in range(3000):
        looked = 0
        made.of_network(f"10.1.{number // 250}.{number % 250}")
        assert looked <= module.LOOKED_AT
    assert len(made) <= 301, "those that are in use, and what may be idle"


def test_passwords_are_counted_by_network_and_e_mail_together_however_unlimited_the_network() -> None:
    shares = Shares(config.load({}, unlimited=("192.0.2.7",)))
    eve, anna = ("198.51.100.9", "anna@rex.example"), ("192.0.2.7", "anna@rex.example")
    for network_and_email in (eve, anna):
        for _ in range(5):
            shares.take_password(*network_and_email)
        with pytest.raises(TooMany):
            shares.take_password(*network_and_email)
    shares.take_password("198.51.100.9", "ben@rex.example")
    shares.forget_sign_in(*anna)
    shares.take_password(*anna)
    with pytest.raises(TooMany):
        shares.take_password(*eve)


def _refused(shares: Shares, emails: list[str]) -> int:
    refused = 0
    for email in emails:
        try:
            shares.take_password(HOME, email)
        except TooMany:
            refused += 1
    return refused


def test_e_mails_that_a_network_makes_up_leave_no_shares_once_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    made = shares(network_passwords_per_min=30)
    assert _refused(made, [f"n{number}@rex.example" for number in range(200)]) == 170
    assert len(made) == 30 + 1


def test_the_networks_of_one_ipv6_site_try_passwords_as_a_few_networks_do_however_many_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    made = shares(network_passwords_per_min=30)
    networks = [f"2001:db8:7:{number:x}::" for number in range(1000)]

    def tried(email: str) -> int:
        """How many of the site's networks get a password tried."""
        good = 0
        for at, network in enumerate(networks):
            with suppress(TooMany):
                made.take_password(network, email.format(at))
                good += 1
        return good

    assert tried("n{}@rex.example") == 30
    now += 60
    assert tried("anna@rex.example") == module.SITE_NETWORKS * module.PASSWORDS_AT_ONCE, "one e-mail from everywhere"
    made.take_password("2001:db8:8::", "anna@rex.example")  # the site next to it
    made.take_password("198.51.100.9", "anna@rex.example")
    now += 10
    made.forget_sign_in(networks[0], "anna@rex.example")
    made.take_password(networks[0], "anna@rex.example")
    assert not made.pushing(), "who is refused is counted by the network"


def test_whoever_repeats_one_e_mail_takes_nothing_more_from_their_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    made = shares(network_passwords_per_min=30)
    assert _refused(made, ["anna@rex.example"] * 200) == 195
    assert _refused(made, [f"n{number}@rex.example" for number in range(25)]) == 0
