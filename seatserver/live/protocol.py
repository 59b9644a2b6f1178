"""uvicorn's WebSocket protocol with two bounds that it does not have.

A peer that reads nothing keeps its socket and our buffer for as long as it likes, because closing a transport waits
until the buffer has been sent; here a connection is cut off when it is still open some time after its session ended.
And a message may come in so many fragments, at no cost to its size: empty ones count for nothing otherwise.
"""

from __future__ import annotations

from asyncio import TimerHandle

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

LINGER_S = 2.0
FRAGMENTS = 256


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    linger_s = LINGER_S
    _cut_off: TimerHandle | None = None

    async def run_asgi(self) -> None:
        """Run the session; after its end the peer has ``linger_s`` to take what is left and to close."""
        try:
            await super().run_asgi()
        finally:
            if not self.disconnected:
                self._cut_off = self.loop.call_later(self.linger_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        """Another fragment of a message."""
        if self.close_sent:
            return
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENTS} fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)
