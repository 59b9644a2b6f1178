"""Holds and bookings as the wire shows them: seats by index, places of general areas by their number, prices by line.

Inside the server a place in a general area is an index like any seat's; clients see only how many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from seatserver.access.admission import BookingKeys
from seatserver.bookings.records import Booking
from seatserver.catalog.showtime import Showtime
from seatserver.holding.deadlines import reach_ms
from seatserver.holding.terms import Terms, terms_of
from seatserver.money import digits_of
from seatserver.pricing.tariff import Line
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.model import HeldSeats
from seatserver.wire import from_server, values


def held(ref: int, hold: HeldSeats, showtime: Showtime, latest_ms: int) -> from_server.Held:
    """The message for a hold that was just made or extended; extensions reach ``latest_ms`` at most."""
    terms = terms_of(hold, showtime)
    return from_server.Held(
        ref=ref,
        hold_id=hold.hold_id,
        deadline_ms=hold.deadline_ms,
        latest_deadline_ms=reach_ms(hold, latest_ms),
        lost=terms.lost,
        stranded=terms.stranded,
        cost=terms.cost,
        breakdown=terms.breakdown,
        **_basket(hold, terms, showtime.seat_map),
    )


def hold_view(hold: HeldSeats, showtime: Showtime, latest_ms: int) -> values.HoldView:
    """A hold as `Welcome` shows it to its owner."""
    terms = terms_of(hold, showtime)
    return values.HoldView(
        hold_id=hold.hold_id,
        deadline_ms=hold.deadline_ms,
        latest_deadline_ms=reach_ms(hold, latest_ms),
        wheelchairs=terms.wheelchairs,
        stranded=terms.stranded,
        **_basket(hold, terms, showtime.seat_map),
    )


def booked(booking: Booking, seat_map: SeatMap, keys: BookingKeys, ref: int = 0) -> from_server.Booked:
    """The message that tells the owner of a booking how it is now."""
    return from_server.Booked(ref=ref, **_booking(booking, seat_map, keys))


def own_booking(booking: Booking, seat_map: SeatMap, keys: BookingKeys) -> values.OwnBooking:
    """A booking as `Welcome` shows it to its owner."""
    return values.OwnBooking(**_booking(booking, seat_map, keys))


def _booking(booking: Booking, seat_map: SeatMap, keys: BookingKeys) -> dict[str, Any]:
    seats, areas = split_places(booking.seats, seat_map)
    return {
        "booking_id": booking.id,
        "reference": booking.reference,
        "status": booking.status,
        "seats": seats,
        "areas": areas,
        "lines": _lines(booking.lines, seat_map),
        "fees_minor": booking.fees_minor,
        "total_minor": booking.total_minor,
        "currency": booking.currency,
        "currency_digits": digits_of(booking.currency),
        "expires_at_ms": booking.expires_at_ms,
        "ticket_url": keys.link(booking.id),
    }


def split_places(places: Iterable[int], seat_map: SeatMap) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The numbered seats among ``places``, and how many places of each general area."""
    if not seat_map.general_areas:
        return tuple(places), ()
    seats, areas = [], Counter[int]()
    for place in places:
        area = seat_map.area_of(place)
        if area is None:
            seats.append(place)
        else:
            areas[area] += 1
    return tuple(seats), tuple(sorted(areas.items()))


def _basket(hold: HeldSeats, terms: Terms, seat_map: SeatMap) -> dict[str, Any]:
    quote = terms.quote
    seats, areas = split_places(hold.seats, seat_map)
    return {
        "seats": seats,
        "areas": areas,
        "lines": _lines(quote.lines, seat_map),
        "fees_minor": quote.fees_minor,
        "total_minor": quote.total_minor,
        "currency": quote.currency,
        "currency_digits": quote.currency_digits,
    }


def _lines(lines: Iterable[Line], seat_map: SeatMap) -> tuple[values.TicketLine, ...]:
    numbered = len(seat_map.seats)
    return tuple(
        values.TicketLine(seat=line.place, ticket=line.ticket, price_minor=line.price_minor)
        if line.place < numbered
        else values.TicketLine(area=seat_map.area_of(line.place), ticket=line.ticket, price_minor=line.price_minor)
        for line in lines
    )
