"""How many places of a showtime are in each state, for lists of showtimes that many people look at.

Such a list must be cheap rather than true to the millisecond. What is read is shared for `MAX_AGE_S`, so ten
thousand front pages cost Redis no more than one. Viewers of a single hall get its room, which is exact.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from seatserver.rooms.hub import Hub
from seatserver.shared_reads import SharedReads

MAX_AGE_S = 2.0
SHOWTIMES_CACHED = 4096


class Counts:
    """Counts of places by state. ``clock`` counts seconds; it only decides when to read again."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._cache: SharedReads[str, Counter[int]] = SharedReads(size=SHOWTIMES_CACHED, ttl_s=MAX_AGE_S, clock=clock)

    async def of(self, showtime_id: str, place_count: int) -> Counter[int]:
        """The number of places in each `SeatState`, at most `MAX_AGE_S` old. Raises `Unavailable`."""
        return await self._cache.get(showtime_id, lambda: self._read(showtime_id, place_count))

    async def _read(self, showtime_id: str, place_count: int) -> Counter[int]:
        _, _, states = await self._hub.states(showtime_id, place_count)
        return Counter(states)
