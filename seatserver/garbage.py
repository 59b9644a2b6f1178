"""Keeps the garbage collector from stopping the event loop.

Python's collector looks at every object that it tracks, now and then, in one go: with thousands of sockets open that
takes hundreds of milliseconds, in which nobody is served. But what has lived through a few collections mostly lives
long. So a process that serves puts such objects aside with `gc.freeze`, a small batch at a time, and no collection ever
looks at more than one batch.

What is put aside and becomes garbage in a cycle later is not found until everything is taken back and looked at in one
go. That is done in a calm moment, once enough has come and gone, and memory has grown so much, that it is worth it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import Literal, Self

import structlog

log = structlog.get_logger(__name__)

# What one tick of a busy loop makes and drops again is not worth a look: Python's own 700 would look at it each time.
YOUNG, MIDDLE, NEVER = 5_000, 1, 1_000_000_000
BATCH = 10_000
"""Memory blocks (about objects) that may be new before they are put aside: some milliseconds of looking."""
GROWTH = 1_000_000
"""Blocks (some 100 MB) by which memory may grow before it is worth to look at everything in a calm moment."""
GROWTH_WITHOUT_CALM = 5 * GROWTH
CALM_S = 1.0
CALM_LOAD = 0.1
"""Calm is when the process uses less than this share of a core."""


class Collector:
    """While it is entered, in the event loop's thread, it decides when garbage is collected."""

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
        """Collect what is new, and put aside what is left."""
        self._due = False
        gc.collect()
        gc.freeze()
        self._mark = sys.getallocatedblocks()

    def look_at_everything(self) -> None:
        """Collect everything, whatever was put aside; the loop stands still meanwhile."""
        started = time.perf_counter()
        gc.unfreeze()
        collected = gc.collect()
        gc.freeze()
        self._mark = self._base = sys.getallocatedblocks()
        self._freed = 0
        log.debug("looked for garbage", took_ms=round((time.perf_counter() - started) * 1000), collected=collected)

    def _collected(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        """The collector has looked at young objects: see how many there are by now."""
        # Not after each of the many looks at the youngest: to count blocks takes some microseconds.
        if phase == "start" or info["generation"] != 1:
            return
        if self._blocks() - self._mark > BATCH and not self._due and self._loop is not None:
            self._due = True
            self._loop.call_soon(self.set_aside)

    def _blocks(self) -> int:
        """How many there are now; if fewer than before, the difference was freed."""
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
        # Where hardly anything was freed, nothing has gone: memory grew because more is alive.
        if growth > (GROWTH if is_calm else GROWTH_WITHOUT_CALM) + self._base / 2 and self._freed > growth / 10:
            self.look_at_everything()
        self._look_later()
