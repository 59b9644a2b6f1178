"""Which seats are near each other: where a party that cannot sit in one row is still together.

A **part** is a set of neighbours in one run. Two parts are *near* if

* they are in one run, in two runs of one row with only an aisle between them, or in rows directly behind one another
  (no third row between them there, and at most `ROW_REACH` pitches apart, so that a cross aisle still counts);
* and sideways at most `REACH` pitches are between their nearest ends, as across a wide aisle::

      B:  . o o . : . . .        the parts in B and C are near (one behind the other), and so are those in C (across
      C:  . . o . : o . .        the aisle); those in B and D are not, because C is between them
      D:  . . . . : o . .

Positions are spots on the hall's line (`HallLine`), and a part is a `Span` of them. What is near depends on the map
alone and is computed once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import floor

from seatserver.seatmaps.layout.hall_line import HallLine, hall_line_of
from seatserver.seatmaps.model import SeatMap

Span = tuple[int, int]
"""Neighbouring spots of one run: the first, and the one behind the last."""
REACH = 4.0
ROW_REACH = 3.0
CELL = 4.0
"""The side of the squares in which seats around a point are looked up."""


class Neighbours:
    """What is near what in one hall. Get it from `neighbours_of`.

    ``xs`` and ``ys`` are the seats' coordinates by spot (0 where there is no seat).
    """

    def __init__(self, seat_map: SeatMap) -> None:
        self._hall = hall = hall_line_of(seat_map)
        seats = seat_map.seats
        self.xs = [seats[seat].x if seat < len(seats) else 0.0 for seat in hall.seat_at]
        self.ys = [seats[seat].y if seat < len(seats) else 0.0 for seat in hall.seat_at]
        links: list[set[int]] = [{run} for run in range(len(hall.spans))]
        for run, (one, other) in enumerate(pairwise(hall.row_of_run)):
            if one == other:
                links[run].add(run + 1)
                links[run + 1].add(run)
        for one_run, other_run in _behind_one_another(hall, self.xs, self.ys):
            links[one_run].add(other_run)
            links[other_run].add(one_run)
        self._cells: dict[tuple[int, int], list[int]] = {}
        for first, end in hall.spans:
            for spot in range(first, end):
                self._cells.setdefault((int(self.xs[spot] // CELL), int(self.ys[spot] // CELL)), []).append(spot)
        # Run → runs near it, each with its spots, and whether the two are so deep that depth must be compared too.
        self._links = tuple(
            tuple((*hall.spans[other], self._is_deep(run, other)) for other in sorted(near))
            for run, near in enumerate(links)
        )

    def around(self, part: Span) -> Iterator[tuple[int, int, bool]]:
        """Intervals of spots: the parts near ``part`` are those that touch one of them.

        If the third value is True, the interval is only right sideways: ask `are_near` about a part that touches it.
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
        """The spots of all seats within ``cells`` × `CELL` pitches of a point, and of some beyond."""
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
        return self._hall.run_of[self._hall.seat_at[part[0]]]

    def _depth_between(self, one: Span, other: Span) -> float:
        ys = self.ys
        a, b = sorted((ys[one[0]], ys[one[1] - 1]))
        c, d = sorted((ys[other[0]], ys[other[1] - 1]))
        return max(c - b, a - d)

    def _is_deep(self, one: int, other: int) -> bool:
        ys = [y for first, end in (self._hall.spans[one], self._hall.spans[other]) for y in self.ys[first:end]]
        return max(ys) - min(ys) > REACH


def neighbours_of(seat_map: SeatMap) -> Neighbours:
    """The map's neighbourhoods, made once."""
    return seat_map.derived(Neighbours)


def are_chained(parts: Iterable[Span], neighbours: Neighbours, also: Iterable[Span] = ()) -> bool:
    """Whether every part leads to every other through parts near each other; those of ``also`` count as near."""
    apart, linked = set(parts), set(also)
    reached = [apart.pop()] if apart else []
    while reached:
        part = reached.pop()
        found = {other for other in apart if (part in linked and other in linked) or neighbours.are_near(part, other)}
        apart -= found
        reached += found
    return not apart


def _behind_one_another(hall: HallLine, xs: list[float], ys: list[float]) -> Iterator[tuple[int, int]]:
    """Pairs of runs that are, somewhere, directly behind one another."""
    # The hall in columns of one pitch, and again shifted by half a pitch, for staggered rows.
    columns: dict[float, list[tuple[float, int]]] = {}
    for run, (first, end) in enumerate(hall.spans):
        for spot in range(first, end):
            for shift in (0.0, 0.5):
                columns.setdefault(floor(xs[spot] + shift) - shift, []).append((ys[spot], run))
    for column in columns.values():
        column.sort()
        for (depth, run), (other_depth, other) in pairwise(column):
            if run != other and other_depth - depth <= ROW_REACH:
                yield run, other
