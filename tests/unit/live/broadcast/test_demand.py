"""What is asked for is remembered for a while, and counts for less as time passes."""

from __future__ import annotations

import pickle

from seatserver.live.broadcast.demand import FADE, MINUTE, PERIODS, Demand


def test_holds_and_refusals_are_counted_by_place() -> None:
    demand = Demand()
    demand.hold((1, 2))
    demand.refuse({2: "held", 3: "sold"})
    assert demand.by_place() == {1: (1, 1, 0), 2: (2, 1, 1), 3: (1, 0, 1)}
    assert demand.last_minute() == (1, 2)


def test_older_demand_counts_less_and_is_forgotten_in_the_end() -> None:
    demand = Demand()
    demand.hold((1,))
    demand.begin_period()
    demand.hold((1,))
    assert demand.by_place() == {1: (1 + FADE, 2, 0)}
    for _ in range(PERIODS):
        demand.begin_period()
    assert demand.by_place() == {}


def test_the_last_minute_is_four_periods_long() -> None:
    demand = Demand()
    demand.hold((1,))
    for _ in range(MINUTE - 1):
        demand.begin_period()
    assert demand.last_minute() == (1, 0)
    demand.begin_period()
    assert demand.last_minute() == (0, 0)


def test_a_room_without_demand_keeps_no_counts() -> None:
    demand = Demand()
    demand.hold((1,))
    for _ in range(3 * PERIODS):
        demand.begin_period()
    assert pickle.dumps(demand) == pickle.dumps(Demand()), "it is as small as a new one"
