"""Promises of the masks: every window that a party could have, and no other."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.search.windows import FreeMask, Quota, mask_of
from tests.unit.seatmaps.rooms import FREE, room, rooms


def windows_of(seat_map: SeatMap, states: bytes, size: int) -> set[tuple[int, ...]]:
    """All windows of free neighbours that tear no group of neighbours, found the slow way."""
    spot_of = hall_line_of(seat_map).spot_of
    side_by_side = [
        group
        for group in seat_map.groups
        if max(map(spot_of.__getitem__, group)) - min(map(spot_of.__getitem__, group)) < len(group)
    ]
    windows = [run[start : start + size] for run in rows_of(seat_map).runs for start in range(len(run) - size + 1)]
    return {
        window
        for window in windows
        if all(states[seat] == FREE for seat in window)
        and not any(0 < len(set(window).intersection(group)) < len(group) for group in side_by_side)
    }


def free_room(seat_map: SeatMap, states: bytes) -> FreeMask:
    return FreeMask(seat_map, mask_of(seat_map, states, b"\1" * len(seat_map.seats)))


@given(rooms(), st.integers(1, 6), st.data())
def test_a_mask_finds_every_window_with_its_cost(hall: tuple[SeatMap, bytes], size: int, data: st.DataObject) -> None:
    seat_map, states = hall
    seat_at = hall_line_of(seat_map).seat_at
    prices = data.draw(st.lists(st.integers(0, 9), min_size=len(seat_at), max_size=len(seat_at)))
    sums = list(accumulate(map(float, prices), initial=0.0))
    found = free_room(seat_map, states).windows(size, sums)
    windows = {seat_at[first : first + size] for _, first in found}
    assert windows == windows_of(seat_map, states, size) and len(found) == len(windows)
    assert all(cost == sum(prices[first : first + size]) for cost, first in found)
    some = data.draw(st.lists(st.booleans(), min_size=len(seat_at), max_size=len(seat_at)))
    chosen = free_room(seat_map, states).windows(size, sums, below=9, holding=bytes(some))
    assert chosen == [window for window in found if window[0] < 9 and any(some[window[1] : window[1] + size])]


@given(rooms(), st.data())
def test_a_mask_without_some_parts_is_that_of_a_room_where_they_are_taken(
    hall: tuple[SeatMap, bytes], data: st.DataObject
) -> None:
    seat_map, states = hall
    lines = hall_line_of(seat_map)
    run = data.draw(st.sampled_from(rows_of(seat_map).runs))
    part = lines.spot_of[run[0]], lines.spot_of[run[-1]] + 1
    taken = bytes(1 if seat in run else state for seat, state in enumerate(states))
    assert free_room(seat_map, states).without([part]).starts(2) == free_room(seat_map, taken).starts(2)


def test_a_window_begins_and_ends_only_where_it_may() -> None:
    seat_map, states = room(".....")
    edges = free_room(seat_map, states).with_edges(b"\0\1\0\1\0\0\0\0", b"\0\0\0\0\0\1\1\0")
    assert edges.starts(2) == b"\0\0\0\1\0\0\0\0"
    assert edges.starts(4) == b"\0\1\0\0\0\0\0\0"


def test_a_stretch_is_all_free_neighbours() -> None:
    seat_map, states = room("..x...", "... ..")
    free = free_room(seat_map, states)
    spot_of = hall_line_of(seat_map).spot_of
    assert free.stretch(spot_of[seat_map.index_by_label["A-5"]]) == (4, 7)
    assert list(free.stretches(2, 10)) == [(1, 3), (4, 7), (8, 11)]


@pytest.mark.parametrize(
    ("parts", "allowed"), [([(0, 2)], True), ([(0, 3)], False), ([(0, 2), (4, 6)], True), ([(0, 2), (3, 6)], False)]
)
def test_a_quota_limits_the_seats_of_each_kind(parts: list[tuple[int, int]], allowed: bool) -> None:
    assert Quota(b"\0\0\0\1\1\1", (2, 2)).allows(parts) == allowed


def test_a_mask_selects_by_category_and_area_and_leaves_out_avoided_seats() -> None:
    seat_map, states = room("pp..x")
    usable = b"\1" * 5
    assert mask_of(seat_map, states, usable) == b"\0\1\1\1\1\0\0\0"
    assert mask_of(seat_map, states, usable, categories=["premium"]) == b"\0\1\1\0\0\0\0\0"
    assert mask_of(seat_map, states, usable, categories=["premium", "standard"]) == b"\0\1\1\1\1\0\0\0"
    assert mask_of(seat_map, states, usable, areas=["Stalls"]) == bytes(8)
    assert mask_of(seat_map, states, usable, areas=[""], avoid=[0, 99]) == b"\0\0\1\1\1\0\0\0"
    assert mask_of(seat_map, states, b"\1\0\1\1\1") == b"\0\1\0\1\1\0\0\0"
