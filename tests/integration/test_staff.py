"""What staff's accounts withstand: attacks on passwords, refresh tokens and roles, on real servers."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec
import pytest

from seatserver.access import revocations
from seatserver.accounts.endings import end_tokens
from seatserver.accounts.users import About, User
from seatserver.app import build_app
from seatserver.config import Settings
from seatserver.errors import Conflict
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.server import now_ms, rows
from tests.integration.test_accounts import ANNA, PASSWORD, add
from tests.integration.test_demo import environment, running

REVOKED = 4005
BOSS = About(name="Boss", email="boss@rex.example", roles=("admin",))


class Door:
    """A server without a port, and a client of it."""

    def __init__(self, core: Server, http: httpx.AsyncClient) -> None:
        self.core, self.http = core, http

    async def token(self, **form: str) -> httpx.Response:
        return await self.http.post("/api/v1/oauth/token", data=form)

    async def sign_in(self, user: User | About, password: str = PASSWORD) -> dict[str, Any]:
        answer = await self.token(grant_type="password", username=user.email, password=password)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ask(self, method: str, path: str, token: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **more)


@pytest.fixture
async def door(core: Server) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(build_app(core), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Door(core, http)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


# ---------------------------------------------------------------- OAuth as the standard has it


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a@b.c"}, "invalid_request"),
        ({"grant_type": "password", "username": "a@b.c", "password": "x"}, "invalid_grant"),
        ({"grant_type": "password", "username": "a@b.c", "password": "x", "scope": "king"}, "invalid_scope"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}, "invalid_client"),
        ({f"f{number}": "x" for number in range(40)}, "invalid_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_is_wrong_is_said_in_oauth_s_own_words(door: Door, form: dict[str, str], expected: str) -> None:
    answer = await door.token(**form)
    assert error(answer) == (401 if expected == "invalid_client" else 400, expected)
    assert answer.headers["cache-control"] == "no-store"


async def test_only_one_plain_form_is_a_request(door: Door) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body, headers in (
        (b"grant_type=password&grant_type=refresh_token", form),
        (b"grant_type=%ff%fe", form),
        (b"\xff", form),
        (b'{"grant_type": "password"}', {"Content-Type": "application/json"}),
    ):
        answer = await door.http.post("/api/v1/oauth/token", content=body, headers=headers)
        assert error(answer) == (400, "invalid_request")


async def test_strangers_cannot_make_the_server_read_or_keep_much(door: Door) -> None:
    known = len(door.core.shares)
    wrong = await door.token(grant_type="password", username="eve@rex.example", password="x")
    for length in (255, 3000):
        answer = await door.token(grant_type="password", username="a" * length, password="x")
        assert (error(answer), answer.text) == ((400, "invalid_grant"), wrong.text)
    # One letter that becomes eighteen.
    assert error(await door.token(grant_type="password", username="\ufdfa" * 254, password="x")) == error(wrong)
    assert len(door.core.shares) <= known + 2, "of the first one's e-mail and network"
    long = {"grant_type": "password", "token": "x", "username": "a" * 20_000, "password": "x"}
    for path in ("token", "revoke"):
        answer = await door.http.post(f"/api/v1/oauth/{path}", data=long)
        assert error(answer) == (400, "invalid_request")


async def test_a_key_proves_itself_in_the_header_too_and_only_with_its_own_id(door: Door) -> None:
    key, about = await door.core.api_keys.create(name="Till", user_id="till", scopes=("hold",), by="boss")
    _, other = await door.core.api_keys.create(name="Till", user_id="till", scopes=("hold",), by="boss")
    token = door.core.tokens.mint("till", ("hold",), 60)

    async def ask(key_id: str, secret: str, scope: str = "") -> httpx.Response:
        basic = base64.b64encode(f"{quote_plus(key_id)}:{quote_plus(secret)}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": scope}
        return await door.http.post("/api/v1/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})

    assert (await ask(about.id, key)).json()["scope"] == "hold"
    for wrong in ((other.id, key), (about.id, key[:-1]), (about.id, token), ("", token)):
        answer = await ask(*wrong)
        assert error(answer) == (401, "invalid_client")
        assert answer.headers["www-authenticate"] == "Basic"
    assert error(await ask(about.id, key, "book")) == (400, "invalid_scope")
    made = (await ask(about.id, key)).json()["access_token"]
    assert (await door.ask("GET", "/bookings", made)).status_code == 200
    await door.core.api_keys.revoke(about.id, by="boss")
    assert (await door.ask("GET", "/bookings", made)).json()["code"] == "revoked"
    assert error(await ask(about.id, key)) == (401, "invalid_client")


async def test_whoever_gives_back_a_token_ends_that_one(door: Door) -> None:
    user = await add(door.core)
    granted = await door.sign_in(user)
    for text in ("", "x", granted["access_token"], granted["access_token"], granted["refresh_token"]):
        answer = await door.http.post("/api/v1/oauth/revoke", data={"token": text})
        assert answer.status_code == (200 if text else 400)
    assert (await door.ask("GET", "/bookings", granted["access_token"])).json()["code"] == "revoked"
    assert error(await door.token(grant_type="refresh_token", refresh_token=granted["refresh_token"]))[0] == 400
    key, about = await door.core.api_keys.create(name="Till", user_id="till", scopes=("hold",), by="boss")
    form = {"grant_type": "client_credentials", "client_id": about.id, "client_secret": key}
    of_key = (await door.token(**form)).json()["access_token"]
    guest = door.core.tokens.mint("guest:7", ("watch",), 60)
    for other in (key, of_key, guest):
        answer = await door.http.post("/api/v1/oauth/revoke", data={"token": other})
        assert error(answer) == (400, "unsupported_token_type"), "nobody fills the list of revocations"


# ---------------------------------------------------------------- attacks


async def test_what_staff_give_back_keeps_no_administrator_from_revoking(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "MOST", 3)
    monkeypatch.setattr(revocations, "RESERVED", 2)
    user = await add(door.core)
    codes = []
    for _ in range(3):
        granted = await door.sign_in(user)
        given_back = await door.http.post("/api/v1/oauth/revoke", data={"token": granted["access_token"]})
        codes.append(given_back.status_code)
    assert codes == [200, 409, 409]
    await door.core.revocations.revoke("key", "of a till", by="boss")
    await door.core.revocations.revoke("user", "eve", by="boss")
    with pytest.raises(Conflict):
        await door.core.revocations.revoke("user", "ben", by="boss")


async def test_a_token_of_a_key_ends_with_its_user_also_on_an_instance_that_has_not_heard_of_it(door: Door) -> None:
    key, about = await door.core.api_keys.create(name="Till", user_id="till", scopes=("hold",), by="boss")
    form = {"grant_type": "client_credentials", "client_id": about.id, "client_secret": key}
    async with door.core.database.transaction() as connection:
        await end_tokens(connection, "till", by="boss", now_ms=now_ms())
    granted = (await door.token(**form)).json()
    identity = await door.core.tokens.verify(granted["access_token"])
    left_ms = identity.expires_at_ms - now_ms()
    assert 0 < left_ms <= 1000 * granted["expires_in"], "what is dated back is valid as long"
    await door.core.revocations.refresh()
    assert (await door.ask("GET", "/bookings", granted["access_token"])).json()["code"] == "revoked"


async def test_a_stolen_refresh_token_ends_the_session_for_the_thief_too(door: Door) -> None:
    granted = await door.sign_in(await add(door.core))
    mine = (await door.token(grant_type="refresh_token", refresh_token=granted["refresh_token"])).json()
    await rows(door.core, "UPDATE user_sessions SET rotated_at = rotated_at - interval '1 minute' RETURNING id")
    stolen = await door.token(grant_type="refresh_token", refresh_token=granted["refresh_token"])
    assert error(stolen) == (400, "invalid_grant")
    assert error(await door.token(grant_type="refresh_token", refresh_token=mine["refresh_token"]))[0] == 400
    assert (await door.ask("GET", "/bookings", mine["access_token"])).json()["code"] == "revoked"


async def test_no_answer_tells_who_has_an_account(door: Door) -> None:
    user = await add(door.core)
    disabled = await add(door.core, About(name="Ben", email="ben@rex.example"))
    await door.core.users.disable(disabled.id, by="boss")
    nameless = await add(door.core, About(name="Cay", email="cay@rex.example"), None)
    answers = [
        await door.token(grant_type="password", username=email, password="eleven wrong words")
        for email in (user.email, disabled.email, nameless.email, "eve@rex.example")
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    right = await door.token(grant_type="password", username=disabled.email, password=PASSWORD)
    assert "disabled" in right.json()["error_description"], "whoever knows the password is told"


async def test_guesses_from_one_network_are_held_up_and_others_sign_in(
    core: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatserver.access.shares.PASSWORD_S", 3600.0)
    user = await add(core)
    app = build_app(core)

    def client(address: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://test")

    async with client("198.51.100.9") as eve, client("192.0.2.7") as anna:
        form = {"grant_type": "password", "username": user.email, "password": "wrong"}
        answers = [await eve.post("/api/v1/oauth/token", data=form) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [400] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await anna.post("/api/v1/oauth/token", data={**form, "password": PASSWORD})).status_code == 200


async def test_one_network_cannot_try_a_password_on_everybody(core: Server, brisk: Settings) -> None:
    core.shares._settings = dataclasses.replace(brisk, network_passwords_per_min=1, unlimited=())  # noqa: SLF001
    transport = httpx.ASGITransport(build_app(core), client=("198.51.100.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as eve:
        forms = [{"grant_type": "password", "username": f"u{n}@rex.example", "password": "x"} for n in range(3)]
        codes = [(await eve.post("/api/v1/oauth/token", data=form)).status_code for form in forms]
    assert codes[0] == 400 and 429 in codes[1:]


async def test_nobody_gives_themselves_a_role(door: Door) -> None:
    user = await add(door.core)
    granted = await door.sign_in(user)
    token = granted["access_token"]
    assert "admin" not in granted["scope"]
    wider = await door.token(grant_type="password", username=user.email, password=PASSWORD, scope="admin")
    assert error(wider) == (400, "invalid_scope")
    for method, path, body in (
        ("PUT", f"/users/{user.id}", {"name": "A", "email": user.email, "roles": ["admin"]}),
        ("POST", "/users", {"name": "A", "email": "a@rex.example", "roles": ["admin"]}),
        ("PUT", "/roles/box-office", {"scopes": ["admin"]}),
        ("POST", f"/users/{user.id}/password", {"password": PASSWORD}),
        ("POST", f"/users/{user.id}/enable", None),
        ("GET", "/users", None),
    ):
        assert (await door.ask(method, path, token, json=body)).json()["code"] == "forbidden", path
    own = {"current": PASSWORD, "password": "drei Kamele rudern weit", "roles": ["admin"]}
    assert (await door.ask("POST", "/users/self/password", token, json=own)).json()["code"] == "bad_request"
    await door.token(
        grant_type="password", username=user.email, password=PASSWORD, roles="admin", scopes="admin", channel="x"
    )
    assert (await door.core.users.get(user.id)).roles == ("box-office",)


async def test_a_key_makes_no_users_whatever_its_scopes_also_through_a_token(door: Door) -> None:
    user = await add(door.core)
    key, about = await door.core.api_keys.create(name="All", user_id="all", scopes=("admin",), by="boss")
    form = {"grant_type": "client_credentials", "client_id": about.id, "client_secret": key}
    token = (await door.token(**form)).json()["access_token"]
    for bearer in (key, token):
        for method, path, body in (
            ("POST", "/users", {"name": "A", "email": "a@rex.example"}),
            ("PUT", f"/users/{user.id}", {"name": "A", "email": user.email, "roles": ["admin"]}),
            ("PUT", "/roles/usher", {"scopes": ["admin"]}),
            ("POST", f"/users/{user.id}/password", {"password": PASSWORD}),
            ("POST", "/keys", {"name": "More", "user_id": "more", "scopes": ["admin"]}),
        ):
            answer = await door.ask(method, path, bearer, json=body)
            assert answer.json()["code"] == "forbidden", (path, answer.text)


async def test_only_who_is_signed_in_to_a_page_has_to_do_with_passkeys(door: Door) -> None:
    boss = await add(door.core, BOSS)
    program = await door.token(grant_type="password", username=boss.email, password=PASSWORD)
    narrow = await door.token(grant_type="password", username=boss.email, password=PASSWORD, scope="watch")
    right = {"email": boss.email, "password": PASSWORD}
    own = (await page(door, "password", right)).json()["token"]
    half = (await door.core.user_sessions.begin(boss.id, kind="page", method="password", scopes=("watch",))).token
    made = {"name": "Phone", "id": "Zm9v", "client_data": "Zm9v", "attestation": "Zm9v"}
    for method, path, body, expected in (
        ("POST", "/begin", None, 409),  # there is no public address
        ("POST", "", made, 409),
        ("POST", "/Zm9v/remove", None, 404),
        ("GET", "", None, 200),
    ):
        for token in (program.json()["access_token"], narrow.json()["access_token"], half):
            answer = await door.ask(method, f"/users/self/passkeys{path}", token, json=body)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
        answer = await door.ask(method, f"/users/self/passkeys{path}", own, json=body)
        assert answer.status_code == expected, path
    await rows(door.core, "UPDATE user_sessions SET created_at = created_at - interval '6 minutes' RETURNING id")
    for path, expected in (("/begin", 401), ("/Zm9v/remove", 404)):
        answer = await door.ask("POST", f"/users/self/passkeys{path}", own)
        assert answer.status_code == expected, "a token that was stolen later makes no passkey"


async def test_an_administrator_who_signed_in_may_make_keys_and_users(door: Door) -> None:
    boss = await add(door.core, BOSS)
    token = (await door.sign_in(boss))["access_token"]
    key = {"name": "Till", "user_id": "till", "scopes": ["hold"]}
    made = await door.ask("POST", "/keys", token, json=key)
    assert (made.status_code, made.json()["about"]["created_by"]) == (201, boss.id)
    assert (await door.ask("POST", "/users", token, json={"name": "A", "email": "a@rex.example"})).status_code == 201


async def test_the_open_socket_of_a_disabled_user_is_closed_on_every_instance(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    anna = await add(here.core, ANNA)
    boss = await add(here.core, BOSS)
    async with httpx.AsyncClient(base_url=f"{here.url}/api/v1") as http:

        async def token(user: User) -> str:
            form = {"grant_type": "password", "username": user.email, "password": PASSWORD}
            return str((await http.post("/oauth/token", data=form)).json()["access_token"])

        async with there.socket() as first, there.socket() as second, here.socket() as third:
            for wire in (first, third):
                await wire.hello(token=await token(anna))
            await second.hello(token=await token(boss))
            admin = {"Authorization": f"Bearer {await token(boss)}"}
            assert (await http.post(f"/users/{anna.id}/disable", headers=admin)).status_code == 200
            assert [await wire.closed() for wire in (first, third)] == [REVOKED, REVOKED]
            assert (await second.ask("beat"))["type"] == "beat"


async def test_the_log_shows_no_password_and_no_refresh_token(settings: Settings, tmp_path: Path) -> None:
    env = environment(
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        SEATSERVER_TOKEN_SECRET=settings.token_secret,
        SEATSERVER_LOG_LEVEL="debug",
        PORT="0",
    )
    with running("serve", log=tmp_path / "log", env=env) as server:
        url = server.until(r"(http://[\d.]+:\d+)").group(1)
        async with Server(settings) as core:
            await add(core)
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            form = {"grant_type": "password", "username": ANNA.email, "password": PASSWORD}
            granted = (await http.post("/api/v1/oauth/token", data=form)).json()
            wrong = {**form, "password": "a wrong word or two"}
            assert (await http.post("/api/v1/oauth/token", data=wrong)).status_code == 400
            broken = urlencode(form) + "&" + urlencode(form)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            assert (await http.post("/api/v1/oauth/token", content=broken, headers=headers)).status_code == 400
            body = json.dumps({"name": 7, "password": PASSWORD})
            admin = {"Authorization": f"Bearer {granted['access_token']}"}
            assert (await http.post("/api/v1/users", content=body, headers=admin)).status_code == 403
        server.until("signed in")
    for secret in (PASSWORD, "a wrong word or two", granted["refresh_token"], granted["access_token"]):
        assert secret not in server.output


# ---------------------------------------------------------------- pages and their cookie

OWN_PAGE = {"Origin": "http://test"}
RIGHT = {"email": ANNA.email, "password": PASSWORD}


def cookie_of(answer: httpx.Response) -> str:
    """What the browser sends back: the first part of the header that sets it."""
    return str(answer.headers["set-cookie"]).partition(";")[0]


async def page(door: Door, path: str, body: Any = None, **headers: str) -> httpx.Response:
    door.http.cookies.clear()
    return await door.http.post(f"/api/v1/sign-in/{path}", json=body, headers={**OWN_PAGE, **headers})


async def test_the_cookie_is_out_of_reach_of_scripts_of_other_sites_and_of_other_paths(door: Door) -> None:
    await add(door.core)
    answer = await page(door, "password", RIGHT)
    name, *attributes = (part.strip() for part in answer.headers["set-cookie"].split(";"))
    assert name.startswith("__Secure-")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/api/v1/sign-in", "Max-Age=43200"} == set(attributes)
    gone = await page(door, "out", Cookie=cookie_of(answer))
    assert "Max-Age=0" in gone.headers["set-cookie"] and "Path=/api/v1/sign-in" in gone.headers["set-cookie"]


async def test_a_cookie_opens_nothing_but_the_next_token(door: Door) -> None:
    await add(door.core, msgspec.structs.replace(ANNA, roles=("admin",)))
    cookie = {**OWN_PAGE, "Cookie": cookie_of(await page(door, "password", RIGHT))}
    for method, path in (
        ("GET", "/users"),
        ("GET", "/bookings"),
        ("POST", "/tickets"),
        ("GET", "/users/self/passkeys"),
    ):
        answer = await door.http.request(method, f"/api/v1{path}", headers=cookie)
        assert answer.json()["code"] == "unauthorized", path


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://test.evil.example", "http://test:8080", "https://partner.example"],
)
async def test_no_other_site_s_page_signs_in_renews_or_signs_out(
    core: Server, brisk: Settings, origin: str | None
) -> None:
    settings = dataclasses.replace(brisk, allowed_origins=("https://partner.example", "*"))
    async with Server(settings) as open_to_all:
        transport = httpx.ASGITransport(build_app(open_to_all), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            door = Door(open_to_all, http)
            await add(door.core)
            cookie = {"Cookie": cookie_of(await page(door, "password", RIGHT))}
            forged = {**cookie, **({"Origin": origin} if origin else {})}
            for path, body in (("password", RIGHT), ("renew", None), ("out", None), ("passkey/begin", None)):
                http.cookies.clear()
                answer = await http.post(f"/api/v1/sign-in/{path}", json=body, headers=forged)
                assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused"), path
                assert "set-cookie" not in answer.headers
                assert "access-control-allow-credentials" not in answer.headers
            assert (await page(door, "renew", **cookie)).status_code == 200


async def test_a_session_that_was_put_into_the_browser_ends_with_the_sign_in(door: Door) -> None:
    await add(door.core)
    eve = await add(door.core, About(name="Eve", email="eve@rex.example"))
    planted = cookie_of(await page(door, "password", {**RIGHT, "email": eve.email}))
    answer = await page(door, "password", RIGHT, Cookie=planted)
    assert cookie_of(answer) != planted
    assert answer.json()["name"] == ANNA.name
    assert (await page(door, "renew", Cookie=planted)).json()["code"] == "session_ended"
    for made_up in ("__Secure-seatserver-session=x", "__Secure-seatserver-session=" + "x" * 3000):
        assert (await page(door, "renew", Cookie=made_up)).json()["code"] == "session_ended"
        signed_in = await page(door, "password", RIGHT, Cookie=made_up)
        assert made_up not in cookie_of(signed_in)


async def test_a_disabled_user_is_told_so_by_the_page(door: Door) -> None:
    user = await add(door.core)
    cookie = cookie_of(await page(door, "password", RIGHT))
    await door.core.users.disable(user.id, by="boss")
    assert (await page(door, "renew", Cookie=cookie)).json()["code"] == "session_ended"
    answer = await page(door, "password", RIGHT)
    assert (answer.status_code, answer.json()["code"]) == (403, "account_disabled")
    assert "set-cookie" not in answer.headers


async def test_without_a_user_nobody_is_asked_to_sign_in(door: Door) -> None:
    assert (await door.http.get("/api/v1/sign-in")).json() == {"password": False, "passkeys": False, "openid": None}
