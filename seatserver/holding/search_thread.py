"""Searches for seats, in a thread beside the event loop, shared fairly.

A search is pure computing: well under a millisecond in a small hall, a tenth of a second in a crowded large one. In the
loop every room would wait for it; in many threads at once, Python's lock would make the loop wait for its turn. So
there is one thread that takes one search after the other. What a caller does with an answer before it awaits again is
done before the next search begins.

The rooms take turns, within a room its *parties*, and within a party its users. A party is a user, or all guests who
come from one network: a guest makes a new name for nothing. A user stands in line once, whatever number of sockets,
rooms and searches they have: the next of their searches joins the line when the one before has had its turn. How many
may wait is bounded for each user and in all; when all places are taken, the party with most searches waiting loses
the latest of them to a party that has fewer.
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
"""While a search runs the loop gets its turn at the interpreter after so long; by Python's own 5 ms everything that it
does would come so much later."""

Found = TypeVar("Found")


class _Search:
    """One that waits; ``turn`` has a result when it may run."""

    __slots__ = ("number", "party", "room", "turn", "user")

    def __init__(self, user: str, party: str, room: str, turn: asyncio.Future[None]) -> None:
        self.user, self.party, self.room, self.turn = user, party, room, turn
        self.number = 0  # of those that have joined the line


class Searches:
    """The thread and its queue: at most ``most`` searches wait or run, and ``most_per_user`` of one user."""

    def __init__(self, most: int, most_per_user: int) -> None:
        self._thread = ThreadPoolExecutor(1, "search", initializer=_switch_often)
        self._most, self._most_per_user = most, most_per_user
        self._line = _Line()
        self._running: _Search | None = None

    async def run(self, search: Callable[[], Found], *, user: str = "", room: str = "", network: str = "") -> Found:
        """What ``search`` answers or raises, when the turn of this user in this room has come.

        ``network`` is where a guest comes from, empty for everybody else.

        Raises `Busy` when too many of the user's searches wait already, or too many in all. The search of a caller who
        goes away leaves the queue, unless it has begun.
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

    def close(self) -> None:
        """Take no more searches; the one that runs ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Begin a search, if none runs."""
        while self._running is None and (first := self._line.take()) is not None:
            if not first.turn.done():  # else its caller was cancelled a moment ago, and has not run since
                self._running = first
                first.turn.set_result(None)

    def _find_place(self, asked: _Search) -> None:
        """Raise `Busy` unless the user may have one more search; somebody else may lose a place to it."""
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
                return  # its caller was cancelled a moment ago: that is the place
            latest.turn.set_exception(Busy("your queue of searches for seats"))


class _Line:
    """Who waits. The first search of each user stands in its room with its party, each in the order of turns."""

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
        """Wait, behind the user's others."""
        others = self._users.setdefault(asked.user, deque())
        others.append(asked)
        self._joined += 1
        asked.number = self._joined
        self._change(asked, 1)
        if len(others) == 1:
            self._stand(asked)

    def leave(self, asked: _Search) -> None:
        """Wait no more; nothing happens to one that has left."""
        others = self._users.get(asked.user, deque())
        if others and others[0] is asked:
            self._step_out(asked)
        elif asked in others:
            others.remove(asked)
            self._change(asked, -1)

    def take(self) -> _Search | None:
        """Whose turn it is; its room, its party and its user have the last place from now on."""
        for room, parties in self._rooms.items():
            party, users = next(iter(parties.items()))
            first = next(iter(users.values()))
            self._rooms[room] = self._rooms.pop(room)
            parties[party] = parties.pop(party)
            self._step_out(first)
            return first
        return None

    def latest_of_who_has_most(self) -> _Search | None:
        """The search that came last of the party with most of them."""
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
        """The user's first search goes, the next one takes its place at the end."""
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
