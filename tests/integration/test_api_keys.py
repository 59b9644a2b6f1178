"""API keys on real servers: what a key opens, what it never opens, and how it ends on every instance."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from seatserver.access import api_keys, key_format
from seatserver.bookings.keeping import Change
from seatserver.client import Disconnected, SeatClient
from seatserver.config import Settings
from seatserver.embedded import EmbeddedPostgres
from seatserver.errors import Conflict, SeatsRefused
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, Wire, eventually, now_ms, rows
from tests.integration.test_demo import environment, run, running

REVOKED, EXPIRED = 4005, 4200
TILL = {"name": "Till", "user_id": "till", "scopes": ("hold", "book")}


async def make(core: Server, **changes: Any) -> tuple[str, api_keys.ApiKey]:
    return await core.api_keys.create(**{**TILL, "by": "boss", **changes})


async def ask(server: Instance, method: str, path: str, bearer: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1") as http:
        return await http.request(method, path, headers={"Authorization": f"Bearer {bearer}"}, **more)


async def code(server: Instance, bearer: str) -> str:
    """What REST says to a key: its problem's code, or an empty text."""
    answer = await ask(server, "GET", "/bookings", bearer)
    return "" if answer.status_code == 200 else str(answer.json()["code"])


async def is_alive(wire: Wire) -> bool:
    return bool((await wire.ask("beat"))["type"] == "beat")


# ---------------------------------------------------------------- what a key opens


async def test_a_key_goes_wherever_a_token_goes(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    key, _ = await make(here.core)
    assert (await ask(there, "GET", "/bookings", key)).json()["bookings"] == []
    async with there.socket(additional_headers={"Authorization": f"Bearer {key}"}) as wire:
        assert (await wire.hello(token=None))["user"] == "till"
    async with there.socket() as wire:
        welcome = await wire.hello(token=key)
        assert (welcome["user"], set(welcome["scopes"])) == ("till", {"hold", "book"})
    ticket = (await ask(here, "POST", "/tickets", key)).json()["ticket"]
    async with there.socket() as wire:
        assert (await wire.hello(token=None, ticket=ticket))["user"] == "till"
    async with SeatClient(there.url, token=key) as client, client.room(SHOWTIME) as room:
        booked = await room.book((await room.hold("A-1")).hold_id)
        assert [one["id"] for one in (await client.bookings())["bookings"]] == [str(booked.booking_id)]


async def test_a_key_takes_its_own_channel_s_seats_and_no_other_s(make_server: MakeServer) -> None:
    server = await make_server()
    entries = [
        Change(action="allocate", channel=channel, reason="for the door", places=(seat,))
        for channel, seat in (("box-office", 1), ("club", 2))
    ]
    await server.core.allocations.change(SHOWTIME, entries, "boss")
    await eventually(lambda: server.core.relay.is_idle)
    for channel, own in (("box-office", 1), ("club", 2), ("", None)):
        key, _ = await make(server.core, user_id=f"till of {channel}", channel=channel)
        async with SeatClient(server.url, token=key) as client, client.room(SHOWTIME) as room:
            for seat in (1, 2):
                if seat == own:
                    assert (await room.hold(seat)).seats == (seat,)
                    continue
                with pytest.raises(SeatsRefused) as caught:
                    await room.hold(seat)
                assert caught.value.reasons[seat] in ("allocated", "held")


async def test_a_key_does_nothing_that_its_scopes_do_not_name(make_server: MakeServer) -> None:
    server = await make_server()
    key, _ = await make(server.core, scopes=("hold",))
    async with server.socket() as wire:
        await wire.hello(token=key)
        hold_id = (await wire.hold(1))["hold_id"]
        assert (await wire.ask("book", hold_id=hold_id))["code"] == "forbidden"
    for method, path, body in (
        ("POST", "/bookings", {"showtime_id": SHOWTIME, "hold_id": hold_id}),
        ("POST", "/admissions/admit", {"code": "A" * 48, "scan_id": str(uuid4())}),
        ("GET", "/admin/house", None),
        ("GET", "/keys", None),
        ("POST", "/keys", {**TILL, "scopes": ["admin"]}),
        ("POST", "/admin/revocations", {"user_id": "boss"}),
    ):
        answer = await ask(server, method, path, key, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
    ticket = (await ask(server, "POST", "/tickets", key)).json()["ticket"]
    async with server.socket() as wire:
        assert (await wire.hello(token=None, ticket=ticket))["scopes"] == ["hold"]


async def test_a_key_makes_and_rotates_no_keys_even_with_every_scope(make_server: MakeServer) -> None:
    server = await make_server()
    key, about = await make(server.core, scopes=("admin",))
    for path, body in (("/keys", {**TILL, "scopes": ["watch"]}), (f"/keys/{about.id}/rotate", {})):
        answer = await ask(server, "POST", path, key, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "needs a token" in answer.json()["detail"]
    assert [one["id"] for one in (await ask(server, "GET", "/keys", key)).json()["keys"]] == [about.id]
    assert (await ask(server, "POST", f"/keys/{about.id}/revoke", key)).status_code == 200
    assert await code(server, key) == "revoked"


async def test_guesses_are_refused_in_the_same_words_after_a_comparison_of_constant_time(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_server()
    _, about = await make(server.core)
    compared: list[tuple[int, int]] = []
    honest = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return honest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    unknown, _ = key_format.make()
    own_id = key_with(about.id, key_format.make()[0])
    told = set()
    for guess in (unknown, own_id):
        answer = await ask(server, "GET", "/bookings", guess)
        told.add((answer.status_code, answer.json()["code"], answer.json()["detail"]))
    assert told == {(401, "unauthorized", "this server does not know this key")}
    assert (32, 32) in compared
    async with server.socket() as wire:
        await wire.send("hello", token=own_id)
        assert await wire.closed() == 4001


def key_with(key_id: str, key: str) -> str:
    """Another key's secret behind this id, with the right checksum: what somebody who guesses would send."""
    import zlib

    content = base64.b32decode(key.rpartition("_")[2].upper())[:-4]
    checksum = zlib.crc32(key_id.encode() + content).to_bytes(4, "big")
    return f"seatkey_{key_id}_{base64.b32encode(content + checksum).decode().lower()}"


# ---------------------------------------------------------------- how a key ends


async def test_a_revoked_key_is_refused_everywhere_and_its_open_sockets_are_closed(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    key, about = await make(here.core)
    other, _ = await make(here.core)
    async with here.socket() as one, there.socket() as two, there.socket() as stays:
        for wire, bearer in ((one, key), (two, key), (stays, other)):
            await wire.hello(token=bearer)
        ticket = (await ask(there, "POST", "/tickets", key)).json()["ticket"]
        answer = await ask(here, "POST", f"/keys/{about.id}/revoke", here.token("boss", "admin"))
        assert answer.json()["revoked_by"] == "boss"
        for wire in (one, two):
            assert await wire.closed() == REVOKED
        for server in (here, there):
            assert (await code(server, key), await code(server, other)) == ("revoked", "")
        assert await is_alive(stays)
    async with there.socket() as wire:
        await wire.send("hello", ticket=ticket)
        assert await wire.closed() == REVOKED
    async with SeatClient(there.url, token=key) as client:
        with pytest.raises(Disconnected) as caught:
            async with client.room(SHOWTIME):
                pass
        assert caught.value.code == REVOKED


async def test_after_a_rotation_both_keys_are_good_for_as_long_as_they_overlap(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    old, about = await make(here.core, channel="club", days=30)
    async with there.socket() as wire:
        await wire.hello(token=old)
        path, boss = f"/keys/{about.id}/rotate", here.token("boss", "admin")
        rotated = (await ask(here, "POST", path, boss, json={"overlap_s": 3600})).json()
        await eventually(lambda: len(there.core.deny_list) == 1)
        for server in (here, there):
            assert (await code(server, old), await code(server, rotated["key"])) == ("", "")
        assert await is_alive(wire)
    of_new = rotated["about"]
    assert (of_new["user_id"], of_new["scopes"], of_new["channel"]) == ("till", ["hold", "book"], "club")
    assert of_new["expires_at_ms"] - of_new["created_at_ms"] == 30 * api_keys.DAY_MS


async def test_when_the_overlap_is_over_the_old_key_and_its_sockets_end(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    old, about = await make(here.core)
    async with there.socket() as wire, there.socket() as stays:
        await wire.hello(token=old)
        new, _ = await here.core.api_keys.rotate(about.id, overlap_s=1, by="boss")
        ends_ms = (await here.core.api_keys.page(limit=2))[0][1].expires_at_ms
        await stays.hello(token=new)
        assert await wire.closed() == REVOKED
        assert now_ms() >= ends_ms
        for server in (here, there):
            assert await code(server, new) == ""
            assert await code(server, old) in ("revoked", "unauthorized"), "who read it later sees that it has expired"
        assert await is_alive(stays)


async def test_of_two_rotations_at_once_one_makes_the_successor(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    _, about = await make(here.core)
    answers = await asyncio.gather(
        *(server.core.api_keys.rotate(about.id, overlap_s=60, by="boss") for server in (here, there)),
        return_exceptions=True,
    )
    made = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(made) == 1 and sum(isinstance(answer, Conflict) for answer in answers) == 1
    keys, _ = await here.core.api_keys.page(limit=10)
    assert {key.id: key.successor for key in keys} == {about.id: made[0][1].id, made[0][1].id: None}


async def test_a_rotated_key_can_be_revoked_before_its_overlap_is_over(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    old, about = await make(here.core)
    new, _ = await here.core.api_keys.rotate(about.id, overlap_s=3600, by="boss")
    async with there.socket() as wire:
        await wire.hello(token=old)
        await here.core.api_keys.revoke(about.id, by="boss")
        assert await wire.closed() == REVOKED
    assert (await code(there, old), await code(there, new)) == ("revoked", "")


async def test_revoking_a_user_ends_the_keys_that_act_as_this_user(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    key, _ = await make(here.core)
    async with there.socket() as wire:
        await wire.hello(token=key)
        await here.core.revocations.revoke("user", "till", by="boss")
        assert await wire.closed() == REVOKED
    assert await code(there, key) == "revoked"


async def test_an_expired_key_is_refused_and_its_socket_ends_then(make_server: MakeServer) -> None:
    server = await make_server(token_leeway_s=0)
    key, about = await make(server.core)
    soon = "UPDATE api_keys SET expires_at = now() + interval '3 seconds' WHERE id = :id RETURNING 1"
    await rows(server.core, soon, id=about.id)
    async with server.socket() as wire:
        await wire.hello(token=key)
        close_code, words = await wire.last_words()
        assert (close_code, words[-1]["type"]) == (EXPIRED, "bye")
    answer = await ask(server, "GET", "/bookings", key)
    assert (answer.status_code, answer.json()["detail"]) == (401, "the key has expired")


async def test_a_known_key_goes_on_while_postgres_is_away(
    make_server: MakeServer, postgres_server: EmbeddedPostgres
) -> None:
    server = await make_server(database_pool_wait_ms=1000)
    key, _ = await make(server.core)
    other, _ = await make(server.core)
    assert await code(server, key) == ""
    os.kill(postgres_server.pid, signal.SIGKILL)
    try:
        assert (await ask(server, "POST", "/tickets", key)).status_code == 201
        unread = await ask(server, "POST", "/tickets", other)
        assert (unread.status_code, unread.json()["retryable"]) == (503, True)
    finally:
        postgres_server.start()


# ---------------------------------------------------------------- what is kept of a key


async def test_the_last_use_is_shown_and_written_at_most_once_a_minute(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    key, _ = await make(here.core)

    async def last_used() -> int | None:
        [found], _ = await here.core.api_keys.page(limit=1)
        return found.last_used_at_ms

    assert await last_used() is None
    assert await code(here, key) == ""

    async def is_written() -> bool:
        return await last_used() is not None

    await eventually(is_written)
    first = await last_used()
    written = "SELECT xmin::text AS version FROM api_keys"
    [before] = await rows(here.core, written)
    for server in (here, there):
        for _ in range(5):
            assert await code(server, key) == ""
    started = await make_server()
    assert await code(started, key) == ""
    for server in (here, there, started):
        await server.core.api_keys.close()  # whatever they were about to write is written or given up
    assert (await last_used(), await rows(here.core, written)) == (first, [before])


async def test_neither_postgres_nor_redis_contains_a_key_s_secret(core: Server, settings: Settings) -> None:
    key, about = await make(core)
    await core.credentials.verify(key)
    await core.api_keys.rotate(about.id, overlap_s=60, by="boss")
    secret = key.rpartition("_")[2]
    raw = base64.b32decode(secret.upper()).hex()
    tables = await rows(core, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    stored = [str(await rows(core, f'SELECT row_to_json(t)::text FROM "{name}" t')) for (name,) in tables]
    assert about.id in "".join(stored)
    assert not [text for text in stored if secret in text or raw[:-8] in text]
    async with Redis.from_url(settings.redis_url) as redis:
        for name in await redis.keys():
            assert secret not in repr((name, await redis.dump(name)))


async def test_the_number_of_keys_is_bounded_and_old_ones_make_room(
    core: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "MOST", 2)
    for _ in range(2):
        await make(core)
    with pytest.raises(Conflict, match="there are 2 keys"):
        await make(core)
    [_, (oldest,)] = await rows(core, "SELECT id FROM api_keys ORDER BY created_at DESC, id DESC")
    await core.api_keys.revoke(oldest, by="boss")
    ago = "UPDATE api_keys SET revoked_at = now() - interval '91 days' WHERE id = :id RETURNING 1"
    await rows(core, ago, id=oldest)
    await make(core)
    assert oldest not in {row.id for row in await rows(core, "SELECT id FROM api_keys")}


# ---------------------------------------------------------------- from the command line


def as_environment(settings: Settings, **more: str) -> dict[str, str]:
    return environment(
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        SEATSERVER_TOKEN_SECRET=settings.token_secret,
        **more,
    )


@pytest.mark.long  # dozens of processes
async def test_keys_are_made_listed_rotated_and_revoked_on_the_command_line(
    make_server: MakeServer, settings: Settings
) -> None:
    server = await make_server()
    env = as_environment(settings)

    async def command(*arguments: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(run, *arguments, env=env)
        return done.returncode, done.stdout.strip(), done.stderr

    scopes = ("--scope", "hold", "--scope", "book")
    failed, key, said = await command(
        "key", "create", "--name", "Box office", "--user", "till", *scopes, "--channel", "c1"
    )
    assert (failed, "shown" in said, key in said) == (0, True, False)
    assert await code(server, key) == ""
    key_id = key.split("_")[1]
    assert f"{key_id} · Box office · acts as till · hold,book · channel c1" in (await command("key", "list"))[1]
    async with server.socket() as wire:
        await wire.hello(token=key)
        failed, new, said = await command("key", "rotate", key_id, "--overlap-hours", "1")
        assert (failed, "ends in 1 hours" in said, await code(server, new), await code(server, key)) == (
            0,
            True,
            "",
            "",
        )
        assert "revoked: " + key_id in (await command("key", "revoke", key_id))[1]
        assert await wire.closed() == REVOKED
    async with server.watcher("ann") as wire:
        assert (await command("revoke", "--user", "ann"))[:2] == (0, "revoked: all that ann was given until now")
        assert await wire.closed() == REVOKED
    assert (await command("revoke", "--token-id", "t1"))[0] == 0
    for nobody in ("", " ", "a\nb", "a" * 129):
        failed, _, problem = await command("revoke", "--user", nobody)
        assert (failed, "expected 1 to 128 printable characters" in problem) == (1, True)
    for wrong in (["revoke", key], ["revoke", "a" * 16], ["rotate", new], ["rotate", key_id, "--overlap-hours", "nan"]):
        failed, out, said = await command("key", *wrong)
        assert (failed, out, said.count("\n")) == (1, "", 1)
        assert key not in said and new not in said, "a key given by mistake is not repeated"


async def test_the_log_never_shows_a_key(make_server: MakeServer, settings: Settings, tmp_path: Path) -> None:
    core = (await make_server()).core
    key, about = await make(core, scopes=("admin",))
    wrong = key_with(about.id, key_format.make()[0])
    boss = core.tokens.mint("boss", ["admin"], 600)
    env = as_environment(settings, SEATSERVER_LOG_LEVEL="debug", SEATSERVER_LOG_FORMAT="json")
    with running("serve", "--port", "0", log=tmp_path / "log", env=env) as server:
        url = server.until(r"(http://[\w.:]+)")[1]
        async with httpx.AsyncClient(base_url=url) as http:
            for bearer in (key, wrong, key[:-1], key.upper(), f"{key} {key}"):
                await http.get("/api/v1/bookings", headers={"Authorization": f"Bearer {bearer}"})
                await http.get("/api/v1/bookings", headers={"Authorization": bearer})
            as_boss = {"Authorization": f"Bearer {boss}"}
            for path in (f"/api/v1/keys/{key}/revoke", f"/api/v1/{key}", f"/{key}", f"/api/v1/bookings?key={key}"):
                await http.post(path, headers=as_boss)
                await http.get(path, headers=as_boss)
            made = await http.post("/api/v1/keys", headers=as_boss, json={**TILL, "name": "x"})
            await http.post("/api/v1/admin/revocations", headers=as_boss, json={"token": key})
            rotated = await http.post(f"/api/v1/keys/{about.id}/rotate", headers=as_boss, json={})
        async with SeatClient(url, token=key) as client, client.room(SHOWTIME) as room:
            await room.hold(1)
        with pytest.raises(Disconnected):
            async with SeatClient(url, token=wrong) as client, client.room(SHOWTIME):
                pass
        text = server.output
    assert "key rotated" in text
    for shown in (key, wrong, made.json()["key"], rotated.json()["key"]):
        assert shown.rpartition("_")[2][:20] not in text.lower()


async def test_the_settings_that_a_key_needs_are_none(make_server: MakeServer) -> None:
    server = await make_server(token_secret="", guest_scopes=())
    key, _ = await make(server.core)
    assert await code(server, key) == ""
    assert json.loads((await ask(server, "GET", "/bookings", "nonsense")).text)["code"] == "unauthorized"
