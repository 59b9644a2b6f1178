"""The rows of payments at kiosks, and the statements that change them. `payments.py` decides when each is used.

A payment's status changes in one UPDATE that names the status before. Of two changes made at the same time, one does
nothing, and its caller reads what the other one did.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from seatserver.bookings.records import Booking
from seatserver.bookings.tables import bookings
from seatserver.catalog.tables import theatres
from seatserver.database import Database
from seatserver.errors import HoldConflict, NotFound
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.readers import Stage
from seatserver.kiosks.tables import kiosk_payments as payments
from seatserver.kiosks.tables import kiosks
from seatserver.times import millis_of

log = structlog.get_logger(__name__)

UNSEEN = timedelta(minutes=3)
"""How long a page that starts anew shows the end of a payment that nobody has seen."""
LONGEST_DAY = timedelta(hours=30)
"""No day of any calendar is longer, with its clock put back."""

Status = Literal["open", "taking", "voiding", "paid", "voided"]
Reason = Literal["", "cancelled", "timeout", "late"]


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it is now. ``stage`` is the reader's, None if it has not been asked or did not answer.

    ``user_id`` is who pays, None if an older release began it. ``is_revoked`` says that its kiosk was, and
    ``card_reader`` is that kiosk's own.
    """

    booking_id: UUID
    kiosk_id: UUID
    user_id: str | None
    showtime_id: str
    status: Status
    attempt: int
    amount_minor: int | None
    currency: str | None
    reason: Reason
    deadline_ms: int
    is_overdue: bool
    is_revoked: bool
    card_reader: str = ""
    stage: Stage | None = None


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """What a kiosk has sold today, by its theatre's calendar, in one currency."""

    count: int
    total_minor: int
    currency: str


_REVOKED = (
    sa.select(kiosks.c.revoked_at.is_not(None)).where(kiosks.c.id == payments.c.kiosk_id).correlate(payments)
).scalar_subquery()
_READER = (
    sa.select(kiosks.c.card_reader).where(kiosks.c.id == payments.c.kiosk_id).correlate(payments)
).scalar_subquery()
_COLUMNS = (
    *payments.c,
    (payments.c.deadline_at <= sa.func.now()).label("is_overdue"),
    _REVOKED.label("is_revoked"),
    _READER.label("card_reader"),
)


class PaymentRecords:
    """All payments at kiosks, as they are written down. Every method raises `Unavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, booking_id: UUID) -> Payment | None:
        """The payment of this booking, or None if there is none."""
        query = sa.select(*_COLUMNS).where(payments.c.booking_id == booking_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _payment(row)

    async def get(self, booking_id: UUID, kiosk: Kiosk | None = None) -> Payment:
        """The payment of this booking. Raises `NotFound` if there is none, or it is none of this kiosk's."""
        found = await self.find(booking_id)
        if found is None or (kiosk is not None and found.kiosk_id != kiosk.id):
            raise NotFound("payment", str(booking_id))
        return found

    async def write_down(
        self, kiosk: Kiosk, showtime_id: str, hold_id: UUID, user_id: str, lasts: timedelta
    ) -> Payment:
        """Note a new payment; repeating it changes nothing. Raises `HoldConflict` for the id of somebody else's."""
        written = insert(payments).values(
            booking_id=hold_id,
            kiosk_id=kiosk.id,
            user_id=user_id,
            showtime_id=showtime_id,
            status="open",
            deadline_at=sa.func.now() + lasts,
        )
        async with self._database.reading() as connection:
            await connection.execute(written.on_conflict_do_nothing(index_elements=["booking_id"]))
        payment = await self.get(hold_id)
        if payment.kiosk_id != kiosk.id or payment.user_id not in (None, user_id):
            raise HoldConflict(str(hold_id), "this id belongs to another payment")
        return payment

    async def withdraw(self, payment: Payment) -> None:
        """Delete the payment, if it is still open."""
        gone = sa.delete(payments).where(payments.c.booking_id == payment.booking_id, payments.c.status == "open")
        async with self._database.reading() as connection:
            await connection.execute(gone.where(payments.c.kiosk_id == payment.kiosk_id))

    async def note_amount(self, booking: Booking, latest: datetime | None) -> Payment | None:
        """Note what is to pay; the deadline is no later than ``latest``. Returns None unless the payment is open."""
        return await self._update(
            booking.id,
            "open",
            amount_minor=booking.total_minor,
            currency=booking.currency,
            deadline_at=_earlier(payments.c.deadline_at, latest),
        )

    async def try_another_card(self, payment: Payment, lasts: timedelta, latest: datetime | None) -> Payment:
        """Begin the next attempt, unless somebody else did or no time is left. Returns the payment as it is then."""
        until = _earlier(sa.func.now() + lasts, latest)
        is_next = (payments.c.attempt == payment.attempt) & (until > sa.func.now())
        attempt = payment.attempt + 1
        moved = await self._update(payment.booking_id, "open", is_next, attempt=attempt, deadline_at=until)
        return moved or await self.get(payment.booking_id)

    async def decide(self, booking_id: UUID, before: Status, after: Status, reason: Reason = "") -> Payment:
        """Move a payment on, unless somebody else did. Returns it as it is then."""
        ended = {"ended_at": sa.func.now()} if after in ("paid", "voided") else {}
        moved = await self._update(booking_id, before, status=after, reason=reason, **ended)
        if moved is None:
            return await self.get(booking_id)
        log.info("payment at a kiosk", payment=str(booking_id), status=after, reason=reason)
        return moved

    async def note_seen(self, booking_id: UUID) -> None:
        """Note that the customer has seen how it ended; nothing happens if it has not."""
        seen = sa.update(payments).where(payments.c.booking_id == booking_id, payments.c.ended_at.is_not(None))
        async with self._database.reading() as connection:
            await connection.execute(seen.values(done_at=sa.func.coalesce(payments.c.done_at, sa.func.now())))

    async def unseen(self, kiosk: Kiosk) -> UUID | None:
        """The kiosk's latest payment that goes on, or has ended within `UNSEEN` without anybody having seen that."""
        latest = (
            sa.select(payments.c.booking_id)
            .where(payments.c.kiosk_id == kiosk.id, payments.c.done_at.is_(None))
            .where(sa.or_(payments.c.ended_at.is_(None), payments.c.ended_at > sa.func.now() - UNSEEN))
            .order_by(payments.c.created_at.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            found: UUID | None = await connection.scalar(latest)
        return found

    async def goes_on_at(self, kiosk_id: UUID) -> bool:
        """Whether a payment at this kiosk has not ended."""
        open_one = sa.select(payments.c.booking_id).where(
            payments.c.kiosk_id == kiosk_id, payments.c.ended_at.is_(None)
        )
        async with self._database.reading() as connection:
            return await connection.scalar(open_one.limit(1)) is not None

    async def unsettled(self, most: int) -> list[UUID]:
        """The payments that have not ended: first those that wait for no card any more, then the oldest.

        A reader may take long to answer for each, and those that wait for a card are followed by their kiosk's page.
        """
        waits = (payments.c.status == "open") & (payments.c.deadline_at > sa.func.now())
        query = (
            sa.select(payments.c.booking_id).where(payments.c.ended_at.is_(None)).order_by(waits, payments.c.created_at)
        )
        async with self._database.reading() as connection:
            return list((await connection.scalars(query.limit(most))).all())

    async def sales_today(self) -> dict[UUID, list[Sales]]:
        """What each kiosk has sold today, by its theatre's calendar, without what was cancelled since."""
        zone = theatres.c.timezone
        midnight = sa.func.timezone(zone, sa.func.date_trunc("day", sa.func.timezone(zone, sa.func.now())))
        sums = (sa.func.count().label("count"), sa.func.sum(payments.c.amount_minor).label("total"))
        query = (
            sa.select(payments.c.kiosk_id, payments.c.currency, *sums)
            .join(kiosks, kiosks.c.id == payments.c.kiosk_id)
            .join(theatres, theatres.c.id == kiosks.c.theatre_id)
            .join(bookings, bookings.c.id == payments.c.booking_id)
            .where(payments.c.status == "paid", bookings.c.status == "confirmed")
            # The second bound depends on the theatre, so only the first one can use the index.
            .where(payments.c.ended_at > sa.func.now() - LONGEST_DAY, payments.c.ended_at >= midnight)
            .group_by(payments.c.kiosk_id, payments.c.currency)
            .order_by(payments.c.currency)
        )
        found: dict[UUID, list[Sales]] = {}
        async with self._database.reading() as connection:
            for kiosk_id, currency, count, total in (await connection.execute(query)).all():
                found.setdefault(kiosk_id, []).append(Sales(count=count, total_minor=int(total), currency=currency))
        return found

    async def _update(
        self, booking_id: UUID, before: Status, *only_if: sa.ColumnElement[bool], **values: Any
    ) -> Payment | None:
        change = sa.update(payments).where(payments.c.booking_id == booking_id, payments.c.status == before, *only_if)
        async with self._database.reading() as connection:
            row = (await connection.execute(change.values(**values).returning(*_COLUMNS))).one_or_none()
        return None if row is None else _payment(row)


def _earlier(moment: sa.ColumnElement[Any], latest: datetime | None) -> sa.ColumnElement[Any]:
    return moment if latest is None else sa.func.least(moment, sa.literal(latest))


def _payment(row: sa.Row[Any]) -> Payment:
    return Payment(
        booking_id=row.booking_id,
        kiosk_id=row.kiosk_id,
        user_id=row.user_id,
        showtime_id=row.showtime_id,
        status=row.status,
        attempt=row.attempt,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason,
        deadline_ms=millis_of(row.deadline_at),
        is_overdue=row.is_overdue,
        is_revoked=row.is_revoked,
        card_reader=row.card_reader,
    )
