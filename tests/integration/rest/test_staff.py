"""The accounts of staff over REST: users, their roles, passwords and passkeys, and tokens by OAuth."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest

from seatserver.accounts.challenges import Challenges
from seatserver.accounts.passkeys import Passkeys
from seatserver.app import build_app
from seatserver.server import Server
from tests.integration.contract import Contract
from tests.integration.device import Device
from tests.integration.rest.support import Rest, check_all_succeeded, code
from tests.support.openid import Provider

ANNA = {"name": "Anna Bauer", "email": "anna@rex.example", "roles": ["box-office"], "channel": "till"}

PASSWORD = "vierzehn blaue Ziegel"


async def test_staff_are_added_listed_changed_and_disabled(empty: Rest) -> None:
    boss = "boss:admin"
    made = await empty.ask("POST", "/users", boss, json={**ANNA, "password": PASSWORD})
    anna = made.json()
    assert made.status_code == 201
    assert (anna["scopes"], anna["has_password"]) == (["hold", "book", "settle"], True)
    assert code(await empty.ask("POST", "/users", boss, json=ANNA)) == (409, "conflict")
    weak = await empty.ask("POST", "/users", boss, json={**ANNA, "email": "b@rex.example", "password": "short"})
    assert (code(weak), weak.json()["facts"]) == ((400, "bad_request"), {"where": "password"})
    path = f"/users/{anna['id']}"
    assert (await empty.ask("GET", path, boss)).json() == anna
    assert (await empty.ask("GET", "/users", boss)).json() == {"users": [anna], "next": None}
    changed = (await empty.ask("PUT", path, boss, json={**ANNA, "roles": ["usher"]})).json()
    assert changed == {**anna, "roles": ["usher"], "scopes": ["admit"]}
    greeter = (await empty.ask("PUT", "/roles/greeter", boss, json={"scopes": ["admit"]})).json()
    assert greeter in (await empty.ask("GET", "/roles", boss)).json()["roles"]
    assert code(await empty.ask("PUT", "/roles/No Role", boss, json={"scopes": ["admit"]})) == (400, "bad_request")
    other = "drei Kamele rudern weit"
    assert (await empty.ask("POST", f"{path}/password", boss, json={"password": other})).json()["has_password"]
    disabled = (await empty.ask("POST", f"{path}/disable", boss)).json()
    assert disabled["disabled_by"] == "boss"
    assert (await empty.ask("POST", f"{path}/enable", boss)).json()["disabled_by"] is None
    assert (await empty.ask("POST", f"{path}/sign-out", boss)).status_code == 200
    assert (await empty.ask("GET", f"{path}/sessions", boss)).json() == {"sessions": []}
    for unknown in ("/users/staff:aaaaaaaaaaaaaaaa", "/users/%00", f"/users/{'x' * 300}"):
        assert code(await empty.ask("GET", unknown, boss)) == (404, "not_found")


async def test_users_and_keys_get_tokens_by_oauth(empty: Rest) -> None:
    anna = (await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})).json()
    form = {"grant_type": "password", "username": "Anna@rex.example", "password": PASSWORD, "scope": "hold"}
    answer = await empty.ask("POST", "/oauth/token", data=form)
    granted = answer.json()
    assert (granted["token_type"], granted["expires_in"], granted["scope"]) == ("Bearer", 300, "hold")
    assert answer.headers["cache-control"] == "no-store"
    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    fresh = (await empty.ask("POST", "/oauth/token", data=again)).json()
    own = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert (await empty.ask("GET", "/bookings", headers=own)).json()["bookings"] == []
    [session] = (await empty.ask("GET", f"/users/{anna['id']}/sessions", "boss:admin")).json()["sessions"]
    assert (session["kind"], session["method"], session["ended_at_ms"]) == ("program", "password", None)
    assert (await empty.ask("POST", "/oauth/revoke", data={"token": fresh["refresh_token"]})).json() == {}
    assert code(await empty.ask("GET", "/bookings", headers=own)) == (401, "revoked")
    key, about = await empty.core.api_keys.create(name="Till", user_id="till", scopes=("hold", "book"), by="boss")
    client = {"grant_type": "client_credentials", "client_id": about.id, "client_secret": key}
    token = (await empty.ask("POST", "/oauth/token", data={**client, "scope": "hold"})).json()
    assert "refresh_token" not in token
    identity = await empty.core.credentials.verify(token["access_token"])
    assert (identity.user_id, identity.key_id, set(identity.scopes)) == ("till", about.id, {"hold"})


async def test_a_user_changes_their_own_password_with_the_current_one(empty: Rest) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    form = {"grant_type": "password", "username": ANNA["email"], "password": PASSWORD}
    token = (await empty.ask("POST", "/oauth/token", data=form)).json()["access_token"]
    own = {"Authorization": f"Bearer {token}"}
    new = "drei Kamele rudern weit"
    wrong = await empty.ask("POST", "/users/self/password", headers=own, json={"current": new, "password": new})
    assert code(wrong) == (401, "sign_in_refused")
    right = {"current": PASSWORD, "password": new}
    assert (await empty.ask("POST", "/users/self/password", headers=own, json=right)).status_code == 200
    assert code(await empty.ask("POST", "/users/self/password", headers=own, json=right)) == (401, "revoked")
    assert (await empty.ask("POST", "/oauth/token", data={**form, "password": new})).status_code == 200
    assert code(await empty.ask("POST", "/users/self/password", "ann", json=right)) == (404, "not_found")
    fresh = (await empty.ask("POST", "/oauth/token", data={**form, "password": new})).json()["access_token"]
    own = {"Authorization": f"Bearer {fresh}"}
    assert (await empty.ask("POST", "/users/self/sign-out", headers=own)).json()["email"] == ANNA["email"]
    assert code(await empty.ask("POST", "/users/self/sign-out", headers=own)) == (401, "revoked")


OWN_PAGE = {"Origin": "http://test"}


async def test_a_page_signs_in_stays_signed_in_and_signs_out(empty: Rest) -> None:
    assert (await empty.ask("GET", "/sign-in")).json() == {"password": False, "passkeys": False, "openid": None}
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    assert (await empty.ask("GET", "/sign-in")).json() == {"password": True, "passkeys": False, "openid": None}
    right = {"email": "Anna@rex.example", "password": PASSWORD}
    wrong = await empty.ask("POST", "/sign-in/password", headers=OWN_PAGE, json={**right, "password": "x"})
    assert code(wrong) == (401, "sign_in_refused")
    assert code(await empty.ask("POST", "/sign-in/renew", headers=OWN_PAGE)) == (401, "session_ended")
    answer = await empty.ask("POST", "/sign-in/password", headers=OWN_PAGE, json=right)
    assert (answer.json()["name"], answer.json()["scopes"]) == ("Anna Bauer", ["hold", "book", "settle"])
    cookie = {**OWN_PAGE, "Cookie": answer.headers["set-cookie"].partition(";")[0]}
    renewed = await empty.ask("POST", "/sign-in/renew", headers=cookie)
    assert "set-cookie" not in renewed.headers
    own = {"Authorization": f"Bearer {renewed.json()['token']}"}
    assert (await empty.ask("GET", "/bookings", headers=own)).status_code == 200
    assert (await empty.ask("POST", "/sign-in/out", headers=cookie)).json() == {}
    assert code(await empty.ask("POST", "/sign-in/renew", headers=cookie)) == (401, "session_ended")
    assert code(await empty.ask("GET", "/bookings", headers=own)) == (401, "revoked")


async def test_without_a_public_address_there_are_no_passkeys(empty: Rest) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    assert code(await empty.ask("POST", "/sign-in/passkey/begin", headers=OWN_PAGE)) == (409, "conflict")
    answer = {"id": "Zm9v", "client_data": "Zm9v", "authenticator_data": "Zm9v", "signature": "Zm9v"}
    assert code(await empty.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=answer)) == (409, "conflict")
    signed_in = await empty.ask(
        "POST", "/sign-in/password", headers=OWN_PAGE, json={"email": ANNA["email"], "password": PASSWORD}
    )
    own = {"Authorization": f"Bearer {signed_in.json()['token']}"}
    assert (await empty.ask("GET", "/users/self/passkeys", headers=own)).json() == {"passkeys": []}
    assert code(await empty.ask("POST", "/users/self/passkeys/begin", headers=own)) == (409, "conflict")
    made = {"name": "Phone", "id": "Zm9v", "client_data": "Zm9v", "attestation": "Zm9v"}
    assert code(await empty.ask("POST", "/users/self/passkeys", headers=own, json=made)) == (409, "conflict")
    assert code(await empty.ask("POST", "/users/self/passkeys/Zm9v/remove", headers=own)) == (404, "not_found")
    assert code(await empty.ask("GET", "/users/self/passkeys", "boss:admin")) == (401, "unauthorized")


async def test_a_user_makes_uses_and_removes_a_passkey(empty: Rest, contract: Contract) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    core, device = empty.core, Device("http://test")
    public = dataclasses.replace(core.settings, public_url="http://test")
    core.passkeys = Passkeys(public, core.database, Challenges(core.redis))
    hooks = {"response": [contract.check]}
    transport = httpx.ASGITransport(build_app(core))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
        rest = Rest(core, http)
        right = {"email": ANNA["email"], "password": PASSWORD}
        signed_in = (await rest.ask("POST", "/sign-in/password", headers=OWN_PAGE, json=right)).json()
        own = {"Authorization": f"Bearer {signed_in['token']}"}
        options = (await rest.ask("POST", "/users/self/passkeys/begin", headers=own)).json()["public_key"]
        body = {"name": "Phone", **msgspec.to_builtins(device.make(options))}
        made = (await rest.ask("POST", "/users/self/passkeys", headers=own, json=body)).json()
        assert (await rest.ask("GET", "/users/self/passkeys", headers=own)).json() == {"passkeys": [made]}
        options = (await rest.ask("POST", "/sign-in/passkey/begin", headers=OWN_PAGE)).json()["public_key"]
        signed = msgspec.to_builtins(device.sign(options, signed_in["user_id"]))
        answer = await rest.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=signed)
        assert (answer.status_code, answer.json()["user_id"]) == (200, signed_in["user_id"])
        again = await rest.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=signed)
        assert code(again) == (401, "sign_in_refused")
        path = f"/users/self/passkeys/{made['id']}/remove"
        assert (await rest.ask("POST", path, headers=own)).json() == {"passkeys": []}


async def test_a_page_signs_in_with_openid_where_there_is_a_provider(empty: Rest, contract: Contract) -> None:
    back = {"code": "x", "state": "x"}
    assert code(await empty.ask("POST", "/sign-in/openid/begin", headers=OWN_PAGE)) == (409, "conflict")
    assert code(await empty.ask("POST", "/sign-in/openid", headers=OWN_PAGE, json=back)) == (409, "conflict")
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    hooks = {"response": [contract.check]}
    with Provider() as google:
        settings = dataclasses.replace(empty.core.settings, public_url="http://test", **google.settings())
        async with Server(settings) as core:
            transport = httpx.ASGITransport(build_app(core))
            async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
                rest = Rest(core, http)
                assert (
                    code(await rest.ask("POST", "/sign-in/openid", headers=OWN_PAGE, json=back))[1] == "openid_refused"
                )
                begun = await rest.ask("POST", "/sign-in/openid/begin", headers=OWN_PAGE)
                asked = dict(parse_qsl(urlsplit(begun.json()["address"]).query))
                back = dict(parse_qsl(urlsplit(google.sign_in(asked)).query))
                own = {**OWN_PAGE, "Cookie": begun.headers["set-cookie"].partition(";")[0]}
                answer = await rest.ask("POST", "/sign-in/openid", headers=own, json=back)
                assert (answer.status_code, answer.json()["name"]) == (200, ANNA["name"])


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
