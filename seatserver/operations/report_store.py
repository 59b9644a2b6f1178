"""The reports of all processes, in Redis: each process publishes its own every second, and any process reads all.

Each report is a key with a time to live. The report of a process that dies disappears after `KEPT_MS`; a process that
stops in good order withdraws its own. The age of a report follows from the remaining life of its key, by Redis' clock.
Reports of single rooms are large. They are written only while somebody looks at the room, and for at most `LOOKED_AT`
rooms at a time.

    house:reports             set    the ids of the processes
    house:report:ID           string a process' report
    house:looked-at           list   the showtimes that somebody looks at, the latest first
    house:report:ID:SHOWTIME  string what a process reports of one of them
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from seatserver.errors import Unavailable
from seatserver.redis_io.client import cannot_serve

IDS = "house:reports"
LOOKED_AT_KEY = "house:looked-at"
KEPT_MS = 60_000
LOOK_MS = 10_000
"""How long a room counts as looked at after somebody has asked for it."""
LOOKED_AT = 4
READ_AT_MOST = 256
"""As many processes as `SEATSERVER_WORKERS` allows."""


class PublishedReports(msgspec.Struct, frozen=True):
    """One process' report as it is stored, and its age."""

    id: str
    age_ms: int
    text: bytes


class ReportStore:
    """The stored reports, as one process uses them. All methods raise `Unavailable`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, id: str, report: bytes, rooms: Mapping[str, bytes]) -> tuple[str, ...]:
        """Store this process' report and those of rooms; return which rooms are looked at."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.set(_report(id), report, px=KEPT_MS)
        pipeline.sadd(IDS, id)
        pipeline.pexpire(IDS, 2 * KEPT_MS)
        for showtime_id, text in rooms.items():
            pipeline.set(_report(id, showtime_id), text, px=LOOK_MS)
        pipeline.lrange(LOOKED_AT_KEY, 0, LOOKED_AT - 1)
        replies = await _asked(pipeline)
        return tuple(showtime_id.decode() for showtime_id in replies[-1])

    async def withdraw(self, id: str) -> None:
        """Remove this process' reports."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.delete(_report(id))
        pipeline.srem(IDS, id)
        await _asked(pipeline)

    async def read(self) -> list[PublishedReports]:
        """All stored reports, by process id."""
        asking = self._redis.pipeline(transaction=False)
        asking.smembers(IDS)
        ids = sorted(id.decode() for id in (await _asked(asking))[0])[:READ_AT_MOST]
        pipeline = self._redis.pipeline(transaction=False)
        for id in ids:
            pipeline.get(_report(id))
            pipeline.pttl(_report(id))
        replies = await _asked(pipeline) if ids else []
        found = [
            PublishedReports(id, max(0, KEPT_MS - left_ms), text)
            for id, text, left_ms in zip(ids, replies[::2], replies[1::2], strict=True)
            if text is not None
        ]
        if gone := set(ids) - {pinned.id for pinned in found}:
            forgetting = self._redis.pipeline(transaction=False)
            forgetting.srem(IDS, *gone)
            await _asked(forgetting)
        return found

    async def look_at(self, showtime_id: str, ids: Sequence[str]) -> dict[str, bytes]:
        """What these processes report of a room. Asking makes them report it for a while."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.lrem(LOOKED_AT_KEY, 0, showtime_id)
        pipeline.lpush(LOOKED_AT_KEY, showtime_id)
        pipeline.ltrim(LOOKED_AT_KEY, 0, LOOKED_AT - 1)
        pipeline.pexpire(LOOKED_AT_KEY, LOOK_MS)
        for id in ids:
            pipeline.get(_report(id, showtime_id))
        texts = (await _asked(pipeline))[4:]
        return {id: text for id, text in zip(ids, texts, strict=True) if text is not None}

    async def clock(self) -> tuple[float, float]:
        """(how long Redis took to answer, what its clock said then), both in ms."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        loop = asyncio.get_running_loop()
        started = loop.time()
        [(seconds, micros)] = await _asked(pipeline)
        return (loop.time() - started) * 1000, seconds * 1000 + micros / 1000


def _report(id: str, showtime_id: str = "") -> str:
    return f"house:report:{id}:{showtime_id}" if showtime_id else f"house:report:{id}"


async def _asked(pipeline: Any) -> list[Any]:
    try:
        replies: list[Any] = await pipeline.execute()
    except Exception as error:
        if cannot_serve(error):
            raise Unavailable("Redis") from None
        raise
    return replies
