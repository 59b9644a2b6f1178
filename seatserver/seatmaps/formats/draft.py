"""What all readers of files share: a hall on its way from a foreign file to a `SeatMap`.

A reader turns its format into `FoundSeat`s, each of which remembers its place in the file. `assemble` gives rows
distinct names, sorts the seats and makes a `Draft`: a map that is not validated yet and knows where in the file each of
its parts comes from. `Draft.finish` is for those who want the hall, and raises the first problem; `Draft.problems` is
for those who want to know everything that is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.model import (
    MAX_CATEGORIES,
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
"""Category colours that people with any colour vision can tell apart, for files without colours."""

SCREEN_DISTANCE = 2.5
"""Pitches from the front row to the screen, if the file does not say."""

_PART = re.compile(r"\b(seats|categories|groups|general_areas)\[(\d+)\](?:\.(\w+))?")


@dataclass(frozen=True, slots=True)
class Imported:
    """A hall read from a file: the map, its ``format``, and notes that the user should see."""

    seat_map: SeatMap
    format: str
    notes: tuple[str, ...] = ()


class FoundSeat(msgspec.Struct, frozen=True, kw_only=True):
    """A seat and its ``place`` in the file.

    ``key`` identifies it within the file; ``rank`` orders the rows, front first; ``x`` and ``y`` may be in any unit
    until the seat goes to `assemble`, which expects pitches.
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
    """A hall as it is in a file, not validated.

    ``found``: the problems found while reading. ``places``: where in the file the map's ``seats``, ``categories`` …
    are, in their order; parts that are absent are where the map has them. ``field_at(place, field)``: what the file
    calls a field of the thing at a place. ``original``: turns a place that the reader saw into the place in the file.
    """

    seat_map: SeatMap
    format: str
    notes: tuple[str, ...] = ()
    found: tuple[Problem, ...] = ()
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    field_at: Callable[[str, str], str] = "{}.{}".format
    original: Callable[[str], str] = str

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong, with its place in the file."""
        for place, problem, mend in self.found:
            yield Problem(self.original(place), problem, mend)
        # Not a rule of the map itself: a hall that was stored before there was this bound is still read.
        if (count := len(self.seat_map.categories)) > MAX_CATEGORIES:
            too_many = f"{count} categories; at most {MAX_CATEGORIES} are allowed"
            yield Problem("categories", too_many, "give seats of one price one category")
            return
        for place, problem, mend in self.seat_map.problems():
            yield Problem(self.in_file(place), self.in_file(problem), mend)

    def finish(self) -> Imported:
        """The validated hall. Raises `BadSeatMap` for the first of `problems`."""
        for place, problem, _ in self.problems():
            raise BadSeatMap(place, problem)
        ordered = msgspec.structs.replace(self.seat_map, groups=in_order(self.seat_map.groups))
        return Imported(ordered, self.format, self.notes)

    def in_file(self, text: str) -> str:
        """``text`` with places of the map, such as ``seats[3].row``, replaced by those of the file."""
        return _PART.sub(self._part_in_file, text)

    def _part_in_file(self, found: re.Match[str]) -> str:
        part, index, name = found.groups()
        places = self.places.get(part, ())
        if int(index) >= len(places):
            return self.original(found[0])
        return self.original(self.field_at(places[int(index)], name) if name else places[int(index)])


def clean(text: str | int | None) -> str:
    """Text as it is printed: no line breaks, no double blanks, none at the ends."""
    if isinstance(text, int):
        # Python refuses to write out integers of thousands of digits. No seat has such a number.
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
    """Make a map: seats from front to back and from left to right, groups by the keys of their seats.

    The draft knows the places of its seats; the reader adds what else it knows.
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
    """A screen in front of the seats and as wide as they are, for files that do not say where it is."""
    if not seats:
        return Screen(x=0.0, y=-SCREEN_DISTANCE, width=10.0)
    left, right = min(seat.x for seat in seats), max(seat.x for seat in seats)
    front = min(seat.y for seat in seats)
    return Screen(
        x=rounded((left + right) / 2), y=rounded(front - SCREEN_DISTANCE), width=rounded(max(right - left + 1, 4.0))
    )


def rounded(coordinate: float) -> float:
    """The coordinate, rounded as maps store it."""
    # Nobody sees a thousandth of a seat. Adding zero turns -0.0 into 0.0.
    return round(coordinate, 3) + 0.0


def _with_distinct_rows(seats: Sequence[FoundSeat]) -> list[FoundSeat]:
    """Put the area's name before a row's if two areas have a seat of the same row and number: tickets must differ."""
    areas_of_label: dict[tuple[str, str], set[str]] = defaultdict(set)
    for seat in seats:
        areas_of_label[seat.row, seat.number].add(seat.area)
    ambiguous = {row for (row, _), areas in areas_of_label.items() if len(areas) > 1}
    return [
        msgspec.structs.replace(seat, row=_row_in_area(seat.row, seat.area))
        if seat.row in ambiguous and seat.area
        else seat
        for seat in seats
    ]


def _row_in_area(row: str, area: str) -> str:
    """``Balcony A``; if that is too long for a ticket, initials: ``UBL A`` for row A of Upper Balcony Left."""
    full = f"{area} {row}"
    if len(full) <= MAX_LABEL:
        return full
    initials = "".join(word[0] for word in area.split())
    return f"{initials[: MAX_LABEL - len(row) - 1]} {row}" if len(row) < MAX_LABEL - 1 else row
