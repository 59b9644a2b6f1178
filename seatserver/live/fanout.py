"""From one room to all its viewers: shared frames, merged ticks.

An `Audience` listens to one live room and shows it to the sessions in it. A quiet room's change goes out at once; while
changes keep coming, those of one tick are merged, last write per seat. Each frame is encoded once per encoding in use
and shared by every socket; so is the snapshot of a version, and the beat.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from seatserver.config import Clock, Settings
from seatserver.errors import Unavailable
from seatserver.live.baskets import sorted_out
from seatserver.live.codec import Codec, Frame
from seatserver.live.messages import Beat, Booked, Delta, Expired, ServerMessage, Snapshot
from seatserver.metrics import Metrics
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.feed import Notice
from seatserver.seats.hub import Hub, LiveRoom
from seatserver.seats.room import Change, Room, merge
from seatserver.tasks import Tasks

RETRY_S = 0.5

BookingReader = Callable[[UUID], Awaitable[Booked | None]]
"""Reads a booking as the message that tells its owner about it; None when there is none."""


class Viewer(Protocol):
    """A socket, as its room sees it."""

    codec: Codec
    user_id: str

    def show(self, frame: Frame) -> None:
        """Send a frame of the room."""

    def lapse(self) -> None:
        """Send a snapshot when there is time."""

    def tell(self, message: ServerMessage) -> None:
        """Send a private message."""


class Audience:
    """The viewers of one room on this instance; the room's `Listener`."""

    def __init__(self, showtime_id: str, seat_map: SeatMap, fanout: Fanout) -> None:
        self.showtime_id = showtime_id
        self.seat_map = seat_map
        self.live: LiveRoom | None = None
        self.viewers: set[Viewer] = set()
        self.sought: set[int] = set()
        """Seats that a `best` on this instance is about to hold: the next one looks elsewhere first."""
        self._by_user: dict[str, set[Viewer]] = {}
        self._fanout = fanout
        self._pending: list[Change] = []
        self._flush: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._snapshots: dict[Codec, tuple[str, int, Frame]] = {}

    @property
    def room(self) -> Room:
        """The room shown here; only while somebody is in it."""
        assert self.live is not None, "an audience without viewers has no room"
        return self.live.room

    def add(self, viewer: Viewer) -> None:
        """From now on ``viewer`` gets every change after the room's version of this moment."""
        self.flush()
        if viewer not in self.viewers:
            self.viewers.add(viewer)
            self._by_user.setdefault(viewer.user_id, set()).add(viewer)
            self._fanout.count(viewer.user_id, 1)

    def discard(self, viewer: Viewer) -> None:
        """The viewer goes, if it ever came."""
        if viewer in self.viewers:
            self.viewers.remove(viewer)
            theirs = self._by_user[viewer.user_id]
            theirs.remove(viewer)
            if not theirs:
                del self._by_user[viewer.user_id]
            self._fanout.count(viewer.user_id, -1)

    def snapshot(self, codec: Codec) -> Frame:
        """The room as one frame, encoded once per version."""
        room = self.room
        cached = self._snapshots.get(codec)
        if cached is not None and cached[:2] == (room.epoch, room.version):
            return cached[2]
        frame = codec.encode(snapshot_of(room))
        self._snapshots[codec] = (room.epoch, room.version, frame)
        return frame

    def flush(self) -> None:
        """Send what is pending, as one frame per encoding."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if not self._pending:
            return
        self._flushed_at = asyncio.get_running_loop().time()
        change, self._pending = merge(self._pending), []
        self._show(delta_of(change, self.room), "delta")

    def beat(self) -> None:
        """Tell a quiet room that it is alive and where it is."""
        self.flush()  # a beat never overtakes the changes that it stands for
        quiet_s = asyncio.get_running_loop().time() - self._flushed_at
        if self.live is not None and self.viewers and quiet_s * 1000 >= self._fanout.settings.heartbeat_ms / 2:
            room = self.room
            now = self._fanout.clock()
            self._show(Beat(epoch=room.epoch, version=room.version, server_ms=now), "beat")

    # ------------------------------------------------------------ the room's listener

    def changed(self, change: Change) -> None:
        """A change of the room: out at once when the room was quiet, else with its tick."""
        self._pending.append(change)
        if self._flush is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._flushed_at + self._fanout.settings.tick_ms / 1000)
            self._flush = loop.call_at(at, self.flush)

    def reset(self) -> None:
        """A new epoch: nobody can follow, everybody gets a snapshot."""
        self._pending.clear()
        self._snapshots.clear()
        for viewer in self.viewers:
            viewer.lapse()

    def noticed(self, notice: Notice) -> None:
        """Tell a user what became of a hold or booking."""
        if notice.user_id not in self._by_user:
            return
        if notice.kind == "booking":
            self._fanout.tasks.spawn(self._tell_booking(notice), "tell booking")
        elif notice.kind != "epoch":
            seats, areas = sorted_out(notice.seats, self.seat_map)
            gone = Expired(hold_id=UUID(notice.hold_id), seats=seats, areas=areas, reason=notice.kind)
            self._tell(notice.user_id, gone)

    async def _tell_booking(self, notice: Notice) -> None:
        while notice.user_id in self._by_user:
            try:
                message = await self._fanout.read_booking(UUID(notice.hold_id))
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            if message is not None:
                self._tell(notice.user_id, message)
            return

    def _tell(self, user_id: str, message: ServerMessage) -> None:
        for viewer in self._by_user.get(user_id, ()):
            viewer.tell(message)

    def _show(self, message: ServerMessage, kind: str) -> None:
        frames: dict[Codec, Frame] = {}
        for viewer in self.viewers:
            frame = frames.get(viewer.codec)
            if frame is None:
                frame = frames[viewer.codec] = viewer.codec.encode(message)
            viewer.show(frame)
        self._fanout.metrics.frames.labels(kind).inc(len(self.viewers))


class Fanout:
    """The audiences of one process."""

    def __init__(
        self, hub: Hub, settings: Settings, metrics: Metrics, clock: Clock, read_booking: BookingReader
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.clock = clock
        self.read_booking = read_booking
        self.tasks = Tasks()
        self._hub = hub
        self._audiences: dict[str, Audience] = {}
        self._sockets: Counter[str] = Counter()

    def sockets_of(self, user_id: str) -> int:
        """How many sockets of this process are in a room for this user."""
        return self._sockets[user_id]

    def count(self, user_id: str, step: int) -> None:
        """A socket of this user came (1) or went (-1)."""
        self._sockets[user_id] += step
        if not self._sockets[user_id]:
            del self._sockets[user_id]

    async def join(self, showtime_id: str, seat_map: SeatMap) -> Audience:
        """An audience whose room is loaded. Pair every success with `leave`. Raises `Unavailable`."""
        audience = self._audiences.get(showtime_id)
        if audience is None:
            audience = self._audiences[showtime_id] = Audience(showtime_id, seat_map, self)
        try:
            areas = [seat_map.places_of(area) for area in range(len(seat_map.general_areas))]
            audience.live = await self._hub.open(showtime_id, len(seat_map.seats), audience, areas)
        except BaseException:
            self._forget_if_empty(audience)
            raise
        self.metrics.rooms.set(len(self._audiences))
        return audience

    def leave(self, audience: Audience, viewer: Viewer) -> None:
        """One viewer less."""
        audience.discard(viewer)
        if audience.live is not None:
            self._hub.leave(audience.live)
        self._forget_if_empty(audience)
        self.metrics.rooms.set(len(self._audiences))

    async def run(self) -> None:
        """Beat in every room until cancelled."""
        while True:
            await asyncio.sleep(self.settings.heartbeat_ms / 1000)
            for audience in tuple(self._audiences.values()):
                audience.beat()

    async def close(self) -> None:
        """End what runs for the audiences."""
        await self.tasks.close()

    def _forget_if_empty(self, audience: Audience) -> None:
        if audience.showtime_id not in self._hub.rooms and self._audiences.get(audience.showtime_id) is audience:
            audience.flush()
            del self._audiences[audience.showtime_id]


def delta_of(change: Change, room: Room) -> Delta:
    """A change, after which the room is as it is now, as the wire shows it."""
    return Delta(
        epoch=change.epoch,
        from_=change.from_version,
        version=change.version,
        changes=tuple(pair for pair in change.seats if pair[0] < room.seat_count) if room.areas else change.seats,
        areas=tuple((area, room.remaining(area)) for area in room.areas_of(change)),
    )


def snapshot_of(room: Room) -> Snapshot:
    """The room as the wire shows it."""
    return Snapshot(
        epoch=room.epoch,
        version=room.version,
        states=room.snapshot(),
        areas=tuple(room.remaining(area) for area in range(len(room.areas))),
    )
