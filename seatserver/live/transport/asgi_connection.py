"""A connection on any ASGI server: a bounded queue before its ``send``, and a task that empties it.

For servers without our own protocol class. Each frame is an event, and the server builds and sends it. The queue
behaves like a transport: full above its limit, free again below a quarter of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from starlette.types import Receive, Send

from seatserver.live.transport.connection import ConnectionClosed, FlowControl
from seatserver.wire.codec import Received
from seatserver.wire.frames import Frame

# What a server raises when the socket is closed: OSError by the ASGI specification, RuntimeError in some.
CLOSED = (OSError, RuntimeError)


class AsgiConnection:
    """One socket. Its session runs inside ``async with``."""

    descriptor = -1

    def __init__(self, receive: Receive, send: Send) -> None:
        self.behind = False
        self._receive = receive
        self._send = send
        self._pace: FlowControl | None = None
        self._limit_bytes = 0
        self._waiting: deque[Frame] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._something = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_on(), name="write socket")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    def attach(self, pace: FlowControl, limit_bytes: int) -> None:
        """A session starts; ``pace`` is told when the peer falls behind and when it has caught up."""
        self._pace = pace
        self._limit_bytes = limit_bytes

    def write(self, *frames: Frame) -> None:
        """Queue frames after all that were written before; nothing happens when the connection is over."""
        if self._ended:
            return
        self._waiting += frames
        self._waiting_bytes += sum(len(frame.wire) for frame in frames)
        self._something.set()
        if self._waiting_bytes > self._limit_bytes and not self.behind and self._pace is not None:
            self.behind = True
            self._free.clear()
            self._pace.fell_behind()

    def write_rest(self, frame: Frame, sent: int) -> None:
        """Never needed: there is no descriptor."""
        raise NotImplementedError

    async def read(self) -> Received:
        """The peer's next message, not before the peer has taken what waits for it. Raises `ConnectionClosed`."""
        await self._free.wait()
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise ConnectionClosed
        await self._free.wait()  # it may have fallen behind meanwhile
        text: str | None = event.get("text")
        return text if text is not None else event["bytes"]

    async def close(self, code: int, reason: str) -> None:
        """Send what was written, then the close frame. Raises `ConnectionClosed`."""
        self._ended = True
        self._something.set()
        if self._writer is not None:
            await asyncio.wait({self._writer})
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except CLOSED:
            raise ConnectionClosed from None

    async def _write_on(self) -> None:
        try:
            while True:
                while self._waiting:
                    frame = self._waiting.popleft()
                    await self._send(frame.event)
                    self._waiting_bytes -= len(frame.wire)
                    if self.behind and self._waiting_bytes <= self._limit_bytes // 4:
                        self._tell_caught_up()
                if self._ended:
                    return
                self._something.clear()
                await self._something.wait()
        except CLOSED:
            # The session hears of it when it reads.
            self._ended = True
            self._waiting.clear()
            self._free.set()

    def _tell_caught_up(self) -> None:
        self.behind = False
        self._free.set()
        if self._pace is not None:
            self._pace.caught_up()
