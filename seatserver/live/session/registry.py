"""Which sessions this process has, whether it takes another one, and how it says goodbye at shutdown.

At shutdown readiness turns false and new sockets are refused. The open ones are told bye in groups, each with its own
time to come back, so that they do not all reach the next instance at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from seatserver.config import Settings
from seatserver.live.session.leave import Leave
from seatserver.live.session.session import Session
from seatserver.live.transport.connection import Connection
from seatserver.metrics import Metrics
from seatserver.wire.closing import Close

SLICE = 100
CHECKED_AT_ONCE = 1000
SPREAD_MS = 5000


class SessionRegistry:
    """The sessions of this process, ``most`` at most."""

    def __init__(self, settings: Settings, metrics: Metrics, most: int) -> None:
        self._settings = settings
        self._metrics = metrics
        self._most = most
        self._sessions: set[Session] = set()
        self.draining = False

    @property
    def count(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    def of_user(self, user_id: str) -> list[Session]:
        """The sessions of one user."""
        return [session for session in self._sessions if session.user_id == user_id]

    def dismiss_where(self, is_meant: Callable[[str], bool], leave: Leave) -> None:
        """End the sessions of the users that are meant."""
        for session in [session for session in self._sessions if is_meant(session.user_id)]:
            session.dismiss(leave)

    @property
    def connections(self) -> list[Connection]:
        """The connection of every session."""
        return [session.connection for session in self._sessions]

    @property
    def full(self) -> bool:
        """Whether the process takes no more sessions."""
        return len(self._sessions) >= self._most

    async def host(self, session: Session) -> None:
        """Run a session, which is registered until it ends."""
        self._sessions.add(session)
        self._metrics.sockets.set(len(self._sessions))
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._metrics.sockets.set(len(self._sessions))

    async def recheck(self) -> None:
        """Let every session look whether it was revoked; a thousand take about a millisecond."""
        sessions = list(self._sessions)
        for start in range(0, len(sessions), CHECKED_AT_ONCE):
            for session in sessions[start : start + CHECKED_AT_ONCE]:
                session.recheck()
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Take no more sessions and say bye to all, within half of `Settings.shutdown_ms`."""
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
