"""Large rooms are served in slices, so that the event loop is free again every few milliseconds.

One `TimeSlicer` serves all rooms of a process in turn, one slice for each round of the event loop. Between two slices
the loop looks at its sockets and runs what is ready, so a command waits for a slice or two however large the rooms are.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import cached_property
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

SLICE_S = 0.002

clock_ns = time.perf_counter_ns
"""Not the event loop's time, which stands still during a callback."""


class Job(Protocol):
    """Work that takes long and can be interrupted."""

    def advance(self, until_ns: int) -> bool:
        """Work until done, or until `clock_ns` has passed ``until_ns``. Returns whether it is done for now."""


class TimeSlicer:
    """Gives each job a slice of every round of the event loop, in turn."""

    def __init__(self, slice_s: float = SLICE_S) -> None:
        self._slice_ns = round(slice_s * 1e9)
        self._waiting: deque[Job] = deque()
        self._next: asyncio.Handle | None = None

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the first job. Asking Python for the running one is a system call in 3.11."""
        return asyncio.get_running_loop()

    def schedule(self, work: Job) -> None:
        """Let ``work`` advance two loop rounds from now. It must not be scheduled already."""
        self._waiting.append(work)
        if self._next is None:
            # Replies of Redis that came with the news go first: their answers bring their viewers up to date anyway.
            self._next = self._loop.call_soon(self._again)

    def close(self) -> None:
        """Stop: no job advances any more."""
        self._waiting.clear()
        if self._next is not None:
            self._next.cancel()

    def _slice(self) -> None:
        until_ns = clock_ns() + self._slice_ns
        while self._waiting:
            work = self._waiting.popleft()
            try:
                if not work.advance(until_ns):
                    self._waiting.append(work)
            except Exception:
                log.exception("a room could not be served")
            if clock_ns() >= until_ns:
                break
        # One round of the loop without a slice, so that what has become ready meanwhile runs first.
        self._next = self._loop.call_soon(self._again) if self._waiting else None

    def _again(self) -> None:
        self._next = self._loop.call_soon(self._slice)
