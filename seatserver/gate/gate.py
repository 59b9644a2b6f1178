"""What every request passes before it reaches one of the doors: socket, REST or page.

The gate finds out where a request comes from. It refuses a request whose head has too many fields or bytes, under
whatever ASGI server. Under our own, `live/transport/uvicorn_http.py` has refused nearly all of those before their heads
were complete.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver.access.addresses import Proxies
from seatserver.api.shared.problems import problem_of
from seatserver.config import Settings
from seatserver.errors import HeadTooLarge, SeatServerError
from seatserver.metrics import Metrics


class Gate:
    """The outermost ASGI application; what it lets through goes to ``app``."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._proxies = Proxies(settings)
        self._turned_away = metrics.turned_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] in ("http", "websocket"):
            try:
                self._check_head(scope)
                self._proxies.resolve(scope)
            except SeatServerError as error:
                self._turned_away.labels(error.code).inc()
                return await _refuse(error, scope, receive, send)
        await self._app(scope, receive, send)

    def _check_head(self, scope: Scope) -> None:
        """Raise `HeadTooLarge` if the head of the request is over its limits."""
        fields, limits = scope["headers"], self._settings
        size = len(scope["query_string"]) + len(scope.get("raw_path") or b"")
        size += sum(len(name) + len(value) for name, value in fields)
        if len(fields) > limits.head_fields or size > limits.head_bytes:
            raise HeadTooLarge(limits.head_bytes, limits.head_fields)


async def _refuse(error: SeatServerError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem, also where a handshake is refused. A browser shows its script only that it failed."""
    answer = problem_of(error, f"{scope.get('method', 'GET')} {scope['path']}")
    if scope["type"] == "http":
        return await answer(scope, receive, send)
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
