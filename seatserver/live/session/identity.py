"""Who is on a socket, and until when: the same for the sockets of rooms and of the concierge.

Their first message says who is there; a later one may bring a fresh token, or a ticket, of the same user.
"""

from __future__ import annotations

from seatserver.access.credentials import Credentials
from seatserver.access.tokens import Identity
from seatserver.config import Settings
from seatserver.errors import Unauthorized
from seatserver.live.session.leave import Leave
from seatserver.wire.closing import Close
from seatserver.wire.concierge import Begin
from seatserver.wire.from_client import Hello


async def identify(
    message: Hello | Begin, credentials: Credentials, before: Identity | None, bearer: str | None
) -> Identity:
    """Who sends this: by what it brings, else as ``before``, else by the ``bearer`` of the handshake.

    Raises `Unauthorized`, `Revoked` and `Unavailable`.
    """
    if message.token is not None:
        return await credentials.verify(message.token)
    if message.ticket is not None:
        return await credentials.redeem(message.ticket)
    if before is not None:
        return before
    if bearer is not None:
        return await credentials.verify(bearer)
    name = "hello" if isinstance(message, Hello) else "begin"
    raise Unauthorized(f"{name} needs a token, a ticket, or an Authorization header at the handshake")


def end_of(identity: Identity, credentials: Credentials, settings: Settings) -> tuple[int, Leave]:
    """When a session of this identity ends, in milliseconds since the epoch, and why."""
    # Leeway as in verification: a client that is closed any earlier could come back with the same token at once.
    expires_ms = identity.expires_at_ms + settings.token_leeway_s * 1000
    revoked_ms = credentials.revoked_at_ms(identity)
    if revoked_ms < expires_ms:
        return revoked_ms, Leave(Close.REVOKED, "this token or key was revoked")
    return expires_ms, Leave(Close.TOKEN_EXPIRED, "the token expired; come back with a fresh one", 0)
