"""What every request passes before it reaches one of the doors: socket, REST or page.

The gate finds out where a request comes from. It refuses requests for other names than this server's (`hosts.py`),
those beyond a network's share (`access/shares.py`), and those for what is only for operators (`operators.py`). A
network that goes on although it is refused all the time is refused slowly.

It also refuses a request whose head has too many fields or bytes. Under other ASGI servers nothing else counts them.
Under our own, `live/transport/uvicorn_http.py` cuts off a head that does not end, but counts its bytes in pieces: a
head that is a little too large gets here.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seatserver.access.addresses import Proxies, household
from seatserver.access.credentials import Credentials
from seatserver.access.shares import PUSHED_BACK_S, Share, Shares
from seatserver.api.shared.problems import problem_of
from seatserver.config import Settings
from seatserver.errors import HeadTooLarge, SeatServerError, TooMany
from seatserver.gate.hosts import Hosts
from seatserver.gate.operators import Operators
from seatserver.metrics import Metrics

PROBES = "/api/v1/health/"
"""Load balancers ask here, under whatever name they know a server by. Refusing them would restart the server."""
COUNTED = ("/api/", "/ws/", "/showtimes/")
"""What begins so is counted: it may ask Postgres or Redis. The page of an unknown showtime does so every time."""
READING = ("GET", "HEAD")
MOST_PUSHED_BACK = 500
"""So many refusals are kept waiting at a time. Any other is sent at once."""


class Gate:
    """The outermost ASGI application; what it lets through goes to ``app``."""

    def __init__(
        self, app: ASGIApp, settings: Settings, metrics: Metrics, credentials: Credentials, shares: Shares
    ) -> None:
        self._app = app
        self._settings = settings
        self._proxies = Proxies(settings)
        self._hosts = Hosts(settings)
        self._operators = Operators(settings, credentials)
        self._shares = shares
        self._turned_away = metrics.turned_away
        self._pushed_back = 0
        self._is_public_over_tls = urlsplit(settings.public_url).scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        if self._settings.hsts_s:
            send = self._over_tls_only(scope, send)
        address = None
        try:
            self._check_head(scope)
            address = self._proxies.resolve(scope)
            if not scope["path"].startswith(PROBES):
                self._hosts.check(scope["headers"])
            share = self._shares.of_network(household(address))
            if share is not None and share.is_pushing:
                send = self._pushing_back(send)
            _take(share, scope)
            await self._operators.check(scope["path"], scope["headers"], address)
        except SeatServerError as error:
            self._turned_away.labels(str(error.facts["what"]) if isinstance(error, TooMany) else error.code).inc()
            if isinstance(error, TooMany):
                self._shares.note_refusal(household(address))
            return await _refuse(error, scope, receive, send)
        await self._app(scope, receive, send)

    def _pushing_back(self, send: Send) -> Send:
        """Refuse slowly. So whoever waits for an answer before the next request costs little more.

        Only so many wait at a time: each has a connection, which somebody else may need.
        """

        async def send_slowly(message: Message) -> None:
            is_refusal = message.get("status") == HTTPStatus.TOO_MANY_REQUESTS
            if is_refusal and self._pushed_back < MOST_PUSHED_BACK:
                self._pushed_back += 1
                try:
                    await asyncio.sleep(PUSHED_BACK_S)
                finally:
                    self._pushed_back -= 1
            await send(message)

        return send_slowly

    def _check_head(self, scope: Scope) -> None:
        """Raise `HeadTooLarge` if the head of the request is over its limits."""
        fields, limits = scope["headers"], self._settings
        size = len(scope["query_string"]) + len(scope.get("raw_path") or b"")
        size += sum(len(name) + len(value) for name, value in fields)
        if len(fields) > limits.head_fields or size > limits.head_bytes:
            raise HeadTooLarge(limits.head_bytes, limits.head_fields)

    def _over_tls_only(self, scope: Scope, send: Send) -> Send:
        """Tell browsers that reach us over TLS to do so from now on (RFC 6797, which wants it nowhere else)."""
        header = (b"strict-transport-security", f"max-age={self._settings.hsts_s}".encode())

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start" and (scope["scheme"] == "https" or self._is_public_over_tls):
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        return send_with_header


def _take(share: Share | None, scope: Scope) -> None:
    """Count the request in the share of its network. Raises `TooMany`."""
    if share is None or not scope["path"].startswith(COUNTED) or scope["path"].startswith(PROBES):
        return  # pages and their scripts come from memory; probes are few
    if scope["type"] == "websocket":
        share.take("handshakes")
    elif scope["method"] != "OPTIONS":
        share.take("requests")
        if scope["method"] not in READING:
            share.take("writes")


async def _refuse(error: SeatServerError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem, also where a handshake is refused. A browser shows its script only that it failed."""
    answer = problem_of(error, f"{scope.get('method', 'GET')} {scope['path']}")
    # Scripts of other pages may read why, and when to come again.
    answer.headers.update({"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"})
    if scope["type"] == "http":
        return await answer(scope, receive, send)
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
