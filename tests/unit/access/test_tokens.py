"""Promises of the tokens, with real keys made here and a key set served on this machine."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access import keys
from seatserver.access.tokens import MAX_TOKEN_CHARS, PUBLIC, Identity, Tokens
from seatserver.config import Settings
from seatserver.errors import BadRequest, ConfigError, Forbidden, Unauthorized, Unavailable

pytestmark = pytest.mark.clock

SECRET = "a secret of these tests, long enough for HS256"
SETTINGS = config.load({}, token_secret=SECRET, guest_scopes=("watch", "hold"))

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
JWK_OF: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


@pytest.fixture(scope="module")
def private_keys() -> dict[str, Private]:
    """One fresh private key of every accepted kind."""
    return {
        "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def pem_of(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(**changes: Any) -> dict[str, Any]:
    made = {"iss": "seatserver", "aud": "seatserver", "sub": "ann", "exp": int(time.time()) + 60, "scope": "watch hold"}
    made.update(changes)
    return {name: value for name, value in made.items() if value is not None}


def signed(key: Any, algorithm: str, kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def key_set(**named: tuple[str, Private]) -> dict[str, Any]:
    made = []
    for kid, (algorithm, key) in named.items():
        fields = JWK_OF[algorithm].to_jwk(key.public_key(), as_dict=True)
        made.append({**fields, "kid": kid, "alg": algorithm, "use": "sig"})
    return {"keys": made}


async def refusal(tokens: Tokens, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        await tokens.verify(token)
    return caught.value.message


async def test_a_minted_token_verifies_with_its_user_scopes_and_expiry() -> None:
    tokens = Tokens(SETTINGS)
    before = time.time()
    identity = await tokens.verify(tokens.mint("ann", ["hold", "watch"], 60))
    assert (identity.user_id, set(identity.scopes)) == ("ann", {"watch", "hold"})
    assert before * 1000 + 58_000 <= identity.expires_at_ms <= time.time() * 1000 + 60_000


async def test_a_guest_s_token_has_the_configured_scopes() -> None:
    tokens = Tokens(SETTINGS)
    token, identity = tokens.guest("guest:one")
    assert await tokens.verify(token) == identity
    assert identity.user_id == "guest:one"
    assert identity.scopes == {"watch", "hold"}


def test_without_configuration_there_are_no_guests_and_no_minting() -> None:
    with pytest.raises(Unauthorized, match="does not allow guests"):
        Tokens(config.load({}, token_secret=SECRET)).guest("guest:one")
    with pytest.raises(ConfigError, match="SEATSERVER_TOKEN_SECRET is not set"):
        Tokens(config.load({})).mint("ann", ["watch"], 60)


def test_minting_an_unknown_scope_names_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="there is no scope 'fly'; expected one of watch, hold, claim"):
        Tokens(SETTINGS).mint("ann", ["fly"], 60)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": 1}, "the token has expired"),
        ({"exp": None}, "the token lacks the claim 'exp'"),
        ({"aud": "another"}, "the token is for another audience; expected 'seatserver'"),
        ({"aud": None}, "the token lacks the claim 'aud'"),
        ({"iss": "another"}, "the token is from an unknown issuer"),
        ({"iss": None}, "the token lacks the claim 'iss'"),
        ({"sub": None}, "the token lacks the claim 'sub'"),
        ({"sub": ""}, "the token's user (`sub`) is not a printable name"),
        ({"sub": "a\nb"}, "the token's user (`sub`) is not a printable name"),
        ({"sub": "x" * 129}, "the token's user (`sub`) is longer than 128 characters"),
        ({"nbf": 2**40}, "the token is not valid yet"),
        ({"exp": float("inf")}, "the token cannot be read"),
        ({"exp": "soon"}, "the token cannot be read"),
        ({"scope": 7}, "the token's scopes are neither a text nor a list"),
        *(
            (
                {"channel": channel},
                "the token's sales channel (`channel`) is not a valid name: "
                "expected 1 to 64 letters, digits, '-' or '_', a letter or digit first",
            )
            for channel in (7, "box office", "-kiosk", "kiosk\n", "k" * 65)
        ),
    ],
)
async def test_an_invalid_token_is_refused_with_the_reason(changes: dict[str, Any], message: str) -> None:
    assert await refusal(Tokens(SETTINGS), signed(SECRET, "HS256", **changes)) == message


async def test_a_token_sells_for_its_channel_or_else_for_the_public() -> None:
    tokens = Tokens(SETTINGS)
    assert (await tokens.verify(tokens.mint("ann", ["hold"], 60, "box-office"))).channel == "box-office"
    assert (await tokens.verify(tokens.mint("ann", ["hold"], 60))).channel == PUBLIC
    assert (await tokens.verify(signed(SECRET, "HS256", channel=""))).channel == PUBLIC
    assert tokens.guest("guest:one")[1].channel == PUBLIC
    with pytest.raises(BadRequest, match=r"channel is 'box office': expected 1 to 64 letters") as caught:
        tokens.mint("ann", ["hold"], 60, "box office")
    assert caught.value.facts == {"where": "channel"}


async def test_scopes_may_be_a_list_and_foreign_ones_are_ignored() -> None:
    token = signed(SECRET, "HS256", scope=None, scopes=["hold", "mail.read", 7])
    assert (await Tokens(SETTINGS).verify(token)).scopes == {"hold"}


async def test_a_token_says_in_milliseconds_when_it_was_issued() -> None:
    tokens = Tokens(SETTINGS)
    now_ms = time.time_ns() // 1_000_000
    assert (await tokens.verify(tokens.mint("ann", ["watch"], 60, issued_at_ms=now_ms))).issued_at_ms == now_ms
    assert (await tokens.verify(tokens.mint("ann", ["watch"], 60))).issued_at_ms >= now_ms


@pytest.mark.parametrize(
    ("issued", "ms"), [(1000, 1_000_000), (1000.5, 1_000_500), ("1000", 1_000_000), (-1e308, 0), (0.0, 0)]
)
async def test_whatever_a_token_says_about_its_issue_is_read(issued: Any, ms: int) -> None:
    assert (await Tokens(SETTINGS).verify(signed(SECRET, "HS256", iat=issued))).issued_at_ms == ms


async def test_a_token_of_another_secret_is_refused() -> None:
    assert "signature" in await refusal(Tokens(SETTINGS), signed("another secret, also long enough for it", "HS256"))


async def test_a_token_without_a_signature_is_refused() -> None:
    assert "not signed with a key" in await refusal(Tokens(SETTINGS), jwt.encode(claims(), "", algorithm="none"))


async def test_a_token_that_demands_to_be_understood_in_an_unknown_way_is_refused() -> None:
    demanding = jwt.encode(claims(), SECRET, algorithm="HS256", headers={"crit": ["mark"], "mark": "one use only"})
    assert await refusal(Tokens(SETTINGS), demanding)  # RFC 7515, section 4.1.11


async def test_a_token_that_is_too_long_is_refused_unread() -> None:
    assert "longer than 4096" in await refusal(Tokens(SETTINGS), "x" * (MAX_TOKEN_CHARS + 1))


@given(
    st.text(max_size=300) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode() + ".e30.x")
)
async def test_any_text_is_refused_without_an_unexpected_error(text: str) -> None:
    with pytest.raises(Unauthorized):
        await Tokens(SETTINGS).verify(text)


async def test_a_deeply_nested_header_is_refused() -> None:
    header = base64.urlsafe_b64encode(b"[" * 2900).decode()
    assert "not a token" in await refusal(Tokens(SETTINGS), f"{header}.e30.x")


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_partners_public_key_decides_the_algorithm(
    algorithm: str, private_keys: dict[str, Private], tmp_path: Path
) -> None:
    key = private_keys[algorithm]
    path = tmp_path / "partner.pem"
    path.write_bytes(pem_of(key))
    tokens = Tokens(dataclasses.replace(SETTINGS, token_public_key_file=str(path)))
    assert (await tokens.verify(signed(key, algorithm))).user_id == "ann"
    for other, foreign in private_keys.items():
        if other != algorithm:
            assert "not signed with a key" in await refusal(tokens, signed(foreign, other))


async def test_a_public_key_used_as_an_hmac_secret_does_not_pass(
    private_keys: dict[str, Private], tmp_path: Path
) -> None:
    path = tmp_path / "partner.pem"
    path.write_bytes(pem_of(private_keys["RS256"]))
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(claims()).encode()]
    body = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(path.read_bytes(), body, hashlib.sha256)).rstrip(b"=")
    forged = (body + b"." + signature).decode()
    for settings in (config.load({}, token_public_key_file=str(path)), SETTINGS):
        tokens = Tokens(dataclasses.replace(settings, token_public_key_file=str(path)))
        assert await refusal(tokens, forged)


def small_rsa() -> bytes:
    return pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))


def wrong_curve() -> bytes:
    return pem_of(ec.generate_private_key(ec.SECP384R1()))


def private_half() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert load_pem_private_key(pem, None)
    return pem


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (small_rsa, "contains an RSA key of 1024 bits"),
        (wrong_curve, "contains a key on the curve secp384r1"),
        (private_half, "contains no public key"),
        (lambda: b"hello", "contains no public key"),
    ],
)
def test_a_key_file_that_cannot_be_used_stops_the_start(make: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(make())
    with pytest.raises(ConfigError, match=message):
        Tokens(config.load({}, token_public_key_file=str(path)))


def test_a_missing_key_file_stops_the_start(tmp_path: Path) -> None:
    for setting in ("token_public_key_file", "token_jwks"):
        with pytest.raises(ConfigError, match="No such file"):
            Tokens(config.load({}, **{setting: str(tmp_path / "none")}))


async def test_a_key_set_in_a_file_is_looked_up_by_kid_only(private_keys: dict[str, Private], tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    document = key_set(**{f"k-{name}": (name, key) for name, key in private_keys.items()})
    document["keys"].append({"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(SECRET.encode()).decode()})
    path.write_text(json.dumps(document))
    tokens = Tokens(dataclasses.replace(SETTINGS, token_jwks=str(path)))
    for algorithm, key in private_keys.items():
        assert (await tokens.verify(signed(key, algorithm, kid=f"k-{algorithm}"))).user_id == "ann"
        assert "not signed with a key" in await refusal(tokens, signed(key, algorithm))
    assert "signature" in await refusal(tokens, signed(private_keys["RS256"], "RS256", kid="k-ES256"))
    assert "key set" in await refusal(tokens, signed(private_keys["RS256"], "RS256", kid="k-none"))
    assert "key set" in await refusal(tokens, signed(SECRET, "HS256", kid="shared"))
    assert (await tokens.verify(signed(SECRET, "HS256"))).user_id == "ann"


async def test_an_unusable_key_in_a_set_does_not_affect_the_others(
    private_keys: dict[str, Private], tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    document = key_set(sound=("ES256", private_keys["ES256"]))
    strange: list[dict[str, object]] = [
        {"alg": "none"},
        {"kty": "EC", "crv": ["x"]},
        {"kty": "AKP"},
        {"kty": "OKP", "crv": "X", "x": "%"},
        {},
    ]
    document["keys"] = [{"kid": "sound", "kty": "RSA", **fields} for fields in strange] + document["keys"]
    path.write_text(json.dumps(document))
    tokens = Tokens(dataclasses.replace(SETTINGS, token_jwks=str(path)))
    assert (await tokens.verify(signed(private_keys["ES256"], "ES256", kid="sound"))).user_id == "ann"


@pytest.mark.parametrize("content", ["", "[]", '{"keys": 1}', '{"keys": []}', '{"keys": [{"kty": "RSA", "kid": "a"}]}'])
def test_a_key_set_file_without_usable_keys_stops_the_start(content: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="SEATSERVER_TOKEN_JWKS"):
        Tokens(config.load({}, token_jwks=str(path)))


class Issuer:
    """A partner's key set on a port of this machine; counts its visitors."""

    def __init__(self) -> None:
        self.document: bytes | None = b"{}"
        self.visits = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.visits += 1
                issuer.may_answer.wait()
                self.send_response(200 if issuer.document is not None else 503)
                self.end_headers()
                self.wfile.write(issuer.document or b"")

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


def by_issuer(issuer: Issuer) -> Settings:
    return dataclasses.replace(SETTINGS, token_jwks=issuer.url)


def served(issuer: Issuer, **named: tuple[str, Private]) -> Tokens:
    """Verifies by these keys, which the issuer serves from now on."""
    issuer.document = json.dumps(key_set(**named)).encode()
    return Tokens(by_issuer(issuer))


async def test_a_served_key_set_is_fetched_once_for_many(issuer: Issuer, private_keys: dict[str, Private]) -> None:
    key = private_keys["ES256"]
    tokens = served(issuer, one=("ES256", key))
    identities = await asyncio.gather(*(tokens.verify(signed(key, "ES256", kid="one")) for _ in range(20)))
    assert {identity.user_id for identity in identities} == {"ann"}
    assert issuer.visits == 1


async def test_many_unknown_keys_cost_the_issuer_one_request(
    issuer: Issuer, private_keys: dict[str, Private], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = private_keys["ES256"]
    tokens = served(issuer, one=("ES256", key))
    for number in range(5):
        assert "not in the issuer's key set" in await refusal(tokens, signed(key, "ES256", kid=f"made up {number}"))
    assert issuer.visits == 1
    # Later the partner has a new key: it is found as soon as asking again is allowed.
    issuer.document = json.dumps(key_set(two=("ES256", key))).encode()
    monkeypatch.setattr(keys, "REFRESH_S", 0)
    assert (await tokens.verify(signed(key, "ES256", kid="two"))).user_id == "ann"
    assert "not in the issuer's key set" in await refusal(tokens, signed(key, "ES256", kid="one"))


@pytest.mark.parametrize("document", [None, b"no json", b"{}", b'{"keys": [' + b" " * keys.MAX_KEY_SET_BYTES + b"]}"])
async def test_an_issuer_that_never_answered_is_unavailable(
    document: bytes | None, issuer: Issuer, private_keys: dict[str, Private]
) -> None:
    issuer.document = document
    tokens = Tokens(by_issuer(issuer))
    with pytest.raises(Unavailable):
        await tokens.verify(signed(private_keys["ES256"], "ES256", kid="one"))


async def test_known_keys_stay_valid_during_an_outage_of_their_issuer(
    issuer: Issuer, private_keys: dict[str, Private], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = private_keys["EdDSA"]
    tokens = served(issuer, one=("EdDSA", key))
    token = signed(key, "EdDSA", kid="one")
    await tokens.verify(token)
    monkeypatch.setattr(keys, "KEEP_S", 0)
    monkeypatch.setattr(keys, "REFRESH_S", 0)
    issuer.document = None
    assert (await tokens.verify(token)).user_id == "ann"
    assert issuer.visits == 2


async def test_an_issuer_that_fails_is_not_asked_for_each_made_up_key(
    issuer: Issuer, private_keys: dict[str, Private]
) -> None:
    issuer.document = None
    tokens = Tokens(by_issuer(issuer))
    made_up = [signed(private_keys["ES256"], "ES256", kid=f"made up {number}") for number in range(20)]
    answers = await asyncio.gather(*(tokens.verify(token) for token in made_up), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert issuer.visits == 1


async def test_a_known_key_does_not_wait_while_an_unknown_one_is_looked_for(
    issuer: Issuer, private_keys: dict[str, Private], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = private_keys["ES256"]
    tokens = served(issuer, one=("ES256", key))
    token = signed(key, "ES256", kid="one")
    await tokens.verify(token)
    monkeypatch.setattr(keys, "REFRESH_S", 0)
    issuer.may_answer.clear()
    looking = asyncio.create_task(tokens.verify(signed(key, "ES256", kid="made up")))
    while issuer.visits < 2:  # noqa: ASYNC110 - the issuer is asked from a thread
        await asyncio.sleep(0.01)
    assert (await tokens.verify(token)).user_id == "ann"
    assert not looking.done()
    issuer.may_answer.set()
    with pytest.raises(Unauthorized, match="not in the issuer's key set"):
        await looking


async def test_one_who_gives_up_does_not_take_the_keys_from_the_others(
    issuer: Issuer, private_keys: dict[str, Private]
) -> None:
    key = private_keys["ES256"]
    tokens = served(issuer, one=("ES256", key))
    token = signed(key, "ES256", kid="one")
    first = asyncio.create_task(tokens.verify(token))
    await asyncio.sleep(0)
    first.cancel()
    assert (await tokens.verify(token)).user_id == "ann"
    assert issuer.visits == 1
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize(
    "url",
    ["http://keys.example/jwks", "ftp://127.0.0.1/jwks", "https://", "http://127.0.0.1.example/x", "https://[::1"],
)
def test_a_key_set_comes_over_https_or_from_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="SEATSERVER_TOKEN_JWKS is neither"):
        Tokens(config.load({}, token_jwks=url))
    assert Tokens(config.load({}, token_jwks="https://keys.example/jwks"))


def test_scopes_imply_each_other_and_a_missing_one_is_forbidden() -> None:
    def identity(*scopes: str) -> Identity:
        return Identity("ann", frozenset(scopes), 0)

    assert all(identity("admin").may(scope) for scope in config.SCOPES)
    assert identity("book").may("claim")
    assert not identity("book").may("settle")
    assert identity("hold").may("watch")
    assert not identity("watch").may("hold")
    identity("hold").require("watch", "watching")
    with pytest.raises(Forbidden, match="holding seats needs the scope 'hold'"):
        identity("watch").require("hold", "holding seats")
