"""Paying at a kiosk: claim, ask the card reader, confirm. Exactly one booking or one void, whatever dies in between.

A payment has the id of its hold, which becomes the booking's. It is written down before anything else, and goes

    open ──► taking ──► paid            the card was taken: confirm the booking
      │        │
      └────────┴──► voiding ──► voided  it was not, or too late: give back the money, then the seats

Which of the two it will be is decided by one UPDATE of the row while it is ``open``, so never both. Every later step
may be repeated: the reader voids once, a booking is confirmed once. Whoever finds a payment that has not ended takes it
on from there (`advance`): the kiosk's page, which asks every second, or after a crash the duty `settle` of any
instance. Only a booking that was ended by somebody else (the reaper, or staff) sends a payment from taking to voiding.

The id comes from the kiosk, so it may be that of anybody's booking. A payment notes whose it is, and a booking of any
other user is to it as if there were none: it is not shown, not confirmed and not cancelled (`Payments.booking`).
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
from seatserver.bookings.tables import bookings
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.tables import theatres
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import BookingState, Conflict, Forbidden, HoldConflict, HoldGone, NotFound, SeatServerError
from seatserver.kiosks.readers import CardReader, Charge, ReaderAway, SimulatedReader, Stage
from seatserver.kiosks.registry import Kiosk, kiosk_of
from seatserver.kiosks.tables import kiosk_payments as payments
from seatserver.kiosks.tables import kiosks
from seatserver.times import millis_of, moment_of

log = structlog.get_logger(__name__)

SETTLED_AT_ONCE = 100
UNSEEN = timedelta(minutes=3)
"""How long a page that starts anew shows the end of a payment that nobody has seen."""
LONGEST_DAY = timedelta(hours=30)
"""No day of any calendar is longer, with its clock put back."""

Status = Literal["open", "taking", "voiding", "paid", "voided"]
Reason = Literal["", "cancelled", "timeout", "late"]


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it is now. ``stage`` is the reader's, None if it has not been asked or did not answer.

    ``user_id`` is who pays, None if an older release began it. ``is_revoked`` says that its kiosk was.
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
    stage: Stage | None = None


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """What a kiosk has sold today, by its theatre's calendar, in one currency."""

    count: int
    total_minor: int
    currency: str


class Payments:
    """All payments at kiosks, through one card reader."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        catalog: Catalog,
        checkout: Checkout,
        records: Records,
        reader: CardReader | None,
    ) -> None:
        self._lasts = timedelta(milliseconds=settings.kiosk_pay_ms)
        # So long before its booking expires a payment ends, or a card that came last could not be confirmed any more.
        # The first card has its full time, however short-lived bookings are.
        spare_ms = min(settings.answer_ms, max(0, settings.claim_ms - settings.kiosk_pay_ms))
        self._spare = timedelta(milliseconds=spare_ms)
        self._database = database
        self._catalog = catalog
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

        Raises `Conflict` without a reader, while the kiosk is locked, and for a showtime of another theatre;
        `Forbidden` for a user that is no customer of this kiosk, `HoldConflict` for the id of another customer's
        payment, and what `Checkout.book` raises. Then nothing of the payment is left, unless trying again can help.
        """
        _ = self.reader
        if kiosk_of(user_id) != kiosk.id:
            raise Forbidden("claim", "paying for the hold of another kiosk's customer")
        if await self._find(hold_id) is None:  # what has begun goes on
            await self._check_may_sell(kiosk, showtime_id)
        payment = await self._write_down(kiosk, showtime_id, hold_id, user_id)
        try:
            booking = await self._checkout.book(showtime_id, hold_id, user_id, pay_later=True)
        except SeatServerError as error:
            if not error.retryable:
                await self._withdraw(payment)
            raise
        if await self._claimed(booking) is None:
            found = await self._find(hold_id)
            if found is None or found.status in ("voiding", "voided"):
                # We slept so long that somebody has tidied up before there was a booking.
                await self._checkout.cancel(hold_id, only_pending=True)
            if found is None:
                raise HoldGone(str(hold_id), "its payment was ended while it was booked")
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
        """Ask for another card after one was declined, with the full time to pay again. Raises `NotFound`.

        The time ends before the booking does. When none is left, the payment is void.
        """
        payment = await self._get(kiosk, booking_id)
        if payment.status == "open" and await self.reader.look(booking_id) == "declined":
            booking = await self.booking(payment)
            if booking is not None and booking.status == "pending":
                await self._ask_again(payment, self._until(booking, sa.func.now() + self._lasts))
        return await self.advance(kiosk, booking_id)

    async def _ask_again(self, payment: Payment, until: sa.ColumnElement[Any]) -> None:
        again = (payments.c.attempt == payment.attempt) & (payments.c.status == "open") & (until > sa.func.now())
        later = {"attempt": payment.attempt + 1, "deadline_at": until}
        async with self._database.reading() as connection:
            chosen = sa.update(payments).where(payments.c.booking_id == payment.booking_id, again).values(**later)
            await connection.execute(chosen)
        now = await self._get(None, payment.booking_id)
        if now.attempt > payment.attempt:
            await self.reader.start(_charge(now))
        else:
            await self._decide(payment.booking_id, "open", "voiding", "timeout")

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
        """The booking of a payment, or None if there is none yet. What has its id but is somebody else's is none."""
        booking = await self._records.find(payment.booking_id)
        if booking is None:
            return None
        if payment.user_id is None:
            return booking if kiosk_of(booking.user_id) == payment.kiosk_id else None
        return booking if booking.user_id == payment.user_id else None

    async def settle(self) -> int:
        """Take on every payment that has not ended, whoever began it. Returns how many ended.

        Raises `Conflict` if there are some and no reader: without one nobody can tell whether a card was taken.
        """
        query = sa.select(payments.c.booking_id).where(payments.c.ended_at.is_(None)).order_by(payments.c.created_at)
        async with self._database.reading() as connection:
            open_ones = (await connection.scalars(query.limit(SETTLED_AT_ONCE))).all()
        if open_ones:
            _ = self.reader
        ended = 0
        for booking_id in open_ones:
            try:
                ended += (await self.advance(None, booking_id)).status in ("paid", "voided")
            except SeatServerError as error:
                log.warning("payment not settled yet", payment=str(booking_id), problem=error.message)
        return ended

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

    # ------------------------------------------------------------ the steps

    async def _look(self, payment: Payment) -> Payment:
        """Decide, if there is something to decide: the card was taken, or it is too late."""
        booking_id = payment.booking_id
        booking = await self.booking(payment)
        if booking is None or booking.status != "pending":
            # No booking yet: the claim is under way, or whoever made it has died. Or somebody else has ended it.
            if booking is not None or payment.is_overdue:
                return await self._decide(booking_id, "open", "voiding", "late")
            return payment
        if payment.amount_minor is None:  # whoever claimed it died before this was written
            claimed = await self._claimed(booking)
            if claimed is None:  # somebody else has decided meanwhile
                return await self._get(None, booking_id)
            payment = claimed
        if booking.total_minor == 0 and not payment.is_revoked:
            return await self._decide(booking_id, "open", "taking")
        stage = await self.reader.look(booking_id)
        if stage == "approved":
            return await self._decide(booking_id, "open", "taking")
        if payment.is_revoked:
            return await self._decide(booking_id, "open", "voiding", "cancelled")
        if payment.is_overdue or stage == "voided":
            return await self._decide(booking_id, "open", "voiding", "timeout")
        if stage == "unknown":
            await self.reader.start(_charge(payment))
            stage = "waiting"
        return msgspec.structs.replace(payment, stage=stage)

    async def _take(self, payment: Payment) -> Payment:
        if await self.booking(payment) is None:
            return await self._decide(payment.booking_id, "taking", "voiding", "late")
        try:
            await self._checkout.confirm(payment.booking_id)
        except (BookingState, NotFound):
            return await self._decide(payment.booking_id, "taking", "voiding", "late")
        return await self._decide(payment.booking_id, "taking", "paid")

    async def _void(self, payment: Payment) -> Payment:
        """First the money, then the seats: while it is not certain that nothing is taken, nobody else gets them."""
        await self.reader.void(payment.booking_id)
        try:
            if await self.booking(payment) is not None:
                await self._checkout.cancel(payment.booking_id, only_pending=True)
        except BookingState as error:
            log.warning("booking was confirmed by somebody else", booking=str(payment.booking_id), why=error.message)
        return await self._decide(payment.booking_id, "voiding", "voided", payment.reason)

    # ------------------------------------------------------------ the rows

    async def _check_may_sell(self, kiosk: Kiosk, showtime_id: str) -> None:
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        showtime = await self._catalog.showtime(showtime_id)
        if showtime.theatre_id != kiosk.theatre_id:
            raise Conflict(f"the kiosk {kiosk.name!r} sells for {kiosk.theatre_id!r}, not for {showtime.theatre_id!r}")

    async def _write_down(self, kiosk: Kiosk, showtime_id: str, hold_id: UUID, user_id: str) -> Payment:
        """Note the payment before anything else is done. Raises `HoldConflict` for the id of somebody else's."""
        written = insert(payments).values(
            booking_id=hold_id,
            kiosk_id=kiosk.id,
            user_id=user_id,
            showtime_id=showtime_id,
            status="open",
            deadline_at=sa.func.now() + self._lasts,
        )
        async with self._database.reading() as connection:
            await connection.execute(written.on_conflict_do_nothing(index_elements=["booking_id"]))
        payment = await self._get(None, hold_id)
        if payment.kiosk_id != kiosk.id or payment.user_id not in (None, user_id):
            raise HoldConflict(str(hold_id), "this id belongs to another payment")
        return payment

    async def _withdraw(self, payment: Payment) -> None:
        """Nothing was claimed and nothing will be, so nothing of the payment is left."""
        if await self.booking(payment) is not None:
            return
        gone = sa.delete(payments).where(payments.c.booking_id == payment.booking_id, payments.c.status == "open")
        async with self._database.reading() as connection:
            await connection.execute(gone.where(payments.c.kiosk_id == payment.kiosk_id))

    async def _claimed(self, booking: Booking) -> Payment | None:
        """Note what is to pay, and until when at most. Returns None unless the payment is open."""
        return await self._update(
            booking.id,
            ("open",),
            amount_minor=booking.total_minor,
            currency=booking.currency,
            deadline_at=self._until(booking, payments.c.deadline_at),
        )

    def _until(self, booking: Booking, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A moment, or an earlier one at which there is still time to confirm the booking."""
        if booking.expires_at_ms is None:
            return moment
        return sa.func.least(moment, sa.literal(moment_of(booking.expires_at_ms)) - self._spare)

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
        found = await self._find(booking_id)
        if found is None or (kiosk is not None and found.kiosk_id != kiosk.id):
            raise NotFound("payment", str(booking_id))
        return found

    async def _find(self, booking_id: UUID) -> Payment | None:
        query = sa.select(*_COLUMNS).where(payments.c.booking_id == booking_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _payment(row)


_REVOKED = (
    sa.select(kiosks.c.revoked_at.is_not(None)).where(kiosks.c.id == payments.c.kiosk_id).correlate(payments)
).scalar_subquery()
_COLUMNS = (
    *payments.c,
    (payments.c.deadline_at <= sa.func.now()).label("is_overdue"),
    _REVOKED.label("is_revoked"),
)


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
    )


def _charge(payment: Payment) -> Charge:
    assert payment.amount_minor is not None and payment.currency is not None
    return Charge(
        id=payment.booking_id,
        attempt=payment.attempt,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
