"""Halls for the tests of this folder: made by Hypothesis, and written out in the foreign formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from seatserver.seatmaps.formats.draft import PALETTE
from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatKind, SeatMap

FIXTURES = Path(__file__).parents[2] / "fixtures"
VISTA = (FIXTURES / "vista-small.json").read_bytes()
PRETIX = (FIXTURES / "pretix-small.json").read_bytes()
AREAS = ("Stalls", "Circle", "Box")


@st.composite
def grid_halls(draw: st.DrawFn, max_columns: int = 10) -> SeatMap:
    """Halls on a grid, as Vista knows them: rows, aisles, areas, and sofas of two or three."""
    columns = draw(st.integers(1, max_columns))
    depths = sorted(draw(st.sets(st.integers(0, 8), min_size=1, max_size=6)))
    depths = [depth - depths[0] for depth in depths]
    seats: list[Seat] = []
    groups: list[tuple[int, ...]] = []
    for depth in depths:
        used = sorted(draw(st.sets(st.integers(0, columns - 1), min_size=1)))
        area = draw(st.sampled_from(AREAS))
        row = [
            Seat(
                row=chr(65 + depth), number=str(number), x=float(x), y=float(depth), category=f"code {area}", area=area
            )
            for number, x in enumerate(used, start=1)
        ]
        size = draw(st.sampled_from((0, 0, 2, 3)))
        if size:
            row, sofas = _with_sofas(row, size, len(seats))
            groups += sofas
        seats += row
    left = min(seat.x for seat in seats)
    seats = [_moved(seat, -left) for seat in seats]
    order = list(dict.fromkeys(seat.area for seat in seats))
    categories = [Category(key=f"code {area}", name=area, color=PALETTE[n]) for n, area in enumerate(order)]
    width = float(columns)
    screen = Screen(x=(width - 1) / 2, y=-2.5, width=width)
    return SeatMap.build(name="Any hall", categories=categories, screen=screen, seats=seats, groups=groups)


@st.composite
def general_areas(draw: st.DrawFn, categories: Sequence[str]) -> list[GeneralArea]:
    """Up to three areas behind one another, in any of ``categories``."""
    return [
        GeneralArea(
            key=f"area-{number}",
            name=f"Lawn {number}",
            category=draw(st.sampled_from(categories)),
            capacity=draw(st.integers(1, 30)),
            x=3.0,
            y=20.0 + 4 * number,
            width=6.0,
            height=3.0,
        )
        for number in range(draw(st.integers(0, 3)))
    ]


def with_areas(hall: SeatMap, areas: Iterable[GeneralArea]) -> SeatMap:
    """The hall with these areas besides."""
    parts = {field: getattr(hall, field) for field in ("name", "categories", "screen", "seats", "groups")}
    return SeatMap.build(**parts, general_areas=areas)


def _moved(seat: Seat, by: float) -> Seat:
    return Seat(
        row=seat.row,
        number=seat.number,
        x=seat.x + by,
        y=seat.y,
        category=seat.category,
        area=seat.area,
        kind=seat.kind,
    )


def _with_sofas(row: list[Seat], size: int, first: int) -> tuple[list[Seat], list[tuple[int, ...]]]:
    """Every ``size`` seats of the row become a sofa; the rest stay as they are. ``first`` is the row's first index."""
    kinds = {2: (SeatKind.SOFA_LEFT, SeatKind.SOFA_RIGHT)}.get(
        size, (SeatKind.SOFA_LEFT, SeatKind.SOFA_MIDDLE, SeatKind.SOFA_RIGHT)
    )
    whole = len(row) // size * size
    made = [
        Seat(
            row=seat.row,
            number=seat.number,
            x=seat.x,
            y=seat.y,
            category=seat.category,
            area=seat.area,
            kind=kinds[index % size] if index < whole else SeatKind.STANDARD,
        )
        for index, seat in enumerate(row)
    ]
    return made, [tuple(range(first + start, first + start + size)) for start in range(0, whole, size)]


STYLES = {SeatKind.SOFA_LEFT: 3, SeatKind.SOFA_MIDDLE: 2, SeatKind.SOFA_RIGHT: 1}


def vista_document(seat_map: SeatMap) -> dict[str, Any]:
    """A grid hall as Vista would write it: row index 0 at the back, every area with all rows."""
    back = round(max(seat.y for seat in seat_map.seats))
    columns = round(seat_map.screen.width)
    places = [
        {"AreaNumber": 1, "ColumnIndex": round(seat.x), "RowIndex": back - round(seat.y)} for seat in seat_map.seats
    ]
    areas = []
    for number, category in enumerate(seat_map.categories, start=1):
        rows: list[dict[str, Any]] = [{"PhysicalName": None, "Seats": []} for _ in range(back + 1)]
        count = 0
        for index, seat in enumerate(seat_map.seats):
            if seat.category != category.key:
                continue
            count += 1
            row = rows[places[index]["RowIndex"]]
            row["PhysicalName"] = seat.row
            group = [places[mate] for mate in seat_map.group_of.get(index, ())]
            row["Seats"].append(
                {
                    "Id": seat.number,
                    "Position": places[index],
                    "SeatStyle": STYLES.get(seat.kind, 0),
                    "SeatsInGroup": group or None,
                    "Status": 0,
                }
            )
        areas.append(
            {
                "AreaCategoryCode": category.key,
                "ColumnCount": columns,
                "Description": category.name,
                "Left": 0,
                "Number": number,
                "NumberOfSeats": count,
                "Rows": rows,
                "Width": columns,
            }
        )
    return {"SeatLayoutData": {"Areas": areas, "ScreenStart": 0, "ScreenWidth": columns}}


def pretix_document(seat_map: SeatMap, pitch: float) -> dict[str, Any]:
    """A hall as a seating plan whose seats stand ``pitch`` pixels apart: one zone per area."""
    zones = []
    for area in dict.fromkeys(seat.area for seat in seat_map.seats):
        rows: dict[str, list[Seat]] = {}
        for seat in seat_map.seats:
            if seat.area == area:
                rows.setdefault(seat.row, []).append(seat)
        zones.append(
            {
                "name": area,
                "position": {"x": 40, "y": 70},
                "rows": [
                    {
                        "row_number": name,
                        "position": {"x": 0, "y": row[0].y * pitch},
                        "seats": [
                            {
                                "seat_guid": seat.label,
                                "seat_number": seat.number,
                                "category": seat.category,
                                "position": {"x": seat.x * pitch, "y": (seat.y - row[0].y) * pitch},
                            }
                            for seat in row
                        ],
                    }
                    for name, row in rows.items()
                ],
            }
        )
    categories = [{"name": category.key, "color": category.color} for category in seat_map.categories]
    return {"name": seat_map.name, "categories": categories, "zones": zones}


def edited(document: bytes, path: str, value: Any) -> bytes:
    """The JSON document with the value at ``a.b.0.c`` replaced."""
    content = json.loads(document)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    target = content
    for part in parents:
        target = target[part]
    target[last] = value
    return json.dumps(content).encode()


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), _SCALARS, max_size=3)


def mutated(document: bytes, data: st.DataObject) -> bytes:
    """The JSON document with one to three values, anywhere in it, replaced by anything or taken away."""
    content = json.loads(document)
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(content, data)
    return json.dumps(content).encode()


def _mutate(content: Any, data: st.DataObject) -> None:
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(content[key], dict | list) and data.draw(st.integers(0, 9)) > 0:
            content = content[key]
            continue
        if data.draw(st.booleans()):
            content[key] = data.draw(_VALUES)
        else:
            del content[key]
        return
