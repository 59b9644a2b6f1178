"""Kiosks: a device is enrolled by the code on its screen, told what staff change, and cut off when it is revoked."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from seatserver.config import Settings
from seatserver.errors import Busy
from seatserver.kiosks import registry, sockets
from tests.integration.conftest import MakeServer
from tests.integration.contract import Contract
from tests.integration.server import Instance, eventually, rows
from tests.waiting import PATIENCE_S, within

LOBBY = {"theatre_id": "rex", "name": "Lobby 1", "channel": "", "locked": False, "message": ""}
CUT_MS = 2000
"""How soon a revoked kiosk is cut off, at the latest."""


def new_key() -> str:
    return secrets.token_urlsafe(32)


class Device:
    """A terminal's page: its key, and its socket."""

    def __init__(self, server: Instance, key: str, socket: ClientConnection) -> None:
        self.server, self.key, self.socket = server, key, socket

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of a type; signs of life come in between."""
        async with within(f"the message {kind}"):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def closed(self) -> int | None:
        """Read to the end; the close code."""
        async with within("the socket to close"):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd is not None else None

    async def ask(self, method: str, path: str) -> httpx.Response:
        """Ask REST with the key. Every answer is held to the document."""
        return await ask(self.server, method, path, f"Kiosk {self.key}")


async def ask(server: Instance, method: str, path: str, authorization: str = "", **more: Any) -> httpx.Response:
    """Ask REST, as a manager unless another authorization is given."""
    authorization = authorization or f"Bearer {server.token('manager', 'admin')}"
    hooks = {"response": [Contract().check]}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, event_hooks=hooks) as http:
        return await http.request(method, f"/api/v1{path}", headers={"Authorization": authorization}, **more)


@asynccontextmanager
async def device(server: Instance, key: str = "", **headers: str) -> AsyncIterator[Device]:
    """A terminal that has said hello."""
    key = key or new_key()
    address = f"ws{server.url.removeprefix('http')}/ws/kiosk"
    async with connect(address, proxy=None, additional_headers=headers, open_timeout=PATIENCE_S) as socket:
        await socket.send(json.dumps({"type": "hello", "key": key}))
        yield Device(server, key, socket)


async def enrol(one: Device, **changes: str) -> dict[str, Any]:
    """Approve the code that a device shows."""
    code = (await one.next("waiting"))["code"]
    body = {"code": code, "theatre_id": "rex", "name": "Lobby 1", **changes}
    answer = await ask(one.server, "POST", "/kiosks/enrol", json=body)
    assert answer.status_code == 200, answer.text
    await one.next("state")
    found: dict[str, Any] = answer.json()
    return found


async def test_a_fresh_device_shows_a_code_and_sells_nothing_until_somebody_approves_it(server: Instance) -> None:
    async with device(server) as one:
        waiting = await one.next("waiting")
        assert "<svg" in waiting["qr"]
        assert (await one.ask("GET", "/kiosks/self")).status_code == 401
        assert (await one.ask("POST", "/kiosks/self/customers")).status_code == 401
        typed = waiting["code"].replace("-", " ").lower()
        body = {"code": typed, "theatre_id": "rex", "name": "Lobby 1", "channel": "lobby"}
        first = await ask(server, "POST", "/kiosks/enrol", json=body)
        again = await ask(server, "POST", "/kiosks/enrol", json=body)
        assert (first.status_code, first.json()) == (200, again.json())
        state = await one.next("state")
        assert (state["name"], state["theatre_id"], state["channel"]) == ("Lobby 1", "rex", "lobby")
        assert (await one.ask("GET", "/kiosks/self")).json()["enrolled_by"] == "manager"


async def test_a_code_works_for_one_device_once_and_only_for_staff(server: Instance) -> None:
    async with device(server) as one, device(server) as other:
        code = (await one.next("waiting"))["code"]
        assert (await other.next("waiting"))["code"] != code
        body = {"code": code, "theatre_id": "rex", "name": "Lobby 1"}
        guest = f"Bearer {server.token('ann')}"
        assert (await ask(server, "POST", "/kiosks/enrol", guest, json=body)).status_code == 403
        wrong = await ask(server, "POST", "/kiosks/enrol", json={**body, "theatre_id": "nowhere"})
        assert (wrong.status_code, wrong.json()["facts"]["where"]) == (400, "theatre_id")
        assert (await ask(server, "POST", "/kiosks/enrol", json=body)).status_code == 200
        taken = await ask(server, "POST", "/kiosks/enrol", json={**body, "name": "Another"})
        unknown = await ask(server, "POST", "/kiosks/enrol", json={**body, "code": "AAAA-AAAA"})
        assert (taken.status_code, unknown.status_code) == (404, 404)


async def test_a_code_that_is_too_old_is_replaced_by_itself(server: Instance) -> None:
    async with device(server) as one:
        old = (await one.next("waiting"))["code"]
        async with server.core.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE kiosks SET code_ends_at = now() - interval '1 second'")
        assert (await one.next("waiting"))["code"] != old
        body = {"code": old, "theatre_id": "rex", "name": "Lobby 1"}
        assert (await ask(server, "POST", "/kiosks/enrol", json=body)).status_code == 404


async def test_only_the_hash_of_a_key_is_stored(server: Instance) -> None:
    async with device(server) as one:
        await enrol(one)
        [row] = await rows(server.core, "SELECT kiosks::text AS stored FROM kiosks")
        assert one.key not in row.stored


async def test_a_kiosk_comes_back_with_its_key_on_any_instance(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with device(here) as one:
        enrolled = await enrol(one)
    async with device(there, one.key) as again:
        assert (await again.next("state"))["id"] == enrolled["id"]


async def test_what_staff_change_reaches_the_kiosk_through_any_instance(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with device(here) as one:
        kiosk = await enrol(one)
        changed = {**LOBBY, "name": "Lobby 2", "locked": True, "message": "The bar\n\x00is open."}
        answer = await ask(there, "PUT", f"/kiosks/{kiosk['id']}", json=changed)
        state = await one.next("state")
        assert (state["name"], state["locked"], state["message"]) == ("Lobby 2", True, "The bar is open.")
        assert answer.json()["message"] == state["message"]
        assert (await one.ask("POST", "/kiosks/self/customers")).status_code == 409
        await ask(there, "POST", f"/kiosks/{kiosk['id']}/reload")
        assert (await one.next("state"))["reloads"] == state["reloads"] + 1


async def test_the_list_says_what_each_kiosk_shows_and_when_it_was_last_heard_of(server: Instance) -> None:
    async with device(server) as one:
        await enrol(one)
        [before] = (await ask(server, "GET", "/kiosks")).json()["kiosks"]
        assert (before["away"], before["seen_at_ms"]) == (True, None)
        await one.socket.send(json.dumps({"type": "report", "release": "0.1.0", "shows": "attract"}))
        async with within("the report to be listed"):
            while (listed := (await ask(server, "GET", "/kiosks")).json()["kiosks"][0])["away"]:
                pass
        assert (listed["shows"], listed["release"], listed["theatre_id"]) == ("attract", "0.1.0", "rex")


async def test_a_revoked_kiosk_is_cut_within_two_seconds_with_its_customers_sockets(
    settings: Settings, make_server: MakeServer
) -> None:
    # With the settings of an installation: here everything that is done from time to time is done as there.
    usual = {field: getattr(settings, field) for field in ("kiosk_ms", "verify_ms", "sweep_ms")}
    assert 2 * settings.kiosk_ms <= CUT_MS, "the next look after this one is in time"
    here, there = await make_server(**usual), await make_server(**usual)
    async with device(here) as one:
        kiosk = await enrol(one)
        customer = (await one.ask("POST", "/kiosks/self/customers")).json()
        bearer = f"Bearer {customer['token']}"
        ticket = (await ask(there, "POST", "/tickets", bearer)).json()["ticket"]
        async with here.socket() as near, there.socket() as far, here.watcher("ann") as ann:
            for wire in (near, far):
                await wire.hello(token=customer["token"])
                await wire.until("snapshot")
            assert (await near.hold(1))["type"] == "held"
            assert (await ask(there, "POST", f"/kiosks/{kiosk['id']}/revoke")).status_code == 200
            codes = await asyncio.gather(one.closed(), near.closed(), far.closed())
            assert list(codes) == [4001, 4001, 4001]
            assert (await ann.hold(5))["type"] == "held", "nobody else is cut off"
    assert (await one.ask("GET", "/kiosks/self")).status_code == 401
    for instance in (here, there):
        async with within("its customers to be refused"):
            while (await ask(instance, "GET", "/bookings", bearer)).status_code != 401:
                pass
        for hello in ({"token": customer["token"]}, {"ticket": ticket}):
            async with instance.socket() as late:
                await late.send("hello", ref=1, **hello)
                assert await late.closed() == 4001
    async with device(here, one.key) as again:
        await again.next("revoked")
        assert await again.closed() == 4001
    assert (await ask(here, "GET", "/kiosks")).json()["kiosks"] == []


async def test_each_customer_is_another_user_who_may_hold_but_book_nothing(server: Instance) -> None:
    async with device(server) as one:
        await enrol(one, channel="lobby")
        first, second = [(await one.ask("POST", "/kiosks/self/customers")).json() for _ in range(2)]
        assert first["user_id"] != second["user_id"]
        identity = await server.core.tokens.verify(first["token"])
        assert (identity.user_id, identity.channel) == (first["user_id"], "lobby")
        async with server.socket() as wire:
            await wire.hello(token=first["token"])
            held = await wire.hold(1, 2)
            for pay_later in (False, True):
                paid = await wire.ask("book", hold_id=held["hold_id"], pay_later=pay_later)
                assert (paid["type"], paid["code"]) == ("error", "forbidden")
        booking = await server.core.checkout.book("tonight", UUID(held["hold_id"]), first["user_id"], pay_later=True)
        confirmed = await ask(server, "POST", f"/bookings/{booking.id}/confirm", f"Bearer {first['token']}")
        assert confirmed.status_code == 403
        theirs = await ask(server, "GET", f"/bookings/{booking.id}", f"Bearer {second['token']}")
        assert theirs.status_code == 404


async def test_a_kiosk_has_no_more_customers_than_can_come(server: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CUSTOMERS_PER_MIN", 2)
    async with device(server) as one, device(server) as other:
        await enrol(one)
        await enrol(other)
        answers = [await one.ask("POST", "/kiosks/self/customers") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].json()["code"] == "too_many"
        assert (await other.ask("POST", "/kiosks/self/customers")).status_code == 200, "each kiosk has its own"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type": "hello", "key": "short"}', 4010),
        ('{"type": "report", "release": "1", "shows": "x"}', 4008),
        ("nonsense", 4010),
        (b"\x00", 4010),
        ("[" * 5000, 1009),
    ],
)
async def test_a_device_that_talks_nonsense_is_closed_with_a_reason(
    server: Instance, said: str | bytes, code: int
) -> None:
    async with connect(f"ws{server.url.removeprefix('http')}/ws/kiosk", proxy=None, open_timeout=PATIENCE_S) as socket:
        await socket.send(said)
        assert await Device(server, "", socket).closed() == code


async def test_a_silent_device_is_closed(make_server: MakeServer) -> None:
    server = await make_server(hello_ms=100)
    async with connect(f"ws{server.url.removeprefix('http')}/ws/kiosk", proxy=None, open_timeout=PATIENCE_S) as socket:
        assert await Device(server, "", socket).closed() == 4103


async def test_pages_of_other_origins_are_no_kiosks(server: Instance) -> None:
    with pytest.raises(InvalidStatus):
        async with device(server, Origin="https://elsewhere.example"):
            pass


async def test_a_flood_of_devices_is_refused_and_forgotten_when_their_codes_are_over(
    server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "WAITING_AT_MOST", 2)
    kiosks = server.core.kiosks
    await kiosks.introduce(new_key())
    last = new_key()
    waiting = await kiosks.introduce(last)
    with pytest.raises(Busy):
        await kiosks.introduce(new_key())
    assert await kiosks.introduce(last) == waiting, "a device that waits already is no other one"
    async with server.core.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE kiosks SET code_ends_at = now() - interval '1 second'")
    await kiosks.introduce(new_key())
    assert len(await rows(server.core, "SELECT 1 FROM kiosks")) == 1


async def test_enrolled_kiosks_are_told_of_changes_while_strangers_fill_the_list(
    server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(device(server))
        kiosk = await enrol(one)
        for _ in range(5):
            stranger = await stack.enter_async_context(device(server))
            await stranger.next("waiting")
        # Their codes were too old, and others came first.
        monkeypatch.setattr(registry, "WAITING_AT_MOST", 0)
        async with server.core.database.transaction() as connection:
            await connection.exec_driver_sql("DELETE FROM kiosks WHERE theatre_id IS NULL")
        await ask(server, "PUT", f"/kiosks/{kiosk['id']}", json={"locked": True})
        assert (await one.next("state"))["locked"]
        await ask(server, "POST", f"/kiosks/{kiosk['id']}/revoke")
        assert await one.closed() == 4001


async def test_strangers_are_few_and_enrolled_kiosks_come_in_beside_them(
    server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "STRANGERS_AT_MOST", 2)
    async with device(server) as one:
        await enrol(one)
    async with device(server) as first, device(server) as second:
        await first.next("waiting")
        code = (await second.next("waiting"))["code"]
        async with device(server) as third:
            assert await third.closed() == 4102
        assert len(await rows(server.core, "SELECT 1 FROM kiosks")) == 3, "nothing is kept of it"
        async with device(server, one.key) as back:
            await back.next("state")
        await first.socket.send(json.dumps({"type": "report", "release": "1", "shows": "mischief"}))
        await ask(server, "POST", "/kiosks/enrol", json={"code": code, "theatre_id": "rex", "name": "Lobby 2"})
        await second.next("state")
        async with device(server) as next_one:
            await next_one.next("waiting")
        assert await rows(server.core, "SELECT 1 FROM kiosks WHERE shows = 'mischief'") == []


async def test_one_network_has_only_so_many_strangers_and_sockets(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "STRANGERS_OF_A_NETWORK", 1)
    server = await make_server(network_sockets=2, unlimited=())
    share = server.core.shares.of_network("127.0.0.1")
    assert share is not None
    async with device(server) as first:
        code = (await first.next("waiting"))["code"]
        async with device(server) as second:
            assert await second.closed() == 4102
        await eventually(lambda: share.sockets == 1)
        await ask(server, "POST", "/kiosks/enrol", json={"code": code, "theatre_id": "rex", "name": "Lobby 1"})
        await first.next("state")
        async with device(server) as third:
            await third.next("waiting")
            with pytest.raises(InvalidStatus):
                async with device(server):
                    pass
    await eventually(lambda: share.sockets == 0)


async def test_the_sockets_of_a_revoked_kiosk_are_looked_for_only_as_long_as_there_can_be_some(
    server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CUT_FOR_S", 0.0)
    cut: list[set[UUID]] = []
    core = server.core
    given = (core.settings, core.kiosks, core.print_jobs, core.printing.read, core.shares, cut.append)
    looks = sockets.KioskSockets(*given)
    async with device(server) as one:
        kiosk = await enrol(one)
        await ask(server, "POST", f"/kiosks/{kiosk['id']}/revoke")
        assert await one.closed() == 4001
    await looks.look()
    assert cut == []
    monkeypatch.setattr(sockets, "CUT_FOR_S", 60.0)
    looks = sockets.KioskSockets(*given)
    await looks.look()
    assert cut == [{UUID(kiosk["id"])}]


async def test_an_unknown_kiosk_is_not_found(server: Instance) -> None:
    for method, path, body in (
        ("PUT", "", LOBBY),
        ("POST", "/reload", None),
        ("POST", "/revoke", None),
    ):
        assert (await ask(server, method, f"/kiosks/{uuid4()}{path}", json=body)).status_code == 404
        assert (await ask(server, method, f"/kiosks/none{path}", json=body)).status_code == 404


async def test_the_command_line_enrols_lists_and_revokes(server: Instance, settings: Settings) -> None:
    environment = {**os.environ, "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}

    async def run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "seatserver", "kiosk", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout, done.stderr

    async with device(server) as one:
        code = (await one.next("waiting"))["code"]
        assert await run("enrol", code, "--theatre", "nowhere") == (
            1,
            "",
            "seatserver: there is no theatre 'nowhere'\n",
        )
        status, said, _ = await run("enrol", code, "--theatre", "rex", "--name", "Lobby 1", "--channel", "lobby")
        state = await one.next("state")
        assert (status, said) == (0, f"enrolled: {state['id']}  rex  Lobby 1, sells for lobby\n")
        assert state["id"] in (await run("list"))[1]
        assert (await run("revoke", state["id"]))[0] == 0
        assert await one.closed() == 4001
        unknown = await run("enrol", "AAAA-AAAA", "--theatre", "rex")
        assert unknown == (1, "", "seatserver: there is no device waiting with the code 'AAAA-AAAA'\n")
