"""Promises about groups, wheelchair places and companion seats."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.accessibility import kinds_of, refused_kinds, usable_seats
from seatserver.seatmaps.rules.model import Rules
from tests.unit.seatmaps.rooms import MINUTES, allowed_by_kind, is_ordinary, room, rooms, rules

RULES = Rules(companions_free_min=60, wheelchairs_free_min=30)


def refused(row: str, *seats: int, wheelchairs: int = 0, minutes_left: float | None = None) -> dict[int, str]:
    """Why the seats with these places in the row are refused; ``W`` and ``c`` as in `room`."""
    return dict(refused_kinds(room(row)[0], seats, RULES, wheelchairs=wheelchairs, minutes_left=minutes_left))


def test_half_a_sofa_is_refused_and_a_whole_one_is_not() -> None:
    assert refused(".<><->", 0, 1) == {1: "group"}
    assert refused(".<><->", 1, 2, 3, 5) == {3: "group", 5: "group"}
    assert refused(".<><->", 0, 1, 2, 3, 4, 5) == {}


def test_a_party_gets_as_many_wheelchair_places_as_it_says() -> None:
    assert refused("W.W", 0, 1) == {0: "wheelchair"}
    assert refused("W.W", 0, 1, wheelchairs=1) == {}
    assert refused("W.W", 2, 1, 0, wheelchairs=1) == {0: "wheelchair"}
    assert refused("W.W", 0, 2, wheelchairs=2) == {}


def test_a_party_with_a_wheelchair_may_sit_elsewhere() -> None:
    assert refused("W..", 1, 2, wheelchairs=1) == {}


def test_a_companion_seat_goes_with_a_wheelchair_place_of_its_stretch() -> None:
    assert refused("Wc..Wc", 1) == {1: "companion"}
    assert refused("Wc..Wc", 0, 1, wheelchairs=1) == {}
    assert refused("Wc..Wc", 4, 1, wheelchairs=1) == {1: "companion"}


def test_up_to_three_companions_go_with_a_wheelchair_place_and_the_farthest_are_too_many() -> None:
    assert refused("Wccccc", 0, 1, 2, 3, wheelchairs=1) == {}
    assert refused("Wccccc", 5, 0, 1, 2, 4, wheelchairs=1) == {5: "companion"}
    assert refused("WcccccW", 0, 1, 2, 3, 4, 5, 6, wheelchairs=2) == {}


def test_a_companion_seat_away_from_wheelchair_places_belongs_to_the_nearest_of_its_row() -> None:
    seat_map, _ = room("W..c...W", "..c..", "WW.c")
    assert kinds_of(seat_map).companions == {3: (0,), 16: (13, 14)}
    assert refused("W..c...W", 3, 7, wheelchairs=1) == {3: "companion"}
    assert refused("W..c...W", 3, 0, wheelchairs=1) == {}


def test_a_companion_seat_in_a_row_without_wheelchair_places_is_ordinary() -> None:
    assert refused("..c..", 2) == {}


def test_places_are_released_some_minutes_before_the_show() -> None:
    assert refused("Wc", 1, minutes_left=61) == {1: "companion"}
    assert refused("Wc", 1, minutes_left=60) == {}
    assert refused("Wc", 0, minutes_left=31) == {0: "wheelchair"}
    assert refused("Wc", 0, minutes_left=-5) == {}
    never = Rules(companions_free_min=None, wheelchairs_free_min=None)
    assert refused_kinds(room("Wc")[0], (0, 1), never, minutes_left=0) == {0: "wheelchair"}
    assert refused_kinds(room("Wc")[0], (1,), never, minutes_left=0) == {1: "companion"}


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_exactly_the_seats_that_break_a_rule_are_refused(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, _ = hall
    seats = data.draw(st.lists(st.integers(0, len(seat_map.seats) - 1), unique=True))
    found = refused_kinds(seat_map, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert (not found) == allowed_by_kind(seat_map, seats, rules, wheelchairs, minutes_left)
    assert set(found) <= set(seats)
    # Without them the rest may still lack a wheelchair place that its companions needed; in the end all is right.
    rest = seats
    while found:
        rest = [seat for seat in rest if seat not in found]
        found = refused_kinds(seat_map, rest, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert allowed_by_kind(seat_map, rest, rules, wheelchairs, minutes_left)


@given(rooms(), rules(), MINUTES)
def test_a_seat_is_usable_for_those_who_may_take_it(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None
) -> None:
    seat_map, _ = hall
    for_all = usable_seats(seat_map, rules, minutes_left=minutes_left)
    assert list(for_all) == [is_ordinary(seat_map, seat, minutes_left) for seat in range(len(seat_map.seats))]
    with_wheelchair = usable_seats(seat_map, rules, wheelchairs=1, minutes_left=minutes_left)
    assert set(with_wheelchair) == {1}
    for seat, usable in enumerate(for_all):
        alone = refused_kinds(seat_map, [seat], rules, minutes_left=minutes_left)
        assert usable == ("group" in alone.values() or not alone)
        assert usable or seat_map.seats[seat].kind in (SeatKind.WHEELCHAIR, SeatKind.COMPANION)
