"""How the plain servers in Python hold seats: ``SET NX PX`` for each, given back if one of them is taken."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

HOLD_MS = 300_000
MOST_CONNECTIONS = 10_000
FREE, HELD = 0, 1


class SeatLocks:
    """The seats of all rooms in one Redis."""

    def __init__(self, redis_url: str) -> None:
        # Enough for everybody who asks at once: redis-py's own limit of 100 ends in errors, not in waiting.
        self.redis = Redis.from_url(redis_url, decode_responses=True, max_connections=MOST_CONNECTIONS)

    async def hold(self, room: str, user: str, seats: Sequence[int]) -> bool:
        """All these seats or none; whether they are the user's now."""
        mine: list[int] = []
        for seat in seats:
            if not await self.redis.set(f"plain:{room}:{seat}", user, nx=True, px=HOLD_MS):
                for taken in mine:
                    await self.redis.delete(f"plain:{room}:{taken}")
                return False
            mine.append(seat)
        return True

    async def release(self, room: str, user: str, seats: Sequence[int]) -> list[int]:
        """Give back what of these seats is the user's; which ones that were."""
        freed = []
        for seat in seats:
            if await self.redis.get(f"plain:{room}:{seat}") == user:
                await self.redis.delete(f"plain:{room}:{seat}")
                freed.append(seat)
        return freed
