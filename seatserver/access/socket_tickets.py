"""Single-use tickets for sockets.

A browser cannot send an Authorization header with a WebSocket, and a token must not be part of a URL. So a page uses
its token to get a ticket over REST, and sends the ticket in the socket's first message. A ticket is valid for seconds
and only once.
"""

from __future__ import annotations

import asyncio
import secrets
import time

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from seatserver.access.tokens import Identity
from seatserver.config import Settings
from seatserver.errors import Unauthorized, Unavailable

MAX_TICKET_CHARS = 64
AT_ONCE = 4
"""Most commands under way at once. When all browsers reconnect together, their tickets queue here and leave connections
to Redis for the holds."""


class SocketTickets:
    """The tickets in Redis, shared by all instances."""

    def __init__(self, settings: Settings, redis: redis.asyncio.Redis) -> None:
        self._lifetime_ms = settings.ticket_s * 1000
        self._redis = redis
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def issue(self, identity: Identity) -> str:
        """A new ticket for ``identity``. Raises `Unavailable`."""
        ticket = secrets.token_urlsafe(24)
        try:
            async with self._turns:
                await self._redis.set(_key(ticket), msgspec.json.encode(identity), px=self._lifetime_ms)
        except (RedisError, OSError):
            raise Unavailable("Redis") from None
        return ticket

    async def redeem(self, ticket: str) -> Identity:
        """Use up the ticket and return its identity. Raises `Unauthorized` or `Unavailable`."""
        found = None
        if 0 < len(ticket) <= MAX_TICKET_CHARS:
            try:
                async with self._turns:
                    found = await self._redis.getdel(_key(ticket))
            except (RedisError, OSError):
                raise Unavailable("Redis") from None
        if found is None:
            raise Unauthorized("the ticket was used before, is too old, or was not issued here: get a new one")
        identity = msgspec.json.decode(found, type=Identity)
        if identity.expires_at_ms <= time.time() * 1000:
            raise Unauthorized("the token behind the ticket has expired")
        return identity


def _key(ticket: str) -> str:
    return f"ticket:{ticket}"
