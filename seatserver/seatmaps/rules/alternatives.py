"""Whether a party could sit elsewhere without stranding as many seats, and where.

Asked only about a selection that strands seats (`gaps`). Its **parts** are its unbroken series of neighbours. An
alternative moves one part, as it is, to another place in the room: as many neighbours, the same categories and kinds of
seats in any order, all free, groups whole. So friends who chose to sit together are only shown places where they sit
together. A party that split itself is judged part by part: each could move while the others stay, and parts that share
a group stay where they are. A part may move next to another one::

    | o . o . . . .     the right one moves beside the left one: nobody is stranded
    x o o . x           alone in the room with this stretch, two strand one wherever they sit: there is no alternative

If no part can move so that fewer seats are stranded in all, there is no alternative. Otherwise the fix moves one part
after the other until no further move helps, so the fix itself has no alternative. Parts move inside their own run
first, then as near as possible; parts beside a stranded seat move before the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter, or_
from typing import NamedTuple

from seatserver.seatmaps.layout.hall_line import AISLE, ROW_END, TAKEN, hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import SeatClass, classes_for, kinds_of, refused_kinds
from seatserver.seatmaps.rules.gaps import Cuts, parts_of, stranded_by
from seatserver.seatmaps.rules.model import Party

FEW = 4
"""With at most this many parts, the best move within the parts' own runs is taken; with more, the first one found."""


class Move(NamedTuple):
    """A part moved to ``window``. The smaller of two moves is better: it strands fewer seats in all, is nearer to where
    the part was, touches more of the others, fills more of what was stranded."""

    stranded: int
    distance: float
    apart: int
    unfilled: int
    window: tuple[int, ...]


def sit_otherwise(party: Party, seats: Sequence[int], stranded: Sequence[int]) -> tuple[int, ...] | None:
    """The nearest selection that strands fewer seats than ``seats`` (which strand ``stranded``), or None.

    It is sorted, and has no alternative itself. ``seats`` are numbered seats that `accessibility` allows. The whole
    room is searched only if the parts' own runs offer nothing.
    """
    context = _Context(party, frozenset(stranded))
    chosen, left = frozenset(seats), len(stranded)
    moved: set[int] = set()
    while left:
        parts = [
            (part, others)
            for part in context.parts(chosen)
            if not (others := chosen.difference(part)) or not party.seat_map.torn_groups(others)
        ]
        # A part that has moved is usually best where it is now.
        parts.sort(key=lambda part: (not moved.isdisjoint(part[0]), not context.is_beside_stranded(part[0])))
        at_home = _moves(context, parts, left, _Search.at_home)
        moves = list(islice(at_home, None if len(parts) <= FEW else 1))
        moves = moves or list(islice(_moves(context, parts, left, _Search.around), 1))
        if not moves:
            break
        move, others = min(moves, key=itemgetter(0))
        chosen, left = others.union(move.window), move.stranded
        moved.update(move.window)
    return tuple(sorted(chosen)) if left < len(stranded) else None


def _moves(
    context: _Context,
    parts: Iterable[tuple[tuple[int, ...], frozenset[int]]],
    limit: int,
    find: Callable[[_Search], Move | None],
) -> Iterator[tuple[Move, frozenset[int]]]:
    """How each part can move so that fewer than ``limit`` seats are stranded, and the others, which stay."""
    for part, others in parts:
        if (move := find(_Search(context, part, others, limit))) is not None:
            yield move, others


class _Context:
    """What the searches for one party share."""

    def __init__(self, party: Party, stranded: frozenset[int]) -> None:
        self.party, self.stranded = party, stranded
        self.hall, self.kinds = hall_line_of(party.seat_map), kinds_of(party.seat_map)
        self.classes = classes_for(
            party.seat_map, party.rules, wheelchairs=party.wheelchairs, minutes_left=party.minutes_left
        )
        self._states = party.states[: len(party.seat_map.seats)] + bytes((AISLE, ROW_END))
        self._free: dict[tuple[frozenset[int], int, int], bytes] = {}

    def parts(self, chosen: Iterable[int]) -> list[tuple[int, ...]]:
        """The parts of a selection."""
        spots = [self.hall.spot_of[seat] for seat in chosen]
        return [self.hall.seat_at[first : last + 1] for first, last in parts_of(spots)]

    def is_beside_stranded(self, part: tuple[int, ...]) -> bool:
        """Whether a neighbour of the part is one of the seats that would be stranded."""
        seat_at, spot_of = self.hall.seat_at, self.hall.spot_of
        neighbours = {seat_at[spot_of[part[0]] - 1], seat_at[spot_of[part[-1]] + 1]}
        return not self.stranded.isdisjoint(neighbours)

    def class_of(self, seat: int) -> SeatClass:
        """The class of a seat, as this party sees it."""
        return self.classes[self.kinds.class_at[self.hall.spot_of[seat]]]

    def free(self, unlike: frozenset[int], first: int, end: int) -> bytes:
        """A piece of the hall's line: 0 where a seat is free and is none of the ``unlike`` classes."""
        piece = (unlike, first, end)
        if piece not in self._free:
            states = map(self._states.__getitem__, self.hall.seat_at[first:end])
            self._free[piece] = bytes(map(or_, states, map(unlike.__contains__, self.kinds.class_at[first:end])))
        return self._free[piece]


class _Search:
    """The search for the best way to move one part while the ``others`` stay."""

    def __init__(self, context: _Context, part: tuple[int, ...], others: frozenset[int], limit: int) -> None:
        seat_map, states, rules, _, minutes_left = context.party
        self.context, self.hall, self.part, self.others = context, context.hall, part, others
        self.limit = limit
        self.doomed: frozenset[int] = frozenset()
        if others:
            found = stranded_by(seat_map, states, others, rules, minutes_left=minutes_left)
            self.doomed = frozenset(found.stranded)
            after = bytearray(states)
            for seat in others:
                after[seat] = TAKEN
            states = bytes(after)
        self.cuts = Cuts(seat_map, states, rules, minutes_left=minutes_left, runs=())
        # The part leaves nothing that others need: no rest of a scattered group, no companion's wheelchair place.
        self.plain = not self.hall.scattered and context.kinds.special.isdisjoint(others)
        self.wanted = sorted(map(context.class_of, part))
        self.unlike = frozenset(number for number, one in enumerate(context.classes) if one not in self.wanted)
        self.home, self.middle = self.hall.run_of[part[0]], _middle(seat_map, part)
        self.best: Move | None = None

    def at_home(self) -> Move | None:
        """The best move within the part's own run."""
        for first, end in self._stretches(*self.hall.spans[self.home]):
            self._slide(self.home, first, end)
        return self.best

    def around(self) -> Move | None:
        """The best move of all. Searches the nearest runs first and stops when no farther run can have a better one."""
        run_of, seat_at = self.hall.run_of, self.hall.seat_at
        stretches = [(run_of[seat_at[first]], first, end) for first, end in self._stretches(0, len(seat_at))]
        near = {run: self._distance(run) for run, _, _ in stretches}
        for run, first, end in sorted(stretches, key=lambda stretch: near[stretch[0]]):
            if self.best is not None and not self.best.stranded and near[run] > self.best.distance:
                break
            self._slide(run, first, end)
        return self.best

    def _stretches(self, first: int, end: int) -> list[tuple[int, int]]:
        """The stretches of free seats of the part's classes, wide enough for it, between two spots of the line."""
        free = bytearray(self.context.free(self.unlike, first, end))
        for seat in self.others:
            if first <= (spot := self.hall.spot_of[seat]) < end:
                free[spot - first] = TAKEN
        enough = re.finditer(b"\0{%d,}" % len(self.part), free)
        return [(first + stretch.start(), first + stretch.end()) for stretch in enough]

    def _slide(self, run: int, first: int, end: int) -> None:
        """Consider every window of one stretch that tears no group."""
        self.cuts.add(run)
        seat_at, joined, left, right = self.hall.seat_at, self.hall.joined, self.cuts.left, self.cuts.right
        size, most = len(self.part), self.limit - len(self.doomed)
        for start in range(first, end - size + 1):
            # The cuts alone rule out a window only if the others strand nobody: else it may fill what they strand.
            if self.doomed or left[seat_at[start]] + right[seat_at[start + size - 1]] < most:
                if not (joined[start] or joined[start + size]):
                    self._consider(start, seat_at[start : start + size])

    def _consider(self, start: int, window: tuple[int, ...]) -> None:
        left = len(self.doomed) + self.cuts.of(window)
        if self.doomed:
            left -= len(self.doomed.intersection(window))
        if left >= self.limit or (self.best is not None and left > self.best.stranded):
            return
        x, y = _middle(self.context.party.seat_map, window)
        distance = math.hypot(x - self.middle[0], y - self.middle[1])
        seat_at = self.hall.seat_at
        beside = (seat_at[start - 1] in self.others) + (seat_at[start + len(window)] in self.others)
        filled = len(self.context.stranded.intersection(window))
        move = Move(left, distance, -beside, -filled, window)
        if (self.best is None or move < self.best) and self._is_right(window):
            self.best = move

    def _is_right(self, window: tuple[int, ...]) -> bool:
        """Whether the window has the classes of the part, and the kinds allow the whole selection."""
        kinds = self.context.kinds
        if self.wanted[0] != self.wanted[-1] and sorted(map(self.context.class_of, window)) != self.wanted:
            return False
        if self.plain and kinds.special.isdisjoint(window):
            return True
        seat_map, _, rules, wheelchairs, minutes_left = self.context.party
        seats = (*self.others, *window)
        return not refused_kinds(seat_map, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)

    def _distance(self, run: int) -> float:
        """No window of the run is nearer than this."""
        (x, y), (x_min, x_max, y_min, y_max) = self.middle, self.hall.boxes[run]
        return math.hypot(max(x_min - x, 0.0, x - x_max), max(y_min - y, 0.0, y - y_max))


def _middle(seat_map: SeatMap, window: Sequence[int]) -> tuple[float, float]:
    """The point between a window's outer seats."""
    one, other = seat_map.seats[window[0]], seat_map.seats[window[-1]]
    return (one.x + other.x) / 2, (one.y + other.y) / 2
