"""Counts for lists: read once for many requests, and up to date again a moment later."""

from __future__ import annotations

import asyncio

from seatserver.rooms.counts import MAX_AGE_S, Counts
from seatserver.seats.states import SeatState
from seatserver.server import Server
from tests.integration.server import SEATS, SHOWTIME, hold


async def test_counts_are_cached_briefly_and_then_read_again(core: Server) -> None:
    now = 0.0
    counts = Counts(core.hub, clock=lambda: now)
    every = await asyncio.gather(*(counts.of(SHOWTIME, SEATS) for _ in range(100)))
    assert all(one is every[0] for one in every), "one question to Redis for all who ask together"
    assert sum(every[0].values()) == SEATS
    free = every[0][SeatState.FREE]
    await hold(core, "ann", 0, 1)
    assert (await counts.of(SHOWTIME, SEATS))[SeatState.FREE] == free
    now = MAX_AGE_S
    found = await counts.of(SHOWTIME, SEATS)
    assert (found[SeatState.FREE], found[SeatState.HELD]) == (free - 2, 2)
