"""Reads that many callers want at once: a bounded cache, and one question for all who ask together.

When a sale opens, thousands of sockets ask for the same showtime within milliseconds. `SharedReads` lets the first
one read and the others wait for its answer, error included, and keeps the answer for a while.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Abandoned(Exception):
    """The reader was cancelled: one of those who wait reads instead."""


class SharedReads(Generic[K, V]):
    """At most ``size`` answers, each good for ``ttl_s`` seconds (None: for ever), by ``clock`` in seconds."""

    def __init__(self, *, size: int, ttl_s: float | None, clock: Callable[[], float]) -> None:
        self._size = size
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._flights: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """The answer for ``key``, from memory, from a read under way, or from ``read``; raises what ``read`` raises."""
        while True:
            known = self._known.get(key)
            if known is not None and (self._ttl_s is None or self._clock() - known[0] < self._ttl_s):
                self._known.move_to_end(key)
                return known[1]
            flight = self._flights.get(key)
            if flight is None:
                return await self._read(key, read)
            try:
                return await asyncio.shield(flight)
            except _Abandoned:
                continue

    def forget(self, key: K) -> None:
        """Read again next time, also when a read is under way: it may have begun before the change."""
        self._known.pop(key, None)
        self._flights.pop(key, None)

    async def _read(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        flight: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        began = self._clock()
        try:
            value = await read()
        except asyncio.CancelledError:
            flight.set_exception(_Abandoned())
            raise
        except Exception as error:
            flight.set_exception(error)
            raise
        else:
            flight.set_result(value)
            if self._flights.get(key) is flight:
                self._known[key] = (began, value)
                self._known.move_to_end(key)
                while len(self._known) > self._size:
                    self._known.popitem(last=False)
            return value
        finally:
            if flight.done() and not flight.cancelled():
                flight.exception()  # nobody may be waiting: that is no error
            if self._flights.get(key) is flight:
                del self._flights[key]
