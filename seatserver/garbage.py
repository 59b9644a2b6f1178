"""Keep the garbage collector from blocking the event loop.

From time to time, Python's collector examines every object that it tracks in one go. With thousands of open sockets
that takes hundreds of milliseconds, during which nobody is served. But objects that have survived a few collections
mostly live long. So a serving process puts them aside with `gc.freeze`, in small batches, and no collection examines
more than one batch.

If an object put aside later becomes garbage in a reference cycle, it is found only by a full collection. That happens
in a calm moment, once enough objects have come and gone and memory has grown enough to make it worthwhile.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import Literal, Self

import structlog

log = structlog.get_logger(__name__)

# Objects that a busy loop creates and drops within a tick are not worth a collection; Python's default of 700 would
# start one each time.
YOUNG, MIDDLE, NEVER = 5_000, 1, 1_000_000_000
BATCH = 10_000
"""New memory blocks (roughly objects) before they are put aside: a collection of a few milliseconds."""
GROWTH = 1_000_000
"""Blocks (about 100 MB) by which memory must grow to make a full collection in a calm moment worthwhile."""
GROWTH_WITHOUT_CALM = 5 * GROWTH
CALM_S = 1.0
CALM_LOAD = 0.1
"""The process is calm when it uses less than this share of a core."""


class Collector:
    """A context manager, entered in the event loop's thread, that decides when garbage is collected."""

    def __init__(self) -> None:
        # Blocks: at the last look at what is new, or fewer since; after the last look at everything; freed since then.
        self._mark = 0
        self._base = 0
        self._freed = 0
        self._due = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cpu_s = 0.0
        self._before = gc.get_threshold()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._before = gc.get_threshold()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)  # full collections are ours
        gc.callbacks.append(self._collected)
        self.look_at_everything()
        self._look_later()
        return self

    def __exit__(self, *exc_info: object) -> None:
        gc.callbacks.remove(self._collected)
        gc.set_threshold(*self._before)
        gc.unfreeze()
        if self._timer is not None:
            self._timer.cancel()
        self._loop = None

    def set_aside(self) -> None:
        """Collect the new objects, and put aside those that survive."""
        self._due = False
        gc.collect()
        gc.freeze()
        self._mark = sys.getallocatedblocks()

    def look_at_everything(self) -> None:
        """Collect everything, including what was put aside. The loop is blocked meanwhile."""
        started = time.perf_counter()
        gc.unfreeze()
        collected = gc.collect()
        gc.freeze()
        self._mark = self._base = sys.getallocatedblocks()
        self._freed = 0
        log.debug("looked for garbage", took_ms=round((time.perf_counter() - started) * 1000), collected=collected)

    def _collected(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        """Called after a collection of young objects: count the blocks, and put objects aside if there are enough."""
        # Not after each of the many collections of the youngest objects: counting blocks takes some microseconds.
        if phase == "start" or info["generation"] != 1:
            return
        if self._blocks() - self._mark > BATCH and not self._due and self._loop is not None:
            self._due = True
            self._loop.call_soon(self.set_aside)

    def _blocks(self) -> int:
        """The number of blocks now. If there are fewer than before, the difference was freed."""
        blocks = sys.getallocatedblocks()
        if blocks < self._mark:
            self._freed += self._mark - blocks
            self._mark = blocks
        return blocks

    def _look_later(self) -> None:
        assert self._loop is not None
        self._cpu_s = time.process_time()
        self._timer = self._loop.call_later(CALM_S, self._look)

    def _look(self) -> None:
        is_calm = time.process_time() - self._cpu_s < CALM_LOAD * CALM_S
        growth = self._blocks() - self._base
        # If hardly anything was freed, there is no garbage: memory grew because more objects are alive.
        if growth > (GROWTH if is_calm else GROWTH_WITHOUT_CALM) + self._base / 2 and self._freed > growth / 10:
            self.look_at_everything()
        self._look_later()
