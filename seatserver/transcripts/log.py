"""The log of conversations with the concierge: off by default, with the visitor's consent only, never of sound.

`ConciergeLog.keep` notes a question and its answer in the background, so that nobody waits for Postgres; what is noted
is redacted first. The visitor deletes their own with `forget`, operators list and delete by REST and the command line,
and a duty (`tidy`) removes what is too old or too much. Where the setting is off nothing is kept, but what was kept
before is still deleted.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import sqlalchemy as sa
import structlog

from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import SeatServerError
from seatserver.tasks import Tasks
from seatserver.times import millis_of, moment_of
from seatserver.transcripts.redaction import redacted
from seatserver.transcripts.tables import concierge_log

log = structlog.get_logger(__name__)

LISTED = 200
"""Most entries of a page."""
WAITING_AT_MOST = 200
"""Most entries of a process that wait to be written; while Postgres is slow, others are not kept."""
AT_ONCE = 4
DELETED_AT_ONCE = 10_000
TIDY_MS = 600_000
"""How often old entries are removed."""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what was answered, both redacted."""

    id: int
    at_ms: int
    user_id: str
    showtime_id: str
    language: str
    question: str
    answer: str


class LogFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries to list, the newest first: at most ``limit``, those before the entry ``before``."""

    showtime_id: str | None = None
    user_id: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    limit: int = 50
    before: int | None = None


class ConciergeLog:
    """All entries."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._tasks = Tasks()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[asyncio.Task[None], str] = {}

    @property
    def days(self) -> int:
        """For how many days entries are kept; 0 if none are made."""
        return self._settings.kept_days

    # ------------------------------------------------------------ the visitor

    def keep(self, *, user_id: str, showtime_id: str, language: str, question: str, answer: str) -> None:
        """Write an entry in the background. It may be lost: no visitor waits for it, and nothing depends on it."""
        if not self.days:
            return
        if len(self._waiting) >= WAITING_AT_MOST:
            log.warning("a conversation is not kept: too many wait to be written")
            return
        entry = {
            "user_id": user_id,
            "showtime_id": showtime_id,
            "language": language,
            "question": redacted(question),
            "answer": redacted(answer),
        }
        task = self._tasks.spawn(self._write(entry), "concierge log")
        self._waiting[task] = user_id
        task.add_done_callback(lambda done: self._waiting.pop(done, None))

    async def _write(self, entry: dict[str, str]) -> None:
        try:
            async with self._turns, self._database.reading() as connection:
                await connection.execute(sa.insert(concierge_log).values(**entry))
        except SeatServerError as error:
            log.warning("a conversation is not kept", problem=error.message)

    async def forget(self, user_id: str) -> int:
        """Delete everything of this user; how many entries. Raises `Unavailable`.

        What this process is about to write of them is written first, so that it does not come later.
        """
        if writing := [task for task, whose in self._waiting.items() if whose == user_id]:
            await asyncio.wait(writing)
        async with self._database.reading() as connection:
            deleted = await connection.execute(sa.delete(concierge_log).where(concierge_log.c.user_id == user_id))
        return deleted.rowcount

    # ------------------------------------------------------------ the operator

    async def page(self, wanted: LogFilter) -> list[LogEntry]:
        """A page of entries. Raises `Unavailable`."""
        columns = concierge_log.c
        query = sa.select(concierge_log).order_by(columns.id.desc()).limit(min(wanted.limit, LISTED))
        if wanted.showtime_id is not None:
            query = query.where(columns.showtime_id == wanted.showtime_id)
        if wanted.user_id is not None:
            query = query.where(columns.user_id == wanted.user_id)
        if wanted.from_ms is not None:
            query = query.where(columns.at >= moment_of(wanted.from_ms))
        if wanted.to_ms is not None:
            query = query.where(columns.at < moment_of(wanted.to_ms))
        if wanted.before is not None:
            query = query.where(columns.id < wanted.before)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            LogEntry(
                id=row.id,
                at_ms=millis_of(row.at),
                user_id=row.user_id,
                showtime_id=row.showtime_id,
                language=row.language,
                question=row.question,
                answer=row.answer,
            )
            for row in rows
        ]

    # ------------------------------------------------------------ the duty

    async def tidy(self) -> int:
        """Remove entries that are older than their days, and the oldest of too many. Returns how many.

        Raises `Unavailable`. At most `DELETED_AT_ONCE` of each go at a time; the rest goes with the next turn.
        """
        columns, settings = concierge_log.c, self._settings
        is_old = columns.at < sa.func.now() - timedelta(days=settings.concierge_log_days)
        newest_to_go = (
            sa.select(columns.id).order_by(columns.id.desc()).offset(settings.concierge_log_rows).limit(1)
        ).scalar_subquery()
        removed = 0
        for goes in (is_old, columns.id <= newest_to_go):
            ids = sa.select(columns.id).where(goes).order_by(columns.id).limit(DELETED_AT_ONCE)
            async with self._database.reading() as connection:
                deleted = await connection.execute(sa.delete(concierge_log).where(columns.id.in_(ids)))
            removed += deleted.rowcount
        return removed

    async def close(self, grace_s: float) -> None:
        """Write what waits to be written, for so long at most."""
        await self._tasks.close(grace_s)
