"""What continues a session: the value of a page's cookie, and a program's refresh tokens.

Both are signed by this server and say which session they belong to; whether that goes on is looked up each time. A
refresh token also has a number, its *generation*, one more each time it is exchanged. Nothing secret is stored, so a
stolen copy of the database continues no session. A made-up text is not taken for a used one either, so nobody can end
the session of somebody else by knowing its id.

The signature is made with a key of its own, derived from `SEATSERVER_TOKEN_SECRET`. So these texts are no tokens.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal
from uuid import UUID

import jwt
import msgspec

from seatserver.config import Settings
from seatserver.errors import SessionEnded

PURPOSE = b"seatserver session"
ISSUER = "seatserver session"
MAX_CHARS = 1024
Kind = Literal["page", "program"]


class SessionText(msgspec.Struct, frozen=True):
    """What a text says: the session, and the text's generation."""

    session_id: UUID
    generation: int


class SessionTexts:
    """Writes and reads the texts."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.token_secret.encode()
        self._key = hmac.digest(secret, PURPOSE, hashlib.sha256) if secret else b""

    def write(self, kind: Kind, session_id: UUID, expires_at_ms: int, generation: int = 0) -> str:
        """The text of this generation, always the same. It needs a secret: see `Sessions.begin`."""
        claims = {
            "iss": ISSUER,
            "aud": kind,
            "sid": session_id.hex,
            "gen": generation,
            "exp": expires_at_ms // 1000,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def read(self, kind: Kind, text: str) -> SessionText:
        """What a text of this kind says. Raises `SessionEnded`, for whatever reason in the same words."""
        if not self._key or len(text) > MAX_CHARS:
            raise SessionEnded
        try:
            claims = jwt.decode(
                text,
                self._key,
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=kind,
                options={"require": ["exp", "iss", "aud", "sid", "gen"]},
            )
            return SessionText(UUID(hex=claims["sid"]), int(claims["gen"]))
        except (jwt.PyJWTError, RecursionError, ValueError, OverflowError, TypeError, AttributeError):
            raise SessionEnded from None
