"""Promises of the hall's model."""
# ruff: noqa: E501 -- a table of messages reads best with one case a line

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import demo_halls, grand_hall, studio
from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.layout.rows import NEXT_SEAT, rows_of
from seatserver.seatmaps.model import MAX_CATEGORIES, GeneralArea, Seat, SeatMap
from tests.unit.seatmaps.halls import edited, general_areas, grid_halls, with_areas


@given(grid_halls())
def test_encoding_and_decoding_keeps_the_hall_and_its_hash(hall: SeatMap) -> None:
    read = SeatMap.decode(hall.encode())
    assert read == hall
    assert read.content_hash == hall.content_hash
    assert read.encode() == hall.encode()


def test_a_stored_hall_is_read_however_many_categories_it_has_and_a_new_one_refused() -> None:
    # Stored before there was a bound on categories, which spares importers much work.
    standard = studio().categories[0]
    many = [msgspec.structs.replace(standard, key=f"c{number}") for number in range(MAX_CATEGORIES)]
    stored = msgspec.structs.replace(studio(), categories=(*studio().categories, *many)).encode()
    assert len(SeatMap.decode(stored).categories) > MAX_CATEGORIES
    with pytest.raises(BadSeatMap, match=f"at most {MAX_CATEGORIES} are allowed"):
        read_seat_map(stored)


LAWN = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=20, x=6, y=24, width=8, height=3)


def test_halls_without_general_areas_keep_the_hash_under_which_they_were_stored() -> None:
    # Taken before general areas existed. A room's layout is found by this hash: it must never change.
    assert studio().content_hash == "0dfeb61f7c07ea732f7b19784967d685"
    hall = grand_hall()
    without = msgspec.structs.replace(hall, general_areas=(), categories=hall.categories[:-1])
    assert without.content_hash == "3d2050b62d2ffd07319e368c2dc15255"
    assert b"general_areas" not in studio().encode()


@given(grid_halls(), st.data())
def test_a_hall_with_general_areas_keeps_them_in_its_document(hall: SeatMap, data: st.DataObject) -> None:
    areas = data.draw(general_areas([category.key for category in hall.categories]))
    made = with_areas(hall, areas)
    assert SeatMap.decode(made.encode()) == made
    assert (made.content_hash == hall.content_hash) == (not areas)


@given(grid_halls(), st.data())
def test_every_place_is_one_seat_or_in_one_general_area(hall: SeatMap, data: st.DataObject) -> None:
    made = with_areas(hall, data.draw(general_areas([category.key for category in hall.categories])))
    numbered = range(len(made.seats))
    ranges = [made.places_of(area) for area in range(len(made.general_areas))]
    assert [place for places in (numbered, *ranges) for place in places] == list(range(made.place_count))
    assert [len(places) for places in ranges] == [area.capacity for area in made.general_areas]
    for place in numbered:
        assert (made.area_of(place), made.category_of(place)) == (None, made.seats[place].category)
    for area, places in enumerate(ranges):
        assert {made.area_of(place) for place in places} == {area}
        assert {made.category_of(place) for place in places} == {made.general_areas[area].category}
    for nowhere in (-1, made.place_count):
        with pytest.raises(IndexError):
            made.area_of(nowhere)
        with pytest.raises(IndexError):
            made.category_of(nowhere)
    for no_area in (-1, len(ranges)):
        with pytest.raises(IndexError):
            made.places_of(no_area)


def test_a_hall_may_have_general_areas_only() -> None:
    parts = {field: getattr(studio(), field) for field in ("name", "categories", "screen")}
    hall = SeatMap.build(**parts, seats=(), general_areas=[LAWN])
    assert (hall.place_count, rows_of(hall).runs, hall.places_of(0)) == (20, (), range(20))
    assert SeatMap.decode(hall.encode()) == hall


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("general_areas.0.key", " ", "general_areas[0].key: is empty"),
        ("general_areas.0.name", "\x1b", "general_areas[0].name: has characters that cannot be printed"),
        ("general_areas.0.category", "x", "general_areas[0].category: 'x' is not one of the categories"),
        ("general_areas.0.capacity", 0, "general_areas[0].capacity: is out of range; expected 1 to 50000"),
        ("general_areas.0.capacity", 10**30, "general_areas[0].capacity: is out of range; expected 1 to 50000"),
        ("general_areas.0.capacity", 1.5, "general_areas[0].capacity: expected int, got float"),
        ("general_areas.0.capacity", 50_000, "general_areas: with them the map has 50092 places; at most 50000 are allowed"),
        ("general_areas.0.width", -1, "general_areas[0].width: is -1.0; expected more than 0"),
        ("general_areas.0.y", 1e9, "general_areas[0].y: 1000000000.0 is not a usable coordinate"),
        ("general_areas.0.colour", "red", "general_areas[0]: has the unknown field colour"),
    ],
)  # fmt: skip
def test_an_impossible_general_area_is_refused_with_its_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(BadSeatMap) as caught:
        SeatMap.decode(edited(with_areas(studio(), [LAWN]).encode(), path, value))
    assert caught.value.message == message


def test_two_general_areas_of_one_key_are_refused() -> None:
    with pytest.raises(BadSeatMap, match=r"general_areas\[1\]: the key 'lawn' is already that of general_areas\[0\]"):
        with_areas(studio(), [LAWN, LAWN])


def test_the_hash_changes_with_any_detail() -> None:
    hall = studio()
    moved = SeatMap.decode(edited(hall.encode(), "seats.0.x", 0.123))
    renamed = SeatMap.decode(edited(hall.encode(), "name", "Studio 2"))
    assert len({hall.content_hash, moved.content_hash, renamed.content_hash}) == 3


def test_the_hash_does_not_depend_on_whether_coordinates_are_given_as_whole_numbers() -> None:
    parts = {field: getattr(studio(), field) for field in ("name", "categories", "screen")}
    seat = Seat(row="A", number="1", x=3, y=4, category=studio().categories[0].key)
    hall = SeatMap.build(**parts, seats=[seat])
    assert hall.content_hash == SeatMap.decode(hall.encode()).content_hash


def test_the_hash_does_not_depend_on_the_order_in_which_groups_are_given() -> None:
    hall = grand_hall()
    parts = {field: getattr(hall, field) for field in ("name", "categories", "screen", "seats", "general_areas")}
    turned = [tuple(reversed(group)) for group in reversed(hall.groups)]
    assert SeatMap.build(**parts, groups=turned).content_hash == hall.content_hash


@given(grid_halls())
def test_runs_hold_every_seat_once_and_have_no_aisle_inside(hall: SeatMap) -> None:
    assert sorted(index for run in rows_of(hall).runs for index in run) == list(range(len(hall.seats)))
    for run in rows_of(hall).runs:
        for left, right in pairwise(run):
            assert 0 < hall.seats[right].x - hall.seats[left].x <= NEXT_SEAT
            assert hall.seats[left].row == hall.seats[right].row


@given(grid_halls(), st.data())
def test_torn_groups_names_the_seats_whose_group_is_not_complete(hall: SeatMap, data: st.DataObject) -> None:
    asked = data.draw(st.sets(st.integers(0, len(hall.seats) - 1)))
    torn = set(hall.torn_groups(asked))
    for group in hall.groups:
        members = set(group) & asked
        assert torn & set(group) == (members if members != set(group) else set())


def test_two_seats_on_one_spot_are_refused() -> None:
    content = json.loads(studio().encode())
    content["seats"][7] = {**content["seats"][3], "number": "99"}
    with pytest.raises(BadSeatMap, match=r"^seats\[7\]: stands on the very spot of seats\[3\]$"):
        SeatMap.decode(json.dumps(content).encode())


def test_the_order_of_groups_in_a_document_does_not_change_the_hall() -> None:
    hall = grand_hall()
    content = json.loads(hall.encode())
    content["groups"] = [group[::-1] for group in content["groups"]][::-1]
    assert SeatMap.decode(json.dumps(content).encode()).content_hash == hall.content_hash


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", "", "name: is empty"),
        ("seats", [], "seats: the map has no seats"),
        ("seats.3.number", "1", "seats[3]: the label 'A-1' is already that of seats[0]"),
        ("seats.3.category", "x", "seats[3].category: 'x' is not one of the categories"),
        ("seats.3.row", "A\n", "seats[3].row: has characters that cannot be printed"),
        ("seats.3.x", 1e9, "seats[3].x: 1000000000.0 is not a usable coordinate"),
        ("seats.3.kind", "throne", "seats[3].kind: invalid enum value 'throne'"),
        ("seats.3.colour", "red", "seats[3]: has the unknown field colour"),
        ("categories.0.color", "red", "categories[0].color: is 'red'; expected a colour like #0072b2"),
        ("groups", [[1]], "groups[0]: a group has at least two different seats"),
        ("groups", [[1, 99]], "groups[0]: there is no seat 99"),
        ("groups", [[0, 1], [1, 2]], "groups[1]: seat 1 is already in groups[0]"),
        ("groups", [[2, 3], [1, 1, 0]], "groups[1]: names a seat twice"),
        ("screen.width", 0, "screen.width: is 0.0; expected more than 0"),
        ("screen.width", -5, "screen.width: is -5.0; expected more than 0"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused_with_the_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(BadSeatMap) as caught:
        SeatMap.decode(edited(studio().encode(), path, value))
    assert caught.value.message == message


def test_the_demo_halls_are_what_they_promise() -> None:
    first, second, third = demo_halls()
    assert (first.name, len(first.seats), len(first.groups)) == ("Studio 1", 92, 0)
    assert (second.name, len(second.seats), len(second.groups)) == ("Grand Hall", 306, 9)
    assert (third.name, len(third.seats), len(third.groups)) == ("Boathouse", 52, 6)
    assert msgspec.json.decode(second.encode())["name"] == "Grand Hall"
    assert all(len(group) == 2 for group in second.groups)
    assert [(area.name, area.capacity) for area in second.general_areas] == [("Beanbags", 20)]
    assert any(seat.kind == "wheelchair" for seat in first.seats)
