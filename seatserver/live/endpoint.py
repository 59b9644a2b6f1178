"""``GET /ws/showtimes/{showtime_id}``: the handshake, before there is a session.

A script cannot read why a handshake was refused, so only what is no business of a script's is refused here: a web
origin that is not allowed, a subprotocol that nobody speaks, a process that is full or going away. Everything else is
said by the session, in a `bye`.
"""

from __future__ import annotations

import structlog
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from seatserver.access.origins import allowed
from seatserver.live.codec import Codecs
from seatserver.live.commands import Needs
from seatserver.live.drain import Door
from seatserver.live.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from seatserver.live.session import Session

log = structlog.get_logger(__name__)


def live_routes(needs: Needs, door: Door) -> list[BaseRoute]:
    """The socket's route."""
    codecs = Codecs()

    async def showtime_socket(socket: WebSocket) -> None:
        headers = socket.headers
        if not allowed(headers.get("origin"), headers.get("host"), needs.settings):
            return await _deny(socket, 403, "this web origin may not connect: see SEATSERVER_ALLOWED_ORIGINS")
        if door.draining or door.full:
            return await _deny(socket, 503, "this server takes no more sockets at the moment", retry_after=2)
        asked = socket.scope.get("subprotocols", [])
        codec = codecs.choose(asked)
        if codec is None:
            return await _deny(socket, 400, f"expected the subprotocol {SUBPROTOCOL_JSON} or {SUBPROTOCOL_MSGPACK}")
        await socket.accept(subprotocol=codec.subprotocol if asked else None)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else None
        await door.host(Session(socket, socket.path_params["showtime_id"], codec, needs, bearer))

    return [WebSocketRoute("/ws/showtimes/{showtime_id}", showtime_socket)]


async def _deny(socket: WebSocket, status: int, reason: str, retry_after: int | None = None) -> None:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    await socket.send_denial_response(PlainTextResponse(reason + "\n", status, headers))
