"""What an API key looks like: ``seatkey_``, its id, and its secret with a checksum.

    seatkey_k3v7pq2xnd5mzt4a_…64 letters and digits…

The prefix is for programs that search code and logs for secrets. They find a key with `PATTERN`, and the checksum tells
them, without asking anybody, that a find is a key and not something that looks like one. It also refuses a key that was
cut off or mistyped without a question to the database.

The secret is 288 random bits. So its SHA-256 is stored, not a slow hash as for passwords: nobody can try all secrets,
however fast trying one is, and a slow hash would let anybody with wrong keys keep the server busy.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

from seatserver.errors import Unauthorized

PREFIX = "seatkey_"
PATTERN = r"seatkey_[a-z2-7]{16}_[a-z2-7]{64}"
ID_PATTERN = "^[a-z2-7]{16}$"
ID_BYTES, SECRET_BYTES, CHECKSUM_BYTES = 10, 36, 4
"""80, 288 and 32 bits, which base32 writes without padding: letters and digits that a double click selects whole."""


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key that somebody sent: its id, and the hash of its secret."""

    id: str
    secret_hash: bytes


def make() -> tuple[str, GivenKey]:
    """A new key as its owner gets it, once, and what is kept of it."""
    key_id = _text(secrets.token_bytes(ID_BYTES))
    secret = secrets.token_bytes(SECRET_BYTES)
    return f"{PREFIX}{key_id}_{_text(secret + _checksum(key_id, secret))}", GivenKey(key_id, _hash(secret))


def read(text: str) -> GivenKey:
    """Take a key apart. Raises `Unauthorized` for a text that was never a key."""
    if re.fullmatch(PATTERN, text) is None:
        raise Unauthorized(f"this is not a whole key: expected {PREFIX}, 16 letters and digits, _ and 64 more")
    key_id, _, rest = text.removeprefix(PREFIX).partition("_")
    content = base64.b32decode(rest.upper())
    secret, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if checksum != _checksum(key_id, secret):
        raise Unauthorized("this key was mistyped or cut off: its checksum is wrong")
    return GivenKey(key_id, _hash(secret))


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _checksum(key_id: str, secret: bytes) -> bytes:
    return zlib.crc32(key_id.encode() + secret).to_bytes(CHECKSUM_BYTES, "big")


def _text(content: bytes) -> str:
    return base64.b32encode(content).decode().lower()
