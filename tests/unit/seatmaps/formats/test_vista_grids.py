"""Promises of Vista halls whose areas have grids of their own: every seat stands where its area's rectangle says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import Imported
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.inspection.inspect import check_document
from seatserver.seatmaps.layout.rows import rows_of

Rectangle = tuple[Any, Any, Any, Any]


def area(
    number: int, rows: Mapping[str, Sequence[int]], rectangle: Rectangle | None, *, columns: int = 4, **fields: Any
) -> dict[str, Any]:
    """An area with rows (back first) of seats in these columns, in a rectangle of left, top, width and height."""
    placed = dict(zip(("Left", "Top", "Width", "Height"), rectangle, strict=True)) if rectangle is not None else {}
    return {
        "AreaCategoryCode": f"C{number}",
        "Number": number,
        "Description": f"Area {number}",
        "RowCount": len(rows),
        "ColumnCount": columns,
        **placed,
        "Rows": [
            {
                "PhysicalName": name,
                "Seats": [
                    {
                        "Id": str(n),
                        "Position": {"AreaNumber": number, "RowIndex": row, "ColumnIndex": column},
                        "SeatsInGroup": None,
                    }
                    for n, column in enumerate(used, start=1)
                ],
            }
            for row, (name, used) in enumerate(rows.items())
        ],
        **fields,
    }


def read(*areas: dict[str, Any]) -> Imported:
    return read_seat_map(json.dumps({"SeatLayoutData": {"Areas": areas}}).encode())


def spots(imported: Imported) -> dict[str, tuple[float, float]]:
    return {seat.label: (seat.x, seat.y) for seat in imported.seat_map.seats}


STALLS = {"B": (0, 1), "A": (0, 1)}
BEHIND = {"A-1": (0, 0), "A-2": (1, 0), "B-1": (0, 1), "B-2": (1, 1)}


def test_an_area_drawn_above_another_gets_rows_of_its_own_behind_it() -> None:
    imported = read(area(1, STALLS, (0, 10, 100, 40)), area(3, {"N": (0, 1)}, (0, 0, 100, 10)))
    assert spots(imported) == {**BEHIND, "N-1": (0, 2), "N-2": (1, 2)}
    assert imported.notes == (
        "the areas were read with a grid each, placed by Top, Left, Width and Height, because Area 1 and Area 3 both"
        " have a seat at RowIndex 0, ColumnIndex 0",
    )


def test_a_sofa_beside_the_other_areas_columns_is_not_drawn_into_their_row() -> None:
    sofa = area(3, {"N": (2, 3)}, (0, 0, 100, 10))
    for seat in sofa["Rows"][0]["Seats"]:
        seat["SeatsInGroup"] = [{"AreaNumber": 3, "RowIndex": 0, "ColumnIndex": column} for column in (2, 3)]
    imported = read(area(1, STALLS, (0, 10, 100, 40)), sofa)
    assert spots(imported) == {**BEHIND, "N-1": (2, 2), "N-2": (3, 2)}
    assert imported.seat_map.groups == ((4, 5),)
    assert "row B and row N have one row index" in imported.notes[0]


@pytest.mark.parametrize("rectangle", [("0", "0", "100", "10"), ("0 %", "0%", "100,0", "10.0")])
def test_percents_may_be_text(rectangle: Rectangle) -> None:
    imported = read(area(1, STALLS, ("0", "10", "100", "40")), area(3, {"N": (0, 1)}, rectangle))
    assert spots(imported)["N-1"] == (0, 2)


def test_three_areas_stand_behind_one_another_in_the_order_of_top_whatever_the_files_order() -> None:
    front, middle, back = (
        area(1, STALLS, (0, 60, 100, 40)),
        area(2, {"D": (0, 1, 2, 3), "C": (0, 1, 2, 3)}, (0, 20, 100, 40)),
        area(3, {"F": (1, 2), "E": (1, 2)}, (0, 0, 100, 20)),
    )
    for order in ((front, middle, back), (back, front, middle), (middle, back, front)):
        found = spots(read(*order))
        assert [found[f"{row}-1"][1] for row in "ABCDEF"] == [0, 1, 2, 3, 4, 5]
        assert (found["C-1"][0], found["E-1"][0]) == (0, 1)


def test_wings_of_equal_row_names_stand_side_by_side() -> None:
    rows = {"B": (0, 1, 2, 3), "A": (0, 1, 2, 3)}
    imported = read(area(1, rows, (0, 0, 40, 100)), area(2, rows, (60, 0, 40, 100)))
    found = spots(imported)
    assert [found[f"Area 1 A-{n}"] for n in (1, 4)] == [(0, 0), (3, 0)]
    assert [found[f"Area 2 A-{n}"] for n in (1, 4)] == [(6, 0), (9, 0)]
    assert rows_of(imported.seat_map).row_of_run == (0, 0, 1, 1)


def test_a_balcony_behind_the_stalls_may_repeat_their_row_names() -> None:
    stalls = {name: (0, 1, 2) for name in "DCBA"}
    balcony = {name: (0, 1, 2) for name in "BA"}
    found = spots(read(area(1, stalls, (0, 30, 100, 70)), area(2, balcony, (0, 0, 100, 25))))
    assert [found[f"Area 1 {row}-1"][1] for row in "AB"] == [0, 1]
    assert [found[f"Area 2 {row}-1"][1] for row in "AB"] == [4, 5]


def test_groups_find_their_seats_by_the_number_of_their_area() -> None:
    mates = [{"AreaNumber": 1, "RowIndex": 0, "ColumnIndex": 1}, {"AreaNumber": 2, "RowIndex": 0, "ColumnIndex": 0}]
    left, right = (
        area(1, {"A": (0, 1)}, (0, 0, 20, 100), columns=2),
        area(2, {"A": (0, 1)}, (20, 0, 20, 100), columns=2),
    )
    left["Rows"][0]["Seats"][1]["SeatsInGroup"] = mates
    right["Rows"][0]["Seats"][0]["SeatsInGroup"] = mates
    imported = read(left, right)
    [group] = imported.seat_map.groups
    assert [imported.seat_map.seats[seat].label for seat in group] == ["Area 1 A-2", "Area 2 A-1"]


@pytest.mark.parametrize("rectangle", [None, (0, 0, 0, 0), (100, 100, 100, 100), (0, 0, 100, 100)])
def test_areas_without_usable_rectangles_go_behind_one_another_with_a_note(
    rectangle: Rectangle | None,
) -> None:
    imported = read(area(1, STALLS, rectangle), area(2, {"C": (0, 1)}, rectangle))
    assert spots(imported) == {**BEHIND, "C-1": (0, 2), "C-2": (1, 2)}
    assert "the rectangles do not say where the areas stand" in imported.notes[1]
    assert "placed by" not in imported.notes[0]


def test_an_area_drawn_on_top_of_another_goes_behind_it_with_a_note() -> None:
    imported = read(
        area(1, STALLS, (0, 0, 100, 100)), area(2, {"N": (0, 1)}, (0, 30, 50, 40)), area(3, {"O": (0,)}, (0, 0, 9, 9))
    )
    found = spots(imported)
    assert len(set(found.values())) == len(found)
    assert any("lies on other areas: it was put behind them" in note for note in imported.notes)


def shared(*parts: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    """Areas on one grid: each repeats all rows, nameless where it has no seats, and all have one rectangle."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    areas = []
    for number, part in enumerate(parts, start=1):
        made = area(number, {name: part.get(name, ()) for name in names}, (0, 90, 10, 10))
        for row in made["Rows"]:
            row["PhysicalName"] = row["PhysicalName"] if row["Seats"] else None
        areas.append(made)
    return areas


def test_areas_on_one_grid_are_read_on_one_grid() -> None:
    imported = read(*shared({"C": (0, 1)}, {"B": (0, 1), "C": (2, 3)}, {"A": (0, 1)}))
    assert {label: spot[1] for label, spot in spots(imported).items() if label.endswith("1")} == {
        "A-1": 0,
        "B-1": 1,
        "Area 1 C-1": 2,
        "Area 2 C-1": 2,
    }
    assert imported.notes == ()


def test_one_cell_used_twice_is_a_mistake_and_not_a_second_grid() -> None:
    areas = shared({"B": (0, 1, 2, 3), "A": (0, 1)}, {"B": (3, 4, 5, 6), "A": (2, 3)})
    with pytest.raises(BadSeatMap, match="stands on the very spot of"):
        read(*areas)


def test_the_check_says_which_reading_was_taken_where_both_are_possible() -> None:
    areas = [area(1, STALLS, (0, 10, 100, 40)), area(3, {"B": (2, 3)}, (0, 0, 100, 10))]
    report = check_document(json.dumps({"SeatLayoutData": {"Areas": areas}}).encode())
    assert "they would fit on one grid as well" in report.notes[0]
    assert report.seat_map is not None
    assert {seat.y for seat in report.seat_map.seats if seat.area == "Area 3"} == {2}


def test_two_names_of_one_row_without_rectangles_stay_on_one_grid_with_a_note() -> None:
    imported = read(area(1, {"B": (0, 1)}, None), area(2, {"N": (2, 3)}, None))
    assert spots(imported) == {"B-1": (0, 0), "B-2": (1, 0), "N-1": (2, 0), "N-2": (3, 0)}
    assert "were read as parts of one grid" in imported.notes[0]
