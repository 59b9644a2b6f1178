"""The audiences of one process: who joins which room, and the beat of quiet rooms."""

from __future__ import annotations

import asyncio

import structlog

from seatserver.live.broadcast.audience import Audience
from seatserver.live.broadcast.handshake_throttle import HandshakeThrottle
from seatserver.live.broadcast.io_uring import BatchWriter, open_batch_writer
from seatserver.live.broadcast.recipients import Viewer
from seatserver.live.broadcast.services import BroadcastServices
from seatserver.rooms.hub import Hub
from seatserver.seatmaps.model import SeatMap

log = structlog.get_logger(__name__)


class Broadcaster:
    """The audiences of one process."""

    def __init__(self, hub: Hub, services: BroadcastServices) -> None:
        self.services = services
        self.handshakes = HandshakeThrottle()
        self._batch_writer: BatchWriter | None = None
        self._hub = hub
        self._audiences: dict[str, Audience] = {}

    @property
    def audiences(self) -> dict[str, Audience]:
        """The audiences by showtime."""
        return self._audiences

    async def join(self, showtime_id: str, seat_map: SeatMap) -> Audience:
        """The audience of a showtime, its room loaded. Pair every success with `leave`. Raises `Unavailable`."""
        audience = self._audiences.get(showtime_id)
        if audience is None:
            audience = self._audiences[showtime_id] = Audience(showtime_id, seat_map, self.services)
        try:
            areas = [seat_map.places_of(area) for area in range(len(seat_map.general_areas))]
            audience.live = await self._hub.open(showtime_id, len(seat_map.seats), audience, areas)
        except BaseException:
            self._forget_if_empty(audience)
            raise
        self.services.metrics.rooms.set(len(self._audiences))
        return audience

    def leave(self, audience: Audience, viewer: Viewer | None = None) -> None:
        """Undo one `join`; the last one closes the audience. Who joined without watching names no viewer."""
        if viewer is not None:
            audience.discard(viewer)
        if audience.live is not None:
            self._hub.leave(audience.live)
        self._forget_if_empty(audience)
        self.services.metrics.rooms.set(len(self._audiences))

    async def run(self) -> None:
        """Send beats to quiet rooms until cancelled."""
        self._batch_writer = open_batch_writer() if self.services.settings.io_uring else None
        if self._batch_writer is not None:
            self.services.write_to_each = self._batch_writer.write_to_each
        log.debug("rooms are served", through="send" if self._batch_writer is None else "io_uring")
        while True:
            await asyncio.sleep(self.services.settings.heartbeat_ms / 1000)
            for audience in tuple(self._audiences.values()):
                audience.beat()

    async def close(self) -> None:
        """End the tasks and deliveries of all audiences."""
        self.services.slicer.close()
        for audience in self._audiences.values():
            audience.close()
        await self.services.tasks.close()
        if self._batch_writer is not None:
            self._batch_writer.close()

    def _forget_if_empty(self, audience: Audience) -> None:
        if audience.showtime_id not in self._hub.rooms and self._audiences.get(audience.showtime_id) is audience:
            audience.close()
            del self._audiences[audience.showtime_id]
