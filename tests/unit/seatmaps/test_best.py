"""Promises of the first best-available rule."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps import best
from seatserver.seatmaps.best import best_together, focal_point
from seatserver.seatmaps.model import AISLE, SeatMap
from seatserver.seats.states import SeatState
from tests.unit.seatmaps.halls import grid_halls


def all_windows(hall: SeatMap, states: bytes, count: int, category: str | None) -> list[tuple[int, ...]]:
    """Every right answer, found the slow way."""
    windows = [run[start : start + count] for run in hall.runs for start in range(len(run) - count + 1)]
    return [
        window
        for window in windows
        if all(states[seat] == SeatState.FREE for seat in window)
        and not hall.torn_groups(window)
        and all(category in (None, hall.seats[seat].category) for seat in window)
    ]


def cost(hall: SeatMap, seats: tuple[int, ...]) -> float:
    x, y = focal_point(hall)
    return sum((hall.seats[seat].x - x) ** 2 + (hall.seats[seat].y - y) ** 2 for seat in seats)


@given(grid_halls(), st.integers(1, 6), st.data())
def test_the_answer_is_free_adjacent_keeps_groups_whole_and_is_the_nearest(
    hall: SeatMap, count: int, data: st.DataObject
) -> None:
    size = len(hall.seats)
    states = bytes(data.draw(st.lists(st.sampled_from((0, 0, 0, 1, 3, 4)), min_size=size, max_size=size)))
    category = data.draw(st.none() | st.sampled_from([category.key for category in hall.categories]))
    found = best_together(hall, states, count, category=category)
    right = all_windows(hall, states, count, category)
    if found is None:
        assert right == []
        return
    assert found in right
    assert cost(hall, found) == pytest.approx(min(cost(hall, window) for window in right))
    for one, other in pairwise(found):
        assert hall.seats[one].row == hall.seats[other].row
        assert 0 < hall.seats[other].x - hall.seats[one].x <= AISLE


def test_two_people_in_an_empty_hall_sit_in_the_middle_two_thirds_back() -> None:
    hall = grand_hall()
    found = best_together(hall, bytes(len(hall.seats)), 2)
    assert found is not None
    assert [hall.seats[seat].label for seat in found] == ["I-12", "I-13"]


def test_a_sofa_is_offered_whole_or_not_at_all() -> None:
    hall = grand_hall()
    empty = bytes(len(hall.seats))
    assert best_together(hall, empty, 1, category="sofa") is None
    pair = best_together(hall, empty, 2, category="sofa")
    assert pair in hall.groups


def test_more_seats_than_a_row_has_are_not_to_be_had_together() -> None:
    hall = grand_hall()
    assert best_together(hall, bytes(len(hall.seats)), 40) is None
    assert best_together(hall, bytes(len(hall.seats)), 0) is None


def test_states_of_another_hall_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="expected 306 states, got 3"):
        best_together(grand_hall(), b"\0\0\0", 1)


def test_free_is_the_same_number_everywhere() -> None:
    assert best.FREE == SeatState.FREE
