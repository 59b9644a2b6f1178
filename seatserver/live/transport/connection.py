"""What a session needs of its socket, whatever server it runs on.

There are two connections. `UvicornConnection` (``uvicorn_connection.py``) is a protocol class under uvicorn and writes
straight to its transport; `AsgiConnection` (``asgi_connection.py``) queues for the ``send`` of any ASGI server. Both
keep a bounded number of bytes for a slow peer, tell its session when that is full, and read nothing more from the peer
until it has taken what it was sent.
"""

from __future__ import annotations

from typing import Protocol

from seatserver.wire.codec import Received
from seatserver.wire.frames import Frame


class ConnectionClosed(Exception):
    """The connection is over: nobody is there to read or to answer."""


class FlowControl(Protocol):
    """Is told how well the peer keeps up. Its methods are called in the middle of a write and must not block."""

    def redirected(self) -> None:
        """`Connection.descriptor` has changed."""

    def fell_behind(self) -> None:
        """The buffer for the peer is full: write nothing that can be left out."""

    def caught_up(self) -> None:
        """The peer has read most of the buffer."""


class Connection(Protocol):
    """One socket, from the end of its handshake on."""

    behind: bool
    """Whether the peer is behind: between `FlowControl.fell_behind` and `FlowControl.caught_up`."""

    descriptor: int
    """The socket's, while a whole frame may be written to it at once: it is open and nothing waits. Else -1."""

    def attach(self, pace: FlowControl, limit_bytes: int) -> None:
        """A session starts. It is told when more than ``limit_bytes`` wait, and when less than a quarter does."""

    def write(self, *frames: Frame) -> None:
        """Send frames after all that were written before; nothing happens when the connection is over."""

    def write_rest(self, frame: Frame, sent: int) -> None:
        """Send the rest of a frame of which ``sent`` bytes have been written to the descriptor."""

    async def read(self) -> Received:
        """The peer's next message, not before the peer has taken what waits for it. Raises `ConnectionClosed`."""

    async def close(self, code: int, reason: str) -> None:
        """Send what was written, then the close frame. Raises `ConnectionClosed`."""
