"""The reports of many processes as one, and the demand of a hall as digits; without a server."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatserver.api.resources.operations.figures import hottest, house_now, lag, levels
from seatserver.api.resources.operations.schemas import HouseNow, Lag, WantedPlaces
from seatserver.api.shared.story import HALL
from seatserver.operations.instance_reports import SILENT_MS, ReceivedReport, Report, RoomReport, added, mark_of

BOUNDS = (0.001, 0.01, 0.1, math.inf)


def report(name: str, *rooms: RoomReport, **fields: Any) -> Report:
    return Report(
        id=name,
        name=name,
        release="1",
        started_ms=0,
        viewers=sum(room.viewers for room in rooms),
        rooms=b"".join(mark_of(room.showtime_id) for room in rooms),
        showtimes=rooms,
        **fields,
    )


def room(showtime_id: str, *, viewers: int = 1, holds: int = 0, version: int = 1, behind: bool = False) -> RoomReport:
    states = (10 - version, version, 0, 0, 0, 0)
    return RoomReport(showtime_id, "A film", "Rex", "One", 1, viewers, holds, 0, version, behind, states)


def merged(*reports: Report, rooms: int = 10) -> HouseNow:
    return house_now([ReceivedReport(one, 0) for one in reports], at_ms=0, whole=True, rooms=rooms)


def test_a_room_in_two_processes_counts_once_with_the_newer_state() -> None:
    found = merged(report("a", room("x", viewers=2, holds=3)), report("b", room("x", version=4), room("y")))
    assert (found.viewers, found.rooms) == (4, 2)
    assert [one.showtime_id for one in found.showtimes] == ["x", "y"]
    assert (found.showtimes[0].viewers, found.showtimes[0].holds, found.showtimes[0].places.held) == (3, 3, 4)


def test_the_state_of_a_room_that_is_catching_up_is_used_last() -> None:
    found = merged(report("a", room("x", version=9, behind=True)), report("b", room("x", version=2)))
    assert found.showtimes[0].catching_up
    assert found.showtimes[0].places.held == 2


def test_only_the_busiest_rooms_are_listed_but_all_are_counted() -> None:
    found = merged(report("a", *(room(str(number), holds=number) for number in range(9))), rooms=2)
    assert [one.showtime_id for one in found.showtimes] == ["8", "7"]
    assert found.rooms == 9


def test_a_silent_process_is_listed_but_not_counted() -> None:
    heard = [
        ReceivedReport(report("a", room("x")), 0),
        ReceivedReport(report("b", room("y"), refusals={"held": 3}), SILENT_MS + 1),
    ]
    found = house_now(heard, at_ms=0, whole=True, rooms=10)
    assert (found.viewers, found.rooms, found.refusals) == (1, 1, {})
    assert [(one.name, one.silent) for one in found.instances] == [("a", False), ("b", True)]


def test_reasons_are_added_up_most_frequent_first() -> None:
    found = merged(report("a", refusals={"sold": 1, "held": 2}), report("b", refusals={"sold": 5}))
    assert list(found.refusals.items()) == [("sold", 6), ("held", 2)]


def test_a_lag_is_given_by_the_bounds_of_its_histogram() -> None:
    here, there = [(0.001, 50), (0.01, 0)], [(0.01, 45), (0.1, 4), (math.inf, 1)]
    assert lag([here, there]) == Lag(count=100, half_ms=1, most_ms=10)
    assert lag([[(0.001, 0), (math.inf, 0)]]) == Lag(count=0, half_ms=None, most_ms=None)
    assert lag([[(0.1, 0), (math.inf, 7)]]) == Lag(count=7, half_ms=100, most_ms=100), "the longest that is told apart"


@given(st.lists(st.tuples(*(st.integers(0, 50) for _ in BOUNDS)), max_size=4))
def test_the_lag_of_many_processes_equals_that_of_one_with_all_their_times(processes: list[tuple[int, ...]]) -> None:
    apart = [list(zip(BOUNDS, counts, strict=True)) for counts in processes]
    whole = [(bound, sum(counts[at] for counts in processes)) for at, bound in enumerate(BOUNDS)]
    assert lag(apart) == lag([whole])


def test_levels_grow_with_demand_and_one_click_is_not_the_maximum() -> None:
    demand = {0: (1.0, 1, 0), 1: (6.0, 3, 3), 2: (500.0, 100, 400)}
    found = levels(demand, 4)
    assert found[3] == "0"
    assert found[0] < found[1] < found[2] == "9"
    assert 0 < int(levels({0: (1.0, 1, 0)}, 4)[0]) < 5
    assert levels({}, 4) == "0000"


def test_the_hottest_seats_have_the_labels_on_the_ticket() -> None:
    demand = added([{0: (1.0, 1, 0), 3: (5.0, 2, 3)}, {3: (1.0, 0, 1), 99: (9.0, 9, 0)}])
    assert hottest(demand, HALL) == (
        WantedPlaces(label="B-2", held=2, refused=4),
        WantedPlaces(label="A-1", held=1, refused=0),
    )
