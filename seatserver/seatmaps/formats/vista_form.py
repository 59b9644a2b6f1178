"""The form of Vista's ``SeatLayoutData``: what a reader of the JSON needs of it, with types.

Fields that are not named here are ignored; newer versions of Vista add some.
"""

from __future__ import annotations

import math

import msgspec

Measure = float | str | None
"""A number, or one written as text: ``"12.5"``, ``"12,5 %"``."""


class VistaPosition(msgspec.Struct, frozen=True):
    """A place on a grid; ``area`` is the number of the area whose grid it is."""

    row: int = msgspec.field(name="RowIndex")
    column: int = msgspec.field(name="ColumnIndex")
    area: int | str | None = msgspec.field(name="AreaNumber", default=None)


class VistaSeat(msgspec.Struct, frozen=True):
    """One seat; ``id`` is the number on its ticket."""

    id: str | int = msgspec.field(name="Id")
    position: VistaPosition = msgspec.field(name="Position")
    style: int = msgspec.field(name="SeatStyle", default=0)
    status: int = msgspec.field(name="Status", default=0)
    original_status: int = msgspec.field(name="OriginalStatus", default=0)
    group: list[VistaPosition] | None = msgspec.field(name="SeatsInGroup", default=None)


class VistaRow(msgspec.Struct, frozen=True):
    """One area's part of a row."""

    name: str | None = msgspec.field(name="PhysicalName", default=None)
    seats: list[VistaSeat] | None = msgspec.field(name="Seats", default=None)


class VistaArea(msgspec.Struct, frozen=True):
    """Seats of one area category; the rectangle is in the file's drawing units, usually percent."""

    category: str = msgspec.field(name="AreaCategoryCode")
    rows: list[VistaRow] = msgspec.field(name="Rows")
    description: str | None = msgspec.field(name="Description", default=None)
    number: int | str | None = msgspec.field(name="Number", default=None)
    seat_count: int | None = msgspec.field(name="NumberOfSeats", default=None)
    allocated: bool = msgspec.field(name="IsAllocatedSeating", default=True)
    left: Measure = msgspec.field(name="Left", default=0.0)
    top: Measure = msgspec.field(name="Top", default=0.0)
    width: Measure = msgspec.field(name="Width", default=0.0)
    height: Measure = msgspec.field(name="Height", default=0.0)
    column_count: int | str | None = msgspec.field(name="ColumnCount", default=0)
    row_count: int | str | None = msgspec.field(name="RowCount", default=0)


class VistaLayout(msgspec.Struct, frozen=True):
    """The hall."""

    areas: list[VistaArea] = msgspec.field(name="Areas")
    screen_start: Measure = msgspec.field(name="ScreenStart", default=None)
    screen_width: Measure = msgspec.field(name="ScreenWidth", default=None)


class VistaAnswer(msgspec.Struct, frozen=True):
    """The whole answer. Without a layout, ``error`` says why."""

    layout: VistaLayout | None = msgspec.field(name="SeatLayoutData")
    error: str | None = msgspec.field(name="ErrorDescription", default=None)


def measure(text: Measure) -> float | None:
    """The number, or None if there is none or it is not finite."""
    if isinstance(text, str):
        try:
            text = float(text.strip().removesuffix("%").strip().replace(",", "."))
        except ValueError:
            return None
    return text if text is not None and math.isfinite(text) else None
