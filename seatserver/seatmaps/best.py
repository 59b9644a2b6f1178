"""Finds seats for people who want to sit together: the simplest rule that is right.

The best seats are adjacent, free, in one row without an aisle between them, take every group whole, and are closest to
the hall's focal point: the middle of the screen's line, two thirds of the way back. This module is pure; its time
grows with the number of seats.
"""

from __future__ import annotations

from seatserver.seatmaps.model import SeatMap

FREE = 0
"""The byte of a free seat in ``states``; the same number as `seatserver.seats.states.SeatState.FREE`."""
FOCAL_DEPTH = 2 / 3


def best_together(
    seat_map: SeatMap, states: bytes, count: int, *, category: str | None = None
) -> tuple[int, ...] | None:
    """The best ``count`` adjacent free seats, left to right, or None when there are none.

    ``states`` is one byte per seat of the map, as in a snapshot. With ``category`` all seats are of that category key.
    """
    if len(states) != len(seat_map.seats):
        raise ValueError(f"expected {len(seat_map.seats)} states, got {len(states)}")
    seats, grouped = seat_map.seats, bool(seat_map.groups)
    focal_x, focal_y = focal_point(seat_map)
    best: tuple[int, ...] | None = None
    best_cost = float("inf")
    for run in seat_map.runs:
        if len(run) < count or count < 1:
            continue
        # A window of `count` seats slides along the run; `costs` are those of the free seats that reach up to here.
        costs: list[float] = []
        total = 0.0
        for end, index in enumerate(run, start=1):
            seat = seats[index]
            if states[index] != FREE or (category is not None and seat.category != category):
                costs, total = [], 0.0
                continue
            costs.append((seat.x - focal_x) ** 2 + (seat.y - focal_y) ** 2)
            total += costs[-1]
            if len(costs) > count:
                total -= costs[-count - 1]
            if len(costs) >= count and total < best_cost:
                window = run[end - count : end]
                if not (grouped and seat_map.torn_groups(window)):
                    best, best_cost = window, total
    return best


def focal_point(seat_map: SeatMap) -> tuple[float, float]:
    """Where one sees best: before the middle of the screen, two thirds of the way from the front row to the back."""
    depths = [seat.y for seat in seat_map.seats]
    return seat_map.screen.x, min(depths) + FOCAL_DEPTH * (max(depths) - min(depths))
