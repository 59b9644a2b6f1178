"""The gap rule: which seats a selection would strand.

A **stretch** is what one may still take side by side: free neighbours, as far as the next taken seat, the next place
that is kept for people with a wheelchair, the next aisle or the row's end. After a selection, a stretch of at most
``width`` seats is too narrow to be wanted; its seats are *stranded*, unless they were so before::

    x taken   . free   o the selection   ! would be stranded   : aisle   | row's end

    | ! o o . . . |      the row's end closes the stretch on its other side
    | . o o . . . |      … but not with ``row_ends`` false
    : ! o o . . . |      so does an aisle, unless ``aisles`` is false
    | o o . . . . |
    | x ! o . . . |
    | x o . . . . |
    | x . x . o . |      the single seats were so before, or …
    | x . x ! o ! |      … were not
    | x o o x o o |      a gap that is filled is none
    | ! ! o o . . |      with width 2

* What ends a stretch: a seat that is not free, whatever the reason; places kept for people with a wheelchair and
  their companions as long as they are not freed (`kinds`), which are never stranded themselves; an aisle and a row's
  end. With ``aisles`` (``row_ends``) false, a stretch that touches an aisle (a row's end) is no gap however narrow.
  An aisle is where the same row goes on behind it.
* Seats of a group are never stranded: a whole group can still be sold, and one that is partly taken could not be sold
  anyway. Such a rest of a group ends a stretch like a taken seat, and the stretch's other seats may be stranded.
* Stranded before means: in a stretch that was already so narrow and closed. Taking some seats of one strands nobody.
* The ``exempt_last_rows`` rows farthest from the screen, by the mean ``y`` of their seats, strand nothing.

`stranded_by` judges one selection in time that grows with it and says which seats it looked at; `Cuts` is for those
who compare thousands of windows in one room. This module is pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seatserver.seatmaps.kinds import kept_line, kinds_of
from seatserver.seatmaps.lines import AISLE, ROW_END, SEAT, TAKEN, lines_of
from seatserver.seatmaps.model import SeatMap

if TYPE_CHECKING:
    from seatserver.seatmaps.rules import Rules

FREE = 0
"""The byte of a free seat in ``states``; the same number as `seatserver.seats.states.SeatState.FREE`."""
STRETCH = re.compile(b"\0\0+")
"""What can be cut: two free seats or more."""


class Stranding(NamedTuple):
    """What a selection would strand: ``stranded`` seats, and its own seats ``beside`` them, sorted.

    ``guards`` are the other seats that decided this, each with whether it is free: while they and the selection's own
    seats stay as free as they are, the answer stays the same. ``parts``: how many the selection has.
    """

    stranded: tuple[int, ...]
    beside: tuple[int, ...]
    guards: tuple[tuple[int, bool], ...]
    parts: int


def stranded_by(
    seat_map: SeatMap, states: bytes, seats: Iterable[int], rules: Rules, *, minutes_left: float | None = None
) -> Stranding:
    """What ``seats`` would strand in a room with these ``states`` (one byte per place), whatever the rule's mode.

    Places of general areas may be among the seats; they strand nothing.
    """
    return _Look(seat_map, states, seats, rules, minutes_left).stranding()


class _Look:
    """One look around a selection. Everything is counted in spots of the hall's line."""

    def __init__(
        self, seat_map: SeatMap, states: bytes, seats: Iterable[int], rules: Rules, minutes_left: float | None
    ) -> None:
        self.rule, self.states, self.group_of = rules.gap, states, seat_map.group_of
        self.lines = lines_of(seat_map)
        self.line = kept_line(seat_map, rules, minutes_left)
        self.closing = closing(rules)
        count, spot_of = len(seat_map.seats), self.lines.spot_of
        self.seats = {seat for seat in seats if seat < count}
        self.chosen = {spot_of[seat] for seat in self.seats}
        self.guards: dict[int, bool] = {}

    def stranding(self) -> Stranding:
        lines, line, seat_at = self.lines, self.line, self.lines.seat_at
        stranded: set[int] = set()
        beside: set[int] = set()
        parts = list(parts_of(self.chosen))
        for first, last in parts:
            if self.rule.exempt_last_rows > lines.back[lines.run_of[seat_at[first]]]:
                continue
            for edge, step in ((first, -1), (last, 1)):
                if line[edge] == SEAT and (rest := self._rest(edge, step)) and not self._was_narrow(rest):
                    alone = [seat for seat in map(seat_at.__getitem__, rest) if seat not in self.group_of]
                    stranded.update(alone)
                    if alone:
                        beside.add(seat_at[edge])
                        if (other := rest[-1] + step) in self.chosen:
                            beside.add(seat_at[other])
        return Stranding(tuple(sorted(stranded)), tuple(sorted(beside)), tuple(self.guards.items()), len(parts))

    def _rest(self, spot: int, step: int) -> list[int]:
        """The narrow closed stretch that begins one ``step`` from a chosen ``spot``; empty when there is no such."""
        rest: list[int] = []
        while len(rest) <= self.rule.width:
            spot += step
            edge = self.line[spot]
            if edge != SEAT or spot in self.chosen:
                return rest if self.closing[edge] else []
            if not self._is_open(spot):
                return rest
            rest.append(spot)
        return []

    def _was_narrow(self, rest: list[int]) -> bool:
        """Whether the stretch of ``rest`` was narrow and closed before the selection."""
        length = len(rest)
        for spot, step in ((min(rest), -1), (max(rest), 1)):
            while length <= self.rule.width:
                spot += step
                edge = self.line[spot]
                if edge != SEAT:
                    if not self.closing[edge]:
                        return False
                    break
                if not self._is_open(spot):
                    break
                length += 1
        return length <= self.rule.width

    def _is_open(self, spot: int) -> bool:
        """Whether one could take the seat before: it and its whole group were free. Remembers who decided that.

        The selection's own seats were free before: whether they are to be had is not asked here.
        """
        group = self.group_of.get(seat := self.lines.seat_at[spot], (seat,))
        others = [mate for mate in group if mate not in self.seats]
        for mate in others:
            if self.states[mate] != FREE:
                self.guards[mate] = False
                return False
        self.guards.update(dict.fromkeys(others, True))
        return True


def closing(rules: Rules) -> tuple[bool, ...]:
    """Whether what stands on a line closes a stretch, by its byte; taken seats and kept ones do."""
    ends = {AISLE: rules.gap.aisles, ROW_END: rules.gap.row_ends}
    return tuple(ends.get(byte, True) for byte in range(ROW_END + 1))


def parts_of(spots: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and the last spot of every unbroken part of ``spots``, from left to right."""
    first = last = -2
    for spot in sorted(spots):
        if spot != last + 1:
            if last >= 0:
                yield first, last
            first = spot
        last = spot
    if last >= 0:
        yield first, last


class Cuts:
    """What every possible cut into a room's stretches would strand: made once per room, looked up thousands of times.

    ``left[seat]`` is how many seats a window strands on its left when ``seat`` is its leftmost one, ``right[seat]``
    likewise on its right. So the neighbours ``window`` (free, groups whole) strand together::

        cuts.left[window[0]] + cuts.right[window[-1]]

    which is the length of ``stranded_by(…, window, …).stranded``. For selections of several parts the sum over the
    parts holds as long as no two of them stand in one run. ``line`` is the hall's line of spots (`lines.Lines`): 0
    where a seat and its whole group are free, whoever it is for.

    With ``runs`` it begins with these runs alone, and `add` makes more of them known; other seats count as taken.
    """

    def __init__(
        self,
        seat_map: SeatMap,
        states: bytes,
        rules: Rules,
        *,
        minutes_left: float | None = None,
        runs: Iterable[int] | None = None,
    ) -> None:
        self._rule, self._closes = rules.gap, closing(rules)
        self._lines, self._group_of = lines_of(seat_map), seat_map.group_of
        self._kept = kept_line(seat_map, rules, minutes_left)
        self._any_kept = bool(kinds_of(seat_map).special)
        count = len(seat_map.seats)
        # The two bytes behind the seats are what the line shows at an aisle and at a row's end.
        self._states = states[:count] + bytes((AISLE, ROW_END))
        self.left, self.right = bytearray(count), bytearray(count)
        self._known: set[int] = set()
        if runs is None:
            self.line = bytearray(len(self._lines.edges))
            self._fill(0, len(self.line), seat_map.groups)
            self._known.update(range(len(self._lines.spans)))
        else:
            self.line = bytearray(self._lines.nothing)
            for run in runs:
                self.add(run)

    def add(self, run: int) -> None:
        """Make the run of this number known."""
        if run not in self._known:
            self._known.add(run)
            first, end = self._lines.spans[run]
            self._fill(first - 1, end + 1, self._lines.groups[run])

    def of(self, window: Sequence[int]) -> int:
        """How many seats these neighbours strand together; they are free, and their groups whole."""
        return self.left[window[0]] + self.right[window[-1]]

    def _fill(self, first: int, end: int, groups: Iterable[tuple[int, ...]]) -> None:
        """Make the spots from ``first`` up to ``end`` known: whole runs with their ends, and all their ``groups``."""
        states, seat_at, spot_of = self._states, self._lines.seat_at, self._lines.spot_of
        line = bytearray(map(states.__getitem__, seat_at[first:end]))
        for group in groups:
            if any([states[seat] for seat in group]):
                for seat in group:
                    if first < (spot := spot_of[seat]) < end:
                        line[spot - first] = TAKEN
        self.line[first:end] = line
        if self._any_kept:
            line = bytearray(map(max, line, self._kept[first:end]))
        for stretch in STRETCH.finditer(line):
            start, stop = stretch.span()
            self._cut(first + start, first + stop, self._closes[line[start - 1]], self._closes[line[stop]])

    def _cut(self, start: int, stop: int, closed_left: bool, closed_right: bool) -> None:
        """Note what cuts into the stretch from spot ``start`` up to ``stop`` strand, ``width`` seats from its ends."""
        lines, rule, group_of = self._lines, self._rule, self._group_of
        seat_at = lines.seat_at
        if closed_left and closed_right and stop - start <= rule.width:
            return
        if rule.exempt_last_rows and rule.exempt_last_rows > lines.back[lines.run_of[seat_at[start]]]:
            return
        farthest = min(rule.width, stop - start - 1)
        if closed_left:
            alone = 0
            for spot in range(start, start + farthest):
                alone += seat_at[spot] not in group_of
                self.left[seat_at[spot + 1]] = alone
        if closed_right:
            alone = 0
            for spot in range(stop - 1, stop - 1 - farthest, -1):
                alone += seat_at[spot] not in group_of
                self.right[seat_at[spot - 1]] = alone
