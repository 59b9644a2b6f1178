"""What the tests of REST share: somebody who asks, and what is on sale."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from seatserver.api.shared.story import HALL
from seatserver.app import build_app
from seatserver.server import Server
from tests.integration.contract import Contract
from tests.integration.rest.resources import endpoints_of
from tests.waiting import within

ODEON = {"name": "Odeon", "timezone": "Europe/Berlin"}
SHOWTIME = {
    "auditorium_id": "studio",
    "layout_hash": HALL.content_hash,
    "title": "The Long Take",
    "starts_at": "2100-01-01T20:30:00+01:00",
    "on_sale_at": "2020-01-01T00:00:00Z",
    "sale_ends_at": "2100-01-01T20:45:00+01:00",
    "currency": "EUR",
    "prices": {"standard": 1150, "sofa": 1400},
}
ADULT = {"key": "adult", "name": "Adult", "prices": {"standard": 1200, "sofa": 1500}}
CHILD = {"key": "child", "name": "Child", "prices": {"standard": 800}, "only_with": ["adult"], "per_companion": 2}
FAMILIES = {
    **{name: value for name, value in SHOWTIME.items() if name != "prices"},
    "ticket_types": [ADULT, CHILD],
    "fees": {"per_booking_minor": 100, "per_ticket_minor": 5},
    "rules": {"gap": {"mode": "enforce"}},
}


class Rest:
    """A client, the server behind it, and tokens."""

    def __init__(self, core: Server, http: httpx.AsyncClient) -> None:
        self.core = core
        self.http = http

    async def ask(self, method: str, path: str, user: str | None = None, **more: Any) -> httpx.Response:
        """Ask as ``user``, named ``name`` or ``name:scope,scope``."""
        headers = dict(more.pop("headers", {}))
        if user is not None:
            name, _, scopes = user.partition(":")
            token = self.core.tokens.mint(name, (scopes or "watch,hold,book").split(","), 60)
            headers["Authorization"] = f"Bearer {token}"
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **more)

    async def keep(self, *changes: dict[str, Any], user: str = "boss:admin", **more: Any) -> httpx.Response:
        """Block, allocate and open places of tonight's showtime."""
        path = "/admin/showtimes/tonight/allocations/change"
        return await self.ask("POST", path, user, json={"changes": changes, **more})

    async def hold(self, user: str, *seats: int) -> str:
        hold_id = uuid4()
        await self.core.store.hold("tonight", hold_id, user, seats)
        return str(hold_id)

    async def book(self, user: str, hold_id: str, **more: Any) -> httpx.Response:
        body = {"showtime_id": "tonight", "hold_id": hold_id, **more}
        return await self.ask("POST", "/bookings", user, json=body)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def settled(core: Server) -> None:
    """Wait until the relay has brought all changes to Redis."""
    async with within("the relay to be done"):
        while not core.relay.is_idle:  # noqa: ASYNC110 - the relay tells nobody when it is done
            await asyncio.sleep(0.005)


async def eventually(rest: Rest, path: str, is_so: Callable[[Any], bool]) -> None:
    """Repeat a request until its answer is as expected, because the relay and the feed take a moment."""
    async with within(f"another answer of {path}"):
        while not is_so((await rest.ask("GET", path)).json()):  # noqa: ASYNC110 - there is nothing to wait on over REST
            await asyncio.sleep(0.02)


def key_in(booking: dict[str, Any]) -> dict[str, str]:
    """The header of somebody who has only the ticket link."""
    page, _, key = booking["ticket_url"].partition("#key=")
    assert page == f"/bookings/{booking['id']}"
    return {"Authorization": f"Booking {key}"}


@asynccontextmanager
async def door(rest: Rest, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The server with other settings. Its answers may be undocumented."""
    rest.core.settings = dataclasses.replace(rest.core.settings, **changes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(rest.core)), base_url="http://test") as http:
        yield http


def check_all_succeeded(contract: Contract, request: pytest.FixtureRequest) -> None:
    """For the last test of a module: every operation of the resources that it tests has succeeded in it."""
    module = request.module
    ran = {item.originalname for item in request.session.items if isinstance(item, pytest.Function)}
    if not {name for name in vars(module) if name.startswith("test_")} <= ran:
        pytest.skip("only a part of the module runs")
    expected = {(one.method, one.path) for one in endpoints_of(module.__name__.rpartition(".")[2])}
    succeeded = {(method, path) for method, path, status in contract.seen if status < 300}
    assert expected - succeeded == set()
