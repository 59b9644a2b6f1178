"""Shared reads: one question for all who ask together, bounded memory, nobody hurt by somebody else's cancel."""

from __future__ import annotations

import asyncio

import pytest

from seatserver.catalog.reads import SharedReads


class Source:
    """Counts how often it is asked, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def read(self) -> int:
        self.asked += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return self.asked


def reads(*, size: int = 10, ttl_s: float | None = 2.0, now: list[float] | None = None) -> SharedReads[str, int]:
    time = now or [0.0]
    return SharedReads(size=size, ttl_s=ttl_s, clock=lambda: time[0])


async def started(*tasks: asyncio.Task[int]) -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_together_share_one_read() -> None:
    source, cache = Source(), reads()
    tasks = [asyncio.create_task(cache.get("a", source.read)) for _ in range(50)]
    await started(*tasks)
    source.go.set()
    assert await asyncio.gather(*tasks) == [1] * 50
    assert source.asked == 1


async def test_an_answer_is_good_until_its_time_is_over() -> None:
    now = [0.0]
    source, cache = Source(), reads(now=now)
    source.go.set()
    assert await cache.get("a", source.read) == 1
    now[0] = 1.9
    assert await cache.get("a", source.read) == 1
    now[0] = 2.0
    assert await cache.get("a", source.read) == 2


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    source, cache = Source(), reads()
    source.error = LookupError("gone")
    tasks = [asyncio.create_task(cache.get("a", source.read)) for _ in range(3)]
    await started(*tasks)
    source.go.set()
    assert [type(found) for found in await asyncio.gather(*tasks, return_exceptions=True)] == [LookupError] * 3
    assert source.asked == 1
    source.error = None
    assert await cache.get("a", source.read) == 2


async def test_when_the_reader_is_cancelled_another_one_reads() -> None:
    source, cache = Source(), reads()
    tasks = [asyncio.create_task(cache.get("a", source.read)) for _ in range(3)]
    await started(*tasks)
    tasks[0].cancel()
    await started(*tasks)
    source.go.set()
    assert await asyncio.gather(*tasks[1:]) == [2, 2]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]


async def test_one_who_stops_waiting_does_not_stop_the_read() -> None:
    source, cache = Source(), reads()
    tasks = [asyncio.create_task(cache.get("a", source.read)) for _ in range(3)]
    await started(*tasks)
    tasks[1].cancel()
    await started(*tasks)
    source.go.set()
    assert await asyncio.gather(*tasks[::2]) == [1, 1]


async def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    source, cache = Source(), reads(ttl_s=None)
    early = asyncio.create_task(cache.get("a", source.read))
    await started(early)
    cache.forget("a")
    source.go.set()
    await early
    assert await cache.get("a", source.read) == 2


async def test_memory_is_bounded_and_forgets_the_least_used() -> None:
    source, cache = Source(), reads(size=2, ttl_s=None)
    source.go.set()
    for key in ("a", "b", "a", "c"):
        await cache.get(key, source.read)
    assert source.asked == 3
    await cache.get("a", source.read)
    assert source.asked == 3
    await cache.get("b", source.read)
    assert source.asked == 4
