"""Payments that come twice, late, in the wrong order, or whose messenger goes away in the middle."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest

from tests.faults.conftest import OpenSite, Report
from tests.faults.history import Step
from tests.faults.invariants import check, statuses
from tests.faults.site import NEWCOMERS, Server, Site
from tests.faults.users import Load, User, users
from tests.waiting import slowness


class Seller:
    """A payment system that talks to the servers, as fast and as often as it likes. ``answers`` are what it heard."""

    def __init__(self, site: Site) -> None:
        self._http = httpx.AsyncClient(
            timeout=10, headers={"Authorization": f"Bearer {site.token('seller', 'settle')}"}
        )
        self._servers = itertools.cycle(site.servers)
        self.answers: list[tuple[UUID, str, str]] = []

    async def say(self, booking_id: UUID, verb: str, server: Server | None = None) -> str:
        """``confirm`` or ``cancel``; the booking's status then, empty when the server does not know."""
        url = f"{(server or next(self._servers)).url}/api/v1/bookings/{booking_id}/{verb}"
        body = (await self._http.post(url)).json()
        status = str(body.get("status") if "id" in body else body["facts"].get("booking_status", ""))
        assert body.get("code") != "internal", body
        self.answers.append((booking_id, verb, status))
        return status

    async def insist(self, booking_id: UUID, verb: str) -> str:
        """Until it is known."""
        async with asyncio.timeout(30):
            while not (status := await self.say(booking_id, verb)):  # noqa: ASYNC110 - it is another process's doing
                await asyncio.sleep(0.05)
        return status

    async def close(self) -> None:
        """It has said everything."""
        await self._http.aclose()


@asynccontextmanager
async def selling(site: Site) -> AsyncIterator[Seller]:
    seller = Seller(site)
    try:
        yield seller
    finally:
        await seller.close()


async def held_at_last(user: User, seats: tuple[int, ...]) -> Step:
    """A hold of seats that nobody else asks for; what was given back before may still be on its way to Redis."""
    async with asyncio.timeout(30):
        while (held := await user.hold(uuid4(), seats)) is None:  # noqa: ASYNC110 - it is another process's doing
            await asyncio.sleep(0.02)
    return held


async def claimed(user: User, seats: tuple[int, ...]) -> Step:
    """A pending booking."""
    held = await held_at_last(user, seats)
    assert await user.book(held, pay_later=True) == "pending"
    return held


def own_seats(load: Load) -> list[Iterator[tuple[int, ...]]]:
    """For each user seats that nobody else asks for, in turns."""
    each = (load.site.seats - NEWCOMERS) // len(load.users)
    return [itertools.cycle([(first + at,) for at in range(each)]) for first in range(0, each * len(load.users), each)]


def pay(load: Load, booking_id: UUID, status: str) -> None:
    """What becomes of the money, once the booking's end is known."""
    load.till.capture(booking_id)
    if status != "confirmed":
        load.till.refund(booking_id)


@pytest.mark.long
async def test_fault_14_the_client_disconnects_in_the_middle_of_a_confirm_five_hundred_times(
    open_site: OpenSite, report: Report
) -> None:
    """Half of them while a payment is confirmed over REST, half while a booking is written over the socket."""
    async with open_site(seats=80, SEATSERVER_CLAIM_MS="20000") as site:
        await site.add_servers(2)
        async with users(site, 10) as load, selling(site) as seller:
            report.loads.append(load)
            seats = own_seats(load)
            ends: list[str] = []

            async def pay_in_vain(user: User, held: Step) -> str:
                """The payment system breaks off while it confirms."""
                assert await user.book(held, pay_later=True) == "pending"
                confirming = asyncio.create_task(seller.say(held.hold_id, "confirm"))
                await asyncio.sleep(site.rng.uniform(0.001, 0.015))
                if not confirming.done():
                    report.hit(1)
                confirming.cancel()
                await asyncio.gather(confirming, return_exceptions=True)
                status = await seller.insist(held.hold_id, "confirm")
                pay(load, held.hold_id, status)
                return status

            async def book_in_vain(user: User, held: Step) -> str:
                """The buyer's connection breaks while it books."""
                booking = asyncio.create_task(user.book(held))
                await asyncio.sleep(site.rng.uniform(0.001, 0.015))
                if not booking.done() and user.room.drop():
                    report.hit(1)
                return await booking

            async def again_and_again(number: int, user: User) -> None:
                for turn in range(50):
                    held = await held_at_last(user, next(seats[number]))
                    status = await (pay_in_vain if turn % 2 else book_in_vain)(user, held)
                    ends.append(status)
                    assert status == "confirmed", "the same request again has the same answer"
                    load.promises.confirmed[held.hold_id] = held.seats
                    await user.cancel(held)

            await asyncio.gather(*(again_and_again(number, user) for number, user in enumerate(load.users)))
            assert len(ends) == 500
            assert report.faults > 250, "most of them were in flight"
            await report.serves_again(site)
            await check(site, load, repairs=False)


@pytest.mark.long
async def test_fault_18_payment_results_come_twice_late_and_out_of_order(site: Site, report: Report) -> None:
    async with users(site, 7) as load, selling(site) as seller:
        report.loads.append(load)
        seats = own_seats(load)

        async def go_through(number: int, user: User) -> None:
            for _ in range(3):
                # Twice and at once, on both servers.
                held = await claimed(user, next(seats[number]))
                both = await asyncio.gather(*(seller.say(held.hold_id, "confirm") for _ in range(4)))
                assert set(both) <= {"confirmed", ""}
                pay(load, held.hold_id, await seller.insist(held.hold_id, "confirm"))
                load.promises.confirmed[held.hold_id] = held.seats
                await user.cancel(held)
                # A cancellation that overtakes the payment, and repeats itself.
                held = await claimed(user, next(seats[number]))
                verbs = ["confirm", "cancel", "confirm", "cancel"]
                site.rng.shuffle(verbs)
                await asyncio.gather(*(seller.say(held.hold_id, verb) for verb in verbs))
                assert await seller.insist(held.hold_id, "cancel") == "cancelled"
                assert await seller.insist(held.hold_id, "confirm") == "cancelled"
                # Late: the reaper has been there.
                held = await claimed(user, next(seats[number]))
                await asyncio.sleep(site.settings.claim_ms / 1000 + 0.3)
                ends = await asyncio.gather(*(seller.say(held.hold_id, "confirm") for _ in range(3)))
                assert set(ends) <= {"expired", ""}
                status = await seller.insist(held.hold_id, "confirm")
                assert status == "expired"
                pay(load, held.hold_id, status)
                report.hit(11, 3)

        await asyncio.gather(*(go_through(number, user) for number, user in enumerate(load.users)))
        await report.serves_again(site)
        await check(site, load, repairs=False)
        final = await statuses(site)
        for booking_id, verb, status in seller.answers:
            if verb == "confirm" and status == "confirmed":
                assert final[booking_id] in ("confirmed", "cancelled")


HURRIED = {"SEATSERVER_CLAIM_MS": "1000", "SEATSERVER_REAP_MS": "20"}


@pytest.mark.long
async def test_fault_19_the_reaper_races_a_slow_confirm(open_site: OpenSite, report: Report) -> None:
    # The race is one only where a payment can be in time at all.
    claim_ms = round(int(HURRIED["SEATSERVER_CLAIM_MS"]) * min(slowness(), 10))
    async with open_site(**{**HURRIED, "SEATSERVER_CLAIM_MS": str(claim_ms)}) as site:
        await site.add_server(proxied=True)
        await site.add_server()
        await reaper_against_payments(site, report)


async def reaper_against_payments(site: Site, report: Report) -> None:
    """The payment comes just when its time runs out, and Postgres is slow for one of the two servers."""
    slow = site.servers[0]
    async with users(site, 7) as load, selling(site) as seller:
        report.loads.append(load)
        seats = own_seats(load)
        ends: list[str] = []

        async def race(number: int, user: User) -> None:
            claim_s, most_early_s = site.settings.claim_ms / 1000, 0.5
            for turn in range(30):
                if turn >= 5 and len(set(ends)) == 2:
                    break
                held = await held_at_last(user, next(seats[number]))
                if await user.book(held, pay_later=True) != "pending":
                    ends.append("expired")  # the answer took longer than the payment's time
                    continue
                await asyncio.sleep(claim_s - site.rng.uniform(0.05, most_early_s))
                server = slow if site.rng.random() < 0.7 else None
                status = await seller.say(held.hold_id, "confirm", server)
                status = status or await seller.insist(held.hold_id, "confirm")
                pay(load, held.hold_id, status)
                ends.append(status)
                report.hit(1)
                # On a slow machine the payment has to set out earlier to be there in time.
                most_early_s = min(claim_s, most_early_s * 1.5) if status == "expired" else max(0.1, most_early_s / 1.5)
                if status == "confirmed":
                    load.promises.confirmed[held.hold_id] = held.seats
                    await user.cancel(held)

        assert slow.to_postgres is not None
        slow.to_postgres.delay_s = 0.03
        await asyncio.gather(*(race(number, user) for number, user in enumerate(load.users)))
        slow.to_postgres.delay_s = 0.0
        assert set(ends) == {"confirmed", "expired"}, "both came first at times"
        report.notes.append(f"confirmed {ends.count('confirmed')}, expired {ends.count('expired')}")
        await report.serves_again(site)
        await check(site, load, repairs=False)
