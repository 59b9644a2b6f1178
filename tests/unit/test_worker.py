"""The rhythm of the background duties: how they repeat, complain and end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import structlog

from seatserver.errors import Unavailable
from seatserver.metrics import Metrics
from seatserver.worker import JITTER, repeat
from tests.waiting import PATIENCE_S


@asynccontextmanager
async def repeating(work: Callable[[], Awaitable[int]], every_ms: int = 1) -> AsyncIterator[Metrics]:
    """A duty that is repeated meanwhile; afterwards it ends at the first word."""
    metrics = Metrics()
    running = asyncio.create_task(repeat("dusting", every_ms, work, metrics))
    yield metrics
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=PATIENCE_S)
    assert done, "it ends when it is told to"
    assert running.cancelled()


async def rounds(tries: asyncio.Semaphore, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(count):
            await tries.acquire()


async def test_a_duty_is_repeated_and_counted() -> None:
    tries = asyncio.Semaphore(0)

    async def work() -> int:
        tries.release()
        return 3

    async with repeating(work) as metrics:
        await rounds(tries, 6)
    labels = {"duty": "dusting"}
    runs = metrics.registry.get_sample_value("seatserver_duty_runs_total", labels)
    assert runs is not None and runs >= 5
    assert metrics.registry.get_sample_value("seatserver_duty_work_total", labels) == 3 * runs


async def test_a_failing_duty_is_retried_and_logs_once_a_minute() -> None:
    tries = asyncio.Semaphore(0)

    async def work() -> int:
        tries.release()
        raise Unavailable("Postgres")

    with structlog.testing.capture_logs() as logs:
        async with repeating(work):
            await rounds(tries, 20)
    assert [(line["event"], line["duty"]) for line in logs] == [("duty interrupted", "dusting")]


async def test_a_bug_in_a_duty_is_logged_with_its_traceback_and_stops_nothing() -> None:
    tries = asyncio.Semaphore(0)

    async def work() -> int:
        tries.release()
        raise ZeroDivisionError

    with structlog.testing.capture_logs() as logs:
        async with repeating(work):
            await rounds(tries, 5)
    assert len(logs) >= 4
    assert all(line["event"] == "duty failed" and line["exc_info"] for line in logs)


async def test_a_duty_ends_even_if_a_library_swallows_its_cancellation() -> None:
    busy = asyncio.Event()

    async def work() -> int:
        busy.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
        return 0

    async with repeating(work):
        await busy.wait()


async def test_instances_started_together_run_their_duties_at_different_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = asyncio.Semaphore(0)
    drawn: list[float] = []
    uniform = random.uniform

    def watched(low: float, high: float) -> float:
        drawn.append(uniform(low, high))
        return drawn[-1]

    async def work() -> int:
        tries.release()
        return 0

    monkeypatch.setattr(random, "uniform", watched)
    async with repeating(work):
        await rounds(tries, 20)
    assert all(JITTER[0] <= factor <= JITTER[1] for factor in drawn)
    assert len(set(drawn)) >= 20, "every round waits a time of its own"
