"""The one connection that all calls of scripts share.

Redis answers in order, so calls need not wait for each other. Those of one round of the event loop are written at once,
and each reply goes to the oldest call without one. There is no pool to wait for, and no task or timer for a call; one
timer for all fails those that wait too long. The number of calls that wait or are under way is bounded.

Many calls are sent in chunks. Redis answers all that it has read before it reads on: if they were sent all at once,
Redis and we would take turns idling. With a chunk or two ahead of it, both work at the same time.

When the connection breaks, answers are lost. The calls under way are sent once more on the next connection, which is
harmless because every script may run twice (see ``lua/``). A call fails when its answer is lost twice or no connection
can be made; it may have run all the same.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Iterable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from seatserver.config import Settings
from seatserver.errors import Busy, Unavailable
from seatserver.redis_io.client import UNAVAILABLE
from seatserver.redis_io.link import Link, packed
from seatserver.tasks import Tasks

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 0.1
CHUNK = 24
"""Calls that are written at once, and that may be under way when more are written to a Redis nearby."""
CALL_S = 0.00005
"""About what Redis needs for a call. Extra calls under way = round trip ÷ this time."""
WATCHES = 20
"""How often the watch looks within the time that a call may take."""


class _Call:
    """One command. ``again``: it was sent before, and its answer was lost."""

    __slots__ = ("again", "asked_at", "future", "packed")

    def __init__(self, packed: bytes, future: asyncio.Future[Any], asked_at: float) -> None:
        self.packed, self.future, self.asked_at, self.again = packed, future, asked_at, False


class Pipeline:
    """Sends commands. Connects at the first one, and anew when the connection was lost and is needed."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._timeout_s = settings.redis_timeout_ms / 1000
        self._most = settings.redis_queue_commands
        self._waiting: deque[_Call] = deque()
        self._under_way: deque[_Call] = deque()
        self._ahead = math.inf  # so many calls may be under way when more are written
        # When the oldest call under way was written, by the loop's clock; nan when that is not being measured.
        self._asked_at = math.nan
        self._link: Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tasks = Tasks()
        self._running: asyncio.AbstractEventLoop | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._flush_due = False
        self._reachable = True
        self._closed = False

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the first call. Asking Python for the running one is a system call in 3.11."""
        if self._running is None:
            self._running = asyncio.get_running_loop()
        return self._running

    @property
    def connected(self) -> bool:
        """Whether there is a connection now. Without one, the next call makes it."""
        return self._link is not None

    @property
    def waiting(self) -> int:
        """How many calls are not written yet."""
        return len(self._waiting)

    @property
    def under_way(self) -> int:
        """How many calls are written and not answered yet."""
        return len(self._under_way)

    def send(self, *command: str | int) -> asyncio.Future[Any]:
        """Send a command with the others of this tick; the future is its reply, or the error that Redis answers.

        The future fails with `Unavailable` when no answer comes in time. Raises `Busy` when too many calls wait.
        Cancelling the future does not stop the command: it may still run.
        """
        if len(self._waiting) + len(self._under_way) >= self._most:
            raise Busy("the queue to Redis")
        if self._closed:
            raise Unavailable("Redis")
        loop = self._loop
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Call(packed(*command), future, loop.time()))
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)
        return future

    async def close(self) -> None:
        """Wait for the calls under way, and refuse those that still wait."""
        self._closed = True
        _fail(self._waiting)
        self._waiting.clear()
        if self._under_way:
            await asyncio.wait([call.future for call in self._under_way])
        await self._tasks.close()
        if self._watch is not None:
            self._watch.cancel()
        if self._link is not None:
            self._link.abort()

    # ------------------------------------------------------------ as the link sees it

    def replied(self, reply: Any) -> None:
        """Give the oldest call under way its answer."""
        if not self._under_way:
            if self._link is not None:
                self._link.abort()  # an answer to no call: no later one could be trusted
            return
        future = self._under_way.popleft().future
        if not math.isnan(self._asked_at):
            self._measure()
        if self._waiting and len(self._under_way) == self._ahead:
            self._flush()
        if future.done():
            return  # its caller is gone, or it has waited too long
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    def lost(self) -> None:
        """The connection is lost: send the calls under way once more."""
        self._link = None
        unanswered = [call for call in self._under_way if not call.future.done()]
        self._under_way.clear()
        if unanswered:
            log.warning("connection to Redis lost", under_way=len(unanswered))
        _fail(call for call in unanswered if call.again or self._closed)
        for call in reversed(unanswered):
            if not call.future.done():
                call.again = True
                self._waiting.appendleft(call)
        self._flush()

    def writable(self) -> None:
        """Redis takes more again."""
        self._flush()

    # ------------------------------------------------------------ sending

    def _flush(self) -> None:
        """Write the calls that wait, as many as may be under way."""
        self._flush_due = False
        waiting, link = self._waiting, self._link
        if not waiting:
            return
        if self._watch is None:
            self._look_later()
        if link is None:
            if self._connecting is None:
                self._connecting = self._tasks.spawn(self._connect(), "connect to Redis")
        elif link.is_writable:
            if not self._under_way:
                # Redis owed no answer until now, so its silence begins here.
                link.heard_at = self._asked_at = self._loop.time()
            while waiting and len(self._under_way) <= self._ahead and link.is_writable:
                calls = [waiting.popleft() for _ in range(min(CHUNK, len(waiting)))]
                calls = [call for call in calls if not call.future.done()]
                self._under_way.extend(calls)
                link.write(b"".join([call.packed for call in calls]))

    def _measure(self) -> None:
        """Measure the shortest round trip to Redis: the longer it is, the more calls have to be under way."""
        took_s = self._loop.time() - self._asked_at
        self._asked_at = math.nan
        self._ahead = min(self._ahead, CHUNK + round(took_s / CALL_S))

    async def _connect(self) -> None:
        try:
            if not self._reachable:
                # Full jitter: many instances lose the same Redis at the same moment.
                await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))
            self._link = await Link.open(self._redis, self)
            self._ahead, self._asked_at = math.inf, math.nan
            self._reachable = True
        except (*UNAVAILABLE, RedisError) as error:
            if self._reachable:
                log.warning("Redis cannot be reached", error=str(error))
            self._reachable = False
            self._give_up()
        except Exception:
            log.exception("connecting to Redis failed")  # callers fail now and not by the timer
            self._reachable = False
            self._give_up()
        finally:
            self._connecting = None
        self._flush()

    def _give_up(self) -> None:
        _fail(self._waiting)
        self._waiting.clear()

    # ------------------------------------------------------------ patience

    def _look_later(self) -> None:
        self._watch = self._loop.call_later(self._timeout_s / WATCHES, self._look)

    def _look(self) -> None:
        """Fail the calls that have waited too long, and close a connection that is silent."""
        self._watch = None
        due = self._loop.time() - self._timeout_s
        for calls in (self._under_way, self._waiting):
            for call in calls:
                if call.asked_at > due:
                    break  # the oldest come first
                _fail((call,))
        if self._link is not None and self._under_way and self._link.heard_at <= due:
            self._link.abort()
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        if self._under_way or self._waiting:
            self._look_later()


def _fail(calls: Iterable[_Call]) -> None:
    """Fail each call with its own error: callers who share an exception would add to each other's tracebacks."""
    for call in calls:
        if not call.future.done():
            call.future.set_exception(Unavailable("Redis"))
