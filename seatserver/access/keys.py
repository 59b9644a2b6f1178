"""Public keys that partners sign with: which keys are accepted, and how key sets are fetched.

A JSON Web Key Set comes from a file or an ``https://`` address (``http://`` only on this machine). It is kept, and read
again when it is old or when a token names a key that it lacks, but not more often than every `REFRESH_S` seconds: a
flood of tokens with made-up keys costs one request. Fetching runs in a thread and is bounded in size and time.
`seatserver.access.tokens` uses it, and `seatserver.accounts.openid_provider`, which fetches in its own way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from seatserver.errors import ConfigError, Unauthorized, Unavailable

REFRESH_S = 30
KEEP_S = 3600
FETCH_S = 5
MAX_KEY_SET_BYTES = 256 * 1024
MIN_RSA_BITS = 2048


class UnusableKey(Exception):
    """The key is of a kind that is not accepted; the text says which, such as ``an RSA key of 1024 bits``."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key and the one algorithm it may be used with."""

    algorithm: str
    material: Any


def signing_key(key: object) -> SigningKey:
    """The algorithm follows from the key's type; raises `UnusableKey`."""
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise UnusableKey(f"an RSA key of {key.key_size} bits")
        return SigningKey("RS256", key)
    if isinstance(key, EllipticCurvePublicKey):
        if not isinstance(key.curve, SECP256R1):
            raise UnusableKey(f"a key on the curve {key.curve.name}")
        return SigningKey("ES256", key)
    if isinstance(key, Ed25519PublicKey):
        return SigningKey("EdDSA", key)
    raise UnusableKey("a key of another kind")


class KeySet:
    """A JSON Web Key Set at ``source``. Raises `ConfigError` for an address that is not safe to trust.

    Whoever gives ``fetch`` has checked the address, and fetches the document in their own way; it may raise what is in
    `UNREADABLE`.
    """

    def __init__(self, source: str, fetch: Callable[[], Awaitable[bytes]] | None = None) -> None:
        self._source = source
        self._fetch = fetch
        self._is_url = "://" in source
        if fetch is None and self._is_url and not is_safe(source):
            raise ConfigError(
                "SEATSERVER_TOKEN_JWKS",
                "is neither an https address nor a file",
                "expected `https://…` (plain http only to this machine itself) or a path",
            )
        self._keys: dict[str, SigningKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading: asyncio.Task[None] | None = None
        if not self._is_url:
            self._check_file()

    async def find(self, kid: str) -> SigningKey:
        """The key named ``kid``. Raises `Unauthorized` if the set lacks it, `Unavailable` if the set cannot be read."""
        if kid not in self._keys or self._is_old():
            if self._reading is None and not self._tried_lately():
                self._tried_at = time.monotonic()
                self._reading = asyncio.create_task(self._read_again(), name="read key set")
            if self._reading is not None:
                # Shielded, so that one caller who gives up does not cancel the read for the others.
                await asyncio.shield(self._reading)
        key = self._keys.get(kid)
        if key is not None:
            return key
        if self._read_at is None:
            raise Unavailable("the token issuer's key set")
        raise Unauthorized("the token is signed with a key that is not in the issuer's key set")

    def _check_file(self) -> None:
        """Read a file at start, and stop if it is wrong. An address may still come up later."""
        expected = "expected a JSON Web Key Set with a public key for RS256, ES256 or EdDSA that has a `kid`"
        try:
            usable = _parse(_read(self._source))
        except OSError as error:
            raise ConfigError("SEATSERVER_TOKEN_JWKS", f"cannot be read ({error.strerror})", expected) from None
        except UNREADABLE:
            raise ConfigError("SEATSERVER_TOKEN_JWKS", "is not a key set", expected) from None
        if not usable:
            raise ConfigError("SEATSERVER_TOKEN_JWKS", "has no usable key", expected)

    def _is_old(self) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at > KEEP_S

    def _tried_lately(self) -> bool:
        return self._tried_at is not None and time.monotonic() - self._tried_at < REFRESH_S

    async def _read_again(self) -> None:
        try:
            if self._fetch is not None:
                document = await self._fetch()
            else:
                document = await asyncio.to_thread(_fetch if self._is_url else _read, self._source)
            self._keys = _parse(document)
            self._read_at = time.monotonic()
        except UNREADABLE:
            # Keys that were good an hour ago stay in use, so an outage of the issuer is no outage here.
            pass
        finally:
            self._reading = None


UNREADABLE = (OSError, httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, UnicodeError, RecursionError)


class _Document(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def _parse(document: bytes) -> dict[str, SigningKey]:
    """The set's usable keys by ``kid``; keys of other kinds, for encryption or without a name are left out."""
    keys: dict[str, SigningKey] = {}
    for fields in msgspec.json.decode(document, type=_Document).keys:
        kid = fields.get("kid")
        if not isinstance(kid, str) or fields.get("use", "sig") != "sig" or fields.get("kty") == "oct":
            continue
        try:
            key = signing_key(jwt.PyJWK(fields).key)
        except (
            jwt.PyJWTError,
            UnusableKey,
            UnsupportedAlgorithm,
            NotImplementedError,
            ValueError,
            TypeError,
            KeyError,
        ):
            continue
        if fields.get("alg", key.algorithm) == key.algorithm:
            keys[kid] = key
    return keys


def is_safe(url: str) -> bool:
    """Whether nobody on the way can replace what is there: HTTPS, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(url)))


def is_this_machine(url: str) -> bool:
    """Whether the host of an address is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(MAX_KEY_SET_BYTES)


def _fetch(url: str) -> bytes:
    """Get the document; no redirects, a bounded size, and a bounded time even when it trickles."""
    deadline = time.monotonic() + FETCH_S
    received = bytearray()
    # A proxy named in the environment is for other machines, never for this one.
    client = httpx.Client(timeout=FETCH_S, trust_env=not is_this_machine(url))
    with client, client.stream("GET", url, headers={"accept": "application/json"}) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            received += chunk
            if len(received) > MAX_KEY_SET_BYTES or time.monotonic() > deadline:
                raise OSError("the key set is too large or too slow")
    return bytes(received)
