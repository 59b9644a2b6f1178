"""Handlers for whoever chooses seats without holding them yet: partners, kiosks, a page that shows what things cost.

Nothing is held or promised here: seats are held over the socket, and the price is that of the moment of holding.
"""

from __future__ import annotations

from seatserver.api import schemas
from seatserver.api.endpoints import Call
from seatserver.api.places import area_of, label_of, seat_of
from seatserver.errors import BadRequest
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.pricing import Line, Quote


async def quote_tickets(call: Call) -> schemas.QuoteView:
    """What these tickets cost together."""
    body: schemas.AskQuote = call.body
    showtime = await call.needs.catalog.showtime(call.text("showtime_id"))
    places = _places(body.tickets, showtime.seat_map)
    quoted = showtime.quote([(place, wish.ticket) for place, wish in zip(places, body.tickets, strict=True)])
    return quote_view(quoted, showtime.seat_map)


def quote_view(quoted: Quote, seat_map: SeatMap) -> schemas.QuoteView:
    """A quote as REST shows it."""
    return schemas.QuoteView(
        lines=ticket_lines(quoted.lines, seat_map),
        fees_minor=quoted.fees_minor,
        total_minor=quoted.total_minor,
        currency=quoted.currency,
    )


def ticket_lines(lines: tuple[Line, ...], seat_map: SeatMap) -> tuple[schemas.TicketLine, ...]:
    """The lines of a quote or a booking with the labels of their seats."""
    return tuple(
        schemas.TicketLine(
            index=line.place, label=label_of(seat_map, line.place), ticket=line.ticket, price_minor=line.price_minor
        )
        for line in lines
    )


def _places(wishes: tuple[schemas.TicketWish, ...], seat_map: SeatMap) -> list[int]:
    """A place for each ticket; of a general area the next one, because all of them cost the same."""
    places: list[int] = []
    unused = [iter(seat_map.places_of(area)) for area in range(len(seat_map.general_areas))]
    for number, wish in enumerate(wishes):
        where = f"tickets[{number}]"
        if (wish.seat is None) == (wish.area is None):
            raise BadRequest(f"{where} names no place: give either seat or area", where)
        if wish.seat is not None:
            places.append(seat_of(seat_map, wish.seat, f"{where}.seat"))
        elif wish.area is not None:
            area = area_of(seat_map, wish.area, f"{where}.area")
            place = next(unused[area], None)
            if place is None:
                capacity = seat_map.general_areas[area].capacity
                raise BadRequest(f"{where} is one too many: {wish.area!r} has {capacity} places", f"{where}.area")
            places.append(place)
    return places
