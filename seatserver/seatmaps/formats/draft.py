"""What every importer shares: a hall of a foreign file on its way into a `SeatMap`.

An importer turns its format into `FoundSeat`s, each of which remembers its place in the file; `assemble` gives rows
distinct names, puts the seats into the house's order and makes a `Draft`: a map that nobody has validated yet, which
knows where in the file each part of it comes from. `Draft.finish` is the strict end of that way, for who wants the
hall; `Draft.problems` is the patient one, for who wants to know all that is wrong. This module is pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.model import (
    MAX_LABEL,
    Category,
    GeneralArea,
    Problem,
    Screen,
    Seat,
    SeatKind,
    SeatMap,
    in_order,
)

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8f6bd1", "#b8ad2f", "#8a8a8a")
"""Category colours that people with any colour vision can tell apart, for files that bring none."""

SCREEN_DISTANCE = 2.5
"""Pitches from the front row to the screen when the file does not say."""

_PART = re.compile(r"\b(seats|categories|groups|general_areas)\[(\d+)\](?:\.(\w+))?")


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


@dataclass(frozen=True, slots=True)
class Draft:
    """A hall as a file has it, not validated.

    ``found`` is what was wrong with the file already; ``places`` are the places in the file of the map's ``seats``,
    ``categories`` … in their order (none: the file has them as the map does), and ``field_at(place, field)`` is how the
    file calls a field of the thing at a place. ``original`` says where in the file a place is, when the reader saw the
    hall in another shape.
    """

    seat_map: SeatMap
    format: str
    notes: tuple[str, ...] = ()
    found: tuple[Problem, ...] = ()
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    field_at: Callable[[str, str], str] = "{}.{}".format
    original: Callable[[str], str] = str

    def problems(self) -> Iterator[Problem]:
        """All that is wrong, at its place in the file."""
        for place, problem, mend in self.found:
            yield Problem(self.original(place), problem, mend)
        for place, problem, mend in self.seat_map.problems():
            yield Problem(self.in_file(place), self.in_file(problem), mend)

    def finish(self) -> Imported:
        """The validated hall; raises `BadSeatMap` for the first of `problems`."""
        for place, problem, _ in self.problems():
            raise BadSeatMap(place, problem)
        ordered = msgspec.structs.replace(self.seat_map, groups=in_order(self.seat_map.groups))
        return Imported(ordered, self.format, self.notes)

    def in_file(self, text: str) -> str:
        """``text`` with the map's places in it, such as ``seats[3].row``, as the file has them."""
        return _PART.sub(self._part_in_file, text)

    def _part_in_file(self, found: re.Match[str]) -> str:
        part, index, name = found.groups()
        places = self.places.get(part, ())
        if int(index) >= len(places):
            return self.original(found[0])
        return self.original(self.field_at(places[int(index)], name) if name else places[int(index)])


def clean(text: str | int | None) -> str:
    """Text as it is printed: no line breaks, no doubled or surrounding blanks."""
    if isinstance(text, int):
        # Python refuses to write out integers of thousands of digits; no seat has such a number.
        return str(text) if abs(text) < 10**MAX_LABEL else "9" * (MAX_LABEL + 1)
    return " ".join((text or "").split())


def assemble(
    *,
    format_name: str,
    name: str,
    categories: Iterable[Category],
    screen: Screen,
    seats: Sequence[FoundSeat],
    groups: Iterable[Iterable[Hashable]] = (),
    general_areas: Iterable[GeneralArea] = (),
) -> Draft:
    """Put the map together: seats from front to back and left to right, groups by the seats' keys.

    The draft has the places of its seats; what else the importer knows it adds itself.
    """
    ordered = sorted(_with_distinct_rows(seats), key=lambda seat: (seat.rank, seat.x, seat.y))
    index_of = {seat.key: index for index, seat in enumerate(ordered)}
    seat_map = SeatMap(
        name=name,
        categories=tuple(categories),
        screen=screen,
        seats=tuple(
            Seat(
                row=seat.row,
                number=seat.number,
                x=rounded(seat.x),
                y=rounded(seat.y),
                category=seat.category,
                area=seat.area,
                kind=seat.kind,
            )
            for seat in ordered
        ),
        groups=tuple(tuple(index_of[key] for key in group) for group in groups),
        general_areas=tuple(general_areas),
    )
    return Draft(seat_map, format_name, places={"seats": [seat.place for seat in ordered]})


def screen_before(seats: Sequence[FoundSeat]) -> Screen:
    """A screen in front of the seats, as wide as they are, for files that do not say where it stands."""
    if not seats:
        return Screen(x=0.0, y=-SCREEN_DISTANCE, width=10.0)
    left, right = min(seat.x for seat in seats), max(seat.x for seat in seats)
    front = min(seat.y for seat in seats)
    return Screen(
        x=rounded((left + right) / 2), y=rounded(front - SCREEN_DISTANCE), width=rounded(max(right - left + 1, 4.0))
    )


def rounded(coordinate: float) -> float:
    """The coordinate as maps keep it."""
    # A thousandth of a seat is nothing to see; adding zero turns -0.0 into 0.0.
    return round(coordinate, 3) + 0.0


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
