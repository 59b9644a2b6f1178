"""Servers that die, stand still, or are replaced, while people buy."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

import pytest

from seatserver.wire import from_server
from tests.faults.builds import PAUSES, STEPS
from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check, statuses
from tests.faults.raw import answer_to, enter
from tests.faults.site import Server, Site
from tests.faults.users import Mix, users
from tests.integration.server import eventually
from tests.waiting import PATIENCE_S, slowness


@asynccontextmanager
async def slow_reader(site: Site, server: Server, user: str) -> AsyncIterator[None]:
    """A viewer that has hardly a buffer and reads nothing after its first snapshot."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", server.port))
    async with AsyncExitStack() as stack:
        viewer = await enter(stack, site, server, user, sock=plain)
        viewer.connection.transport.pause_reading()
        yield


async def test_fault_4_kill_9_of_a_server_during_confirms(site: Site, report: Report) -> None:
    victim, survivor = site.servers
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        report.hit(await load.busy(5))
        await victim.kill()
        await report.serves_again(site, survivor)
        await victim.start()
        await report.serves_again(site, victim)
        await load.run_for(0.5)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
async def test_fault_5_a_server_is_paused_for_longer_than_holds_last(site: Site, report: Report) -> None:
    sleeper, survivor = site.servers
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        report.hit(await load.busy(5))
        sleeper.signal(signal.SIGSTOP)
        await report.serves_again(site, survivor)
        await asyncio.sleep(site.settings.checkout_ms / 1000 + 0.5)
        sleeper.signal(signal.SIGCONT)
        await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
@pytest.mark.parametrize("where", PAUSES)
async def test_fault_5_a_server_paused_in_a_booking_books_nothing_that_was_refused_meanwhile(
    site: Site, report: Report, where: str
) -> None:
    """The buyer asks elsewhere, is told that the hold is over, and goes."""
    sleeper, other = site.servers
    await sleeper.kill()
    sleeper.build = where
    await sleeper.start()
    hold_id = str(uuid4())
    async with AsyncExitStack() as stack:
        buyer = await enter(stack, site, sleeper, "buyer")
        assert (await buyer.ask("hold", hold_id=hold_id, seats=[1, 2]))["type"] == "held"
        await buyer.send("book", ref=99, hold_id=hold_id)
        await eventually(lambda: sleeper.stands_still)
        report.hit(1)
        await asyncio.sleep(site.settings.checkout_ms / 1000 + 0.5)
        again = await enter(stack, site, other, "buyer")
        answer = await again.ask("book", hold_id=hold_id)
        assert answer["code"] == "hold_gone", answer
        sleeper.signal(signal.SIGCONT)
        late = await answer_to(buyer, 99)
        assert late["type"] == "error", late
    await report.serves_again(site)
    await check(site, None)
    assert UUID(hold_id) not in await statuses(site), "whoever was told no has no booking"


@pytest.mark.long
async def test_fault_3_a_server_exits_at_each_step_of_a_booking(site: Site, report: Report) -> None:
    """As by ``kill -9``, but exactly there; it is started again, and the next step is its last."""
    victim, survivor = site.servers
    async with users(site, 10, Mix(book=35, pay=45, release=5, extend=5, abandon=10, cancel=1.0)) as load:
        report.loads.append(load)
        load.start()
        await load.busy(3)
        for step in STEPS:
            await victim.kill()
            victim.build = step
            await victim.start(FAULT_NTH=str(site.rng.randrange(2, 6)))
            async with asyncio.timeout(PATIENCE_S):
                while victim.alive:
                    await load.run_for(0.02)
            report.hit(await load.busy(0, 1))
            await victim.bury()
        victim.build = ""
        await victim.start()
        await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load, linearizable=True)
        assert report.faults == len(STEPS)
        assert survivor.starts == 1


@pytest.mark.long
async def test_fault_20_a_rolling_restart_under_load_with_slow_readers(open_site: OpenSite, report: Report) -> None:
    """One server after the other is asked to go, and does so in time although some viewers read nothing."""
    async with open_site(SEATSERVER_OUTBOX_BYTES="4096") as site, AsyncExitStack() as stack:
        await site.add_servers(2)
        load = await stack.enter_async_context(users(site, 10))
        report.loads.append(load)
        for server in site.servers:
            for number in range(10):
                await stack.enter_async_context(slow_reader(site, server, f"slow-{number}"))
        load.start()
        for server in site.servers:
            report.hit(await load.busy(len(load.promises.confirmed) + 2))
            took_s = await server.stop()
            assert took_s < 3 * site.settings.shutdown_ms / 1000 * slowness(), "it goes in time"
            await server.start()
            await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        byes = [notice.code for room in load.rooms for notice in room.notices if isinstance(notice, from_server.Bye)]
        assert len(byes) >= len(load.rooms), "everybody was told"
        assert set(byes) == {1012}
        await check(site, load, linearizable=True)
