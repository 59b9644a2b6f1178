"""Best available: the best seats that a party can have now, ranked, explained, and within the house rules.

`best_offers` takes the states of a room and returns offers; what "best" means is defined in `score`. A party sits in
one run if it can: all windows of its size are compared at once (`windows`). If it cannot, and it agrees, it sits in
parts near each other (`split`).

Every offer passes `rules.judge` in the same room under the same rules. Groups are whole. Wheelchair places and their
companion seats go to those they are for; others get them only once they are released and no ordinary seats serve as
well. Under the gap rule's mode "enforce" no seat is stranded that another choice would spare; under "warn" a stranded
seat makes an offer more expensive. `nearest` finds equal seats when those that somebody wanted are lost.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import kinds_of, usable_seats
from seatserver.seatmaps.rules.model import Party, Rules
from seatserver.seatmaps.search.nearest import nearest_equal
from seatserver.seatmaps.search.neighbours import Span
from seatserver.seatmaps.search.score import Offer, Weights, Wish, cost_of, field_of
from seatserver.seatmaps.search.seating import Seating
from seatserver.seatmaps.search.split import WORK
from seatserver.seatmaps.search.windows import FreeMask, Quota, mask_of

__all__ = [
    "Offer",
    "Weights",
    "Wish",
    "best_offers",
    "cost_of",
    "nearest_equal",
]

USUAL = Rules()


def best_offers(
    seat_map: SeatMap,
    states: bytes,
    wish: Wish,
    rules: Rules = USUAL,
    *,
    minutes_left: float | None = None,
    limit: int = 1,
    avoid: Collection[int] = frozenset(),
    without: Collection[int] = frozenset(),
) -> list[Offer]:
    """At most ``limit`` offers for ``wish``, the best first by `Offer.order`; no two of them share a seat.

    ``states`` is one byte per place, as in a snapshot. ``minutes_left`` until the show decides what is released; None:
    it is far away. Seats of ``avoid``, which others want too, are offered only if there is nothing without them. Seats
    of ``without`` are never offered, but the rules see them as they are. There are no offers if the party cannot sit
    together, not even in parts near each other. Raises `ValueError` for states of another hall.
    """
    if len(states) != seat_map.place_count:
        raise ValueError(f"expected {seat_map.place_count} states, got {len(states)}")
    party = Party(seat_map, states, rules, wish.wheelchairs, minutes_left)
    for shunned in (avoid, ()) if avoid else ((),):
        seating = _seating(party, wish, {*shunned, *without} if without else shunned)
        if found := _find(seating, wish, limit):
            offers = [
                cost_of(seat_map, seating.seats_of(parts), wish, states=states, rules=rules, minutes_left=minutes_left)
                for parts in found
            ]
            return sorted(offers, key=lambda offer: offer.order)
    return []


def _seating(party: Party, wish: Wish, avoid: Collection[int]) -> Seating:
    seat_map, states, rules, wheelchairs, minutes_left = party
    usable = usable_seats(seat_map, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    free = mask_of(seat_map, states, usable, categories=wish.categories, areas=wish.areas, avoid=avoid)
    field = field_of(seat_map, wish.weights, accessible=wheelchairs > 0)
    quota = None
    if wheelchairs:
        places = kinds_of(seat_map).wheelchairs
        kinds = bytes(map(places.__contains__, hall_line_of(seat_map).seat_at))
        quota = Quota(kinds, (wish.count - wheelchairs, wheelchairs))
    return Seating(
        party, FreeMask(seat_map, free), field, wish.count, wish.weights, wheelchairs=wheelchairs, quota=quota
    )


def _find(seating: Seating, wish: Wish, limit: int) -> list[list[Span]]:
    """At most ``limit`` ways to sit, the best first; no two share a seat."""
    found: list[list[Span]] = []
    taken: set[int] = set()
    apart = (part for _, part in seating.in_one_part() if taken.isdisjoint(range(*part)))
    for part in islice(apart, limit):
        found.append([part])
        taken.update(range(*part))
    mask = seating.mask.without([part for parts in found for part in parts])
    # The best one gets the full budget; all others together get as much again.
    work = WORK
    while len(found) < limit and wish.split and wish.count > 1 and (parts := seating.in_parts(mask, work)):
        found.append(parts)
        mask = mask.without(parts)
        work = WORK // limit
    return found
