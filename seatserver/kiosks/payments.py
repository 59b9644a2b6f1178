"""Paying at a kiosk: claim, ask the card reader, confirm. Exactly one booking or one void, whatever dies in between.

A payment has the id of its hold, which becomes the booking's. It is written down before anything else, and goes

    open ──► taking ──► paid            the card was taken: confirm the booking
      │        │
      └────────┴──► voiding ──► voided  it was not, or too late: give back the money, then the seats

Which of the two it will be is decided by one UPDATE of the row while it is ``open``, so never both. Every later step
may be repeated: the reader voids once, a booking is confirmed once. Whoever finds a payment that has not ended takes it
on from there (`advance`): the kiosk's page, which asks every second, or after a crash the duty `settle` of any
instance. Only a booking that was ended by somebody else (the reaper, or staff) sends a payment from taking to voiding.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from seatserver.bookings.checkout import Checkout
from seatserver.bookings.records import Booking, Records
from seatserver.catalog.tables import theatres
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import BookingState, Conflict, Forbidden, NotFound, SeatServerError
from seatserver.kiosks.readers import CardReader, Charge, ReaderAway, SimulatedReader, Stage
from seatserver.kiosks.registry import Kiosk, kiosk_of
from seatserver.kiosks.tables import kiosk_payments as payments
from seatserver.kiosks.tables import kiosks
from seatserver.times import millis_of

log = structlog.get_logger(__name__)

SETTLED_AT_ONCE = 100
UNSEEN = timedelta(minutes=3)
"""How long a page that starts anew shows the end of a payment that nobody has seen."""

Status = Literal["open", "taking", "voiding", "paid", "voided"]
Reason = Literal["", "cancelled", "timeout", "late"]


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it is now. ``stage`` is the reader's, None if it has not been asked or did not answer."""

    booking_id: UUID
    kiosk_id: UUID
    showtime_id: str
    status: Status
    attempt: int
    amount_minor: int | None
    currency: str | None
    reason: Reason
    deadline_ms: int
    is_overdue: bool
    stage: Stage | None = None


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """What a kiosk has sold today, by its theatre's calendar, in one currency."""

    count: int
    total_minor: int
    currency: str


class Payments:
    """All payments at kiosks, through one card reader."""

    def __init__(
        self, settings: Settings, database: Database, checkout: Checkout, records: Records, reader: CardReader | None
    ) -> None:
        self._lasts = timedelta(milliseconds=settings.kiosk_pay_ms)
        self._database = database
        self._checkout = checkout
        self._records = records
        self._reader = reader

    @property
    def reader(self) -> CardReader:
        """The card reader. Raises `Conflict` where none is configured."""
        if self._reader is None:
            raise Conflict("no card reader is configured for kiosks: set SEATSERVER_KIOSK_READER")
        return self._reader

    @property
    def simulated(self) -> SimulatedReader | None:
        """The simulated reader, where it is the one that is configured."""
        return self._reader if isinstance(self._reader, SimulatedReader) else None

    async def begin(self, kiosk: Kiosk, showtime_id: str, hold_id: UUID, user_id: str) -> Payment:
        """Claim a customer's hold and ask for a card. Repeating it gives the payment as it is now.

        Raises `Conflict` without a reader or while the kiosk is locked, `Forbidden` for a user that is no customer of
        this kiosk, and what `Checkout.book` raises.
        """
        _ = self.reader
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        if kiosk_of(user_id) != kiosk.id:
            raise Forbidden("claim", "paying for the hold of another kiosk's customer")
        await self._write_down(kiosk, showtime_id, hold_id)
        try:
            booking = await self._checkout.book(showtime_id, hold_id, user_id, pay_later=True)
        except SeatServerError as error:
            if not error.retryable and await self._records.find(hold_id) is None:  # and there will be none
                await self._decide(hold_id, "open", "voiding", "cancelled")
            raise
        claimed = {"amount_minor": booking.total_minor, "currency": booking.currency}
        if await self._update(hold_id, ("open",), **claimed) is None and await self._is_voided(kiosk, hold_id):
            # We slept so long that somebody has tidied up before there was a booking.
            await self._checkout.cancel(hold_id, only_pending=True)
        return await self.advance(kiosk, hold_id)

    async def advance(self, kiosk: Kiosk | None, booking_id: UUID) -> Payment:
        """Take a payment as far as it goes now. Raises `NotFound` if it is none of this kiosk's."""
        payment = await self._get(kiosk, booking_id)
        try:
            if payment.status == "open":
                payment = await self._look(payment)
            if payment.status == "taking":
                payment = await self._take(payment)
            if payment.status == "voiding":
                payment = await self._void(payment)
        except ReaderAway:
            log.warning("card reader away", payment=str(booking_id), status=payment.status)
        return payment

    async def retry(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """Ask for another card after one was declined, with the full time to pay again. Raises `NotFound`."""
        payment = await self._get(kiosk, booking_id)
        if payment.status == "open" and await self.reader.look(booking_id) == "declined":
            again = (payments.c.attempt == payment.attempt) & (payments.c.status == "open")
            later = {"attempt": payment.attempt + 1, "deadline_at": sa.func.now() + self._lasts}
            async with self._database.reading() as connection:
                chosen = sa.update(payments).where(payments.c.booking_id == booking_id, again).values(**later)
                await connection.execute(chosen)
            await self.reader.start(_charge(await self._get(kiosk, booking_id)))
        return await self.advance(kiosk, booking_id)

    async def cancel(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """The customer wants to pay no longer. A card that was taken before that has paid. Raises `NotFound`."""
        payment = await self.advance(kiosk, booking_id)
        if payment.status == "open":
            await self._decide(booking_id, "open", "voiding", "cancelled")
            return await self.advance(kiosk, booking_id)
        return payment

    async def done(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """The customer has seen how it ended; nothing of it is shown again. Raises `NotFound`."""
        await self._get(kiosk, booking_id)
        seen = sa.update(payments).where(payments.c.booking_id == booking_id, payments.c.ended_at.is_not(None))
        async with self._database.reading() as connection:
            await connection.execute(seen.values(done_at=sa.func.coalesce(payments.c.done_at, sa.func.now())))
        return await self._get(kiosk, booking_id)

    async def unseen(self, kiosk: Kiosk) -> Payment | None:
        """The kiosk's latest payment, if it goes on, or has ended a moment ago without its customer having seen that.

        For a page that was killed: whoever stands before it learns how it ended.
        """
        latest = (
            sa.select(payments.c.booking_id)
            .where(payments.c.kiosk_id == kiosk.id, payments.c.done_at.is_(None))
            .where(sa.or_(payments.c.ended_at.is_(None), payments.c.ended_at > sa.func.now() - UNSEEN))
            .order_by(payments.c.created_at.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            booking_id = await connection.scalar(latest)
        return None if booking_id is None else await self.advance(kiosk, booking_id)

    async def booking(self, payment: Payment) -> Booking | None:
        """The booking of a payment, or None if there is none yet."""
        return await self._records.find(payment.booking_id)

    async def settle(self) -> int:
        """Take on every payment that has not ended, whoever began it. Returns how many ended."""
        query = sa.select(payments.c.booking_id).where(payments.c.ended_at.is_(None)).order_by(payments.c.created_at)
        async with self._database.reading() as connection:
            open_ones = (await connection.scalars(query.limit(SETTLED_AT_ONCE))).all()
        ended = 0
        for booking_id in open_ones:
            try:
                ended += (await self.advance(None, booking_id)).status in ("paid", "voided")
            except SeatServerError as error:
                log.warning("payment not settled yet", payment=str(booking_id), problem=error.message)
        return ended

    async def sales_today(self) -> dict[UUID, list[Sales]]:
        """What each kiosk has sold today, by its theatre's calendar."""
        zone = theatres.c.timezone
        midnight = sa.func.timezone(zone, sa.func.date_trunc("day", sa.func.timezone(zone, sa.func.now())))
        sums = (sa.func.count().label("count"), sa.func.sum(payments.c.amount_minor).label("total"))
        query = (
            sa.select(payments.c.kiosk_id, payments.c.currency, *sums)
            .join(kiosks, kiosks.c.id == payments.c.kiosk_id)
            .join(theatres, theatres.c.id == kiosks.c.theatre_id)
            .where(payments.c.status == "paid", payments.c.ended_at >= midnight)
            .group_by(payments.c.kiosk_id, payments.c.currency)
            .order_by(payments.c.currency)
        )
        found: dict[UUID, list[Sales]] = {}
        async with self._database.reading() as connection:
            for kiosk_id, currency, count, total in (await connection.execute(query)).all():
                found.setdefault(kiosk_id, []).append(Sales(count=count, total_minor=int(total), currency=currency))
        return found

    # ------------------------------------------------------------ the steps

    async def _look(self, payment: Payment) -> Payment:
        """Decide, if there is something to decide: the card was taken, or it is too late."""
        booking_id = payment.booking_id
        booking = await self._records.find(booking_id)
        if booking is None or booking.status != "pending":
            # No booking yet: the claim is under way, or whoever made it has died. Or somebody else has ended it.
            if booking is not None or payment.is_overdue:
                return await self._decide(booking_id, "open", "voiding", "late")
            return payment
        if payment.amount_minor is None:  # whoever claimed it died before this was written
            claimed = {"amount_minor": booking.total_minor, "currency": booking.currency}
            payment = await self._update(booking_id, ("open",), **claimed) or payment
        if booking.total_minor == 0:
            return await self._decide(booking_id, "open", "taking")
        stage = await self.reader.look(booking_id)
        if stage == "approved":
            return await self._decide(booking_id, "open", "taking")
        if payment.is_overdue or stage == "voided":
            return await self._decide(booking_id, "open", "voiding", "timeout")
        if stage == "unknown":
            await self.reader.start(_charge(payment))
            stage = "waiting"
        return msgspec.structs.replace(payment, stage=stage)

    async def _take(self, payment: Payment) -> Payment:
        try:
            await self._checkout.confirm(payment.booking_id)
        except (BookingState, NotFound):
            return await self._decide(payment.booking_id, "taking", "voiding", "late")
        return await self._decide(payment.booking_id, "taking", "paid")

    async def _void(self, payment: Payment) -> Payment:
        """First the money, then the seats: while it is not certain that nothing is taken, nobody else gets them."""
        if self._reader is not None:
            await self._reader.void(payment.booking_id)
        try:
            await self._checkout.cancel(payment.booking_id, only_pending=True)
        except NotFound:
            pass  # it was never claimed
        except BookingState as error:
            log.warning("booking was confirmed by somebody else", booking=str(payment.booking_id), why=error.message)
        return await self._decide(payment.booking_id, "voiding", "voided", payment.reason)

    # ------------------------------------------------------------ the rows

    async def _is_voided(self, kiosk: Kiosk, booking_id: UUID) -> bool:
        return (await self._get(kiosk, booking_id)).status in ("voiding", "voided")

    async def _write_down(self, kiosk: Kiosk, showtime_id: str, hold_id: UUID) -> None:
        written = insert(payments).values(
            booking_id=hold_id,
            kiosk_id=kiosk.id,
            showtime_id=showtime_id,
            status="open",
            deadline_at=sa.func.now() + self._lasts,
        )
        async with self._database.reading() as connection:
            await connection.execute(written.on_conflict_do_nothing(index_elements=["booking_id"]))

    async def _decide(self, booking_id: UUID, before: Status, after: Status, reason: Reason = "") -> Payment:
        """Move a payment on, unless somebody else did. Returns it as it is then."""
        ended = {"ended_at": sa.func.now()} if after in ("paid", "voided") else {}
        moved = await self._update(booking_id, (before,), status=after, reason=reason, **ended)
        if moved is None:
            return await self._get(None, booking_id)
        log.info("payment at a kiosk", payment=str(booking_id), status=after, reason=reason)
        return moved

    async def _update(self, booking_id: UUID, statuses: Sequence[Status], **values: Any) -> Payment | None:
        change = sa.update(payments).where(payments.c.booking_id == booking_id, payments.c.status.in_(statuses))
        async with self._database.reading() as connection:
            row = (await connection.execute(change.values(**values).returning(*_COLUMNS))).one_or_none()
        return None if row is None else _payment(row)

    async def _get(self, kiosk: Kiosk | None, booking_id: UUID) -> Payment:
        query = sa.select(*_COLUMNS).where(payments.c.booking_id == booking_id)
        if kiosk is not None:
            query = query.where(payments.c.kiosk_id == kiosk.id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("payment", str(booking_id))
        return _payment(row)


_COLUMNS = (*payments.c, (payments.c.deadline_at <= sa.func.now()).label("is_overdue"))


def _payment(row: sa.Row[Any]) -> Payment:
    return Payment(
        booking_id=row.booking_id,
        kiosk_id=row.kiosk_id,
        showtime_id=row.showtime_id,
        status=row.status,
        attempt=row.attempt,
        amount_minor=row.amount_minor,
        currency=row.currency,
        reason=row.reason,
        deadline_ms=millis_of(row.deadline_at),
        is_overdue=row.is_overdue,
    )


def _charge(payment: Payment) -> Charge:
    assert payment.amount_minor is not None and payment.currency is not None
    return Charge(
        id=payment.booking_id,
        attempt=payment.attempt,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
