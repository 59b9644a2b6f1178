"""Challenges: random texts that somebody has to sign or send back, once and soon.

They are in Redis, for all instances. Each is for one purpose, and perhaps for one user; asking for it uses it up. So an
answer that was recorded is worth nothing, and neither is one that was meant for somebody else.
"""

from __future__ import annotations

import asyncio
import base64
import secrets

import redis.asyncio
from redis.exceptions import RedisError

from seatserver.errors import Unavailable

BYTES = 32
LIFETIME_S = 300
MAX_CHARS = 64
AT_ONCE = 4
"""Most commands under way at once, so that a flood leaves connections to Redis for everything else."""


class Challenges:
    """The challenges in Redis, shared by all instances."""

    def __init__(self, redis: redis.asyncio.Redis) -> None:
        self._redis = redis
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def issue(self, purpose: str, owner: str = "") -> bytes:
        """A new challenge for ``purpose``, and for ``owner`` only. Raises `Unavailable`."""
        challenge = secrets.token_bytes(BYTES)
        try:
            async with self._turns:
                await self._redis.set(_key(purpose, text_of(challenge)), owner.encode(), ex=LIFETIME_S)
        except (RedisError, OSError):
            raise Unavailable("Redis") from None
        return challenge

    async def redeem(self, purpose: str, challenge: str) -> str | None:
        """Use up a challenge (as `text_of`); whose it was. None if there is none, or no more. Raises `Unavailable`."""
        if not 0 < len(challenge) <= MAX_CHARS or not challenge.isascii():
            return None
        try:
            async with self._turns:
                owner = await self._redis.getdel(_key(purpose, challenge))
        except (RedisError, OSError):
            raise Unavailable("Redis") from None
        return owner.decode() if isinstance(owner, bytes) else owner


def text_of(content: bytes) -> str:
    """Bytes as base64url without padding, as WebAuthn writes them."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _key(purpose: str, challenge: str) -> str:
    return f"challenge:{purpose}:{challenge}"
