"""The live rooms of this instance.

A room is loaded when its first viewer comes and forgotten after the last one leaves. To load a room, the hub subscribes
to the feed, reads a snapshot, and applies what the feed brought meanwhile; the versions show what overlaps. The same
steps close every gap. The hub also runs each room's timer: at the earliest deadline it sweeps, so viewers see a hold
end within milliseconds. A room without holds has no timer. Deadlines arrive as durations by Redis' clock, so no other
clock matters. An audience (`seatserver.live.broadcast.audience`) listens to a room; nothing else keeps one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from seatserver.config import Settings
from seatserver.errors import SeatServerError, Unavailable
from seatserver.rooms.feed import Feed, FeedMessage, Notice
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seats.model import View
from seatserver.seats.store import SeatStore
from seatserver.tasks import Tasks, raise_if_cancelled

log = structlog.get_logger(__name__)

RETRY_S = 0.5
SWEEP_AGAIN_MS = 500
IN_FLIGHT_S = 0.25
LONGEST_BUFFER = 1000


class Listener(Protocol):
    """What shows a room. It is called in the event loop, in order, and must not block."""

    def changed(self, change: Change) -> None:
        """The room moved to ``change.version``."""

    def reset(self) -> None:
        """The room has a new epoch, so only a snapshot will do."""

    def noticed(self, notice: Notice) -> None:
        """Something happened to one user's hold or booking."""


class LiveRoom:
    """A room with viewers. ``room`` may be read at any time after `Hub.open` returned it."""

    def __init__(self, showtime_id: str, room: Room, listener: Listener) -> None:
        self.showtime_id = showtime_id
        self.room = room
        self.listener = listener
        self.viewers = 0
        self.loop = asyncio.get_running_loop()  # asked once: in Python 3.11 the question is a system call
        self.loading: asyncio.Task[None] | None = None
        self.resyncing: asyncio.Task[None] | None = None
        # What the feed brings while a snapshot is read; None while the room follows the feed.
        self.buffer: list[FeedMessage] | None = []
        # Whether the snapshot being read may be too old, because the feed has missed something since.
        self.again = False
        self.timer: asyncio.TimerHandle | None = None
        self.timer_at = 0.0
        self.published_ms = 0
        """When the latest change was made, by Redis' clock; 0 if it was missed and came with a snapshot."""
        self.late_ms = -1
        """That change's ``late_ms``, as in `FeedMessage`."""


class Hub:
    """All live rooms of one process. Call `run` in a task."""

    def __init__(self, store: SeatStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._rooms: dict[str, LiveRoom] = {}
        self._tasks = Tasks()
        self._feed: Feed | None = None

    def attach(self, feed: Feed) -> None:
        """Set the feed, whose callbacks are `received` and `restored`."""
        self._feed = feed

    @property
    def rooms(self) -> dict[str, LiveRoom]:
        """The live rooms by showtime."""
        return self._rooms

    async def open(
        self, showtime_id: str, seat_count: int, listener: Listener, areas: Sequence[range] = ()
    ) -> LiveRoom:
        """Join a room; the first viewer loads it. Call `leave` after every success.

        Raises `Unavailable` if Redis or Postgres cannot serve; then nothing is left behind.
        """
        live = self._rooms.get(showtime_id)
        if live is None:
            live = LiveRoom(showtime_id, Room(seat_count, self._settings.ring_deltas, areas), listener)
            self._rooms[showtime_id] = live
            live.loading = self._tasks.spawn(self._first_load(live), f"load {showtime_id}")
            live.loading.add_done_callback(_retrieve)
        live.viewers += 1
        try:
            if live.loading is not None:
                await _result_of(live.loading)
        except BaseException:
            self.leave(live)
            raise
        return live

    def leave(self, live: LiveRoom) -> None:
        """Leave a room; the last viewer closes it."""
        live.viewers -= 1
        if live.viewers > 0 or self._rooms.get(live.showtime_id) is not live:
            return
        del self._rooms[live.showtime_id]
        if live.timer is not None:
            live.timer.cancel()
        for task in (live.loading, live.resyncing):
            if task is not None:
                task.cancel()
        if self._feed is not None:
            self._feed.unsubscribe(live.showtime_id)

    async def states(self, showtime_id: str, place_count: int) -> tuple[str, int, bytes]:
        """(epoch, version, one state per place) of any showtime, whether it is live here or not."""
        live = self._rooms.get(showtime_id)
        if live is not None and live.loading is None and live.buffer is None:
            return live.room.epoch, live.room.version, bytes(live.room.states)
        await self._store.sweep(showtime_id)
        view = await self._store.snapshot(showtime_id, place_count)
        return view.epoch, view.version, view.states

    async def run(self) -> None:
        """Follow the feed and verify the live rooms until cancelled."""
        assert self._feed is not None, "attach a feed first"
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed.run(), name="feed")
            tasks.create_task(self._verify(), name="verify rooms")

    async def close(self) -> None:
        """End all loads, timers and sweeps."""
        for live in self._rooms.values():
            if live.timer is not None:
                live.timer.cancel()
        await self._tasks.close()

    # ------------------------------------------------------------ the feed's callbacks

    def received(self, showtime_id: str, message: FeedMessage) -> None:
        """The feed received a change."""
        live = self._rooms.get(showtime_id)
        if live is None:
            return
        if live.buffer is not None:
            live.buffer.append(message)
        else:
            self._follow(live, message)

    def restored(self) -> None:
        """Messages may have been missed, so every room catches up."""
        for live in self._rooms.values():
            self._resync(live)

    # ------------------------------------------------------------ following and catching up

    def _follow(self, live: LiveRoom, message: FeedMessage, *, covered: bool = False) -> None:
        """Apply a message to the room. ``covered``: it was published before the room's snapshot was read."""
        pairs = tuple(zip(message.changes[::2], message.changes[1::2], strict=False))
        change = Change(message.epoch, message.from_version, message.version, pairs)
        outcome = live.room.apply(change)
        if outcome is Applied.GAP and not covered:
            self._resync(live, message)
            return
        if outcome is Applied.YES:
            live.published_ms, live.late_ms = message.now_ms, message.late_ms
            _tell(live, live.listener.changed, change)
        # A snapshot may have brought the change already, but never the notices.
        for notice in message.notices:
            _tell(live, live.listener.noticed, notice)
        if message.soonest_ms:
            self._set_timer(live, message.soonest_ms - message.now_ms)

    async def _first_load(self, live: LiveRoom) -> None:
        assert self._feed is not None, "attach a feed first"
        await self._feed.subscribe(live.showtime_id)
        await self._catch_up(live)
        live.loading = None

    def _resync(self, live: LiveRoom, first: FeedMessage | None = None) -> None:
        if self._rooms.get(live.showtime_id) is not live:
            return  # its last viewer has left
        if live.buffer is not None:
            # A load is under way, and its snapshot may be older.
            live.again = True
            if first is not None:
                live.buffer.append(first)
            return
        live.buffer = [first] if first is not None else []
        live.resyncing = self._tasks.spawn(self._resync_until_done(live), f"resync {live.showtime_id}")

    async def _resync_until_done(self, live: LiveRoom) -> None:
        while True:
            try:
                await self._catch_up(live)
                return
            except SeatServerError as error:
                log.warning("room cannot catch up yet", showtime=live.showtime_id, error=str(error))
            except Exception:
                # Whatever the error is, try again: a room that gave up would show old states for ever.
                log.exception("room cannot catch up", showtime=live.showtime_id)
            # The next snapshot contains the older messages, so memory stays bounded while Redis is away.
            live.buffer = (live.buffer or [])[-LONGEST_BUFFER:]
            raise_if_cancelled()
            await asyncio.sleep(RETRY_S)

    async def _catch_up(self, live: LiveRoom) -> None:
        room, live.again = live.room, True
        while live.again:
            live.again, covered = False, len(live.buffer or [])
            view = await self._store.snapshot(live.showtime_id, len(room.states))
            if view.epoch == room.epoch and view.version < room.version:
                # Redis went back in time (a stale replica, an old backup). A new epoch keeps viewers from mixing both.
                await self._store.load(live.showtime_id, "renew", of_epoch=room.epoch)
                live.again = True
        self._take_over(live, view)
        waiting, live.buffer = live.buffer or [], None
        for at, message in enumerate(waiting):
            self._follow(live, message, covered=at < covered)
        if view.next_due_ms is not None:
            self._set_timer(live, view.next_due_ms)

    def _take_over(self, live: LiveRoom, view: View) -> None:
        room = live.room
        if view.epoch == room.epoch:
            # Within an epoch the difference closes the gap, so viewers need no snapshot.
            differing = tuple(
                (seat, new) for seat, (old, new) in enumerate(zip(room.states, view.states, strict=True)) if old != new
            )
            change = Change(room.epoch, room.version, view.version, differing)
            if room.apply(change) is Applied.YES:
                live.published_ms, live.late_ms = 0, -1
                _tell(live, live.listener.changed, change)
                return
            if not differing:
                return
            log.error("room differed at the same version", showtime=live.showtime_id, version=view.version)
        room.reset(view.epoch, view.version, view.states)
        _tell(live, live.listener.reset)

    # ------------------------------------------------------------ deadlines

    def _set_timer(self, live: LiveRoom, in_ms: int) -> None:
        """Sweep in ``in_ms``, or earlier if an earlier sweep is planned already."""
        if self._rooms.get(live.showtime_id) is not live:
            return
        loop = live.loop
        due = loop.time() + min(in_ms, self._settings.sweep_ms) / 1000
        if live.timer is not None:
            if live.timer_at <= due:
                return  # even if it is overdue: the loop was busy, and it runs next
            live.timer.cancel()
        live.timer_at = due
        live.timer = loop.call_at(due, self._sweep_soon, live)

    def _sweep_soon(self, live: LiveRoom) -> None:
        live.timer = None
        self._tasks.spawn(self._sweep(live), f"sweep {live.showtime_id}")

    async def _sweep(self, live: LiveRoom) -> None:
        try:
            next_ms = await self._store.sweep(live.showtime_id)
        except SeatServerError as error:
            log.warning("sweep failed", showtime=live.showtime_id, error=str(error))
            next_ms = SWEEP_AGAIN_MS
        except Exception:
            log.exception("sweep failed", showtime=live.showtime_id)
            next_ms = SWEEP_AGAIN_MS
        if next_ms is not None:
            self._set_timer(live, next_ms)

    # ------------------------------------------------------------ verification

    async def _verify(self) -> None:
        """Compare versions with Redis, because the loss of the latest message leaves no gap to notice."""
        while True:
            await asyncio.sleep(self._settings.verify_ms / 1000)
            sampled = {
                live.showtime_id: (live, live.room.epoch, live.room.version)
                for live in self._rooms.values()
                if live.buffer is None
            }
            if not sampled:
                continue
            try:
                positions = await self._store.positions(tuple(sampled))
            except SeatServerError as error:
                log.warning("rooms not verified", error=str(error))
                continue
            except Exception:
                log.exception("rooms not verified")
                continue
            finally:
                raise_if_cancelled()
            # What was published before the reply may still be on its way here.
            await asyncio.sleep(IN_FLIGHT_S)
            for (live, epoch, version), position in zip(sampled.values(), positions, strict=True):
                if position is not None and position[0] == live.room.epoch:
                    went_back = position[0] == epoch and position[1] < version
                    if position[1] <= live.room.version and not went_back:
                        continue
                if live.buffer is None:
                    log.warning("room differs from Redis", showtime=live.showtime_id, epoch=epoch, version=version)
                    self._resync(live)


async def _result_of(load: asyncio.Task[None]) -> None:
    """Wait for a load that others wait for too."""
    try:
        # Shielded, so that one viewer who gives up does not cancel the load for the others.
        await asyncio.shield(load)
    except asyncio.CancelledError:
        viewer = asyncio.current_task()
        if not load.cancelled() or (viewer is not None and viewer.cancelling()):
            raise
        raise Unavailable("the room") from None  # the hub is closing, the viewer is not


def _tell(live: LiveRoom, listen: Callable[..., None], *news: object) -> None:
    """Call a listener. If it raises, this is logged, and its room and all others go on."""
    try:
        listen(*news)
    except Exception:
        log.exception("listener failed", showtime=live.showtime_id)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Mark the error as seen; each waiting viewer gets it raised."""
    if not task.cancelled():
        task.exception()
