"""A booking as a calendar entry (RFC 5545), which phones and mail programs read.

The entry says when, where and which seats, and the booking's reference. It never contains the ticket's code or link,
because calendars are shared. The film's length is unknown here, so the entry has a start and no end.
"""

from __future__ import annotations

from seatserver.api.views.seats import named_seats
from seatserver.bookings.records import Booking
from seatserver.catalog.showtime import Showtime
from seatserver.times import moment_of

MEDIA_TYPE = "text/calendar"


def calendar_file(booking: Booking, showtime: Showtime) -> bytes:
    """The file with the booking's entry."""
    from icalendar import Calendar, Event  # slow to import, and rarely needed

    seats = ", ".join(seat.label for seat in named_seats(booking.seats, showtime.seat_map))
    event = Event()
    event.add("uid", str(booking.id))
    event.add("dtstamp", moment_of(booking.created_at_ms))
    event.add("dtstart", moment_of(showtime.starts_at_ms))
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
