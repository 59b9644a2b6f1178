"""One instance's hub and feed on the real Redis, with a viewer who checks what it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seatserver import config
from seatserver.config import Settings
from seatserver.rooms.feed import Feed, Notice
from seatserver.rooms.hub import Hub, LiveRoom
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seats.model import View
from seatserver.seats.store import SeatStore, feed_channel
from tests.integration.bench import SEATS, SHOW, Bench, Truth, until

LONGEST_MS = 300_000


class Watcher:
    """A room's listener that keeps a picture of its own; one per instance and showtime."""

    def __init__(self) -> None:
        self.live: LiveRoom | None = None
        self.picture = Room(SEATS, 0)
        self.notices: list[Notice] = []
        self.resets = 0

    def look(self, live: LiveRoom) -> None:
        """Take a snapshot, as a viewer does who joins."""
        self.live = live
        self.picture.reset(live.room.epoch, live.room.version, bytes(live.room.states))

    def changed(self, change: Change) -> None:
        if self.live is not None:
            assert self.picture.apply(change) is not Applied.GAP, "a viewer never has a gap"

    def reset(self) -> None:
        self.resets += 1
        if self.live is not None:
            self.look(self.live)

    def noticed(self, notice: Notice) -> None:
        if notice.kind not in ("epoch", "holds"):
            self.notices.append(notice)


class SlowStore(SeatStore):
    """A store whose snapshots arrive late while ``gate`` is closed."""

    gate: asyncio.Event | None = None
    waiting = False

    async def snapshot(self, showtime_id: str, seat_count: int) -> View:
        view = await super().snapshot(showtime_id, seat_count)
        if self.gate is not None:
            self.waiting = True
            await self.gate.wait()
            self.waiting = False
        return view


class Instance(Bench):
    """A bench whose showtimes can be watched."""

    def __init__(self, settings: Settings, truth: Truth) -> None:
        super().__init__(settings, truth)
        self.slow = SlowStore(self.redis, settings, truth.load_ownership)
        self.store = self.slow
        self.hub = Hub(self.store, settings)
        self.restored = 0
        self.feed = Feed(self.redis, settings, self.hub.received, self.on_restored)
        self.hub.attach(self.feed)
        self.watchers: dict[str, Watcher] = {}

    def on_restored(self) -> None:
        self.restored += 1
        self.hub.restored()

    async def watch(self, showtime_id: str = SHOW) -> Watcher:
        """Open a room; a second viewer shares the first one's listener, as an audience does."""
        watcher = self.watchers.setdefault(showtime_id, Watcher())
        watcher.look(await self.hub.open(showtime_id, SEATS, watcher))
        return watcher

    def leave(self, watcher: Watcher) -> None:
        assert watcher.live is not None
        self.watchers.pop(watcher.live.showtime_id, None)
        self.hub.leave(watcher.live)

    async def caught_up(self, watcher: Watcher) -> None:
        """Wait until the watcher sees what Redis has."""

        async def same() -> bool:
            view = await SeatStore.snapshot(self.store, SHOW, SEATS)
            picture = watcher.picture
            return (picture.epoch, picture.version, bytes(picture.states)) == (view.epoch, view.version, view.states)

        await until(same, "the viewer sees what Redis has")

    async def lose_a_message(self, seat: int) -> None:
        """A sale that Redis knows and that nobody heard of."""
        await self.redis.hset(self.key("taken"), str(seat), "3")
        await self.redis.hincrby(self.key("meta"), "taken", 1)
        await self.redis.hincrby(self.key("meta"), "version", 1)

    async def feed_connections(self) -> set[str]:
        """The ids of the connections that are subscribed to something."""
        return {client["id"] for client in await self.redis.client_list() if client["sub"] != "0"}

    async def cut_feeds(self) -> None:
        await self.redis.client_kill_filter(_type="pubsub")

    async def subscribed(self, showtime_id: str = SHOW) -> bool:
        return await self.redis.pubsub_channels(feed_channel(showtime_id)) != []


@asynccontextmanager
async def open_instance(redis_url: str, truth: Truth | None = None, **overrides: int) -> AsyncIterator[Instance]:
    """An instance whose feed follows; nothing but messages and gaps makes it look at Redis, unless the test asks."""
    quiet = {"verify_ms": LONGEST_MS, "sweep_ms": 60_000} | overrides
    instance = Instance(config.load({}, redis_url=redis_url, **quiet), truth or Truth())
    running = asyncio.create_task(instance.hub.run())
    try:
        await until(lambda: instance.feed.healthy, "the feed follows")
        yield instance
        assert not running.done(), "nothing ends the hub but its owner"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await instance.hub.close()
        await instance.close()
