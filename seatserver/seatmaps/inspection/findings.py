"""What the checks of a hall work with: the hall as they see it, and what they report.

`Hall` is a draft prepared for checks: seats without usable coordinates are left out, rows in several places are told
apart, and coordinates in another unit are scaled to seat pitches. A `Finding` says what is odd, where it is in the
file, and how to mend it. The checks themselves are in the modules beside this one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from statistics import median
from typing import NamedTuple, TypeVar

import msgspec

from seatserver.seatmaps.formats.draft import Draft
from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.layout.rows import NEXT_SEAT
from seatserver.seatmaps.model import MAX_AREAS, MAX_COORDINATE, MAX_SEATS, GeneralArea, Screen, Seat
from seatserver.seatmaps.wording import listed, shown

APART = 6.0
"""How many pitches separate two places: more than any aisle inside a row."""
USUAL_PITCH = (0.7, 1.5)
"""The range of distances between neighbours, in a map whose unit is the seat pitch."""
OTHER_UNIT = (0.4, 3.0)
"""Outside this range the coordinates are in another unit, and are scaled before anything else is checked."""
SMALLEST_UNIT = 0.001
"""Seats closer than this are on top of one another, in any unit."""
MOST_IN_A_CELL = 16
"""How many seats of one square pitch are compared. If there are more, all of them overlap anyway."""
MAX_PLACES, MAX_LABELS = 5, 40
"""How many places and labels a finding names."""

Thing = TypeVar("Thing", Seat, Screen, GeneralArea)


class Severity(StrEnum):
    """``error``: the file is refused, or people would buy a seat that does not exist. ``warning``: probably a mistake.
    ``hint``: worth a look."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong or odd: ``what`` (``seats B-2 and B-3``) has a ``problem``; ``mend`` says what to do.

    ``code`` is stable, for scripts. ``at`` are places in the file and ``seats`` are labels; if there are many, both
    name only some.
    """

    severity: Severity
    code: str
    what: str
    problem: str
    mend: str
    at: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The finding as one line."""
        return f"{self.what}: {self.problem}" if self.what else self.problem


class Point(NamedTuple):
    """Where a seat is on the floor, in pitches."""

    x: float
    y: float

    def to(self, other: Point) -> float:
        """The distance, in pitches."""
        return math.hypot(other.x - self.x, other.y - self.y)


class Hall:
    """A draft, prepared for checks. Seats are indexes into ``seat_map.seats``, which may have fewer than the draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        everything = draft.seat_map.seats
        # Beyond the limit the hall is refused anyway, and checking millions of seats would take minutes.
        looked_at = everything if len(everything) <= MAX_SEATS else ()
        self._index_in_draft = [
            index for index, seat in enumerate(looked_at) if max(abs(seat.x), abs(seat.y)) <= MAX_COORDINATE
        ]
        usable = [everything[index] for index in self._index_in_draft]
        self.pitch = _usual_distance(usable)
        """The usual distance between neighbours in the unit of the file; 1.0 if there are no neighbours."""
        in_pitches = OTHER_UNIT[0] <= self.pitch <= OTHER_UNIT[1] or self.pitch < SMALLEST_UNIT
        unit = 1.0 if in_pitches else self.pitch
        # Counted from the corner of all seats before anything is divided: what is exactly at a limit must not be on
        # either side of it by where the hall is.
        corner = Point(min((seat.x for seat in usable), default=0.0), min((seat.y for seat in usable), default=0.0))
        seats = [_scaled(seat, corner, unit) for seat in usable]
        self.parts = _parts_of_rows(seats)
        """Name of a row → its seats, by the places where they are."""
        for row, parts in self.parts.items():
            for number, part in enumerate(parts[1:], start=1):
                for index in part:
                    seats[index] = msgspec.structs.replace(seats[index], row=f"{row}\0{number}")
        now = {index: position for position, index in enumerate(self._index_in_draft)}
        groups = (tuple(dict.fromkeys(group)) for group in draft.seat_map.groups)
        self.seat_map = msgspec.structs.replace(
            draft.seat_map,
            seats=tuple(seats),
            groups=tuple(
                tuple(now[index] for index in group)
                for group in groups
                if len(group) > 1 and all(index in now for index in group)
            ),
        )
        self.points = [Point(seat.x, seat.y) for seat in seats]
        screen = draft.seat_map.screen
        usable_screen = 0 < screen.width <= MAX_COORDINATE and max(abs(screen.x), abs(screen.y)) <= MAX_COORDINATE
        self.screen = _scaled(screen, corner, unit) if usable_screen else None
        """The screen, or None if the file gives it no usable place."""
        self.areas = [
            (index, _scaled(area, corner, unit))
            for index, area in enumerate(draft.seat_map.general_areas[:MAX_AREAS])
            if 0 < min(area.width, area.height)
            and max(abs(area.x), abs(area.y), area.width, area.height) <= MAX_COORDINATE
        ]
        """The general areas with a usable place and size, and their indexes in the draft."""

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """The seats of every row, or part of a row, from left to right; the key only tells rows apart."""
        rows: dict[str, list[int]] = defaultdict(list)
        for index, seat in enumerate(self.seat_map.seats):
            rows[seat.row].append(index)
        for row in rows.values():
            row.sort(key=lambda index: self.points[index])
        return rows

    @cached_property
    def named_runs(self) -> list[list[int]]:
        """The rows by their names in the file, each from left to right and cut at aisles."""
        runs: list[list[int]] = []
        for row in self.rows.values():
            last: int | None = None
            for seat in row:
                if last is None or self.points[last].to(self.points[seat]) > NEXT_SEAT:
                    runs.append([])
                runs[-1].append(seat)
                last = seat
        return runs

    def floor_row(self, seat: int) -> int:
        """The row where a seat is, whatever it is called: a number that only tells rows apart."""
        line = hall_line_of(self.seat_map)
        return line.row_of_run[line.run_of[seat]]

    def row_name(self, row: str) -> str:
        """The name that people read for a key of `rows`."""
        return shown(row.partition("\0")[0])

    def row_of(self, seat: int) -> str:
        """The name of a seat's row."""
        return self.row_name(self.seat_map.seats[seat].row)

    def label(self, seat: int) -> str:
        """The label of a seat, printable whatever the file says."""
        return shown(self.draft.seat_map.seats[self._index_in_draft[seat]].label)

    def named(self, seats: Iterable[int]) -> str:
        """``seat B-2``, ``seats B-2 and B-3``, ``seats B-2, B-3, B-4 and 9 more``."""
        labels = [self.label(seat) for seat in seats]
        return f"{'seat' if len(labels) == 1 else 'seats'} {listed(labels)}"

    def finding(
        self, severity: Severity, code: str, *, what: str = "", seats: Sequence[int] = (), problem: str, mend: str
    ) -> Finding:
        """A finding about seats, with their places in the file. Without ``what`` it names the seats."""
        few = seats[:MAX_PLACES]
        return Finding(
            severity=severity,
            code=code,
            what=what or self.named(seats),
            problem=problem,
            mend=mend,
            at=tuple(self.draft.in_file(f"seats[{self._index_in_draft[seat]}]") for seat in few),
            seats=tuple(self.label(seat) for seat in seats[:MAX_LABELS]),
        )

    def near(self, point: Point, reach: float) -> Iterator[int]:
        """Seats whose ``x`` and ``y`` each differ by at most ``reach`` from those of a point."""
        cells = self._cells
        for column in range(math.floor(point.x - reach), math.floor(point.x + reach) + 1):
            for line in range(math.floor(point.y - reach), math.floor(point.y + reach) + 1):
                for seat in cells.get((column, line), ()):
                    other = self.points[seat]
                    if abs(other.x - point.x) <= reach and abs(other.y - point.y) <= reach:
                        yield seat

    @cached_property
    def _cells(self) -> dict[tuple[int, int], list[int]]:
        """The floor in squares of one pitch."""
        cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        for seat, point in enumerate(self.points):
            cell = cells[math.floor(point.x), math.floor(point.y)]
            if len(cell) < MOST_IN_A_CELL:
                cell.append(seat)
        return dict(cells)


def clusters(points: Sequence[Point], reach: float) -> list[list[int]]:
    """Points in clusters, as indexes, the largest cluster first.

    Points closer than ``reach`` hang together, those farther than three times that do not, unless others are between.
    """
    # Counted from the corner of all points: clusters must not depend on where the hall is.
    left, front = (min((point[part] for point in points), default=0.0) for part in (0, 1))
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, point in enumerate(points):
        cells[math.floor((point.x - left) / reach), math.floor((point.y - front) / reach)].append(index)
    found: list[list[int]] = []
    while cells:
        cluster: list[int] = []
        open_cells = [next(iter(cells))]
        while open_cells:
            column, line = open_cells.pop()
            cluster += cells.pop((column, line), ())
            open_cells += [
                cell
                for cell in ((column + across, line + along) for across in (-1, 0, 1) for along in (-1, 0, 1))
                if cell in cells
            ]
        found.append(sorted(cluster))
    return sorted(found, key=lambda cluster: (-len(cluster), cluster))


def _usual_distance(seats: Sequence[Seat]) -> float:
    """The median of the distances from a seat to the nearest of those that follow it in its row."""
    rows: dict[str, list[Point]] = defaultdict(list)
    for seat in seats:
        rows[seat.row].append(Point(seat.x, seat.y))
    distances: list[float] = []
    for row in rows.values():
        row.sort()
        # Not only the next one: the seats of a row in two places alternate here.
        distances += (
            min(point.to(other) for other in row[place + 1 : place + 5]) for place, point in enumerate(row[:-1])
        )
    return (median(distances) if distances else 0.0) or 1.0


def _scaled(thing: Thing, corner: Point, unit: float) -> Thing:
    """A seat, a screen or an area, in pitches from the corner."""
    sizes = {name: getattr(thing, name) / unit for name in ("width", "height") if hasattr(thing, name)}
    return msgspec.structs.replace(thing, x=(thing.x - corner.x) / unit, y=(thing.y - corner.y) / unit, **sizes)


def _parts_of_rows(seats: Sequence[Seat]) -> dict[str, list[list[int]]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for index, seat in enumerate(seats):
        rows[seat.row].append(index)
    return {
        name: [[row[place] for place in part] for part in clusters([Point(seats[i].x, seats[i].y) for i in row], APART)]
        for name, row in rows.items()
    }
