"""Handlers of bookings. Whoever booked sees and changes the booking; so do payment systems (scope settle) and admins.

Whoever has the link that its owner was given sees the booking too, without learning whose it is. To everybody else a
booking does not exist: that someone else's booking is there is none of their business.
"""

from __future__ import annotations

from seatserver.api import schemas
from seatserver.api.choices import named_seats, ticket_lines
from seatserver.api.offer import showtime_view
from seatserver.api.places import with_labels
from seatserver.api.shared.endpoint import Call
from seatserver.bookings.own import OwnFilter
from seatserver.bookings.records import Booking
from seatserver.errors import NotFound, SeatsRefused
from seatserver.money import digits_of


async def make_booking(call: Call) -> schemas.BookingView:
    """Turn the caller's hold into a booking."""
    body: schemas.NewBooking = call.body
    call.identity.require("claim" if body.pay_later else "book", "a booking")
    try:
        booking = await call.needs.checkout.book(
            body.showtime_id, body.hold_id, call.identity.user_id, pay_later=body.pay_later
        )
    except SeatsRefused as refused:
        raise with_labels(refused, (await call.needs.catalog.showtime(body.showtime_id)).seat_map) from None
    return await booking_view(call, booking, link=True)


async def get_bookings(call: Call) -> schemas.OwnBookings:
    """The caller's own bookings, whatever else the token allows."""
    query: schemas.BookingsQuery = call.query
    wanted = OwnFilter(showtime_id=query.showtime, status=query.status, limit=query.limit, after=query.after)
    found, following = await call.needs.own_bookings.page(call.identity.user_id, wanted)
    catalog = call.needs.catalog
    showtimes = [await catalog.showtime(one) for one in dict.fromkeys(booking.showtime_id for booking in found)]
    return schemas.OwnBookings(
        bookings=tuple([await booking_view(call, booking, link=True) for booking in found]),
        showtimes=tuple(showtime_view(showtime) for showtime in showtimes),
        next=following,
    )


async def get_booking(call: Call) -> schemas.BookingView:
    """The booking as it is now."""
    booking = await visible_booking(call)
    return await booking_view(call, booking, link=_is_the_caller_s(call, booking))


async def confirm_booking(call: Call) -> schemas.BookingView:
    """The payment came in: pending becomes confirmed. Whoever says so is told the link too, to mail it."""
    booking = await visible_booking(call)
    if not call.identity.may("settle"):
        call.identity.require("book", "confirming a booking")
    return await booking_view(call, await call.needs.checkout.confirm(booking.id), link=True)


async def cancel_booking(call: Call) -> schemas.BookingView:
    """Give the seats back. Whoever may only claim cancels what is not paid yet, and nothing else."""
    booking = await visible_booking(call)
    may_cancel_all = call.identity.may("settle") or call.identity.may("book")
    if not may_cancel_all:
        call.identity.require("book" if booking.status == "confirmed" else "claim", "cancelling a booking")
    booking = await call.needs.checkout.cancel(booking.id, only_pending=not may_cancel_all)
    return await booking_view(call, booking, link=_is_the_caller_s(call, booking))


async def visible_booking(call: Call) -> Booking:
    """The booking of the path, if the caller may see it. Raises `NotFound`."""
    booking_id = call.uuid("booking_id", "booking")
    if call.booking_key is not None:
        # Nothing is looked up for a wrong key, so not even the time tells whether there is such a booking.
        if not call.needs.booking_keys.fits(call.booking_key, booking_id):
            raise NotFound("booking", str(booking_id))
        return await call.needs.checkout.get(booking_id)
    booking = await call.needs.checkout.get(booking_id)
    if not _is_the_caller_s(call, booking) and not call.identity.may("settle"):
        raise NotFound("booking", str(booking_id))
    return booking


def _is_the_caller_s(call: Call, booking: Booking) -> bool:
    return call.booking_key is None and booking.user_id == call.identity.user_id


async def booking_view(call: Call, booking: Booking, *, link: bool) -> schemas.BookingView:
    """A booking as REST shows it, without its owner to whoever reads by the link.

    ``link`` says whether with the link to its ticket. That opens the ticket to whoever has it for as long as there is
    one, so only the owner gets it, and the payment service with its confirmation; nobody else who may look.
    """
    seat_map = (await call.needs.catalog.showtime(booking.showtime_id)).seat_map
    return schemas.BookingView(
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
        ticket_url=call.needs.booking_keys.link(booking.id) if link else None,
    )
