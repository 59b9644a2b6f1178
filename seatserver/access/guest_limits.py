"""How many guests one network may make, counted across all instances.

Every guest is somebody new, with a share of their own, so whoever can make guests without end has no limits at all.
Their number is counted in Redis by `limits`: two keys for each network and window, in one slot of a cluster, and each
under a keyed hash of the network's address. While Redis does not answer, each process counts by itself, so that guests
can still come and floods still end.
"""

from __future__ import annotations

import asyncio

import redis.asyncio
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from seatserver import logs
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import Share, Shares
from seatserver.config import Settings
from seatserver.errors import TooMany
from seatserver.metrics import Metrics

log = logs.from_outside(__name__)

PREFIX = "limit"
PURPOSE = "guests"
ANSWER_S = 0.5
"""Redis is asked for so long at most: a new guest is not kept waiting for a count."""
SPACES = 10
"""Who is refused is told to come back when so many others could have been let in."""
AT_ONCE = 4
"""Most questions under way at once, so that a flood of guests leaves connections to Redis for everything else."""


class GuestLimits:
    """The guests of each network, in Redis and, for want of it, in this process."""

    def __init__(
        self, settings: Settings, redis: redis.asyncio.Redis, shares: Shares, names: NetworkNames, metrics: Metrics
    ) -> None:
        self._shares = shares
        self._names = names
        self._turned_away = metrics.turned_away
        self._items: list[RateLimitItem] = []
        if settings.network_guests_per_min:
            self._items.append(RateLimitItemPerMinute(settings.network_guests_per_min))
        if settings.network_guests_per_h:
            self._items.append(RateLimitItemPerHour(settings.network_guests_per_h))
        together = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # as its documentation says
        )
        self._together = SlidingWindowCounterRateLimiter(together)
        self._alone: SlidingWindowCounterRateLimiter | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def admit(self, network: str) -> None:
        """Count a new guest. Raises `TooMany` if the network has enough of them."""
        share = self._shares.of_network(network)
        if share is None or not self._items:
            return
        name = self._names.write(PURPOSE, network)
        try:
            async with asyncio.timeout(ANSWER_S), self._turns:
                await self._count(self._together, name, share)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("guests are counted in this process only", problem=type(error).__name__)
            if self._alone is None:
                self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
            await self._count(self._alone, name, share)

    async def _count(self, counts: SlidingWindowCounterRateLimiter, name: str, share: Share) -> None:
        for item in self._items:
            if not await counts.hit(item, name):
                share.note_refusal()
                self._turned_away.labels("guests").inc()
                # A sliding window frees some of itself all the time.
                raise TooMany("guests", max(1.0, SPACES * item.get_expiry() / item.amount))
