"""Pages and static files for browsers.

`/static/` serves this folder, but only the files that browsers read: a folder for each page, what the pages share, and
the seat map. The HTML of a page is put together once, at the start (`page.py`). Its scripts are ES modules without a
build step and load their data from the public REST API and socket. So the pages can be cached, and they prove that the
public API is enough to build a seat picker.

A page for an unknown showtime is a 404, so its existence is looked up here. Bookings are not looked up: whether one
exists concerns only its owner. `app.py` mounts `web_routes`.
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

from seatserver.access.captcha import PROVIDERS
from seatserver.config import Settings
from seatserver.errors import SeatServerError
from seatserver.web.page import OWN_SOCKET, POLICY, Page, with_socket

Handler = Callable[[HTTPConnection, Exception], Awaitable[Response]]
IsThere = Callable[[str], Awaitable[bool]]
"""Whether there is a showtime with this id. Raises a `SeatServerError` if that cannot be found out now."""

HERE = Path(__file__).parent
PUBLIC = re.compile(r"(?:(?:pages|seat-map|shared)/.+|[^/]+)\.(?:css|d\.ts|js|svg)")
"""The paths in this folder that are served. Files in the folder itself are embedded by other sites, so their addresses
never change."""
LOOK_UP_S = 1.0
"""How long a page waits to learn whether its showtime exists. After that it is served anyway."""

# No inline scripts or styles, and nothing from other servers. `'self'` includes our own socket only in newer browsers,
# so the page adds its address (`page.py`).
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": f"'self'{OWN_SOCKET}",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'self'",
}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # An update keeps the files' names, so browsers revalidate them each time; mostly the answer is a 304.
    "Cache-Control": "no-cache",
}

FOR_PAGES = {
    # No window that a page of another origin opened, or that opened it, can reach into ours.
    "Cross-Origin-Opener-Policy": "same-origin",
    # Nothing here needs any of these, so nothing that is slipped in gets them either. Where visitors may speak, a page
    # gets the microphone, and a kiosk's page gets the camera, which it uses where staff want that (`page.py`).
    POLICY: "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}

# Pages of any origin may load the seat map's modules. These are the same for everyone; who may hold a seat with them is
# checked elsewhere.
FOR_EVERYBODY = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}

VISITORS = {
    "/": "front",
    "/showtimes/{showtime_id}": "showtime",
    "/bookings": "bookings",
    "/bookings/{booking_id}": "booking",
    "/handoff": "handoff",
}
"""Pages for visitors, in their language. Each is a folder of `pages/`."""
WITHOUT_GUESTS = {"front"}
"""Of these, the pages that make no guest, so that nobody is checked there."""
SIGN_IN = "/sign-in"
"""Where staff sign in, in their language too. Its script says if nobody can."""
STAFF = {"/ops": "ops", "/docs": "docs"}
"""Pages in English only."""
TERMINALS = {"/kiosk": "kiosk"}
"""Pages that fill the screen of a device. They choose the language themselves, for each person before them."""
UNFRAMED = {"/ops", "/kiosk"}
"""Pages that no other site may show in a frame, whatever the settings say: an admin's token is typed into the one, and
the other one has a key to keep. `SIGN_IN`, where passwords are typed, is another."""
MISSING = "missing"
NO_PAGES = ("/api/", "/static/")
"""Paths for programs, which get a problem document even if they accept HTML."""


class _PublicFiles(StaticFiles):
    """The files of this folder that browsers read, with ``headers``."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(directory=HERE)
        self._headers = headers

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if PUBLIC.fullmatch(path) else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        if path.endswith(".js"):
            # The system's own table may say text/plain, and browsers refuse to run that.
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


def web_routes(settings: Settings, is_there: IsThere) -> list[BaseRoute]:
    """The routes of all pages and of `/static`."""
    headers = _headers(settings.frame_ancestors)
    missing = {
        kind: Page(MISSING, headers, heading=f"missing_{kind}_heading", text=f"missing_{kind}_text")
        for kind in ("showtime", "booking")
    }
    links_to_api = not settings.is_for_operators(settings.documents)
    for_guests = _for_guests(settings, headers)
    front, showtime, own, booking, handoff = (
        Page(
            name,
            headers if name in WITHOUT_GUESTS else for_guests,
            links_to_api=links_to_api,
            voice=name == "showtime" and settings.voice_at("pages"),
        )
        for name in VISITORS.values()
    )

    async def show_showtime(request: Request) -> Response:
        if await _is_nowhere(is_there, request.path_params["showtime_id"]):
            return missing["showtime"].answer(request, 404)
        return showtime.answer(request)

    async def show_booking(request: Request) -> Response:
        if not _is_uuid(request.path_params["booking_id"]):
            return missing["booking"].answer(request, 404)
        return booking.answer(request)

    answers = (_always(front), show_showtime, _always(own), show_booking, _always(handoff))
    shown = zip(VISITORS, answers, strict=True)
    visitors = [Route(path, respond, methods=["GET"]) for path, respond in shown]
    others = [
        Page(
            name,
            _headers(()) if path in UNFRAMED else headers,
            ("en",),
            voice=path in TERMINALS and settings.voice_at("kiosks"),
            camera=path in TERMINALS,
        )
        for path, name in {**STAFF, **TERMINALS}.items()
    ]
    staff = [
        Route(path, _always(page), methods=["GET"]) for path, page in zip((*STAFF, *TERMINALS), others, strict=True)
    ]
    staff.append(Route(SIGN_IN, _always(Page("sign-in", _headers(()))), methods=["GET"]))
    return [*visitors, *staff, Mount("/static", _PublicFiles({**with_socket(headers, ""), **FOR_EVERYBODY}))]


def missing_page(settings: Settings, otherwise: Handler) -> Handler:
    """A handler for 404: browsers get a page with a way on, everyone else gets what ``otherwise`` returns."""
    page = Page(MISSING, _headers(settings.frame_ancestors), heading="missing_heading", text="missing_text")

    async def respond(request: HTTPConnection, error: Exception) -> Response:
        is_page = request.scope.get("method") in ("GET", "HEAD") and not request.url.path.startswith(NO_PAGES)
        if not is_page or "text/html" not in request.headers.get("accept", ""):
            return await otherwise(request, error)
        return page.answer(request, 404)

    return respond


def _headers(framed_by: tuple[str, ...], more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers of a page. ``more``: sources of others that its policy allows besides ours, by directive."""
    policy = {**CONTENT_SECURITY_POLICY, "frame-ancestors": " ".join(("'self'", *framed_by))}
    for directive, sources in (more or {}).items():
        policy[directive] = f"{policy[directive]} {sources}" if directive in policy else sources
    return {
        **HEADERS,
        **FOR_PAGES,
        "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in policy.items()),
    }


def _for_guests(settings: Settings, headers: dict[str, str]) -> dict[str, str]:
    """The headers of pages that make guests: what the operator's provider of CAPTCHAs needs of them."""
    if settings.captcha == "none":
        return headers
    allowed = _headers(settings.frame_ancestors, PROVIDERS[settings.captcha].policy)
    # Its frame has to learn which site it is on, and no more than that.
    return {**allowed, "Referrer-Policy": "strict-origin-when-cross-origin"}


def _always(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        return page.answer(request)

    return respond


async def _is_nowhere(is_there: IsThere, showtime_id: str) -> bool:
    """Whether the showtime is known not to exist. If that cannot be found out, the page itself keeps asking."""
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
