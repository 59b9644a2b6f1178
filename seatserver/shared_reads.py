"""Shares reads among callers: a bounded cache, and one query for all who ask at the same time.

When a sale opens, thousands of sockets ask for the same showtime within milliseconds. `SharedReads` lets the first one
read; the others wait for its answer or error. The answer is kept for a while. If many showtimes are on sale, the query
for one that is too old may also refresh others that soon will be.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from itertools import islice
from typing import Generic, TypeVar

from seatserver.errors import Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Abandoned(Exception):
    """The reader was cancelled; one of those who wait reads instead."""


class _Answer(Generic[V]):
    """``value`` as it was at ``began``; ``used`` is set when somebody has asked for it since."""

    __slots__ = ("began", "used", "value")

    def __init__(self, value: V, began: float) -> None:
        self.value, self.began, self.used = value, began, False


class SharedReads(Generic[K, V]):
    """Keeps at most ``size`` answers, each for ``ttl_s`` seconds (None: for ever) by ``clock``."""

    def __init__(self, *, size: int, ttl_s: float | None, clock: Callable[[], float]) -> None:
        self._size = size
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: OrderedDict[K, _Answer[V]] = OrderedDict()
        self._flights: dict[K, asyncio.Future[V]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether there is an answer, however old."""
        return key in self._known

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """The answer for ``key``, from memory, from a read under way, or from ``read``. Raises what ``read`` raises."""

        async def alone(_: Mapping[K, V]) -> dict[K, V]:
            return {key: await read()}

        return await self.get_among(key, alone, 0)

    async def get_among(self, key: K, read: Callable[[Mapping[K, V]], Awaitable[Mapping[K, V]]], most: int) -> V:
        """Like `get`. ``read`` is given the last answers for up to ``most`` other keys, and may refresh those too.

        Raises `KeyError` if ``read`` does not find ``key``.
        """
        while True:
            known = self._known.get(key)
            if known is not None and (self._ttl_s is None or self._clock() - known.began < self._ttl_s):
                self._known.move_to_end(key)
                known.used = True
                return known.value
            flight = self._flights.get(key)
            if flight is None:
                return await self._read(key, read, most)
            try:
                return await asyncio.shield(flight)
            except _Abandoned:
                continue

    def forget(self, key: K) -> None:
        """Read ``key`` again next time, even if a read is under way: it may have begun before the change."""
        self._known.pop(key, None)
        self._flights.pop(key, None)

    def forget_all(self) -> None:
        """Like `forget`, for every key."""
        self._known.clear()
        self._flights.clear()

    def _aging(self, now: float, most: int) -> dict[K, V]:
        """Of the ``most`` answers used last, those that are past half of their time."""
        half_s = (self._ttl_s or 0.0) / 2
        return {
            key: known.value
            for key, known in islice(reversed(self._known.items()), most)
            if known.used and now - known.began >= half_s and key not in self._flights
        }

    async def _read(self, key: K, read: Callable[[Mapping[K, V]], Awaitable[Mapping[K, V]]], most: int) -> V:
        began, loop = self._clock(), asyncio.get_running_loop()
        others = self._aging(began, most)
        others.pop(key, None)
        flights: dict[K, asyncio.Future[V]] = {one: loop.create_future() for one in (key, *others)}
        self._flights.update(flights)
        try:
            found = await read(others)
            for one, value in found.items():
                self._keep(one, _Answer(value, began), flights[one])
            return found[key]
        except asyncio.CancelledError:
            _fail(flights, _Abandoned())
            raise
        except Exception as error:
            # If Postgres is unavailable, that holds for all keys; any other error is about this one.
            _fail(flights if isinstance(error, Unavailable) else {key: flights[key]}, error)
            raise
        finally:
            _fail(flights, _Abandoned())  # the others that ``read`` left out: whoever waits for one reads it
            for one, flight in flights.items():
                if self._flights.get(one) is flight:
                    del self._flights[one]

    def _keep(self, key: K, answer: _Answer[V], flight: asyncio.Future[V]) -> None:
        flight.set_result(answer.value)
        if self._flights.get(key) is flight:
            self._known[key] = answer
            while len(self._known) > self._size:
                self._known.popitem(last=False)


def _fail(flights: Mapping[K, asyncio.Future[V]], error: Exception) -> None:
    for flight in flights.values():
        if not flight.done():
            flight.set_exception(error)
            flight.exception()  # mark it as seen: nobody may be waiting
