"""The network that a client comes from. This is the only place that reads a client's address.

By then uvicorn has put the address into the scope: that of the connection, or the one in `X-Forwarded-For` if a proxy
listed in `SEATSERVER_TRUSTED_PROXIES` sent it. Addresses are never stored or logged. Only a keyed hash is kept, a
different one for each showtime, so that reading Redis does not tell where people are or which showtimes they share.
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
    """The client's network; empty if there is none, as on a Unix socket.

    An IPv4 address is a network by itself. Of an IPv6 address only the first 64 bits count, because a household chooses
    the others (RFC 4291, section 2.5.1) and they change often (RFC 8981).
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
    """Gives each network a name for one showtime. Instances with the same secret give the same names."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.token_secret.encode()
        self._key = hmac.digest(secret, PURPOSE, hashlib.sha256) if secret else None

    def write(self, showtime_id: str, network: str) -> str:
        """A name of 12 characters; empty if there is no network or no secret. Without a secret there are no guests."""
        if self._key is None or not network:
            return ""
        content = f"{showtime_id}\n{network}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, content, hashlib.sha256)[:NAME_BYTES]).decode()
