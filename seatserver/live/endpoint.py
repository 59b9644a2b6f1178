"""``GET /ws/showtimes/{showtime_id}``: the handshake, before there is a session.

A script cannot read why a handshake was refused, so only what is no business of a script's is refused here: a web
origin that is not allowed, a subprotocol that nobody speaks, a process that is full or going away. Everything else is
said by the session, in a `bye`.

This is a plain ASGI application, without a framework's objects around each socket: what a handshake needs is read from
the scope, and nothing of it is kept for the hours that a socket may live.
"""

from __future__ import annotations

from typing import NoReturn

from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver.access.origins import allowed
from seatserver.live.codec import Codec, Codecs
from seatserver.live.commands import Needs
from seatserver.live.drain import Door
from seatserver.live.line import Gone, Line
from seatserver.live.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from seatserver.live.outgoing import CLOSED, Outgoing
from seatserver.live.protocol import EXTENSION
from seatserver.live.session import Session

PATH = "/ws/showtimes/"


class Sockets:
    """The handshake of every socket; what is none of ours goes on to ``others``."""

    def __init__(self, needs: Needs, door: Door, others: ASGIApp) -> None:
        self._needs = needs
        self._door = door
        self._others = others
        self._codecs = Codecs()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket from its handshake to its end."""
        if scope["type"] != "websocket" or (showtime_id := _showtime_of(scope)) is None:
            return await self._others(scope, receive, send)
        try:
            await receive()  # websocket.connect
            await self._needs.fanout.newcomers.take()
            codec, bearer = await self._let_in(scope, send)
        except (Gone, *CLOSED):
            return
        line: Line | None = scope.get("extensions", {}).get(EXTENSION, {}).get("line")
        if line is not None:
            await self._host(line, showtime_id, codec, bearer)
        else:
            async with Outgoing(receive, send) as line:
                await self._host(line, showtime_id, codec, bearer)

    async def _host(self, line: Line, showtime_id: str, codec: Codec, bearer: str | None) -> None:
        await self._door.host(Session(line, showtime_id, codec, self._needs, bearer))

    async def _let_in(self, scope: Scope, send: Send) -> tuple[Codec, str | None]:
        """Accept the socket: how it speaks, and the token of its header. Raises `Gone` when it was refused."""
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        origin, host, authorization = (
            value.decode("latin-1") if (value := headers.get(name)) is not None else None
            for name in (b"origin", b"host", b"authorization")
        )
        if not allowed(origin, host, self._needs.settings):
            await _deny(scope, send, 403, "this web origin may not connect: see SEATSERVER_ALLOWED_ORIGINS")
        if self._door.draining or self._door.full:
            await _deny(scope, send, 503, "this server takes no more sockets at the moment", retry_after=2)
        asked = scope.get("subprotocols", [])
        codec = self._codecs.choose(asked)
        if codec is None:
            expected = f"expected the subprotocol {SUBPROTOCOL_JSON} or {SUBPROTOCOL_MSGPACK}"
            await _deny(scope, send, 400, expected)
        await send({"type": "websocket.accept", "subprotocol": codec.subprotocol if asked else None})
        scheme, _, token = (authorization or "").partition(" ")
        return codec, token.strip() if scheme.lower() == "bearer" else None


def _showtime_of(scope: Scope) -> str | None:
    """The showtime that the path names."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    showtime_id = path.removeprefix(PATH)
    return showtime_id if showtime_id and showtime_id != path and "/" not in showtime_id else None


async def _deny(scope: Scope, send: Send, status: int, reason: str, retry_after: int | None = None) -> NoReturn:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": f"{reason}\n".encode()})
    else:
        await send({"type": "websocket.close"})
    raise Gone
