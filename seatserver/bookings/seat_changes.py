"""The relay brings each change from Postgres to Redis, in order, and repeats until it has arrived.

Every change of a booking, a block or an allocation adds a row to the table ``outbox`` in its own transaction
(`append_changes`). The rows of a showtime are numbered without gaps. After the commit `Relay.notify` brings the
change to Redis at once; `Relay.poll` finds rows that a crash left behind. Applying a change twice is harmless, because
Redis knows the last number, so any number of instances may relay at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.bookings.tables import outbox
from seatserver.catalog.tables import showtimes
from seatserver.database import Database
from seatserver.errors import SeatServerError
from seatserver.seats.model import Applied
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore
from seatserver.tasks import Tasks

log = structlog.get_logger(__name__)

ROWS_AT_ONCE = 500
SHOWTIMES_AT_ONCE = 100


async def append_changes(
    connection: AsyncConnection, showtime_id: str, changes: Sequence[dict[str, Any]], **marks: sa.ColumnElement[Any]
) -> int:
    """Number ``changes``, write them to the outbox, and return the last number.

    ``marks`` are columns of the showtime's row to set in the same UPDATE. It locks the row until COMMIT, so numbers are
    committed in order. Call this as late in a transaction as possible: all changes of the showtime wait for the lock.
    """
    count = (
        sa.update(showtimes).where(showtimes.c.id == showtime_id).values(seq=showtimes.c.seq + len(changes), **marks)
    )
    seq: int = (await connection.execute(count.returning(showtimes.c.seq))).scalar_one()
    for number, change in enumerate(changes, seq - len(changes) + 1):
        await connection.execute(sa.insert(outbox).values(showtime_id=showtime_id, seq=number, **change))
    return seq


class Relay:
    """Brings the rows of the outbox to Redis; each process works on a showtime in one task at a time."""

    def __init__(self, database: Database, store: SeatStore) -> None:
        self._database = database
        self._store = store
        self._tasks = Tasks()
        self._relaying: dict[str, bool] = {}  # showtime → whether more came meanwhile

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way to Redis."""
        return not self._relaying

    def notify(self, showtime_id: str) -> None:
        """Start bringing this showtime's new rows to Redis; return at once."""
        if showtime_id in self._relaying:
            self._relaying[showtime_id] = True
            return
        self._relaying[showtime_id] = False
        self._tasks.spawn(self._relay_all(showtime_id), f"relay {showtime_id}")

    async def poll(self) -> int:
        """Notify every showtime that has rows left, and return how many. Raises `Unavailable`."""
        query = sa.select(outbox.c.showtime_id).distinct().limit(SHOWTIMES_AT_ONCE)
        async with self._database.reading() as connection:
            waiting = list((await connection.scalars(query)).all())
        for showtime_id in waiting:
            self.notify(showtime_id)
        return len(waiting)

    async def close(self) -> None:
        """Wait a moment for what is under way, then stop. The rest stays in the outbox for the next poll."""
        await self._tasks.close(grace_s=1.0)

    async def _relay_all(self, showtime_id: str) -> None:
        try:
            again = True
            while again:
                self._relaying[showtime_id] = False
                full = await self._relay_some(showtime_id) == ROWS_AT_ONCE
                again = full or self._relaying[showtime_id]
        except SeatServerError as error:
            log.warning("relay interrupted, continuing at the next poll", showtime=showtime_id, error=str(error))
        finally:
            del self._relaying[showtime_id]

    async def _relay_some(self, showtime_id: str) -> int:
        mine = outbox.c.showtime_id == showtime_id
        async with self._database.reading() as connection:
            rows = (
                await connection.execute(sa.select(outbox).where(mine).order_by(outbox.c.seq).limit(ROWS_AT_ONCE))
            ).all()
        arrived = 0
        for row in rows:
            applied = await self._bring(row)
            if applied.gap:
                # Redis lacks changes whose rows are gone, because it was set back: load the showtime anew.
                await self._store.load(showtime_id)
                arrived = max(arrived, row.seq)
                break
            arrived = max(arrived, applied.pgseq)
        if arrived:
            async with self._database.reading() as connection:
                await connection.execute(sa.delete(outbox).where(mine, outbox.c.seq <= arrived))
        return len(rows)

    async def _bring(self, row: sa.Row[Any]) -> Applied:
        if row.booking_id is not None:
            return await self._store.apply(
                row.showtime_id, row.seq, SeatState(row.state), row.booking_id, row.user_id, row.seats
            )
        channel = None if row.state == SeatState.FREE else row.channel or ""
        return await self._store.keep(row.showtime_id, row.seq, row.seats, channel)
