"""Many who want the same: one seat, overlapping baskets, all seats for one user."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from functools import partial
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from tests.faults.conftest import OpenSite, Report
from tests.faults.history import History, Step
from tests.faults.invariants import books, check
from tests.faults.linearizability import actions_of, ends_of, explain
from tests.faults.raw import answer_to, enter
from tests.faults.site import SHOWTIME, Site
from tests.faults.users import Mix, users
from tests.integration.server import Wire, eventually

SEAT = 3
BOOKING = 1_000_000
ROUNDS, MOST_ROUNDS = 6, 60

# What makes a deadlock likely where one is possible: each seat of a basket takes its time to be written.
SLOW_SEATS = """
    CREATE FUNCTION faults_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(0.05);
        RETURN NEW;
    END $$;
    CREATE TRIGGER faults_slow BEFORE INSERT ON booked_seats FOR EACH ROW EXECUTE FUNCTION faults_slow();
"""


async def take(history: History, wire: Wire, user: str, seats: tuple[int, ...]) -> Step:
    """Ask for seats and write down the answer."""
    hold_id = uuid4()
    with history.step("hold", user, hold_id, seats) as step:
        answer = await wire.ask("hold", hold_id=str(hold_id), seats=list(seats))
        if answer["type"] == "held":
            step.outcome, step.deadline_ms = "ok", float(answer["deadline_ms"])
        else:
            assert answer["type"] == "refused", answer
            step.outcome, step.reasons = "refused", {int(seat): why for seat, why in answer["seats"]}
    return step


@pytest.mark.long
async def test_fault_1_four_hundred_users_want_one_seat(open_site: OpenSite, report: Report) -> None:
    # Nobody's hold ends before the last one has asked, however slow the machine is.
    async with open_site(SEATSERVER_HOLD_MS="120000", SEATSERVER_HOLD_TOTAL_MS="120000") as site:
        await site.add_servers(2)
        await everybody_wants_one_seat(site, report)


async def everybody_wants_one_seat(site: Site, report: Report) -> None:
    """And one gets it, three times."""
    history, crowd = History(), 400
    async with AsyncExitStack() as stack:
        wires = []
        for at in range(0, crowd, 50):
            some = (enter(stack, site, site.servers[n % 2], f"rival-{n}") for n in range(at, at + 50))
            wires += await asyncio.gather(*some)
        for round_ in range(3):
            order = list(enumerate(wires))
            site.rng.shuffle(order)
            asking = [asyncio.create_task(take(history, wire, f"rival-{n}", (SEAT,))) for n, wire in order]
            await asyncio.sleep(0)  # everybody has asked
            report.hit(len(history.in_flight()))
            steps = await asyncio.gather(*asking)
            [winner] = [step for step in steps if step.outcome == "ok"]
            assert all(step.reasons == {SEAT: "held"} for step in steps if step is not winner)
            wire = wires[int(winner.user.removeprefix("rival-"))]
            if round_ < 2:
                with history.step("release", winner.user, winner.hold_id, (SEAT,)) as step:
                    answer = await wire.ask("release", hold_id=str(winner.hold_id))
                    assert answer["type"] == "released"
                    step.outcome = "ok"
            else:
                with history.step("book", winner.user, winner.hold_id, (SEAT,)) as step:
                    assert (await wire.ask("book", hold_id=str(winner.hold_id)))["status"] == "confirmed"
                    step.outcome = "ok"
    report.histories.append(history)
    assert explain(actions_of(history.steps, SEAT, site.settings.hold_ms), ends_of(history.steps, 0)) is None
    await check(site, None, repairs=False)


PATIENT = {
    "SEATSERVER_DATABASE_LOCK_MS": "3000",
    "SEATSERVER_DATABASE_STATEMENT_MS": "4000",
    "SEATSERVER_CHECKOUT_MS": "20500",
    "SEATSERVER_ANSWER_MS": "9000",
}


@pytest.mark.long
async def test_fault_2_overlapping_baskets_in_random_order(open_site: OpenSite, report: Report) -> None:
    """Redis keeps baskets apart, so it is made to forget: then several transactions want the same rows at once."""
    async with open_site(**PATIENT) as site:
        await site.add_servers(2)
        await overlapping_baskets(site, report)


async def overlapping_baskets(site: Site, report: Report) -> None:
    """Of those who overlap one wins, at once, and nobody waits for each other."""
    async with site.sql() as sql:
        await sql.execute(SLOW_SEATS)
    async with AsyncExitStack() as stack, site.keys() as keys:
        wires = [await enter(stack, site, site.servers[n % 2], f"rival-{n}") for n in range(6)]
        struck = 0
        # Where a booking is through before the next rival asks, or they hold nothing yet, nobody overlapped: once more.
        for _ in range(MOST_ROUNDS):
            seats, going = site.rng.sample(range(20), 6), []
            for wire in wires:
                hold_id = str(uuid4())
                basket = site.rng.sample(seats, 4)
                if (await wire.ask("hold", hold_id=hold_id, seats=basket))["type"] == "refused":
                    continue  # a rival's booking is through already
                await wire.send("book", ref=BOOKING, hold_id=hold_id)
                going.append((wire, hold_id))
                await eventually(partial(is_pinned_or_over, keys, hold_id))  # it is on its way to Postgres
                await keys.flushall()
            if len(going) > 1:
                struck += 1
                report.hit(len(going) - 1, len(going))
            answers = [await answer_to(wire, BOOKING) for wire, _ in going]
            kinds = [answer["type"] for answer in answers]
            report.bookings += kinds.count("booked")
            assert "booked" in kinds or not going, "somebody always wins"
            for answer in answers:
                # Never that something did not answer: whoever loses is told at once that it is lost.
                assert answer["type"] in ("booked", "refused") or answer["code"] == "hold_gone", answer
            assert (problems := await books(site)) == [], problems
            for (wire, hold_id), kind in zip(going, kinds, strict=True):
                if kind == "booked":
                    await cancel(site, wire, hold_id)
            if struck == ROUNDS:
                break
        assert struck == ROUNDS, "rivals seldom overlapped"
    async with site.sql() as sql:
        deadlocks = await sql.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert deadlocks == 0, "I9: transactions waited for each other"
    await check(site, None)


async def is_pinned_or_over(keys: Redis, hold_id: str) -> bool:
    """Whether the hold is being booked, or has ended because a rival's booking of its seats was faster."""
    pinned, status = await keys.hmget(f"seats:{{{SHOWTIME}}}:hold:{hold_id}", ["pinned", "status"])
    return pinned not in (None, "0") or status not in (None, "live")


async def cancel(site: Site, wire: Wire, booking_id: str) -> None:
    """Give a booking back over REST."""
    async with httpx.AsyncClient(timeout=20) as http:
        url = f"{site.servers[0].url}/api/v1/bookings/{booking_id}/cancel"
        answer = await http.post(url, headers={"Authorization": f"Bearer {wire.token}"})
        assert answer.json()["status"] == "cancelled"


@pytest.mark.long
async def test_fault_25_one_user_on_fifty_sockets_hoards_seats(site: Site, report: Report) -> None:
    """However many sockets: no more seats than one user may hold, and all of them come back."""
    most = site.settings.seats_per_user
    async with AsyncExitStack() as stack, users(site, 4, Mix(pause_s=0.1)) as load:
        report.loads.append(load)
        load.start()
        wires, turned_away = [], 0
        for number in range(50):
            try:
                wires.append(await enter(stack, site, site.servers[number % 2], "hoarder"))
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code == 4100, closed
                turned_away += 1
        assert len(wires) == 2 * site.settings.sockets_per_user
        assert turned_away == 10
        for _ in range(3):
            asking = [asyncio.create_task(hoard(wire, site.seats)) for wire in wires]
            await asyncio.sleep(0.02)
            report.hit(len(wires))
            answers = await asyncio.gather(*asking)
            async with site.keys() as keys:
                held = await keys.zcount(f"seats:{{{SHOWTIME}}}:user:hoarder", "-inf", "+inf")
            assert held <= most
            assert any("limit" in answer for answer in answers), "somebody was told that it is too much"
        await load.run_for(1)
        await report.serves_again(site)
        await load.end()
        await check(site, load, linearizable=False)


async def hoard(wire: Wire, seats: int) -> set[str]:
    """Hold one seat after the other; the reasons of refusals."""
    reasons: set[str] = set()
    for _ in range(4):
        answer = await wire.ask("hold", hold_id=str(uuid4()), seats=[random.randrange(seats)])
        if answer["type"] == "refused":
            reasons |= {str(why) for _, why in answer["seats"]}
    return reasons
