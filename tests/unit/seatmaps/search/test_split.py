"""Promises of the search for the kindest split; that it finds the best of all is promised in `test_best`."""

from __future__ import annotations

import random

import pytest

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.search.neighbours import Span, are_chained, neighbours_of
from seatserver.seatmaps.search.score import Weights, Wish, cost_of, field_of
from seatserver.seatmaps.search.split import LONELY, WORK, Plan, best_split
from seatserver.seatmaps.search.windows import FreeMask, mask_of
from tests.unit.seatmaps.rooms import room


def plan(size: int, work: int = WORK) -> Plan:
    return Plan(size, Weights(), lambda parts: 0.0, work=work)


@pytest.mark.parametrize("work", [0, 30, 100, 1000, WORK])
@pytest.mark.parametrize("size", [3, 6, 10, 30])
def test_a_search_with_a_small_budget_still_seats_a_party_together(size: int, work: int) -> None:
    hall = grand_hall()
    chosen = random.Random(size)
    states = bytes(3 if chosen.random() < 0.7 else 0 for _ in hall.seats)
    free = FreeMask(hall, mask_of(hall, states, b"\1" * len(hall.seats)))
    field = field_of(hall, Weights(), accessible=False)
    found = best_split(free, field, plan(size, work))
    if found is None:
        assert work < 1000 or best_split(free, field, plan(size)) is None
        return
    total, parts = found
    seats = [seat for first, end in parts for seat in hall_line_of(hall).seat_at[first:end]]
    assert len(seats) == len(set(seats)) == size and not any(states[seat] for seat in seats)
    assert are_chained(parts, neighbours_of(hall))
    offer = cost_of(hall, seats, Wish(count=size))
    assert total // LONELY == offer.alone
    without_alone = offer.cost - offer.breakdown["alone"]
    assert total % LONELY == pytest.approx(size * without_alone, rel=1e-3)
    whole = best_split(free, field, plan(size))
    assert whole is not None and whole[0] <= total + 1e-3


def test_a_set_that_is_not_accepted_is_never_returned() -> None:
    seat_map, states = room("..x", "..x", "..x")
    free = FreeMask(seat_map, mask_of(seat_map, states, b"\1" * 9))
    field = field_of(seat_map, Weights(), accessible=False)
    asked: list[list[Span]] = []

    def accept(parts: list[Span]) -> float | None:
        asked.append(sorted(parts))
        return None if parts in ([(1, 3), (5, 7)], [(5, 7), (1, 3)]) else 0.0

    found = best_split(free, field, Plan(4, Weights(), accept))
    assert found is not None and sorted(found[1]) == [(5, 7), (9, 11)]
    assert best_split(free, field, Plan(4, Weights(), lambda parts: None)) is None
    assert best_split(free, field, Plan(4, Weights(), accept), below=found[0]) is None


def test_a_set_accepted_at_a_price_is_found_if_it_is_still_the_best() -> None:
    seat_map, states = room("..x", "..x", "..x")
    free = FreeMask(seat_map, mask_of(seat_map, states, b"\1" * 9))
    field = field_of(seat_map, Weights(), accessible=False)

    def cheapest(price: float) -> list[Span]:
        found = best_split(free, field, Plan(4, Weights(), lambda parts: price * (max(parts) == (9, 11))))
        assert found is not None
        return sorted(found[1])

    assert cheapest(0) == [(5, 7), (9, 11)]
    assert cheapest(1000) == [(1, 3), (5, 7)]
