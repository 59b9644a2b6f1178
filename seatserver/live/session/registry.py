"""Which sessions this process has, whether another one may come in, and a paced goodbye at shutdown.

At shutdown readiness turns false, new sockets are sent to another instance, and the open ones are told bye in slices,
each with its own moment to come back, so that the next instance is not stormed.
"""

from __future__ import annotations

import asyncio
import random

from seatserver.config import Settings
from seatserver.live.session.session import Leave, Session
from seatserver.metrics import Metrics
from seatserver.wire.closing import Close

SLICE = 100
SPREAD_MS = 5000


class SessionRegistry:
    """The sessions of this process, at most ``most``."""

    def __init__(self, settings: Settings, metrics: Metrics, most: int) -> None:
        self._settings = settings
        self._metrics = metrics
        self._most = most
        self._sessions: set[Session] = set()
        self.draining = False

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._sessions)

    @property
    def full(self) -> bool:
        """Whether another socket would be one too many."""
        return len(self._sessions) >= self._most

    async def host(self, session: Session) -> None:
        """Run a session and know of it meanwhile."""
        self._sessions.add(session)
        self._metrics.sockets.set(len(self._sessions))
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._metrics.sockets.set(len(self._sessions))

    async def drain(self) -> None:
        """Say bye to everybody, within half of the time that a shutdown has."""
        self.draining = True
        loop = asyncio.get_running_loop()
        budget_s = self._settings.shutdown_ms / 2000
        deadline = loop.time() + budget_s
        leaving = list(self._sessions)
        pause_s = min(0.02, budget_s / 2 / max(1, len(leaving) / SLICE))
        for start in range(0, len(leaving), SLICE):
            for session in leaving[start : start + SLICE]:
                back_ms = random.randrange(100, SPREAD_MS)
                session.dismiss(Leave(Close.GOING_AWAY, "this server restarts", back_ms))
            await asyncio.sleep(pause_s)
        while self._sessions and loop.time() < deadline:  # noqa: ASYNC110 - many conditions, one moment
            await asyncio.sleep(0.01)
