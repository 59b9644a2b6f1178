"""A subclass of uvicorn's WebSocket protocol class that hands itself to the app: a room writes straight to its sockets.

uvicorn does the handshake, ping and pong, fragments and the close. What it lacks is here:

- A ready frame goes to the socket directly. `UvicornConnection` is the `Connection` of its session, which finds it in
  the ASGI scope, under ``extensions``.
- Memory for each peer is bounded. While a peer reads nothing, nothing is read from it. It is cut off if it is still
  connected some time after its session or either side ended, because a closing transport waits until its buffer has
  been sent. A few messages wait for the session, the rest in the peer's own buffers. A message may have only so many
  fragments, because empty fragments add nothing to its size.
- A message that is whole and in one frame, as nearly all are, is read here. Anything else goes to uvicorn's parser.
- Once the peer has closed, the messages that its session has not read yet are dropped.
- Pings are spread over time, so that sockets that came in together are not pinged together for ever.

Only this file depends on the insides of uvicorn's WebSocket protocol class and of websockets' parser; `uvicorn_http.py`
is the only other one that knows a protocol class of uvicorn. Our own class on websockets' public `ServerProtocol` would
not depend on uvicorn's internals, but would have to repeat its handshake, ASGI events, keepalive and shutdown.
`tests/unit/test_insides.py` fails when an upgrade changes what is used here.
"""

from __future__ import annotations

import asyncio
import os
import random
import select
from asyncio import TimerHandle
from contextlib import suppress
from types import GeneratorType
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.exceptions import InvalidState
from websockets.http11 import Request
from websockets.protocol import Protocol, State

from seatserver.live.transport.arrivals import Arrival
from seatserver.live.transport.connection import ConnectionClosed, FlowControl
from seatserver.live.transport.inbox import Inbox
from seatserver.wire.codec import Received
from seatserver.wire.frames import Frame

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets without its C extension
    from websockets.utils import apply_mask

EXTENSION = "seatserver.connection"
LINGER_S = 2.0
FRAGMENTS = 256
INBOX_MESSAGES = 16
# Received data is parsed in pieces of this size, so that the inbox can exceed its limit by one piece at most.
BITE_BYTES = 2048
# First bytes of a frame that is a whole message (RFC 6455, 5.2); the second says that it is masked and how long it is.
WHOLE_TEXT, WHOLE_BINARY = 0x81, 0x82
# Says that the peer has ended its side, even while data from it is unread. Only Linux has it.
HUNG_UP: int = getattr(select, "POLLRDHUP", 0)
MASKED, IN_TWO_BYTES, IN_EIGHT_BYTES = 0x80, 126, 127


class UvicornConnection(WebSocketsSansIOProtocol):
    """One socket under uvicorn; the `Connection` of its session."""

    linger_s = LINGER_S
    behind = False
    descriptor = -1
    _pace: FlowControl | None = None
    _socket = -1
    _rest = b""
    _reading = True
    # Whether the next byte begins a message on an uncompressed connection.
    _between = False
    _cut_off: TimerHandle | None = None

    def __init__(self, *args: Any, arrival: Arrival | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._arrival = arrival
        self._inbox = Inbox(self.loop)
        self.queue = cast("asyncio.Queue[Any]", self._inbox)

    # ------------------------------------------------------------ the connection

    def attach(self, pace: FlowControl, limit_bytes: int) -> None:
        """A session starts; ``pace`` is told when the peer falls behind and when it has caught up."""
        self._pace = pace
        if not self._plain.is_closing():
            self._plain.set_write_buffer_limits(high=limit_bytes)
        self.transport = cast(asyncio.Transport, _Watched(self, self._plain))
        if self.scheme == "ws" and (plain := self._plain.get_extra_info("socket")) is not None:
            self._socket = plain.fileno()
        # Forget the handshake, since a socket may live for hours. (The parser still keeps the request.)
        self.request.headers.clear()
        self.scope.clear()  # type: ignore[attr-defined]  # a dict, whatever its type says
        del self.request, self.response
        self.writable = cast(asyncio.Event, _NEVER_WAIT)
        # uvicorn pauses reading at every message unless it believes that reading is paused already, and it may be.
        self._reading = self._reading and not self.read_paused
        self.read_paused = True
        self._between = is_between_messages(self.conn)
        self._feed(self._rest)
        self.settle()

    def write(self, *frames: Frame) -> None:
        """Send frames after all that were written before; nothing happens when the connection is over."""
        data: bytes | memoryview = frames[0].wire if len(frames) == 1 else b"".join([frame.wire for frame in frames])
        if self.descriptor >= 0:
            try:
                written = os.write(self.descriptor, data)
            except OSError:  # full, or broken
                written = 0
            if written == len(data):
                return
            data = memoryview(data)[written:]
        if not self.close_sent and not self._plain.is_closing():
            self._plain.write(data)
            self.settle()

    def write_rest(self, frame: Frame, sent: int) -> None:
        """Send the rest of a frame after ``sent`` bytes of it were written to the descriptor."""
        if not self._plain.is_closing():
            self._plain.write(memoryview(frame.wire)[sent:])
        self.settle()

    def settle(self, *, ends: bool = False) -> None:
        """Update ``descriptor``: whether a frame may be written to the socket at once. If it ``ends``, never again."""
        if ends:
            self._socket = -1
        closed = self.close_sent or self._plain.is_closing()
        descriptor = -1 if closed or self._plain.get_write_buffer_size() else self._socket
        if descriptor != self.descriptor:
            self.descriptor = descriptor
            if self._pace is not None:
                self._pace.redirected()

    async def read(self) -> Received:
        """The peer's next message, not before the connection is free. Raises `ConnectionClosed`."""
        inbox = self._inbox
        while self.behind or not inbox.events:
            await inbox.wait()
        if self._has_hung_up():
            self._drop_unread()
            raise ConnectionClosed
        event = inbox.events.pop(0)
        if self._rest or not self._reading:
            self._feed(self._rest)
        if not isinstance(event, dict):
            return cast(Received, event)
        if event["type"] == "websocket.disconnect":
            raise ConnectionClosed
        text: str | None = event.get("text")
        return text if text is not None else cast(bytes, event.get("bytes"))

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame after what was written. Raises `ConnectionClosed`."""
        self.settle(ends=True)
        if self._plain.is_closing():
            raise ConnectionClosed
        try:
            await self.send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError):
            raise ConnectionClosed from None

    # ------------------------------------------------------------ what uvicorn calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._plain = cast(asyncio.Transport, transport)
        super().connection_made(transport)
        if self._arrival is not None:
            self.client = self._arrival.client

    def handle_connect(self, event: Request) -> None:
        """A handshake has arrived: put this connection into the scope, where the app finds it."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"connection": self}

    async def run_asgi(self) -> None:
        """Run the session. After its end the peer has ``linger_s`` to read what is left and to close."""
        try:
            await super().run_asgi()
        finally:
            self.linger()

    def linger(self) -> None:
        """The connection is closing: cut it off if the peer has not read the rest after ``linger_s``."""
        if not self.disconnected and self._cut_off is None:
            self._cut_off = self.loop.call_later(self.linger_s, self._plain.abort)

    def eof_received(self) -> None:
        """The peer has ended its side, so the transport closes."""
        super().eof_received()
        self.linger()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
        if self._arrival is not None:
            self._arrival.leave()
        self.behind = False
        self._drop_unread()
        if self._pace is not None:
            self.settle(ends=True)
        super().connection_lost(exc)
        # Break the reference cycles, so that memory is freed without the garbage collector.
        self.transport, self._pace = self._plain, None
        self.conn.parser.close()

    def shutdown(self) -> None:
        """The server shuts down: close the socket, unless it is closing already."""
        if self._plain.is_closing():
            self.stop_keepalive()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Take as much as there is room for. The rest waits, and reading pauses."""
        self._feed(self._rest + data if self._rest else data)

    async def receive(self) -> Any:
        """The next event, for an app that does not use the connection directly."""
        event = await super().receive()
        if self._rest:
            self._feed(self._rest)
        return event

    def pause_writing(self) -> None:
        """The write buffer is full: the peer is behind."""
        super().pause_writing()
        if self._pace is not None:
            self.behind = True
            self._read_on(False)
            self._pace.fell_behind()

    def resume_writing(self) -> None:
        """The write buffer has room again: the peer has caught up."""
        super().resume_writing()
        if self._pace is not None:
            self.behind = False
            self._inbox.wake()
            self._pace.caught_up()
            self.loop.call_soon(self._look_again)  # never from within `_feed`

    def handle_cont(self, event: frames.Frame) -> None:
        """Another fragment of a message has arrived; too many end the connection."""
        if self.close_sent:
            return
        if len(self.frames) >= FRAGMENTS:
            self.conn.fail(frames.CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENTS} fragments")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """A message is complete: queue it."""
        # A message with invalid text cannot be refused once the peer has closed; its close is handled next.
        with suppress(InvalidState):
            super().send_receive_event_to_app()

    def start_keepalive(self) -> None:
        """Send the first ping at a random moment of the interval; the others follow at its pace."""
        if self.ping_interval:
            delay_s = random.random() * self.ping_interval
            self.ping_timer = self.loop.call_later(delay_s, self.send_keepalive_ping)

    # ------------------------------------------------------------ the bounded inbox

    def _has_hung_up(self) -> bool:
        """Whether the peer has closed its side, also while nothing is read from it."""
        if self._plain.is_closing():
            return True
        if self._reading or not HUNG_UP or (plain := self._plain.get_extra_info("socket")) is None:
            return False  # reading would have told us
        looking = select.poll()
        looking.register(plain.fileno(), HUNG_UP)
        return bool(looking.poll(0))

    def _drop_unread(self) -> None:
        self._inbox.events.clear()
        self._rest = b""

    def _look_again(self) -> None:
        self._feed(self._rest)

    def _feed(self, data: bytes) -> None:
        """Parse received data while there is room for the messages in it. Read on when all of it is parsed."""
        at = 0
        while at < len(data) and self._has_room() and not self._plain.is_closing():
            if self._between and (end := self._take_message(data, at)):
                at = end
                continue
            super().data_received(data[at : at + BITE_BYTES])
            at += BITE_BYTES
            if self._pace is not None:
                self._between = is_between_messages(self.conn)
        self._rest = data[at:]
        if self._rest:
            self._read_on(False)
        elif self._pace is not None:
            self._read_on(self._has_room())

    def _take_message(self, data: bytes, at: int) -> int:
        """Take the message that begins at ``at`` if it is complete and in one frame. Returns where it ends, or 0.

        Anything invalid is left to the parser, which reports it.
        """
        body, left = at + 6, len(data) - at
        if left < 6 or data[at] not in (WHOLE_TEXT, WHOLE_BINARY) or data[at + 1] < MASKED:
            return 0
        size = data[at + 1] - MASKED
        if size == IN_EIGHT_BYTES:
            return 0
        if size == IN_TWO_BYTES:
            body, size = body + 2, int.from_bytes(data[at + 2 : at + 4], "big")
        end = body + size
        if end > len(data) or size > self.config.ws_max_size or self.close_sent:
            return 0
        payload = apply_mask(data[body:end], data[body - 4 : body])
        if data[at] == WHOLE_BINARY:
            self._inbox.put_nowait(payload)
            return end
        try:
            self._inbox.put_nowait(payload.decode())
        except UnicodeDecodeError:
            return 0
        return end

    def _read_on(self, reading: bool) -> None:
        """Read from the peer, or pause reading."""
        if reading != self._reading:
            self._reading = reading
            if reading:
                self._plain.resume_reading()
            else:
                self._plain.pause_reading()

    def _has_room(self) -> bool:
        if self.handshake_initiated and not self.handshake_complete:
            return False  # during the handshake the parser cannot report a bad frame
        # After our close frame, messages are dropped, but the peer's close must be read.
        return self.close_sent or (not self.behind and len(self._inbox.events) < INBOX_MESSAGES)


def is_between_messages(conn: Protocol) -> bool:
    """Whether the parser waits for the first byte of a message that needs nothing but to be unmasked.

    websockets has no public way to ask, so this looks at where its parser, a generator, has stopped.
    """
    step = cast("GeneratorType[None, None, None]", conn.parser)
    while (inner := step.gi_yieldfrom) is not None:
        step = cast("GeneratorType[None, None, None]", inner)
    # The parser asks before each frame, and nowhere else, whether there is another one.
    waits = step.gi_code.co_name == "at_eof"
    in_message = getattr(conn, "current_size", 0) is not None  # an older parser does not say
    return waits and conn.state is State.OPEN and not in_message and not conn.extensions


class _Watched:
    """The transport that uvicorn is given. After uvicorn writes or closes, the connection updates its descriptor."""

    __slots__ = ("_connection", "_transport")

    def __init__(self, connection: UvicornConnection, transport: asyncio.Transport) -> None:
        self._connection, self._transport = connection, transport

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)
        self._connection.settle()

    def close(self) -> None:
        self._connection.settle(ends=True)
        self._connection.linger()
        self._transport.close()

    def abort(self) -> None:
        self._connection.settle(ends=True)
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _NeverWait:
    """Stands in for the event that uvicorn's senders wait for. A session knows by itself whether its peer is behind."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    async def wait(self) -> bool:
        return True


_NEVER_WAIT = _NeverWait()
