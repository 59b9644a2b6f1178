"""Holds that end in a live room: every instance sweeps at the deadline, and only then."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from seatserver.seats.states import SeatState
from tests.integration.bench import SEATS, SHOW, Truth, open_bench, until
from tests.integration.instance import open_instance

FREE, HELD = SeatState.FREE, SeatState.HELD


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
