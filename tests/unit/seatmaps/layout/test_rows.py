"""Promises of rows on the floor: neighbours come from where seats stand, never from what they are called."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.layout.rows import MOST_IN_A_CELL, _pairs, find_rows, rows_of
from seatserver.seatmaps.model import Seat, SeatMap
from seatserver.seatmaps.rules.accessibility import kinds_of
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import Rules
from seatserver.seatmaps.search.best import best_offers, nearest_equal
from seatserver.seatmaps.search.score import Wish
from tests.unit.seatmaps.rooms import hall, rooms, rules, selections

SOLD = 3


def two_zones(*, left: Sequence[str] = ("A", "B"), right: Sequence[str] = ("A1", "B1")) -> SeatMap:
    """Two blocks of two rows of four with an aisle of two seats between them, as a pretix plan draws them."""
    zones = [
        {
            "name": name,
            "position": {"x": x, "y": 0},
            "rows": [
                {
                    "row_number": row,
                    "position": {"x": 0, "y": 25 * depth},
                    "seats": [
                        {"seat_number": str(n), "category": "S", "position": {"x": 25 * n, "y": 0}} for n in range(1, 5)
                    ],
                }
                for depth, row in enumerate(rows)
            ],
        }
        for name, x, rows in (("Left", 0, left), ("Right", 125, right))
    ]
    plan = {"name": "Two zones", "categories": [{"name": "S"}], "zones": zones}
    return read_seat_map(json.dumps(plan).encode()).seat_map


@pytest.mark.parametrize(
    ("left", "right"),
    [(("A", "B"), ("A1", "B1")), (("A", "B"), ("B", "A")), (("1", "2"), ("3", "4")), (("A", "B"), ("A", "B"))],
)
def test_a_party_sits_across_the_aisle_whatever_the_two_sides_rows_are_called(
    left: tuple[str, str], right: tuple[str, str]
) -> None:
    seat_map = two_zones(left=left, right=right)
    states = bytes(SOLD if seat.y else 0 for seat in seat_map.seats)
    [offer] = best_offers(seat_map, states, Wish(count=5))
    assert sorted(map(len, offer.parts)) == [2, 3]
    assert {seat_map.seats[seat].y for seat in offer.seats} == {0}
    assert sorted(seat_map.seats[seat].x for seat in offer.seats) in ([2, 3, 5, 6, 7], [1, 2, 3, 5, 6])


def renamed(seat_map: SeatMap, seed: int) -> SeatMap:
    """The same floor with labels at random: rows share names, and seats of one row have several."""
    chance = random.Random(seed)
    numbers = chance.sample(range(10_000), len(seat_map.seats))
    seats = [
        msgspec.structs.replace(seat, row=chance.choice("ABCDE"), number=str(number))
        for seat, number in zip(seat_map.seats, numbers, strict=True)
    ]
    parts = {field: getattr(seat_map, field) for field in ("name", "categories", "screen", "groups")}
    return SeatMap.build(**parts, seats=seats)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rooms(), rules(), st.integers(0, 1000), st.data())
def test_names_never_change_what_is_offered_or_refused(
    room: tuple[SeatMap, bytes], house: Rules, seed: int, data: st.DataObject
) -> None:
    seat_map, states = room
    other = renamed(seat_map, seed)
    assert rows_of(other) == rows_of(seat_map)
    assert kinds_of(other) == kinds_of(seat_map)
    chosen = data.draw(selections(seat_map, states))
    wheelchairs = data.draw(st.integers(0, 1))
    wish = Wish(count=data.draw(st.integers(1, 6)), wheelchairs=wheelchairs)
    given = (states, chosen, house)
    assert judge(other, *given, wheelchairs=wheelchairs) == judge(seat_map, *given, wheelchairs=wheelchairs)
    assert nearest_equal(other, *given, wheelchairs=wheelchairs) == nearest_equal(
        seat_map, *given, wheelchairs=wheelchairs
    )
    assert best_offers(other, states, wish, house, limit=3) == best_offers(seat_map, states, wish, house, limit=3)


def test_names_never_change_the_best_seats_of_a_large_hall() -> None:
    seat_map = grand_hall()
    other = msgspec.structs.replace(renamed(seat_map, 7), general_areas=seat_map.general_areas)
    chance = random.Random(8)
    states = bytes(chance.choice((0, 0, SOLD)) for _ in range(seat_map.place_count))
    for count in (2, 5, 9):
        wish = Wish(count=count)
        assert best_offers(other, states, wish, limit=4) == best_offers(seat_map, states, wish, limit=4)


def arc(radius: float, count: int, *, without: Sequence[int] = ()) -> list[tuple[float, float]]:
    """Seats one pitch apart on an arc around a point far before them, but for some."""
    angles = [(number - (count - 1) / 2) / radius for number in range(count) if number not in without]
    return [(radius * math.sin(angle), radius * math.cos(angle)) for angle in angles]


@pytest.mark.parametrize("depth", [1.0, 1.2, 1.6])
def test_curved_rows_are_rows_with_their_aisles(depth: float) -> None:
    points = [point for row in range(6) for point in arc(14 + row * depth, 20, without=(6, 7))]
    rows = find_rows(points)
    assert rows.runs == tuple(
        tuple(range(18 * row + first, 18 * row + end)) for row in range(6) for first, end in ((0, 6), (6, 18))
    )
    assert rows.row_of_run == tuple(row for row in range(6) for _ in range(2))


@pytest.mark.parametrize("degrees", [-45, -30, -15, 0, 15, 30, 45])
def test_a_turned_wing_has_its_own_rows(degrees: int) -> None:
    turn = math.radians(degrees)
    points = [
        (x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn))
        for y in (0.0, 1.3, 2.6)
        for x in range(5)
    ]
    assert sorted(find_rows(points).runs) == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9), (10, 11, 12, 13, 14)]


@pytest.mark.parametrize("shift", [0.0, 0.5, -0.5, 0.3])
def test_rows_one_behind_the_other_never_become_one(shift: float) -> None:
    points = [(x + shift * (y % 2), float(y)) for y in range(4) for x in range(4 + y % 2)]
    rows = find_rows(points)
    assert len(rows.runs) == 4
    assert len(set(rows.row_of_run)) == 4


def test_diagonal_seats_are_not_neighbours() -> None:
    assert len(find_rows([(n, n) for n in range(6)]).runs) == 6


def test_rows_of_one_name_in_two_places_are_two_rows() -> None:
    seats = [
        Seat(row="A", number=f"{x}-{y}", x=float(x), y=float(y), category="standard") for y in (0, 9) for x in range(3)
    ]
    floor = rows_of(hall(seats))
    assert floor.runs == ((0, 1, 2), (3, 4, 5))
    assert floor.row_of_run == (0, 1)


@pytest.mark.parametrize("spread", [1e-4, 0.5, 1.0, 100.0])
def test_many_seats_at_one_point_are_not_compared_in_pairs(spread: float) -> None:
    chance = random.Random(3)
    crowd = [(spread * chance.random(), spread * chance.random()) for _ in range(5000)]
    assert sum(1 for _ in _pairs(crowd)) <= 5000 * 6 * MOST_IN_A_CELL
    assert sorted(seat for run in find_rows(crowd).runs for seat in run) == list(range(5000))
