"""The Python client: one live room over the public wire, and the REST calls around it.

Scripts, load tests and our own tests use it. It knows nothing that is not documented in `/asyncapi.json` and
`/openapi.json`::

    async with SeatClient("http://127.0.0.1:8000") as client:
        async with client.room("studio-1") as room:          # a guest, where the server allows guests
            held = await room.hold("C-7", "C-8")             # labels or indexes
            booking = await room.book(held.hold_id)
"""

from __future__ import annotations

from seatserver.client.errors import Disconnected, RemoteError
from seatserver.client.live_room import LiveRoom
from seatserver.client.rest import RestClient

__all__ = ["Disconnected", "LiveRoom", "RemoteError", "SeatClient"]


class SeatClient(RestClient):
    """The way into rooms, and the REST calls; ``async with`` it."""

    def room(self, showtime_id: str, *, encoding: str = "msgpack") -> LiveRoom:
        """A live room; ``async with`` it. ``encoding`` is ``msgpack`` or ``json``."""
        return LiveRoom(self, showtime_id, encoding)
