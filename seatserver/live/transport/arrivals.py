"""Where a connection comes from.

That is the peer itself, or, where proxies announce their clients (`proxy_protocol.py`), whoever the proxy names. The
answer becomes ``client`` of every request on the connection, and `access/addresses.py` goes on from there.
"""

from __future__ import annotations

from seatserver.access.addresses import Networks, read
from seatserver.config import Settings

Client = tuple[str, int] | None
"""An address and a port, as ASGI has them; None if there is none, as on a Unix socket."""


class Arrivals:
    """The connections that come to this process."""

    def __init__(self, settings: Settings) -> None:
        self.are_announced = settings.proxy_protocol
        """Whether every connection begins with a head of the PROXY protocol."""
        self._proxies = Networks(settings.trusted_proxies)

    def may_announce(self, peer: Client) -> bool:
        """Whether this peer is a proxy that may say where a connection comes from."""
        return (read(peer[0]) if peer else None) in self._proxies


class Arrival:
    """One connection, for as long as it is open: also when it has become a socket."""

    __slots__ = ("client",)

    def __init__(self, client: Client) -> None:
        self.client = client
