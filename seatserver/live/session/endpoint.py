"""``GET /ws/showtimes/{showtime_id}``: the handshake, before there is a session.

A browser does not tell a script why a handshake was refused. So only what a script need not know is refused here: a web
origin that is not allowed, an unknown subprotocol, a process that is full or shutting down. For everything else the
session says why, in a `bye`.

This is a plain ASGI application, so that no framework keeps objects for each socket: it reads what a handshake needs
from the scope and keeps nothing of it for the hours that a socket may live.
"""

from __future__ import annotations

import math
import random
from typing import NoReturn

from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver import logs
from seatserver.access.credentials import bearer_of
from seatserver.access.networks import network_of
from seatserver.access.origins import allowed
from seatserver.access.shares import SOCKETS_RETRY_S, Share
from seatserver.errors import TooMany
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.commands import LiveServices
from seatserver.live.session.registry import SessionRegistry
from seatserver.live.session.session import Session
from seatserver.live.transport.asgi_connection import CLOSED, AsgiConnection
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.live.transport.uvicorn_connection import EXTENSION
from seatserver.wire.codec import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Codec, Codecs

log = logs.from_outside(__name__)

PATH = "/ws/showtimes/"
RETRY_WITHIN_S = 5


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
            network = network_of(scope)
            share = self._services.shares.of_network(network)
            await self._await_turn(scope, send, share)
            codec, bearer = await self._let_in(scope, send, share)
        except (ConnectionClosed, *CLOSED):
            return
        # Turned into a name at once, so that no session keeps anybody's address.
        allowance = Allowance(self._services.shares, share, is_unlimited=self._services.shares.is_unlimited(network))
        name = self._services.networks.write(showtime_id, network)
        connection: Connection | None = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        with allowance.socket():
            if connection is not None:
                session = Session(connection, showtime_id, codec, self._services, bearer, name, allowance)
                await self._sessions.host(session)
            else:
                async with AsgiConnection(receive, send) as connection:
                    session = Session(connection, showtime_id, codec, self._services, bearer, name, allowance)
                    await self._sessions.host(session)

    async def _await_turn(self, scope: Scope, send: Send, share: Share | None) -> None:
        """Wait until it is this handshake's turn. Raises `ConnectionClosed` when too many wait and it was refused."""
        handshakes, settings = self._services.broadcaster.handshakes, self._services.settings
        if handshakes.waiting >= settings.handshakes:
            await self._deny_for_now(scope, send, "storm")
        if share is None:
            return await handshakes.acquire()
        if settings.network_handshakes and share.handshakes >= settings.network_handshakes:
            # Others have their turns too: the queue is not one network's.
            share.note_refusal()
            await self._deny_for_now(scope, send, "handshakes")
        share.handshakes += 1
        try:
            await handshakes.acquire()
        finally:
            share.handshakes -= 1

    async def _let_in(self, scope: Scope, send: Send, share: Share | None) -> tuple[Codec, str | None]:
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
            await deny(scope, send, 403, "this web origin may not connect: see SEATSERVER_ALLOWED_ORIGINS")
        if self._sessions.draining or self._sessions.full:
            await self._deny_for_now(scope, send, "" if self._sessions.draining else "full")
        most = self._services.settings.network_sockets
        if share is not None and most and share.sockets >= most:
            share.note_refusal()
            self._services.metrics.turned_away.labels("sockets").inc()
            error = TooMany("sockets", SOCKETS_RETRY_S)
            await deny(scope, send, error.status, error.message, retry_after=math.ceil(SOCKETS_RETRY_S))
        asked = scope.get("subprotocols", [])
        codec = self._codecs.choose(asked)
        if codec is None:
            expected = f"expected the subprotocol {SUBPROTOCOL_JSON} or {SUBPROTOCOL_MSGPACK}"
            await deny(scope, send, 400, expected)
        await send({"type": "websocket.accept", "subprotocol": codec.subprotocol if asked else None})
        return codec, bearer_of(authorization or "")

    async def _deny_for_now(self, scope: Scope, send: Send, code: str) -> NoReturn:
        """Refuse a socket for which there is no room now. Each is told another time, so that not all return at once."""
        if code:
            log.warning("socket refused", code=code, open=self._sessions.count)
            self._services.metrics.turned_away.labels(code).inc()
        retry_after = random.randint(1, RETRY_WITHIN_S)
        await deny(scope, send, 503, "this server takes no more sockets at the moment", retry_after=retry_after)


def _showtime_of(scope: Scope) -> str | None:
    """The showtime in the path, or None for any other path."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    showtime_id = path.removeprefix(PATH)
    return showtime_id if showtime_id and showtime_id != path and "/" not in showtime_id else None


async def deny(scope: Scope, send: Send, status: int, reason: str, retry_after: int | None = None) -> NoReturn:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": f"{reason}\n".encode()})
    else:
        await send({"type": "websocket.close"})
    raise ConnectionClosed
