"""Searches for seats, in a thread beside the event loop.

A search is pure computing: well under a millisecond in a small hall, a tenth of a second in a crowded large one. In the
loop every room would wait for it; in many threads at once, Python's lock would make the loop wait for its turn. So
there is one thread that takes one search after the other, and a bounded number of searches waits for it. What a caller
does with an answer before it awaits again is done before the next search begins.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from seatserver.errors import Busy

MOST = 32
"""Searches that wait or run: with more the last one's user would have given up before its turn came."""

SWITCH_S = 0.001
"""While a search runs the loop gets its turn at the interpreter after so long; by Python's own 5 ms everything that it
does would come so much later."""

Found = TypeVar("Found")


class Searches:
    """The thread and its queue."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "search", initializer=_switch_often)
        self._turn = asyncio.Lock()
        self._count = 0

    async def run(self, search: Callable[[], Found]) -> Found:
        """What ``search`` answers or raises. Raises `Busy` when too many wait already.

        A caller who goes away takes a search that has not begun out of the queue.
        """
        if self._count >= MOST:
            raise Busy("the queue of searches for seats")
        self._count += 1
        try:
            async with self._turn:
                return await asyncio.get_running_loop().run_in_executor(self._thread, search)
        finally:
            self._count -= 1

    def close(self) -> None:
        """Take no more searches; the one that runs ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _switch_often() -> None:
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
