"""A room that Redis lost, and readings of Postgres that began before the loss.

Whoever loads a room reads Postgres first and writes to Redis afterwards. In between, another instance may have loaded
the room, changes may have arrived, seats may have been held, and the room may have been lost once more: then nothing in
Redis says any longer that the reading is old.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from seatserver.errors import Unavailable
from seatserver.seats.states import SeatState
from tests.integration.bench import SHOW, Bench, open_bench

FREE, HELD, SOLD = SeatState.FREE, SeatState.HELD, SeatState.SOLD
MODES = ("missing", "repair", "renew")
LOSSES = {"its counts": ("meta",), "its taken seats": ("taken",), "both": ("meta", "taken")}


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(redis_url) as bench:
        yield bench


def while_postgres_is_read(bench: Bench, happens: Callable[[], Awaitable[None]]) -> None:
    """Let this happen once, between the next reading of Postgres and what is done with it."""

    async def once() -> None:
        bench.truth.before_read = None
        await happens()

    bench.truth.before_read = once


async def lose(bench: Bench, parts: tuple[str, ...]) -> None:
    assert await bench.redis.delete(*map(bench.key, parts)) == len(parts)


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("mode", MODES)
async def test_an_old_reading_ends_no_hold_of_a_lost_room(bench: Bench, mode: str, lost: tuple[str, ...]) -> None:
    """The seat was sold when Postgres was read. Then its booking was cancelled, and somebody else held it."""
    booking = uuid.uuid4()
    await bench.book("bob", booking, [4])
    await bench.book("bob", booking, [5])
    hold_id = uuid.uuid4()

    async def cancelled_held_and_lost() -> None:
        await bench.book("bob", booking, [5], FREE)
        await bench.hold("ann", [5, 6], hold_id)
        await lose(bench, lost)

    while_postgres_is_read(bench, cancelled_held_and_lost)
    await bench.store.load(SHOW, mode)
    assert (await bench.store.pin(SHOW, hold_id, "ann")).seats == (5, 6)
    assert await bench.states() == {4: SOLD, 5: HELD, 6: HELD}
    assert (await bench.view()).pgseq == bench.truth.seq


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wiped", [False, True], ids=["the room is lost", "Redis is wiped"])
async def test_an_old_reading_offers_no_sold_seat_of_a_lost_room(bench: Bench, mode: str, wiped: bool) -> None:
    """The seat was free when Postgres was read. Then it was sold, and no change is left that would tell Redis again."""
    await bench.view()

    async def sold_and_lost() -> None:
        await bench.book("bob", uuid.uuid4(), [5])
        await (bench.redis.flushall() if wiped else lose(bench, ("meta",)))

    while_postgres_is_read(bench, sold_and_lost)
    await bench.store.load(SHOW, mode)
    assert await bench.states() == {5: SOLD}
    assert (await bench.view()).pgseq == bench.truth.seq


async def test_a_slow_loader_gives_way_to_what_came_after_another_loader(bench: Bench, redis_url: str) -> None:
    """Two instances miss the same room. It is lost once more before the slower one has read Postgres."""
    booking = uuid.uuid4()
    await bench.book("bob", booking, [5])
    await lose(bench, ("meta",))
    hold_id = uuid.uuid4()
    async with open_bench(redis_url, bench.truth) as faster:

        async def loaded_changed_and_lost() -> None:
            await faster.book("bob", booking, [5], FREE)
            await faster.hold("ann", [5], hold_id)
            await lose(faster, ("meta",))

        while_postgres_is_read(bench, loaded_changed_and_lost)
        assert await bench.states() == {5: HELD}
        assert (await faster.store.pin(SHOW, hold_id, "ann")).seats == (5,)


async def test_a_lost_room_is_loaded_with_one_reading_of_postgres(bench: Bench) -> None:
    await bench.hold("ann", [5])
    reads = bench.truth.reads
    await lose(bench, ("meta",))
    assert await bench.states() == {5: HELD}
    assert bench.truth.reads == reads + 1


async def test_a_room_that_is_lost_during_every_reading_is_unavailable(bench: Bench) -> None:
    async def wipe() -> None:
        await bench.redis.flushall()

    bench.truth.before_read = wipe
    with pytest.raises(Unavailable):
        await bench.view()
    bench.truth.before_read = None
    assert await bench.states() == {}


async def test_nothing_is_left_in_redis_for_a_showtime_that_cannot_be_loaded(bench: Bench) -> None:
    async def fail() -> None:
        raise Unavailable("Postgres")

    bench.truth.before_read = fail
    with pytest.raises(Unavailable):
        await bench.view()
    for key in await bench.redis.keys(bench.key("*")):
        assert await bench.redis.pttl(key) > 0, "it goes by itself"
