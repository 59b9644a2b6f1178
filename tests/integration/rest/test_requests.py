"""What holds for every request: who may ask, what is refused, and that no request reaches a bug."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
import pytest

from seatserver.api.interface import ENDPOINTS
from seatserver.api.shared.story import HALL
from tests.integration.rest.support import FAMILIES, Rest, code, door


async def test_a_path_with_an_extra_slash_is_not_found(rest: Rest) -> None:
    assert code(await rest.ask("GET", "/showtimes/")) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/showtimes/nope",
        "/showtimes/nope/availability",
        "/layouts/nope",
        "/showtimes/%00",
        "/nowhere",
        "/showtimes/a/b",
    ],
)
async def test_unknown_things_and_paths_are_not_found(rest: Rest, path: str) -> None:
    assert code(await rest.ask("GET", path)) == (404, "not_found")


async def test_a_wrong_method_is_answered_with_the_allowed_ones(rest: Rest) -> None:
    refused = await rest.ask("DELETE", "/bookings")
    assert code(refused) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("from=yesterday", "from"),
        ("from=2100-01-01T00:00:00", "from"),
        ("theater=odeon", "theater"),
        ("limit=1&limit=2", "limit"),
        ("after=elsewhere", "after"),
        ("from=1800000000", "from"),
        ("to=null", "to"),
        ("limit=5.0", "limit"),
    ],
)
async def test_an_invalid_query_names_the_parameter(rest: Rest, query: str, where: str) -> None:
    refused = await rest.ask("GET", f"/showtimes?{query}")
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}


async def test_a_query_with_thousands_of_parameters_is_refused_unparsed(rest: Rest) -> None:
    refused = await rest.ask("GET", "/showtimes?" + "&".join(["a"] * 10_000))
    assert code(refused) == (400, "bad_request")
    assert "parameters" in refused.json()["detail"]


async def test_no_answer_lets_browsers_guess_its_type(rest: Rest) -> None:
    for path in ("/theatres", "/showtimes/nope", "/nowhere", f"/layouts/{HALL.content_hash}", "/metrics"):
        assert (await rest.ask("GET", path)).headers["x-content-type-options"] == "nosniff", path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": "\xff"}', b"\xff\xfe", b"null", b'{"name": "a"} {}'])
async def test_a_body_that_is_not_a_json_object_is_a_bad_request(rest: Rest, body: bytes) -> None:
    assert code(await rest.ask("PUT", "/admin/theatres/t", "boss:admin", content=body)) == (400, "bad_request")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(rest: Rest, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    content = b" " * 100_000 if announced else pieces()
    refused = await rest.ask("POST", "/admin/layouts", "boss:admin", content=content)
    assert code(refused) == (413, "too_large")
    assert refused.json()["facts"] == {"limit_bytes": 20_000}


async def test_a_missing_or_invalid_token_is_unauthorized(rest: Rest) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer "}):
        refused = await rest.ask("POST", "/tickets", headers=headers)
        assert code(refused) == (401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_token_without_the_scope_is_forbidden(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    for method, path, user, body in (
        ("PUT", "/admin/theatres/odeon", "ann", {"name": "Mine", "timezone": "UTC"}),
        ("POST", "/bookings", "ann:hold", {"showtime_id": "tonight", "hold_id": hold_id}),
        ("POST", "/bookings", "ann:claim", {"showtime_id": "tonight", "hold_id": hold_id}),
    ):
        assert code(await rest.ask(method, path, user, json=body)) == (403, "forbidden")


async def test_pages_of_allowed_origins_may_send_requests(rest: Rest) -> None:
    path = "/api/v1/admin/theatres/odeon"
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    # Browsers write this origin differently. The socket's check accepts it too.
    async with door(rest, allowed_origins=("https://Cinema.example:443/",)) as http:
        headers = {"Origin": "https://cinema.example"}
        preflight = await http.options(path, headers=headers | asks)
        answer = await http.get("/api/v1/theatres", headers=headers)
        for one in (preflight, answer):
            assert (one.status_code, one.headers["access-control-allow-origin"]) == (200, "https://cinema.example")
        assert (await http.options(path, headers=headers | asks | {"Access-Control-Request-Method": "DELETE"})).is_error


@pytest.mark.parametrize("allowed", [(), ("https://cinema.example",)])
async def test_a_page_of_another_origin_can_read_why_it_is_refused(rest: Rest, allowed: tuple[str, ...]) -> None:
    path = "/api/v1/admin/theatres/palace"
    evil = {"Origin": "https://evil.example", "Authorization": f"Bearer {rest.core.tokens.mint('b', ['admin'], 60)}"}
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    async with door(rest, allowed_origins=allowed) as http:
        preflight = await http.options(path, headers=evil | asks)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
        answer = await http.put(path, headers=evil, json={"name": "Palace", "timezone": "Europe/Berlin"})
        assert code(answer) == (403, "origin_refused")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "https://evil.example" in answer.json()["detail"]
        assert "SEATSERVER" not in answer.json()["detail"], "visitors may read this"
        assert "SEATSERVER_ALLOWED_ORIGINS" in answer.json()["facts"]["settings"]
        assert (await http.get("/api/v1/theatres", headers={"Origin": "null"})).status_code == 403
        own = await http.get("/api/v1/theatres", headers={"Origin": "http://test"})
        assert [theatre["id"] for theatre in own.json()["theatres"]] == ["odeon"]


async def test_pages_of_any_origin_may_load_the_modules(rest: Rest) -> None:
    async with door(rest) as http:
        answer = await http.get("/static/seatmap-client.js", headers={"Origin": "https://anyone.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_a_missing_page_is_html_for_browsers_and_a_problem_for_programs(rest: Rest) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with door(rest, frame_ancestors=("https://portal.example",)) as http:
        page = await http.get("/no/such/page", headers=html | {"If-None-Match": "*"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no such page" in page.text
        assert page.headers["content-security-policy"].endswith("frame-ancestors 'self' https://portal.example")
        for path, headers in (("/no/such/page", {}), ("/api/v1/no", html), ("/static/no.js", html)):
            answer = await http.get(path, headers=headers)
            assert code(answer) == (404, "not_found"), path
        assert code(await http.post("/no/such/page", headers=html)) == (404, "not_found")
        assert code(await http.delete("/docs", headers=html)) == (405, "method_not_allowed")


GARBAGE = (
    "", "\x00", "a" * 3000, "💺", "-1", "1e400", "null", "../..", "a b", "tonight", "studio", HALL.content_hash,
    str(UUID(int=7)), "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9" * 20,
)  # fmt: skip

SOUND: dict[str, dict[str, Any]] = {
    "put_showtime": FAMILIES,
    "quote_tickets": {"tickets": [{"seat": "A-1", "ticket": "standard"}, {"seat": 1}]},
    "best_available": {"tickets": {"standard": 2}, "weights": {"aisle": 3}, "limit": 2},
    "enrol_kiosk": {"code": "K7F2-9QXM", "theatre_id": "odeon", "name": "Lobby 1"},
    "enrol_kiosk_agent": {"code": "K7F2-9QXM"},
    "put_kiosk": {"theatre_id": "odeon", "name": "Lobby 1"},
    "change_allocations": {"changes": [{"action": "block", "seats": ["A-1"], "rows": ["B"], "reason": "wet paint"}]},
}

VALUES: tuple[Any, ...] = (*GARBAGE, None, True, -1, 2**63, 2**70, 1.5, 1e308, [], ["A-1", "A-1"], {}, {"standard": -1})


@pytest.mark.parametrize("seed", range(3))
async def test_random_requests_get_documented_answers_and_never_a_bug(rest: Rest, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(150):
        endpoint = dice.choice(ENDPOINTS)
        path = re.sub(r"{\w+}", lambda _: quote(dice.choice(GARBAGE), safe="") or "x", endpoint.path)
        more: dict[str, Any] = {}
        if endpoint.query is not None and dice.random() < 0.7:
            names = [field.encode_name for field in msgspec.structs.fields(endpoint.query)]
            more["params"] = {name: dice.choice(GARBAGE) for name in dice.sample(names, dice.randint(0, len(names)))}
        if endpoint.body is not None:
            sound = SOUND.get(endpoint.name, {"name": "Odeon", "theatre_id": "odeon"})
            more["json"] = {**sound, dice.choice([*sound, "other"]): dice.choice(VALUES)}
        user = dice.choice(["boss:admin", "ann", None])
        answer = await rest.ask(endpoint.method, path.removeprefix("/api/v1"), user, **more)
        assert answer.status_code != 500, (endpoint.method, path, more)
