"""Promises of the Vista importer."""
# ruff: noqa: E501 -- a table of messages reads best with one case a line

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.vista import read_vista
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatKind, SeatMap
from tests.unit.seatmaps.halls import VISTA, edited, grid_halls, vista_document

FIRST = "SeatLayoutData.Areas.0.Rows.3.Seats.0"


def test_the_small_hall_reads_with_its_areas_sofas_and_aisle() -> None:
    seat_map = read_vista(VISTA, "Small").seat_map
    assert seat_map.name == "Small"
    assert [(category.key, category.name) for category in seat_map.categories] == [("S1", "Stalls"), ("L1", "Lounge")]
    assert [seat.label for seat in seat_map.seats[:6]] == ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6"]
    assert [seat.x for seat in seat_map.seats[:6]] == [0, 1, 2, 4, 5, 6]
    assert {seat.row: seat.y for seat in seat_map.seats} == {"A": 0, "B": 1, "D": 3}
    assert [len(run) for run in rows_of(seat_map).runs] == [3, 3, 3, 3, 2, 2]
    assert seat_map.groups == ((12, 13), (14, 15))
    assert [seat.kind for seat in seat_map.seats[12:]] == [SeatKind.SOFA_LEFT, SeatKind.SOFA_RIGHT] * 2
    assert (seat_map.screen.x, seat_map.screen.width) == (3, 7)
    assert seat_map.screen.y < 0


def test_a_sold_seat_is_noted_and_stays_a_seat_of_the_hall() -> None:
    imported = read_vista(VISTA, "Small")
    assert len(imported.seat_map.seats) == 16
    assert imported.notes == (
        "1 seat was not empty when the file was written (B-3); that is the state of the sale, not part of the hall",
    )


def test_two_areas_of_one_category_keep_their_own_names() -> None:
    document = edited(VISTA, "SeatLayoutData.Areas.1.AreaCategoryCode", "S1")
    seat_map = read_vista(edited(document, "SeatLayoutData.Areas.1.Description", "Stalls"), "Small").seat_map
    assert [(category.key, category.name) for category in seat_map.categories] == [("S1", "Stalls")]
    assert {seat.area for seat in seat_map.seats} == {"Stalls 1", "Stalls 2"}


def with_area(**fields: Any) -> bytes:
    document = json.loads(VISTA)
    area = {
        "AreaCategoryCode": "G1",
        "Description": "Lawn",
        "IsAllocatedSeating": False,
        "NumberOfSeats": 25,
        "Rows": [],
    }
    document["SeatLayoutData"]["Areas"].append({**area, **fields})
    return json.dumps(document).encode()


def test_an_area_where_people_sit_as_they_come_is_a_general_area_behind_the_last_row() -> None:
    imported = read_vista(with_area(), "Small")
    [area] = imported.seat_map.general_areas
    assert (area.name, area.category, area.capacity) == ("Lawn", "G1", 25)
    assert area.y - area.height / 2 >= max(seat.y for seat in imported.seat_map.seats) + 0.5
    assert imported.seat_map.categories[-1].key == "G1"
    assert imported.seat_map.place_count == 16 + 25
    assert imported.notes[-1] == "the area Lawn has 25 places without seat numbers; it is drawn behind the last row"


def test_an_area_that_is_not_allocated_but_lists_its_seats_keeps_their_numbers() -> None:
    imported = read_vista(edited(VISTA, "SeatLayoutData.Areas.1.IsAllocatedSeating", False), "Small")
    assert imported.seat_map.general_areas == ()
    assert len(imported.seat_map.seats) == 16
    assert imported.notes[-1].startswith(
        "the area Lounge is not allocated but lists its seats; they keep their numbers"
    )


def test_a_hall_may_consist_of_areas_without_numbers() -> None:
    document = json.loads(with_area())
    document["SeatLayoutData"]["Areas"] = document["SeatLayoutData"]["Areas"][-1:]
    hall = read_vista(json.dumps(document).encode(), "Lawn").seat_map
    assert (hall.seats, hall.place_count) == ((), 25)


def test_an_area_too_large_names_its_place() -> None:
    with pytest.raises(BadSeatMap, match=r"^SeatLayoutData.Areas\[2\].NumberOfSeats: is out of range"):
        read_vista(with_area(NumberOfSeats=10**9), "Small")


@given(grid_halls())
def test_a_hall_written_in_vistas_form_reads_back_as_the_same_hall(hall: SeatMap) -> None:
    read = read_vista(json.dumps(vista_document(hall)).encode(), hall.name).seat_map
    assert read.groups == hall.groups
    assert read.seats == hall.seats
    assert read.screen == hall.screen
    assert {category.key for category in read.categories} == {category.key for category in hall.categories}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{FIRST}.Position.ColumnIndex", "x", "SeatLayoutData.Areas[0].Rows[3].Seats[0].Position.ColumnIndex: expected int, got str"),
        (f"{FIRST}.Position.ColumnIndex", -1, "SeatLayoutData.Areas[0].Rows[3].Seats[0].Position.ColumnIndex: is -1; expected 0 to 2000"),
        (f"{FIRST}.Position", {}, "SeatLayoutData.Areas[0].Rows[3].Seats[0].Position: misses the required field RowIndex"),
        (f"{FIRST}.Position.ColumnIndex", 1, "SeatLayoutData.Areas[0].Rows[3].Seats[1]: stands on the very spot of SeatLayoutData.Areas[0].Rows[3].Seats[0]"),
        (f"{FIRST}.Id", "2", "SeatLayoutData.Areas[0].Rows[3].Seats[1]: the label 'A-2' is already that of SeatLayoutData.Areas[0].Rows[3].Seats[0]"),
        (f"{FIRST}.Id", " ", "SeatLayoutData.Areas[0].Rows[3].Seats[0].Id: is empty"),
        (f"{FIRST}.Id", "\x1b[2J", "SeatLayoutData.Areas[0].Rows[3].Seats[0].Id: has characters that cannot be printed"),
        ("SeatLayoutData.Areas.0.Rows.3.PhysicalName", None, "SeatLayoutData.Areas[0].Rows[3].PhysicalName: is empty"),
        ("SeatLayoutData.Areas.1.NumberOfSeats", 10, "SeatLayoutData.Areas[1].NumberOfSeats: says 10 but the area has 4 seats"),
        ("SeatLayoutData.Areas.1.Rows.0.Seats.0.SeatsInGroup.1.ColumnIndex", 9, "SeatLayoutData.Areas[1].Rows[0].Seats[0].SeatsInGroup[1]: there is no seat at RowIndex 0, ColumnIndex 9"),
        ("SeatLayoutData.Areas.1.Rows.0.Seats.0.SeatsInGroup.1.ColumnIndex", 5, "SeatLayoutData.Areas[1].Rows[0].Seats[0].SeatsInGroup: the seats of this group do not name the same group"),
        ("SeatLayoutData.Areas.0.AreaCategoryCode", "", "SeatLayoutData.Areas[0].AreaCategoryCode: is empty"),
        ("SeatLayoutData.Areas", [], "SeatLayoutData.Areas: no area has a seat"),
        ("SeatLayoutData", None, "SeatLayoutData: is null"),
    ],
)  # fmt: skip
def test_a_bad_file_names_the_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(BadSeatMap) as caught:
        read_vista(edited(VISTA, path, value), "Small")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("field", "value"), [("Width", 5e-324), ("Width", 1e308), ("ColumnCount", 10**400), ("ColumnCount", 2**63)]
)
def test_a_screen_that_cannot_be_placed_is_put_before_the_seats(field: str, value: float) -> None:
    without = edited(VISTA, "SeatLayoutData.ScreenStart", None)
    absurd = VISTA
    for area in range(len(json.loads(VISTA)["SeatLayoutData"]["Areas"])):
        absurd = edited(absurd, f"SeatLayoutData.Areas.{area}.{field}", value)
    assert read_vista(absurd, "Small").seat_map.screen == read_vista(without, "Small").seat_map.screen


def test_one_huge_group_is_read_whole() -> None:
    # 600 seats that each name all 600: comparing group with group seat by seat would take most of a minute.
    places = [{"RowIndex": 0, "ColumnIndex": column} for column in range(600)]
    seats = [{"Id": str(n), "Position": place, "SeatsInGroup": places} for n, place in enumerate(places)]
    areas = [{"AreaCategoryCode": "1", "Rows": [{"PhysicalName": "A", "Seats": seats}]}]
    read = read_vista(json.dumps({"SeatLayoutData": {"Areas": areas}}).encode(), "Small")
    assert read.seat_map.groups == (tuple(range(600)),)


def test_an_answer_without_a_layout_says_what_vista_said() -> None:
    document = json.dumps({"SeatLayoutData": None, "ErrorDescription": "Session not found"}).encode()
    with pytest.raises(BadSeatMap, match="Vista says: Session not found"):
        read_vista(document, "Small")


@pytest.mark.parametrize(
    ("error", "repeated"),
    [("\u202egone\x07", "\N{REPLACEMENT CHARACTER}gone\N{REPLACEMENT CHARACTER}"), ("x" * 300, "x" * 200 + "…")],
)
def test_what_vista_said_is_repeated_as_far_as_a_line_can_show_it(error: str, repeated: str) -> None:
    document = json.dumps({"SeatLayoutData": None, "ErrorDescription": error}).encode()
    with pytest.raises(BadSeatMap) as refused:
        read_vista(document, "Small")
    assert refused.value.message.endswith(f"Vista says: {repeated}")
