"""Checks Redis for `seatserver doctor`: whether it is set up well, and whether each room is consistent.

Everything here only reads. The scripts of ``lua/`` keep the rooms consistent; an eviction, somebody who writes to the
keys by hand, or a bug can break them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Iterator
from typing import Any

import msgspec
from redis.asyncio import Redis

from seatserver.errors import Unavailable
from seatserver.redis_io.client import UNAVAILABLE
from seatserver.seats.store import feed_channel

OVERDUE_MS = 5000
"""By this long after its deadline some instance should have ended a hold."""
PROBE_S = 2.0


class RedisFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What Redis reports about itself; ``aof`` and ``policy`` are None if it does not say."""

    version: str
    role: str
    aof: bool | None
    policy: str | None
    clock_ms: int


class SeatAudit:
    """Questions to Redis. All methods raise `Unavailable`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def facts(self) -> RedisFacts:
        """Version, role, persistence, eviction policy and clock."""
        info: dict[str, Any] = await _asked(self._redis.info())
        seconds, micros = await _asked(self._redis.time())
        return RedisFacts(
            version=str(info.get("valkey_version") or info.get("redis_version", "?")),
            role=str(info.get("role", "?")),
            aof=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
            policy=str(info["maxmemory_policy"]) if "maxmemory_policy" in info else None,
            clock_ms=seconds * 1000 + micros // 1000,
        )

    async def round_trip_ms(self) -> float | None:
        """How long a message takes over pub/sub and back; None if it does not come back."""
        clock, mark = asyncio.get_running_loop().time, secrets.token_hex(8).encode()
        channel = feed_channel("doctor")
        async with self._redis.pubsub() as pubsub:
            await _asked(pubsub.subscribe(channel))
            started = clock()
            await _asked(self._redis.publish(channel, mark))
            while clock() - started < PROBE_S:
                message = await _asked(pubsub.get_message(ignore_subscribe_messages=True, timeout=PROBE_S))
                if message is not None and message["data"] == mark:
                    return (clock() - started) * 1000
        return None

    async def problems(self, showtime_id: str, place_count: int) -> list[str]:
        """The inconsistencies of a room, in words; empty for a room that Redis does not know."""
        base = feed_channel(showtime_id).removesuffix(":feed")
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hmget(f"{base}:meta", ["epoch", "taken", "kept"])
        pipeline.hgetall(f"{base}:taken")
        pipeline.hgetall(f"{base}:kept")
        pipeline.zrange(f"{base}:due", 0, -1, withscores=True)
        pipeline.hgetall(f"{base}:owner")
        pipeline.time()
        (epoch, *sizes), taken, kept, due, owner, (seconds, micros) = await _asked(pipeline.execute())
        if epoch is None:
            return []
        now_ms = seconds * 1000 + micros // 1000
        deadlines = {int(seat): deadline for seat, deadline in due}
        return list(_inconsistencies(sizes, _seats(taken), _seats(kept), deadlines, _seats(owner), place_count)) + [
            f"{_named(late)} should have been freed more than {OVERDUE_MS // 1000} s ago"
            for late in [{seat for seat, deadline in deadlines.items() if deadline < now_ms - OVERDUE_MS}]
            if late
        ]


def _inconsistencies(
    sizes: list[bytes | None], taken: set[int], kept: set[int], due: dict[int, float], owner: set[int], place_count: int
) -> Iterator[str]:
    for name, seats, size in zip(("taken", "kept"), (taken, kept), sizes, strict=True):
        if len(seats) != int(size or 0):
            yield f"{len(seats)} seats are {name}, but the room counts {int(size or 0)}"
    if beyond := {seat for seat in (*taken, *kept, *due) if seat >= place_count}:
        yield f"{_named(beyond)} do not exist in this hall"
    if both := taken & due.keys():
        yield f"{_named(both)} are booked and held at once"
    if nobodys := due.keys() - owner:
        yield f"{_named(nobodys)} are held without an owner"
    if endless := owner - due.keys():
        yield f"{_named(endless)} are held without a deadline"


def _seats(fields: dict[bytes, bytes]) -> set[int]:
    return {int(seat) for seat in fields}


def _named(seats: set[int]) -> str:
    first = ", ".join(map(str, sorted(seats)[:5]))
    return f"the seats {first}{' …' if len(seats) > 5 else ''}"


async def _asked(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except UNAVAILABLE:
        raise Unavailable("Redis") from None
