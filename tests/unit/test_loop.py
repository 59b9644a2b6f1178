"""What blocks the event loop is measured, and named by its stack."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
import uvloop

from seatserver import config
from seatserver.loop import LoopWatch
from seatserver.metrics import Metrics
from tests.waiting import within


@contextmanager
def watching(metrics: Metrics, blocked_ms: int = 0) -> Iterator[None]:
    watch = LoopWatch(config.load({}, loop_blocked_ms=blocked_ms), metrics)
    watch.start()
    try:
        yield
    finally:
        watch.close()


def lags(metrics: Metrics, over_s: str) -> float:
    """How often the loop was late by more than this."""
    value = metrics.registry.get_sample_value
    upto = value("seatserver_loop_lag_seconds_bucket", {"le": over_s})
    return (value("seatserver_loop_lag_seconds_count") or 0) - (upto or 0)


def the_culprit() -> None:
    time.sleep(0.3)


async def until_logged(logged: list[Any], event: str) -> dict[str, Any]:
    """Block the loop again and again until somebody says so."""
    async with within(event):
        while True:
            the_culprit()
            await asyncio.sleep(0.05)
            for entry in logged:
                if entry["event"] == event and any("the_culprit" in place for place in entry["stack"]):
                    found: dict[str, Any] = entry
                    return found


async def test_the_lag_of_a_blocked_loop_is_measured() -> None:
    metrics = Metrics()
    with watching(metrics):
        await asyncio.sleep(0.05)
        assert lags(metrics, "+Inf") == 0
        before = lags(metrics, "0.2")
        the_culprit()
        async with within("the lag to be measured"):
            while lags(metrics, "0.2") == before:  # noqa: ASYNC110 - nobody tells when it is measured
                await asyncio.sleep(0.01)
    count = metrics.registry.get_sample_value("seatserver_loop_lag_seconds_count")
    await asyncio.sleep(0.05)
    assert metrics.registry.get_sample_value("seatserver_loop_lag_seconds_count") == count, "it stops when it is closed"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_code_that_blocks_the_loop_is_named(loop: Any) -> None:
    async def main() -> None:
        with structlog.testing.capture_logs() as logged, watching(Metrics(), blocked_ms=20):
            entry = await until_logged(logged, "event loop blocked")
        assert entry["log_level"] == "warning"
        assert 20 <= entry["for_ms"] < 60_000
        assert entry["stack"][0].startswith("tests/unit/test_loop.py:")
        assert entry["stack"][0].endswith(" the_culprit"), "the innermost first"
        assert any(place.endswith("until_logged") for place in entry["stack"]), "and who called it"

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


async def test_the_garbage_collector_is_named_when_it_blocks_the_loop() -> None:
    with structlog.testing.capture_logs() as logged, watching(Metrics(), blocked_ms=1):
        kept = [[number] for number in range(300_000)]
        gc.collect()
        assert len(kept) == 300_000
    assert any(entry["event"] == "event loop blocked by the garbage collector" for entry in logged)


async def test_a_free_loop_is_not_reported() -> None:
    with structlog.testing.capture_logs() as logged, watching(Metrics(), blocked_ms=60_000):
        for _ in range(20):
            await asyncio.sleep(0.01)
    assert logged == []
