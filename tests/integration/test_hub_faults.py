"""What live rooms make of gaps, lost messages and connections, and of a Redis that is not what it was."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from seatserver import config
from seatserver.errors import Unavailable
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
