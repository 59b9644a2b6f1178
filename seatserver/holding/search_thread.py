"""One thread that runs all searches for seats, beside the event loop, and shares its time fairly.

A search only computes: well under a millisecond in a small hall, a tenth of a second in a crowded large one. In the
event loop it would hold up every room. In several threads at once, the loop would often wait for the interpreter's
lock. So one thread runs one search at a time. The next search begins only when the caller of the last one has had its
answer and awaits something again.

The rooms take turns, within a room its *parties*, and within a party its users. A party is a user, or all guests of one
network, because guests get new names for free. Only one search of a user is in line, however many sockets, rooms and
searches the user has; the next one joins the line when its turn is over. The number of waiting searches is bounded for
each user and in total. When all places are taken, the party with the most waiting searches loses its latest one to a
party that has fewer.
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

    __slots__ = ("number", "party", "room", "turn", "user")

    def __init__(self, user: str, party: str, room: str, turn: asyncio.Future[None]) -> None:
        self.user, self.party, self.room, self.turn = user, party, room, turn
        self.number = 0  # in the order of joining the line


class Searches:
    """The thread and its queue: at most ``most`` searches wait or run, and ``most_per_user`` of one user."""

    def __init__(self, most: int, most_per_user: int) -> None:
        self._thread = ThreadPoolExecutor(1, "search", initializer=_switch_often)
        self._most, self._most_per_user = most, most_per_user
        self._line = _Line()
        self._running: _Search | None = None

    async def run(self, search: Callable[[], Found], *, user: str = "", room: str = "", network: str = "") -> Found:
        """Run ``search`` when this user's turn in this room has come; return its result or raise its error.

        ``network`` is the guest's network, empty for everybody else.

        Raises `Busy` if too many searches wait already, of this user or in total. If the caller is cancelled, its
        search leaves the queue, unless it has begun.
        """
        loop = asyncio.get_running_loop()
        asked = _Search(user, f"network {network}" if network else f"user {user}", room, loop.create_future())
        self._find_place(asked)
        self._line.join(asked)
        try:
            self._next()
            await asked.turn
            return await loop.run_in_executor(self._thread, search)
        finally:
            if self._running is asked:
                self._running = None
                self._next()
            else:
                self._line.leave(asked)

    @property
    def waiting(self) -> int:
        """How many searches wait for their turn."""
        return len(self._line)

    def close(self) -> None:
        """Take no more searches; a running one ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Begin a search, if none runs."""
        while self._running is None and (first := self._line.take()) is not None:
            if not first.turn.done():  # otherwise its caller was cancelled just now and has not run since
                self._running = first
                first.turn.set_result(None)

    def _find_place(self, asked: _Search) -> None:
        """Raise `Busy` if there is no place for this search; another party may have to give one up."""
        running = self._running
        own = self._line.count(asked.user) + (running is not None and running.user == asked.user)
        if own >= self._most_per_user:
            raise Busy("your queue of searches for seats")
        if len(self._line) + (running is not None) >= self._most:
            of_party = self._line.count_of_party(asked.party) + (running is not None and running.party == asked.party)
            latest = self._line.latest_of_who_has_most()
            if latest is None or self._line.count_of_party(latest.party) <= of_party + 1:
                raise Busy("the queue of searches for seats")
            self._line.leave(latest)
            if latest.turn.done():
                return  # its caller was cancelled just now, so its place is free
            latest.turn.set_exception(Busy("your queue of searches for seats"))


class _Line:
    """The waiting searches. The first one of each user is listed by room and party, each in the order of turns."""

    def __init__(self) -> None:
        self._users: dict[str, deque[_Search]] = {}
        self._rooms: dict[str, dict[str, dict[str, _Search]]] = {}
        self._parties: Counter[str] = Counter()
        self._count = self._joined = 0

    def __len__(self) -> int:
        return self._count

    def count(self, user: str) -> int:
        """How many searches of the user wait."""
        return len(self._users.get(user, ()))

    def count_of_party(self, party: str) -> int:
        """How many searches of the party wait."""
        return self._parties[party]

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
        """Remove and return the search whose turn it is; its room, party and user go to the end of their lines."""
        for room, parties in self._rooms.items():
            party, users = next(iter(parties.items()))
            first = next(iter(users.values()))
            self._rooms[room] = self._rooms.pop(room)
            parties[party] = parties.pop(party)
            self._step_out(first)
            return first
        return None

    def latest_of_who_has_most(self) -> _Search | None:
        """The latest search of the party that has the most."""
        if not self._count:
            return None
        most = max(self._parties, key=self._parties.__getitem__)
        waiting = (asked for searches in self._users.values() for asked in searches if asked.party == most)
        return max(waiting, key=lambda asked: asked.number)

    def _change(self, asked: _Search, by: int) -> None:
        self._count += by
        self._parties[asked.party] += by
        if not self._parties[asked.party]:
            del self._parties[asked.party]

    def _stand(self, asked: _Search) -> None:
        self._rooms.setdefault(asked.room, {}).setdefault(asked.party, {})[asked.user] = asked

    def _step_out(self, first: _Search) -> None:
        """Remove the user's first search; the next one joins the end of the line."""
        parties = self._rooms[first.room]
        users = parties[first.party]
        del users[first.user]
        if not users:
            del parties[first.party]
        if not parties:
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
