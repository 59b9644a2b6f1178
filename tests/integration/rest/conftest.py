"""A server for each test of REST. Every answer is compared with the OpenAPI document."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest

from seatserver.api.shared.story import HALL
from seatserver.app import build_app
from seatserver.config import Settings
from seatserver.server import Server
from tests.integration.contract import Contract
from tests.integration.rest.support import SHOWTIME, Rest, settled


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
async def empty(settings: Settings, contract: Contract) -> AsyncIterator[Rest]:
    """A server with nothing on sale."""
    async with Server(
        dataclasses.replace(settings, request_body_bytes=20_000, kiosk_reader="simulated", kiosk_printer="simulated")
    ) as core:
        transport = httpx.ASGITransport(build_app(core), raise_app_exceptions=False)
        hooks = {"response": [contract.check]}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
            yield Rest(core, http)


@pytest.fixture
async def rest(empty: Rest) -> Rest:
    """A server with one theatre, one studio of four seats, and one showtime, ``tonight``."""
    boss = "boss:admin"
    for path, body in (
        ("/admin/theatres/odeon", {"name": "Odeon", "timezone": "Europe/Berlin"}),
        ("/admin/auditoriums/studio", {"theatre_id": "odeon", "name": "Studio"}),
    ):
        assert (await empty.ask("PUT", path, boss, json=body)).status_code == 200
    imported = await empty.ask("POST", "/admin/layouts", boss, content=HALL.encode())
    assert imported.json() == {
        "hash": HALL.content_hash,
        "name": "Studio",
        "format": "seatserver",
        "seats": 4,
        "areas": {},
        "categories": {"standard": 2, "sofa": 2},
        "groups": 1,
        "notes": [],
    }
    assert (await empty.ask("PUT", "/admin/showtimes/tonight", boss, json=SHOWTIME)).status_code == 200
    blocked = await empty.keep({"action": "block", "seats": ["A-2"], "reason": "house seat"})
    assert blocked.status_code == 200
    await settled(empty.core)  # in Redis too, so that the relay is idle when a test begins
    return empty
