"""Staff sign in with OpenID Connect, against a provider that behaves like Google's, and against what may go wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization

from seatserver.access import keys
from seatserver.accounts import openid, openid_provider
from seatserver.accounts.challenges import text_of
from seatserver.accounts.users import About
from seatserver.app import build_app
from seatserver.config import Settings
from seatserver.errors import ProviderAway, SignInRefused
from seatserver.server import Server
from tests.integration.server import opened, rows
from tests.integration.test_accounts import ANNA, PASSWORD, add
from tests.support.openid import ANNA as AT_GOOGLE
from tests.support.openid import CLIENT_ID, DISCOVERY, KEYS, LEAVE_OUT, TOKEN, Claims, Provider, new_key

URL = "https://rex.example"
SESSION, SECRET = "__Secure-seatserver-session", "__Secure-seatserver-openid"
ELSEWHERE = new_key()
MUCH = 64 * 1024 * 1024
"""More than is read of an answer, with all that the system keeps of a connection."""


@pytest.fixture
def google() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture
async def core(brisk: Settings, google: Provider) -> AsyncIterator[Server]:
    changes = {**google.settings(), "public_url": URL, "duties": False}
    async with opened(dataclasses.replace(brisk, **changes)) as made:
        yield made


class Browser:
    """A browser that keeps cookies, at the sign-in page."""

    def __init__(self, core: Server, address: str = "127.0.0.1") -> None:
        transport = httpx.ASGITransport(build_app(core), raise_app_exceptions=False, client=(address, 1))
        self.http = httpx.AsyncClient(transport=transport, base_url=URL, headers={"Origin": URL})

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/sign-in/{path}", json=body, headers=headers)

    async def begin(self) -> str:
        """Begin; returns the provider's address."""
        answer = await self.post("openid/begin")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["address"])

    async def visit(self, address: str) -> dict[str, str]:
        """Go to the provider, and come back; returns the parameters that it sends back."""
        async with httpx.AsyncClient(trust_env=False) as outside:
            answer = await outside.get(address)
        assert answer.status_code == 302, answer.text
        back = answer.headers["location"]
        assert back.startswith(f"{URL}/sign-in?"), back
        return dict(parse_qsl(urlsplit(back).query, strict_parsing=True))

    async def returned(self) -> dict[str, str]:
        return await self.visit(await self.begin())

    async def sign_in(self) -> httpx.Response:
        return await self.post("openid", await self.returned())


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and reason of an answer with which nobody is signed in."""
    assert SESSION not in answer.headers.get("set-cookie", "")
    problem = answer.json()
    return answer.status_code, problem["code"], problem["facts"].get("reason")


AGAIN, EMAIL, UNKNOWN = ((401, "openid_refused", reason) for reason in ("again", "email", "unknown"))
AWAY = (503, "provider_away", None)


async def links(core: Server) -> list[tuple[str, str]]:
    return [(row.user_id, row.subject) for row in await rows(core, "SELECT user_id, subject FROM identities")]


# ---------------------------------------------------------------- what works


def test_without_a_provider_authlib_is_not_even_imported() -> None:
    program = "import sys, seatserver.app; sys.exit('authlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_a_user_signs_in_by_a_confirmed_e_mail_and_from_then_on_whatever_it_is(
    core: Server, google: Provider
) -> None:
    user = await add(core)
    browser = Browser(core)
    assert (await browser.http.get("/api/v1/sign-in")).json()["openid"] == "Google"
    begun = await browser.post("openid/begin")
    cookie = {part.strip() for part in begun.headers["set-cookie"].split(";")[1:]}
    assert cookie == {"HttpOnly", "Secure", "SameSite=strict", "Path=/api/v1/sign-in/openid", "Max-Age=600"}
    asked = dict(parse_qsl(urlsplit(begun.json()["address"]).query))
    assert (asked["redirect_uri"], asked["scope"]) == (f"{URL}/sign-in", "openid email")
    secrets = {asked["state"], asked["nonce"], asked["code_challenge"], browser.http.cookies[SECRET]}
    assert len(secrets) == 4 and min(map(len, secrets)) >= 43
    google.person["email"] = "Anna@REX.example"
    answer = await browser.post("openid", await browser.visit(begun.json()["address"]))
    assert (answer.status_code, answer.json()["user_id"]) == (200, user.id)
    assert SECRET not in browser.http.cookies and SESSION in browser.http.cookies
    [session] = await core.user_sessions.of_user(user.id)
    assert (session.kind, session.method, session.scopes) == ("page", "openid", None)
    assert (await browser.post("renew")).status_code == 200
    assert (await browser.post("out")).status_code == 200
    assert (await browser.post("renew")).json()["code"] == "session_ended"

    google.person |= {"email": "bauer@elsewhere.example", "email_verified": False}
    assert (await browser.sign_in()).json()["user_id"] == user.id
    assert await links(core) == [(user.id, AT_GOOGLE["sub"])]


async def test_keys_may_rotate_and_the_discovery_document_go_away(
    core: Server, google: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(core)
    browser = Browser(core)
    assert (await browser.sign_in()).status_code == 200
    monkeypatch.setattr(keys, "REFRESH_S", 0)
    monkeypatch.setattr(openid_provider, "AGAIN_S", 24 * 3600)
    google.rotate("second")
    assert (await browser.sign_in()).status_code == 200
    google.rotate("third", overlap=False)
    google.instead[DISCOVERY] = lambda request: request.answer(b"gone", 500)
    assert core.openid is not None
    core.openid._provider._documents.forget_all()  # noqa: SLF001
    assert (await browser.sign_in()).status_code == 200
    assert google.asked.count(KEYS) == 3
    assert google.asked.count(DISCOVERY) == 2, "one wait for it is enough"


async def test_newcomers_get_an_account_only_where_the_settings_give_their_domain_a_role(
    brisk: Settings, google: Provider
) -> None:
    changes = {**google.settings(), "public_url": URL, "duties": False}
    newcomers = ("rex.example=usher", "lost.example=no-such-role")
    async with opened(dataclasses.replace(brisk, **changes, openid_newcomers=newcomers)) as core:
        browser = Browser(core)
        assert (await browser.http.get("/api/v1/sign-in")).json()["password"], "there may be users"
        assert "profile" in await browser.begin()
        google.person["name"] = "Anna\n" + "B" * 200
        assert (await browser.sign_in()).json()["scopes"] == ["admit"]
        made = await core.users.by_email(AT_GOOGLE["email"])
        assert (made.name, made.roles, made.email_verified) == ("Anna" + "B" * 76, ("usher",), True)
        assert (made.created_by, made.has_password) == ("openid", False)
        google.person |= {"sub": "2", "email": "eve@sub.rex.example"}
        assert refusal(await browser.sign_in()) == UNKNOWN
        google.person["email"] = "ben@lost.example"
        assert refusal(await browser.sign_in()) == UNKNOWN
        google.person |= {"email": "ben@rex.example", "name": 7}
        assert (await browser.sign_in()).json()["name"] == "ben"


# ---------------------------------------------------------------- whose e-mail it is


async def test_only_a_confirmed_plain_e_mail_of_an_allowed_domain_finds_a_user(
    brisk: Settings, google: Provider
) -> None:
    changes = {**google.settings(), "public_url": URL, "duties": False}
    async with opened(dataclasses.replace(brisk, **changes, openid_domains=("rex.example",))) as core:
        await add(core)
        await add(core, About(name="Karl", email="karl@rex.example"))
        await add(core, About(name="Eve", email="eve@elsewhere.example"))
        browser = Browser(core)
        for person, expected in (
            ({"email_verified": False}, EMAIL),
            ({"email_verified": "true"}, EMAIL),
            ({"email_verified": 1}, EMAIL),
            ({"email_verified": LEAVE_OUT}, EMAIL),
            ({"email": LEAVE_OUT}, EMAIL),
            ({"email": ["anna@rex.example"]}, EMAIL),
            ({"email": "ａnna@rex.example"}, EMAIL),
            ({"email": "\N{KELVIN SIGN}arl@rex.example"}, EMAIL),
            ({"email": "аnna@rex.example"}, EMAIL),
            ({"email": "anna@rex.example\n"}, UNKNOWN),
            ({"email": "nobody@rex.example"}, UNKNOWN),
            ({"email": "anna@rex.example.evil.example"}, UNKNOWN),
            ({"email": "eve@elsewhere.example"}, UNKNOWN),
            ({"email": "a" * 400 + "@rex.example"}, UNKNOWN),
            ({"email": "\0@rex.example"}, UNKNOWN),
        ):
            google.changes = person
            assert refusal(await browser.sign_in()) == expected, person
        assert await links(core) == []


async def test_google_is_believed_only_where_it_knows_whose_an_e_mail_is(
    core: Server, google: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "GOOGLE", google.url)
    await add(core)
    await add(core, About(name="Ben", email="ben@gmail.com"))
    browser = Browser(core)
    assert refusal(await browser.sign_in()) == EMAIL, "a private account that was made with this address once"
    google.person["hd"] = "rex.example"
    assert (await browser.sign_in()).status_code == 200
    google.person = {"sub": "2", "email": "ben@gmail.com", "email_verified": True}
    assert (await browser.sign_in()).status_code == 200


async def test_an_e_mail_that_was_given_to_somebody_else_does_not_open_the_account(
    core: Server, google: Provider
) -> None:
    user = await add(core)
    browser = Browser(core)
    assert (await browser.sign_in()).status_code == 200
    google.person["sub"] = "somebody else"
    assert refusal(await browser.sign_in()) == UNKNOWN
    # An administrator may say that it is the same person.
    await core.users.set_password(user.id, await core.passwords.hash(PASSWORD, ()), by="boss")
    assert await links(core) == []
    assert (await browser.sign_in()).json()["user_id"] == user.id
    assert await links(core) == [(user.id, "somebody else")]


async def test_a_disabled_user_is_neither_linked_nor_signed_in(core: Server, google: Provider) -> None:
    user = await add(core)
    browser = Browser(core)
    await core.users.disable(user.id, by="boss")
    disabled = (403, "account_disabled", None)
    assert refusal(await browser.sign_in()) == disabled
    assert await links(core) == []
    await core.users.enable(user.id, by="boss")
    assert (await browser.sign_in()).status_code == 200
    await core.users.disable(user.id, by="boss")
    assert (await browser.post("renew")).json()["code"] == "session_ended"
    assert refusal(await browser.sign_in()) == disabled


async def test_who_signs_in_while_the_link_is_removed_has_proved_nothing(core: Server, google: Provider) -> None:
    user = await add(core)
    assert core.openid is not None
    begun = await core.openid.begin()
    back = await Browser(core).visit(begun.address)
    proof = await core.openid.user_of(openid.Returned(back["code"], back["state"], back["iss"]), begun.secret, "")
    await core.users.set_password(user.id, await core.passwords.hash(PASSWORD, ()), by="boss")
    with pytest.raises(SignInRefused):
        await core.user_sessions.begin(user.id, kind="page", method="openid", proof=proof)


# ---------------------------------------------------------------- tokens


def unsigned(claims: Claims) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "first"})


async def test_a_token_that_is_not_the_provider_s_for_this_sign_in_is_refused(core: Server, google: Provider) -> None:
    await add(core)
    browser = Browser(core)
    public = google.keys["first"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())

    def with_public_key(claims: Claims) -> str:
        # PyJWT refuses to sign so; an attacker does not.
        head, body = b'{"alg":"HS256","typ":"JWT","kid":"first"}', msgspec.json.encode(claims)
        signed = f"{text_of(head)}.{text_of(body)}"
        return f"{signed}.{text_of(hmac.digest(pem, signed.encode(), 'sha256'))}"

    def stranger(kid: str) -> Any:
        return lambda claims: jwt.encode(claims, ELSEWHERE, algorithm="RS256", headers={"kid": kid})

    signed_otherwise = {
        "alg none": unsigned,
        "HS256 with the public key": with_public_key,
        "another key": stranger("first"),
        "an unknown key": stranger("of nobody"),
        "no key's name": lambda claims: jwt.encode(claims, google.keys["first"], algorithm="RS256"),
        "no token": lambda _: "x",
        "three dots": lambda _: "...",
        "no claims": lambda _: jwt.PyJWS().encode(b"[]", google.keys["first"], "RS256", {"kid": "first"}),
    }
    for name, sign in signed_otherwise.items():
        google.sign = sign
        assert refusal(await browser.sign_in()) == AGAIN, name
    google.sign = google.signed
    for changes in (
        {"iss": "https://evil.example"},
        {"iss": google.url + "/"},
        {"iss": LEAVE_OUT},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": LEAVE_OUT},
        {"aud": LEAVE_OUT},
        {"azp": "another client"},
        {"exp": now - 60},
        {"exp": LEAVE_OUT},
        {"exp": "never"},
        {"iat": LEAVE_OUT},
        {"iat": now + 3600},
        {"nbf": now + 3600},
        {"nonce": LEAVE_OUT},
        {"nonce": ""},
        {"nonce": "of another sign-in"},
        {"sub": LEAVE_OUT},
        {"sub": ""},
        {"sub": 7},
        {"sub": "1" * 256},
        {"sub": "\0"},
        {"at_hash": "of another token"},
    ):
        google.changes = changes
        assert refusal(await browser.sign_in()) == AGAIN, changes
    assert await links(core) == []
    google.changes = {}
    assert (await browser.sign_in()).status_code == 200


# ---------------------------------------------------------------- browsers, states and codes


async def test_a_state_counts_once_and_in_the_browser_that_began(core: Server, google: Provider) -> None:
    await add(core)
    anna, eve = Browser(core), Browser(core)
    # Eve sends Anna to where Eve has begun, so that Anna would go on as Eve.
    begun_by_eve = await eve.returned()
    assert refusal(await anna.post("openid", begun_by_eve)) == AGAIN
    await anna.begin()
    assert refusal(await anna.post("openid", begun_by_eve)) == AGAIN
    assert refusal(await eve.post("openid", begun_by_eve)) == AGAIN, "somebody has tried it already"
    assert TOKEN not in google.asked, "the code is not even sent on"

    back = await anna.returned()
    cookie = f"{SECRET}={anna.http.cookies[SECRET]}"
    answers = await asyncio.gather(*(Browser(core).post("openid", back, Cookie=cookie) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    challenge = text_of(await core.passkeys._challenges.issue("passkey-sign-in"))  # noqa: SLF001
    for state in ("made up", "ü", challenge, "x" * 64):
        assert refusal(await anna.post("openid", {**back, "state": state})) == AGAIN
    assert (await anna.post("openid", {**back, "state": "x" * 65})).json()["code"] == "bad_request"


async def test_a_code_is_worth_nothing_in_another_sign_in(core: Server, google: Provider) -> None:
    user = await add(core)
    eve = Browser(core)
    stolen = (await Browser(core).returned())["code"]
    assert refusal(await eve.post("openid", {**await eve.returned(), "code": stolen})) == AGAIN, "PKCE"
    google.checks_pkce = False
    stolen = (await Browser(core).returned())["code"]
    assert refusal(await eve.post("openid", {**await eve.returned(), "code": stolen})) == AGAIN, "the nonce"
    google.checks_pkce = True
    used = await eve.returned()
    assert (await eve.post("openid", used)).json()["user_id"] == user.id
    assert refusal(await eve.post("openid", {**await eve.returned(), "code": used["code"]})) == AGAIN, "used"


async def test_an_answer_of_another_provider_is_refused_before_it_gets_the_code(core: Server, google: Provider) -> None:
    await add(core)
    browser = Browser(core)
    for issuer in ("https://evil.example", google.url + "/", "", None):
        back = await browser.returned()
        sent = {name: value for name, value in {**back, "iss": issuer}.items() if value is not None}
        assert refusal(await browser.post("openid", sent)) == AGAIN, issuer
    assert TOKEN not in google.asked


async def test_a_sign_in_ends_the_session_that_was_put_into_the_browser(core: Server, google: Provider) -> None:
    await add(core)
    eve = await add(core, About(name="Eve", email="eve@rex.example"))
    browser = Browser(core)
    assert (await browser.post("password", {"email": eve.email, "password": PASSWORD})).status_code == 200
    planted = browser.http.cookies[SESSION]
    assert (await browser.sign_in()).json()["name"] == ANNA.name
    assert browser.http.cookies[SESSION] != planted
    again = await Browser(core).post("renew", Cookie=f"{SESSION}={planted}")
    assert again.json()["code"] == "session_ended"


async def test_no_other_site_s_page_begins_or_ends_a_sign_in(core: Server, google: Provider) -> None:
    await add(core)
    browser = Browser(core)
    back = await browser.returned()
    for origin in ("https://evil.example", "null", google.url):
        for path, body in (("openid/begin", None), ("openid", back)):
            answer = await browser.post(path, body, Origin=origin)
            assert refusal(answer) == (403, "origin_refused", None)
            assert "set-cookie" not in answer.headers
    assert (await browser.post("openid", back)).status_code == 200


async def test_the_address_to_come_back_to_is_ours_whatever_the_request_says(core: Server, google: Provider) -> None:
    browser = Browser(core)
    headers = {"X-Forwarded-Host": "evil.example", "Referer": "https://evil.example/", "X-Forwarded-Proto": "http"}
    answer = await browser.http.post(
        "/api/v1/sign-in/openid/begin?redirect_uri=https://evil.example&next=//evil.example", headers=headers
    )
    address = answer.json()["address"]
    assert address.startswith(google.url) and "evil" not in address


async def test_tries_are_counted_like_those_of_passwords(core: Server, brisk: Settings, stopped_clock: None) -> None:
    core.shares._settings = dataclasses.replace(brisk, network_passwords_per_min=3, unlimited=())  # noqa: SLF001
    eve = Browser(core, "198.51.100.9")
    await eve.begin()
    made_up = {"code": "x", "state": "x"}
    codes = [refusal(await eve.post("openid", made_up))[1] for _ in range(4)]
    assert codes == ["openid_refused", "openid_refused", "openid_refused", "too_many"]

    codes = []
    for network in range(4):
        eve = Browser(core, f"2001:db8:7:{network}::1")
        await eve.begin()
        codes.append(refusal(await eve.post("openid", made_up))[1])
    assert codes == ["openid_refused", "openid_refused", "openid_refused", "too_many"], "networks of one IPv6 site"


# ---------------------------------------------------------------- a provider that is away or not itself


def huge(request: Any) -> None:
    request.never_end(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" " * 65536)


def huge_head(request: Any) -> None:
    request.never_end(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n")


WRONG = {
    "an error": lambda request: request.answer({"error": "server_error"}, 500),
    "no JSON": lambda request: request.answer(b"<html>"),
    "another form": lambda request: request.answer([]),
    "deep JSON": lambda request: request.answer(b"[" * 200_000),
    "a redirect": lambda request: request.redirect(request.provider.url + DISCOVERY),
    "an endless body": huge,
    "an endless head": huge_head,
    "a closed connection": lambda request: request.hang_up(),
}


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN, KEYS])
async def test_a_provider_that_answers_otherwise_is_one_clear_error_and_passwords_still_work(
    core: Server, google: Provider, path: str
) -> None:
    user = await add(core)
    browser = Browser(core)
    assert core.openid is not None
    for name, wrong in WRONG.items():
        provider = core.openid._provider  # noqa: SLF001
        provider._documents.forget_all()  # noqa: SLF001
        provider._last = provider._keys = None  # noqa: SLF001
        google.instead = {path: wrong}
        if path == DISCOVERY:
            assert refusal(await browser.post("openid/begin")) == AWAY, name
        else:
            assert refusal(await browser.sign_in()) == AWAY, name
    assert google.sent < MUCH, "of an endless answer little more is read than may be kept"
    answer = await browser.post("password", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    google.instead = {}
    provider._keys = None  # noqa: SLF001
    assert (await browser.sign_in()).status_code == 200


async def test_a_provider_that_is_slow_or_down_holds_nobody_up_for_long(brisk: Settings, google: Provider) -> None:
    changes = {**google.settings(), "public_url": URL, "openid_ms": 300, "duties": False}
    async with opened(dataclasses.replace(brisk, **changes)) as core:
        browser = Browser(core)
        assert core.openid is not None
        ask = core.openid._provider.address_for  # noqa: SLF001
        google.instead[DISCOVERY] = lambda request: request.say_nothing()
        asking = (ask(state="a", nonce="b", verifier="c" * 43) for _ in range(5))
        assert {type(found) for found in await asyncio.gather(*asking, return_exceptions=True)} == {ProviderAway}
        assert google.asked.count(DISCOVERY) <= 1, "they ask once, together"
        assert refusal(await browser.post("openid/begin")) == AWAY
        google.instead[DISCOVERY] = lambda request: request.drip()
        assert refusal(await browser.post("openid/begin")) == AWAY


async def test_a_discovery_document_of_somebody_else_is_not_believed(core: Server, google: Provider) -> None:
    browser = Browser(core)
    for changes in (
        {"issuer": "https://evil.example"},
        {"issuer": google.url + "/"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://[broken"},
        {"token_endpoint": None},
    ):
        about = {**google.about(), **changes}
        google.instead[DISCOVERY] = lambda request, about=about: request.answer(about)  # type: ignore[misc]
        assert refusal(await browser.post("openid/begin")) == AWAY, changes


async def test_a_wrong_secret_is_the_operator_s_mistake_and_not_the_user_s(brisk: Settings, google: Provider) -> None:
    changes = {**google.settings(), "public_url": URL, "duties": False, "openid_client_secret": "outdated"}
    async with opened(dataclasses.replace(brisk, **changes)) as core:
        assert refusal(await Browser(core).sign_in()) == AWAY


async def test_a_provider_may_want_the_secret_in_the_header_and_not_say_who_it_is(
    core: Server, google: Provider
) -> None:
    await add(core)
    about = google.about()
    del about["token_endpoint_auth_methods_supported"], about["authorization_response_iss_parameter_supported"]
    google.instead[DISCOVERY] = lambda request: request.answer(about)
    seen = []

    def exchange(request: Any) -> None:
        seen.append(request.headers["authorization"])
        form = dict(parse_qsl(request.form))
        secret = google.settings()["openid_client_secret"]
        status, answer = google.exchange({**form, "client_id": CLIENT_ID, "client_secret": secret})
        request.answer(answer, status)

    google.instead[TOKEN] = exchange
    browser = Browser(core)
    back = await browser.returned()
    del back["iss"]
    assert (await browser.post("openid", back)).status_code == 200
    assert seen[0].startswith("Basic ")
