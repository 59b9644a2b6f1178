"""Changes in Postgres reach Redis in order and once, after any crash, however long that takes."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from seatserver.config import Settings
from seatserver.errors import Unavailable
from seatserver.rooms.feed import FeedMessage
from seatserver.seats.states import SeatState
from seatserver.seats.store import feed_channel
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.server import SHOWTIME, check_books, eventually, hold, opened, rows, settled

FREE, SOLD = SeatState.FREE, SeatState.SOLD
META = f"seats:{{{SHOWTIME}}}:meta"


async def sell(core: Server, seat: int, user: str = "ann") -> UUID:
    hold_id = await hold(core, user, seat)
    assert (await core.checkout.book(SHOWTIME, hold_id, user, pay_later=False)).status == "confirmed"
    return hold_id


async def outbox(core: Server) -> list[int]:
    return [row.seq for row in await rows(core, "SELECT seq FROM outbox ORDER BY seq")]


@pytest.fixture
def crashed(monkeypatch: pytest.MonkeyPatch, core: Server) -> Server:
    """A server that dies after each COMMIT, before anything else happens."""
    monkeypatch.setattr(core.relay, "notify", lambda showtime_id: None)
    return core


async def test_changes_left_by_a_crash_arrive_later_and_in_order(crashed: Server, brisk: Settings) -> None:
    for seat in range(5):
        await sell(crashed, seat)
    assert await outbox(crashed) == [1, 2, 3, 4, 5]
    assert SOLD not in (await crashed.store.snapshot(SHOWTIME, 28)).states
    async with opened(brisk) as healthy:
        states = await settled(healthy)
        assert [states[seat] for seat in range(6)] == [SOLD] * 5 + [FREE]
        assert await healthy.relay.poll() == 0


async def test_changes_left_by_a_crash_reach_viewers_and_the_owner(crashed: Server, make_server: MakeServer) -> None:
    server = await make_server(relay_ms=60_000)
    async with server.watcher("ann") as ann, server.watcher("bob") as bob:
        booking_id = await sell(crashed, 3)
        await server.core.relay.poll()
        await bob.until("delta", changes=[[3, 3]])
        assert (await ann.until("booked"))["booking_id"] == str(booking_id)


async def test_any_number_of_relays_apply_each_change_once_and_in_order(brisk: Settings) -> None:
    async with AsyncExitStack() as stack:
        settings = dataclasses.replace(brisk, duties=False, seats_per_user=28)
        cores = [await stack.enter_async_context(opened(settings)) for _ in range(3)]
        redis = Redis.from_url(brisk.redis_url, protocol=2)
        stack.push_async_callback(redis.aclose)
        feed = redis.pubsub()
        stack.push_async_callback(feed.aclose)
        await feed.subscribe(feed_channel(SHOWTIME))
        bookings = await asyncio.gather(*(sell(cores[seat % 3], seat) for seat in range(20)))
        cancelled = await asyncio.gather(*(cores[0].checkout.cancel(one) for one in bookings[:10]))
        for core in cores * 3:
            core.relay.notify(SHOWTIME)
            await core.relay.poll()
        states = await settled(cores[0])
        assert [states[seat] for seat in range(20)] == [FREE] * 10 + [SOLD] * 10
        await eventually(lambda: all(core.relay.is_idle for core in cores))

        told, versions = [], []
        while (message := await feed.get_message(timeout=0.2)) is not None:
            if message["type"] != "message":
                continue
            change = msgspec.msgpack.decode(message["data"], type=FeedMessage)
            assert change.version == change.from_version + 1
            versions.append(change.version)
            told += [notice.hold_id for notice in change.notices if notice.kind == "booking"]
        assert versions == list(range(versions[0], versions[0] + len(versions))), "no version twice, none missing"
        expected = [str(one) for one in bookings] + [str(one.id) for one in cancelled]
        assert sorted(told) == sorted(expected), "each change is told once"
        assert (await cores[0].store.snapshot(SHOWTIME, 28)).pgseq == 30


@pytest.mark.parametrize("loss", ["everything", "the scripts", "half a room", "some changes"])
async def test_redis_ends_up_correct_whatever_it_loses_in_between(crashed: Server, brisk: Settings, loss: str) -> None:
    for seat in range(4):
        await sell(crashed, seat)
    async with Redis.from_url(brisk.redis_url) as redis:
        match loss:
            case "everything":
                await redis.flushall()
            case "the scripts":
                await redis.script_flush()
            case "half a room":
                await redis.delete(f"seats:{{{SHOWTIME}}}:taken")
            case "some changes":
                async with crashed.database.transaction() as connection:
                    await connection.execute(sa.text("DELETE FROM outbox WHERE seq <= 2"))
    async with opened(brisk) as healthy:
        states = await settled(healthy)
    assert [states[seat] for seat in range(5)] == [SOLD] * 4 + [FREE]


async def test_a_restored_redis_notices_the_gap_and_is_corrected(core: Server, brisk: Settings) -> None:
    for seat in range(4):
        await sell(core, seat)
    await settled(core)
    async with Redis.from_url(brisk.redis_url) as redis:
        await redis.hset(META, "pgseq", 1)
        await redis.hset(META, "taken", 2)
        await redis.hdel(f"seats:{{{SHOWTIME}}}:taken", "1", "2", "3")
    await sell(core, 9)
    states = await settled(core)
    assert [states[seat] for seat in (0, 1, 2, 3, 9)] == [SOLD] * 5


async def test_while_redis_is_silent_a_booking_succeeds_and_its_change_waits(brisk: Settings) -> None:
    async with proxied(brisk.redis_url) as (proxy, url):
        settings = dataclasses.replace(brisk, redis_url=url, redis_timeout_ms=1000)
        async with opened(settings) as core:
            hold_id = await hold(core, "ann", 1)
            async with core.database.transaction() as connection:
                await connection.execute(sa.text("SELECT 1 FROM showtimes FOR UPDATE"))
                booking = asyncio.create_task(core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False))
                await eventually(lambda: core.checkout.is_writing)
                proxy.freeze()
            assert (await booking).status == "confirmed", "Postgres has it, that is enough"
            with pytest.raises(Unavailable):
                await hold(core, "bob", 2)
            assert await outbox(core) == [1]
            proxy.thaw()
            assert (await settled(core))[1] == SOLD
            await check_books(core)


async def test_a_relay_closed_in_the_middle_loses_nothing(core: Server, brisk: Settings) -> None:
    for seat in range(5):
        await sell(core, seat)
    await core.relay.close()
    await sell(core, 5)
    async with opened(brisk) as next_one:
        assert [(await settled(next_one))[seat] for seat in range(6)] == [SOLD] * 6


async def test_a_bookings_change_waits_until_postgres_answers(make_server: MakeServer, brisk: Settings) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        server = await make_server(database_url=url, database_pool_wait_ms=100, database_statement_ms=300)
        async with opened(dataclasses.replace(brisk, duties=False)) as beside, server.watcher("ann") as ann:
            proxy.freeze()
            booking_id = await sell(beside, 1)
            await ann.until("delta", changes=[[1, 3]])
            await asyncio.sleep(0.05)
            proxy.cut_all()
            proxy.thaw()
            assert (await ann.told("booked"))["booking_id"] == str(booking_id)
