"""Challenges: random texts that somebody has to sign or send back, once and soon.

Each is for one purpose, and perhaps for one user; asking for it uses it up (`access/single_use.py`). So an answer that
was recorded is worth nothing, and neither is one that was meant for somebody else.
"""

from __future__ import annotations

import base64
import secrets

import redis.asyncio

from seatserver.access.single_use import SingleUse

BYTES = 32
LIFETIME_MS = 300_000


class Challenges:
    """The challenges in Redis, shared by all instances."""

    def __init__(self, redis: redis.asyncio.Redis) -> None:
        self._issued = SingleUse(redis, "challenge")

    async def issue(self, purpose: str, owner: str = "", *, lifetime_ms: int = LIFETIME_MS) -> bytes:
        """A new challenge for ``purpose``, and for ``owner`` only. Raises `Unavailable`."""
        challenge = secrets.token_bytes(BYTES)
        await self._issued.issue(text_of(challenge), owner.encode(), lifetime_ms, purpose=purpose)
        return challenge

    async def redeem(self, purpose: str, challenge: str) -> str | None:
        """Use up a challenge (as `text_of`); whose it was. None if there is none, or no more. Raises `Unavailable`."""
        owner = await self._issued.redeem(challenge, purpose=purpose)
        return None if owner is None else owner.decode()


def text_of(content: bytes) -> str:
    """Bytes as base64url without padding, as WebAuthn writes them."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
