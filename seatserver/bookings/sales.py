"""How showtimes sell: what was sold by which hour or day, and by then at earlier showtimes of the same hall.

Everything here only reads, and counts tickets: nobody's name or user is read. A ticket counts from its booking on,
until that is cancelled or expires. Staff's questions in `/ops` are answered from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from seatserver.bookings.tables import bookings
from seatserver.catalog.tables import auditoriums, seat_maps, showtimes, theatres
from seatserver.database import Database

LOOKED_BACK = timedelta(weeks=26)
"""Older showtimes say little about today's."""
MOST_EARLIER = 12
"""A showtime is compared with so many earlier ones, the latest ones."""
LEAST_EARLIER = 3
"""With fewer than that nothing is said about what is usual."""
MOST_PACES = 40
LEAST_APART = 0.02
"""Shares of a hall that differ by less are the same: a few tickets in a small hall are no trend."""
SLOWER, FASTER = 0.75, 1.25
"""Below three quarters of what is usual is slower, above five quarters is faster."""
LIVE = ("pending", "confirmed")

Judgement = Literal["slower", "usual", "faster", "too_few"]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How one showtime sells: the share of its places that is sold, and of ``earlier`` ones just as long before theirs.

    ``usual`` is the median of their shares; None if there are fewer than `LEAST_EARLIER`.
    """

    showtime_id: str
    sold: int
    places: int
    earlier: int
    usual: float | None

    @property
    def share(self) -> float:
        """The share of its places that is sold."""
        return self.sold / self.places if self.places else 0.0

    @property
    def judgement(self) -> Judgement:
        """Whether that is less or more than usual."""
        if self.usual is None:
            return "too_few"
        if abs(self.share - self.usual) < LEAST_APART:
            return "usual"
        if self.share < SLOWER * self.usual:
            return "slower"
        return "faster" if self.share > FASTER * self.usual else "usual"


class Sold(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked in the hour or day that begins at ``begins``, by the clocks there, and still stands."""

    begins: datetime
    tickets: int
    bookings: int


class SalesFigures:
    """Reads them. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def paces(self, showtime_ids: Sequence[str], now: datetime) -> dict[str, Pace]:
        """How these showtimes sell, at most `MOST_PACES` of them, by id.

        Each is compared with the latest showtimes of the same hall and weekday that have begun, and that were on sale
        as long before their start.
        """
        if not showtime_ids:
            return {}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_paces(list(showtime_ids[:MOST_PACES]), now))).all()
        own: dict[str, tuple[int, int]] = {}
        earlier: dict[str, list[float]] = {}
        for row in rows:
            if row.id == row.other:
                own[row.id] = (row.sold, row.places)
            elif row.places:
                earlier.setdefault(row.id, []).append(row.sold / row.places)
        return {
            one: Pace(
                showtime_id=one,
                sold=sold,
                places=places,
                earlier=len(shares := earlier.get(one, [])),
                usual=median(shares) if len(shares) >= LEAST_EARLIER else None,
            )
            for one, (sold, places) in own.items()
        }

    async def sold(self, unit: Literal["hour", "day"], since: datetime, timezone: str) -> list[Sold]:
        """What was booked since then and still stands, by hour or by day in that time zone; the first come first.

        Hours in which nothing was booked are left out.
        """
        # Bookings have no index by time. But whoever booked since then booked for a showtime that was on sale since.
        still_sold = sa.select(showtimes.c.id).where(showtimes.c.sale_ends_at >= since)
        begins = sa.func.date_trunc(
            sa.literal_column(f"'{unit}'"), sa.func.timezone(sa.literal(timezone), bookings.c.created_at)
        ).label("begins")
        query = (
            sa.select(
                begins,
                sa.func.sum(sa.func.cardinality(bookings.c.seats)).label("tickets"),
                sa.func.count().label("bookings"),
            )
            .where(bookings.c.showtime_id.in_(still_sold), bookings.c.created_at >= since, bookings.c.status.in_(LIVE))
            .group_by(begins)
            .order_by(begins)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [Sold(begins=row.begins, tickets=int(row.tickets), bookings=row.bookings) for row in rows]


def _paces(showtime_ids: list[str], now: datetime) -> sa.Select[Any]:
    """Of each showtime, and of the earlier ones that it is compared with, what was sold as long before the start."""
    own = showtimes.alias("own")
    past = showtimes.alias("past")
    left = own.c.starts_at - sa.literal(now)
    weekday = [sa.extract("isodow", sa.func.timezone(theatres.c.timezone, one.c.starts_at)) for one in (own, past)]
    earlier = (
        sa.select(past.c.id, past.c.layout_hash, (past.c.starts_at - left).label("at"))
        .where(
            past.c.auditorium_id == own.c.auditorium_id,
            past.c.starts_at < now,
            past.c.starts_at >= now - LOOKED_BACK,
            weekday[0] == weekday[1],
            past.c.on_sale_at <= past.c.starts_at - left,
        )
        .order_by(past.c.starts_at.desc(), past.c.id)
        .limit(MOST_EARLIER)
        .lateral("earlier")
    )
    wanted = own.c.id == sa.any_(sa.literal(showtime_ids, ARRAY(sa.Text)))
    compared = (
        sa.select(own.c.id, earlier.c.id.label("other"), earlier.c.layout_hash, earlier.c.at)
        .select_from(own)
        .join(auditoriums, auditoriums.c.id == own.c.auditorium_id)
        .join(theatres, theatres.c.id == auditoriums.c.theatre_id)
        .join(earlier, sa.true())
        .where(wanted, own.c.starts_at >= now)
    )
    itself = sa.select(own.c.id, own.c.id.label("other"), own.c.layout_hash, sa.literal(now).label("at")).where(wanted)
    every = sa.union_all(itself, compared).subquery("every")
    counts = sa.and_(
        bookings.c.showtime_id == every.c.other,
        bookings.c.created_at <= every.c.at,
        bookings.c.status.in_(LIVE) | (bookings.c.ended_at > every.c.at),
    )
    return (
        sa.select(
            every.c.id,
            every.c.other,
            seat_maps.c.seat_count.label("places"),
            sa.func.coalesce(sa.func.sum(sa.func.cardinality(bookings.c.seats)), 0).label("sold"),
        )
        .select_from(every)
        .join(seat_maps, seat_maps.c.hash == every.c.layout_hash)
        .outerjoin(bookings, counts)
        .group_by(every.c.id, every.c.other, seat_maps.c.seat_count)
    )
