"""A user's own bookings: pages of all of them, and those of one showtime for a user who enters its room.

Everything here only reads. Thousands of users may enter a room at the same moment, and each is told their bookings. So
`OwnBookings.of` sends one query for all who wait: while it runs, the next one collects. REST and the socket call this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from seatserver.bookings.records import Booking, booking_of
from seatserver.bookings.tables import bookings
from seatserver.database import Database
from seatserver.errors import BadRequest
from seatserver.tasks import Tasks

LISTED = 100
"""Most bookings of a page."""
IN_A_ROOM = 20
"""Most bookings that a user is sent on entering a room."""
ASKED_AT_ONCE = 500
LIVE = ("pending", "confirmed")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Entrance = tuple[str, str]
"""A user and a showtime."""


class OwnFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which bookings of a user to list, newest first: at most ``limit``, starting after a cursor."""

    showtime_id: str | None = None
    status: str | None = None
    limit: int = 20
    after: str | None = None


class OwnBookings:
    """Reads bookings by their owner."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks = Tasks()
        self._waiting: dict[Entrance, asyncio.Future[list[Booking]]] = {}
        self._asking = False

    async def page(self, user_id: str, wanted: OwnFilter) -> tuple[list[Booking], str | None]:
        """A page of the user's bookings, and the cursor for the next page (None at the end).

        Raises `BadRequest` for a cursor that this server did not make, and `Unavailable`.
        """
        at = bookings.c.created_at
        query = sa.select(bookings).where(bookings.c.user_id == user_id).order_by(at.desc(), bookings.c.id.desc())
        if wanted.showtime_id is not None:
            query = query.where(bookings.c.showtime_id == wanted.showtime_id)
        if wanted.status is not None:
            query = query.where(bookings.c.status == wanted.status)
        if wanted.after is not None:
            moment, booking_id = _cursor_parts(wanted.after)
            query = query.where(sa.tuple_(at, bookings.c.id) < sa.tuple_(sa.literal(moment), sa.literal(booking_id)))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(wanted.limit + 1))).all()
        found = [booking_of(row) for row in rows[: wanted.limit]]
        last = rows[wanted.limit - 1] if len(rows) > wanted.limit else None
        return found, None if last is None else _cursor(last.created_at, last.id)

    async def of(self, user_id: str, showtime_id: str) -> list[Booking]:
        """The user's bookings of a showtime that have not ended: pending ones first, then the newest first.

        At most `IN_A_ROOM`. Raises `Unavailable`.
        """
        entrance = (user_id, showtime_id)
        answer = self._waiting.get(entrance)
        if answer is None:
            answer = self._waiting[entrance] = asyncio.get_running_loop().create_future()
            if not self._asking:
                self._asking = True
                self._tasks.spawn(self._ask_for_all(), "own bookings")
        # All windows of a user share the future. Shielded, so that closing one window cancels none of the others.
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Stop reading; whoever still waits is cancelled."""
        await self._tasks.close()
        for answer in self._waiting.values():
            answer.cancel()

    async def _ask_for_all(self) -> None:
        try:
            while self._waiting:
                asked = {
                    entrance: self._waiting.pop(entrance) for entrance in tuple(islice(self._waiting, ASKED_AT_ONCE))
                }
                try:
                    await self._answer(asked)
                finally:
                    for answer in asked.values():
                        answer.cancel()  # does nothing if it has a result
        finally:
            self._asking = False

    async def _answer(self, asked: dict[Entrance, asyncio.Future[list[Booking]]]) -> None:
        try:
            found = await self._read(list(asked))
        except Exception as error:
            for answer in asked.values():
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # mark it as seen: everybody who waited may be gone
            return
        for entrance, answer in asked.items():
            if not answer.done():
                answer.set_result(found.get(entrance, []))

    async def _read(self, entrances: Sequence[Entrance]) -> dict[Entrance, list[Booking]]:
        users, rooms = (sa.literal(list(part), ARRAY(sa.Text)) for part in zip(*entrances, strict=True))
        asked = sa.func.unnest(users, rooms).table_valued("user_id", "showtime_id", name="asked").render_derived()
        mine = (
            sa.select(bookings)
            .where(
                bookings.c.user_id == asked.c.user_id,
                bookings.c.showtime_id == asked.c.showtime_id,
                bookings.c.status.in_(LIVE),
            )
            .order_by(bookings.c.status.desc(), bookings.c.created_at.desc(), bookings.c.id.desc())
            .limit(IN_A_ROOM)
            .lateral("mine")
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(mine).select_from(asked.join(mine, sa.true())))).all()
        found: dict[Entrance, list[Booking]] = {}
        for row in rows:
            found.setdefault((row.user_id, row.showtime_id), []).append(booking_of(row))
        return found


def _cursor(moment: datetime, booking_id: UUID) -> str:
    # Postgres counts microseconds; a number of seconds as a float would not keep them all.
    return f"{(moment - EPOCH) // MICROSECOND}.{booking_id}"


def _cursor_parts(cursor: str) -> tuple[datetime, UUID]:
    micros, _, booking_id = cursor.partition(".")
    try:
        if not (micros.isascii() and micros.isdigit() and len(micros) < 17):
            raise ValueError
        return EPOCH + int(micros) * MICROSECOND, UUID(booking_id)
    except (ValueError, OverflowError):
        raise BadRequest("after is not a cursor from an earlier page: use the page's own, unchanged", "after") from None
