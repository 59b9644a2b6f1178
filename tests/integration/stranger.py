"""A server that sends whatever a test wants, even what a real one never would.

Besides, it serves the static files, so that a browser has a page to begin with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.integration.scripts import QUICK, OpenRuntime
from tests.integration.server import JSON, MSGPACK, SHOWTIME, Message
from tests.javascript import WEB, Runtime
from tests.waiting import PATIENCE_S

Script = Callable[["Talk"], Awaitable[None]]

TYPES = {".js": "text/javascript", ".svg": "image/svg+xml"}
LIMITS = {
    "seats_per_user": 10,
    "hold_ms": 300_000,
    "hold_total_ms": 900_000,
    "heartbeat_ms": 15_000,
    "message_bytes": 65_536,
}
WELCOME = {
    "showtime": SHOWTIME,
    "layout": "hall",
    "epoch": "one",
    "version": 5,
    "user": "ann",
    "scopes": ["book", "hold", "watch"],
    "holds": [],
    "limits": LIMITS,
    "server_ms": 1_800_000_000_000,
    "on_sale_at_ms": 0,
    "sale_ends_at_ms": 2_000_000_000_000,
}
SNAPSHOT = {"epoch": "one", "version": 5, "states": "0000003"}


class Talk:
    """One connection; ``number`` counts them from 0, ``heard`` is what the client said."""

    def __init__(self, connection: ServerConnection, number: int) -> None:
        self.number = number
        self.heard: list[Message] = []
        self._connection = connection
        self._binary = connection.subprotocol == MSGPACK

    async def raw(self, frame: str | bytes) -> None:
        """Send a frame as it is."""
        await self._connection.send(frame)

    async def say(self, type: str, **fields: Any) -> None:
        """Send a message, in the encoding that was agreed on."""
        message = {"type": type, **fields}
        await self.raw(msgspec.msgpack.encode(message) if self._binary else json.dumps(message))

    async def hear(self, type: str) -> Message:
        """The next message of that type."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self._connection.recv()
                decoded = msgspec.msgpack.decode(frame) if isinstance(frame, bytes) else json.loads(frame)
                message = cast(Message, decoded)
                self.heard.append(message)
                if message["type"] == type:
                    return message

    async def greet(self, *, snapshot: bool = True, **fields: Any) -> Message:
        """Hear hello, say welcome and what follows; the hello."""
        hello = await self.hear("hello")
        await self.say("welcome", ref=hello["ref"], **{**WELCOME, **fields})
        if snapshot:
            await self.say("snapshot", **SNAPSHOT)
        return hello

    async def close(self, code: int, reason: str = "", **bye: Any) -> None:
        """Close, after a ``bye`` if any of its fields is given."""
        if bye:
            await self.say("bye", code=code, reason=reason, **bye)
        await self._connection.close(code, reason)

    async def stay(self) -> None:
        """Until the client goes away."""
        await self._connection.wait_closed()


class Stranger:
    """The server; ``talks`` are its connections, ``home`` is where its pages are."""

    def __init__(self, script: Script) -> None:
        self.talks: list[Talk] = []
        self.url = self.home = ""
        self._script = script

    def show(self, connection: ServerConnection, request: Request) -> Response | None:
        """A static file, or None where a socket is asked for."""
        if "Upgrade" in request.headers:
            return None
        path = WEB / request.path.removeprefix("/static/")
        if not path.is_file():
            return connection.respond(404, "not here")
        headers = Headers({"Content-Type": TYPES[path.suffix], "Content-Length": str(path.stat().st_size)})
        return Response(200, "OK", headers, path.read_bytes())

    async def serve_one(self, connection: ServerConnection) -> None:
        """A connection, from its start to its end."""
        talk = Talk(connection, len(self.talks))
        self.talks.append(talk)
        try:
            await self._script(talk)
        except ConnectionClosed:
            pass


@asynccontextmanager
async def stranger(script: Script) -> AsyncIterator[Stranger]:
    """A server that follows the script on each connection."""
    made = Stranger(script)
    protocols = [Subprotocol(MSGPACK), Subprotocol(JSON)]
    options: dict[str, Any] = {"subprotocols": protocols, "compression": None, "close_timeout": 1}
    async with serve(made.serve_one, "127.0.0.1", 0, process_request=made.show, **options) as server:
        address = f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        made.url, made.home = f"ws://{address}/ws/showtimes/{SHOWTIME}", f"http://{address}"
        yield made


@pytest.fixture
async def runtime(open_runtime: OpenRuntime) -> AsyncIterator[Runtime]:
    """Where the client runs."""
    async with stranger(Talk.stay) as there:
        yield await open_runtime(there.home)


@asynccontextmanager
async def meeting(runtime: Runtime, script: Script, **options: Any) -> AsyncIterator[Stranger]:
    """Ann's client goes to a stranger."""
    options = {"token": "of ann", "times": QUICK, "encoding": "json", **options}
    async with stranger(script) as there:
        await runtime.run("open('ann', address, options)", address=there.url, options=options)
        yield there
        await runtime.run("clients.ann.close()")
