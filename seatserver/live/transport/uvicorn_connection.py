"""uvicorn's WebSocket protocol, which hands itself to the app so that a room writes straight to its sockets.

uvicorn does the handshake, ping and pong, fragments and the close. What it lacks is here:

- A ready frame goes to the socket directly. `UvicornConnection` is the `Connection` of its session, which finds it in
  the ASGI scope, under ``extensions``.
- Memory for each peer is bounded. While a peer reads nothing, nothing is read from it. It is cut off if it is still
  connected some time after its session or either side ended, because a closing transport waits until its buffer has
  been sent. A few messages wait for the session, the rest in the peer's own buffers. A message may have only so many
  fragments, because empty fragments add nothing to its size.
- A message that is whole and in one frame, as nearly all are, is read here. Anything else goes to uvicorn's parser.
- What the peer has sent is worth nothing once it has hung up: what its session has not read by then is dropped.
- Pings are spread over time, so that sockets that came in together are not pinged together for ever.

This is the only file that relies on the insides of uvicorn's protocol and of websockets' parser. Our own class on
websockets' public `ServerProtocol` would need none of the first, but would have to repeat uvicorn's handshake, ASGI
events, keepalive and shutdown. `tests/unit/test_insides.py` fails when an upgrade changes what is used here.
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
# Received data is looked at in bites of this size, so that a bite of tiny messages is all that can exceed the inbox.
BITE_BYTES = 2048
# First bytes of a frame that is a whole message (RFC 6455, 5.2); the second says that it is masked and how long it is.
WHOLE_TEXT, WHOLE_BINARY = 0x81, 0x82
# The peer has ended its side, although what it sent before has not all been read; Linux tells.
HUNG_UP: int = getattr(select, "POLLRDHUP", 0)
MASKED, IN_TWO_BYTES, IN_EIGHT_BYTES = 0x80, 126, 127


class UvicornConnection(WebSocketsSansIOProtocol):
    """One connection; the `Connection` of its session."""

    linger_s = LINGER_S
    behind = False
    descriptor = -1
    _pace: FlowControl | None = None
    _socket = -1
    _rest = b""
    _reading = True
    # Whether what comes next is the beginning of a frame of an uncompressed connection, and of a message.
    _between = False
    _cut_off: TimerHandle | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._inbox = Inbox(self.loop)
        self.queue = cast("asyncio.Queue[Any]", self._inbox)

    # ------------------------------------------------------------ the connection

    def attach(self, pace: FlowControl, limit_bytes: int) -> None:
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
        # uvicorn would stop reading at every message, if it did not think that it has already; it may have.
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
        """It is open."""
        self._plain = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def handle_connect(self, event: Request) -> None:
        """A handshake came in; the app will find this protocol in its scope."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"connection": self}

    async def run_asgi(self) -> None:
        """Run the session; after its end the peer has ``linger_s`` to take what is left and to close."""
        try:
            await super().run_asgi()
        finally:
            self.linger()

    def linger(self) -> None:
        """It closes: what is left waits so long for the peer, and no longer."""
        if not self.disconnected and self._cut_off is None:
            self._cut_off = self.loop.call_later(self.linger_s, self._plain.abort)

    def eof_received(self) -> None:
        """The peer says nothing more, so the transport closes."""
        super().eof_received()
        self.linger()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None
        self.behind = False
        self._drop_unread()
        if self._pace is not None:
            self.settle(ends=True)
        super().connection_lost(exc)
        # No circles: what a connection was made of goes with it, without the garbage collector.
        self.transport, self._pace = self._plain, None
        self.conn.parser.close()

    def shutdown(self) -> None:
        """The server goes. Nothing is said to whoever goes already: the peer has said its goodbye, or we have."""
        if self._plain.is_closing():
            self.stop_keepalive()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Take as much of it as there is room for; the rest waits, and the peer with it."""
        self._feed(self._rest + data if self._rest else data)

    async def receive(self) -> Any:
        """The next event of an app that does not know the connection."""
        event = await super().receive()
        if self._rest:
            self._feed(self._rest)
        return event

    def pause_writing(self) -> None:
        """The peer is behind."""
        super().pause_writing()
        if self._pace is not None:
            self.behind = True
            self._read_on(False)
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

    def send_receive_event_to_app(self) -> None:
        """A message is whole."""
        # Nobody is told that it is no text who has said goodbye in the same breath: that comes next.
        with suppress(InvalidState):
            super().send_receive_event_to_app()

    def start_keepalive(self) -> None:
        """The first ping comes at a moment by chance, the others follow it."""
        if self.ping_interval:
            delay_s = random.random() * self.ping_interval
            self.ping_timer = self.loop.call_later(delay_s, self.send_keepalive_ping)

    # ------------------------------------------------------------ the bounded inbox

    def _has_hung_up(self) -> bool:
        """Whether the peer has gone, even if nothing has been read from it for a while."""
        if self._plain.is_closing():
            return True
        if self._reading or not HUNG_UP or (plain := self._plain.get_extra_info("socket")) is None:
            return False  # it would have been told
        looking = select.poll()
        looking.register(plain.fileno(), HUNG_UP)
        return bool(looking.poll(0))

    def _drop_unread(self) -> None:
        self._inbox.events.clear()
        self._rest = b""

    def _look_again(self) -> None:
        self._feed(self._rest)

    def _feed(self, data: bytes) -> None:
        """Look at received data while there is room for what is in it; read on when all of it has been looked at."""
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
        """Take the message that begins here, if all of it has come in one frame; where it ends, 0 if it was not taken.

        What is not as it should be is left to the parser, which knows what to say of it.
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
        """Read from the peer, or leave what it sends where it is."""
        if reading != self._reading:
            self._reading = reading
            if reading:
                self._plain.resume_reading()
            else:
                self._plain.pause_reading()

    def _has_room(self) -> bool:
        if self.handshake_initiated and not self.handshake_complete:
            return False  # the parser could not even say what is wrong with a frame
        # After our close frame messages are thrown away; the peer's own close must be seen.
        return self.close_sent or (not self.behind and len(self._inbox.events) < INBOX_MESSAGES)


def is_between_messages(conn: Protocol) -> bool:
    """Whether the parser waits for the first byte of a message that needs nothing but to be unmasked.

    websockets' protocol does not say this publicly, so this looks at where its parser, a generator, has stopped.
    """
    step = cast("GeneratorType[None, None, None]", conn.parser)
    while (inner := step.gi_yieldfrom) is not None:
        step = cast("GeneratorType[None, None, None]", inner)
    # The parser asks before each frame, and nowhere else, whether there is another one.
    waits = step.gi_code.co_name == "at_eof"
    in_message = getattr(conn, "current_size", 0) is not None  # an older parser does not say
    return waits and conn.state is State.OPEN and not in_message and not conn.extensions


class _Watched:
    """The transport as uvicorn sees it: what it sends of its own or closes may leave bytes waiting, or be the last."""

    __slots__ = ("_connection", "_transport")

    def __init__(self, connection: UvicornConnection) -> None:
        self._connection, self._transport = connection, connection._plain

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
    """Stands in for uvicorn's event that a sender waits for: a session knows the pace of its connection itself."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    async def wait(self) -> bool:
        return True


_NEVER_WAIT = _NeverWait()
