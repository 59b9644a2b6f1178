"""Rows as they stand on the floor: who sits beside whom, found from coordinates alone.

Names decide nothing here: the two sides of a row may be called A and A1, and two rows far apart may both be called A.

* **Neighbours** are at most `NEXT_SEAT` apart, one to the right of the other. Rows may curve and wings may be turned: a
  neighbour may stand `LEVEL` degrees off the horizontal, and up to `STEEPEST` where the next seats of the row lead the
  same way and the two are no farther apart than `ONE_SEAT`. The seat behind is never a neighbour.
* A **run** is an unbroken chain of neighbours, from left to right.
* A **row** is all runs that continue one another across aisles, each at most `ACROSS` wide.
* A **file** is the exception: `FILE` seats or more straight behind one another, as along a wall or in a box, none of
  them with a neighbour. They are one run, from front to back.

All measures are seat pitches. The time grows with the number of seats, however they stand.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seatserver.seatmaps.model import SeatMap

Point = tuple[float, float]

NEXT_SEAT = 1.6
"""Neighbours are at most this far apart, centre to centre; more than that is an aisle."""
ACROSS = 8.0
"""The widest aisle: runs farther apart than this are separate rows."""
IN_LINE = 0.45
"""A run continues another one if it is at most this far off its line."""
LEVEL, STEEPEST = math.radians(30), math.radians(50)
ONE_SEAT = 1.25
"""The most between steep neighbours. Diagonal seats of a grid, which are none, are 1.41 apart."""
SIDEWAYS = 2.0
"""How much more depth counts than distance sideways: the seat beside is the neighbour, not the one behind."""
BEND = math.radians(30)
"""How far a row may turn from one seat to the next."""
FILE = 7
MOST_IN_A_CELL = 8
"""How many seats of a cell are compared, or half as many runs. A cell with more has seats on top of one another."""
CELL = 2.0


class Rows(NamedTuple):
    """``runs`` are tuples of seat indexes, the runs of a row one after the other; ``row_of_run`` numbers their rows."""

    runs: tuple[tuple[int, ...], ...]
    row_of_run: tuple[int, ...]


def rows_of(seat_map: SeatMap) -> Rows:
    """The rows of a map, found once; its runs are unbroken: a row's end or an aisle ends one."""
    return seat_map.derived(_rows_of)


def _rows_of(seat_map: SeatMap) -> Rows:
    return find_rows([(seat.x, seat.y) for seat in seat_map.seats])


def find_rows(points: Sequence[Point]) -> Rows:
    """The rows of seats at these ``points``, in the order of each row's first seat."""
    after = _neighbours(points)
    runs = _chains(range(len(points)), after)
    ends = [_End.of(points, run) for run in runs]
    rows = _chains(range(len(runs)), _across_aisles(ends))
    lone = [row[0] for row in rows if len(row) == len(runs[row[0]]) == 1]
    joined: set[int] = set()
    for file in _files([points[runs[run][0]] for run in lone]):
        first, *others = [lone[place] for place in file]
        runs[first] += [runs[other][0] for other in others]
        joined.update(others)
    rows = [row for row in rows if row[0] not in joined]
    rows.sort(key=lambda row: min(min(runs[run]) for run in row))
    return Rows(
        runs=tuple(tuple(runs[run]) for row in rows for run in row),
        row_of_run=tuple(number for number, row in enumerate(rows) for _ in row),
    )


def _chains(things: Sequence[int], after: dict[int, int]) -> list[list[int]]:
    """All chains that lead from one thing to the one ``after`` it."""
    followers = set(after.values())
    chains: list[list[int]] = []
    for first in things:
        if first not in followers:
            chain = [first]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            chains.append(chain)
    return chains


def _neighbours(points: Sequence[Point]) -> dict[int, int]:
    """Seat → its neighbour on the right."""
    found = []
    for one, other in _pairs(points):
        (x, y), (other_x, other_y) = points[one], points[other]
        dx, dy = other_x - x, other_y - y
        if _is_possible(dx, dy):
            found.append((dx * dx + (SIDEWAYS * dy) ** 2, one, other))
    found.sort()
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for _, one, other in found:
        if one not in after and other not in before:
            after[one], before[other] = other, one
    angle = {one: _angle(points[one], points[other]) for one, other in after.items()}
    while lost := [one for one, other in after.items() if not _is_supported(one, other, before, angle)]:
        for one in lost:
            del before[after.pop(one)], angle[one]
    return after


def _files(points: Sequence[Point]) -> Iterator[list[int]]:
    """Long files of seats straight behind one another."""
    found = []
    for one, other in _pairs([(y, x) for x, y in points]):
        dx, dy = abs(points[other][0] - points[one][0]), points[other][1] - points[one][1]
        if math.hypot(dx, dy) <= ONE_SEAT and math.atan2(dx, dy) <= LEVEL:
            found.append((math.hypot(SIDEWAYS * dx, dy), one, other))
    found.sort()
    after: dict[int, int] = {}
    followers: set[int] = set()
    for _, one, other in found:
        if one not in after and other not in followers:
            after[one] = other
            followers.add(other)
    return (file for file in _chains(range(len(points)), after) if len(file) >= FILE)


def _is_possible(dx: float, dy: float) -> bool:
    distance = math.hypot(dx, dy)
    if dx <= 0 or distance > NEXT_SEAT:
        return False
    steepness = math.atan2(abs(dy), dx)
    return steepness <= LEVEL or (steepness <= STEEPEST and distance <= ONE_SEAT)


def _is_supported(one: int, other: int, before: dict[int, int], angle: dict[int, float]) -> bool:
    """Whether two neighbours are level, or the seats beside them lead the same way."""
    here = angle[one]
    if abs(here) <= LEVEL:
        return True
    beside = [angle[link] for link in (before.get(one), other) if link in angle]
    return bool(beside) and all(abs(there - here) <= BEND for there in beside)


def _angle(one: Point, other: Point) -> float:
    return math.atan2(other[1] - one[1], other[0] - one[0])


def _pairs(points: Sequence[Point]) -> Iterator[tuple[int, int]]:
    """Pairs of seats near each other, the left one first."""
    cells: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for index, (x, y) in enumerate(points):
        cells[math.floor(x / CELL), math.floor(y / CELL)].append((x, index))
    for cell in cells.values():
        cell.sort()
    for (column, line), cell in cells.items():
        beside = [
            found
            for across in (column, column + 1)
            for along in (line - 1, line, line + 1)
            if (found := cells.get((across, along)))
        ]
        for x, index in cell:
            for others in beside:
                start = bisect_right(others, (x, len(points)))
                for other_x, other in others[start : start + MOST_IN_A_CELL]:
                    if other_x - x > NEXT_SEAT:
                        break
                    yield index, other


class _End(NamedTuple):
    """The two ends of a run, and which way it leads there; a single seat has no direction (None)."""

    first: Point
    last: Point
    first_angle: float | None
    last_angle: float | None

    @classmethod
    def of(cls, points: Sequence[Point], run: Sequence[int]) -> _End:
        first, last = points[run[0]], points[run[-1]]
        if len(run) == 1:
            return cls(first, last, None, None)
        return cls(first, last, _angle(first, points[run[1]]), _angle(points[run[-2]], last))


def _across_aisles(ends: Sequence[_End]) -> dict[int, int]:
    """Run → the run that continues it on the right, across an aisle."""
    cells: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for run, end in enumerate(ends):
        cells[math.floor(end.first[0] / CELL), math.floor(end.first[1] / CELL)].append((end.first[0], run))
    for cell in cells.values():
        cell.sort()
    nearest_after: dict[int, tuple[float, int]] = {}
    nearest_before: dict[int, tuple[float, int]] = {}
    for run, end in enumerate(ends):
        for other in _starts_in_line(cells, end):
            distance = _distance_in_line(end, ends[other])
            if distance is not None:
                nearest_after[run] = min(nearest_after.get(run, (math.inf, 0)), (distance, other))
                nearest_before[other] = min(nearest_before.get(other, (math.inf, 0)), (distance, run))
    return {run: other for run, (_, other) in nearest_after.items() if nearest_before[other][1] == run}


def _starts_in_line(cells: dict[tuple[int, int], list[tuple[float, int]]], end: _End) -> Iterator[int]:
    """The runs that begin to the right of a run's end, roughly where it leads."""
    (x, y), angle = end.last, end.last_angle or 0.0
    low, high = math.tan(angle - BEND / 2), math.tan(angle + BEND / 2)
    column = math.floor(x / CELL)
    for across in range(column, column + math.ceil(ACROSS / CELL) + 1):
        near, far = max(0.0, across * CELL - x), max(0.0, (across + 1) * CELL - x)
        lowest = math.floor((y + min(low * near, low * far) - IN_LINE) / CELL)
        highest = math.floor((y + max(high * near, high * far) + IN_LINE) / CELL)
        for along in range(lowest, highest + 1):
            if found := cells.get((across, along)):
                start = bisect_right(found, (x, math.inf))
                yield from (run for _, run in found[start : start + MOST_IN_A_CELL // 2])


def _distance_in_line(left: _End, right: _End) -> float | None:
    """How far apart the runs are if the right one continues the left one, else None."""
    dx, dy = right.first[0] - left.last[0], right.first[1] - left.last[1]
    known = [angle for angle in (left.last_angle, right.first_angle) if angle is not None]
    if not known:
        return dx + abs(dy) if 0 < dx <= ACROSS and abs(dy) <= IN_LINE else None
    if len(known) == 2 and abs(known[0] - known[1]) > BEND:
        return None
    angle = sum(known) / len(known)
    along = dx * math.cos(angle) + dy * math.sin(angle)
    aside = abs(dy * math.cos(angle) - dx * math.sin(angle))
    return along + aside if 0 < along <= ACROSS and aside <= IN_LINE else None
