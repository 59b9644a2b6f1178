"""Single-use tickets for sockets.

A browser cannot send an Authorization header with a WebSocket, and a token must not be part of a URL. So a page uses
its token to get a ticket over REST, and sends the ticket in the socket's first message. A ticket is valid for seconds
and only once.
"""

from __future__ import annotations

import secrets
import time

import msgspec
import redis.asyncio

from seatserver.access.single_use import SingleUse
from seatserver.access.tokens import Identity
from seatserver.config import Settings
from seatserver.errors import Unauthorized


class SocketTickets:
    """The tickets in Redis, shared by all instances."""

    def __init__(self, settings: Settings, redis: redis.asyncio.Redis) -> None:
        self._lifetime_ms = settings.ticket_s * 1000
        self._issued = SingleUse(redis, "ticket")

    async def issue(self, identity: Identity) -> str:
        """A new ticket for ``identity``. Raises `Unavailable`."""
        ticket = secrets.token_urlsafe(24)
        await self._issued.issue(ticket, msgspec.json.encode(identity), self._lifetime_ms)
        return ticket

    async def redeem(self, ticket: str) -> Identity:
        """Use up the ticket and return its identity. Raises `Unauthorized` or `Unavailable`."""
        found = await self._issued.redeem(ticket)
        if found is None:
            raise Unauthorized("the ticket was used before, is too old, or was not issued here: get a new one")
        identity = msgspec.json.decode(found, type=Identity)
        if identity.expires_at_ms <= time.time() * 1000:
            raise Unauthorized("the token behind the ticket has expired")
        return identity
