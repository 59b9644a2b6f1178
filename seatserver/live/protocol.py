"""uvicorn's WebSocket protocol, which hands itself to the app, so that a room writes straight to its sockets.

uvicorn keeps what a connection is made of: handshake, ping and pong, fragments, the close. What it lacks is here:

- A frame that is ready goes to the socket without a detour. `SocketProtocol` is the `Line` of its session, which finds
  it in the ASGI scope, under ``extensions``.
- What a peer makes us keep is bounded. One that reads nothing is not read from either, and it is cut off when it is
  still connected some time after its session ended, because closing a transport waits until its buffer has been sent.
  A few messages wait for the session, the rest in the peer's own buffers. And a message may come in so many fragments,
  at no cost to its size: empty ones count for nothing otherwise.
- Pings are spread over time: who came in one moment is not pinged in one moment for ever after.
"""

from __future__ import annotations

import asyncio
import random
from asyncio import TimerHandle
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.http11 import Request

from seatserver.live.codec import Received
from seatserver.live.frames import Frame
from seatserver.live.line import Gone, Pace

EXTENSION = "seatserver.line"
LINGER_S = 2.0
FRAGMENTS = 256
INBOX_MESSAGES = 16
# Received data is looked at in bites of this size, so that a bite of tiny messages is all that can exceed the inbox.
BITE_BYTES = 2048


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection; the `Line` of its session."""

    linger_s = LINGER_S
    behind = False
    descriptor = -1
    _pace: Pace | None = None
    _socket = -1
    _rest = b""
    _cut_off: TimerHandle | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._inbox = _Inbox(self.loop)
        self.queue = cast("asyncio.Queue[Any]", self._inbox)

    # ------------------------------------------------------------ the line

    def carry(self, pace: Pace, limit_bytes: int) -> None:
        """A session starts, and looks after the pace from now on."""
        self._pace = pace
        if not self._plain.is_closing():
            self._plain.set_write_buffer_limits(high=limit_bytes)
        self.transport = cast(asyncio.Transport, _Watched(self))
        if self.scheme == "ws" and (plain := self._plain.get_extra_info("socket")) is not None:
            self._socket = plain.fileno()
        # Handshakes are not remembered for the hours that a socket may live. (The parser still knows the request.)
        self.request.headers.clear()
        self.scope.clear()  # type: ignore[attr-defined]  # a dict, whatever its type says
        del self.request, self.response
        self.writable = cast(asyncio.Event, _NEVER_WAIT)
        # uvicorn would stop reading at every message, if it did not think that it has already.
        self.read_paused = True
        self._feed(self._rest)
        self.settle()

    def write(self, frame: Frame) -> None:
        """Send a frame after all that were written before; nothing happens when the connection is over."""
        if not self.close_sent and not self._plain.is_closing():
            self._plain.write(frame.wire)
            self.settle()

    def write_rest(self, frame: Frame, sent: int) -> None:
        """Send the rest of a frame of which ``sent`` bytes have been written to the descriptor."""
        if not self._plain.is_closing():
            self._plain.write(memoryview(frame.wire)[sent:])
        self.settle()

    def settle(self, *, ends: bool = False) -> None:
        """See whether a frame may be written to the socket at once; never again when the connection ``ends``."""
        if ends:
            self._socket = -1
        closed = self.close_sent or self._plain.is_closing()
        descriptor = -1 if closed or self._plain.get_write_buffer_size() else self._socket
        if descriptor != self.descriptor:
            self.descriptor = descriptor
            if self._pace is not None:
                self._pace.redirected()

    async def read(self) -> Received:
        """The peer's next message, not before the line is free. Raises `Gone`."""
        while self.behind or self._inbox.empty():
            await self._inbox.wait()
        event = await self._inbox.get()
        if event["type"] == "websocket.disconnect":
            raise Gone
        self._feed(self._rest)
        text: str | None = event.get("text")
        return text if text is not None else cast(bytes, event.get("bytes"))

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame after what was written. Raises `Gone`."""
        self.settle(ends=True)
        if self._plain.is_closing():
            raise Gone
        try:
            await self.send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError):
            raise Gone from None

    # ------------------------------------------------------------ what uvicorn calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._plain = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """A handshake came in; the app will find this protocol in its scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"line": self}

    async def run_asgi(self) -> None:
        """Run the session; after its end the peer has ``linger_s`` to take what is left and to close."""
        try:
            await super().run_asgi()
        finally:
            if not self.disconnected:
                self._cut_off = self.loop.call_later(self.linger_s, self._plain.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
        self.behind = False
        if self._pace is not None:
            self.settle(ends=True)
        super().connection_lost(exc)
        # No circles: what a connection was made of goes with it, without the garbage collector.
        self.transport, self._pace = self._plain, None
        self.conn.parser.close()

    def data_received(self, data: bytes) -> None:
        """Take as much of it as there is room for; the rest waits, and the peer with it."""
        self._feed(self._rest + data if self._rest else data)

    async def receive(self) -> Any:
        """The next event of an app that does not know the line."""
        event = await super().receive()
        if self._rest:
            self._feed(self._rest)
        return event

    def pause_writing(self) -> None:
        """The peer is behind."""
        super().pause_writing()
        if self._pace is not None:
            self.behind = True
            self._plain.pause_reading()
            self._pace.fell_behind()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        super().resume_writing()
        if self._pace is not None:
            self.behind = False
            self._inbox.wake()
            self._pace.caught_up()
            self.loop.call_soon(self._look_again)  # never in the middle of looking

    def handle_cont(self, event: frames.Frame) -> None:
        """Another fragment of a message."""
        if self.close_sent:
            return
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(frames.CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENTS} fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def start_keepalive(self) -> None:
        """The first ping comes at a moment by chance, the others follow it."""
        if self.ping_interval:
            delay_s = random.random() * self.ping_interval
            self.ping_timer = self.loop.call_later(delay_s, self.send_keepalive_ping)

    # ------------------------------------------------------------ the bounded inbox

    def _look_again(self) -> None:
        self._feed(self._rest)

    def _feed(self, data: bytes) -> None:
        """Look at received data while there is room for what is in it; read on when all of it has been looked at."""
        at = 0
        while at < len(data) and self._has_room() and not self._plain.is_closing():
            super().data_received(data[at : at + BITE_BYTES])
            at += BITE_BYTES
        self._rest = data[at:]
        if self._rest:
            self._plain.pause_reading()
        elif self._pace is not None:
            if self._has_room():
                self._plain.resume_reading()
            else:
                self._plain.pause_reading()

    def _has_room(self) -> bool:
        # After our close frame messages are thrown away; the peer's own close must be seen.
        return self.close_sent or (not self.behind and len(self._inbox.events) < INBOX_MESSAGES)


class _Inbox:
    """Stands in for uvicorn's queue, at a tenth of its memory: for one reader, and `SocketProtocol` keeps it short."""

    __slots__ = ("_loop", "_reader", "events")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.events: list[Any] = []
        self._loop = loop
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        return not self.events

    def put_nowait(self, event: Any) -> None:
        self.events.append(event)
        self.wake()

    async def get(self) -> Any:
        while not self.events:
            await self.wait()
        return self.events.pop(0)

    async def wait(self) -> None:
        """Wait for `wake`."""
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class _Watched:
    """The transport as uvicorn sees it: what it sends of its own or closes may leave bytes waiting, or be the last."""

    __slots__ = ("_line", "_transport")

    def __init__(self, line: SocketProtocol) -> None:
        self._line, self._transport = line, line._plain

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        self._line.settle()

    def close(self) -> None:
        self._line.settle(ends=True)
        self._transport.close()

    def abort(self) -> None:
        self._line.settle(ends=True)
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _NeverWait:
    """Stands in for uvicorn's event that a sender waits for: a session knows the pace of its line itself."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    async def wait(self) -> bool:
        return True


_NEVER_WAIT = _NeverWait()
