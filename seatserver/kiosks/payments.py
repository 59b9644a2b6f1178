"""Paying at a kiosk: claim, ask the card reader, confirm. Exactly one booking or one void, whatever dies in between.

A payment has the id of its hold, which becomes the booking's. It is written down before anything else, and goes

    open ──► taking ──► paid            the card was taken: confirm the booking
      │        │
      └────────┴──► voiding ──► voided  it was not, or too late: give back the money, then the seats

One UPDATE of the ``open`` row decides between taking and voiding, so it is never both; the rows and their updates are
in `payment_records.py`. Every later step may be repeated: the reader voids once, a booking is confirmed once. Whoever
finds a payment that has not ended takes it on from there (`advance`): the kiosk's page, which asks every second, or
after a crash the duty `settle` of any instance. Only a booking that was ended by somebody else (the reaper, or staff)
sends a payment from taking to voiding.

The id comes from the kiosk, so it may be that of anybody's booking. A payment notes whose it is, and treats the booking
of any other user as if it did not exist: it is not shown, not confirmed and not cancelled (`Payments.booking`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from seatserver.bookings.checkout import Checkout
from seatserver.bookings.records import Booking, Records
from seatserver.catalog.catalog import Catalog
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import BookingState, Conflict, Forbidden, HoldGone, NotFound, SeatServerError
from seatserver.kiosks.kiosk import Kiosk, kiosk_of
from seatserver.kiosks.payment_records import Payment, PaymentRecords, Sales
from seatserver.kiosks.readers import CardReader, Charge, ReaderAway, SimulatedReader
from seatserver.kiosks.readiness import can_print, reader_of
from seatserver.times import moment_of

log = structlog.get_logger(__name__)

SETTLED_AT_ONCE = 100


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
        self._rows = PaymentRecords(database)
        self._catalog = catalog
        self._checkout = checkout
        self._records = records
        self._reader = reader
        self._settings = settings

    async def close(self) -> None:
        """Close what the card reader holds open."""
        if self._reader is not None:
            await self._reader.close()

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

        Raises `Conflict` without a card reader or the paper it needs, while the kiosk is locked, and for a showtime of
        another theatre;
        `Forbidden` for a user that is no customer of this kiosk, `HoldConflict` for the id of another customer's
        payment, and what `Checkout.book` raises. Then nothing of the payment is left, unless trying again can help.
        """
        _ = self.reader
        if kiosk_of(user_id) != kiosk.id:
            raise Forbidden("claim", "paying for the hold of another kiosk's customer")
        if await self._rows.find(hold_id) is None:  # what has begun goes on
            await self._check_may_sell(kiosk, showtime_id)
        payment = await self._rows.write_down(kiosk, showtime_id, hold_id, user_id, self._lasts)
        try:
            booking = await self._checkout.book(showtime_id, hold_id, user_id, pay_later=True)
        except SeatServerError as error:
            if not error.retryable:
                await self._withdraw(payment)
            raise
        if await self._rows.note_amount(booking, self._latest(booking)) is None:
            found = await self._rows.find(hold_id)
            if found is None or found.status in ("voiding", "voided"):
                # We slept so long that somebody has tidied up before there was a booking.
                await self._checkout.cancel(hold_id, only_pending=True)
            if found is None:
                raise HoldGone(str(hold_id), "its payment was ended while it was booked")
        return await self.advance(kiosk, hold_id)

    async def advance(self, kiosk: Kiosk | None, booking_id: UUID) -> Payment:
        """Take a payment as far as it goes now. Raises `NotFound` if it is none of this kiosk's."""
        payment = await self._rows.get(booking_id, kiosk)
        try:
            if payment.status == "open":
                payment = await self._look(payment)
            if payment.status == "taking":
                payment = await self._take(payment)
            if payment.status == "voiding":
                payment = await self._void(payment)
        except ReaderAway as away:
            log.warning("card reader away", payment=str(booking_id), status=payment.status, problem=away.message)
        return payment

    async def retry(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """Ask for another card after one was declined, with the full time to pay again. Raises `NotFound`.

        The time ends before the booking does. When none is left, the payment is void.
        """
        payment = await self._rows.get(booking_id, kiosk)
        if payment.status == "open" and await self.reader.look(booking_id) == "declined":
            booking = await self.booking(payment)
            if booking is not None and booking.status == "pending":
                again = await self._rows.try_another_card(payment, self._lasts, self._latest(booking))
                if again.attempt > payment.attempt:
                    await self.reader.start(_charge(again))
                else:
                    await self._rows.decide(booking_id, "open", "voiding", "timeout")
        return await self.advance(kiosk, booking_id)

    async def cancel(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """The customer wants to pay no longer. A card that was taken before that has paid. Raises `NotFound`."""
        payment = await self.advance(kiosk, booking_id)
        if payment.status == "open":
            await self._rows.decide(booking_id, "open", "voiding", "cancelled")
            return await self.advance(kiosk, booking_id)
        return payment

    async def done(self, kiosk: Kiosk, booking_id: UUID) -> Payment:
        """The customer has seen how it ended; nothing of it is shown again. Raises `NotFound`."""
        await self._rows.get(booking_id, kiosk)
        await self._rows.note_seen(booking_id)
        return await self._rows.get(booking_id, kiosk)

    async def unseen(self, kiosk: Kiosk) -> Payment | None:
        """The kiosk's latest payment, if it goes on, or has ended a moment ago without its customer having seen that.

        For a page that was killed: whoever stands before it learns how it ended.
        """
        booking_id = await self._rows.unseen(kiosk)
        return None if booking_id is None else await self.advance(kiosk, booking_id)

    async def booking(self, payment: Payment) -> Booking | None:
        """The booking of a payment, or None if there is none yet. What has its id but is somebody else's is none."""
        booking = await self._records.find(payment.booking_id)
        if booking is None:
            return None
        if payment.user_id is None:
            return booking if kiosk_of(booking.user_id) == payment.kiosk_id else None
        return booking if booking.user_id == payment.user_id else None

    async def goes_on_at(self, kiosk_id: UUID) -> bool:
        """Whether a payment at this kiosk has not ended."""
        return await self._rows.goes_on_at(kiosk_id)

    async def settle(self) -> int:
        """Take on every payment that has not ended, whoever began it. Returns how many ended.

        Raises `Conflict` if there are some and no reader: without one nobody can tell whether a card was taken.
        """
        open_ones = await self._rows.unsettled(SETTLED_AT_ONCE)
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
        return await self._rows.sales_today()

    # ------------------------------------------------------------ the steps

    async def _look(self, payment: Payment) -> Payment:
        """Decide, if there is something to decide: the card was taken, or it is too late."""
        booking_id = payment.booking_id
        booking = await self.booking(payment)
        if booking is None or booking.status != "pending":
            # No booking yet: the claim is under way, or whoever made it has died. Or somebody else has ended it.
            if booking is not None or payment.is_overdue:
                return await self._rows.decide(booking_id, "open", "voiding", "late")
            return payment
        if payment.amount_minor is None:  # whoever claimed it died before this was written
            claimed = await self._rows.note_amount(booking, self._latest(booking))
            if claimed is None:  # somebody else has decided meanwhile
                return await self._rows.get(booking_id)
            payment = claimed
        if booking.total_minor == 0 and not payment.is_revoked:
            return await self._rows.decide(booking_id, "open", "taking")
        stage = await self.reader.look(booking_id)
        if stage == "approved":
            return await self._rows.decide(booking_id, "open", "taking")
        if payment.is_revoked:
            return await self._rows.decide(booking_id, "open", "voiding", "cancelled")
        if payment.is_overdue or stage == "voided":
            return await self._rows.decide(booking_id, "open", "voiding", "timeout")
        if stage == "unknown":
            await self.reader.start(_charge(payment))
            stage = "waiting"
        return msgspec.structs.replace(payment, stage=stage)

    async def _take(self, payment: Payment) -> Payment:
        if await self.booking(payment) is None:
            return await self._rows.decide(payment.booking_id, "taking", "voiding", "late")
        try:
            await self._checkout.confirm(payment.booking_id)
        except (BookingState, NotFound):
            return await self._rows.decide(payment.booking_id, "taking", "voiding", "late")
        return await self._rows.decide(payment.booking_id, "taking", "paid")

    async def _void(self, payment: Payment) -> Payment:
        """First the money, then the seats: while it is not certain that nothing is taken, nobody else gets them."""
        await self.reader.void(payment.booking_id)
        try:
            if await self.booking(payment) is not None:
                await self._checkout.cancel(payment.booking_id, only_pending=True)
        except BookingState as error:
            log.warning("booking was confirmed by somebody else", booking=str(payment.booking_id), why=error.message)
        return await self._rows.decide(payment.booking_id, "voiding", "voided", payment.reason)

    async def _check_may_sell(self, kiosk: Kiosk, showtime_id: str) -> None:
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        if reader_of(kiosk, self._settings) == "none":
            raise Conflict(f"the kiosk {kiosk.name!r} has no card reader: name it in /ops")
        if self._settings.kiosk_needs_paper and not can_print(kiosk, self._settings):
            raise Conflict(f"the kiosk {kiosk.name!r} cannot print at the moment: look after its printer")
        showtime = await self._catalog.showtime(showtime_id)
        if showtime.theatre_id != kiosk.theatre_id:
            raise Conflict(f"the kiosk {kiosk.name!r} sells for {kiosk.theatre_id!r}, not for {showtime.theatre_id!r}")

    async def _withdraw(self, payment: Payment) -> None:
        """Nothing was claimed and nothing will be, so nothing of the payment is left."""
        if await self.booking(payment) is None:
            await self._rows.withdraw(payment)

    def _latest(self, booking: Booking) -> datetime | None:
        """When the payment ends at the latest, so that there is still time to confirm the booking."""
        if booking.expires_at_ms is None:
            return None
        return moment_of(booking.expires_at_ms) - self._spare


def _charge(payment: Payment) -> Charge:
    assert payment.amount_minor is not None and payment.currency is not None
    return Charge(
        id=payment.booking_id,
        reader=payment.card_reader,
        attempt=payment.attempt,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
