"""What happens to a booking: made from a hold, confirmed by a payment, cancelled, read."""

from __future__ import annotations

from starlette.responses import Response

from seatserver.api.resources.bookings.calendar_file import MEDIA_TYPE, calendar_file
from seatserver.api.resources.bookings.schemas import EXAMPLES, BookingsQuery, NewBooking, OwnBookings
from seatserver.api.shared.endpoint import ANY_TOKEN, Call, Resource
from seatserver.api.shared.problems import HEADERS
from seatserver.api.views.bookings import BookingView, booking_view, is_callers, visible_booking
from seatserver.api.views.seats import with_labels
from seatserver.api.views.showtimes import showtime_view
from seatserver.bookings.own import OwnFilter
from seatserver.errors import BookingState, HoldConflict, HoldGone, NotFound, OutcomeUnknown, SeatsRefused

RESOURCE = Resource(__name__, tag="bookings", examples=EXAMPLES)


@RESOURCE.post(
    "/bookings",
    scope=ANY_TOKEN,
    refusals=(NotFound, HoldGone, HoldConflict, SeatsRefused, BookingState, OutcomeUnknown),
)
async def make_booking(call: Call, body: NewBooking) -> BookingView:
    """Book the seats of a hold: at once (scope book) or, with `pay_later`, as pending (scope claim)."""
    call.identity.require("claim" if body.pay_later else "book", "a booking")
    try:
        booking = await call.services.checkout.book(
            body.showtime_id, body.hold_id, call.identity.user_id, pay_later=body.pay_later
        )
    except SeatsRefused as refused:
        raise with_labels(refused, (await call.services.catalog.showtime(body.showtime_id)).seat_map) from None
    return await booking_view(call, booking, link=True)


@RESOURCE.get("/bookings", scope=ANY_TOKEN)
async def get_bookings(call: Call, query: BookingsQuery) -> OwnBookings:
    """List your own bookings with their showtimes, newest first, a page at a time."""
    # Only the caller's own, whatever else the token allows.
    wanted = OwnFilter(showtime_id=query.showtime, status=query.status, limit=query.limit, after=query.after)
    found, following = await call.services.own_bookings.page(call.identity.user_id, wanted)
    catalog = call.services.catalog
    showtimes = [await catalog.showtime(one) for one in dict.fromkeys(booking.showtime_id for booking in found)]
    return OwnBookings(
        bookings=tuple([await booking_view(call, booking, link=True) for booking in found]),
        showtimes=tuple(showtime_view(showtime) for showtime in showtimes),
        next=following,
    )


@RESOURCE.get("/bookings/{booking_id}", scope=ANY_TOKEN, takes_key=True, refusals=(NotFound,))
async def get_booking(call: Call) -> BookingView:
    """Get a booking: your own, the one whose key you have, or any with scope settle."""
    booking = await visible_booking(call)
    return await booking_view(call, booking, link=is_callers(call, booking))


@RESOURCE.post("/bookings/{booking_id}/confirm", scope=ANY_TOKEN, refusals=(NotFound, BookingState, OutcomeUnknown))
async def confirm_booking(call: Call) -> BookingView:
    """Confirm a pending booking: your own with scope book, or any with scope settle."""
    booking = await visible_booking(call)
    if not call.identity.may("settle"):
        call.identity.require("book", "confirming a booking")
    # The payment service gets the link too, because it may mail the ticket.
    return await booking_view(call, await call.services.checkout.confirm(booking.id), link=True)


@RESOURCE.post("/bookings/{booking_id}/cancel", scope=ANY_TOKEN, refusals=(NotFound, BookingState, OutcomeUnknown))
async def cancel_booking(call: Call) -> BookingView:
    """Cancel a booking: your own with scope book (while pending, claim is enough), or any with scope settle."""
    booking = await visible_booking(call)
    may_cancel_all = call.identity.may("settle") or call.identity.may("book")
    if not may_cancel_all:
        call.identity.require("book" if booking.status == "confirmed" else "claim", "cancelling a booking")
    booking = await call.services.checkout.cancel(booking.id, only_pending=not may_cancel_all)
    return await booking_view(call, booking, link=is_callers(call, booking))


@RESOURCE.get(
    "/bookings/{booking_id}/calendar.ics",
    scope=ANY_TOKEN,
    takes_key=True,
    answer=str,
    media_type=MEDIA_TYPE,
    refusals=(NotFound, BookingState),
)
async def get_calendar(call: Call) -> Response:
    """Get a confirmed booking as a calendar entry: when, where and which seats."""
    booking = await visible_booking(call)
    if booking.status != "confirmed":
        raise BookingState(str(booking.id), booking.status, "put into a calendar")
    showtime = await call.services.catalog.showtime(booking.showtime_id)
    named = f'attachment; filename="booking-{booking.reference.replace(" ", "-")}.ics"'
    headers = {**HEADERS, "Content-Disposition": named}
    return Response(calendar_file(booking, showtime), headers=headers, media_type=MEDIA_TYPE)
