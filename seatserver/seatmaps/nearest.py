"""These seats or the nearest equal: what to offer when some of the seats that somebody chose are lost.

Equal means: as many seats of each look (category and kind, `kinds.Look`), groups whole, and right by the rules. The
party stays together as it was: every **part** that it chose (a stretch of neighbours) is kept as it is when all of it
is free; the others move, each as one part to where its people come to sit nearest to the seats they had chosen (those
of them that are still free are nearest of all), and are split only when there is no other way. If moving part by part
finds nothing, the party moves as a whole. This module is pure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from seatserver.seatmaps.alternatives import Party
from seatserver.seatmaps.gaps import FREE, parts_of
from seatserver.seatmaps.kinds import kinds_of, looks_to
from seatserver.seatmaps.lines import lines_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.neighbours import CELL, neighbours_of
from seatserver.seatmaps.rows import AISLE
from seatserver.seatmaps.rules import Rules, judge
from seatserver.seatmaps.score import Field, Offer, Weights, Wish, cost_of
from seatserver.seatmaps.seating import Seating
from seatserver.seatmaps.windows import Quota, Room, as_number, mask_of

Points = list[tuple[float, float]]
OTHER = 255
"""The byte of a spot whose seat looks like none that was wanted."""
IS_WANTED = bytes(byte != OTHER for byte in range(256))
"""Translates such bytes to a mask."""
WEIGHTS = Weights()
ABOUT = 3
"""So many cells (`neighbours`) around a part are looked at first."""


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

    ``states`` is one byte per place. The offer's cost has one component more, ``displacement``: how many pitches its
    seats are from the nearest seat that was wanted, mean; so it is 0 when all that was wanted is to be had. Raises
    `ValueError` for states of another hall or seats that it does not have.
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
        self.lines, self.kinds = lines_of(party.seat_map), kinds_of(party.seat_map)
        self.around = neighbours_of(party.seat_map)
        spans = parts_of(self.lines.spot_of[seat] for seat in set(wanted))
        self.parts = [self.lines.seat_at[first : last + 1] for first, last in spans]

    def run(self) -> list[int] | None:
        """The seats, or None."""
        lost = [part for part in self.parts if any(self.party.states[seat] != FREE for seat in part)]
        found = self._part_by_part(lost)
        if found is None and not len(self.parts) == len(lost) == 1:
            # Also when nothing is lost but the rules refuse it.
            found = self._move([seat for part in self.parts for seat in part], ())
        return found

    def _part_by_part(self, lost: list[tuple[int, ...]]) -> list[int] | None:
        """Keep the parts that are free, and move the others one by one; None when that finds nothing."""
        seat_map, states, rules, wheelchairs, minutes_left = self.party
        found = [seat for part in self.parts if part not in lost for seat in part]
        # Where the wheelchairs are decides what companion seats may be had; then it is the large parts that are hard.
        lost.sort(key=lambda part: (self.kinds.wheelchairs.isdisjoint(part), -len(part), part))
        for part in lost:
            moved = self._move(part, found)
            if moved is None:
                return None
            found += moved
        verdict = judge(seat_map, states, found, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        return None if verdict.reasons else found

    def _move(self, part: Sequence[int], others: Sequence[int]) -> list[int] | None:
        """Equal seats for those of ``part``, the nearest there are, when the party has ``others`` as well."""
        free, quota = self._equal(part, others)
        points = [(self.party.seat_map.seats[seat].x, self.party.seat_map.seats[seat].y) for seat in part]
        # Most parts move only a little: the seats about are looked at first, and the whole hall when a window of which
        # some seat is farther away could be nearer yet.
        x, y = sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
        half = max(math.hypot(other_x - x, other_y - y) for other_x, other_y in points)
        about = self.around.about(x, y, ABOUT)
        near_enough = len(part) * (ABOUT * CELL - half - AISLE * (len(part) - 1))
        for spots, enough in ((about, near_enough), (range(len(free)), math.inf)):
            seating = self._seating(free, spots, points, quota, part, others)
            cost, window = next(seating.in_one_part(), (math.inf, None))
            if window is not None and cost <= enough:
                return seating.seats_of([window])
        parts = seating.in_parts(seating.room) if len(part) > 1 else None
        return seating.seats_of(parts) if parts else None

    def _equal(self, part: Sequence[int], others: Sequence[int]) -> tuple[bytes, Quota | None]:
        """The mask of the free seats that look like one of ``part``; how many of each look it has, if of several."""
        seat_map, states, rules, wheelchairs, minutes_left = self.party
        looks = looks_to(seat_map, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        alike = self.kinds.alike
        wanted = Counter(looks[alike[self.lines.spot_of[seat]]] for seat in part)
        number = {look: index for index, look in enumerate(wanted)}
        # The last is what -1 finds: no seat.
        of_look = [*(number.get(look, OTHER) for look in looks), OTHER]
        kinds = bytes([of_look[look] for look in alike])
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
        """Seats for those of ``part`` at ``spots``; each costs its distance from the nearest of ``points``."""
        xs, ys = self.around.xs, self.around.ys
        costs, usable = [0.0] * len(free), bytearray(len(free))
        for spot in spots:
            if free[spot]:
                costs[spot], usable[spot] = _distance(points, xs[spot], ys[spot]), 1
        sums = list(accumulate(costs, initial=0.0))
        field = Field(costs, sums, 1.0, lambda x, y: _distance(points, x, y))
        room = Room(self.party.seat_map, bytes(usable))
        in_part = min(self.party.wheelchairs, len(self.kinds.wheelchairs.intersection(part)))
        return Seating(self.party, room, field, len(part), WEIGHTS, wheelchairs=in_part, quota=quota, others=others)


def _distance(points: Points, x: float, y: float) -> float:
    """From the nearest of ``points``, in pitches."""
    return min([math.hypot(x - other_x, y - other_y) for other_x, other_y in points])
