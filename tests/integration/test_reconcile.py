"""Redis is compared with Postgres and repaired, whatever was written into it by hand or by a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from seatserver.config import Settings
from seatserver.seats.states import SeatState
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.server import BLOCKED, SHOWTIME, eventually, hold, now_ms, put_on_sale, settled
from tests.integration.test_relay import sell

pytestmark = pytest.mark.clock

FREE, HELD, SOLD = SeatState.FREE, SeatState.HELD, SeatState.SOLD
BASE = f"seats:{{{SHOWTIME}}}"


@pytest.fixture
async def redis(brisk: Settings) -> AsyncIterator[Redis]:
    async with Redis.from_url(brisk.redis_url) as client:
        yield client


async def forge(redis: Redis, **changes: int | str | None) -> None:
    """Make Redis believe something else, and its book-keeping agree.

    ``s3=None`` frees seat 3, ``s4=3`` sells seat 4; ``k5="kiosk"`` keeps seat 5 for a channel, ``k6=""`` blocks seat 6.
    """
    for name, value in changes.items():
        table = f"{BASE}:{'taken' if name[0] == 's' else 'kept'}"
        if value is None:
            await redis.hdel(table, name[1:])
        else:
            await redis.hset(table, name[1:], value)
    for table in ("taken", "kept"):
        await redis.hset(f"{BASE}:meta", table, await redis.hlen(f"{BASE}:{table}"))


async def test_nothing_is_repaired_when_redis_and_postgres_agree(core: Server) -> None:
    assert await core.reconciler.run() == [], "what Redis never knew is no difference"
    await sell(core, 1)
    await hold(core, "bob", 2)
    await settled(core)
    version = (await core.store.snapshot(SHOWTIME, 28)).version
    assert await core.reconciler.run() == []
    assert (await core.store.snapshot(SHOWTIME, 28)).version == version


@pytest.mark.parametrize(
    "forged",
    [
        {"s1": None},
        {"s5": 3},
        {"s1": 2},
        {f"k{BLOCKED}": None},
        {f"k{BLOCKED}": "kiosk"},
        {"k1": "", "k2": "kiosk"},
        {"s1": None, "k2": "", "s6": 2},
    ],
)
async def test_forged_owners_are_corrected_once(
    core: Server, redis: Redis, forged: dict[str, int | str | None]
) -> None:
    await sell(core, 1)
    truth = await settled(core)
    await forge(redis, **forged)
    assert (await core.store.snapshot(SHOWTIME, 28)).states != truth
    assert await core.reconciler.run() == [SHOWTIME]
    assert (await core.store.snapshot(SHOWTIME, 28)).states == truth
    assert await core.reconciler.run() == []


async def test_a_sold_seat_held_in_redis_is_taken_back_for_every_viewer(make_server: MakeServer, redis: Redis) -> None:
    server = await make_server(reconcile_ms=60_000)
    async with server.watcher("bob") as bob, server.watcher("viewer") as viewer:
        await sell(server.core, 1)
        await viewer.until("delta", changes=[[1, 3]])
        await forge(redis, s1=None)
        held = await bob.hold(0, 1)
        assert held["type"] == "held"
        refused = await bob.ask("book", hold_id=held["hold_id"])
        assert (refused["type"], refused["seats"]) == ("refused", [[1, "sold"]])
        lost = await bob.told("expired")
        assert (lost["hold_id"], sorted(lost["seats"]), lost["reason"]) == (held["hold_id"], [0, 1], "sold")
        await eventually(lambda: server.core.hub.rooms[SHOWTIME].room.states[:2] == bytes((FREE, SOLD)))
        assert (await bob.hold(0))["type"] == "held"


async def test_holds_survive_the_repair_of_other_seats(core: Server, redis: Redis) -> None:
    await sell(core, 1)
    await settled(core)
    hold_id = await hold(core, "bob", 2, 3)
    await forge(redis, s1=None)
    assert await core.reconciler.run() == [SHOWTIME]
    [held] = await core.store.holds_of(SHOWTIME, "bob")
    assert (held.hold_id, held.seats) == (hold_id, (2, 3))
    assert (await core.checkout.book(SHOWTIME, hold_id, "bob", pay_later=False)).status == "confirmed"


async def test_a_redis_that_stays_behind_first_gets_time_and_then_a_repair(core: Server, redis: Redis) -> None:
    for seat in (1, 2, 3):
        await sell(core, seat)
    await settled(core)
    await forge(redis, s2=None, s3=None)
    await redis.hset(f"{BASE}:meta", "pgseq", 1)
    assert await core.reconciler.run() == [], "most likely it is on its way"
    assert await core.reconciler.run() == [SHOWTIME]
    assert [(await settled(core))[seat] for seat in (1, 2, 3)] == [SOLD] * 3


async def test_a_showtime_that_cannot_be_checked_stops_no_other(core: Server, redis: Redis) -> None:
    await put_on_sale(core.catalog, "another", starts_at_ms=now_ms() + 60_000)
    for showtime in (SHOWTIME, "another"):
        await core.store.load(showtime)
    await forge(redis, s5=3)
    async with core.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE showtimes SET seq = 7 WHERE id = 'another'"))
    assert await core.reconciler.run() == [SHOWTIME]
    assert sorted(await core.reconciler.known_showtimes()) == ["another", SHOWTIME]


async def test_redis_follows_a_restored_postgres(core: Server) -> None:
    """A restored backup, or a standby that lacked the last changes: Redis knows sales that never were, by now."""
    await sell(core, 1)
    lost = await sell(core, 2)
    held = await hold(core, "bob", 5)
    await settled(core)
    before = await core.store.snapshot(SHOWTIME, 28)
    async with core.database.transaction() as connection:
        for statement in (
            "DELETE FROM booked_seats WHERE booking_id = :id",
            "DELETE FROM bookings WHERE id = :id",
            "UPDATE showtimes SET seq = seq - 1",
        ):
            await connection.execute(sa.text(statement), {"id": lost} if ":id" in statement else {})
    assert await core.reconciler.run() == [SHOWTIME]
    after = await core.store.snapshot(SHOWTIME, 28)
    assert after.epoch != before.epoch, "no viewer may take this room for the old one"
    assert (after.states[1], after.states[2], after.states[5]) == (SOLD, FREE, HELD)
    assert (await core.store.pin(SHOWTIME, held, "bob")).seats == (5,)
    assert await core.reconciler.run() == []
    await sell(core, 2)
    await settled(core)
