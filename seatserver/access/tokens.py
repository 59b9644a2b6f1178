"""JSON Web Tokens, which say who a user is and what they may do.

Three kinds of key may sign a token: our own secret (HS256, for guests and ``seatserver token``), a partner's key from a
file, and a partner's JSON Web Key Set. The key decides the algorithm, never the token, so ``none`` or a public key used
as an HMAC secret cannot pass. REST and the socket call `Tokens.verify` and then ask the `Identity`.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from seatserver.access.keys import KeySet, SigningKey, UnusableKey, signing_key
from seatserver.config import SCOPES, Settings
from seatserver.errors import BadRequest, ConfigError, Forbidden, Unauthorized

MAX_TOKEN_CHARS = 4096
MAX_USER_CHARS = 128
MAX_TOKEN_ID_CHARS = 255
GUEST = "guest:"
KIOSK = "kiosk:"
PUBLIC = ""
"""The sales channel of users whose token names none."""
CHANNEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
CHANNEL_FORM = "expected 1 to 64 letters, digits, '-' or '_', a letter or digit first"
KEY_CLAIM = "seatserver_key"
SESSION = "session:"
"""What the key's id of a token begins with if it was made in a session of a signed-in user."""
LATEST_MS = 2**53 - 1
"""A time that never comes: the largest whole number that every JSON reader keeps exact."""

# What else a scope allows.
IMPLIED: dict[str, frozenset[str]] = {
    "hold": frozenset({"watch"}),
    "book": frozenset({"claim"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user. ``expires_at_ms`` is milliseconds since the epoch; a socket closes then.

    ``channel`` is the sales channel that the token sells for: its user may take the seats that are allocated to it.

    The others are what a revocation may name (`seatserver.access.revocations`): the token's id (`jti`), the id of the
    key that stands behind it, and when it was issued. A token without `iat` counts as issued before everything.
    """

    user_id: str
    scopes: frozenset[str]
    expires_at_ms: int
    channel: str = PUBLIC
    token_id: str = ""
    key_id: str = ""
    issued_at_ms: int = 0

    @property
    def is_guest(self) -> bool:
        """Whether the user is a guest, whom nothing but the token identifies."""
        return self.user_id.startswith(GUEST)

    @property
    def is_at_kiosk(self) -> bool:
        """Whether this is a customer of a kiosk, who is somebody else at each visit."""
        return self.user_id.startswith(KIOSK)

    @property
    def is_program(self) -> bool:
        """Whether an API key is behind it, and not a person."""
        return bool(self.key_id) and not self.key_id.startswith(SESSION)

    def may(self, scope: str) -> bool:
        """Whether the scopes, with what they imply, contain ``scope``."""
        return scope in self.scopes or any(scope in IMPLIED.get(own, ()) for own in self.scopes)

    def require(self, scope: str, action: str) -> None:
        """Raise `Forbidden` unless the scope is there; ``action`` names what was tried, such as ``holding seats``."""
        if not self.may(scope):
            raise Forbidden(scope, action)


class Tokens:
    """Verifies and mints tokens by the settings. Raises `ConfigError` if a key file cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._issuers = [part.strip() for part in settings.token_issuer.split(",") if part.strip()]
        if not self._issuers:
            raise ConfigError("SEATSERVER_TOKEN_ISSUER", "names no issuer", "expected one or more, comma-separated")
        self._keys: dict[str, SigningKey] = {}
        if settings.token_public_key_file:
            key = _public_key(settings.token_public_key_file)
            self._keys[key.algorithm] = key
        if settings.token_secret:
            self._keys["HS256"] = SigningKey("HS256", settings.token_secret)
        self._key_set = KeySet(settings.token_jwks) if settings.token_jwks else None
        self.refuse_ended: Callable[[Identity], Awaitable[None]] | None = None
        """Raises `Unauthorized` for a user whose tokens were ended before their time."""

    async def verify(self, token: str) -> Identity:
        """The token's user.

        Raises `Unauthorized` with one sentence, or `Unavailable` when the keys it may be signed with cannot be had.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthorized(f"the token is longer than {MAX_TOKEN_CHARS} characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, RecursionError, UnicodeError):
            raise Unauthorized("this is not a token: expected a JWT of three parts") from None
        key = await self._key_for(header)
        identity = _identity(self._claims(token, key))
        await self.check_ended(identity)
        return identity

    async def check_ended(self, identity: Identity) -> None:
        """Raise `Unauthorized` if this user's tokens were ended before their time."""
        if self.refuse_ended is not None:
            await self.refuse_ended(identity)

    def mint(
        self,
        user_id: str,
        scopes: Iterable[str],
        lifetime_s: int,
        channel: str = PUBLIC,
        *,
        key_id: str = "",
        issued_at_ms: int | None = None,
    ) -> str:
        """Sign a token with our secret. Revoking the key ``key_id`` revokes the token too.

        ``issued_at_ms`` dates it back to when its user was looked up; by default it is issued now.

        Raises `ConfigError` when there is none, `BadRequest` for an unknown scope or a text that names no channel.
        """
        if not self._settings.token_secret:
            raise ConfigError("SEATSERVER_TOKEN_SECRET", "is not set", "expected 32 bytes or more to sign tokens with")
        wanted = set(scopes)
        if unknown := sorted(wanted.difference(SCOPES)):
            raise BadRequest(f"there is no scope {unknown[0]!r}; expected one of {', '.join(SCOPES)}", where="scope")
        if channel != PUBLIC and not is_channel(channel):
            raise BadRequest(f"channel is {channel[:80]!r}: {CHANNEL_FORM}", where="channel")
        check_user(user_id)
        # In milliseconds, so that what is issued right after a revocation of this user is told from what was before.
        issued = (time.time_ns() // 1_000_000 if issued_at_ms is None else issued_at_ms) / 1000
        claims: dict[str, Any] = {
            "iss": self._issuers[0],
            "aud": self._settings.token_audience,
            "sub": user_id,
            "iat": issued,
            "exp": int(issued) + lifetime_s,
            "jti": secrets.token_urlsafe(12),
            "scope": " ".join(scope for scope in SCOPES if scope in wanted),
        }
        if key_id:
            claims[KEY_CLAIM] = key_id
        if channel != PUBLIC:
            claims["channel"] = channel
        return jwt.encode(claims, self._settings.token_secret, algorithm="HS256")

    def guest(self, user_id: str | None = None) -> tuple[str, Identity]:
        """A token for the guest with this id, or for a new guest. Raises `Unauthorized` if guests are not allowed."""
        if not self._settings.guest_scopes:
            raise Unauthorized("this server does not allow guests: send a token")
        user_id = user_id or GUEST + secrets.token_urlsafe(12)
        token = self.mint(user_id, self._settings.guest_scopes, self._settings.guest_token_s)
        return token, _identity(self._claims(token, self._keys["HS256"]))

    async def _key_for(self, header: dict[str, Any]) -> SigningKey:
        """The key that must have signed a token with this header, by ``kid`` from the key set or else by algorithm."""
        kid = header.get("kid")
        if kid is not None and self._key_set is not None:
            return await self._key_set.find(str(kid))
        key = self._keys.get(str(header.get("alg")))
        if key is None:
            raise Unauthorized("the token is not signed with a key of this server")
        return key

    def _claims(self, token: str, key: SigningKey) -> dict[str, Any]:
        settings = self._settings
        try:
            return jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=settings.token_audience,
                issuer=self._issuers,
                leeway=settings.token_leeway_s,
                options={"require": ["exp", "aud", "iss", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("the token has expired") from None
        except jwt.InvalidAudienceError:
            raise Unauthorized(f"the token is for another audience; expected {settings.token_audience!r}") from None
        except jwt.InvalidIssuerError:
            raise Unauthorized("the token is from an unknown issuer") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthorized(f"the token lacks the claim {error.claim!r}") from None
        except jwt.ImmatureSignatureError:
            raise Unauthorized("the token is not valid yet") from None
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
            raise Unauthorized("the token's signature is wrong") from None
        except (jwt.PyJWTError, RecursionError, ValueError, OverflowError, TypeError):
            raise Unauthorized("the token cannot be read") from None


def _identity(claims: dict[str, Any]) -> Identity:
    """The claims as an identity. Scopes are in ``scope``, separated by spaces (RFC 8693), or in the list ``scopes``."""
    scopes = claims.get("scope", claims.get("scopes", ()))
    if isinstance(scopes, str):
        scopes = scopes.split()
    if not isinstance(scopes, list | tuple):
        raise Unauthorized("the token's scopes are neither a text nor a list")
    check_user(claims["sub"])
    # Partners' tokens may contain scopes of other systems.
    known = frozenset(scope for scope in scopes if isinstance(scope, str) and scope in SCOPES)
    return Identity(
        claims["sub"],
        known,
        min(int(claims["exp"]) * 1000, LATEST_MS),
        _channel(claims),
        _token_id(claims),
        str(claims.get(KEY_CLAIM, "")),
        _issued_at_ms(claims),
    )


def _issued_at_ms(claims: dict[str, Any]) -> int:
    """When it was issued; 0 if it does not say. It is not in the future: PyJWT has checked that."""
    issued = claims.get("iat", 0)
    # Fractions of a second are allowed (RFC 7519, section 2).
    return round(max(issued, 0.0) * 1000) if isinstance(issued, float) else min(int(issued) * 1000, LATEST_MS)


def _token_id(claims: dict[str, Any]) -> str:
    token_id = str(claims.get("jti", ""))
    if len(token_id) > MAX_TOKEN_ID_CHARS:
        raise Unauthorized(f"the token's id (`jti`) is longer than {MAX_TOKEN_ID_CHARS} characters")
    return token_id


def _channel(claims: dict[str, Any]) -> str:
    channel = claims.get("channel", PUBLIC)
    if channel != PUBLIC and not (isinstance(channel, str) and is_channel(channel)):
        # Treated as the public's, it would be refused seat by seat without saying why.
        raise Unauthorized(f"the token's sales channel (`channel`) is not a valid name: {CHANNEL_FORM}")
    return str(channel)


def is_channel(name: str) -> bool:
    """Whether this is a valid name of a sales channel; the public has none."""
    # fullmatch, because `$` alone would let a final line break pass.
    return re.fullmatch(CHANNEL_PATTERN, name) is not None


def check_user(user_id: object) -> None:
    """Raise `Unauthorized` unless this is a printable name of a bounded length."""
    if not isinstance(user_id, str) or not user_id.strip() or not user_id.isprintable():
        raise Unauthorized("the token's user (`sub`) is not a printable name")
    if len(user_id) > MAX_USER_CHARS:
        raise Unauthorized(f"the token's user (`sub`) is longer than {MAX_USER_CHARS} characters")


def _public_key(path: str) -> SigningKey:
    expected = "expected a PEM public key for RS256 (2048 bits or more), ES256 or EdDSA"
    try:
        return signing_key(load_pem_public_key(Path(path).read_bytes()))
    except OSError as error:
        raise ConfigError("SEATSERVER_TOKEN_PUBLIC_KEY_FILE", f"cannot be read ({error.strerror})", expected) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError("SEATSERVER_TOKEN_PUBLIC_KEY_FILE", "contains no public key", expected) from None
    except UnusableKey as error:
        raise ConfigError("SEATSERVER_TOKEN_PUBLIC_KEY_FILE", f"contains {error}", expected) from None
