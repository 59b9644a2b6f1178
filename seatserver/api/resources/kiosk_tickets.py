"""A ticket that was bought elsewhere is shown to a kiosk, and printed there.

Both requests have the code in their body, and none of its secrets in the answer: whoever shows it has it already.
"""

from __future__ import annotations

from typing import Annotated, cast

from msgspec import Meta
from msgspec.structs import replace

from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document
from seatserver.api.views import bookings, prints, showtimes
from seatserver.api.views.bookings import BookingView, booking_view
from seatserver.api.views.prints import Again, Copy, PaperLanguage, TicketPrint, print_view
from seatserver.api.views.showtimes import ShowtimeView, showtime_view
from seatserver.errors import BadTicket, BookingState, Conflict, NotFound, TicketRefused, TooMany
from seatserver.kiosks.receipts import Language

MAX_TICKET_CHARS = 200
TicketCode = Annotated[
    str, Meta(max_length=MAX_TICKET_CHARS, description="The code on the ticket, or what its QR code says.")
]


class ShowTicket(Document, frozen=True):
    """What the kiosk's scanner read."""

    code: TicketCode


class KioskTicket(Document, frozen=True):
    """A ticket for the kiosk to show and print. Who booked it is not said."""

    booking: BookingView
    showtime: ShowtimeView
    copy: Annotated[
        int | None,
        Meta(description="Which copy to have printed. 1: nobody has any yet. Null: there are as many as there may be."),
    ]


class PrintShownTicket(Document, frozen=True):
    """Which copy of the ticket that is shown is to be printed."""

    code: TicketCode
    copy: Copy
    language: PaperLanguage
    again: Again = False


CODE = "B" * 48
RESOURCE = Resource(
    __name__,
    tag="kiosks",
    examples=(
        ShowTicket(code=CODE),
        KioskTicket(
            booking=replace(bookings.EXAMPLE, user_id=None, ticket_url=None), showtime=showtimes.EXAMPLE, copy=1
        ),
        PrintShownTicket(code=CODE, copy=1, language="en"),
        prints.EXAMPLE,
    ),
)
PATH = "/kiosks/self/tickets"
REFUSALS = (BadTicket, BookingState, Conflict, TicketRefused, TooMany)


@RESOURCE.post(PATH, for_kiosks=True, refusals=REFUSALS)
async def show_kiosk_ticket(call: Call, body: ShowTicket) -> KioskTicket:
    """Get the ticket of a code that somebody shows to the kiosk. Only for the kiosk's own theatre."""
    booking, showtime = await call.services.shown_tickets.read(call.kiosk, body.code)
    return KioskTicket(
        booking=replace(await booking_view(call, booking, link=False), user_id=None),
        showtime=showtime_view(showtime),
        copy=await call.services.printing.next_copy(call.kiosk, booking.id),
    )


@RESOURCE.post(f"{PATH}/print", for_kiosks=True, refusals=(*REFUSALS, NotFound))
async def print_shown_ticket(call: Call, body: PrintShownTicket) -> TicketPrint:
    """Print the ticket of a code that is shown. Repeat it to see how far that is: each copy is printed at most once."""
    booking, _ = await call.services.shown_tickets.read(call.kiosk, body.code)
    language = cast(Language, body.language)
    return print_view(await call.services.printing.ask(call.kiosk, booking.id, body.copy, language, again=body.again))
