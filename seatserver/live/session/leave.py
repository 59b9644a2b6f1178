"""Why a session ends, and what its client is told about that.

Every end that the server decides is a `Leave`: too many bad messages, an expired token, a restart. The session says it
in a `bye` and closes the socket with its code. `seatserver.wire.closing` lists the codes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Self

from seatserver.errors import BadRequest, NotFound, Revoked, SeatServerError, TooLarge, Unauthorized
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.wire.closing import Close
from seatserver.wire.from_server import Bye

AWAY_MS = (1000, 5000)
CLOSE_S = 2.0
"""Longest wait until a client has taken its bye."""


class Leave(Exception):
    """Raised to end the session: its close code, a reason for people, and when to come back (-1: do not)."""

    def __init__(self, code: int, reason: str, reconnect_after_ms: int = -1) -> None:
        super().__init__(reason)
        self.code, self.reason, self.reconnect_after_ms = code, reason, reconnect_after_ms

    @classmethod
    def after(cls, error: SeatServerError) -> Self:
        """How to end a session whose hello failed with this error."""
        if error.retryable:
            return cls(Close.UNAVAILABLE, error.message, reconnect_after_ms=2000)
        if isinstance(error, Revoked):
            return cls(Close.REVOKED, error.message)
        if isinstance(error, Unauthorized):
            return cls(Close.BAD_TOKEN, error.message)
        if isinstance(error, NotFound):
            return cls(Close.NO_SHOWTIME, error.message)
        if isinstance(error, (BadRequest, TooLarge)):
            return cls(Close.NO_HELLO, error.message)
        return cls(Close.FORBIDDEN, error.message)

    @classmethod
    def for_now(cls) -> Self:
        """Turn a socket away because too many come. Each is told another time, so that not all return at once."""
        return cls(Close.TRY_AGAIN_LATER, "too many come at once", random.randint(*AWAY_MS))

    @property
    def close_reason(self) -> str:
        """The reason cut to the 123 bytes that fit a close frame (RFC 6455, 5.5). The `bye` has all of it."""
        return self.reason.encode()[:123].decode(errors="ignore")

    async def say(self, connection: Connection, tell: Callable[[Bye], None]) -> None:
        """Say bye, except to a client that reads too slowly, and close the connection."""
        try:
            async with asyncio.timeout(CLOSE_S):
                if self.code != Close.SLOW:
                    tell(Bye(code=self.code, reason=self.reason, reconnect_after_ms=self.reconnect_after_ms))
                await connection.close(self.code, self.close_reason)
        except (TimeoutError, ConnectionClosed):
            pass  # the peer was gone before the bye was sent
