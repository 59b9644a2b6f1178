"""The gap rule: which seats a selection would strand.

A **stretch** is a series of free neighbours. It ends at a taken seat, at a place kept for people with a wheelchair, at
an aisle or at the end of the row. If a selection leaves a stretch of at most ``width`` seats, nobody will want those:
they are *stranded*, unless they were stranded before::

    x taken   . free   o the selection   ! would be stranded   : aisle   | end of the row

    | ! o o . . . |      the end of the row closes the stretch on its other side
    | . o o . . . |      … but not with ``row_ends`` false
    : ! o o . . . |      so does an aisle, unless ``aisles`` is false
    | o o . . . . |
    | x ! o . . . |
    | x o . . . . |
    | x . x . o . |      the single seats were stranded before, or …
    | x . x ! o ! |      … were not
    | x o o x o o |      a filled gap strands nobody
    | ! ! o o . . |      with width 2

* Any seat that is not free ends a stretch, whatever the reason. So do wheelchair places and companion seats until they
  are released to everybody (`accessibility`); they are never stranded themselves. With ``aisles`` (``row_ends``) false,
  a stretch that touches an aisle (the end of a row) strands nobody, however narrow it is. At an aisle the same row goes
  on behind it; elsewhere the row ends.
* Seats of a group are never stranded: a whole group can still be sold, and one that is partly taken could not be sold
  anyway. What is left of such a group ends a stretch as a taken seat does, and the other seats of the stretch may be
  stranded.
* A stretch that was already narrow and closed stays as it is: taking some of its seats strands nobody.
* The ``exempt_last_rows`` rows farthest from the screen, by the mean ``y`` of their seats, strand nobody.

`_Rule` is these sentences as code, and the only place where they are. Two classes ask it: `stranded_by` judges one
selection, in time that grows with the selection, and reports which seats it looked at. `Cuts` tabulates a whole room
for searches that compare thousands of windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from seatserver.seatmaps.layout.hall_line import AISLE, ROW_END, SEAT, TAKEN, hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import kept_line, kinds_of
from seatserver.seatmaps.rules.model import FREE, Rules

STRETCH = re.compile(b"\0\0+")
"""A stretch that can be cut: two free seats or more."""


class Stranding(NamedTuple):
    """What a selection would strand: the ``stranded`` seats, and its own seats ``beside`` them, both sorted.

    ``guards`` are the other seats that decided this, each with whether it is free. While they and the selection's own
    seats keep their states, the answer stays the same. ``parts``: how many parts the selection has.
    """

    stranded: tuple[int, ...]
    beside: tuple[int, ...]
    guards: tuple[tuple[int, bool], ...]
    parts: int


class _Rule:
    """The rule itself, for one hall and one showtime: when a stretch is a gap, and which of its seats count."""

    def __init__(self, seat_map: SeatMap, rules: Rules) -> None:
        self.width = rules.gap.width
        ends = {AISLE: rules.gap.aisles, ROW_END: rules.gap.row_ends}
        # By the byte on the hall's line: taken and kept seats always close a stretch.
        self.closes = tuple(ends.get(byte, True) for byte in range(ROW_END + 1))
        self._exempt_rows, self._group_of = rules.gap.exempt_last_rows, seat_map.group_of
        self._hall = hall_line_of(seat_map)

    def is_gap(self, length: int, closed_left: bool, closed_right: bool) -> bool:
        """Whether a stretch of free seats is too narrow to be wanted."""
        return length <= self.width and closed_left and closed_right

    def is_exempt(self, seat: int) -> bool:
        """Whether the seat's row is one of those that strand nobody."""
        return self._exempt_rows > 0 and self._exempt_rows > self._hall.back[self._hall.run_of[seat]]

    def counts(self, seat: int) -> bool:
        """Whether the seat is stranded when it is left in a gap."""
        return seat not in self._group_of

    def note_cuts(self, stretch: Sequence[int], is_closed: bool, table: bytearray) -> None:
        """For a stretch read from one of its ends: note in ``table``, by its seats, how many a cut there strands.

        A cut leaves the seats before it. They are a gap if the end is closed and there are at most ``width`` of them.
        """
        if is_closed:
            stranded = 0
            for cut, last_left in zip(stretch[1 : self.width + 1], stretch, strict=False):
                stranded += self.counts(last_left)
                table[cut] = stranded


def stranded_by(
    seat_map: SeatMap, states: bytes, seats: Iterable[int], rules: Rules, *, minutes_left: float | None = None
) -> Stranding:
    """What ``seats`` would strand in a room with these ``states`` (one byte per place), whatever the rule's mode.

    Places of general areas may be among the seats; they strand nobody.
    """
    return _Selection(seat_map, states, seats, rules, minutes_left).stranding()


class _Selection:
    """One selection and what is around it, counted in spots of the hall's line."""

    def __init__(
        self, seat_map: SeatMap, states: bytes, seats: Iterable[int], rules: Rules, minutes_left: float | None
    ) -> None:
        self.rule, self.states, self.group_of = _Rule(seat_map, rules), states, seat_map.group_of
        self.hall = hall_line_of(seat_map)
        self.line = kept_line(seat_map, rules, minutes_left)
        count, spot_of = len(seat_map.seats), self.hall.spot_of
        self.seats = {seat for seat in seats if seat < count}
        self.chosen = {spot_of[seat] for seat in self.seats}
        self.guards: dict[int, bool] = {}

    def stranding(self) -> Stranding:
        line, seat_at, rule = self.line, self.hall.seat_at, self.rule
        stranded: set[int] = set()
        beside: set[int] = set()
        parts = list(parts_of(self.chosen))
        for first, last in parts:
            if rule.is_exempt(seat_at[first]):
                continue
            for edge, step in ((first, -1), (last, 1)):
                if line[edge] == SEAT and (rest := self._rest(edge, step)) and not self._was_gap(rest):
                    left_over = list(filter(rule.counts, map(seat_at.__getitem__, rest)))
                    stranded.update(left_over)
                    if left_over:
                        beside.add(seat_at[edge])
                        if (other := rest[-1] + step) in self.chosen:
                            beside.add(seat_at[other])
        return Stranding(tuple(sorted(stranded)), tuple(sorted(beside)), tuple(self.guards.items()), len(parts))

    def _rest(self, spot: int, step: int) -> list[int]:
        """The gap that begins one ``step`` from a chosen ``spot``; empty when there is none."""
        rest: list[int] = []
        while len(rest) <= self.rule.width:
            spot += step
            if self.line[spot] == SEAT and spot not in self.chosen and self._was_open(spot):
                rest.append(spot)
            else:
                closed = self.rule.closes[self.line[spot]]
                return rest if self.rule.is_gap(len(rest), True, closed) else []
        return []

    def _was_gap(self, rest: list[int]) -> bool:
        """Whether the stretch of ``rest`` was a gap before the selection."""
        length = len(rest)
        for edge, step in ((min(rest), -1), (max(rest), 1)):
            spot = edge + step
            while length <= self.rule.width and self.line[spot] == SEAT and self._was_open(spot):
                length += 1
                spot += step
            if not self.rule.closes[self.line[spot]]:
                return False
        return self.rule.is_gap(length, True, True)

    def _was_open(self, spot: int) -> bool:
        """Whether the seat could be taken before: it and its whole group were free. Notes the seats that decided it.

        The selection's own seats count as free before: whether they can be had is not asked here.
        """
        group = self.group_of.get(seat := self.hall.seat_at[spot], (seat,))
        others = [mate for mate in group if mate not in self.seats]
        for mate in others:
            if self.states[mate] != FREE:
                self.guards[mate] = False
                return False
        self.guards.update(dict.fromkeys(others, True))
        return True


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
    """What every possible cut into a room's stretches would strand: computed once per room, looked up many times.

    ``left[seat]`` is how many seats a window strands on its left when ``seat`` is its leftmost seat; ``right[seat]`` is
    the same on its right. So a ``window`` of free neighbours that tears no group strands as many seats as
    ``stranded_by`` says, which is::

        cuts.left[window[0]] + cuts.right[window[-1]]

    For a selection of several parts the sum over its parts holds if no two of them are in one run. ``line`` is the
    hall's line (`HallLine`): 0 where a seat and its whole group are free, whoever it is for.

    With ``runs`` only those runs are computed; `add` computes more. Seats of other runs count as taken.
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
        self._rule = _Rule(seat_map, rules)
        self._hall = hall_line_of(seat_map)
        self._kept = kept_line(seat_map, rules, minutes_left)
        self._any_kept = bool(kinds_of(seat_map).special)
        count = len(seat_map.seats)
        # The two bytes behind the seats are what the line shows at an aisle and at the end of a row.
        self._states = states[:count] + bytes((AISLE, ROW_END))
        self.left, self.right = bytearray(count), bytearray(count)
        self._known: set[int] = set()
        if runs is None:
            self.line = bytearray(len(self._hall.edges))
            self._fill(0, len(self.line), seat_map.groups)
            self._known.update(range(len(self._hall.spans)))
        else:
            self.line = bytearray(self._hall.nothing)
            for run in runs:
                self.add(run)

    def add(self, run: int) -> None:
        """Compute the run of this number, unless that is done."""
        if run not in self._known:
            self._known.add(run)
            first, end = self._hall.spans[run]
            self._fill(first - 1, end + 1, self._hall.groups[run])

    def of(self, window: Sequence[int]) -> int:
        """How many seats these free neighbours strand together; they must tear no group."""
        return self.left[window[0]] + self.right[window[-1]]

    def _fill(self, first: int, end: int, groups: Iterable[tuple[int, ...]]) -> None:
        """Compute the spots from ``first`` up to ``end``: whole runs with their ends, and all their ``groups``."""
        states, seat_at, spot_of, closes = self._states, self._hall.seat_at, self._hall.spot_of, self._rule.closes
        line = bytearray(map(states.__getitem__, seat_at[first:end]))
        for group in groups:
            if any([states[seat] for seat in group]):
                for seat in group:
                    if first < (spot := spot_of[seat]) < end:
                        line[spot - first] = TAKEN
        self.line[first:end] = line
        if self._any_kept:
            line = bytearray(map(max, line, self._kept[first:end]))
        rule = self._rule
        for found in STRETCH.finditer(line):
            start, stop = found.span()
            closed_left, closed_right = closes[line[start - 1]], closes[line[stop]]
            stretch = seat_at[first + start : first + stop]
            if not (rule.is_gap(stop - start, closed_left, closed_right) or rule.is_exempt(stretch[0])):
                rule.note_cuts(stretch, closed_left, self.left)
                rule.note_cuts(stretch[::-1], closed_right, self.right)
