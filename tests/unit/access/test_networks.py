"""Where somebody comes from, and under what name that is remembered."""

from __future__ import annotations

from typing import Any

import pytest

from seatserver import config
from seatserver.access.networks import NetworkNames, network_of

SECRET = "a secret that is long enough for HS256, and more"


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("203.0.113.7", 4711), "203.0.113.7"),
        (["203.0.113.7", 4711], "203.0.113.7"),
        (("2001:db8:1:2:3:4:5:6", 4711), "2001:db8:1:2::"),
        (("2001:db8:1:2:ffff::1", 0), "2001:db8:1:2::"),
        (("2001:db8:1:3::1", 0), "2001:db8:1:3::"),
        (("::ffff:203.0.113.7", 4711), "203.0.113.7"),
        (("fe80::1%eth0", 4711), "fe80::"),
        (("::1", 4711), "::"),
        (None, ""),
        (("", 0), ""),
        (("testclient", 50000), ""),
        (("unix:", 0), ""),
    ],
)
def test_an_ipv4_address_is_one_network_and_an_ipv6_household_another(client: Any, network: str) -> None:
    assert network_of({"type": "websocket", "client": client}) == network


def test_a_scope_without_a_client_has_no_network() -> None:
    assert network_of({"type": "websocket"}) == ""


def test_instances_with_the_same_secret_give_the_same_name_and_nobody_else_can() -> None:
    one, other = (NetworkNames(config.load({}, token_secret=SECRET)) for _ in range(2))
    name = one.write("tonight", "203.0.113.7")
    assert name == other.write("tonight", "203.0.113.7")
    stranger = NetworkNames(config.load({}, token_secret=SECRET[::-1]))
    names = {
        name,
        one.write("tomorrow", "203.0.113.7"),
        one.write("tonight", "203.0.113.8"),
        stranger.write("tonight", "203.0.113.7"),
    }
    assert len(names) == 4
    assert all(len(one) == 12 and one.isascii() and not set(one) & set("|,.:") for one in names)


def test_without_an_address_or_a_secret_there_is_no_name() -> None:
    assert NetworkNames(config.load({}, token_secret=SECRET)).write("tonight", "") == ""
    assert NetworkNames(config.load({})).write("tonight", "203.0.113.7") == ""
