"""Reads bookings, and what Postgres knows of a showtime's seats.

Everything here only reads; `checkout` writes bookings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from seatserver.bookings.tables import booked_seats, bookings, kept_seats
from seatserver.catalog.tables import seat_maps, showtimes
from seatserver.database import Database
from seatserver.errors import NotFound
from seatserver.pricing.tariff import Line
from seatserver.seats.model import Ownership
from seatserver.seats.states import BookingStatus, SeatState
from seatserver.times import millis_of

KEEP_AFTER_SALE_MS = 24 * 3_600_000
REFERENCE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

STATE_OF_STATUS = {"pending": SeatState.CLAIMED, "confirmed": SeatState.SOLD}
"""The state of a booking's seats. In any other status the seats are free."""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as it is now. ``status`` is pending, confirmed, cancelled or expired; the id is its hold's id.

    Money is in minor units; ``total_minor`` is the sum of the prices in ``lines`` and ``fees_minor``. Bookings from
    before prices were recorded for each ticket have no lines. ``channel`` is the sales channel, empty for the public;
    ``expires_at_ms`` is the deadline of a pending booking's payment.
    """

    id: UUID
    showtime_id: str
    user_id: str
    status: BookingStatus
    seats: tuple[int, ...]
    total_minor: int
    currency: str
    created_at_ms: int
    expires_at_ms: int | None = None
    lines: tuple[Line, ...] = ()
    fees_minor: int = 0
    channel: str = ""

    @property
    def reference(self) -> str:
        """The booking's name for people, such as ``K7F2 9QXM``, to read or to say on the telephone.

        It may not be unique, and it gives access to nothing. It is made from a hash, because ids that clients take from
        a clock all begin alike. Crockford's base 32 leaves out I, L, O and U, which are easily misread.
        """
        number = int.from_bytes(hashlib.sha256(self.id.bytes).digest()[:5])
        letters = "".join(REFERENCE_LETTERS[number >> 5 * place & 31] for place in range(8))
        return f"{letters[:4]} {letters[4:]}"


def booking_of(row: sa.Row[Any]) -> Booking:
    """A row of the table `bookings` as a value."""
    return Booking(
        id=row.id,
        showtime_id=row.showtime_id,
        user_id=row.user_id,
        status=row.status,
        seats=tuple(row.seats),
        total_minor=row.total_minor,
        currency=row.currency,
        created_at_ms=millis_of(row.created_at),
        expires_at_ms=millis_of(row.expires_at) if row.expires_at is not None else None,
        lines=msgspec.convert(row.lines, tuple[Line, ...]),
        fees_minor=row.fees_minor,
        channel=row.channel,
    )


class Records:
    """Reads bookings and who owns seats. ``clock`` gives ms since the epoch."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    async def find(self, booking_id: UUID) -> Booking | None:
        """The booking, or None."""
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(bookings).where(bookings.c.id == booking_id))).one_or_none()
        return None if row is None else booking_of(row)

    async def get(self, booking_id: UUID) -> Booking:
        """The booking. Raises `NotFound`."""
        booking = await self.find(booking_id)
        if booking is None:
            raise NotFound("booking", str(booking_id))
        return booking

    async def load_ownership(self, showtime_id: str) -> Ownership:
        """What Redis must know of a showtime, read in one snapshot. Raises `NotFound`."""
        of_showtime = (
            sa.select(showtimes.c.seq, showtimes.c.sale_ends_at, seat_maps.c.seat_count)
            .join(seat_maps, seat_maps.c.hash == showtimes.c.layout_hash)
            .where(showtimes.c.id == showtime_id)
        )
        of_seats = (
            sa.select(booked_seats.c.seat, bookings.c.status)
            .join(bookings, bookings.c.id == booked_seats.c.booking_id)
            .where(booked_seats.c.showtime_id == showtime_id, booked_seats.c.released_at.is_(None))
        )
        of_kept = sa.select(kept_seats.c.seat, kept_seats.c.channel).where(kept_seats.c.showtime_id == showtime_id)
        async with self._database.reading(snapshot=True) as connection:
            showtime = (await connection.execute(of_showtime)).one_or_none()
            taken = (await connection.execute(of_seats)).all()
            kept = (await connection.execute(of_kept)).all()
        if showtime is None:
            raise NotFound("showtime", showtime_id)
        # Never in the past, or Redis would forget the room at once and it would be loaded again and again.
        ends_ms = max(millis_of(showtime.sale_ends_at), self._clock()) + KEEP_AFTER_SALE_MS
        return Ownership(
            seq=showtime.seq,
            taken={row.seat: int(STATE_OF_STATUS[row.status]) for row in taken},
            kept={row.seat: row.channel or "" for row in kept},
            ends_ms=ends_ms,
            seat_count=showtime.seat_count,
        )

    async def current_showtimes(self, limit: int) -> list[str]:
        """Showtimes on sale, or whose sale ended within the last hour; the earliest show first."""
        now = sa.func.now()
        query = (
            sa.select(showtimes.c.id)
            .where(showtimes.c.on_sale_at <= now, showtimes.c.sale_ends_at > now - sa.text("interval '1 hour'"))
            .order_by(showtimes.c.starts_at)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return list((await connection.scalars(query)).all())
