"""The routes of REST: all endpoints, and the two documents that describe the interfaces. And who may use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver.access.origins import allowed
from seatserver.api.documents import ASYNCAPI_FILE, OPENAPI_FILE
from seatserver.api.interface import ENDPOINTS
from seatserver.api.shared.endpoint import routes_of
from seatserver.api.shared.problems import HEADERS, problem_of
from seatserver.api.shared.services import ApiServices
from seatserver.config import Settings
from seatserver.errors import OriginRefused

__all__ = ["ApiServices", "cross_origin", "rest_routes"]

PREFLIGHT_S = 600
METHODS = ("GET", "POST", "PUT")
READABLE = {"Access-Control-Allow-Origin": "*"}
OPEN_TO_ALL = "/static/"


def rest_routes(services: ApiServices) -> list[BaseRoute]:
    """All routes of the REST interface, and `/openapi.json` and `/asyncapi.json`."""
    documents = [
        Route("/openapi.json", _document(OPENAPI_FILE), methods=["GET"]),
        Route("/asyncapi.json", _document(ASYNCAPI_FILE), methods=["GET"]),
    ]
    return [*routes_of(ENDPOINTS, services), *documents]


def cross_origin(settings: Settings) -> list[Middleware]:
    """The middleware that lets only pages of the configured origins use REST.

    Tokens are sent in a header and never in a cookie, so no credentials are allowed across origins.
    """
    return [Middleware(_CrossOrigin, settings=settings)]


class _CrossOrigin(CORSMiddleware):
    """Starlette's middleware, with the same check of origins that sockets have.

    The scripts of a refused page can read why, even after a preflight. Otherwise the browser would show them only a
    failed request, and whoever embeds a seat map would look for the mistake elsewhere. Static files are open to
    everybody and set their own headers.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=["*"] if "*" in settings.allowed_origins else [],
            allow_methods=METHODS,
            allow_headers=["Authorization", "Content-Type", "If-None-Match"],
            expose_headers=["ETag", "Retry-After"],
            max_age=PREFLIGHT_S,
        )
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN_TO_ALL):
            return await super().__call__(scope, receive, send)
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or allowed(origin, headers.get("host"), self._settings):
            return await super().__call__(scope, receive, send)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            # Let the request itself come, because only its answer can be read. It will be refused.
            answer = Response(status_code=204, headers={**READABLE, **self.preflight_headers})
        else:
            answer = problem_of(OriginRefused(origin), f"{scope['method']} {scope['path']}")
            answer.headers.update(READABLE)
        await answer(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        return allowed(origin, None, self._settings)


def _document(file: Path) -> Callable[[Request], Awaitable[Response]]:
    content = file.read_bytes()

    async def respond(request: Request) -> Response:
        return Response(content, media_type="application/json", headers={**HEADERS, "Cache-Control": "no-cache"})

    return respond
