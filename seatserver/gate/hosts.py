"""Which names are this server's own.

A page can point a name of its own at our address (DNS rebinding). Its scripts would then be of the same origin as the
server, as far as browsers and `access/origins.py` know. So where `SEATSERVER_PUBLIC_URL` says what this server is
called, requests for other names are refused. An address is nobody's name and cannot be pointed elsewhere, so addresses
pass, as `localhost` does: load balancers and other servers use them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from seatserver.access.addresses import read
from seatserver.config import Settings
from seatserver.errors import WrongHost

LOCAL = "localhost"


class Hosts:
    """The names in the settings."""

    def __init__(self, settings: Settings) -> None:
        own = urlsplit(settings.public_url).hostname
        self._names = frozenset((own, LOCAL, *map(str.lower, settings.hosts))) if own else None

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raise `WrongHost` if the request names another server. Without any `Host` (HTTP/1.0) it names none."""
        if self._names is None:
            return
        for name, value in headers:
            if name == b"host":
                host = value.decode("latin-1").strip()
                bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
                if bare.lower().rstrip(".") not in self._names and read(host) is None:
                    raise WrongHost(host)
