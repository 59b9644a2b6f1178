"""The REST interface as Starlette routes: the endpoints of the table, and the two documents that describe them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from seatserver.access.origins import allowed
from seatserver.api.documents import ASYNCAPI_FILE, OPENAPI_FILE
from seatserver.api.needs import Needs
from seatserver.api.problems import HEADERS
from seatserver.api.table import ENDPOINTS
from seatserver.config import Settings

__all__ = ["Needs", "cross_origin", "rest_routes"]

PREFLIGHT_S = 600


def rest_routes(needs: Needs) -> list[BaseRoute]:
    """All routes of the REST interface, and `/openapi.json` and `/asyncapi.json`."""
    documents = [
        Route("/openapi.json", _document(OPENAPI_FILE), methods=["GET"]),
        Route("/asyncapi.json", _document(ASYNCAPI_FILE), methods=["GET"]),
    ]
    return [*(endpoint.route(needs) for endpoint in ENDPOINTS), *documents]


def cross_origin(settings: Settings) -> list[Middleware]:
    """The middleware that lets pages of other origins use the REST interface, where the configuration names any.

    Tokens travel in a header, never in a cookie, so no credentials are allowed across.
    """
    if not settings.allowed_origins:
        return []
    return [Middleware(_CrossOrigin, settings=settings)]


class _CrossOrigin(CORSMiddleware):
    """Starlette's, with the origin check that the sockets have: what passes there passes here."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=["*"] if "*" in settings.allowed_origins else [],
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match"],
            expose_headers=["ETag", "Retry-After"],
            max_age=PREFLIGHT_S,
        )
        self._settings = settings

    def is_allowed_origin(self, origin: str) -> bool:
        return allowed(origin, None, self._settings)


def _document(file: Path) -> Callable[[Request], Awaitable[Response]]:
    content = file.read_bytes()

    async def respond(request: Request) -> Response:
        return Response(content, media_type="application/json", headers={**HEADERS, "Cache-Control": "no-cache"})

    return respond
