"""Payments at a kiosk. Only the kiosk itself asks here, with its key.

The kiosk's page begins a payment, asks every second how far it is, and shows its end. It may repeat every request, and
a page that starts anew asks for the payment that goes on (`get_kiosk_payment`).
"""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

from msgspec import Meta

from seatserver import qr
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, Id
from seatserver.api.views import bookings, showtimes
from seatserver.api.views.bookings import BookingView, booking_view
from seatserver.api.views.prints import Again, Copy, PaperLanguage, TicketPrint, print_view
from seatserver.api.views.seats import with_labels
from seatserver.api.views.showtimes import ShowtimeView, showtime_view
from seatserver.errors import (
    BookingState,
    Conflict,
    Forbidden,
    HoldConflict,
    HoldGone,
    NotFound,
    OutcomeUnknown,
    SeatsRefused,
)
from seatserver.kiosks.messages import EXAMPLE_ID
from seatserver.kiosks.payment_records import Payment
from seatserver.kiosks.readers import Act, ReaderAway
from seatserver.kiosks.receipts import Language


class BeginPayment(Document, frozen=True):
    """A customer's hold, to be paid."""

    showtime_id: Id
    hold_id: UUID
    user_id: Annotated[str, Meta(max_length=128, description="The customer, as `/kiosks/self/customers` named them.")]


class SimulateCard(Document, frozen=True):
    """What the customer does with the card before the simulated reader."""

    act: Annotated[
        str,
        Meta(
            pattern="^(tap|decline|lose)$",
            description="`lose`: the card is charged, but the reader's next answers are lost.",
        ),
    ]


class PrintTicket(Document, frozen=True):
    """Which copy of the ticket is to be printed."""

    copy: Copy
    language: PaperLanguage
    again: Again = False


class KioskPayment(Document, frozen=True):
    """How far a payment is."""

    booking_id: Annotated[UUID, Meta(description="The id of the hold, and of its booking.")]
    status: Annotated[
        str,
        Meta(
            pattern="^(open|taking|voiding|paid|voided)$",
            description="`paid` and `voided` are final. `taking`: the card was charged. `voiding`: it is given back.",
        ),
    ]
    stage: Annotated[
        Annotated[str, Meta(pattern="^(unknown|waiting|approved|declined|voided)$")] | None,
        Meta(description="What the card reader says. Null where it was not asked, or does not answer."),
    ]
    reason: Annotated[
        str,
        Meta(
            pattern="^(|cancelled|timeout|late)$",
            description="Why it was voided: the customer cancelled, no card came in time, or the booking had ended.",
        ),
    ]
    deadline_ms: Annotated[int, Meta(description="An open payment is voided then, unless the card was charged.")]
    booking: Annotated[BookingView | None, Meta(description="Null as long as nothing is claimed.")]
    showtime: ShowtimeView
    code: Annotated[str | None, Meta(description="The code on the ticket, of a paid booking.")]
    qr: Annotated[str | None, Meta(description="The same as an SVG picture.")]


class KioskPaymentUnderWay(Document, frozen=True):
    """The payment that goes on at this kiosk, or has ended without its customer having seen that. Null: none."""

    payment: KioskPayment | None


EXAMPLE = KioskPayment(
    booking_id=story.HOLD_ID,
    status="open",
    stage="waiting",
    reason="",
    deadline_ms=story.NOW_MS + 90_000,
    booking=bookings.EXAMPLE,
    showtime=showtimes.EXAMPLE,
    code=None,
    qr=None,
)
RESOURCE = Resource(
    __name__,
    tag="kiosks",
    examples=(
        BeginPayment(showtime_id="tonight", hold_id=story.HOLD_ID, user_id=f"kiosk:{EXAMPLE_ID.hex}:3q2-7wAbCdEf"),
        SimulateCard(act="tap"),
        EXAMPLE,
        KioskPaymentUnderWay(payment=EXAMPLE),
        PrintTicket(copy=1, language="en"),
    ),
)
PATH = "/kiosks/self/payments"
ONE = f"{PATH}/{{booking_id}}"
REFUSALS = (NotFound, Conflict, OutcomeUnknown, ReaderAway)


@RESOURCE.get(PATH, for_kiosks=True, refusals=REFUSALS)
async def get_kiosk_payment(call: Call) -> KioskPaymentUnderWay:
    """Get the payment that goes on at this kiosk, or whose end nobody has seen."""
    payment = await call.services.kiosk_payments.unseen(call.kiosk)
    return KioskPaymentUnderWay(payment=None if payment is None else await _view(call, payment))


@RESOURCE.post(
    PATH, for_kiosks=True, refusals=(*REFUSALS, Forbidden, HoldGone, HoldConflict, SeatsRefused, BookingState)
)
async def begin_kiosk_payment(call: Call, body: BeginPayment) -> KioskPayment:
    """Claim a customer's hold, and ask for a card. Repeating it gives the payment as it is now."""
    try:
        payment = await call.services.kiosk_payments.begin(call.kiosk, body.showtime_id, body.hold_id, body.user_id)
    except SeatsRefused as refused:
        raise with_labels(refused, (await call.services.catalog.showtime(body.showtime_id)).seat_map) from None
    return await _view(call, payment)


@RESOURCE.get(ONE, for_kiosks=True, refusals=REFUSALS)
async def follow_kiosk_payment(call: Call) -> KioskPayment:
    """Get how far a payment is, and take it on from there."""
    return await _view(call, await call.services.kiosk_payments.advance(call.kiosk, _id(call)))


@RESOURCE.post(f"{ONE}/retry", for_kiosks=True, refusals=REFUSALS)
async def retry_kiosk_payment(call: Call) -> KioskPayment:
    """Ask for another card after one was declined."""
    return await _view(call, await call.services.kiosk_payments.retry(call.kiosk, _id(call)))


@RESOURCE.post(f"{ONE}/cancel", for_kiosks=True, refusals=REFUSALS)
async def cancel_kiosk_payment(call: Call) -> KioskPayment:
    """Stop paying, and give the seats back. A card that was charged before has paid."""
    return await _view(call, await call.services.kiosk_payments.cancel(call.kiosk, _id(call)))


@RESOURCE.post(f"{ONE}/done", for_kiosks=True, refusals=REFUSALS)
async def finish_kiosk_payment(call: Call) -> KioskPayment:
    """Note that the customer has seen how it ended, so that nothing of it is shown again."""
    return await _view(call, await call.services.kiosk_payments.done(call.kiosk, _id(call)))


@RESOURCE.post(f"{ONE}/card", for_kiosks=True, refusals=REFUSALS)
async def simulate_kiosk_card(call: Call, body: SimulateCard) -> KioskPayment:
    """Hold a card to the simulated reader. Refused where the reader is a real one."""
    simulated = call.services.kiosk_payments.simulated
    if simulated is None:
        raise Conflict("the card reader of this server is not the simulated one")
    payment = await call.services.kiosk_payments.advance(call.kiosk, _id(call))
    await simulated.act(payment.booking_id, cast(Act, body.act))
    return await _view(call, await call.services.kiosk_payments.advance(call.kiosk, payment.booking_id))


@RESOURCE.post(f"{ONE}/print", for_kiosks=True, refusals=REFUSALS)
async def print_kiosk_ticket(call: Call, body: PrintTicket) -> TicketPrint:
    """Print the ticket of a paid booking. Repeat it to see how far that is: each copy is printed at most once."""
    payment = await call.services.kiosk_payments.advance(call.kiosk, _id(call))
    if payment.status != "paid":
        raise Conflict("this payment has no ticket yet")
    language = cast(Language, body.language)
    return print_view(
        await call.services.printing.ask(call.kiosk, payment.booking_id, body.copy, language, again=body.again)
    )


def _id(call: Call) -> UUID:
    return call.uuid("booking_id", "payment")


async def _view(call: Call, payment: Payment) -> KioskPayment:
    booking = await call.services.kiosk_payments.booking(payment)
    code = call.services.admission_codes.write(payment.booking_id) if payment.status == "paid" else None
    return KioskPayment(
        booking_id=payment.booking_id,
        status=payment.status,
        stage=payment.stage,
        reason=payment.reason,
        deadline_ms=payment.deadline_ms,
        booking=None if booking is None else await booking_view(call, booking, link=False),
        showtime=showtime_view(await call.services.catalog.showtime(payment.showtime_id)),
        code=code,
        qr=None if code is None else qr.drawn(code).decode(),
    )
