"""What every importer shares: the seats of a foreign file on their way into a `SeatMap`.

An importer turns its format into `FoundSeat`s, each of which remembers its place in the file; `assemble` gives rows
distinct names, puts the seats into the house's order, and reports whatever is wrong under that place. This module is
pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.model import (
    MAX_LABEL,
    MAX_NAME,
    MAX_SEATS,
    Category,
    Screen,
    Seat,
    SeatKind,
    SeatMap,
    check_text,
)

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8f6bd1", "#b8ad2f", "#8a8a8a")
"""Category colours that people with any colour vision can tell apart, for files that bring none."""

SCREEN_DISTANCE = 2.5
"""Pitches from the front row to the screen when the file does not say."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A hall read from a file: the map, the ``format`` it came in, and what the user should know about it."""

    seat_map: SeatMap
    format: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundSeat:
    """A seat and its ``place`` in the file.

    ``key`` names it inside its format; ``rank`` orders the rows, front first; ``x`` and ``y`` are in any unit until
    the seat is handed to `assemble`, where they are pitches.
    """

    place: str
    key: Hashable
    row: str
    number: str
    x: float
    y: float
    rank: float
    category: str
    area: str
    kind: SeatKind = SeatKind.STANDARD


def clean(text: str | int | None) -> str:
    """Text as it is printed: no line breaks, no doubled or surrounding blanks."""
    if isinstance(text, int):
        # Python refuses to write out integers of thousands of digits; no seat has such a number.
        return str(text) if abs(text) < 10**MAX_LABEL else "9" * (MAX_LABEL + 1)
    return " ".join((text or "").split())


def assemble(
    *,
    name: str,
    categories: Iterable[Category],
    screen: Screen,
    seats: Sequence[FoundSeat],
    groups: Iterable[Iterable[Hashable]] = (),
) -> SeatMap:
    """Build the map: seats from front to back and left to right, groups by the seats' keys.

    Raises `BadSeatMap` with the place in the file.
    """
    if not seats:
        raise BadSeatMap("", "the file has no seats")
    if len(seats) > MAX_SEATS:
        raise BadSeatMap("", f"the file has {len(seats)} seats; at most {MAX_SEATS} are allowed")
    for seat in seats:
        _check(seat)
    ordered = sorted(_with_distinct_rows(seats), key=lambda seat: (seat.rank, seat.x, seat.y))
    _check_unique(ordered)
    index_of = {seat.key: index for index, seat in enumerate(ordered)}
    return SeatMap.build(
        name=name,
        categories=categories,
        screen=screen,
        seats=[
            Seat(
                row=seat.row,
                number=seat.number,
                x=_rounded(seat.x),
                y=_rounded(seat.y),
                category=seat.category,
                area=seat.area,
                kind=seat.kind,
            )
            for seat in ordered
        ],
        groups=[[index_of[key] for key in group] for group in groups],
    )


def screen_before(seats: Sequence[FoundSeat]) -> Screen:
    """A screen in front of the seats, as wide as they are, for files that do not say where it stands."""
    left, right = min(seat.x for seat in seats), max(seat.x for seat in seats)
    front = min(seat.y for seat in seats)
    return Screen(
        x=_rounded((left + right) / 2), y=_rounded(front - SCREEN_DISTANCE), width=_rounded(max(right - left + 1, 4.0))
    )


def _rounded(coordinate: float) -> float:
    # A thousandth of a seat is nothing to see; adding zero turns -0.0 into 0.0.
    return round(coordinate, 3) + 0.0


def _check(seat: FoundSeat) -> None:
    for what, text, longest in (
        ("row's name", seat.row, MAX_LABEL),
        ("seat's number", seat.number, MAX_LABEL),
        ("area's name", seat.area or "none", MAX_NAME),
    ):
        check_text(f"{seat.place}, the {what}", text, longest)


def _with_distinct_rows(seats: Sequence[FoundSeat]) -> list[FoundSeat]:
    """Rows of the same name in different areas get their area's name in front, where tickets would be mistaken."""
    areas_of_label: dict[tuple[str, str], set[str]] = defaultdict(set)
    for seat in seats:
        areas_of_label[seat.row, seat.number].add(seat.area)
    ambiguous = {row for (row, _), areas in areas_of_label.items() if len(areas) > 1}
    return [
        replace(seat, row=_row_in_area(seat.row, seat.area)) if seat.row in ambiguous and seat.area else seat
        for seat in seats
    ]


def _row_in_area(row: str, area: str) -> str:
    """``Balcony A``; where that is too long for a ticket, ``UBL A`` for row A of Upper Balcony Left."""
    full = f"{area} {row}"
    if len(full) <= MAX_LABEL:
        return full
    initials = "".join(word[0] for word in area.split())
    return f"{initials[: MAX_LABEL - len(row) - 1]} {row}" if len(row) < MAX_LABEL - 1 else row


def _check_unique(seats: Sequence[FoundSeat]) -> None:
    labels: dict[tuple[str, str], FoundSeat] = {}
    spots: dict[tuple[float, float], FoundSeat] = {}
    for seat in seats:
        first = labels.setdefault((seat.row, seat.number), seat)
        if first is not seat:
            raise BadSeatMap(seat.place, f"row {seat.row!r} seat {seat.number!r} is already at {first.place}")
        first = spots.setdefault((_rounded(seat.x), _rounded(seat.y)), seat)
        if first is not seat:
            raise BadSeatMap(seat.place, f"stands on the very spot of {first.place}")
