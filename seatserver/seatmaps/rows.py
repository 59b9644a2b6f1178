"""Rows as they stand on the floor: who sits beside whom, found from coordinates alone.

Names decide nothing here: two sides of one row may be called A and A1, and two rows far apart may both be called A.

* **Neighbours** stand at most `AISLE` apart, one to the right of the other. Rows may curve and wings may be turned: a
  neighbour may stand `LEVEL` degrees off the horizontal, and up to `STEEPEST` where the next seats of the row lead the
  same way and no seat's width is between. A seat behind another one is never its neighbour.
* A **run** is an unbroken chain of neighbours, from left to right.
* A **row** is all runs that go on in line with one another behind an aisle, which is at most `ACROSS` wide.
* A **file** is the exception: `FILE` seats or more straight behind one another, as along a wall or in a box, with
  nothing beside any of them. They are one run, from front to back.

All measures are seat pitches. The time grows with the number of seats, however they stand. This module is pure.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Point = tuple[float, float]

AISLE = 1.6
"""Seats whose centres are farther apart than this have an aisle between them."""
ACROSS = 8.0
"""Runs farther apart than this are rows of their own: that is wider than any aisle."""
IN_LINE = 0.45
"""So far beside the line of a run another one still goes on with it."""
LEVEL, STEEPEST = math.radians(30), math.radians(50)
ONE_SEAT = 1.25
"""Steep neighbours stand at most so far apart: on a grid, seats on the diagonal are 1.41 apart."""
SIDEWAYS = 2.0
"""Of two seats the one beside is the neighbour, rather than the one before or behind: depth counts so many times."""
BEND = math.radians(30)
"""So much a row may turn from one seat to the next."""
FILE = 7
MOST_IN_A_CELL = 8
"""So many seats of one cell are looked at, or half as many runs; where there are more, they stand on one another."""
CELL = 2.0


class Rows(NamedTuple):
    """``runs`` are indexes of seats, those of one row one after the other; ``row_of_run`` numbers their rows."""

    runs: tuple[tuple[int, ...], ...]
    row_of_run: tuple[int, ...]


def find_rows(points: Sequence[Point]) -> Rows:
    """The rows of seats that stand at ``points``, in the order of each row's first seat."""
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
    """Everything in chains from one thing to the one after it."""
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
    """Long files of seats that stand straight behind one another."""
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
    if dx <= 0 or distance > AISLE:
        return False
    steepness = math.atan2(abs(dy), dx)
    return steepness <= LEVEL or (steepness <= STEEPEST and distance <= ONE_SEAT)


def _is_supported(one: int, other: int, before: dict[int, int], angle: dict[int, float]) -> bool:
    """Whether two seats are level, or the seats beside them lead the same way."""
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
                    if other_x - x > AISLE:
                        break
                    yield index, other


class _End(NamedTuple):
    """The two ends of a run, and which way it leads there; None for a single seat, which leads nowhere."""

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
    """Run → the run that goes on with it on the right, behind an aisle."""
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
    """The runs that begin to the right of a run's end, about where it leads."""
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
    """How far apart the runs are when the right one goes on with the left one, else None."""
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
