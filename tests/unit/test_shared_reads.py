"""Shared reads: one question for all who ask together, bounded memory, nobody hurt by somebody else's cancel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from seatserver.errors import Unavailable
from seatserver.shared_reads import SharedReads


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


async def test_if_the_reader_is_cancelled_another_caller_reads() -> None:
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


async def test_an_answer_read_before_a_change_is_not_kept_after_it() -> None:
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


async def test_a_read_also_refreshes_used_answers_past_half_their_time() -> None:
    now = [0.0]
    cache, asked = reads(now=now), []

    async def get(key: str) -> int:
        async def read(others: Mapping[str, int]) -> dict[str, int]:
            asked.append((key, dict(others)))
            return {one: len(asked) for one in (key, *others) if one != "gone"}

        return await cache.get_among(key, read, 10)

    for key in ("used", "unused", "young", "gone soon", "late"):
        now[0] = 0.5 if key == "young" else 0.0
        await get(key)
    now[0] = 1.0
    for key in ("used", "young", "gone soon"):
        await get(key)
    asked.clear()
    now[0] = 1.4
    await get("new")
    assert asked == [("new", {"used": 1, "gone soon": 4})]
    now[0] = 3.3
    assert await get("used") == await get("gone soon") == 1, "good for as long as if it had been read by itself"
    assert len(asked) == 1
    now[0] = 3.4
    assert await get("used") == 2
    with pytest.raises(KeyError):
        await get("gone")


async def test_a_key_being_refreshed_is_waited_for_and_read_again_if_it_was_left_out() -> None:
    now = [0.0]
    source, cache = Source(), reads(now=now)
    source.go.set()
    for _ in range(2):
        for key in ("one", "two", "three"):
            await cache.get(key, source.read)
    assert source.asked == 3
    now[0] = 5.0
    source.go.clear()

    async def read(others: Mapping[str, int]) -> dict[str, int]:
        assert set(others) == {"two", "three"}
        await source.read()
        return {"one": 10, "two": 20}

    first = asyncio.create_task(cache.get_among("one", read, 10))
    await started(first)
    others = [asyncio.create_task(cache.get(key, source.read)) for key in ("two", "three")]
    await started(*others)
    assert source.asked == 4
    cache.forget("two")
    source.go.set()
    assert await asyncio.gather(first, *others) == [10, 20, 5]
    assert await cache.get("two", source.read) == 6, "what was forgotten meanwhile is not kept"


async def test_an_unavailable_database_is_reported_to_all_who_wait_for_the_read() -> None:
    now = [0.0]
    source, cache = Source(), reads(now=now)
    source.go.set()
    for _ in range(2):
        for key in ("one", "two"):
            await cache.get(key, source.read)
    now[0] = 5.0
    source.go.clear()
    source.error = Unavailable("Postgres")

    async def read(others: Mapping[str, int]) -> dict[str, int]:
        return {"one": await source.read()}

    tasks = [asyncio.create_task(cache.get_among(key, read, 10)) for key in ("one", "two")]
    await started(*tasks)
    source.go.set()
    assert [type(found) for found in await asyncio.gather(*tasks, return_exceptions=True)] == [Unavailable] * 2
    assert source.asked == 3


@pytest.mark.parametrize("fate", ["unknown", "broken"])
async def test_an_error_about_one_key_does_not_reach_the_others(fate: str) -> None:
    now = [0.0]
    cache = reads(now=now)
    source = Source()

    async def alone(_: Mapping[str, int]) -> dict[str, int]:
        return {"good": await source.read()}

    async def along(others: Mapping[str, int]) -> dict[str, int]:
        assert list(others) == ["good"]
        asked.set()
        await answer.wait()
        if fate == "broken":
            raise ValueError("this one cannot be read")
        return {}  # neither found the one that it was asked for, nor could bring the other along

    asked, answer = asyncio.Event(), asyncio.Event()
    source.go.set()
    for _ in range(2):
        assert await cache.get_among("good", alone, 10) == 1
    now[0] = 2.0
    bad = asyncio.create_task(cache.get_among("bad", along, 10))
    await asked.wait()
    good = asyncio.create_task(cache.get_among("good", alone, 10))
    await started(good)
    answer.set()
    with pytest.raises(ValueError if fate == "broken" else KeyError):
        await bad
    assert await good == 2
