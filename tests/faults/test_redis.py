"""Redis dies, forgets, stands still, goes back in time or loses answers and messages, while people buy."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from tests.faults.builds import RewrittenScript
from tests.faults.clock import Clock
from tests.faults.conftest import OpenSite, Report
from tests.faults.dropping import Dropping
from tests.faults.invariants import Descriptors, check
from tests.faults.site import SHOWTIME, Site, kill
from tests.faults.users import Mix, users
from tests.integration.proxy import Proxy
from tests.integration.server import eventually


@pytest.mark.long
@pytest.mark.parametrize("remembers", [True, False], ids=["with an append-only file", "without one"])
async def test_fault_6_kill_9_of_redis_and_a_restart(site: Site, report: Report, remembers: bool) -> None:
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        for _ in range(2):
            report.hit(await load.busy(len(load.promises.confirmed) + 5))
            kill(site.redis.pid)
            await load.run_for(site.rng.uniform(0, 0.5))
            await site.start_redis(remembers=remembers)
            await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load)


@pytest.mark.parametrize("command", ["FLUSHALL", pytest.param("SCRIPT FLUSH", marks=pytest.mark.long)])
async def test_fault_7_redis_forgets_everything_or_only_the_scripts(site: Site, report: Report, command: str) -> None:
    async with users(site, 10) as load, site.keys() as keys:
        report.loads.append(load)
        load.start()
        for _ in range(4):
            report.hit(await load.busy(len(load.promises.confirmed) + 3))
            await (keys.flushall() if command == "FLUSHALL" else keys.script_flush())
            await load.run_for(site.rng.uniform(0, 0.3))
        await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load, linearizable=command == "SCRIPT FLUSH", repairs=command == "FLUSHALL")


@pytest.mark.long
@pytest.mark.parametrize("checkout_s", [2.6, 20.0], ids=["longer than a checkout", "shorter than one"])
async def test_fault_8_redis_stands_still_for_ten_seconds(
    open_site: OpenSite, report: Report, checkout_s: float
) -> None:
    """A seat whose booking Redis has not heard of is kept for the time of a checkout. If Redis stands still for longer,
    it may be held once more until the news is there, and the hold is lost again; two buyers it never has."""
    async with open_site(SEATSERVER_CHECKOUT_MS=f"{checkout_s * 1000:.0f}") as site:
        await site.add_servers(2)
        descriptors = Descriptors(site)
        async with users(site, 8) as load:
            report.loads.append(load)
            load.start()
            report.hit(await load.busy(5))
            async with site.standing_still(site.redis):
                await load.run_for(10)
                assert load.errors["unavailable"], "nobody waits for ever"
            await report.serves_again(site)
            await load.run_for(0.5)
            await load.end()
            await check(site, load, linearizable=checkout_s > 10)
        await descriptors.check()


@pytest.mark.long
@pytest.mark.parametrize("minutes", [10, -10], ids=["forward", "back"])
async def test_fault_10_the_clock_of_redis_jumps(
    open_site: OpenSite, report: Report, tmp_path: Path, minutes: int
) -> None:
    """Forward, every hold is over at once; back, none may last the longer for it."""
    clock = Clock(tmp_path)
    async with open_site(redis_binary=clock.redis) as site:
        await site.add_servers(2)
        async with users(site, 10) as load:
            report.loads.append(load)
            load.start()
            report.hit(await load.busy(5))
            clock.jump(minutes * 60)
            await report.serves_again(site)
            await load.run_for(1)
            await load.end()
            async with site.keys() as keys:
                assert abs((await keys.time())[0] - time.time() - minutes * 60) < 5, "it did jump"
            await check(site, load)


@pytest.mark.long
async def test_fault_15_the_answer_of_a_script_is_cut_off(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        await site.add_servers(2, proxied=True)
        await lost_answers_of_scripts(site, report)


ENOUGH_LOST = 5
ALL_SCRIPTS = ("hold", "pin", "release", "extend", "apply", "load", "sweep", "hold", "hold")


async def lost_answers_to_holds(site: Site, report: Report) -> None:
    """Among users who seldom want the same seat: who is refused one has a reason for it."""
    await lost_answers_of_scripts(site, report, ("hold",) * 20, Mix(blind=0))


async def lost_answers_of_scripts(
    site: Site, report: Report, verbs: tuple[str, ...] = ALL_SCRIPTS, mix: Mix | None = None
) -> None:
    """The script has run, and is asked to run once more."""
    async with users(site, 10, mix) as load:
        report.loads.append(load)
        load.start()
        await load.busy(3)
        for verb in verbs:
            for server in site.servers:
                assert server.to_redis is not None
                before = server.to_redis.lost
                server.to_redis.lose_answer_to = RewrittenScript(verb, server.build).sha.encode()
                if verb == "load":
                    async with site.keys() as keys:
                        await keys.delete(f"seats:{{{SHOWTIME}}}:meta")
                # Some scripts are seldom asked for, and on a slow machine all of them.
                if await load.until(partial(server.to_redis.has_lost, before), 5.0):
                    report.hit(1)
                server.to_redis.lose_answer_to = None
        assert report.faults > 10
        await report.serves_again(site)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
async def test_fault_16_the_connections_of_the_feed_are_killed(site: Site, report: Report) -> None:
    async with users(site, 10) as load, site.keys() as keys:
        report.loads.append(load)
        load.start()
        for _ in range(5):
            in_flight = await load.busy(len(load.promises.confirmed) + 2)
            report.hit(in_flight, await keys.client_kill_filter(_type="pubsub"))
            await load.run_for(site.rng.uniform(0, 0.3))
        await report.serves_again(site)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
async def test_fault_16_every_nth_message_of_the_feed_is_lost(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        await lost_messages(site, report)


async def lost_messages(site: Site, report: Report, build: str = "") -> None:
    """Every gap is noticed and closed."""
    dropping = Dropping(nth=5, channel=SHOWTIME.encode())
    proxy = await site.put_proxy_before_redis()
    proxy.answers_through = dropping.filter
    await site.add_servers(2, build=build)
    async with users(site, 10, Mix(pause_s=0.05)) as load:
        report.loads.append(load)
        load.start()
        await load.busy(5)
        dropping.active = True
        await load.run_for(3)
        assert await load.until(lambda: dropping.dropped >= ENOUGH_LOST), "messages went through"
        report.hit(dropping.dropped, dropping.dropped)
        dropping.active = False
        await report.serves_again(site)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
async def test_fault_9_a_stale_replica_is_promoted_in_the_middle_of_writes(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site, site.replica() as replica:
        proxy = await site.put_proxy_before_redis()
        await site.add_servers(2)
        async with users(site, 10) as load:
            report.loads.append(load)
            load.start()
            await load.busy(5)
            # What is written from now on it will not have.
            await site.promote(replica)
            await load.busy(len(load.promises.confirmed) + 10)
            report.hit(len(load.in_flight()))
            kill(site.redis.pid)
            proxy.lead_to("127.0.0.1", replica.port)
            await report.serves_again(site)
            await load.run_for(1)
            await load.end()
            await check(site, load)


@pytest.mark.long
async def test_fault_9_viewers_of_a_dead_server_move_to_one_that_only_knows_the_promoted_replica(
    open_site: OpenSite, report: Report
) -> None:
    """Their version is one that the promoted replica never had, and has by now: it means another room."""
    async with open_site() as site, site.replica() as replica:
        proxy = await site.put_proxy_before_redis()
        victim, survivor = await site.add_servers(2)
        async with (
            Proxy("127.0.0.1", victim.port).listening() as door,
            users(site, 6, on=[f"http://127.0.0.1:{door.port}"]) as load,
        ):
            report.loads.append(load)
            load.start()
            await load.busy(5)
            await site.promote(replica)
            await load.busy(len(load.promises.confirmed) + 3)
            kill(site.redis.pid)
            report.hit(len(load.in_flight()))
            await victim.kill()
            proxy.lead_to("127.0.0.1", replica.port)
            last = max(room.room.version for room in load.rooms)
            async with users(site, 4, on=[survivor.url], called="stranger") as others:
                report.loads.append(others)
                others.start()
                await eventually(lambda: min(room.room.version for room in others.rooms) > last + 5)
                await others.end()
                door.lead_to("127.0.0.1", survivor.port)
                await load.run_for(0.3)
                await load.end()
                await report.serves_again(site, survivor)
                others.users += load.users
                await check(site, others)
