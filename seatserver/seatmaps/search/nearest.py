"""These seats or the nearest equal ones: what to offer when some of the seats that somebody chose are lost.

Equal means: as many seats of each class (`accessibility.SeatClass`), groups whole, and within the house rules. The
party stays together as it was. Every **part** that it chose (a series of neighbours) stays if all of it is free. The
others move, each as one part, to where its people are nearest to the seats they had chosen; chosen seats that are still
free are nearest of all. A part is split only if there is no other way. If moving part by part finds nothing, the party
moves as a whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.layout.rows import NEXT_SEAT
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import classes_for, kinds_of
from seatserver.seatmaps.rules.gaps import parts_of
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import FREE, Party, Rules
from seatserver.seatmaps.search.neighbours import CELL, neighbours_of
from seatserver.seatmaps.search.score import Field, Offer, Weights, Wish, cost_of
from seatserver.seatmaps.search.seating import Seating
from seatserver.seatmaps.search.windows import FreeMask, Quota, as_number, mask_of

Points = list[tuple[float, float]]
OTHER = 255
"""The byte of a spot whose seat is of no class that was wanted."""
IS_WANTED = bytes(byte != OTHER for byte in range(256))
"""Translates such bytes to a mask."""
WEIGHTS = Weights()
ABOUT = 3
"""How many cells (`neighbours`) around a part are searched first."""


def nearest_equal(
    seat_map: SeatMap,
    states: bytes,
    wanted: Sequence[int],
    rules: Rules,
    *,
    wheelchairs: int = 0,
    minutes_left: float | None = None,
) -> Offer | None:
    """The seats nearest to ``wanted`` (numbered seats) that are equal to them and free, or None.

    ``states`` is one byte per place. The offer's cost has one more component, ``displacement``: the mean distance, in
    pitches, of its seats from the nearest wanted seat; 0 if all wanted seats are free. Raises `ValueError` for states
    of another hall or seats that it does not have.
    """
    if len(states) != seat_map.place_count:
        raise ValueError(f"expected {seat_map.place_count} states, got {len(states)}")
    if unknown := seat_map.unknown(wanted):
        raise ValueError(f"expected numbered seats of this hall, got {unknown}")
    if not wanted:
        return None
    found = _Search(Party(seat_map, states, rules, wheelchairs, minutes_left), wanted).run()
    if found is None:
        return None
    wish = Wish(count=len(found), wheelchairs=min(wheelchairs, len(found)), weights=WEIGHTS)
    offer = cost_of(seat_map, found, wish, states=states, rules=rules, minutes_left=minutes_left)
    points = [(seat_map.seats[seat].x, seat_map.seats[seat].y) for seat in wanted]
    seats = [seat_map.seats[seat] for seat in found]
    displacement = sum(_distance(points, seat.x, seat.y) for seat in seats) / len(seats)
    breakdown = {**offer.breakdown, "displacement": displacement}
    return msgspec.structs.replace(offer, breakdown=breakdown, cost=sum(breakdown.values()))


class _Search:
    """One party that wanted certain seats."""

    def __init__(self, party: Party, wanted: Sequence[int]) -> None:
        self.party = party
        self.hall, self.kinds = hall_line_of(party.seat_map), kinds_of(party.seat_map)
        self.around = neighbours_of(party.seat_map)
        spans = parts_of(self.hall.spot_of[seat] for seat in set(wanted))
        self.parts = [self.hall.seat_at[first : last + 1] for first, last in spans]

    def run(self) -> list[int] | None:
        """The seats, or None."""
        lost = [part for part in self.parts if any(self.party.states[seat] != FREE for seat in part)]
        found = self._part_by_part(lost)
        if found is None and not len(self.parts) == len(lost) == 1:
            # Also if nothing is lost but the rules refuse the selection.
            found = self._move([seat for part in self.parts for seat in part], ())
        return found

    def _part_by_part(self, lost: list[tuple[int, ...]]) -> list[int] | None:
        """Keep the parts that are free, and move the others one by one; None if that finds nothing."""
        seat_map, states, rules, wheelchairs, minutes_left = self.party
        found = [seat for part in self.parts if part not in lost for seat in part]
        # Wheelchairs first: they decide which companion seats the party may have. Then large parts, which fit rarely.
        lost.sort(key=lambda part: (self.kinds.wheelchairs.isdisjoint(part), -len(part), part))
        for part in lost:
            moved = self._move(part, found)
            if moved is None:
                return None
            found += moved
        verdict = judge(seat_map, states, found, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        return None if verdict.reasons else found

    def _move(self, part: Sequence[int], others: Sequence[int]) -> list[int] | None:
        """The nearest equal seats for those of ``part``, given that the party has ``others`` as well."""
        free, quota = self._equal(part, others)
        points = [(self.party.seat_map.seats[seat].x, self.party.seat_map.seats[seat].y) for seat in part]
        # Most parts move only a little, so the seats around are searched first. The whole hall is searched if a window
        # that reaches beyond them could be nearer still.
        x, y = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
        half = max(math.hypot(other_x - x, other_y - y) for other_x, other_y in points)
        about = self.around.about(x, y, ABOUT)
        near_enough = len(part) * (ABOUT * CELL - half - NEXT_SEAT * (len(part) - 1))
        for spots, enough in ((about, near_enough), (range(len(free)), math.inf)):
            seating = self._seating(free, spots, points, quota, part, others)
            cost, window = next(seating.in_one_part(), (math.inf, None))
            if window is not None and cost <= enough:
                return seating.seats_of([window])
        parts = seating.in_parts(seating.mask) if len(part) > 1 else None
        return seating.seats_of(parts) if parts else None

    def _equal(self, part: Sequence[int], others: Sequence[int]) -> tuple[bytes, Quota | None]:
        """The mask of the free seats of the classes of ``part``; if there are several, how many of each it has."""
        seat_map, states, rules, wheelchairs, minutes_left = self.party
        classes = classes_for(seat_map, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        class_at = self.kinds.class_at
        wanted = Counter(classes[class_at[self.hall.spot_of[seat]]] for seat in part)
        number = {seat_class: index for index, seat_class in enumerate(wanted)}
        # The last entry is for -1, where there is no seat.
        numbers = [*(number.get(seat_class, OTHER) for seat_class in classes), OTHER]
        kinds = bytes([numbers[index] for index in class_at])
        free = mask_of(seat_map, states, b"\1" * len(seat_map.seats), avoid=others)
        both = as_number(free) & as_number(kinds.translate(IS_WANTED))
        quota = Quota(kinds, tuple(wanted.values())) if len(wanted) > 1 else None
        return both.to_bytes(len(free), "little"), quota

    def _seating(
        self,
        free: bytes,
        spots: Sequence[int],
        points: Points,
        quota: Quota | None,
        part: Sequence[int],
        others: Sequence[int],
    ) -> Seating:
        """The search for ``part`` among ``spots``; a seat costs its distance from the nearest of ``points``."""
        xs, ys = self.around.xs, self.around.ys
        costs, usable = [0.0] * len(free), bytearray(len(free))
        for spot in spots:
            if free[spot]:
                costs[spot], usable[spot] = _distance(points, xs[spot], ys[spot]), 1
        sums = list(accumulate(costs, initial=0.0))
        field = Field(costs, sums, 1.0, lambda x, y: _distance(points, x, y))
        mask = FreeMask(self.party.seat_map, bytes(usable))
        in_part = min(self.party.wheelchairs, len(self.kinds.wheelchairs.intersection(part)))
        return Seating(self.party, mask, field, len(part), WEIGHTS, wheelchairs=in_part, quota=quota, others=others)


def _distance(points: Points, x: float, y: float) -> float:
    """From the nearest of ``points``, in pitches."""
    return min([math.hypot(x - other_x, y - other_y) for other_x, other_y in points])
