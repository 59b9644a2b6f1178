"""Promises of the pretix importer."""
# ruff: noqa: E501 -- a table of messages reads best with one case a line

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.pretix import read_pretix
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatMap
from tests.unit.seatmaps.halls import PRETIX, edited, grid_halls, pretix_document


def test_positions_are_relative_to_zone_and_row_and_scaled_to_a_seats_pitch() -> None:
    seat_map = read_pretix(PRETIX).seat_map
    assert seat_map.name == "Garden Cinema"
    assert [seat.x for seat in seat_map.seats] == [0, 1, 2, 3] * 3
    assert [seat.y for seat in seat_map.seats] == [0.0] * 4 + [1.2] * 4 + [4.0] * 4
    assert seat_map.screen.x == 1.5
    assert seat_map.screen.y < 0


def test_categories_keep_their_colours() -> None:
    seat_map = read_pretix(PRETIX).seat_map
    assert [(c.key, c.color) for c in seat_map.categories] == [("Cheap", "#ff00ee"), ("Dear", "#00aa55")]


def test_an_invalid_colour_is_replaced() -> None:
    category = read_pretix(edited(PRETIX, "categories.0.color", "url(evil)")).seat_map.categories[0]
    assert category.color == "#0072b2"


def test_rows_of_one_name_in_two_zones_are_told_apart_by_the_zone() -> None:
    seat_map = read_pretix(PRETIX).seat_map
    assert list(dict.fromkeys(seat.row for seat in seat_map.seats)) == ["Lawn 1", "2", "Terrace 1"]


def test_a_long_zone_name_is_shortened_to_its_initials() -> None:
    seat_map = read_pretix(edited(PRETIX, "zones.1.name", "Upper Terrace Left Hand Side")).seat_map
    assert seat_map.seats[-1].row == "UTLHS 1"


def test_zones_that_cannot_be_told_apart_are_an_error_that_names_both_places() -> None:
    with pytest.raises(BadSeatMap) as caught:
        read_pretix(edited(PRETIX, "zones.1.name", "Lawn"))
    assert caught.value.message == (
        "zones[1].rows[0].seats[0]: the label '1-1' is already that of zones[0].rows[0].seats[0]"
    )


def test_a_hall_with_its_screen_at_the_bottom_is_turned() -> None:
    imported = read_pretix(edited(PRETIX, "zones.0.areas.0.position.y", 400))
    assert "turned" in imported.notes[0]
    first, last = imported.seat_map.seats[0], imported.seat_map.seats[-1]
    assert (first.row, first.number, first.x, first.y) == ("Terrace 1", "4", 0, 0)
    assert (last.row, last.number, last.x, last.y) == ("Lawn 1", "1", 3, 4)


def test_a_row_without_a_number_takes_its_label() -> None:
    document = json.loads(PRETIX)
    row = document["zones"][0]["rows"][1]
    row.update(row_number=None, row_label="Bench")
    assert "Bench-1" in read_pretix(json.dumps(document).encode()).seat_map.index_by_label


@given(grid_halls(), st.sampled_from((1.0, 8.5, 24.0, 300.0)))
def test_a_hall_drawn_in_pixels_reads_back_in_pitches(hall: SeatMap, pitch: float) -> None:
    # The pitch is the median distance, so most seats need a neighbour at their side.
    neighbours = sum(len(run) for run in rows_of(hall).runs if len(run) > 1)
    assume(neighbours > len(hall.seats) / 2)
    read = read_pretix(json.dumps(pretix_document(hall, pitch)).encode()).seat_map
    assert [(s.label, s.x, s.y, s.category, s.area) for s in read.seats] == [
        (s.label, s.x, s.y, s.category, s.area) for s in hall.seats
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("zones.0.rows.1.seats.2.category", "Free", "zones[0].rows[1].seats[2].category: 'Free' is not one of the categories"),
        ("zones.0.rows.1.seats.2.position.x", "1", "zones[0].rows[1].seats[2].position.x: expected float, got str"),
        ("zones.0.rows.1.seats.2.position.x", 1e300, "zones[0].rows[1].seats[2].position: is farther than 1000000 pixels from the plan's corner"),
        ("zones.0.rows.1.seats.2.seat_number", "", "zones[0].rows[1].seats[2].seat_number: is empty"),
        ("zones.0.rows.1.seats.2.seat_number", 10**40, "zones[0].rows[1].seats[2].seat_number: is longer than 16 characters"),
        ("zones.0.rows.1.seats.2.position.x", 25, "zones[0].rows[1].seats[2]: stands on the very spot of zones[0].rows[1].seats[1]"),
        ("categories.1.name", "", "categories[1].name: is empty"),
        ("categories.1.name", "Cheap", "categories: the key 'Cheap' stands 2 times"),
        ("zones", [], "zones: no row has a seat"),
        ("zones", {}, "zones: expected list, got object"),
    ],
)  # fmt: skip
def test_a_bad_plan_names_the_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(BadSeatMap) as caught:
        read_pretix(edited(PRETIX, path, value))
    assert caught.value.message == message


def test_seats_that_almost_stand_on_one_another_are_an_error() -> None:
    seats = [{"seat_number": str(n), "category": "c", "position": {"x": n * 5e-324, "y": 0}} for n in range(3)]
    seats.append({"seat_number": "far", "category": "c", "position": {"x": 1, "y": 999_999}})
    plan = {"categories": [{"name": "c"}], "zones": [{"rows": [{"row_number": "A", "seats": seats}]}]}
    with pytest.raises(BadSeatMap, match="most seats stand on one another"):
        read_pretix(json.dumps(plan).encode())


def test_seats_that_all_stand_on_one_another_are_an_error() -> None:
    document = json.loads(PRETIX)
    for zone in document["zones"]:
        for row in zone["rows"]:
            for seat in row["seats"]:
                seat["position"] = {"x": 0, "y": 0}
    with pytest.raises(BadSeatMap, match="most seats stand on one another"):
        read_pretix(json.dumps(document).encode())
