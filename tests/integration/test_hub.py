"""Live rooms on a real Redis: loaded for the first viewer, dropped after the last, and correct through every fault."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import structlog
from redis.asyncio import Redis

from seatserver import config
from seatserver.errors import NotFound, SeatsRefused, Unavailable
from seatserver.redis_io.client import connect
from seatserver.rooms.feed import Feed
from seatserver.rooms.hub import Hub
from seatserver.seats.states import SeatState
from seatserver.seats.store import feed_channel
from tests.integration.bench import SEATS, SHOW, Truth, open_bench, until
from tests.integration.instance import Instance, Watcher, open_instance
from tests.integration.proxy import proxied

FREE, HELD, SOLD = SeatState.FREE, SeatState.HELD, SeatState.SOLD


@pytest.fixture
async def instance(redis_url: str) -> AsyncIterator[Instance]:
    async with open_instance(redis_url) as instance:
        yield instance


# ---------------------------------------------------------------- coming and going


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


# ---------------------------------------------------------------- gaps and lost messages


async def publish(instance: Instance, message: Any, showtime_id: str = SHOW) -> None:
    payload = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
    await instance.redis.publish(feed_channel(showtime_id), payload)


async def test_a_gap_is_closed_without_a_snapshot_for_viewers(instance: Instance) -> None:
    watcher = await instance.watch()
    await instance.lose_a_message(5)
    await instance.hold("ann", [1])
    await instance.caught_up(watcher)
    assert (watcher.picture.states[5], watcher.picture.states[1]) == (SOLD, HELD)
    assert watcher.resets == 1


async def test_a_message_with_a_future_version_changes_nothing_unknown_to_redis(instance: Instance) -> None:
    watcher = await instance.watch()
    epoch, version = watcher.picture.epoch, watcher.picture.version
    await publish(instance, [epoch, version + 5, version + 6, 0, 0, [3, 3], []])
    await instance.hold("ann", [1])
    await instance.caught_up(watcher)
    assert watcher.picture.states[3] == FREE


@pytest.mark.parametrize("epoch", ["an epoch that is over", ""])
async def test_a_message_that_never_fits_costs_one_look_at_redis(instance: Instance, epoch: str) -> None:
    watcher = await instance.watch()

    async def calls() -> int:
        return int((await instance.redis.info("commandstats"))["cmdstat_evalsha"]["calls"])

    before = await calls()
    await publish(instance, [epoch or watcher.picture.epoch, 100, 101, 0, 0, [1, 1], [["expired", "ann", "h", [1]]]])
    await until(lambda: watcher.notices != [], "its notice is told all the same")
    await asyncio.sleep(0.2)
    assert await calls() - before <= 3
    assert watcher.resets == 1
    await instance.hold("ann", [1])
    await instance.caught_up(watcher)


@pytest.mark.parametrize(
    "rest",
    [
        [[SEATS, 1], []],
        [[-1, 1], []],
        [[0, 300], []],
        [[0], []],
        [[], [["expired", "ann", "no id", [1]]]],
        [[], [["booking", "ann", "", [1]]]],
        ["nothing"],
        [],
    ],
)
async def test_a_malformed_message_stops_no_room(instance: Instance, rest: list[Any]) -> None:
    watcher = await instance.watch()
    connections = await instance.feed_connections()
    await publish(instance, [watcher.picture.epoch, watcher.picture.version, watcher.picture.version + 1, 0, 0, *rest])
    await publish(instance, b"\xc1")
    await instance.hold("ann", [1])
    # When it was taken for a change, Redis is behind the room now: only a look at its version shows that.
    await asyncio.sleep(0)
    instance.hub.restored()
    await instance.caught_up(watcher)
    assert await instance.feed_connections() == connections


async def test_a_listener_that_fails_stops_neither_its_room_nor_others(instance: Instance) -> None:
    class Failing(Watcher):
        def changed(self, change: Any) -> None:
            super().changed(change)
            raise RuntimeError("a bug in a listener")

    instance.watchers[SHOW] = Failing()
    failing, other = await instance.watch(), await instance.watch("other")
    await instance.hold("ann", [1])
    await instance.hold("ann", [2])
    await instance.caught_up(failing)
    await instance.store.hold("other", uuid.uuid4(), "ann", [4])
    await until(lambda: other.picture.states[4] == HELD, "the other room follows")


async def test_a_lost_connection_is_replaced_and_missed_changes_are_recovered(instance: Instance) -> None:
    watcher = await instance.watch()
    async with open_bench(instance.settings.redis_url, instance.truth) as other:
        for seat in range(6):
            restored = instance.restored
            await instance.cut_feeds()
            await other.hold(f"user {seat}", [seat])
            await until(lambda before=restored: instance.restored > before, "the feed is back")  # type: ignore[misc]  # mypy has no type for a default
            await instance.caught_up(watcher)
    assert watcher.resets == 1


async def test_a_connection_lost_while_a_room_loads_loses_no_change(instance: Instance) -> None:
    await instance.view()
    instance.slow.gate = asyncio.Event()
    opening = asyncio.create_task(instance.watch())
    await until(lambda: instance.slow.waiting, "the snapshot is read")
    await instance.lose_a_message(5)
    await instance.cut_feeds()
    await until(lambda: instance.restored > 1, "the feed is back")
    instance.slow.gate.set()
    await instance.caught_up(await opening)


async def test_a_lost_last_message_is_found_by_comparing_versions(redis_url: str) -> None:
    async with open_instance(redis_url, verify_ms=50) as instance:
        watcher = await instance.watch()
        await instance.lose_a_message(5)
        await instance.caught_up(watcher)
        assert watcher.picture.states[5] == SOLD
        assert watcher.resets == 1


async def test_a_lost_probe_opens_a_new_connection(redis_url: str) -> None:
    """The connection looks open, and publishing works, but nothing is delivered."""
    async with proxied(redis_url) as (proxy, url), open_bench(redis_url) as bench:
        settings = config.load({}, redis_url=url, probe_ms=50, probe_lost_ms=200, redis_timeout_ms=300)

        class OnlySubscribesThroughTheProxy(Redis):
            def publish(self, channel: Any, message: Any, **kwargs: Any) -> Any:
                return bench.redis.publish(channel, message, **kwargs)

        behind = connect(settings)
        client = OnlySubscribesThroughTheProxy(connection_pool=behind.connection_pool)
        hub = Hub(bench.store, settings)
        feed = Feed(client, settings, hub.received, hub.restored)
        hub.attach(feed)
        running = asyncio.create_task(hub.run())
        try:
            await until(lambda: feed.healthy, "the feed follows")
            watcher = Watcher()
            watcher.look(await hub.open(SHOW, SEATS, watcher))
            proxy.freeze()
            await bench.hold("ann", [1])
            await until(lambda: not feed.healthy, "the feed is known to be dead")

            async def knocks() -> bool:
                # A connection that has not said its name yet: what it says is held up like everything else.
                return any(client["name"] == "" for client in await bench.redis.client_list())

            await until(knocks, "the feed tries a new connection")
            proxy.thaw()
            await until(lambda: watcher.picture.states[1] == HELD, "the room caught up")
            await until(lambda: feed.healthy, "the feed follows")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await hub.close()
            await behind.aclose()


# ---------------------------------------------------------------- when Redis is not what it was


async def test_a_redis_restored_from_an_old_copy_gets_a_new_epoch(redis_url: str) -> None:
    truth = Truth()
    async with (
        open_instance(redis_url, truth, verify_ms=50) as one,
        open_instance(redis_url, truth, verify_ms=50) as two,
    ):
        watchers = [await one.watch(), await two.watch()]
        for seat in range(4):
            await one.hold("ann", [seat])
        for watcher in watchers:
            await one.caught_up(watcher)
        before = watchers[0].picture.epoch
        # An older copy of Redis: seat 3 was not held yet.
        await one.redis.hset(one.key("meta"), "version", "3")
        await one.redis.zrem(one.key("due"), "3")
        await one.redis.delete(one.key("seat:3"))
        await until(lambda: all(watcher.picture.epoch != before for watcher in watchers), "a new epoch")
        for watcher in watchers:
            await one.caught_up(watcher)
            assert watcher.picture.states[3] == FREE
        await one.hold("bob", [3])
        for watcher in watchers:
            await one.caught_up(watcher)


@pytest.mark.parametrize("fault", ["FLUSHALL", "DEL"])
async def test_a_redis_that_lost_the_room_is_loaded_again_and_viewers_get_a_snapshot(
    redis_url: str, fault: str
) -> None:
    async with open_instance(redis_url, verify_ms=50) as instance:
        await instance.book("bob", uuid.uuid4(), [7])
        watcher = await instance.watch()
        await instance.hold("ann", [1])
        await instance.caught_up(watcher)
        if fault == "FLUSHALL":
            await instance.redis.flushall()
        else:
            await instance.redis.delete(instance.key("meta"))
        await until(lambda: watcher.resets == 2, "a snapshot for viewers")
        await instance.caught_up(watcher)
        assert watcher.picture.states[7] == SOLD


async def test_states_that_differ_at_the_same_version_are_corrected_by_a_snapshot(instance: Instance) -> None:
    watcher = await instance.watch()
    await instance.redis.hset(instance.key("taken"), "5", "3")
    await instance.redis.hincrby(instance.key("meta"), "taken", 1)
    instance.hub.restored()
    await instance.caught_up(watcher)
    assert watcher.picture.states[5] == SOLD


async def test_an_unexpected_error_does_not_stop_the_recovery(instance: Instance) -> None:
    watcher = await instance.watch()
    await instance.redis.set(instance.key("due"), "not what the scripts expect")
    instance.hub.restored()
    assert watcher.live is not None
    resyncing = watcher.live.resyncing
    assert resyncing is not None
    await asyncio.wait([resyncing], timeout=0.2)
    await instance.redis.delete(instance.key("due"))
    await instance.hold("ann", [1])
    await instance.caught_up(watcher)


async def test_a_room_survives_minutes_without_redis(redis_url: str) -> None:
    async with proxied(redis_url) as (proxy, url), open_instance(url, redis_timeout_ms=1000) as instance:
        watcher = await instance.watch()
        proxy.freeze()
        proxy.cut_all()
        with pytest.raises(Unavailable):
            await instance.hub.open("another", SEATS, Watcher())
        assert list(instance.hub.rooms) == [SHOW]
        async with open_bench(redis_url, instance.truth) as other:
            await other.hold("ann", [1])
        proxy.thaw()
        await instance.caught_up(watcher)
        await until(lambda: instance.feed.healthy, "the feed follows")


# ---------------------------------------------------------------- deadlines


async def test_an_expiry_is_announced_without_another_command(redis_url: str) -> None:
    async with open_instance(redis_url, hold_ms=200) as instance:
        watcher = await instance.watch()
        held = await instance.hold("ann", [1, 2])
        await until(lambda: watcher.notices != [], "the expiry arrives by itself")
        assert [(notice.kind, notice.hold_id) for notice in watcher.notices] == [("expired", str(held.hold_id))]
        assert watcher.picture.states == bytes(SEATS)


async def test_a_hold_that_was_there_before_the_first_viewer_expires_too(redis_url: str) -> None:
    async with open_instance(redis_url, hold_ms=200) as instance:
        await instance.hold("ann", [1])
        watcher = await instance.watch()
        await until(lambda: watcher.picture.states == bytes(SEATS), "the expiry arrives by itself")


async def test_an_extended_hold_expires_at_its_new_deadline(redis_url: str) -> None:
    async with open_instance(redis_url, hold_ms=2000) as instance:
        watcher = await instance.watch()
        held = await instance.hold("ann", [1])
        await until(lambda: instance.is_after(held.deadline_ms - 2000), "some of its time is over")
        longer = await instance.store.extend(SHOW, held.hold_id, "ann")
        await until(lambda: watcher.notices != [], "the expiry arrives by itself")
        assert await instance.now_ms() >= longer.deadline_ms


async def test_the_timer_continues_after_a_failed_sweep(redis_url: str) -> None:
    async with open_instance(redis_url, hold_ms=200, sweep_ms=50) as instance:
        watcher = await instance.watch()
        await instance.hold("ann", [1])
        await instance.redis.rename(instance.key("due"), "elsewhere")
        with structlog.testing.capture_logs() as logged:
            await instance.redis.set(instance.key("due"), "not what the scripts expect")
            await until(lambda: any(entry["event"] == "sweep failed" for entry in logged), "a sweep fails")
        await instance.redis.rename("elsewhere", instance.key("due"))
        await until(lambda: watcher.notices != [], "the expiry arrives by itself")


# ---------------------------------------------------------------- instances


async def test_the_earliest_of_many_deadlines_counts(redis_url: str) -> None:
    truth = Truth()
    async with (
        open_instance(redis_url, truth, hold_ms=60_000) as slow,
        open_bench(redis_url, truth, hold_ms=200) as quick,
        open_bench(redis_url, truth, hold_ms=400) as quicker_than_most,
    ):
        watcher = await slow.watch()
        await slow.hold("ann", [1])
        await quicker_than_most.hold("bob", [2])
        await quick.hold("cy", [3])
        await slow.hold("dan", [4])
        await until(lambda: sum(watcher.picture.states) == 2, "what is over is free again")
        assert [watcher.picture.states[seat] for seat in (1, 2, 3, 4)] == [HELD, FREE, FREE, HELD]
        assert sorted(notice.user_id for notice in watcher.notices) == ["bob", "cy"]


async def test_a_change_during_an_overdue_sweep_does_not_postpone_it(redis_url: str) -> None:
    truth = Truth()
    async with open_instance(redis_url, truth, hold_ms=300) as instance:
        watcher = await instance.watch()
        held = await instance.hold("ann", [1])
        await instance.caught_up(watcher)

        async def hold_long() -> None:
            async with open_bench(redis_url, truth, hold_ms=60_000) as other:
                await other.hold("bob", [2])
                await asyncio.sleep(max(0, held.deadline_ms + 1 - await other.now_ms()) / 1000)

        # This loop is blocked past the deadline; when it goes on, the message is there, and so is the timer.
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.run, hold_long()).result()
        await until(lambda: watcher.picture.states[1] == FREE, "the hold's end")
        await until(lambda: watcher.picture.states[2] == HELD, "the other hold")


async def test_rooms_without_holds_make_no_requests_to_redis(redis_url: str) -> None:
    async with open_instance(redis_url, sweep_ms=20, hold_ms=300) as instance:
        for number in range(10):
            await instance.watch(f"room {number}")
        watcher = await instance.watch()
        await instance.hold("ann", [1])
        await until(lambda: bool(watcher.notices), "the hold is over")

        async def scripts() -> int:
            stats = await instance.redis.info("commandstats")
            return int(stats["cmdstat_evalsha"]["calls"])

        before = await scripts()
        await asyncio.sleep(0.3)
        assert await scripts() == before
        assert all(live.timer is None for live in instance.hub.rooms.values())


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
