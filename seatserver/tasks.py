"""Background tasks with an owner.

A bare ``create_task`` loses its errors and outlives its creator. `Tasks` keeps the tasks it started, logs those that
failed, and ends all of them when its owner closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from logging import ERROR, WARNING
from typing import Any

import structlog

from seatserver.errors import SeatServerError

log = structlog.get_logger(__name__)

CANCEL_AGAIN_S = 5.0
"""Far more than the end of a task takes that has heard of it."""


def raise_if_cancelled() -> None:
    """Raise `CancelledError` if this task is being cancelled and something has swallowed the cancellation.

    `asyncio.wait_for` of Python 3.11, which redis-py uses, swallows it when the result arrives at the same moment. An
    endless loop calls this in every round, because nobody cancels it a second time.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end, however often the caller is cancelled meanwhile; only then is the caller told.

    For what must not stop halfway, such as closing connections. Raises `CancelledError` if the caller was cancelled,
    else what ``work`` raises.
    """
    task = asyncio.get_running_loop().create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not report it as forgotten
        raise cancelled
    task.result()


class Tasks:
    """The background tasks of one owner."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start ``work``. An error that escapes it is logged under ``name``. After `close`, nothing is started."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        if self._closed:
            task.cancel()
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self, grace_s: float = 0.0) -> None:
        """Give running tasks ``grace_s`` seconds to finish, then cancel the rest and wait until they have ended.

        A task that goes on all the same is cancelled again from time to time: it may have lost the first one.
        """
        self._closed = True
        if self._running and grace_s:
            await asyncio.wait(self._running, timeout=grace_s)
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running, timeout=CANCEL_AGAIN_S)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, SeatServerError)
            log.log(
                WARNING if known else ERROR,
                "task failed",
                task=task.get_name(),
                error=str(error),
                exc_info=None if known else error,
            )
