"""A basket moves from a kiosk to a phone by QR code: once, at once, with one clear outcome whatever else happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from seatserver.errors import HandOffRefused
from seatserver.kiosks.handoffs import Basket, HandOffs
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, Wire, hold
from tests.integration.test_kiosks import Device, ask, device, enrol


class Lobby:
    """A kiosk, and the customer before it who holds seats 1 and 2."""

    def __init__(self, kiosk: Device, wire: Wire, basket: dict[str, str], deadline_ms: int) -> None:
        self.kiosk, self.wire, self.basket, self.deadline_ms = kiosk, wire, basket, deadline_ms

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Ask as the kiosk."""
        return await ask(self.kiosk.server, "POST", f"/kiosks/self/{path}", f"Kiosk {self.kiosk.key}", json=body)

    async def offer(self) -> str:
        """The code that the kiosk shows."""
        answer = await self.post("handoffs", **self.basket)
        assert answer.status_code == 200, answer.text
        assert "<svg" in answer.json()["qr"]
        address, _, code = answer.json()["url"].partition("#")
        assert address == f"{self.kiosk.server.url}/handoff"
        return str(code)

    async def fate(self) -> str:
        """What the kiosk is told of the basket."""
        return str((await self.post("handoffs/fate", **self.basket)).json()["fate"])


@asynccontextmanager
async def lobby(server: Instance) -> AsyncIterator[Lobby]:
    """A kiosk whose customer holds two seats."""
    async with device(server) as kiosk:
        await enrol(kiosk)
        customer = (await kiosk.ask("POST", "/kiosks/self/customers")).json()
        async with server.socket() as wire:
            await wire.hello(token=customer["token"])
            await wire.until("snapshot")
            held = await wire.hold(1, 2)
            basket = {"showtime_id": SHOWTIME, "hold_id": held["hold_id"], "user_id": customer["user_id"]}
            yield Lobby(kiosk, wire, basket, held["deadline_ms"])


async def scan(server: Instance, code: str, who: str) -> tuple[int, str]:
    """A phone scans: the status, and why it was refused."""
    answer = await ask(server, "POST", "/handoffs", f"Bearer {server.token(who)}", json={"code": code})
    told = answer.json()
    return answer.status_code, told["facts"]["reason"] if "facts" in told else told["hold_id"]


async def test_a_phone_that_scans_has_the_same_seats_with_the_same_clock_through_any_instance(
    make_server: MakeServer,
) -> None:
    here, there = await make_server(), await make_server()
    async with lobby(here) as one, there.watcher("ann") as ann, there.watcher("bob") as bob:
        code = await one.offer()
        assert one.basket["user_id"] not in code
        answer = await ask(there, "POST", "/handoffs", f"Bearer {there.token('ann')}", json={"code": code})
        taken = {"showtime_id": SHOWTIME, "hold_id": one.basket["hold_id"], "deadline_ms": one.deadline_ms}
        assert answer.json() == taken
        told = await ann.until("elsewhere")
        assert told["hold_id"] == one.basket["hold_id"], "windows of the phone that were open already learn of it"
        assert (await one.wire.until("elsewhere"))["hold_id"] == one.basket["hold_id"]
        assert await one.fate() == "taken"
        assert (await bob.hold(1))["type"] == "refused", "it is not free in between"
        booked = await ann.ask("book", hold_id=one.basket["hold_id"])
        assert (booked["type"], booked["seats"]) == ("booked", [1, 2])


async def test_a_code_works_once_and_a_phone_that_lost_its_answer_gets_the_same(server: Instance) -> None:
    async with lobby(server) as one:
        code, other = await one.offer(), await one.offer()
        hold_id = one.basket["hold_id"]
        assert await one.fate() == "held"
        assert await scan(server, code, "ann") == (200, hold_id)
        assert await scan(server, code, "ann") == (200, hold_id)
        assert await scan(server, other, "ann") == (200, hold_id), "an earlier code of the same seats"
        for late in (code, other):
            assert await scan(server, late, "bob") == (409, "taken")
        again = await one.post("handoffs", **one.basket)
        assert (again.status_code, again.json()["facts"]["reason"]) == (409, "taken")
        await server.core.store.release(SHOWTIME, UUID(hold_id), "ann")
        assert await scan(server, code, "ann") == (409, "ended"), "she gave them back"
        assert await scan(server, code, "bob") == (409, "taken")


async def test_of_many_phones_that_scan_at_once_one_has_the_seats(server: Instance) -> None:
    async with lobby(server) as one:
        code = await one.offer()
        outcomes = await asyncio.gather(*(scan(server, code, f"guest-{number}") for number in range(8)))
        assert sorted(outcomes) == [(200, one.basket["hold_id"]), *[(409, "taken")] * 7]


async def test_a_code_that_is_too_old_moves_nothing_but_a_lost_answer_can_still_be_asked_for(server: Instance) -> None:
    core, now = server.core, [1_000_000]
    handoffs = HandOffs(core.settings, core.store, core.catalog, core.kiosks, core.networks, lambda: now[0])
    ann, bob = [await core.tokens.verify(server.token(who)) for who in ("ann", "bob")]
    async with lobby(server) as one:
        [kiosk] = await core.kiosks.all()
        basket = Basket(showtime_id=SHOWTIME, hold_id=UUID(one.basket["hold_id"]), user_id=one.basket["user_id"])
        code = await handoffs.offer(kiosk, basket)
        now[0] += core.settings.kiosk_handoff_ms
        with pytest.raises(HandOffRefused) as refused:
            await handoffs.take(code, bob, "")
        assert refused.value.facts["reason"] == "over"
        assert await one.fate() == "held"
        code = await handoffs.offer(kiosk, basket)
        now[0] += core.settings.kiosk_handoff_ms - 1
        taken = await handoffs.take(code, ann, "")
        now[0] += 60_000
        assert await handoffs.take(code, ann, "") == taken
        with pytest.raises(HandOffRefused):
            await handoffs.take(code, bob, "")


async def test_while_the_customer_pays_no_phone_takes_the_seats(make_server: MakeServer) -> None:
    server = await make_server(kiosk_reader="simulated")
    async with lobby(server) as one:
        code = await one.offer()
        begun = await one.post("payments", **one.basket)
        assert begun.status_code == 200, begun.text
        assert await scan(server, code, "ann") == (409, "paying")
        await one.post(f"payments/{one.basket['hold_id']}/card", act="tap")
        assert await scan(server, code, "ann") == (409, "paying")
        assert await one.fate() == "ended"


async def test_a_payment_that_begins_after_a_phone_was_faster_is_refused_and_charges_nothing(
    make_server: MakeServer,
) -> None:
    server = await make_server(kiosk_reader="simulated")
    async with lobby(server) as one:
        assert await scan(server, await one.offer(), "ann") == (200, one.basket["hold_id"])
        begun = await one.post("payments", **one.basket)
        assert (begun.status_code, begun.json()["code"]) == (409, "hold_gone")
        assert (await one.kiosk.ask("GET", "/kiosks/self/payments")).json() == {"payment": None}
        booking = await server.core.checkout.book(SHOWTIME, UUID(one.basket["hold_id"]), "ann", pay_later=False)
        assert (booking.user_id, booking.seats) == ("ann", (1, 2))


async def test_of_a_payment_and_a_phone_at_the_same_moment_one_has_the_seats(make_server: MakeServer) -> None:
    server = await make_server(kiosk_reader="simulated", kiosk_handoff_ms=60_000)
    for _ in range(5):
        async with lobby(server) as one:
            code = await one.offer()
            begun, scanned = await asyncio.gather(one.post("payments", **one.basket), scan(server, code, "ann"))
            assert (begun.status_code, scanned) in (
                (200, (409, "paying")),
                (409, (200, one.basket["hold_id"])),
            )
            if begun.status_code == 200:
                await one.post(f"payments/{one.basket['hold_id']}/cancel")
            else:
                await server.core.store.release(SHOWTIME, UUID(one.basket["hold_id"]), "ann")


async def test_seats_that_were_given_back_or_ran_out_are_not_handed_over(server: Instance) -> None:
    async with lobby(server) as one:
        code = await one.offer()
        await one.wire.ask("release", hold_id=one.basket["hold_id"])
        assert await scan(server, code, "ann") == (409, "ended")
        assert await one.fate() == "ended"
        again = await one.post("handoffs", **one.basket)
        assert again.json()["facts"]["reason"] == "ended"


async def test_a_phone_that_holds_too_much_already_is_told_so_and_the_kiosk_keeps_the_seats(
    make_server: MakeServer,
) -> None:
    server = await make_server(seats_per_user=2)
    async with lobby(server) as one:
        await hold(server.core, "ann", 5)
        assert await scan(server, await one.offer(), "ann") == (409, "limit")
        assert await one.fate() == "held"


async def test_codes_that_are_none_and_those_of_a_revoked_kiosk_move_nothing(server: Instance) -> None:
    async with lobby(server) as one:
        code = await one.offer()
        for wrong in ("", "x", "💺", code[:-2], code[::-1], server.token("ann")[:400], "a" * 400):
            assert await scan(server, wrong, "ann") == (409, "over")
        kiosk = (await one.kiosk.ask("GET", "/kiosks/self")).json()
        await ask(server, "POST", f"/kiosks/{kiosk['id']}/revoke")
        assert await one.kiosk.closed() == 4001
        assert await scan(server, code, "ann") == (409, "over")


async def test_a_kiosk_hands_over_only_what_its_own_customers_hold(server: Instance) -> None:
    async with lobby(server) as one, lobby_without_seats(server) as other:
        for path in ("handoffs", "handoffs/fate"):
            theirs = await ask(server, "POST", f"/kiosks/self/{path}", f"Kiosk {other.key}", json=one.basket)
            assert (theirs.status_code, theirs.json()["code"]) == (403, "forbidden")
        guest = await ask(server, "POST", "/handoffs", "Kiosk x", json={"code": "x"})
        assert guest.status_code == 401
        watcher = f"Bearer {server.token('ann', 'watch')}"
        assert (await ask(server, "POST", "/handoffs", watcher, json={"code": "x"})).status_code == 403


@asynccontextmanager
async def lobby_without_seats(server: Instance) -> AsyncIterator[Device]:
    """Another kiosk."""
    async with device(server) as kiosk:
        await enrol(kiosk, name="Lobby 2")
        yield kiosk
