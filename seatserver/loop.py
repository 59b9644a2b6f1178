"""Watch whether the event loop is free. A process does everything in its loop, so whatever blocks it stops everyone.

A timer that is due every few milliseconds measures how late it is called: that is the loop's lag. With
``loop_blocked_ms`` set, a thread watches the timer. When it is overdue for longer, the thread finds out what the loop's
thread is running and logs it.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Literal

import structlog

from seatserver.config import Settings
from seatserver.metrics import Metrics

log = structlog.get_logger(__name__)

BEAT_S = 0.02
SAMPLE_S = 0.005
LONGEST_STACK = 15
PACKAGES = Path(__file__).parents[1]


class LoopWatch:
    """Measures the lag of the loop that it is started in, until it is closed."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._lag = metrics.loop_lag
        self._watchdog = Watchdog(settings.loop_blocked_ms / 1000) if settings.loop_blocked_ms else None
        # A block can be noticed only if it is longer than the time between two beats.
        self._beat_s = min(BEAT_S, settings.loop_blocked_ms / 4000 or BEAT_S)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start measuring. Call it in the loop."""
        if self._watchdog is not None:
            self._watchdog.start()
        self._next_beat()

    def close(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watchdog is not None:
            self._watchdog.close()

    def _next_beat(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._beat_s
        self._timer = loop.call_at(due, self._beat, due)
        if self._watchdog is not None:
            self._watchdog.due_at = time.monotonic() + self._beat_s

    def _beat(self, due: float) -> None:
        self._lag.observe(max(0.0, asyncio.get_running_loop().time() - due))
        self._next_beat()


class Watchdog:
    """A thread that logs what blocks the loop for longer than ``patience_s``."""

    def __init__(self, patience_s: float) -> None:
        self.due_at = 0.0
        """When the next beat is due, by the monotonic clock. The loop sets it."""
        self._patience_s = patience_s
        self._loop_thread = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)
        self._collecting_since = 0.0

    def start(self) -> None:
        """Watch the loop that runs in the calling thread."""
        self._loop_thread = threading.get_ident()
        self.due_at = time.monotonic()
        gc.callbacks.append(self._collected)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        gc.callbacks.remove(self._collected)
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._patience_s / 4):
            due_at = self.due_at
            if time.monotonic() - due_at > self._patience_s:
                self._look_until_it_goes_on(due_at)

    def _look_until_it_goes_on(self, due_at: float) -> None:
        """Sample the stack of the loop's thread until the beat comes, and log the code seen most often."""
        seen: Counter[tuple[str, ...]] = Counter()
        cpu_s = self._cpu_s()
        looking_since = time.monotonic()
        while self.due_at == due_at and not self._over.wait(SAMPLE_S if seen else 0):
            seen[_stack(sys._current_frames().get(self._loop_thread))] += 1  # noqa: SLF001 - documented all the same
        now = time.monotonic()
        [(stack, _)] = seen.most_common(1) or [((), 0)]
        log.warning(
            "event loop blocked",
            for_ms=round((now - due_at) * 1000),
            # CPU time while we watched: if it is small, the thread waited, or the machine gave it no time.
            busy=round((self._cpu_s() - cpu_s) / max(now - looking_since, 1e-6), 2),
            stack=list(stack),
        )

    def _cpu_s(self) -> float:
        """The CPU seconds that the loop's thread has used so far."""
        return time.clock_gettime(time.pthread_getcpuclockid(self._loop_thread))

    def _collected(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        """Time the garbage collector, which stops all threads, so that sampling cannot see it."""
        now = time.monotonic()
        if phase == "start":
            self._collecting_since = now
        elif now - self._collecting_since > self._patience_s and threading.get_ident() == self._loop_thread:
            took_ms = round((now - self._collecting_since) * 1000)
            log.warning("event loop blocked by the garbage collector", for_ms=took_ms, **info)


def _stack(frame: FrameType | None) -> tuple[str, ...]:
    """The thread's stack, innermost frame first, as ``file:line function``."""
    places: list[str] = []
    while frame is not None and len(places) < LONGEST_STACK:
        path = Path(frame.f_code.co_filename)
        short = path.relative_to(PACKAGES) if path.is_relative_to(PACKAGES) else Path(*path.parts[-3:])
        places.append(f"{short}:{frame.f_lineno} {frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(places)
