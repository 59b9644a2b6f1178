"""uvicorn's HTTP protocol class, with a limit on connections.

Each connection is an open file. When as many are open as the process can spare, a new one is answered 503 and closed at
once, whether it asks for a page or a socket (a handshake begins as an HTTP request).
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seatserver import logs

log = logs.from_outside(__name__)

REASON = b"this server takes no more connections at the moment\n"
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s" % (len(REASON), REASON)
)


class BoundedHttp(HttpToolsProtocol):
    """One connection. ``most`` is how many may be open in this process."""

    most: ClassVar[int]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """The connection is open; close it if it is one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            log.warning("connection refused", code="too_many_open_files", open=len(self.connections), most=self.most)
            transport.write(REFUSAL)
            transport.close()


def bounded(most: int) -> type[BoundedHttp]:
    """The protocol class with this limit."""
    return type("BoundedHttp", (BoundedHttp,), {"most": most})
