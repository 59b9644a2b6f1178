"""One person's socket: joins, follows the room, asks, and comes back when it is cut.

It keeps to the public contract as a careful client does. A gap is closed with ``resume``; a command whose answer was
lost is sent again after the next ``welcome``, with the same id. What it receives updates the person's `Map`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import ssl
from collections.abc import Callable
from typing import Any

import msgspec
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from loadtests import limits
from loadtests.rush.latency import now
from loadtests.rush.maps import Map
from loadtests.rush.world import ANSWER_S, World
from seatserver.wire import from_client, from_server, values
from seatserver.wire.codec import SUBPROTOCOL_MSGPACK

CONNECT_S = 30.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
FINAL_CODES = range(4000, 4100)
ENCODER = msgspec.msgpack.Encoder()

Answer = (
    from_server.Held
    | from_server.Refused
    | from_server.Released
    | from_server.Booked
    | from_server.Error
    | from_server.Welcome
)


class Gone(Exception):
    """The socket is lost for good, or an answer did not come in time; what was asked may have happened or not."""


class Line(WSListener):
    """A person's socket into one showtime. ``map`` is what is on the screen; ``on_change`` is told when it changes."""

    def __init__(self, world: World, person: int, showtime: int, chance: random.Random) -> None:
        self.world = world
        self.person = person
        self.showtime = showtime
        self.map: Map | None = None
        self.welcome: from_server.Welcome | None = None
        self.welcomed = asyncio.Event()
        self.on_change: Callable[[Map, Map], None] | None = None
        self.changed = asyncio.Event()
        self.lost_holds: dict[str, tuple[float, str]] = {}
        """Holds that have ended by themselves: when that was told, and why."""
        self.gone = ""
        self._atlas = world.atlases[showtime]
        self._url = f"ws{world.url_of(person).removeprefix('http')}/ws/showtimes/{world.stages[showtime].id}"
        self._chance = chance
        self._transport: WSTransport | None = None
        self._waiting: dict[int, tuple[bytes, asyncio.Future[Answer]]] = {}
        self._ref = 1
        self._resyncing = False
        self._is_closing = False
        self._was_open = False
        self._bye: from_server.Bye | None = None
        self._life: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._parts: list[bytes] = []
        self._has_connected = False
        """Whether the handshake of this connection was completed."""
        self._is_silent = True
        """Whether the connection has ended, if it has, with no close of the server's and by no hand of ours."""

    # ------------------------------------------------------------ in and out

    async def join(self, due: float, ready: float) -> None:
        """Connect, say hello, and wait for the first snapshot. Raises `Gone`."""
        self.world.sockets_asked += 1
        sent = now()
        self.world.stopwatch.sent(due, ready, sent)
        self._life = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(self.world.time_left_s):
                while self.map is None and not self.gone:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            self.gone = self.gone or "no snapshot came"
            self.world.losses[self.gone] += 1
        if self.map is None:
            raise Gone(self.gone)
        self.world.stopwatch.answered("join", due, sent, now())

    async def leave(self) -> None:
        """Close the socket. Holds stay the person's until they end."""
        self._is_closing = True
        self.gone = self.gone or "left"
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect(graceful=False)
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self._fail_waiting()

    def cut(self) -> bool:
        """Cut the connection as a broken network does; whether there was one. The line comes back by itself."""
        if self._transport is None or self._is_closing:
            return False
        self.world.cut_by_us += 1
        self._is_silent = False
        self._transport.underlying_transport.abort()
        return True

    @property
    def is_wanted(self) -> bool:
        """Whether it is meant to be open: its person has not left, and the server has not sent it away for good."""
        return not self.gone

    @property
    def is_open(self) -> bool:
        """Whether the server has answered hello on an open connection."""
        return self._transport is not None and self.welcomed.is_set()

    @property
    def transport(self) -> asyncio.Transport | None:
        """The connection below, for those who read slowly."""
        return self._transport.underlying_transport if self._transport is not None else None

    # ------------------------------------------------------------ asking

    async def ask(self, verb: str, message: from_client.ClientMessage, due: float, ready: float) -> Answer:
        """Send a command that was ``due`` then and return its answer. Raises `Gone`."""
        if self.gone:
            raise Gone(self.gone)
        frame = ENCODER.encode(message)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[message.ref] = frame, future
        sent = now()
        self.world.stopwatch.sent(due, ready, sent)
        self.world.second.asked += 1
        try:
            if self.is_open:
                self._send(frame)
            async with asyncio.timeout(ANSWER_S):
                answer = await future
        except TimeoutError:
            self.world.errors["no answer"] += 1
            raise Gone(f"no answer to {verb} within {ANSWER_S:g} s") from None
        finally:
            self._waiting.pop(message.ref, None)
        self.world.stopwatch.answered(verb, due, sent, now())
        self.world.second.answered += 1
        return answer

    def next_ref(self) -> int:
        """A number for the next command."""
        self._ref += 1
        return self._ref

    def resync(self) -> None:
        """Ask for what was missed."""
        if self.map is not None and self.is_open and not self._resyncing:
            self._resyncing = True
            resume = values.Resume(epoch=self.map.epoch, version=self.map.version)
            self._send(ENCODER.encode(from_client.Hello(resume=resume)))

    def _send(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.BINARY, frame)
            self.world.sent += 1

    # ------------------------------------------------------------ the connection's life

    async def _live(self) -> None:
        pause_s = SHORTEST_PAUSE_S
        while self.is_wanted:
            self._ended.clear()
            self._bye, self._resyncing, self._parts, self._is_silent = None, False, [], True
            self.welcomed.clear()
            self._has_connected = False
            wait_s: float | None = None
            try:
                await ws_connect(
                    lambda: self,
                    self._url,
                    ssl_context=self.world.tls if self._url.startswith("wss:") else None,
                    websocket_handshake_timeout=CONNECT_S,
                    extra_headers={"Sec-WebSocket-Protocol": SUBPROTOCOL_MSGPACK},
                    socket_factory=self._socket,
                    disconnect_on_exception=True,
                    max_redirects=0,  # a redirect could lead the rush to somebody who was never named
                )
                # picows returns as if all were well when the connection ends in the middle of the handshake.
                if not self._has_connected:
                    raise ConnectionResetError(errno.ECONNRESET, "the handshake was cut off")
                await self._ended.wait()
                if self._is_silent and not self._is_closing:
                    self.world.losses["closed without a word"] += 1
                wait_s = self._wait_after_bye()
            except (OSError, TimeoutError, WSError) as error:
                self.world.losses[_reason(error)] += 1
            if self.welcomed.is_set():
                pause_s = SHORTEST_PAUSE_S
            if self.gone:
                break
            await asyncio.sleep(self._chance.uniform(0, pause_s) if wait_s is None else wait_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            self.world.reconnects += 1
        self._fail_waiting()
        self.changed.set()

    def _wait_after_bye(self) -> float | None:
        if self._bye is not None and self._bye.reconnect_after_ms >= 0:
            return self._bye.reconnect_after_ms / 1000
        return None

    async def _socket(self, url: Any) -> socket.socket | None:
        source = self.world.source()
        if source is None:
            return None
        made = limits.bound_to(source)
        try:
            made.setblocking(False)
            await asyncio.get_running_loop().sock_connect(made, (url.host, url.port))
        except BaseException:
            made.close()
            raise
        return made

    def _fail_waiting(self) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(Gone(self.gone or "the line is closed"))

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The connection is open: say hello."""
        self._transport = transport
        self._has_connected = True
        self.world.opened()
        if not self._was_open:
            self._was_open = True
            self.world.sockets_open += 1
        known = self.map
        resume = values.Resume(epoch=known.epoch, version=known.version) if known is not None else None
        token = self.world.token_of(self.person)
        self._send(ENCODER.encode(from_client.Hello(ref=1, token=token, resume=resume)))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is over, whoever ended it."""
        self._transport = None
        self.world.sockets -= 1
        self._ended.set()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Something came."""
        kind = frame.msg_type
        if kind in (WSMsgType.BINARY, WSMsgType.CONTINUATION):
            payload = frame.get_payload_as_bytes()
            if not frame.fin or self._parts:
                self._parts.append(payload)
                if not frame.fin:
                    return
                payload, self._parts = b"".join(self._parts), []
            self.world.messages += 1
            self._take(payload)
        elif kind is WSMsgType.CLOSE:
            self._is_silent = False
            code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big") or 1005
            if not self._is_closing:
                self.world.losses[f"closed with {code}"] += 1
            if code in FINAL_CODES or code == 1008:
                self.gone = f"closed with {code}: {self._bye.reason if self._bye is not None else ''}"
            transport.disconnect(graceful=False)

    def _take(self, payload: bytes) -> None:
        message = self._atlas.message(payload)
        kind = type(message).__name__
        if kind == "Delta":
            self._change(message, payload)  # type: ignore[arg-type]  # the name says what it is
        elif kind == "Snapshot":
            self._resyncing = False
            self._show(self._atlas.of_snapshot(message))  # type: ignore[arg-type]
        elif isinstance(message, from_server.Welcome):
            self._arrive(message)
        elif isinstance(message, from_server.Beat) and message.ref == 0:
            if self.map is not None and self.map.at != (message.epoch, message.version):
                self.resync()
        elif isinstance(message, from_server.Bye):
            self._bye = message
        elif isinstance(message, from_server.Expired):
            self.lost_holds.setdefault(str(message.hold_id), (now(), message.reason))
        elif message is not None:
            self._answer(message)

    def _arrive(self, welcome: from_server.Welcome) -> None:
        self.welcome = welcome
        self.world.heard_time(welcome.server_ms)
        self._resyncing = False
        if self.welcomed.is_set():
            return  # the answer to a later hello, on the same connection
        self.welcomed.set()
        for frame, _ in tuple(self._waiting.values()):
            self._send(frame)

    def _change(self, delta: from_server.Delta, payload: bytes) -> None:
        before = self.map
        if before is None:
            return
        after = self._atlas.after(before, delta, payload)
        if after is None:
            self.resync()
        elif after is not before:
            self.world.stopwatch.shown(now() - after.born)
            self._show(after)

    def _show(self, after: Map) -> None:
        before, self.map = self.map, after
        self.changed.set()
        if self.on_change is not None and before is not None:
            self.on_change(before, after)

    def _answer(self, message: Any) -> None:
        _, future = self._waiting.get(getattr(message, "ref", 0), (None, None))
        if future is not None and not future.done():
            future.set_result(message)


def _reason(error: BaseException) -> str:
    """Why there is no connection, in a few words that many failures share."""
    if isinstance(error, TimeoutError):
        return "no handshake in time"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {(error.reason or type(error).__name__).replace('_', ' ').lower()}"
    if isinstance(error, OSError):
        # The text of the error itself may name an address, and then every failure would be one of its own.
        return (os.strerror(error.errno) if error.errno else type(error).__name__).lower()
    text = str(error).splitlines()[0][:80] if str(error) else ""
    return f"handshake refused: {text or type(error).__name__}"
