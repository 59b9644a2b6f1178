"""Print jobs of kiosks: one for each copy of a booking's ticket, printed at most once unless somebody asks for another.

The kiosk's page asks for copy 1 when the customer has paid, or when somebody shows a ticket that was bought elsewhere,
and repeats that without harm. Copies of a booking are counted at all kiosks together. The agent that has the
printer gets a job once it is marked as sent, and says how it ended. A job goes

    asked ──► sent ──► printed
      │        ├─────► failed     nothing was printed: the same copy may be asked for again
      │        └─────► unsure     nobody knows: only another copy, marked as one, may be asked for
      └──────────────► failed     no agent took it in time

| what is lost or dies                                   | how it ends                                            |
| ------------------------------------------------------ | ------------------------------------------------------ |
| the page's request, or the answer to it                 | asked for again: the same job                          |
| the job on its way to the agent                         | sent again to the next connection: printed once        |
| the agent's old connection, and no server has noticed   | sent to the new one too: printed once                  |
| the agent, before its journal says that it begins       | the same                                               |
| the agent, between that and the end of printing         | unsure: it is not printed again by itself              |
| the agent, after its journal says that it is printed    | it is sent again, and answered from the journal        |
| the agent's answer                                      | the same                                               |
| the agent, and it does not come back in time            | unsure                                                 |

A job is sent, or sent again, only within `LASTS`: later its customer has gone, and nobody wants the paper. Each agent
has its own journal, so a job that was sent to one agent is never sent to its successor: it becomes unsure.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from seatserver.database import Database
from seatserver.errors import Conflict, NotFound
from seatserver.kiosks.receipts import Language
from seatserver.kiosks.tables import kiosk_prints as jobs

LASTS = timedelta(seconds=60)
MOST_COPIES = 5
AT_ONCE = 20

JobStatus = Literal["asked", "sent", "printed", "failed", "unsure"]
Outcome = Literal["printed", "failed", "unsure"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a booking's ticket."""

    booking_id: UUID
    copy: int
    kiosk_id: UUID
    language: Language
    status: JobStatus
    left_s: float
    """How much longer it may be sent."""


_IS_LATE = jobs.c.asked_at < sa.func.now() - LASTS
_STATUS = sa.case(
    (_IS_LATE & (jobs.c.status == "asked"), "failed"),
    (_IS_LATE & (jobs.c.status == "sent"), "unsure"),
    else_=jobs.c.status,
)
_LEFT_S = sa.extract("epoch", jobs.c.asked_at + LASTS - sa.func.now())
_COLUMNS = (
    jobs.c.booking_id,
    jobs.c.copy,
    jobs.c.kiosk_id,
    jobs.c.language,
    _STATUS.label("status"),
    _LEFT_S.label("left_s"),
)


class PrintJobs:
    """The jobs of all kiosks. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(
        self, kiosk_id: UUID, booking_id: UUID, copy: int, language: Language, status: JobStatus, *, again: bool
    ) -> Job:
        """Ask for a copy; it begins as ``status``. Repeating it changes nothing; ``again`` does if it has failed.

        With ``again``, a copy that has failed at another kiosk is this one's: nothing of it is on paper. Raises
        `Conflict` for a copy whose turn it is not: the one before has to be printed, or its end unknown. Raises
        `NotFound` for a copy that another kiosk prints or has printed.
        """
        if not 1 <= copy <= MOST_COPIES:
            raise Conflict(f"there are at most {MOST_COPIES} copies of a ticket: ask at the box office")
        if copy > 1:
            before = await self._find(booking_id, copy - 1)
            if before is None or before.status not in ("printed", "unsure"):
                raise Conflict(f"copy {copy} is printed after copy {copy - 1}")
        asked = insert(jobs).values(
            booking_id=booking_id, copy=copy, kiosk_id=kiosk_id, language=language, status=status
        )
        noted = asked.on_conflict_do_update(
            index_elements=["booking_id", "copy"],
            set_={"status": status, "language": language, "kiosk_id": kiosk_id, "asked_at": sa.func.now()},
            where=(_STATUS == "failed") & sa.literal(again),
        )
        async with self._database.reading() as connection:
            await connection.execute(noted)
        found = await self._find(booking_id, copy)
        if found is None or found.kiosk_id != kiosk_id:
            raise NotFound("print job", f"{booking_id}, copy {copy}")
        return found

    async def next_copy(self, kiosk_id: UUID, booking_id: UUID) -> int | None:
        """The copy to ask for at this kiosk: the last one if it has failed, or goes on there; otherwise the next.

        None if there are as many as there may be.
        """
        last = sa.select(*_COLUMNS).where(jobs.c.booking_id == booking_id).order_by(jobs.c.copy.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(last)).one_or_none()
        if row is None:
            return 1
        goes_on = row.status in ("asked", "sent") and row.kiosk_id == kiosk_id
        copy: int = row.copy if row.status == "failed" or goes_on else row.copy + 1
        return copy if copy <= MOST_COPIES else None

    async def take(self, kiosk_ids: Collection[UUID]) -> list[Job]:
        """Mark the jobs that wait for these kiosks as sent. Whoever gets them has to send them."""
        waiting = (
            sa.select(jobs.c.booking_id, jobs.c.copy)
            .where(jobs.c.kiosk_id.in_(kiosk_ids), jobs.c.status == "asked", ~_IS_LATE)
            .order_by(jobs.c.asked_at)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        taken = sa.update(jobs).where(sa.tuple_(jobs.c.booking_id, jobs.c.copy).in_(waiting)).values(status="sent")
        async with self._database.reading() as connection:
            return [_job(row) for row in (await connection.execute(taken.returning(*_COLUMNS))).all()]

    async def sent(self, kiosk_ids: Collection[UUID]) -> list[Job]:
        """The jobs of these kiosks that were sent and whose end is not known yet: each new connection gets them."""
        query = (
            sa.select(*_COLUMNS)
            .where(jobs.c.kiosk_id.in_(kiosk_ids), jobs.c.status == "sent", ~_IS_LATE)
            .order_by(jobs.c.asked_at)
        )
        async with self._database.reading() as connection:
            return [_job(row) for row in (await connection.execute(query.limit(AT_ONCE * len(kiosk_ids)))).all()]

    async def end(self, kiosk_id: UUID, booking_id: UUID, copy: int, outcome: Outcome) -> None:
        """Note how a job ended; nothing happens if that is known already."""
        ended = sa.update(jobs).where(
            jobs.c.booking_id == booking_id, jobs.c.copy == copy, jobs.c.kiosk_id == kiosk_id, jobs.c.status == "sent"
        )
        async with self._database.reading() as connection:
            await connection.execute(ended.values(status=outcome))

    async def _find(self, booking_id: UUID, copy: int) -> Job | None:
        query = sa.select(*_COLUMNS).where(jobs.c.booking_id == booking_id, jobs.c.copy == copy)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _job(row)


def _job(row: Any) -> Job:
    return Job(
        booking_id=row.booking_id,
        copy=row.copy,
        kiosk_id=row.kiosk_id,
        language=row.language,
        status=row.status,
        left_s=float(row.left_s),
    )
