"""How soon a room may deliver again: the law of its debts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.live.broadcast.pace import ALL_SHARE, BURST_S, ROOM_SHARE, Pace, Pacing

LEAST_S, MOST_S = 0.010, 0.050


class Hour:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def go(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


def paced() -> tuple[Hour, Pacing]:
    hour = Hour()
    return hour, Pacing(config.load({}, redis_url="redis://127.0.0.1:1", tick_ms=10, tick_most_ms=50), clock=hour)


def test_what_costs_little_waits_for_nothing() -> None:
    hour, pacing = paced()
    pace = Pace(pacing)
    for _ in range(1000):
        assert pace.spend(400_000) == 0.0, "0.4 ms of every 10 are less than a twentieth"
        hour.go(0.010)


def test_a_few_expensive_deliveries_are_at_once_and_then_there_are_ticks_within_bounds() -> None:
    hour, pacing = paced()
    pace = Pace(pacing)
    assert [pace.spend(1_000_000) for _ in range(5)] == [0.0, 0.0, LEAST_S, pytest.approx(0.030), MOST_S]
    hour.go(60)
    assert pace.spend(1_000_000) == 0.0, "all is paid"
    assert pace.spend(3_600_000_000_000) == MOST_S
    hour.go(MOST_S)
    assert pace.spend(0) == 0.0, "a room owes no more than what the longest tick pays"


def test_a_room_that_settles_counts_no_more() -> None:
    hour, pacing = paced()
    pace = Pace(pacing)
    pace.spend(1_000_000)
    pace.spend(1_000_000)
    assert pacing.in_debt == 1
    assert pace.settle() == pytest.approx(0.040)
    hour.go(0.041)
    assert (pace.settle(), pacing.in_debt) == (0.0, 0)
    pace.forgive()
    assert pacing.in_debt == 0


@given(costs=st.lists(st.integers(1, 2_500_000), min_size=1, max_size=60), pauses_ms=st.lists(st.integers(0, 40)))
def test_a_room_that_waits_as_told_takes_no_more_than_its_share(costs: list[int], pauses_ms: list[int]) -> None:
    hour, pacing = paced()
    pace, began_ns = Pace(pacing), hour.now_ns
    for at, cost in enumerate(costs):
        told_s = pace.spend(cost)
        passed_s = (hour.now_ns - began_ns) / 1e9
        assert sum(costs[:at]) / 1e9 <= ROOM_SHARE * (passed_s + BURST_S) + 1e-6, "this one was let go too early"
        hour.go(told_s + (pauses_ms[at % len(pauses_ms)] / 1000 if pauses_ms else 0))


@given(rooms=st.integers(5, 60), cost=st.integers(1_000, 100_000))
def test_many_rooms_together_take_no_more_than_theirs(rooms: int, cost: int) -> None:
    hour, pacing = paced()
    paces = [Pace(pacing) for _ in range(rooms)]
    for pace in paces:
        pace.spend(1)  # so that all of them count from the beginning
    due = dict.fromkeys(paces, hour.now_ns)
    began_ns, spent_ns = hour.now_ns, 0
    for _ in range(2_000):
        pace = min(due, key=lambda one: due[one])
        hour.now_ns = max(hour.now_ns, due[pace])
        spent_ns += cost
        due[pace] = hour.now_ns + round(pace.spend(cost) * 1e9)
    passed_s = (hour.now_ns - began_ns) / 1e9
    debts_s = rooms * (BURST_S + cost / 1e9 * pacing.debt_per_cost)
    assert spent_ns / 1e9 * pacing.debt_per_cost <= rooms * passed_s + debts_s
    assert rooms / pacing.debt_per_cost <= ALL_SHARE + 1e-9
