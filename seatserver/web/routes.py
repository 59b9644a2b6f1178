"""Pages and static files for browsers.

Every page is a fixed HTML file of this package whose scripts, ES modules without a build step, fetch what they show
from the public REST interface and socket: nothing here knows a showtime or a seat. So the pages can be cached, need no
templates, and prove that the public wire is enough to build a seat picker. `app.py` mounts `web_routes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HERE = Path(__file__).parent

# No inline script or style, nothing from elsewhere. `'self'` covers our own socket only in newer browsers, so ws: and
# wss: are named.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self' ws: wss:",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Files keep their names across releases, so a browser asks each time; the ETag makes the usual answer a 304.
    "Cache-Control": "no-cache",
}

PAGES = {"/": "front.html", "/showtimes/{showtime_id}": "showtime.html", "/docs": "docs.html"}


class _StaticFiles(StaticFiles):
    """Pages and static files under the same headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        if path.endswith(".js"):
            # The machine's own table may call it text/plain, and then a browser refuses to run it.
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


def web_routes() -> list[BaseRoute]:
    """The routes of all pages and of `/static`."""
    files = _StaticFiles(directory=HERE / "pages")
    pages = [Route(path, _page(files, name), methods=["GET"]) for path, name in PAGES.items()]
    return [*pages, Mount("/static", _StaticFiles(directory=HERE / "static"))]


def _page(files: _StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return respond
