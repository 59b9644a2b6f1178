"""The audiences of one process: who joins which room, how often busy rooms are served, and what they share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from seatserver.config import Clock, Settings
from seatserver.live.audience import Audience
from seatserver.live.messages import Booked
from seatserver.live.pump import Pump
from seatserver.live.ring import Ring, WriteToEach, open_ring, write_to_each
from seatserver.live.roll import Viewer
from seatserver.live.turns import Turns
from seatserver.metrics import Metrics
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.hub import Hub
from seatserver.tasks import Tasks

log = structlog.get_logger(__name__)

SHARE = 20
"""A tick is so many times as long as what the busy rooms' rounds take, within its bounds: most of the process is for
those who ask."""

BookingReader = Callable[[UUID], Awaitable[Booked | None]]
"""Reads a booking as the message that tells its owner about it; None when there is none."""


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
        self.pump = Pump()
        self.newcomers = Turns()
        self.busy_ns = 0
        """What the last rounds of the rooms that are busy took together."""
        self.redis_ahead_ms = 0.0
        """How far Redis' clock is ahead of ours, as far as we know."""
        self.write_to_each: WriteToEach = write_to_each
        self._ring: Ring | None = None
        self._hub = hub
        self._audiences: dict[str, Audience] = {}
        self._sockets: Counter[str] = Counter()

    @property
    def audiences(self) -> dict[str, Audience]:
        """The audiences by showtime."""
        return self._audiences

    def propagated(self, since_ms: int) -> None:
        """The last viewer of a room was sent a change that was made then, by Redis' clock."""
        self.metrics.propagation.observe(max(0.0, self.clock() + self.redis_ahead_ms - since_ms) / 1000)

    def sockets_of(self, user_id: str) -> int:
        """How many sockets of this process are in a room for this user."""
        return self._sockets[user_id]

    @property
    def tick_s(self) -> float:
        """How long a busy room waits from one round's start to the next one's."""
        settings = self.settings
        wanted_s = SHARE * self.busy_ns / 1e9
        return min(max(wanted_s, settings.tick_ms / 1000), settings.tick_most_ms / 1000)

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
        self._ring = open_ring() if self.settings.io_uring else None
        if self._ring is not None:
            self.write_to_each = self._ring.write_to_each
        log.debug("rooms are served", through="send" if self._ring is None else "io_uring")
        while True:
            await asyncio.sleep(self.settings.heartbeat_ms / 1000)
            for audience in tuple(self._audiences.values()):
                audience.beat()

    async def close(self) -> None:
        """End what runs for the audiences."""
        self.pump.close()
        for audience in self._audiences.values():
            audience.close()
        await self.tasks.close()
        if self._ring is not None:
            self._ring.close()

    def _forget_if_empty(self, audience: Audience) -> None:
        if audience.showtime_id not in self._hub.rooms and self._audiences.get(audience.showtime_id) is audience:
            audience.close()
            del self._audiences[audience.showtime_id]
