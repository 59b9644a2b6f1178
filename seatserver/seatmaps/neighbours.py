"""Which seats are near each other: what a party that cannot sit in one row still calls together.

A **part** is a set of neighbours in one run. Two parts are *near* when

* they stand in one run, in two runs of one row with only an aisle between them, or in rows directly one behind the
  other (no third row between them there, and at most `ROW_REACH` pitches apart, so that a cross aisle still counts);
* and sideways at most `REACH` pitches lie between their nearest ends, as across a wide aisle::

      B:  . o o . : . . .        the parts in B and C are near (one behind the other); so are those in C (across the
      C:  . . o . : o . .        aisle); those in B and D are not: C stands between them
      D:  . . . . : o . .

Positions are spots on the hall's line (`lines.Lines`); a part is a `Span` of them. The relation depends on the map
alone and is made once. This module is pure.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import floor

from seatserver.seatmaps.lines import Lines, lines_of
from seatserver.seatmaps.model import SeatMap

Span = tuple[int, int]
"""Neighbouring spots of one run: the first one, and the one behind the last."""
REACH = 4.0
ROW_REACH = 3.0
CELL = 4.0
"""The side of the squares by which seats around a point are looked up."""


class Neighbours:
    """What is near what in one hall; get it from `neighbours_of`.

    ``xs`` and ``ys`` are the seats' coordinates by spot (0 where there is no seat).
    """

    def __init__(self, seat_map: SeatMap) -> None:
        self._lines = lines = lines_of(seat_map)
        seats = seat_map.seats
        self.xs = [seats[seat].x if seat < len(seats) else 0.0 for seat in lines.seat_at]
        self.ys = [seats[seat].y if seat < len(seats) else 0.0 for seat in lines.seat_at]
        links: list[set[int]] = [{run} for run in range(len(lines.spans))]
        for run, (one, other) in enumerate(pairwise(lines.row_of_run)):
            if one == other:
                links[run].add(run + 1)
                links[run + 1].add(run)
        for one_run, other_run in _behind_one_another(lines, self.xs, self.ys):
            links[one_run].add(other_run)
            links[other_run].add(one_run)
        self._cells: dict[tuple[int, int], list[int]] = {}
        for first, end in lines.spans:
            for spot in range(first, end):
                self._cells.setdefault((int(self.xs[spot] // CELL), int(self.ys[spot] // CELL)), []).append(spot)
        # Run → runs near it, each with its spots and whether the two lie so deep that depth must be compared as well.
        self._links = tuple(
            tuple((*lines.spans[other], self._is_deep(run, other)) for other in sorted(near))
            for run, near in enumerate(links)
        )

    def around(self, part: Span) -> Iterator[tuple[int, int, bool]]:
        """Where the parts near ``part`` are: those that touch one of these intervals of spots.

        With True the interval is only sure sideways: ask `are_near` of what touches it.
        """
        xs = self.xs
        left, right = xs[part[0]] - REACH, xs[part[1] - 1] + REACH
        for first, end, deep in self._links[self._run(part)]:
            low = bisect_left(xs, left, first, end)
            high = bisect_right(xs, right, low, end)
            if low < high:
                yield low, high, deep

    def are_near(self, one: Span, other: Span) -> bool:
        """Whether two parts are near each other."""
        for low, high, deep in self.around(one):
            if other[0] < high and other[1] > low:
                return not deep or self._depth_between(one, other) <= REACH
        return False

    def about(self, x: float, y: float, cells: int = 1) -> list[int]:
        """The spots of all seats within ``cells`` × `CELL` pitches of a point, and of some more."""
        column, row = int(x // CELL), int(y // CELL)
        return [
            spot
            for across in range(column - cells, column + cells + 1)
            for along in range(row - cells, row + cells + 1)
            for spot in self._cells.get((across, along), ())
        ]

    def middle(self, part: Span) -> tuple[float, float]:
        """The mean point of a part's seats."""
        first, end = part
        return sum(self.xs[first:end]) / (end - first), sum(self.ys[first:end]) / (end - first)

    def _run(self, part: Span) -> int:
        return self._lines.run_of[self._lines.seat_at[part[0]]]

    def _depth_between(self, one: Span, other: Span) -> float:
        ys = self.ys
        a, b = sorted((ys[one[0]], ys[one[1] - 1]))
        c, d = sorted((ys[other[0]], ys[other[1] - 1]))
        return max(c - b, a - d)

    def _is_deep(self, one: int, other: int) -> bool:
        ys = [y for first, end in (self._lines.spans[one], self._lines.spans[other]) for y in self.ys[first:end]]
        return max(ys) - min(ys) > REACH


def neighbours_of(seat_map: SeatMap) -> Neighbours:
    """The map's neighbourhoods, made once."""
    return seat_map.derived(Neighbours)


def are_chained(parts: Iterable[Span], neighbours: Neighbours, also: Iterable[Span] = ()) -> bool:
    """Whether one can go from every part to every other through parts that are near; those of ``also`` all are."""
    apart, linked = set(parts), set(also)
    reached = [apart.pop()] if apart else []
    while reached:
        part = reached.pop()
        found = {other for other in apart if (part in linked and other in linked) or neighbours.are_near(part, other)}
        apart -= found
        reached += found
    return not apart


def _behind_one_another(lines: Lines, xs: list[float], ys: list[float]) -> Iterator[tuple[int, int]]:
    """Pairs of runs that stand, somewhere, directly behind one another."""
    # The hall in columns of one pitch, twice: shifted by half a pitch for rows that are staggered.
    columns: dict[float, list[tuple[float, int]]] = {}
    for run, (first, end) in enumerate(lines.spans):
        for spot in range(first, end):
            for shift in (0.0, 0.5):
                columns.setdefault(floor(xs[spot] + shift) - shift, []).append((ys[spot], run))
    for column in columns.values():
        column.sort()
        for (depth, run), (other_depth, other) in pairwise(column):
            if run != other and other_depth - depth <= ROW_REACH:
                yield run, other
