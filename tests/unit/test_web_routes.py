"""Pages and static files: what is served, and under which headers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from seatserver import config
from seatserver.web.routes import HERE, web_routes

PAGES = ["/", "/docs", "/ops", "/showtimes/tonight", "/bookings/6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11"]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=web_routes(config.load({}))))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", [*PAGES, "/static/showtime.js"])
async def test_everything_comes_with_the_strict_policy(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_the_operators_page_is_framed_by_nobody_else() -> None:
    settings = config.load({"SEATSERVER_FRAME_ANCESTORS": "https://partner.example"})
    transport = httpx.ASGITransport(app=Starlette(routes=web_routes(settings)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        framed = {
            path: "partner.example" in (await client.get(path)).headers["content-security-policy"] for path in PAGES
        }
    assert framed == {path: path != "/ops" for path in PAGES}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_holds_no_inline_code_and_only_files_that_exist(client: httpx.AsyncClient, page: str) -> None:
    html = (await client.get(page)).text
    assert not re.search(r"<script(?![^>]*src=)|<style| on\w+=| style=", html)
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert linked
    for path in linked:
        assert (await client.get(path)).status_code == 200, path


def test_a_module_imports_only_modules_that_exist() -> None:
    for module in (HERE / "static").rglob("*.js"):
        for name in re.findall(r'(?:from |import |import\()"(\.[^"]+)"', module.read_text()):
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


@pytest.mark.parametrize("path", [*PAGES, "/static/page.css"])
async def test_every_file_is_asked_for_again_but_sent_only_when_changed(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.head(path)).status_code == 200


async def test_scripts_are_called_scripts_and_nothing_outside_the_folder_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/static/seat-map.js")).headers["content-type"].startswith("text/javascript")
    assert (await client.get("/static/../routes.py")).status_code == 404
    assert (await client.get("/static/%2e%2e/routes.py")).status_code == 404
