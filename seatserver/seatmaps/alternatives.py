"""Whether a party could sit otherwise without stranding so many seats, and where.

Asked only about a selection that strands seats (`gaps`). Its **parts** are its unbroken stretches of neighbours.
Another selection is an alternative when it moves one part, as it is, somewhere else in the room: as many neighbours,
the same categories and kinds of seats in any order, all free, groups whole. So friends who chose to sit together are
only shown places where they sit together, and a party that split itself is judged part by part: each could move while
the others stay; parts that share a group stay where they are. Parts may move next to one another::

    | o . o . . . .     the right one moves beside the left one: nothing is stranded
    x o o . x           alone in the room with this stretch, two strand one wherever they sit: there is no alternative

When no part can move so that fewer seats are stranded in all, the party could not sit otherwise. Else the fix moves
the part that helps most: the fewest stranded seats first, then in its own run, then as near as can be; and it goes on
until no part can do better, so that the fix could not sit otherwise either. This module is pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from operator import itemgetter, or_
from typing import TYPE_CHECKING, NamedTuple

from seatserver.seatmaps.gaps import Cuts, parts_of, stranded_by
from seatserver.seatmaps.kinds import kinds_of, looks_to, refused_kinds
from seatserver.seatmaps.lines import AISLE, ROW_END, TAKEN, lines_of
from seatserver.seatmaps.model import SeatMap

if TYPE_CHECKING:
    from seatserver.seatmaps.rules import Rules


class Party(NamedTuple):
    """Who asks, of which room, under which rules: everything but the selection itself."""

    seat_map: SeatMap
    states: bytes
    rules: Rules
    wheelchairs: int
    minutes_left: float | None


class Move(NamedTuple):
    """One part moved to ``window``. The less the better: seats stranded in all, out of its own run, away from where it
    was, apart from the others, not filling what was stranded."""

    stranded: int
    elsewhere: bool
    distance: float
    apart: int
    unfilled: int
    window: tuple[int, ...]


def sit_otherwise(party: Party, seats: Sequence[int], stranded: Sequence[int]) -> tuple[int, ...] | None:
    """The nearest selection that strands fewer seats than ``seats`` (which strand ``stranded``), or None.

    It is sorted and itself without an alternative. The seats are numbered ones, and right by `kinds`. The time grows
    with the room only when the parts' own runs offer nothing.
    """
    lines = lines_of(party.seat_map)
    chosen, left = frozenset(seats), len(stranded)
    while left:
        parts = [lines.seat_at[first : last + 1] for first, last in parts_of(lines.spot_of[seat] for seat in chosen)]
        searches = [
            _Search(party, part, others, left, stranded)
            for part in parts
            if not (others := chosen.difference(part)) or not party.seat_map.torn_groups(others)
        ]
        for search in searches:
            search.look_at_home()
        if all(search.best is None or search.best.stranded for search in searches):
            for search in searches:
                search.look_around()
        moves = [(search.best, search.others) for search in searches if search.best is not None]
        if not moves:
            break
        best, others = min(moves, key=itemgetter(0))
        chosen, left = others.union(best.window), best.stranded
        if len(parts) == 1:
            break
    return tuple(sorted(chosen)) if left < len(stranded) else None


class _Search:
    """The search for the ``best`` way to move one part while the ``others`` stay, one run after the other."""

    def __init__(
        self, party: Party, part: tuple[int, ...], others: frozenset[int], limit: int, stranded: Sequence[int]
    ) -> None:
        seat_map, states, rules, wheelchairs, minutes_left = party
        self.party, self.others, self.limit, self.stranded = party, others, limit, frozenset(stranded)
        self.lines, self.kinds = lines_of(seat_map), kinds_of(seat_map)
        self.doomed: frozenset[int] = frozenset()
        if others:
            found = stranded_by(seat_map, states, others, rules, minutes_left=minutes_left)
            self.doomed = frozenset(found.stranded)
            after = bytearray(states)
            for seat in others:
                after[seat] = TAKEN
            states = bytes(after)
        self.states = states[: len(seat_map.seats)] + bytes((AISLE, ROW_END))
        self.cuts = Cuts(seat_map, states, rules, minutes_left=minutes_left, runs=())
        self.looks = looks_to(seat_map, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        self.wanted = sorted(self.looks[self.kinds.alike[self.lines.spot_of[seat]]] for seat in part)
        self.unlike = frozenset(number for number, look in enumerate(self.looks) if look not in self.wanted)
        self.home, self.middle = self.lines.run_of[part[0]], _middle(seat_map, part)
        self.best: Move | None = None

    def look_at_home(self) -> None:
        """Look at the part's own run."""
        for first, end in self._stretches(*self.lines.spans[self.home]):
            self._slide(self.home, first, end)

    def look_around(self) -> None:
        """Look at all runs, the nearest first, until none can have anything better."""
        run_of, seat_at = self.lines.run_of, self.lines.seat_at
        stretches = [(run_of[seat_at[first]], first, end) for first, end in self._stretches(0, len(seat_at))]
        near = {run: self._distance(run) for run, _, _ in stretches}
        for run, first, end in sorted(stretches, key=lambda stretch: near[stretch[0]]):
            if self.best is not None and not self.best.stranded and near[run] > self.best.distance:
                break
            self._slide(run, first, end)

    def _stretches(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The unbroken stretches of free seats like the part's, wide enough for it, between two spots of the line."""
        states = map(self.states.__getitem__, self.lines.seat_at[first:end])
        line = bytes(map(or_, states, map(self.unlike.__contains__, self.kinds.alike[first:end])))
        for stretch in re.finditer(b"\0{%d,}" % len(self.wanted), line):
            yield first + stretch.start(), first + stretch.end()

    def _slide(self, run: int, first: int, end: int) -> None:
        """Consider every window of one stretch that tears no group."""
        self.cuts.add(run)
        seat_at, joined, left, right = self.lines.seat_at, self.lines.joined, self.cuts.left, self.cuts.right
        size, most = len(self.wanted), self.limit - len(self.doomed)
        for start in range(first, end - size + 1):
            # What the others strand may be filled, so that only without it the cuts alone tell that this is no better.
            if self.doomed or left[seat_at[start]] + right[seat_at[start + size - 1]] < most:
                if not (joined[start] or joined[start + size]):
                    self._consider(run, start, seat_at[start : start + size])

    def _consider(self, run: int, start: int, window: tuple[int, ...]) -> None:
        left = len(self.doomed) + self.cuts.of(window)
        if self.doomed:
            left -= len(self.doomed.intersection(window))
        if left >= self.limit or (self.best is not None and left > self.best.stranded):
            return
        x, y = _middle(self.party.seat_map, window)
        distance = math.hypot(x - self.middle[0], y - self.middle[1])
        seat_at = self.lines.seat_at
        beside = (seat_at[start - 1] in self.others) + (seat_at[start + len(window)] in self.others)
        filled = len(self.stranded.intersection(window))
        move = Move(left, run != self.home, distance, -beside, -filled, window)
        if (self.best is None or move < self.best) and self._is_right(start, window):
            self.best = move

    def _is_right(self, start: int, window: tuple[int, ...]) -> bool:
        """Whether the window has the categories and kinds of the part, and the kinds allow the whole selection."""
        if self.wanted[0] != self.wanted[-1]:
            looks = sorted(self.looks[look] for look in self.kinds.alike[start : start + len(window)])
            if looks != self.wanted:
                return False
        if not self.lines.scattered and self.kinds.special.isdisjoint(window):
            return True
        seat_map, _, rules, wheelchairs, minutes_left = self.party
        seats = (*self.others, *window)
        return not refused_kinds(seat_map, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)

    def _distance(self, run: int) -> float:
        """No window of the run is nearer than this."""
        (x, y), (x_min, x_max, y_min, y_max) = self.middle, self.lines.boxes[run]
        return math.hypot(max(x_min - x, 0.0, x - x_max), max(y_min - y, 0.0, y - y_max))


def _middle(seat_map: SeatMap, window: Sequence[int]) -> tuple[float, float]:
    """The point between a window's outer seats."""
    one, other = seat_map.seats[window[0]], seat_map.seats[window[-1]]
    return (one.x + other.x) / 2, (one.y + other.y) / 2
