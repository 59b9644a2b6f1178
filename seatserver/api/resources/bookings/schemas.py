"""What requests about bookings carry, and lists of them. A booking itself is in `views`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.fields import After, Document, Id, Next
from seatserver.api.views import bookings, showtimes
from seatserver.api.views.bookings import STATUS_PATTERN, BookingView
from seatserver.api.views.showtimes import ShowtimeView
from seatserver.bookings.own import LISTED


class NewBooking(Document, frozen=True):
    """The hold to book. Repeating the request returns the same booking."""

    showtime_id: Id
    hold_id: UUID
    pay_later: Annotated[
        bool, Meta(description="Make a pending booking, which a payment must confirm before it expires.")
    ] = False


class BookingsQuery(Document, frozen=True):
    """Which of your bookings to list."""

    showtime: Annotated[Id | None, Meta(description="Only bookings of this showtime.")] = None
    status: Annotated[
        Annotated[str, Meta(pattern=STATUS_PATTERN)] | None, Meta(description="Only bookings with this status.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=LISTED, description="Most bookings on a page.")] = 20
    after: After = None


class OwnBookings(Document, frozen=True):
    """A page of your bookings, newest first, and the showtimes that they are for."""

    bookings: tuple[BookingView, ...]
    showtimes: tuple[ShowtimeView, ...]
    next: Next


EXAMPLES = (
    NewBooking(showtime_id="tonight", hold_id=story.HOLD_ID),
    bookings.EXAMPLE,
    OwnBookings(bookings=(bookings.EXAMPLE,), showtimes=(showtimes.EXAMPLE,), next=None),
)
