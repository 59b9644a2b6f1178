"""Live rooms on a real Redis: loaded for the first viewer, dropped after the last, and correct through every fault."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from seatserver.errors import NotFound, SeatsRefused, Unavailable
from seatserver.seats.states import SeatState
from tests.integration.bench import SEATS, SHOW, Truth, open_bench, until
from tests.integration.instance import Instance, Watcher, open_instance

FREE, HELD, SOLD = SeatState.FREE, SeatState.HELD, SeatState.SOLD


@pytest.fixture
async def instance(redis_url: str) -> AsyncIterator[Instance]:
    async with open_instance(redis_url) as instance:
        yield instance


async def test_a_room_lives_from_its_first_viewer_to_its_last(instance: Instance) -> None:
    assert not await instance.subscribed()
    first = await instance.watch()
    second = await instance.hub.open(SHOW, SEATS, first)
    assert second is first.live
    assert list(instance.hub.rooms) == [SHOW]
    assert await instance.subscribed()
    instance.hub.leave(second)
    assert await instance.subscribed()
    instance.leave(first)
    assert instance.hub.rooms == {}

    async def gone() -> bool:
        return not await instance.subscribed()

    await until(gone, "the subscription ends")


async def test_viewers_who_come_at_once_share_one_load(instance: Instance) -> None:
    listener = Watcher()
    rooms = await asyncio.gather(*(instance.hub.open(SHOW, SEATS, listener) for _ in range(50)))
    assert len({id(live) for live in rooms}) == 1
    assert instance.truth.reads == 1
    assert rooms[0].viewers == 50
    for live in rooms:
        instance.hub.leave(live)
    assert instance.hub.rooms == {}


async def test_a_viewer_sees_changes_from_before_and_after_it_joined(instance: Instance) -> None:
    await instance.hold("ann", [1])
    watcher = await instance.watch()
    assert watcher.picture.states[1] == HELD
    held = await instance.hold("bob", [2, 3])
    await instance.book("bob", held.hold_id, [2, 3])
    await instance.caught_up(watcher)
    assert watcher.picture.states[:4] == bytes([FREE, HELD, SOLD, SOLD])
    assert watcher.resets == 1, "only the first load is a snapshot"
    assert [notice.kind for notice in watcher.notices] == ["booking"]


async def test_changes_during_the_load_are_not_lost(instance: Instance) -> None:
    instance.slow.gate = asyncio.Event()
    opening = asyncio.create_task(instance.watch())
    await until(lambda: instance.slow.waiting, "the snapshot is read")
    async with open_bench(instance.settings.redis_url, instance.truth) as other:
        held = await other.hold("ann", [1])
        await other.store.release(SHOW, held.hold_id, "ann")
        await other.hold("bob", [2])
    instance.slow.gate.set()
    watcher = await opening
    await instance.caught_up(watcher)
    assert watcher.picture.states[2] == HELD


async def test_a_viewer_who_gives_up_does_not_cancel_the_load_for_others(instance: Instance) -> None:
    instance.slow.gate = asyncio.Event()
    listener = Watcher()
    opening = [asyncio.create_task(instance.hub.open(SHOW, SEATS, listener)) for _ in range(3)]
    await until(lambda: instance.slow.waiting, "the snapshot is read")
    opening[0].cancel()
    await asyncio.wait(opening[:1])
    instance.slow.gate.set()
    first, second = await asyncio.gather(*opening[1:])
    assert first is second
    assert first.viewers == 2


async def test_when_all_viewers_give_up_nothing_is_left(instance: Instance) -> None:
    instance.slow.gate = asyncio.Event()
    listener = Watcher()
    opening = [asyncio.create_task(instance.hub.open(SHOW, SEATS, listener)) for _ in range(3)]
    await until(lambda: instance.slow.waiting, "the snapshot is read")
    for task in opening:
        task.cancel()
    await asyncio.wait(opening)
    assert instance.hub.rooms == {}

    async def gone() -> bool:
        return not await instance.subscribed()

    await until(gone, "the subscription ends")
    instance.slow.gate.set()
    await instance.caught_up(await instance.watch())


async def test_a_failed_load_fails_for_all_waiting_viewers_and_the_next_one_retries(instance: Instance) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise NotFound("showtime", SHOW)

    instance.truth.before_read = fail
    listener = Watcher()
    outcomes = await asyncio.gather(
        *(instance.hub.open(SHOW, SEATS, listener) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(outcome, NotFound) for outcome in outcomes)
    assert instance.hub.rooms == {}
    instance.truth.before_read = None
    await instance.caught_up(await instance.watch())


async def test_joining_and_leaving_quickly_never_misses_a_change(instance: Instance) -> None:
    async with open_bench(instance.settings.redis_url, instance.truth) as other:
        for turn in range(150):
            leaving = await instance.watch()
            instance.leave(leaving)
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            passing = asyncio.create_task(instance.watch())
            for _ in range(turn % 7):
                await asyncio.sleep(0)
            passing.cancel()
            await asyncio.wait([passing])
            instance.watchers.clear()
            watcher = await instance.watch()
            held = await other.hold("ann", [turn % SEATS])
            await instance.caught_up(watcher)
            await other.store.release(SHOW, held.hold_id, "ann")
            await instance.caught_up(watcher)
            instance.leave(watcher)
            for live in tuple(instance.hub.rooms.values()):
                for _ in range(live.viewers):
                    instance.hub.leave(live)


async def test_a_viewer_who_gives_up_at_any_moment_leaves_the_others_feed_intact(instance: Instance) -> None:
    watcher = await instance.watch("other")
    connections = await instance.feed_connections()
    for turns in range(60):
        opening = asyncio.create_task(instance.hub.open(f"show-{turns}", SEATS, Watcher()))
        for _ in range(turns % 12):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
    await instance.caught_up(await instance.watch())
    assert await instance.feed_connections() == connections
    assert watcher.live is not None


async def test_availability_comes_from_a_live_room_or_else_from_redis(instance: Instance) -> None:
    await instance.hold("ann", [1])
    epoch, version, states = await instance.hub.states(SHOW, SEATS)
    assert states[1] == HELD
    watcher = await instance.watch()
    assert await instance.hub.states(SHOW, SEATS) == (epoch, version, states)
    assert (watcher.picture.epoch, watcher.picture.version) == (epoch, version)


async def test_availability_of_an_unwatched_room_shows_no_expired_hold(instance: Instance) -> None:
    await instance.end(await instance.hold("ann", [1]), "ann")
    assert (await instance.hub.states(SHOW, SEATS))[2] == bytes(SEATS)


async def test_a_viewer_waiting_for_a_room_of_a_closing_hub_is_told_to_reconnect(redis_url: str) -> None:
    async with open_instance(redis_url) as instance:
        instance.slow.gate = asyncio.Event()
        opening = asyncio.create_task(instance.watch())
        await until(lambda: instance.slow.waiting, "the snapshot is read")
        await instance.hub.close()
        with pytest.raises(Unavailable):
            await opening
        instance.slow.gate.set()


async def test_two_instances_on_one_redis_show_the_same(redis_url: str) -> None:
    chance, truth = random.Random(7), Truth()
    async with open_instance(redis_url, truth) as one, open_instance(redis_url, truth) as two:
        watchers = [await one.watch(), await two.watch()]

        async def someone(user: str, instance: Instance) -> None:
            for _ in range(40):
                seats = chance.sample(range(SEATS), 2)
                try:
                    held = await instance.hold(user, seats)
                except SeatsRefused:
                    continue
                await asyncio.sleep(0)
                if chance.random() < 0.3 and truth.taken.keys().isdisjoint(seats):
                    await instance.book(user, held.hold_id, seats)
                else:
                    await instance.store.release(SHOW, held.hold_id, user)

        await asyncio.gather(*(someone(f"user {number}", (one, two)[number % 2]) for number in range(6)))
        for watcher in watchers:
            await one.caught_up(watcher)
            assert watcher.resets == 1
