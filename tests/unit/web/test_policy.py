"""A page's security policy allows others' sources only where the operator's settings need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from seatserver import config
from seatserver.access.captcha import PROVIDERS
from seatserver.web.routes import web_routes

CHECKED = ("/showtimes/tonight", "/bookings", "/bookings/0192f0c1-8a4e-7c3b-9d55-2f6b1c0d7e91", "/handoff")
OTHERS = ("/", "/ops", "/docs", "/kiosk", "/sign-in", "/static/seat-map.js")


async def _is_there(_: str) -> bool:
    return True


@contextmanager
def site(**changes: Any) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=web_routes(config.load({}, **changes), _is_there))) as client:
        yield client


def policy(client: TestClient, path: str) -> dict[str, set[str]]:
    """The sources of each directive."""
    answer = client.get(path)
    assert answer.status_code == 200
    directives = (directive.split() for directive in answer.headers["Content-Security-Policy"].split("; "))
    return {name: set(sources) for name, *sources in directives}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_of_captchas_gets_its_sources_on_pages_that_make_guests_and_nowhere_else(name: str) -> None:
    chosen = {
        "captcha": name,
        "captcha_site_key": "0x4",
        "captcha_secret": "secret",
        "public_url": "https://seats.example",
    }
    with site() as usual, site(**chosen) as checked:
        for path in CHECKED:
            before, after = policy(usual, path), policy(checked, path)
            added = {directive: after[directive] - before.get(directive, set()) for directive in after}
            expected = {directive: set(sources.split()) for directive, sources in PROVIDERS[name].policy.items()}
            assert {directive: sources for directive, sources in added.items() if sources} == expected
            assert all(before[directive] <= after[directive] for directive in before)
        for path in OTHERS:
            assert policy(usual, path) == policy(checked, path)
