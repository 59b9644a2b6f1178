"""What all audiences of one process share: settings, clock, metrics, the slices of the loop, and their pace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cached_property
from uuid import UUID

from seatserver.config import Clock, Settings
from seatserver.live.broadcast.io_uring import WriteToEach, write_to_each
from seatserver.live.broadcast.pace import Pacing
from seatserver.live.broadcast.scheduler import TimeSlicer
from seatserver.metrics import Metrics
from seatserver.tasks import Tasks
from seatserver.wire.from_server import Booked

BookingReader = Callable[[UUID], Awaitable[Booked | None]]
"""Reads a booking as the message that tells its owner about it; None when there is none."""

CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""Calls a function after so many seconds."""


class BroadcastServices:
    """What every `Audience` of a process is given; one for each process."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock, read_booking: BookingReader) -> None:
        self.settings = settings
        self.metrics = metrics
        self.clock = clock
        self.read_booking = read_booking
        self.tasks = Tasks()
        self.slicer = TimeSlicer()
        self.pacing = Pacing(settings)
        self.redis_ahead_ms = 0.0
        """How far Redis' clock is ahead of ours, as far as we know."""
        self.write_to_each: WriteToEach = write_to_each
        self.call_later: CallLater = self._call_later
        """The timer of ticks. A test that ends a tick itself puts another one here."""
        self._sockets: Counter[str] = Counter()

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, asked once: in Python 3.11 the question is a system call."""
        return asyncio.get_running_loop()

    def _call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(delay_s, callback)

    def propagated(self, since_ms: int) -> None:
        """Record how long a change took to its last viewer; it was made at that time, by Redis' clock."""
        self.metrics.propagation.observe(max(0.0, self.clock() + self.redis_ahead_ms - since_ms) / 1000)

    def count(self, user_id: str, step: int) -> None:
        """Count a socket of this user that joined (1) or left (-1) a room."""
        self._sockets[user_id] += step
        if not self._sockets[user_id]:
            del self._sockets[user_id]

    def sockets_of(self, user_id: str) -> int:
        """How many sockets of this process are in a room for this user."""
        return self._sockets[user_id]
