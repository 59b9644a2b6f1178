"""The network that a client comes from, and the name under which a showtime remembers it.

By then the gate has put the client's address into the scope (`addresses.py`). Addresses are never stored or logged.
Only a keyed hash is kept, a different one for each showtime, so that reading Redis does not tell where people are or
which showtimes they share.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from seatserver.access.addresses import household, read
from seatserver.config import Settings

PURPOSE = b"seatserver network of a guest"
NAME_BYTES = 9


def network_of(scope: Mapping[str, Any]) -> str:
    """The network of the request's client; empty if there is none, as on a Unix socket."""
    client = scope.get("client")
    return household(read(str(client[0]))) if client else ""


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
