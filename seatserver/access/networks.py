"""Where somebody comes from: the one place that reads a client's address.

The server (uvicorn) has put the client's own address into the scope by then: that of the connection, or what a proxy
says in `X-Forwarded-For`, which it believes of those in `SEATSERVER_TRUSTED_PROXIES` only. An address is never stored
or logged: what is kept is a keyed hash of it, another one for each showtime, so that nobody who reads Redis learns
where people live, or follows them from one showtime to the next.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from seatserver.config import Settings

PURPOSE = b"seatserver network of a guest"
NAME_BYTES = 9


def network_of(scope: Mapping[str, Any]) -> str:
    """The client's network, empty where there is none, as on a Unix socket.

    An IPv4 address is one by itself. Of an IPv6 address it is the first 64 bits: the rest is a household's own to
    choose (RFC 4291, section 2.5.1), and changes from hour to hour (RFC 8981).
    """
    client = scope.get("client")
    try:
        address = ip_address(str(client[0]).partition("%")[0]) if client else None
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False).network_address)
    return "" if address is None else str(address)


class NetworkNames:
    """Names networks, for one showtime each. Instances with the same secret say the same name."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.token_secret.encode()
        self._key = hmac.digest(secret, PURPOSE, hashlib.sha256) if secret else None

    def write(self, showtime_id: str, network: str) -> str:
        """A name of 12 characters; empty for no network, and where no secret is set, which means no guests either."""
        if self._key is None or not network:
            return ""
        content = f"{showtime_id}\n{network}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, content, hashlib.sha256)[:NAME_BYTES]).decode()
