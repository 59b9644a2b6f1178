"""A booking as an entry for calendars (RFC 5545), which phones and mail programs read.

The entry says when, where and which seats, and the booking's reference; never the ticket's code or its link, because
calendars are shared. How long the film runs is not known here, so the entry has a start and no end.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from seatserver.api.bookings import visible_booking
from seatserver.api.choices import named_seats
from seatserver.api.shared.endpoint import Call
from seatserver.api.shared.problems import HEADERS
from seatserver.bookings.records import Booking
from seatserver.catalog.showtime import Showtime
from seatserver.errors import BookingState

MEDIA_TYPE = "text/calendar"


async def get_calendar(call: Call) -> Response:
    """The calendar file of a confirmed booking."""
    booking = await visible_booking(call)
    if booking.status != "confirmed":
        raise BookingState(str(booking.id), booking.status, "put into a calendar")
    showtime = await call.needs.catalog.showtime(booking.showtime_id)
    named = f'attachment; filename="booking-{booking.reference.replace(" ", "-")}.ics"'
    headers = {**HEADERS, "Content-Disposition": named}
    return Response(_calendar(booking, showtime), headers=headers, media_type=MEDIA_TYPE)


def _calendar(booking: Booking, showtime: Showtime) -> bytes:
    from icalendar import Calendar, Event  # only whoever asks for a calendar pays for it

    seats = ", ".join(seat.label for seat in named_seats(booking.seats, showtime.seat_map))
    event = Event()
    event.add("uid", str(booking.id))
    event.add("dtstamp", datetime.fromtimestamp(booking.created_at_ms / 1000, UTC))
    event.add("dtstart", datetime.fromtimestamp(showtime.starts_at_ms / 1000, UTC))
    event.add("summary", showtime.title)
    where = (showtime.theatre_name, showtime.auditorium_name, showtime.theatre_address)
    event.add("location", ", ".join(filter(None, where)))
    event.add("description", f"{seats}\n{booking.reference}")
    calendar = Calendar()
    calendar.add("prodid", "-//seatserver//booking//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    made: bytes = calendar.to_ical()
    return made
