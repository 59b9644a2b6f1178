"""One thread that runs all searches for seats, beside the event loop, and shares its time fairly.

A search only computes: well under a millisecond in a small hall, a tenth of a second in a crowded large one. In the
event loop it would hold up every room. In several threads at once, the loop would often wait for the interpreter's
lock. So one thread runs one search at a time. The next search begins only when the caller of the last one has had its
answer and awaits something again.

The rooms take turns, within a room its *sources*, and within a source its users. A source is one user, or all guests of
one network, because guests get new names for free. However many sockets, rooms and searches a user has, only the first
waiting one takes part; when it begins, the next one goes to the end of the queue. The number of waiting searches is
bounded for each user and in total. When the queue is full, the source with the most waiting searches loses its latest
one to a source that has fewer.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from seatserver.errors import Busy

SWITCH_S = 0.001
"""How long a search may run before the event loop can have the interpreter. With Python's default of 5 ms, everything
that the loop does would be late by that much."""

Found = TypeVar("Found")


class _Search:
    """A waiting search; ``turn`` gets a result when it may run."""

    __slots__ = ("number", "room", "source", "turn", "user")

    def __init__(self, user: str, source: str, room: str, turn: asyncio.Future[None]) -> None:
        self.user, self.source, self.room, self.turn = user, source, room, turn
        self.number = 0  # in the order of arrival


class Searches:
    """The thread and its queue: at most ``most`` searches wait or run, and ``most_per_user`` of one user."""

    def __init__(self, most: int, most_per_user: int) -> None:
        self._thread = ThreadPoolExecutor(1, "search", initializer=_switch_often)
        self._most, self._most_per_user = most, most_per_user
        self._queue = _Queue()
        self._running: _Search | None = None

    async def run(
        self,
        search: Callable[[], Found],
        *,
        prepare: Callable[[], None] | None = None,
        user: str = "",
        room: str = "",
        network: str = "",
    ) -> Found:
        """Run ``search`` when this user's turn in this room has come; return its result or raise its error.

        ``prepare`` is called right before, in the event loop: a search that has waited sees the room as it is then.
        ``network`` is the guest's network, empty for everybody else.

        Raises `Busy` if too many searches wait already, of this user or in total. If the caller is cancelled, its
        search leaves the queue, unless it has begun.
        """
        loop = asyncio.get_running_loop()
        asked = _Search(user, f"network {network}" if network else f"user {user}", room, loop.create_future())
        self._find_place(asked)
        self._queue.join(asked)
        try:
            self._next()
            await asked.turn
            if prepare is not None:
                prepare()
            return await loop.run_in_executor(self._thread, search)
        finally:
            if self._running is asked:
                self._running = None
                self._next()
            else:
                self._queue.leave(asked)

    @property
    def waiting(self) -> int:
        """How many searches wait for their turn."""
        return len(self._queue)

    def close(self) -> None:
        """Take no more searches; a running one ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Begin a search, if none runs."""
        while self._running is None and (first := self._queue.take()) is not None:
            if not first.turn.done():  # otherwise its caller was cancelled just now and has not run since
                self._running = first
                first.turn.set_result(None)

    def _find_place(self, asked: _Search) -> None:
        """Raise `Busy` if no place is left for this search; another source may have to give one up."""
        running = self._running
        own = self._queue.count(asked.user) + (running is not None and running.user == asked.user)
        if own >= self._most_per_user:
            raise Busy("your queue of searches for seats")
        if len(self._queue) + (running is not None) >= self._most:
            is_running = running is not None and running.source == asked.source
            of_source = self._queue.count_of_source(asked.source) + is_running
            latest = self._queue.latest_of_who_has_most()
            if latest is None or self._queue.count_of_source(latest.source) <= of_source + 1:
                raise Busy("the queue of searches for seats")
            self._queue.leave(latest)
            if latest.turn.done():
                return  # its caller was cancelled just now, so its place is free
            latest.turn.set_exception(Busy("your queue of searches for seats"))


class _Queue:
    """The waiting searches. The first one of each user is listed by room and source, each in the order of turns."""

    def __init__(self) -> None:
        self._users: dict[str, deque[_Search]] = {}
        self._rooms: dict[str, dict[str, dict[str, _Search]]] = {}
        self._sources: Counter[str] = Counter()
        self._count = self._joined = 0

    def __len__(self) -> int:
        return self._count

    def count(self, user: str) -> int:
        """How many searches of the user wait."""
        return len(self._users.get(user, ()))

    def count_of_source(self, source: str) -> int:
        """How many searches of the source wait."""
        return self._sources[source]

    def join(self, asked: _Search) -> None:
        """Add a search behind the user's others."""
        others = self._users.setdefault(asked.user, deque())
        others.append(asked)
        self._joined += 1
        asked.number = self._joined
        self._change(asked, 1)
        if len(others) == 1:
            self._stand(asked)

    def leave(self, asked: _Search) -> None:
        """Remove a search; does nothing if it has left already."""
        others = self._users.get(asked.user, deque())
        if others and others[0] is asked:
            self._step_out(asked)
        elif asked in others:
            others.remove(asked)
            self._change(asked, -1)

    def take(self) -> _Search | None:
        """Remove and return the search whose turn it is; its room, source and user go to the end of their queues."""
        for room, sources in self._rooms.items():
            source, users = next(iter(sources.items()))
            first = next(iter(users.values()))
            self._rooms[room] = self._rooms.pop(room)
            sources[source] = sources.pop(source)
            self._step_out(first)
            return first
        return None

    def latest_of_who_has_most(self) -> _Search | None:
        """The latest search of the source that has the most."""
        if not self._count:
            return None
        most = max(self._sources, key=self._sources.__getitem__)
        waiting = (asked for searches in self._users.values() for asked in searches if asked.source == most)
        return max(waiting, key=lambda asked: asked.number)

    def _change(self, asked: _Search, by: int) -> None:
        self._count += by
        self._sources[asked.source] += by
        if not self._sources[asked.source]:
            del self._sources[asked.source]

    def _stand(self, asked: _Search) -> None:
        self._rooms.setdefault(asked.room, {}).setdefault(asked.source, {})[asked.user] = asked

    def _step_out(self, first: _Search) -> None:
        """Remove the user's first search; the next one goes to the end of the queue."""
        sources = self._rooms[first.room]
        users = sources[first.source]
        del users[first.user]
        if not users:
            del sources[first.source]
        if not sources:
            del self._rooms[first.room]
        others = self._users[first.user]
        others.popleft()
        self._change(first, -1)
        if others:
            self._stand(others[0])
        else:
            del self._users[first.user]


def _switch_often() -> None:
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
