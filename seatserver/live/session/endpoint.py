"""``GET /ws/showtimes/{showtime_id}``: the handshake, before there is a session.

A browser does not tell a script why a handshake was refused. So only what a script need not know is refused here: a web
origin that is not allowed, an unknown subprotocol, a process that is full or shutting down. For everything else the
session says why, in a `bye`.

This is a plain ASGI application, so that no framework keeps objects for each socket: it reads what a handshake needs
from the scope and keeps nothing of it for the hours that a socket may live.
"""

from __future__ import annotations

from typing import NoReturn

from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver import logs
from seatserver.access.networks import network_of
from seatserver.access.origins import allowed
from seatserver.live.session.commands import LiveServices
from seatserver.live.session.registry import SessionRegistry
from seatserver.live.session.session import Session
from seatserver.live.transport.asgi_connection import CLOSED, AsgiConnection
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.live.transport.uvicorn_connection import EXTENSION
from seatserver.wire.codec import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Codec, Codecs

log = logs.from_outside(__name__)

PATH = "/ws/showtimes/"


class Sockets:
    """Does the handshake of every socket. Requests for any other path go to the application ``others``."""

    def __init__(self, services: LiveServices, sessions: SessionRegistry, others: ASGIApp) -> None:
        self._services = services
        self._sessions = sessions
        self._others = others
        self._codecs = Codecs()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket from its handshake to its end."""
        if scope["type"] != "websocket" or (showtime_id := _showtime_of(scope)) is None:
            return await self._others(scope, receive, send)
        try:
            await receive()  # websocket.connect
            await self._services.broadcaster.handshakes.acquire()
            codec, bearer = await self._let_in(scope, send)
        except (ConnectionClosed, *CLOSED):
            return
        # Turned into a name at once, so that no session keeps anybody's address.
        network = self._services.networks.write(showtime_id, network_of(scope))
        connection: Connection | None = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        if connection is not None:
            await self._sessions.host(Session(connection, showtime_id, codec, self._services, bearer, network))
        else:
            async with AsgiConnection(receive, send) as connection:
                await self._sessions.host(Session(connection, showtime_id, codec, self._services, bearer, network))

    async def _let_in(self, scope: Scope, send: Send) -> tuple[Codec, str | None]:
        """Accept the socket. Returns its codec, and the token of its Authorization header if it has one.

        Raises `ConnectionClosed` when it was refused.
        """
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        origin, host, authorization = (
            value.decode("latin-1") if (value := headers.get(name)) is not None else None
            for name in (b"origin", b"host", b"authorization")
        )
        if not allowed(origin, host, self._services.settings):
            await _deny(scope, send, 403, "this web origin may not connect: see SEATSERVER_ALLOWED_ORIGINS")
        if self._sessions.draining or self._sessions.full:
            if not self._sessions.draining:
                log.warning("socket refused", code="full", open=self._sessions.count)
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
    """The showtime in the path, or None for any other path."""
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
    raise ConnectionClosed
