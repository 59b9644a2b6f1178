"""Pages and static files: what is served, and under which headers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import Response

from seatserver import config
from seatserver.config import Settings
from seatserver.errors import Unavailable
from seatserver.web.routes import HERE, IsThere, missing_page, web_routes

BOOKING = "/bookings/6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11"
FOR_VISITORS = ["/", "/showtimes/tonight", "/bookings", BOOKING]
PAGES = [*FOR_VISITORS, "/docs", "/ops", "/kiosk"]


async def is_tonight(showtime: str) -> bool:
    """As a catalog with one showtime answers."""
    return showtime == "tonight"


def app(is_there: IsThere = is_tonight, settings: Settings | None = None) -> Starlette:
    settings = settings or config.load({})

    async def plain(request: HTTPConnection, error: Exception) -> Response:
        return Response("nothing here", 404)

    return Starlette(routes=web_routes(settings, is_there), exception_handlers={404: missing_page(settings, plain)})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", [*PAGES, "/static/pages/showtime/showtime.js"])
async def test_every_response_has_the_strict_security_policy(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not {"ws:", "wss:", "http:", "https:", "*"} & set(policy.split()), "no server but this one"
    assert "{" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("seats.example", "'self' ws://seats.example wss://seats.example;"),
        ("127.0.0.1:8000", "'self' ws://127.0.0.1:8000 wss://127.0.0.1:8000;"),
        ("[::1]:8000", "'self';"),
        ("x; script-src *", "'self';"),
        ("evil.example *", "'self';"),
    ],
)
async def test_a_page_may_connect_to_its_own_host_alone(client: httpx.AsyncClient, host: str, listed: str) -> None:
    policy = (await client.get("/", headers={"Host": host})).headers["content-security-policy"]
    assert f"connect-src {listed}" in policy


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_reached_by_no_other_window_and_use_no_device_but_a_kiosks_camera(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    assert headers["cross-origin-opener-policy"] == "same-origin"
    camera = "camera=(self)" if path == "/kiosk" else "camera=()"  # it reads tickets, where staff have set that
    assert {camera, "geolocation=()"} <= set(headers["permissions-policy"].split(", "))


@pytest.mark.parametrize(
    ("voice", "listening"),
    [
        ("", []),
        ("pages", ["/showtimes/tonight"]),
        ("kiosks", ["/kiosk"]),
        ("kiosks,pages", ["/showtimes/tonight", "/kiosk"]),
    ],
)
async def test_only_pages_where_visitors_may_speak_may_use_the_microphone(voice: str, listening: list[str]) -> None:
    transport = httpx.ASGITransport(app=app(settings=config.load({"SEATSERVER_VOICE": voice})))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = {path: await client.get(path) for path in PAGES}
    policies = {path: answer.headers["permissions-policy"].split(", ") for path, answer in answers.items()}
    assert [path for path in PAGES if "microphone=(self)" in policies[path]] == listening
    assert all("microphone=()" in policies[path] for path in PAGES if path not in listening)
    assert ('<seat-map voice="on">' in answers["/showtimes/tonight"].text) is ("pages" in voice)


async def test_no_other_site_may_frame_the_operators_page_or_a_kiosk() -> None:
    settings = config.load({"SEATSERVER_FRAME_ANCESTORS": "https://partner.example"})
    transport = httpx.ASGITransport(app=app(settings=settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        framed = {
            path: "partner.example" in (await client.get(path)).headers["content-security-policy"] for path in PAGES
        }
    assert framed == {path: path not in ("/ops", "/kiosk") for path in PAGES}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_has_no_inline_code_and_loads_only_existing_files(client: httpx.AsyncClient, page: str) -> None:
    html = (await client.get(page)).text
    assert not re.search(r"<script(?![^>]*src=)|<style| on\w+=| style=", html)
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert linked
    for path in linked:
        assert (await client.get(path)).status_code == 200, path


def test_a_module_imports_only_modules_that_exist() -> None:
    modules = [module for folder in ("pages", "seat-map", "shared") for module in (HERE / folder).rglob("*.js")]
    for module in [*modules, *HERE.glob("*.js")]:
        text = re.sub(r"/\*\* @import .*", "", module.read_text())  # of types: for the compiler
        for name in re.findall(r'(?:from |import |import\()"(\.[^"]+)"', text):
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


@pytest.mark.parametrize("path", [*PAGES, "/static/pages/shared/page.css"])
async def test_files_are_revalidated_and_sent_only_when_changed(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.head(path)).status_code == 200


async def test_scripts_have_the_right_type_and_nothing_outside_the_folder_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/static/seat-map.js")).headers["content-type"].startswith("text/javascript")
    assert (await client.get("/static/../routes.py")).status_code == 404
    for path in ("%2e%2e/routes.py", "routes.py", "pages/%2e%2e/routes.py", "__pycache__", "pages", "package.json"):
        assert (await client.get(f"/static/{path}")).status_code == 404, path


async def test_files_that_other_sites_embed_keep_their_addresses(client: httpx.AsyncClient) -> None:
    for name in ("seat-map.js", "seat-map.d.ts", "seatmap-client.js", "seatmap-client.d.ts"):
        assert (await client.get(f"/static/{name}")).status_code == 200, name


@pytest.mark.parametrize("path", FOR_VISITORS)
async def test_a_page_is_entirely_in_the_language_the_browser_asks_for(client: httpx.AsyncClient, path: str) -> None:
    german = await client.get(path, headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    english = await client.get(path, headers={"Accept-Language": "fr, en;q=0.3"})
    for answer, language in ((german, "de"), (english, "en")):
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["content-language"] == language
        assert {part.strip() for part in answer.headers["vary"].split(",")} >= {"Accept-Language", "Cookie"}
        assert "{{" not in answer.text
    assert german.headers["etag"] != english.headers["etag"]
    other = {"Accept-Language": "de", "If-None-Match": english.headers["etag"]}
    assert (await client.get(path, headers=other)).status_code == 200, "what a cache has in English is no answer"
    assert "Meine Buchungen" in german.text
    assert "My bookings" not in german.text


async def test_the_visitors_choice_of_language_is_remembered_and_wins_over_the_browsers(
    client: httpx.AsyncClient,
) -> None:
    chosen = await client.get("/?lang=de", headers={"Accept-Language": "en"})
    assert "Programm" in chosen.text
    assert client.cookies["lang"] == "de"
    assert '<html lang="de">' in (await client.get(BOOKING, headers={"Accept-Language": "en"})).text
    client.cookies.clear()
    unknown = await client.get("/?lang=%22%3E%3Cb%3E", headers={"Accept-Language": "de"})
    assert '<html lang="de">' in unknown.text
    assert "set-cookie" not in unknown.headers


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/showtimes/nope", "Diese Vorstellung gibt es nicht"),
        ("/bookings/nope", "Diese Buchung gibt es nicht"),
        ("/elsewhere", "Diese Seite gibt es nicht"),
    ],
)
async def test_a_page_for_an_unknown_address_leads_to_the_programme(
    client: httpx.AsyncClient, path: str, text: str
) -> None:
    answer = await client.get(path, headers={"Accept-Language": "de", "Accept": "text/html", "If-None-Match": "*"})
    assert answer.status_code == 404
    assert text in answer.text
    assert 'href="/"' in answer.text
    assert "etag" not in answer.headers


async def test_a_showtimes_page_is_served_while_its_existence_is_unknown() -> None:
    async def away(showtime: str) -> bool:
        raise Unavailable("Postgres")

    async def frozen(showtime: str) -> bool:
        await asyncio.Event().wait()
        return False

    for is_there in (away, frozen):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app(is_there)), base_url="http://test"
        ) as client:
            assert "<seat-map>" in (await client.get("/showtimes/nope")).text
