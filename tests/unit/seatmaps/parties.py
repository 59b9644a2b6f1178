"""Parties for the tests of best available, made by Hypothesis, and the slow and obvious way to seat them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from math import comb

from hypothesis import strategies as st

from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.score import FORBIDDEN, Offer, Weights, Wish, cost_of
from tests.unit.seatmaps.rooms import FREE, allowed_by_kind

FEW = 3000
"""Selections that one test looks through at most."""
WEIGHT = st.sampled_from((0.0, 0.5, 1.0, 2.0, 10.0))


def weights() -> st.SearchStrategy[Weights]:
    """The usual weights, or any."""
    return st.just(Weights()) | st.builds(
        Weights, distance=WEIGHT, centre=WEIGHT, row=WEIGHT, aisle=WEIGHT, together=WEIGHT, gaps=WEIGHT
    )


def house_rules() -> st.SearchStrategy[Rules]:
    """Rules of every mode, with companion seats freed at 60 minutes and wheelchair places at 30 (as in `rooms`)."""
    gaps = st.builds(
        GapRule,
        mode=st.sampled_from(("off", "warn", "enforce")),
        width=st.sampled_from((1, 1, 2, 3)),
        aisles=st.booleans(),
        row_ends=st.booleans(),
        exempt_last_rows=st.sampled_from((0, 0, 0, 1)),
    )
    return st.builds(
        Rules,
        gap=gaps,
        companions_free_min=st.just(60),
        wheelchairs_free_min=st.just(30),
        companions_per_wheelchair=st.integers(1, 3),
    )


@st.composite
def wishes(draw: st.DrawFn, states: bytes) -> Wish:
    """Wishes so small that all selections of a room can be looked through."""
    free = states.count(FREE)
    most = max(count for count in range(1, 7) if count == 1 or comb(free, count) <= FEW)
    count = draw(st.integers(1, most))
    return Wish(
        count=count,
        categories=draw(st.sampled_from(((), (), (), ("standard",), ("standard", "premium")))),
        wheelchairs=draw(st.sampled_from((0, 0, 0, 1, min(2, count)))),
        split=draw(st.sampled_from((True, True, True, False))),
        weights=draw(weights()),
    )


def all_offers(
    seat_map: SeatMap,
    states: bytes,
    wish: Wish,
    rules: Rules,
    minutes_left: float | None,
    without: Collection[int] = frozenset(),
) -> Iterator[Offer]:
    """Every right offer for ``wish`` without some seats, by looking at all selections."""
    free = [
        seat
        for seat, place in enumerate(seat_map.seats)
        if states[seat] == FREE and seat not in without and (not wish.categories or place.category in wish.categories)
    ]
    for seats in combinations(free, wish.count):
        wheels = sum(seat_map.seats[seat].kind is SeatKind.WHEELCHAIR for seat in seats)
        if wish.wheelchairs and wheels != wish.wheelchairs:
            continue
        if not allowed_by_kind(seat_map, seats, rules, wish.wheelchairs, minutes_left):
            continue
        offer = cost_of(seat_map, seats, wish, states=states, rules=rules, minutes_left=minutes_left)
        if len(offer.parts) > 1 and (not wish.split or offer.breakdown["parts"] >= FORBIDDEN):
            continue
        yield offer


def is_right(
    seat_map: SeatMap, states: bytes, offer: Offer, rules: Rules, wheelchairs: int, minutes_left: float | None
) -> bool:
    """Whether the rules allow a party to have it."""
    verdict = judge(seat_map, states, offer.seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    return not verdict.reasons


def best_by_brute_force(
    seat_map: SeatMap,
    states: bytes,
    wish: Wish,
    rules: Rules,
    minutes_left: float | None,
    without: Collection[int] = frozenset(),
) -> Offer | None:
    """The best of all right offers, or None."""
    offers = sorted(all_offers(seat_map, states, wish, rules, minutes_left, without), key=lambda offer: offer.order)
    return next((o for o in offers if is_right(seat_map, states, o, rules, wish.wheelchairs, minutes_left)), None)
