"""Random texts that work once and soon, such as the ticket of a socket or the challenge of a passkey.

They are in Redis, for all instances, each with what it stands for. Redeeming one uses it up, so of many who try at once
exactly one succeeds. What a text stands for, and who gets one, is decided in `socket_tickets.py` and
`accounts/challenges.py`.
"""

from __future__ import annotations

import asyncio

import redis.asyncio
from redis.exceptions import RedisError

from seatserver.errors import Unavailable

MAX_CHARS = 64
"""The longest text that is looked up; none that was issued is longer."""
AT_ONCE = 4
"""Most commands under way at once. When all browsers reconnect together, theirs queue here and leave connections to
Redis for the holds; so does a flood."""


class SingleUse:
    """The texts of one kind. Each name is ``prefix``, a colon and the text."""

    def __init__(self, redis: redis.asyncio.Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def issue(self, text: str, content: bytes, lifetime_ms: int, *, purpose: str = "") -> None:
        """Let ``text`` stand for ``content``, once, for ``purpose`` only. Raises `Unavailable`."""
        try:
            async with self._turns:
                await self._redis.set(self._key(text, purpose), content, px=lifetime_ms)
        except (RedisError, OSError):
            raise Unavailable("Redis") from None

    async def redeem(self, text: str, *, purpose: str = "") -> bytes | None:
        """Use up a text; its content. None if there is none, or none any more. Raises `Unavailable`.

        If the answer is lost the text is used up all the same: whoever sent it needs a new one.
        """
        if not 0 < len(text) <= MAX_CHARS or not text.isascii():
            return None
        try:
            async with self._turns:
                content = await self._redis.getdel(self._key(text, purpose))
        except (RedisError, OSError):
            raise Unavailable("Redis") from None
        return content.encode() if isinstance(content, str) else content

    def _key(self, text: str, purpose: str) -> str:
        return f"{self._prefix}:{purpose}:{text}" if purpose else f"{self._prefix}:{text}"
