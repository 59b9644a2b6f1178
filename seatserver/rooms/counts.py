"""How many places of a showtime are in which state, for lists of many showtimes that many people look at.

Such a list need not be true to the millisecond, but it must be cheap: what is read is shared and kept for `KEPT_S`, so
that ten thousand front pages cost Redis no more than one. Whoever looks at one hall has its room, which is exact.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from seatserver.catalog.reads import SharedReads
from seatserver.rooms.hub import Hub

KEPT_S = 2.0
SHOWTIMES_KEPT = 4096


class Counts:
    """Counts of places by state. ``clock`` counts seconds and only ages what is kept."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._kept: SharedReads[str, Counter[int]] = SharedReads(size=SHOWTIMES_KEPT, ttl_s=KEPT_S, clock=clock)

    async def of(self, showtime_id: str, place_count: int) -> Counter[int]:
        """`SeatState` to the number of places, at most `KEPT_S` old. Raises `Unavailable`."""
        return await self._kept.get(showtime_id, lambda: self._read(showtime_id, place_count))

    async def _read(self, showtime_id: str, place_count: int) -> Counter[int]:
        _, _, states = await self._hub.states(showtime_id, place_count)
        return Counter(states)
