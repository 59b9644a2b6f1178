"""Checks Postgres for `seatserver doctor`: double owners, incomplete bookings, overdue work.

Everything here only reads. `sold_twice` and `torn` find nothing unless an index is missing or something other than the
server wrote to the tables.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from seatserver.bookings.tables import booked_seats, bookings, kept_seats, outbox
from seatserver.database import Database

LATE_S = 60
"""By this long after their deadlines some instance should have ended a pending booking or opened a kept seat."""
NAMED = 5
_LONG_AGO = sa.func.now() - sa.text(f"interval '{LATE_S} seconds'")


class Waiting(msgspec.Struct, frozen=True):
    """The changes that the relay has not brought to Redis yet: how many, and the age of the oldest in seconds."""

    rows: int
    oldest_s: float


class BookingAudit:
    """Questions to Postgres. All methods raise `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def facts(self) -> tuple[str, int]:
        """Its version and its clock, in milliseconds since the epoch."""
        query = sa.text("SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp()) * 1000")
        async with self._database.reading() as connection:
            version, clock = (await connection.execute(query)).one()
        return str(version).split(" ", 1)[0], int(clock)

    async def sold_twice(self) -> list[tuple[str, int]]:
        """(showtime, seat) with more than one owner."""
        live = booked_seats.c.released_at.is_(None)
        query = (
            sa.select(booked_seats.c.showtime_id, booked_seats.c.seat)
            .where(live)
            .group_by(booked_seats.c.showtime_id, booked_seats.c.seat)
            .having(sa.func.count() > 1)
            .limit(NAMED)
        )
        return [(row.showtime_id, row.seat) for row in await self._rows(query)]

    async def torn(self) -> list[str]:
        """Ids of bookings whose live seats are not exactly those that they should have."""
        owned = sa.func.count(booked_seats.c.seat).filter(booked_seats.c.released_at.is_(None))
        should = sa.case(
            (bookings.c.status.in_(("pending", "confirmed")), sa.func.cardinality(bookings.c.seats)), else_=0
        )
        query = (
            sa.select(bookings.c.id)
            .outerjoin(booked_seats, booked_seats.c.booking_id == bookings.c.id)
            .group_by(bookings.c.id)
            .having(
                sa.or_(owned != should, sa.func.count(booked_seats.c.seat) != sa.func.cardinality(bookings.c.seats))
            )
            .limit(NAMED)
        )
        return [str(row.id) for row in await self._rows(query)]

    async def late_claims(self) -> int:
        """How many pending bookings should have ended more than `LATE_S` ago."""
        return await self._count(bookings.c.status == "pending", bookings.c.expires_at < _LONG_AGO)

    async def late_releases(self) -> int:
        """How many kept seats should have been opened more than `LATE_S` ago."""
        return await self._count(kept_seats.c.release_at < _LONG_AGO)

    async def waiting(self) -> Waiting:
        """What is in the outbox."""
        age = sa.func.extract("epoch", sa.func.now() - sa.func.min(outbox.c.created_at))
        [(rows, oldest_s)] = await self._rows(sa.select(sa.func.count(), age).select_from(outbox))
        return Waiting(int(rows), float(oldest_s or 0))

    async def _count(self, *those: sa.ColumnElement[bool]) -> int:
        return int((await self._rows(sa.select(sa.func.count()).where(*those)))[0][0])

    async def _rows(self, query: sa.Executable) -> list[Any]:
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).all())
