"""Seats for one party in one room under all house rules: in one part, and in several.

`Seating` combines what finds seats (`windows`, `split`), what they cost (a `score.Field`) and what the rules say
(`rules`), for best available (`best`) and for the nearest equal seats (`nearest`). What it returns passes `rules.judge`
together with the seats that the party has already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from heapq import heapify, heappop
from operator import add, itemgetter

from seatserver.errors import Refusal
from seatserver.seatmaps.layout.hall_line import TAKEN, hall_line_of
from seatserver.seatmaps.rules.accessibility import kinds_of, refused_kinds
from seatserver.seatmaps.rules.gaps import Cuts, stranded_by
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import Party
from seatserver.seatmaps.search.neighbours import Span
from seatserver.seatmaps.search.score import Field, Weights, price_of_gap
from seatserver.seatmaps.search.split import LONELY, WORK, Plan, best_split
from seatserver.seatmaps.search.windows import IS_FREE, FreeMask, Quota, mask_of

JUDGED_SEATS = 10_000
"""Under "enforce", judging a split party that strands seats means searching the whole room. One search does so for at
most this many seats in all, or twice."""

MAX_REFUSED = 200
"""After this many refused windows, each judged with all seats of the party, a search gives up."""


class Seating:
    """Where ``size`` people can sit among the seats of ``mask``, which suit them by category, area and kind.

    ``field`` says what each seat costs them; ``quota`` how many seats of each kind they need, if that matters;
    ``wheelchairs`` of them are in a wheelchair. ``others`` are seats that the same party has already: the rules judge
    all of them together.
    """

    def __init__(
        self,
        party: Party,
        mask: FreeMask,
        field: Field,
        size: int,
        weights: Weights,
        *,
        wheelchairs: int = 0,
        quota: Quota | None = None,
        others: Sequence[int] = (),
    ) -> None:
        self.party, self.mask, self.field, self.size, self.weights = party, mask, field, size, weights
        self._wheelchairs, self._quota, self._others = wheelchairs, quota, tuple(others)
        self._hall, self._kinds = hall_line_of(party.seat_map), kinds_of(party.seat_map)
        self._gap_price = size * price_of_gap(weights, party.rules)
        self._enforced = party.rules.gap.mode == "enforce"
        # Every window of a party with wheelchairs holds one of their places; so does the main part of a split party.
        wheels = self._kinds.wheelchairs if wheelchairs else ()
        self._wheels = bytes(map(wheels.__contains__, self._hall.seat_at)) if wheels else b""
        self._refused: set[tuple[int, ...]] = set()
        self._searches_left = 0

    def in_one_part(self) -> Iterator[tuple[float, Span]]:
        """The windows that the rules allow, each with its cost for all people together, the cheapest first.

        With ``others`` the search ends once `MAX_REFUSED` windows have been refused.
        """
        size, refused = self.size, 0
        windows = self.mask.windows(size, self.field.sums, holding=self._wheels)
        if self._gap_price and windows:
            left, right = self._cuts
            stranded = list(map(add, left, right[size - 1 :]))
            windows = [(cost + self._gap_price * stranded[first], first) for cost, first in windows]
        heapify(windows)
        while windows:
            cost, first = heappop(windows)
            part = first, first + size
            if self._quota is not None and not self._quota.allows([part]):
                continue
            if self._passes(part):
                yield cost, part
            elif self._others and (refused := refused + 1) == MAX_REFUSED:
                return

    def in_parts(self, mask: FreeMask, work: int = WORK) -> list[Span] | None:
        """The best way to sit in several parts among the seats of a mask, or None; after ``work`` steps, a good one."""
        if not self._enforced:
            found = best_split(mask, self.field, self._plan(work, strand=False))
            return found[1] if found else None
        found = best_split(self._sparing(mask), self.field, self._plan(work, strand=False))
        if found is None or found[0] >= LONELY:
            # Seats may be stranded if there is no other way, and that is better than one more person alone.
            below = math.inf if found is None else found[0] // LONELY * LONELY
            self._searches_left = max(2, JUDGED_SEATS // len(self.party.seat_map.seats))
            found = best_split(mask, self.field, self._plan(work // 4, strand=True), below=below) or found
        return found[1] if found else None

    def seats_of(self, parts: Iterable[Span]) -> list[int]:
        """The seats of these parts."""
        return [seat for first, end in parts for seat in self._hall.seat_at[first:end]]

    def _sparing(self, mask: FreeMask) -> FreeMask:
        """The mask with only those windows that strand nobody by themselves."""
        if self._makes_good:
            return mask
        left, right = self._cuts
        return mask.with_edges(left.translate(IS_FREE), b"\0" + right[:-1].translate(IS_FREE))

    @property
    def _makes_good(self) -> bool:
        """Whether one part may take the seats that another one strands.

        It can if the rest is seats of a group, which are never stranded, and a single seat, which the other part takes.
        """
        width = 2 if self._hall.scattered else 3
        return bool(self.party.seat_map.groups) and self.party.rules.gap.width >= width

    def _plan(self, work: int, *, strand: bool) -> Plan:
        price = 0.0 if self._makes_good or (self._enforced and not strand) else self._gap_price
        left, right = self._cuts if price else (b"", b"")
        # No other part can take what parts strand: it would touch them, and so be one part with them.
        sparing = self._enforced and not strand and not self._makes_good and not self._others

        def accept(parts: list[Span]) -> float | None:
            if strand and not self._searches_left:
                return None
            seats = self.seats_of(parts)
            if not self._are_right_kinds(seats):
                return None
            stranded = self._stranded(parts)
            if stranded and self._enforced:
                self._searches_left -= strand
                if not strand or not self._is_judged_right(seats):
                    return None
            known = sum([left[first] + right[end - 1] for first, end in parts]) if price else 0
            return self._gap_price * stranded - price * known

        def allows(parts: list[Span]) -> bool:
            return self._are_kinds_right_so_far(parts) and not (sparing and self._strands_between(parts))

        return Plan(
            self.size,
            self.weights,
            accept,
            allows if sparing or self._quota or self._wheels else None,
            self._wheels,
            self._wheelchairs,
            begins=left,
            ends=right,
            edge_price=price,
            work=work,
        )

    def _passes(self, part: Span) -> bool:
        """Whether the rules allow these neighbours."""
        seats = self.seats_of([part])
        if not self._are_right_kinds(seats):
            return False
        if not self._enforced or not self._stranded([part]):
            return True
        # Windows that strand fewer seats come first, so one refusal stands for all windows of the same seat classes.
        classes = tuple(sorted(self._kinds.class_at[part[0] : part[1]]))
        if classes not in self._refused and not self._is_judged_right(seats):
            self._refused.add(classes)
        return classes not in self._refused

    @cached_property
    def _cuts(self) -> tuple[bytes, bytes]:
        """By spot: how many seats a window strands on its left if it begins there, on its right if it ends there."""
        seat_map, states, rules, _, minutes_left = self.party
        if self._others:
            taken = bytearray(states)
            for seat in self._others:
                taken[seat] = TAKEN
            states = bytes(taken)
        cuts = Cuts(seat_map, states, rules, minutes_left=minutes_left)
        # From seats to spots; the two bytes behind the seats are for aisles and the ends of rows.
        to_line = itemgetter(*self._hall.seat_at)
        return bytes(to_line(cuts.left + b"\0\0")), bytes(to_line(cuts.right + b"\0\0"))

    def _are_kinds_right_so_far(self, parts: list[Span]) -> bool:
        """Whether parts that may get more parts have the right kinds of seats so far."""
        if self._quota is not None and not self._quota.allows(parts):
            return False
        if not self._wheels or sum([self._wheels.count(1, *part) for part in parts]) < self._wheelchairs:
            return True
        # Once all wheelchairs have a place, it is known which companion seats the party may have.
        return set(self._refused_kinds(self.seats_of(parts)).values()) <= {"group"}

    def _strands_between(self, parts: list[Span]) -> bool:
        """Whether the last of these parts strands what is between it and another of them."""
        width, (first, end) = self.party.rules.gap.width, parts[-1]
        for part in parts[:-1]:
            low, high = (part[1], first) if part[0] < first else (end, part[0])
            if high - low <= width and 0 not in self._free[low:high] and self._stranded([part, parts[-1]]):
                return True
        return False

    @cached_property
    def _free(self) -> bytes:
        """The mask of all free seats, for whomever they are kept."""
        return mask_of(self.party.seat_map, self.party.states, b"\1" * len(self.party.seat_map.seats))

    def _stranded(self, parts: list[Span]) -> int:
        """How many seats these parts strand."""
        seat_map, states, rules, _, minutes_left = self.party
        if rules.gap.mode == "off":
            return 0
        run_of, seat_at = self._hall.run_of, self._hall.seat_at
        if self._others or len({run_of[seat_at[first]] for first, _ in parts}) < len(parts):
            # Two parts in one run may strand what is between them.
            seats = (*self._others, *self.seats_of(parts))
            return len(stranded_by(seat_map, states, seats, rules, minutes_left=minutes_left).stranded)
        left, right = self._cuts
        return sum([left[first] + right[end - 1] for first, end in parts])

    def _are_right_kinds(self, seats: list[int]) -> bool:
        # The mask and the quota cover everything except scattered groups and the number of companions per wheelchair.
        if not self._hall.scattered and self._kinds.special.isdisjoint(seats):
            return True
        return not self._refused_kinds(seats)

    def _refused_kinds(self, seats: list[int]) -> dict[int, Refusal]:
        seat_map, _, rules, wheelchairs, minutes_left = self.party
        seats = [*self._others, *seats]
        return refused_kinds(seat_map, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)

    def _is_judged_right(self, seats: list[int]) -> bool:
        seat_map, states, rules, wheelchairs, minutes_left = self.party
        seats = [*self._others, *seats]
        return not judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left).reasons
