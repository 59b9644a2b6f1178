"""Guests: people without an account, and how one browser stays one guest.

A guest's token is valid only for hours, because a stolen one can be used until it ends. So that the guest does not end
with it, the browser also keeps a *renewal*: a text signed by this server that can be exchanged for a new token of the
same guest. A renewal can do nothing else. It is signed with another key, so a token is no renewal and a renewal is no
token, and it is sent only in the body of one kind of request. Its end is fixed when the guest is made, so a stolen one
is worthless after `Settings.guest_renewal_s`, however often it is used.

Nothing is stored: any instance checks a renewal by its signature, and a new `SEATSERVER_TOKEN_SECRET` ends all of them.
Revoking the guest ends this one's.
REST is the only caller.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import replace
from typing import Any

import jwt
import msgspec

from seatserver.access.deny_list import DenyList
from seatserver.access.tokens import LATEST_MS, Identity, Tokens
from seatserver.config import Settings
from seatserver.errors import Revoked, Unauthorized

MAX_RENEWAL_CHARS = 1024
PURPOSE = b"seatserver guest renewal"
ISSUER = "seatserver guest renewal"
ENDED = "this guest has ended; ask for a new one"


class GuestPass(msgspec.Struct, frozen=True, kw_only=True):
    """A guest, their token, and the renewal with its end; both None if renewal is turned off."""

    identity: Identity
    token: str
    renewal: str | None
    renewal_expires_at_ms: int | None


class Guests:
    """Makes guests and renews their tokens, by the settings."""

    def __init__(self, settings: Settings, tokens: Tokens, deny_list: DenyList) -> None:
        self._settings = settings
        self._tokens = tokens
        self._deny_list = deny_list
        self._key = hmac.digest(settings.token_secret.encode(), PURPOSE, hashlib.sha256)

    def make(self) -> GuestPass:
        """A new guest. Raises `Unauthorized` if guests are not allowed."""
        token, identity = self._tokens.guest()
        lifetime_s = self._settings.guest_renewal_s
        if not lifetime_s:
            return GuestPass(identity=identity, token=token, renewal=None, renewal_expires_at_ms=None)
        now_s = int(time.time())
        ends_s = now_s + lifetime_s
        claims = {"iss": ISSUER, "sub": identity.user_id, "iat": now_s, "exp": ends_s}
        renewal = jwt.encode(claims, self._key, algorithm="HS256")
        return GuestPass(identity=identity, token=token, renewal=renewal, renewal_expires_at_ms=ends_s * 1000)

    def renew(self, renewal: str) -> GuestPass:
        """A new token for the guest of this renewal, with the scopes that guests have now. The renewal stays the same.

        It may be repeated, also by several windows at once. Raises `Unauthorized`: the renewal is over or isn't ours,
        or guests aren't allowed any more.
        """
        if not self._settings.guest_renewal_s or not self._settings.token_secret:
            raise Unauthorized(ENDED)
        claims = self._claims(renewal)
        token, identity = self._tokens.guest(claims["sub"])
        try:
            # The new token is issued now; what counts is when the guest was made.
            self._deny_list.check(replace(identity, issued_at_ms=int(claims.get("iat", 0)) * 1000))
        except Revoked:
            raise Unauthorized(ENDED) from None
        ends_ms = min(claims["exp"] * 1000, LATEST_MS)
        return GuestPass(identity=identity, token=token, renewal=renewal, renewal_expires_at_ms=ends_ms)

    def _claims(self, renewal: str) -> dict[str, Any]:
        if len(renewal) > MAX_RENEWAL_CHARS:
            raise Unauthorized(ENDED)
        try:
            return jwt.decode(
                renewal,
                self._key,
                algorithms=["HS256"],
                issuer=ISSUER,
                leeway=self._settings.token_leeway_s,
                options={"require": ["exp", "iss", "sub"]},
            )
        except (jwt.PyJWTError, RecursionError, ValueError, OverflowError, TypeError):
            # The same words for every reason: all that the browser can do is begin with a new guest.
            raise Unauthorized(ENDED) from None
