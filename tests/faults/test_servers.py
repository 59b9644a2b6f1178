"""Servers that die, stand still, or are replaced, while people buy."""

from __future__ import annotations

import asyncio
import signal

from tests.faults.conftest import Report
from tests.faults.invariants import check
from tests.faults.site import Site
from tests.faults.users import users


async def test_row_4_kill_9_of_a_server_during_confirms(site: Site, report: Report) -> None:
    victim, survivor = site.servers
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        for _ in range(2):
            report.hit(await load.busy(len(load.promises.confirmed) + 5))
            await victim.kill()
            await report.serves_again(site, survivor)
            await victim.start()
            await report.serves_again(site, victim)
        await load.run_for(0.5)
        await load.end()
        await check(site, load, linearizable=True)


async def test_row_5_a_server_that_stands_still_for_longer_than_holds_last(site: Site, report: Report) -> None:
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
