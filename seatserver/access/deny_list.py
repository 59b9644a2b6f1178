"""What is refused although it has not expired: a token, what a user was given until some moment, or a key.

This is one process' copy of the list, in memory. `seatserver.access.revocations` keeps it up to date. Looking something
up takes three dictionary lookups at most. It is done when a token is verified, at hello, and for every open socket when
the list has grown; never for a command.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from seatserver.access.tokens import LATEST_MS, Identity
from seatserver.config import Clock
from seatserver.errors import Revoked

Kind = Literal["token", "user", "key"]


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """``subject`` is a token's id (`jti`), a user or a key's id. Times in ms since the epoch.

    From ``ends_at_ms`` on the subject is refused; for a user, whatever was issued until then. By ``expires_at_ms``
    everything that it ends has expired anyway.
    """

    kind: Kind
    subject: str
    ends_at_ms: int
    expires_at_ms: int
    revoked_by: str


class DenyList:
    """The revocations that this process knows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[Kind, str], Revocation] = {}

    def __len__(self) -> int:
        return len(self._known)

    def ends_at_ms(self, identity: Identity) -> int:
        """When a revocation ends this identity, perhaps in the past; `LATEST_MS` if none does."""
        known = self._known
        if not known:
            return LATEST_MS
        ends_ms = LATEST_MS
        if identity.token_id and (found := known.get(("token", identity.token_id))):
            ends_ms = found.ends_at_ms
        if identity.key_id and (found := known.get(("key", identity.key_id))):
            ends_ms = min(ends_ms, found.ends_at_ms)
        if (found := known.get(("user", identity.user_id))) and identity.issued_at_ms <= found.ends_at_ms:
            ends_ms = min(ends_ms, found.ends_at_ms)
        return ends_ms

    def check(self, identity: Identity) -> None:
        """Raise `Revoked` if the identity has been revoked."""
        if self.ends_at_ms(identity) <= self._clock():
            raise Revoked

    def add(self, revocation: Revocation) -> bool:
        """Add it; whether that refuses more than before. Adding one again changes nothing."""
        name = (revocation.kind, revocation.subject)
        known = self._known.get(name)
        if known is not None and covers(known, revocation):
            return False
        self._known[name] = revocation
        return True

    def forget_expired(self) -> None:
        """Drop what ends nothing any more."""
        now_ms = self._clock()
        self._known = {name: one for name, one in self._known.items() if one.expires_at_ms > now_ms}


def covers(one: Revocation, other: Revocation) -> bool:
    """Whether ``one`` refuses all that ``other`` of the same subject does. A user's later one ends later tokens too."""
    if one.kind == "user":
        return one.ends_at_ms >= other.ends_at_ms
    return one.ends_at_ms <= other.ends_at_ms
