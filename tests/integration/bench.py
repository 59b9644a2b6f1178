"""A seat store on a real Redis, with test data in place of Postgres."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from seatserver import config
from seatserver.config import Settings
from seatserver.redis_io.client import connect
from seatserver.rooms.feed import FeedMessage
from seatserver.seats.model import Applied, HeldSeats, Ownership, View
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore, feed_channel
from tests.waiting import within

SHOW = "show-1"
SEATS = 24
DAY_MS = 24 * 3_600_000


class Truth:
    """What Postgres would know of every showtime; ``reads`` counts how often it was asked."""

    def __init__(self) -> None:
        self.seq = 0
        self.taken: dict[int, int] = {}
        self.kept: dict[int, str] = {}
        self.reads = 0
        self.before_read: Callable[[], Awaitable[None]] | None = None

    async def load_ownership(self, showtime_id: str) -> Ownership:
        self.reads += 1
        known = Ownership(self.seq, dict(self.taken), time.time_ns() // 1_000_000 + DAY_MS, SEATS, dict(self.kept))
        if self.before_read is not None:
            await self.before_read()
        return known

    def change(self, state: SeatState, seats: Sequence[int]) -> int:
        """A committed change; answers its number."""
        self.seq += 1
        for seat in seats:
            if state is SeatState.FREE:
                self.taken.pop(seat, None)
            else:
                self.taken[seat] = int(state)
        return self.seq

    def keep(self, channel: str | None, seats: Sequence[int]) -> int:
        """Commit a change of the blocked and allocated seats; returns its number."""
        self.seq += 1
        for seat in seats:
            if channel is None:
                self.kept.pop(seat, None)
            else:
                self.kept[seat] = channel
        return self.seq


class Heard:
    """Every message of a showtime's channel since it was made, without the feed's own code."""

    def __init__(self, redis: Redis, pubsub: PubSub) -> None:
        self._redis = redis
        self._pubsub = pubsub

    async def messages(self) -> list[FeedMessage]:
        """What has come since the last time."""
        mark = uuid.uuid4().hex.encode()
        await self._redis.publish("mark", mark)
        heard: list[FeedMessage] = []
        async with within("the mark on the feed"):
            while True:
                message = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=10)
                if message is None:
                    continue
                if message["channel"] == b"mark":
                    if message["data"] == mark:
                        return heard
                else:
                    heard.append(msgspec.msgpack.decode(message["data"], type=FeedMessage))


class Bench:
    """A store, its truth, and a look behind it."""

    def __init__(self, settings: Settings, truth: Truth) -> None:
        self.settings = settings
        self.truth = truth
        self.redis = connect(settings)
        self.store = SeatStore(self.redis, settings, truth.load_ownership)

    async def hold(self, user: str, seats: Sequence[int], hold_id: UUID | None = None) -> HeldSeats:
        return await self.store.hold(SHOW, hold_id or uuid.uuid4(), user, seats)

    async def book(
        self, user: str, booking_id: UUID, seats: Sequence[int], state: SeatState = SeatState.SOLD
    ) -> Applied:
        """Commit a change to the truth and bring it to Redis."""
        return await self.store.apply(SHOW, self.truth.change(state, seats), state, booking_id, user, seats)

    async def view(self) -> View:
        return await self.store.snapshot(SHOW, SEATS)

    async def states(self) -> dict[int, int]:
        """The seats that are not free."""
        return {seat: state for seat, state in enumerate((await self.view()).states) if state}

    def key(self, name: str) -> str:
        return f"seats:{{{SHOW}}}:{name}"

    async def end(self, held: HeldSeats, user: str) -> None:
        """Let the hold's time be over, as if it had passed."""
        past = held.deadline_ms - 10 * DAY_MS
        await self.redis.hset(self.key(f"hold:{held.hold_id}"), "deadline", str(past))
        for seat in held.seats:
            await self.redis.delete(self.key(f"seat:{seat}"))
            await self.redis.zadd(self.key("due"), {str(seat): past})
            await self.redis.zadd(self.key(f"user:{user}"), {str(seat): past})

    async def now_ms(self) -> int:
        seconds, micros = await self.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def is_after(self, moment_ms: int) -> bool:
        """Whether that is over, by Redis' clock."""
        return await self.now_ms() > moment_ms

    async def age(self, held: HeldSeats, *, created_ms: int, deadline_ms: int) -> None:
        """Let the hold have been made at another time, and end at another."""
        fields = ["created", str(created_ms), "deadline", str(deadline_ms)]
        await self.redis.hset(self.key(f"hold:{held.hold_id}"), items=fields)

    async def have_for_the_total(self, hold_id: UUID, seats: Iterable[int]) -> None:
        """Move the hold, and the pause of its seats before it, back by the total age."""
        key, total = self.key(f"hold:{hold_id}"), self.settings.hold_total_ms
        since = int(await self.redis.hget(key, "since") or 0)
        await self._free_earlier(total, set(seats), rested_before=since)
        for name in ("created", "since"):
            await self.redis.hincrby(key, name, -total)

    async def rest(self) -> None:
        """Let the pause have passed since each seat was free last; nothing else gets older."""
        await self._free_earlier(self.settings.hold_pause_ms)

    async def _free_earlier(self, ms: int, seats: set[int] | None = None, rested_before: int = 0) -> None:
        past: dict[Any, Any] = await self.redis.hgetall(self.key("past"))
        for seat, packed in past.items():
            ended, *others = msgspec.msgpack.decode(packed)
            is_meant = seats is None or (int(seat) in seats and rested_before - ended >= self.settings.hold_pause_ms)
            if is_meant:
                await self.redis.hset(self.key("past"), seat, msgspec.msgpack.encode([ended - ms, *others]))

    async def pass_time(self, ms: int) -> None:
        """Let the room have been left alone for so long, without waiting: whatever Redis knows happened earlier."""
        redis = self.redis
        async for key in redis.scan_iter(match=self.key("hold:*")):
            for name in ("created", "since", "deadline"):
                if await redis.hexists(key, name):
                    await redis.hincrby(key, name, -ms)
            left = await redis.pttl(key)
            await redis.pexpire(key, max(1, left - ms))
        for pattern in ("due", "user:*"):
            async for key in redis.scan_iter(match=self.key(pattern)):
                pairs: Any = await redis.zrange(key, 0, -1, withscores=True)
                for member, score in pairs:
                    await redis.zadd(key, {member: score - ms})
        async for key in redis.scan_iter(match=self.key("seat:*")):
            await redis.pexpire(key, max(1, await redis.pttl(key) - ms))
        past: dict[Any, Any] = await redis.hgetall(self.key("past"))
        for seat, packed in past.items():
            ended, claimed, people, had = msgspec.msgpack.decode(packed)
            earlier = [value - ms if at % 3 == 2 else value for at, value in enumerate(had)]
            moved = [ended - ms, claimed and claimed - ms, people, earlier]
            await redis.hset(self.key("past"), seat, msgspec.msgpack.encode(moved))
        left = await redis.pttl(self.key("past"))
        if left > 0:
            await redis.pexpire(self.key("past"), max(1, left - ms))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Heard]:
        pubsub = self.redis.pubsub()
        try:
            await pubsub.subscribe("mark", feed_channel(SHOW))
            heard = Heard(self.redis, pubsub)
            await heard.messages()
            yield heard
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated

    async def close(self) -> None:
        await self.store.close()
        await self.redis.aclose()


@asynccontextmanager
async def open_bench(redis_url: str, truth: Truth | None = None, **overrides: int) -> AsyncIterator[Bench]:
    """A bench with these settings; closed at the end."""
    bench = Bench(config.load({}, redis_url=redis_url, **overrides), truth or Truth())
    try:
        yield bench
    finally:
        await bench.close()


async def until(check: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait for something that will happen; a test that never gets there says what it waited for."""
    async with within(what):
        while True:
            result = check()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.01)
