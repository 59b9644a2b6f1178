"""Tokens of guests, keys of programs, and how administrators revoke either, over REST."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.integration.contract import Contract
from tests.integration.rest.support import Rest, check_all_succeeded, code


async def test_while_guests_are_free_an_answer_that_nobody_asked_for_makes_one_too(rest: Rest) -> None:
    answer = await rest.ask("POST", "/guests/prove", json={"challenge": "1.x.y", "answer": "7"})
    assert (answer.status_code, answer.json()["scopes"]) == (201, ["book", "hold", "watch"])
    wrong = {"challenge": "x" * 201, "answer": "7"}
    assert code(await rest.ask("POST", "/guests/prove", json=wrong)) == (400, "bad_request")


async def test_a_guest_gets_a_token_that_works(rest: Rest) -> None:
    guest = (await rest.ask("POST", "/guests")).json()
    assert guest["scopes"] == ["book", "hold", "watch"]
    headers = {"Authorization": f"Bearer {guest['token']}"}
    ticket = (await rest.ask("POST", "/tickets", headers=headers)).json()["ticket"]
    assert (await rest.core.socket_tickets.redeem(ticket)).user_id == guest["user_id"]


async def test_a_guests_renewal_gives_a_token_for_the_same_guest_and_no_access(rest: Rest) -> None:
    guest = (await rest.ask("POST", "/guests")).json()
    for _ in range(2):
        renewed = (await rest.ask("POST", "/guests/renew", json={"renewal": guest["renewal"]})).json()
        assert renewed["user_id"] == guest["user_id"]
        assert renewed["renewal_expires_at_ms"] == guest["renewal_expires_at_ms"]
        headers = {"Authorization": f"Bearer {renewed['token']}"}
        assert (await rest.ask("GET", "/bookings", headers=headers)).json()["bookings"] == []
    headers = {"Authorization": f"Bearer {guest['renewal']}"}
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "unauthorized")
    for wrong in (guest["token"], "", guest["renewal"][:-2]):
        assert code(await rest.ask("POST", "/guests/renew", json={"renewal": wrong})) == (401, "unauthorized")


BOX_OFFICE = {"name": "Box office", "user_id": "box-office", "scopes": ["book", "hold"], "channel": "box-office"}


async def test_administrators_make_list_rotate_and_revoke_keys(rest: Rest) -> None:
    boss = "boss:admin"
    made = await rest.ask("POST", "/keys", boss, json={**BOX_OFFICE, "days": 10})
    assert made.status_code == 201
    about = made.json()["about"]
    expected = {**BOX_OFFICE, "scopes": ["hold", "book"], "created_by": "boss", "successor": None, "revoked_by": None}
    assert expected.items() <= about.items()
    assert about["expires_at_ms"] - about["created_at_ms"] == 10 * 86_400_000
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await rest.ask("GET", "/bookings", headers=headers)).status_code == 200
    rotated = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={"overlap_s": 60})
    assert (rotated.status_code, rotated.json()["about"]["user_id"]) == (201, "box-office")
    again = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={})
    assert (code(again), rotated.json()["about"]["id"] in again.json()["detail"]) == ((409, "conflict"), True)
    first = await rest.ask("GET", "/keys?limit=1", boss)
    assert [key["id"] for key in first.json()["keys"]] == [rotated.json()["about"]["id"]]
    second = await rest.ask("GET", f"/keys?limit=1&after={first.json()['next']}", boss)
    assert [key["successor"] for key in second.json()["keys"]] == [rotated.json()["about"]["id"]]
    assert second.json()["next"] is None
    for _ in range(2):
        revoked = await rest.ask("POST", f"/keys/{about['id']}/revoke", boss)
        assert (revoked.status_code, revoked.json()["revoked_by"]) == (200, "boss")
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "revoked")
    ended = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={})
    assert code(ended) == (409, "conflict")
    for key_id in ("a" * 16, "nonsense", made.json()["key"]):
        for action in ("rotate", "revoke"):
            missing = await rest.ask("POST", f"/keys/{key_id}/{action}", boss, json={})
            assert code(missing) == (404, "not_found")
            assert made.json()["key"] not in missing.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "two\nlines"},
        {"user_id": "guest:one"},
        {"user_id": "a\tb"},
        {"scopes": []},
        {"scopes": ["fly"]},
        {"channel": "box office"},
        {"days": 0},
        {"days": 367},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_key_with_a_wrong_field_is_refused_by_name(empty: Rest, wrong: dict[str, Any]) -> None:
    refused = await empty.ask("POST", "/keys", "boss:admin", json={**BOX_OFFICE, **wrong})
    assert code(refused) == (400, "bad_request")
    assert next(iter(wrong)) in refused.json()["facts"]["where"]
    assert (await empty.ask("GET", "/keys", "boss:admin")).json()["keys"] == []


@pytest.mark.parametrize("after", ["%00", "nonsense", "a" * 17])
async def test_keys_are_listed_only_from_a_page_s_own_next_on(empty: Rest, after: str) -> None:
    refused = await empty.ask("GET", f"/keys?after={after}", "boss:admin")
    assert (*code(refused), refused.json()["facts"]["where"]) == (400, "bad_request", "after")


async def test_only_administrators_see_or_change_keys(empty: Rest) -> None:
    for user, expected in ((None, (401, "unauthorized")), ("ann:settle,admit,book", (403, "forbidden"))):
        assert code(await empty.ask("GET", "/keys", user)) == expected
        assert code(await empty.ask("POST", "/keys", user, json=BOX_OFFICE)) == expected
        assert code(await empty.ask("POST", f"/keys/{'a' * 16}/rotate", user, json={})) == expected
        assert code(await empty.ask("POST", f"/keys/{'a' * 16}/revoke", user)) == expected


async def test_administrators_revoke_a_user_or_a_token(rest: Rest) -> None:
    path, boss = "/admin/revocations", "boss:admin"
    token, other = (rest.core.tokens.mint("mallory", ["watch"], 60) for _ in range(2))
    headers, others = ({"Authorization": f"Bearer {one}"} for one in (token, other))
    revoked = await rest.ask("POST", path, boss, json={"token": token})
    assert (revoked.status_code, revoked.json()["kind"]) == (200, "token")
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "revoked")
    again = await rest.ask("POST", path, boss, json={"token": token})
    assert (again.status_code, again.json()["subject"]) == (200, revoked.json()["subject"]), "the answer may be lost"
    assert (await rest.ask("GET", "/bookings", headers=others)).status_code == 200
    revoked = await rest.ask("POST", path, boss, json={"user_id": "mallory"})
    assert (revoked.json()["kind"], revoked.json()["subject"]) == ("user", "mallory")
    assert code(await rest.ask("GET", "/bookings", headers=others)) == (401, "revoked")
    assert (await rest.ask("POST", path, boss, json={"token_id": "t1"})).status_code == 200
    for wrong in ({}, {"user_id": "a", "token_id": "b"}, {"user_id": ""}, {"token_id": "x" * 256}, {"name": "a"}):
        assert code(await rest.ask("POST", path, boss, json=wrong)) == (400, "bad_request"), wrong
    for wrong in (
        {"user_id": "\0a"},
        {"user_id": "a\0\n"},
        {"token_id": "a\tb"},
        {"token": "nonsense"},
        {"token": "\0"},
    ):
        refused = await rest.ask("POST", path, boss, json=wrong)
        assert code(refused) == (400, "bad_request"), wrong
        assert refused.json()["facts"]["where"].endswith(next(iter(wrong)))
        assert "www-authenticate" not in refused.headers, "the administrator's own token is fine"
    odd = jwt.encode(
        {**jwt.decode(other, options={"verify_signature": False}), "jti": "\0"},
        rest.core.settings.token_secret,
        algorithm="HS256",
    )
    assert code(await rest.ask("POST", path, boss, json={"token": odd})) == (400, "bad_request")
    assert code(await rest.ask("POST", path, "ann:settle", json={"user_id": "bob"})) == (403, "forbidden")


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
