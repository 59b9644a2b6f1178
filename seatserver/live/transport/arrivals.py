"""Where a connection comes from, and how many connections its network has open.

A connection comes from the peer itself, or, where proxies announce their clients (`proxy_protocol.py`), from whoever
the proxy names. That becomes ``client`` of every request on the connection, and `access/addresses.py` goes on from
there.

Every connection is an open file of this process, so one network may have only so many (`access/shares.py`). The proxies
themselves may have any number: theirs are everybody's.
"""

from __future__ import annotations

from seatserver.access.addresses import Networks, household, read
from seatserver.access.shares import CONNECTIONS_RETRY_S, Share, Shares
from seatserver.config import Settings
from seatserver.errors import TooMany

Client = tuple[str, int] | None
"""An address and a port, as ASGI has them; None if there is none, as on a Unix socket."""


class Arrivals:
    """Lets connections in."""

    def __init__(self, settings: Settings, shares: Shares) -> None:
        self.are_announced = settings.proxy_protocol
        """Whether every connection begins with a head of the PROXY protocol."""
        self._proxies = Networks(settings.trusted_proxies)
        self._shares = shares
        self._most = settings.network_connections

    def is_proxy(self, client: Client) -> bool:
        """Whether this is one of our proxies, which may say where a connection comes from."""
        return (read(client[0]) if client else None) in self._proxies

    def admit(self, client: Client) -> Arrival:
        """Count a connection of this client until it leaves. Raises `TooMany`."""
        network = "" if client is None or self.is_proxy(client) else household(read(client[0]))
        share = self._shares.of_network(network)
        if share is not None:
            if self._most and share.connections >= self._most:
                share.note_refusal()
                raise TooMany("connections", CONNECTIONS_RETRY_S)
            share.connections += 1
        return Arrival(client, share)


class Arrival:
    """One connection from its admission until it is closed, also when it has become a socket meanwhile."""

    __slots__ = ("_share", "client")

    def __init__(self, client: Client, share: Share | None) -> None:
        self.client = client
        self._share = share

    def leave(self) -> None:
        """The connection is closed. Only the first call counts."""
        if self._share is not None:
            self._share.connections -= 1
            self._share = None
