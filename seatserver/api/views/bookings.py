"""A booking, and who may see it: whoever booked, payment services (scope settle), and whoever has the booking's key.

To everybody else the booking does not exist, so that nobody learns of other people's bookings.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from seatserver.access.admission import KEY_PATTERN
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call
from seatserver.api.shared.fields import Currency, CurrencyDigits, Document, Id, Millis
from seatserver.api.views import seats
from seatserver.api.views.seats import NamedSeat, TicketLine, named_seats, ticket_lines
from seatserver.bookings.records import Booking
from seatserver.errors import NotFound
from seatserver.money import digits_of

STATUS_PATTERN = "^(pending|confirmed|cancelled|expired)$"


class BookingView(Document, frozen=True):
    """A booking as it is now."""

    id: Annotated[UUID, Meta(description="The id of the hold that was booked.")]
    showtime_id: Id
    user_id: Annotated[str | None, Meta(description="Who booked. Null if you read with the booking's key.")]
    reference: Annotated[
        str,
        Meta(
            pattern="^[0-9A-HJKMNP-TV-Z]{4} [0-9A-HJKMNP-TV-Z]{4}$",
            description="The booking number for people: on the ticket, in mails and at the door. It gives no access.",
        ),
    ]
    status: Annotated[str, Meta(pattern=STATUS_PATTERN)]
    seats: tuple[NamedSeat, ...]
    lines: Annotated[
        tuple[TicketLine, ...],
        Meta(description="The price of each ticket. Empty for old bookings without this record."),
    ]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency
    currency_digits: CurrencyDigits
    channel: Annotated[str, Meta(description="The sales channel. Empty for the public.")]
    created_at_ms: Millis
    expires_at_ms: Annotated[
        int | None, Meta(description="When a pending booking expires unless it is confirmed. Else null.")
    ]
    ticket_url: Annotated[
        Annotated[str, Meta(pattern=f"#key={KEY_PATTERN}$")] | None,
        Meta(
            description="The path of the ticket's page on this server, with the booking's key after `#key=`. It works "
            "in any browser. Only the user who booked gets it, and a payment service when it confirms. Null for "
            "everybody else, and if the server has no secret to sign with.",
        ),
    ]


EXAMPLE = BookingView(
    id=story.HOLD_ID,
    showtime_id="tonight",
    user_id=story.GUEST,
    reference=story.REFERENCE,
    status="confirmed",
    seats=seats.SOFA,
    lines=seats.LINES,
    fees_minor=50,
    total_minor=2850,
    currency="EUR",
    currency_digits=2,
    channel="",
    created_at_ms=story.NOW_MS,
    expires_at_ms=None,
    ticket_url=story.TICKET_URL,
)


async def booking_view(call: Call, booking: Booking, *, link: bool) -> BookingView:
    """A booking as REST shows it. Whoever reads with the booking's key is not told who booked.

    ``link`` adds the link to the ticket. It opens the ticket for anybody who has it, so only the owner gets it, and the
    payment service when it confirms.
    """
    seat_map = (await call.services.catalog.showtime(booking.showtime_id)).seat_map
    return BookingView(
        id=booking.id,
        showtime_id=booking.showtime_id,
        user_id=booking.user_id if call.booking_key is None else None,
        reference=booking.reference,
        status=booking.status,
        seats=named_seats(booking.seats, seat_map),
        lines=ticket_lines(booking.lines, seat_map),
        fees_minor=booking.fees_minor,
        total_minor=booking.total_minor,
        currency=booking.currency,
        currency_digits=digits_of(booking.currency),
        channel=booking.channel,
        created_at_ms=booking.created_at_ms,
        expires_at_ms=booking.expires_at_ms,
        ticket_url=call.services.booking_keys.link(booking.id) if link else None,
    )


async def visible_booking(call: Call) -> Booking:
    """The booking of the path. Raises `NotFound` if there is none, or the caller may not see it."""
    booking_id = call.uuid("booking_id", "booking")
    if call.booking_key is not None:
        # Nothing is looked up for a wrong key, so the time of the answer does not tell whether the booking exists.
        if not call.services.booking_keys.fits(call.booking_key, booking_id):
            raise NotFound("booking", str(booking_id))
        return await call.services.checkout.get(booking_id)
    booking = await call.services.checkout.get(booking_id)
    if not is_callers(call, booking) and not call.identity.may("settle"):
        raise NotFound("booking", str(booking_id))
    return booking


def is_callers(call: Call, booking: Booking) -> bool:
    """Whether the caller's token is that of the user who booked."""
    return call.booking_key is None and booking.user_id == call.identity.user_id
