"""Pages and static files for browsers.

Every page is a fixed HTML file of this package whose scripts, ES modules without a build step, fetch what they show
from the public REST interface and socket: nothing here knows a showtime or a seat. So the pages can be cached, need no
templates, and prove that the public wire is enough to build a seat picker. `app.py` mounts `web_routes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from seatserver.config import Settings

Handler = Callable[[HTTPConnection, Exception], Awaitable[Response]]

HERE = Path(__file__).parent

# No inline script or style, nothing from elsewhere. `'self'` covers our own socket only in newer browsers, so ws: and
# wss: are named.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self' ws: wss:",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'self'",
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Files keep their names across releases, so a browser asks each time; the ETag makes the usual answer a 304.
    "Cache-Control": "no-cache",
}

# A page of another origin loads the seat map's modules as it would from its own. They are the same for everybody; who
# may hold a seat with them is asked elsewhere.
FOR_EVERYBODY = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}

PAGES = {
    "/": "front.html",
    "/showtimes/{showtime_id}": "showtime.html",
    "/bookings/{booking_id}": "booking.html",
    "/ops": "ops.html",
    "/docs": "docs.html",
}
OPERATORS = {"/ops"}
"""Pages that no other site shows in a frame, whatever the settings allow: an admin's token is typed there."""
MISSING = "missing.html"
NO_PAGES = ("/api/", "/static/")
"""Where programs ask: they get a problem document also when they say that they read HTML."""


class _StaticFiles(StaticFiles):
    """Files of a folder under the same headers."""

    def __init__(self, folder: str, headers: Mapping[str, str]) -> None:
        super().__init__(directory=HERE / folder)
        self._headers = headers

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        if path.endswith(".js"):
            # The machine's own table may call it text/plain, and then a browser refuses to run it.
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


def web_routes(settings: Settings) -> list[BaseRoute]:
    """The routes of all pages and of `/static`."""
    headers = _headers(settings.frame_ancestors)
    files, never_framed = _StaticFiles("pages", headers), _StaticFiles("pages", _headers(()))
    pages = [
        Route(path, _page(never_framed if path in OPERATORS else files, name), methods=["GET"])
        for path, name in PAGES.items()
    ]
    return [*pages, Mount("/static", _StaticFiles("static", {**headers, **FOR_EVERYBODY}))]


def missing_page(settings: Settings, otherwise: Handler) -> Handler:
    """Handles 404: whoever looks for a page with a browser gets one that helps on, all others ``otherwise``."""
    files = _StaticFiles("pages", _headers(settings.frame_ancestors))

    async def respond(request: HTTPConnection, error: Exception) -> Response:
        is_page = request.scope.get("method") in ("GET", "HEAD") and not request.url.path.startswith(NO_PAGES)
        if not is_page or "text/html" not in request.headers.get("accept", ""):
            return await otherwise(request, error)
        # Without the request's headers: If-None-Match would make it a 304, as if there were a page.
        page = await files.get_response(MISSING, {**request.scope, "headers": []})
        page.status_code = 404
        return page

    return respond


def _headers(framed_by: tuple[str, ...]) -> dict[str, str]:
    ancestors = " ".join(("'self'", *framed_by))
    return {**HEADERS, "Content-Security-Policy": "; ".join((*CONTENT_SECURITY_POLICY, f"frame-ancestors {ancestors}"))}


def _page(files: _StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return respond
