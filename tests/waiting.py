"""How tests wait: for a condition, never for a fixed time, with a generous limit and a message if it never comes true.

Limits are generous, because a machine may be many times slower than the one a test was written on. A whole test has a
limit too: one that waits without end fails with the place where it waits, and the other tests go on.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 90.0
"""Longest wait for one fact."""
WHOLE_TEST_S = 300.0
"""Longest that an asynchronous test may take, its fixtures not counted."""
ORDINARY_ROUNDS, ORDINARY_S = 5_000, 0.06
"""So much work takes an ordinary machine with nothing else to do so long."""


@asynccontextmanager
async def within(what: str, limit_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """A block that must end in time. Raises `AssertionError` that says what it waited for."""
    try:
        async with asyncio.timeout(limit_s) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise  # somebody else's
        raise AssertionError(f"waited {limit_s:g} s for {what}") from None


def slowness() -> float:
    """How many times slower than an ordinary machine this one is at the moment; at least 1. For promised times."""
    began = time.monotonic()
    for _ in range(ORDINARY_ROUNDS):
        sum(range(1000))
    return max(1.0, (time.monotonic() - began) / ORDINARY_S)


def bounded(test: Callable[..., Awaitable[Any]], limit_s: float = WHOLE_TEST_S) -> Callable[..., Awaitable[Any]]:
    """The same asynchronous test, with an end."""

    @functools.wraps(test)
    async def run(*args: Any, **named: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None
        stuck: list[str] = []

        def look() -> None:
            stuck.extend(f"{Path(file).name}:{line} in {name}" for file, line, name in _awaiting(task))

        # A little before the end: what was cancelled waits nowhere any more.
        looking = asyncio.get_running_loop().call_later(limit_s * 0.98, look)
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await test(*args, **named)
        except TimeoutError:
            if not limit.expired():
                raise
            raise AssertionError(
                f"the test did not end within {limit_s:g} s; it waits at {' < '.join(stuck)}"
            ) from None
        finally:
            looking.cancel()

    return run


def _awaiting(task: asyncio.Task[Any]) -> list[tuple[str, int, str]]:
    """Where a task waits: file, line and function, the innermost first. A task knows only its outermost frame."""
    found: list[tuple[str, int, str]] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        if inspect.iscoroutine(awaited):
            frame, awaited = awaited.cr_frame, awaited.cr_await
        elif inspect.isgenerator(awaited):
            frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
        elif inspect.isasyncgen(awaited):
            frame, awaited = awaited.ag_frame, awaited.ag_await
        else:
            break
        if frame is not None:
            found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
    return found[::-1]
