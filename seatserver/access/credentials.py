"""Who is asking: the one place where what a client sends becomes an `Identity`, or is refused.

REST and the handshake of a socket bring a token or an API key in `Authorization: Bearer …`; the hello of a socket
brings one of these or a socket ticket. Whatever it is, it must not have been revoked.
"""

from __future__ import annotations

from seatserver.access.api_keys import ApiKeys
from seatserver.access.deny_list import DenyList
from seatserver.access.key_format import PREFIX
from seatserver.access.socket_tickets import SocketTickets
from seatserver.access.tokens import Identity, Tokens


def bearer_of(authorization: str) -> str | None:
    """The token or key of an `Authorization` header, perhaps empty; None if the header has another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Credentials:
    """Verifies what clients send."""

    def __init__(self, tokens: Tokens, api_keys: ApiKeys, socket_tickets: SocketTickets, deny_list: DenyList) -> None:
        self._tokens = tokens
        self._api_keys = api_keys
        self._socket_tickets = socket_tickets
        self._deny_list = deny_list

    async def verify(self, bearer: str) -> Identity:
        """The user of a token or an API key. Raises `Unauthorized`, `Revoked` or `Unavailable`."""
        identity = await self.identify(bearer)
        self._deny_list.check(identity)
        return identity

    async def identify(self, bearer: str) -> Identity:
        """Whose token or API key it is, also if it was revoked. Raises `Unauthorized` or `Unavailable`."""
        is_key = bearer.startswith(PREFIX)
        return await (self._api_keys.verify(bearer) if is_key else self._tokens.verify(bearer))

    async def redeem(self, ticket: str) -> Identity:
        """The user of a socket ticket, which is used up. Raises `Unauthorized`, `Revoked` or `Unavailable`."""
        identity = await self._socket_tickets.redeem(ticket)
        await self._tokens.check_ended(identity)
        self._deny_list.check(identity)
        return identity

    def revoked_at_ms(self, identity: Identity) -> int:
        """When it is revoked, perhaps in the past; `LATEST_MS` if it is not."""
        return self._deny_list.ends_at_ms(identity)
