"""Single-use tickets for sockets.

A browser cannot put an Authorization header on a WebSocket, and tokens never travel in a URL. So a page asks REST for
a ticket with its token, and shows the ticket in the socket's first message: it is good once, and for seconds.
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
"""Commands under way at once: when all browsers come back together, their tickets queue here and leave the holds their
connections."""


class Tickets:
    """Tickets in Redis, shared by all instances."""

    def __init__(self, settings: Settings, redis: redis.asyncio.Redis) -> None:
        self._lifetime_ms = settings.ticket_s * 1000
        self._redis = redis
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def issue(self, identity: Identity) -> str:
        """A fresh ticket for ``identity``; raises `Unavailable`."""
        ticket = secrets.token_urlsafe(24)
        try:
            async with self._turns:
                await self._redis.set(_key(ticket), msgspec.json.encode(identity), px=self._lifetime_ms)
        except (RedisError, OSError):
            raise Unavailable("Redis") from None
        return ticket

    async def redeem(self, ticket: str) -> Identity:
        """The ticket's identity, this one time; raises `Unauthorized` or `Unavailable`."""
        found = None
        if 0 < len(ticket) <= MAX_TICKET_CHARS:
            try:
                async with self._turns:
                    found = await self._redis.getdel(_key(ticket))
            except (RedisError, OSError):
                raise Unavailable("Redis") from None
        if found is None:
            raise Unauthorized("the ticket was used already, is too old, or never was one")
        identity = msgspec.json.decode(found, type=Identity)
        if identity.expires_at_ms <= time.time() * 1000:
            raise Unauthorized("the token behind the ticket has expired")
        return identity


def _key(ticket: str) -> str:
    return f"ticket:{ticket}"
