"""What was revoked is refused on every instance, open sockets included, whatever happens to Redis and Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import sqlalchemy as sa
import structlog

from seatserver.access import revocations
from seatserver.access.deny_list import DenyList, Revocation
from seatserver.access.tokens import Identity
from seatserver.client import SeatClient
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from seatserver.errors import Conflict
from tests.integration.conftest import MakeServer
from tests.integration.server import HOUR_MS, SHOWTIME, Instance, Wire, eventually, now_ms, rows
from tests.waiting import PATIENCE_S

REVOKED = 4005


async def ask(server: Instance, method: str, path: str, token: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as http:
        return await http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)


async def revoke(server: Instance, **what: str) -> httpx.Response:
    answer = await ask(server, "POST", "/admin/revocations", server.token("boss", "admin"), json=what)
    assert answer.status_code == 200, answer.text
    return answer


async def code(server: Instance, token: str) -> str:
    """What REST says to a token: its problem's code, or an empty text."""
    answer = await ask(server, "GET", "/bookings", token)
    return "" if answer.status_code == 200 else str(answer.json()["code"])


def id_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])


def later_token(server: Instance, user: str) -> str:
    """A token that was issued after whatever was revoked until now."""
    claims = jwt.decode(server.token(user), options={"verify_signature": False})
    claims["iat"] = int(time.time()) + 2  # within the leeway
    return jwt.encode(claims, server.core.settings.token_secret, algorithm="HS256")


async def is_alive(wire: Wire) -> bool:
    return bool((await wire.ask("beat"))["type"] == "beat")


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


# ---------------------------------------------------------------- by user, token and key


async def test_a_revoked_user_is_refused_on_both_instances_and_their_open_sockets_are_closed(
    make_server: MakeServer,
) -> None:
    here, there = await make_server(), await make_server()
    ann = here.token("ann")
    async with here.watcher("ann") as one, there.watcher("ann") as other, there.watcher("bob") as bob:
        assert await code(there, ann) == ""
        answer = (await revoke(here, user_id="ann")).json()
        assert (answer["kind"], answer["subject"]) == ("user", "ann")
        for wire in (one, other):
            close_code, words = await wire.last_words()
            assert (close_code, words[-1]["type"], words[-1]["reconnect_after_ms"]) == (REVOKED, "bye", -1)
        for server in (here, there):
            assert await code(server, ann) == "revoked"
            refused = await ask(server, "POST", "/tickets", ann)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert await code(server, server.token("bob")) == ""
        assert await is_alive(bob)


async def test_a_hello_with_a_revoked_token_says_so_and_closes_for_good(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    ann = here.token("ann")
    ticket = (await ask(there, "POST", "/tickets", ann)).json()["ticket"]
    await revoke(here, user_id="ann")
    await eventually(lambda: len(there.core.deny_list) == 1)
    for hello, headers in (
        ({"token": ann}, {}),
        ({"ticket": ticket}, {}),
        ({}, {"Authorization": f"Bearer {ann}"}),
    ):
        async with there.socket(additional_headers=headers) as wire:
            await wire.send("hello", ref=3, **hello)
            close_code, [error, bye] = await wire.last_words()
        assert (error["type"], error["ref"], error["code"], error["retryable"]) == ("error", 3, "revoked", False)
        assert (close_code, bye["code"], bye["reconnect_after_ms"]) == (REVOKED, REVOKED, -1)


async def test_a_revoked_user_may_come_back_with_a_token_that_was_issued_later(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    await revoke(here, user_id="ann")
    for server in (here, there):
        fresh = later_token(server, "ann")
        assert await code(server, fresh) == ""
        async with server.socket() as wire:
            assert (await wire.hello(token=fresh))["user"] == "ann"


async def test_one_token_is_revoked_and_the_user_s_other_tokens_go_on(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    lost, kept = here.token("ann"), here.token("ann")
    async with there.socket() as goes, there.socket() as stays:
        await goes.hello(token=lost)
        await stays.hello(token=kept)
        by_id = (await revoke(here, token_id=id_of(lost))).json()
        assert (by_id["kind"], by_id["subject"]) == ("token", id_of(lost))
        assert await goes.closed() == REVOKED
        assert await is_alive(stays)
        for server in (here, there):
            assert (await code(server, lost), await code(server, kept)) == ("revoked", "")
        assert (await revoke(here, token=kept)).json()["subject"] == id_of(kept), "the token itself does too"
        assert await stays.closed() == REVOKED


async def test_a_socket_that_was_refreshed_with_another_token_is_judged_by_that_one(make_server: MakeServer) -> None:
    server = await make_server()
    first, second = server.token("ann"), server.token("ann")
    async with server.socket() as wire:
        await wire.hello(token=first)
        await wire.hello(token=second)
        await revoke(server, token_id=id_of(first))
        assert await is_alive(wire)
        error = await wire.ask("hello", token=first)
        assert (error["type"], error["code"]) == ("error", "revoked")
        assert await is_alive(wire), "the second token is still good"
        await revoke(server, token_id=id_of(second))
        assert await wire.closed() == REVOKED


async def test_a_revoked_key_takes_the_tokens_made_for_it_along_also_at_a_later_time(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    token = here.core.tokens.mint("kiosk customer", ["watch", "hold"], 600, key_id="kiosk-1")
    ends_at_ms = now_ms() + 700
    async with there.socket() as wire:
        await wire.hello(token=token)
        async with here.core.database.transaction() as connection:
            await revocations.append(
                connection,
                Revocation(
                    kind="key",
                    subject="kiosk-1",
                    ends_at_ms=ends_at_ms,
                    expires_at_ms=ends_at_ms + HOUR_MS,
                    revoked_by="boss",
                ),
            )
        await here.core.revocations.announce()
        await eventually(lambda: len(there.core.deny_list) == 1)
        assert await wire.closed() == REVOKED
        assert now_ms() >= ends_at_ms
        assert await code(there, token) == "revoked"


async def test_a_guest_who_was_revoked_gets_no_further_token(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with httpx.AsyncClient(base_url=f"{there.url}/api/v1") as http:
        guest = (await http.post("/guests")).json()
        await revoke(here, user_id=guest["user_id"])
        await eventually(lambda: len(there.core.deny_list) == 1)
        renewed = await http.post("/guests/renew", json={"renewal": guest["renewal"]})
        assert (renewed.status_code, renewed.json()["code"]) == (401, "unauthorized")
        assert (await http.post("/guests")).status_code == 201


async def test_a_program_whose_guest_was_revoked_comes_back_as_another_guest(make_server: MakeServer) -> None:
    server = await make_server()
    async with SeatClient(server.url) as client, client.room(SHOWTIME) as room:
        assert room.welcome is not None
        first = room.welcome.user
        await revoke(server, user_id=first)
        await room.until(
            lambda one: one.connected and one.welcome is not None and one.welcome.user != first, PATIENCE_S
        )
        assert (await room.hold(1)).seats == (1,)


async def test_a_command_that_waits_does_not_keep_a_revoked_socket_open(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.watcher("ann") as wire:
        hold_id = str(uuid4())
        assert (await wire.ask("hold", hold_id=hold_id, seats=[1]))["type"] == "held"
        async with server.core.database.transaction() as connection:
            # Whatever books or confirms in this showtime waits until the end of this block.
            await connection.exec_driver_sql("SELECT * FROM showtimes FOR UPDATE")
            await wire.send("book", ref=9, hold_id=hold_id)
            await asyncio.sleep(0.1)
            await revoke(server, user_id="ann")
            close_code, words = await wire.last_words()
            assert (close_code, words[-1]["type"]) == (REVOKED, "bye")
            assert all(word.get("ref") != 9 for word in words), "the command was still waiting"


async def test_no_command_looks_at_the_list(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await make_server()
    await revoke(server, user_id="mallory")
    async with server.watcher("ann") as wire:

        def looked(self: DenyList, identity: Identity) -> int:
            raise AssertionError("a command has looked")

        monkeypatch.setattr(DenyList, "ends_at_ms", looked)
        assert (await wire.hold(1, 2))["type"] == "held"
        assert await is_alive(wire)


# ---------------------------------------------------------------- what can go wrong on the way


async def nobody_is_rung() -> None:
    """A message that is lost."""


async def test_a_lost_message_heals_by_the_next_poll(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    here.core.revocations.attach(changed=lambda: None, ring=nobody_is_rung)
    ann = here.token("ann")
    async with there.watcher("ann") as wire:
        await revoke(here, user_id="ann")
        assert await wire.closed() == REVOKED
        assert await code(there, ann) == "revoked"


async def test_an_error_that_nobody_expected_does_not_end_the_polls(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()

    async def rename(before: str, after: str) -> None:
        async with here.core.database.transaction() as connection:
            await connection.execute(sa.text(f"ALTER TABLE {before} RENAME TO {after}"))

    with structlog.testing.capture_logs() as logged:
        await rename("revocations", "elsewhere")
        await eventually(lambda: any(entry["log_level"] == "error" for entry in logged), "the error to be logged")
        await rename("elsewhere", "revocations")
    async with there.watcher("ann") as wire:
        await revoke(here, user_id="ann")
        assert await wire.closed() == REVOKED


async def test_a_ring_is_followed_at_once_without_a_poll(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "POLL_S", 3600.0)
    here, there = await make_server(), await make_server()
    async with there.watcher("ann") as wire:
        await revoke(here, user_id="ann")
        assert await wire.closed() == REVOKED


async def test_revocations_reach_every_instance_while_redis_is_away(
    make_server: MakeServer, redis_server: EmbeddedRedis
) -> None:
    here, there = await make_server(redis_timeout_ms=500), await make_server(redis_timeout_ms=500)
    ann = here.token("ann")
    async with there.watcher("ann") as wire:
        kill(redis_server.pid)
        await revoke(here, user_id="ann")
        assert await wire.closed() == REVOKED
        assert (await code(here, ann), await code(there, ann)) == ("revoked", "revoked")
    redis_server.start()
    await eventually(lambda: here.core.feed.healthy and there.core.feed.healthy)
    async with there.watcher("bob") as wire:
        await revoke(here, user_id="bob")
        assert await wire.closed() == REVOKED


async def test_while_postgres_is_away_the_last_known_list_stays_in_force(
    make_server: MakeServer, postgres_server: EmbeddedPostgres
) -> None:
    here, there = await make_server(), await make_server()
    ann, bob = here.token("ann"), here.token("bob")
    await revoke(here, user_id="ann")
    await eventually(lambda: len(there.core.deny_list) == 1)
    kill(postgres_server.pid)
    try:
        for server in (here, there):
            assert await code(server, ann) == "revoked"
            assert (await ask(server, "POST", "/tickets", bob)).status_code == 201, "others go on"
        refused = await ask(here, "POST", "/admin/revocations", here.token("boss", "admin"), json={"user_id": "bob"})
        assert (refused.status_code, refused.json()["retryable"]) == (503, True)
    finally:
        postgres_server.start()
    async with there.watcher("bob") as wire:

        async def revoked() -> bool:
            boss = here.token("boss", "admin")
            answer = await ask(here, "POST", "/admin/revocations", boss, json={"user_id": "bob"})
            return answer.status_code == 200

        await eventually(revoked)
        assert await wire.closed() == REVOKED


async def test_a_server_that_starts_refuses_what_was_revoked_from_its_first_request(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "PAGE", 2)
    here = await make_server()
    tokens = {user: here.token(user) for user in (f"user {number}" for number in range(5))}
    for user in tokens:
        await revoke(here, user_id=user)
    started = await make_server()
    assert [await code(started, token) for token in tokens.values()] == ["revoked"] * 5
    assert await code(started, here.token("ann")) == ""


async def test_revocations_at_the_same_moment_are_all_followed(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    users = [f"user {number}" for number in range(30)]
    await asyncio.gather(
        *(revoke((here, there)[number % 2], user_id=user) for number, user in enumerate(users)),
    )
    for server in (here, there):
        await eventually(lambda server=server: len(server.core.deny_list) == len(users))  # type: ignore[misc]


async def test_what_is_revoked_twice_is_on_the_list_once(make_server: MakeServer) -> None:
    server = await make_server()
    moments: dict[str, list[int]] = {"ann": [], "t1": []}
    for _ in range(3):
        for answer in (await revoke(server, user_id="ann"), await revoke(server, token_id="t1")):
            moments[answer.json()["subject"]].append(answer.json()["revoked_at_ms"])
    found = await rows(server.core, "SELECT subject, round(extract(epoch FROM ends_at) * 1000) AS ms FROM revocations")
    assert {row.subject: int(row.ms) for row in found} == {"ann": moments["ann"][-1], "t1": moments["t1"][0]}


async def test_the_list_is_bounded_and_what_has_expired_makes_room(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "MOST", 2)
    core = (await make_server()).core
    await core.revocations.revoke("token", "t1", by="boss")
    await core.revocations.revoke("token", "t2", by="boss", expires_at_ms=now_ms() - revocations.MARGIN_MS)
    await core.revocations.revoke("token", "t3", by="boss")
    with pytest.raises(Conflict, match="2 revocations are in force"):
        await core.revocations.revoke("token", "t4", by="boss")
    await core.revocations.revoke("token", "t3", by="boss")
    assert [row.subject for row in await rows(core, "SELECT subject FROM revocations ORDER BY id")] == ["t1", "t3"]
