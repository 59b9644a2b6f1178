"""Promises of what is near: rows directly behind one another, runs across an aisle, and nothing beyond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.model import Seat, SeatMap
from seatserver.seatmaps.search.neighbours import REACH, ROW_REACH, Span, are_chained, neighbours_of
from tests.unit.seatmaps.rooms import hall, parts, picture, rooms, selections


def spans(seat_map: SeatMap, seats: tuple[int, ...]) -> list[Span]:
    spot_of = hall_line_of(seat_map).spot_of
    return [(spot_of[part[0]], spot_of[part[-1]] + 1) for part in parts(seat_map, seats)]


def near(*rows: str) -> bool:
    """Whether the two chosen parts of a `picture` are near each other."""
    seat_map, _, seats = picture(*rows)
    one, other = spans(seat_map, seats)
    around = neighbours_of(seat_map)
    assert around.are_near(one, other) == around.are_near(other, one)
    return around.are_near(one, other)


@pytest.mark.parametrize(
    ("rows", "is_near"),
    [
        (["oo..", "oo.."], True),
        (["oo..", "..oo"], True),
        (["oo....", "....oo"], True),
        (["oo......", "......oo"], False),
        (["oo", "..", "oo"], False),
        (["oo  ", "    ", "oo  "], True),
        (["oo.oo"], True),
        (["oo...oo"], True),
        (["oo....oo"], False),
        (["oo oo"], True),
        (["oo   oo"], True),
        (["oo    oo"], False),
        (["oo . oo"], False),
        (["oo ..", ".. oo"], False),
    ],
)
def test_parts_are_near_one_behind_the_other_or_across_an_aisle(rows: list[str], is_near: bool) -> None:
    assert near(*rows) == is_near


def rows_apart(depth: float) -> bool:
    seats = [Seat(row=row, number="1", x=0.0, y=y, category="standard") for row, y in (("A", 0.0), ("B", depth))]
    seat_map = hall(seats)
    return neighbours_of(seat_map).are_near(*spans(seat_map, (0, 1)))


def test_a_cross_aisle_separates_nobody_but_a_row_between_does() -> None:
    assert rows_apart(ROW_REACH)
    assert not rows_apart(ROW_REACH + 0.1)


def test_seats_behind_one_another_along_a_wall_are_one_run() -> None:
    seats = [Seat(row="A", number=str(y), x=0.0, y=float(y), category="standard") for y in range(12)]
    seat_map = hall(seats)
    around, first = neighbours_of(seat_map), hall_line_of(seat_map).spot_of[0]
    assert around.are_near((first, first + 2), (first + 1 + int(REACH), first + 3 + int(REACH)))
    assert not around.are_near((first, first + 2), (first + 9, first + 11))


def test_staggered_rows_and_curved_rows_are_behind_one_another() -> None:
    halls = grand_hall()
    around, spot_of = neighbours_of(halls), hall_line_of(halls).spot_of
    for one, other in (("B-5", "C-5"), ("E-10", "F-12"), ("M-12", "N-9"), ("B-4", "B-5"), ("F-19", "F-20")):
        a, b = (spot_of[halls.index_by_label[label]] for label in (one, other))
        assert around.are_near((a, a + 1), (b, b + 1)), (one, other)
    a, b = (spot_of[halls.index_by_label[label]] for label in ("B-8", "D-8"))
    assert not around.are_near((a, a + 1), (b, b + 1))


@given(rooms(), st.data())
def test_the_intervals_around_a_part_hold_exactly_what_is_near_it(
    hall: tuple[SeatMap, bytes], data: st.DataObject
) -> None:
    seat_map, states = hall
    found = spans(seat_map, data.draw(selections(seat_map, states).filter(bool)))
    around = neighbours_of(seat_map)
    for one in found:
        assert around.are_near(one, one)
        for other in found:
            touched = any(other[0] < high and other[1] > low for low, high, _ in around.around(one))
            assert touched == around.are_near(one, other) == around.are_near(other, one)


@pytest.mark.parametrize(
    ("rows", "chained"),
    [
        (["oo..", "oo..", "oo.."], True),
        (["oo..", "....", "oo.."], False),
        (["o..o..o"], True),
        (["o.......o", "....o...."], True),
        (["o........."], True),
    ],
)
def test_a_chain_goes_from_part_to_part(rows: list[str], chained: bool) -> None:
    seat_map, _, seats = picture(*rows)
    assert are_chained(spans(seat_map, seats), neighbours_of(seat_map)) == chained


def test_parts_that_belong_together_anyway_are_a_link_of_the_chain() -> None:
    seat_map, _, seats = picture("oo......oo", ".........o")
    one, other, behind = spans(seat_map, seats)
    around = neighbours_of(seat_map)
    assert not are_chained([one, other, behind], around)
    assert are_chained([one, other, behind], around, also=[one, other])


@given(rooms(), st.floats(-2, 12), st.floats(-2, 5))
def test_all_seats_around_a_point_are_found(hall: tuple[SeatMap, bytes], x: float, y: float) -> None:
    seat_map, _ = hall
    around = neighbours_of(seat_map)
    about = set(around.about(x, y))
    for seat, place in enumerate(seat_map.seats):
        if (place.x - x) ** 2 + (place.y - y) ** 2 < 16:
            assert hall_line_of(seat_map).spot_of[seat] in about
