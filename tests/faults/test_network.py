"""The network between the parts is slow, lossy or cut, and everybody comes back at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pytest

from seatserver.client import SeatClient
from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check, one_story
from tests.faults.site import SHOWTIME
from tests.faults.users import FollowedRoom, Mix, users
from tests.integration.proxy import Proxy
from tests.integration.server import eventually

CROWD = 200


@pytest.mark.long
async def test_fault_17_delay_loss_and_partition_between_servers_and_redis(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        cut_off, other = await site.add_servers(2, proxied=True)
        assert cut_off.to_redis is not None and other.to_redis is not None
        async with users(site, 10) as load:
            report.loads.append(load)
            load.start()

            report.hit(await load.busy(3), 2)
            cut_off.to_redis.delay_s, other.to_redis.delay_s = 0.1, 0.02
            await load.run_for(1.5)
            cut_off.to_redis.delay_s = other.to_redis.delay_s = 0.0

            for _ in range(8):
                report.hit(await load.busy(0))
                site.rng.choice((cut_off.to_redis, other.to_redis)).cut_all()
                await load.run_for(site.rng.uniform(0.05, 0.3))

            report.hit(await load.busy(0))
            cut_off.to_redis.freeze()
            await report.serves_again(site, other)
            await load.run_for(2)
            cut_off.to_redis.thaw()
            await report.serves_again(site)

            report.hit(await load.busy(0))
            cut_off.to_redis.refuses = True
            cut_off.to_redis.cut_all()
            await load.run_for(1)
            cut_off.to_redis.refuses = False
            await report.serves_again(site)

            await load.run_for(0.5)
            await load.end()
            await check(site, load)


@pytest.mark.long
async def test_fault_17_the_same_between_servers_and_postgres(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        cut_off, other = await site.add_servers(2, proxied=True)
        assert cut_off.to_postgres is not None and other.to_postgres is not None
        async with users(site, 10) as load:
            report.loads.append(load)
            load.start()
            report.hit(await load.busy(3), 2)
            cut_off.to_postgres.delay_s, other.to_postgres.delay_s = 0.05, 0.01
            await load.run_for(1)
            cut_off.to_postgres.delay_s = other.to_postgres.delay_s = 0.0
            for _ in range(8):
                report.hit(await load.busy(0))
                site.rng.choice((cut_off.to_postgres, other.to_postgres)).cut_all()
                await load.run_for(site.rng.uniform(0.05, 0.3))
            report.hit(await load.busy(0))
            cut_off.to_postgres.freeze()
            await report.serves_again(site, other)
            await load.run_for(2)
            cut_off.to_postgres.thaw()
            await report.serves_again(site)
            await load.run_for(0.5)
            await load.end()
            await check(site, load)


def are_back(rooms: list[FollowedRoom], connections: list[int]) -> bool:
    """Whether each has a connection again that it had not before."""
    return all(room.connected and room.connections > had for room, had in zip(rooms, connections, strict=True))


@pytest.mark.long
async def test_fault_22_all_sockets_come_back_at_once(open_site: OpenSite, report: Report) -> None:
    """The load balancer restarts: everybody loses the connection in the same moment, and is back up to date."""
    async with open_site(SEATSERVER_SOCKETS_PER_USER="1000") as site:
        servers = await site.add_servers(2)
        async with AsyncExitStack() as stack:
            doors = [await stack.enter_async_context(Proxy("127.0.0.1", server.port).listening()) for server in servers]
            addresses = [f"http://127.0.0.1:{door.port}" for door in doors]
            load = await stack.enter_async_context(users(site, 8, Mix(pause_s=0.1), on=addresses))
            report.loads.append(load)
            crowd = []
            for address in addresses:
                client = await stack.enter_async_context(SeatClient(address, token=site.token("crowd")))
                rooms = [FollowedRoom(client, SHOWTIME, "msgpack") for _ in range(CROWD // 2)]
                crowd += await asyncio.gather(*(stack.enter_async_context(room) for room in rooms))
            load.start()
            for _ in range(3):
                report.hit(await load.busy(3), CROWD)
                before = [room.connections for room in crowd]
                for door in doors:
                    door.cut_all()
                await eventually(partial(are_back, crowd, before))
            await report.serves_again(site)
            await load.end()
            await check(site, load, linearizable=True, repairs=False)
            last = load.rooms[0].room
            await eventually(lambda: all(room.room.version == last.version for room in crowd))
            assert all(bytes(room.room.states) == bytes(last.states) for room in crowd)
            assert one_story([*load.rooms, *crowd]) == []
            assert max(room.snapshots for room in crowd) <= 4, "they resume where they were"
