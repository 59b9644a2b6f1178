"""Pages and static files for browsers.

`/static/` is this folder, of which only what browsers read is served: a folder for each page, what the pages share, and
the seat map. The HTML of a page is put together once, at the start (`page.py`); its scripts, ES modules without a build
step, fetch what they show from the public REST interface and socket. So the pages can be cached, and prove that the
public wire is enough to build a seat picker. The one question that is asked here is whether there is such a showtime: a
page about nothing is a 404. Of bookings nothing is asked, because whether there is one is nobody's business but its
owner's. `app.py` mounts `web_routes`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from seatserver.config import Settings
from seatserver.errors import SeatServerError
from seatserver.web.page import Page

Handler = Callable[[HTTPConnection, Exception], Awaitable[Response]]
IsThere = Callable[[str], Awaitable[bool]]
"""Whether there is a showtime with this id; raises a `SeatServerError` where that cannot be told now."""

HERE = Path(__file__).parent
PUBLIC = re.compile(r"(?:(?:pages|seat-map|shared)/.+|[^/]+)\.(?:css|d\.ts|js|svg)")
"""The files that are served, by their paths in this folder. Those of the folder itself are what other sites embed, so
their addresses never change."""
LOOK_UP_S = 1.0
"""Longest a page waits to be told whether its showtime exists; after that it comes without an answer."""

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

VISITORS = {
    "/": "front",
    "/showtimes/{showtime_id}": "showtime",
    "/bookings": "bookings",
    "/bookings/{booking_id}": "booking",
}
"""Pages of visitors, in their language: each is a folder of `pages/`."""
STAFF = {"/ops": "ops", "/docs": "docs"}
"""Pages in English only."""
OPERATORS = {"/ops"}
"""Pages that no other site shows in a frame, whatever the settings allow: an admin's token is typed there."""
MISSING = "missing"
NO_PAGES = ("/api/", "/static/")
"""Where programs ask: they get a problem document also when they say that they read HTML."""


class _PublicFiles(StaticFiles):
    """What browsers read of this folder, with ``headers``."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(directory=HERE)
        self._headers = headers

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if PUBLIC.fullmatch(path) else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        if path.endswith(".js"):
            # The machine's own table may call it text/plain, and then a browser refuses to run it.
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


def web_routes(settings: Settings, is_there: IsThere) -> list[BaseRoute]:
    """The routes of all pages and of `/static`."""
    headers = _headers(settings.frame_ancestors)
    missing = {
        kind: Page(MISSING, headers, heading=f"missing_{kind}_heading", text=f"missing_{kind}_text")
        for kind in ("showtime", "booking")
    }
    front, showtime, own, booking = (Page(name, headers) for name in VISITORS.values())

    async def show_showtime(request: Request) -> Response:
        if await _is_nowhere(is_there, request.path_params["showtime_id"]):
            return missing["showtime"].answer(request, 404)
        return showtime.answer(request)

    async def show_booking(request: Request) -> Response:
        if not _is_uuid(request.path_params["booking_id"]):
            return missing["booking"].answer(request, 404)
        return booking.answer(request)

    shown = zip(VISITORS, (_always(front), show_showtime, _always(own), show_booking), strict=True)
    visitors = [Route(path, respond, methods=["GET"]) for path, respond in shown]
    staff = [
        Route(path, _always(Page(name, _headers(()) if path in OPERATORS else headers, ("en",))), methods=["GET"])
        for path, name in STAFF.items()
    ]
    return [*visitors, *staff, Mount("/static", _PublicFiles({**headers, **FOR_EVERYBODY}))]


def missing_page(settings: Settings, otherwise: Handler) -> Handler:
    """Handles 404: whoever looks for a page with a browser gets one that helps on, all others ``otherwise``."""
    page = Page(MISSING, _headers(settings.frame_ancestors), heading="missing_heading", text="missing_text")

    async def respond(request: HTTPConnection, error: Exception) -> Response:
        is_page = request.scope.get("method") in ("GET", "HEAD") and not request.url.path.startswith(NO_PAGES)
        if not is_page or "text/html" not in request.headers.get("accept", ""):
            return await otherwise(request, error)
        return page.answer(request, 404)

    return respond


def _headers(framed_by: tuple[str, ...]) -> dict[str, str]:
    ancestors = " ".join(("'self'", *framed_by))
    return {**HEADERS, "Content-Security-Policy": "; ".join((*CONTENT_SECURITY_POLICY, f"frame-ancestors {ancestors}"))}


def _always(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return page.answer(request)

    return respond


async def _is_nowhere(is_there: IsThere, showtime_id: str) -> bool:
    """Whether it is known that there is no such showtime: while nobody can tell, the page itself goes on asking."""
    try:
        async with asyncio.timeout(LOOK_UP_S):
            return not await is_there(showtime_id)
    except (SeatServerError, TimeoutError):
        return False


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
