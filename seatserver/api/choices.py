"""Handlers for whoever chooses seats without holding them yet: partners, kiosks, a page that shows what things cost.

Nothing is held or promised here: seats are held over the socket, and the price is that of the moment of holding.
"""

from __future__ import annotations

from collections.abc import Iterable

from seatserver.access.networks import network_of
from seatserver.api import schemas
from seatserver.api.places import area_of, label_of, seat_of
from seatserver.api.shared.endpoint import Call
from seatserver.errors import BadRequest
from seatserver.holding.holding import RoomView
from seatserver.holding.requests import Buyer, PartyWish
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.pricing import Line, Quote
from seatserver.seatmaps.score import Offer
from seatserver.seats.store import View


async def quote_tickets(call: Call) -> schemas.QuoteView:
    """What these tickets cost together."""
    body: schemas.AskQuote = call.body
    showtime = await call.needs.catalog.showtime(call.text("showtime_id"))
    places = _places(body.tickets, showtime.seat_map)
    quoted = showtime.quote([(place, wish.ticket) for place, wish in zip(places, body.tickets, strict=True)])
    return quote_view(quoted, showtime.seat_map)


async def best_available(call: Call) -> schemas.RankedOffers:
    """The best seats for a party, as the socket's `best` would choose among them."""
    needs = call.needs
    body: schemas.AskOffers = call.body
    party = PartyWish.of(body)
    showtime = await needs.catalog.showtime(call.text("showtime_id"))
    showtime.check_on_sale(needs.clock())
    seat_map = showtime.seat_map
    epoch, version, states = await needs.hub.states(showtime.id, seat_map.place_count)
    sight = RoomView(View(epoch, version, 0, states, None))
    who = call.identity
    network = needs.networks.write(showtime.id, network_of(call.request.scope)) if who.is_guest else ""
    buyer = Buyer(who.user_id, who.channel, network=network)
    found = await needs.holding.offers(showtime, buyer, party, sight, body.limit)
    return schemas.RankedOffers(offers=tuple(_offer_view(offer, quoted, seat_map) for offer, quoted in found))


def quote_view(quoted: Quote, seat_map: SeatMap) -> schemas.QuoteView:
    """A quote as REST shows it."""
    return schemas.QuoteView(
        lines=ticket_lines(quoted.lines, seat_map),
        fees_minor=quoted.fees_minor,
        total_minor=quoted.total_minor,
        currency=quoted.currency,
        currency_digits=quoted.currency_digits,
    )


def ticket_lines(lines: tuple[Line, ...], seat_map: SeatMap) -> tuple[schemas.TicketLine, ...]:
    """The lines of a quote or a booking with the labels of their seats."""
    return tuple(
        schemas.TicketLine(
            index=line.place, label=label_of(seat_map, line.place), ticket=line.ticket, price_minor=line.price_minor
        )
        for line in lines
    )


def named_seats(places: Iterable[int], seat_map: SeatMap) -> tuple[schemas.NamedSeat, ...]:
    """Places with their labels."""
    return tuple(schemas.NamedSeat(index=place, label=label_of(seat_map, place)) for place in places)


def _offer_view(offer: Offer, quoted: Quote, seat_map: SeatMap) -> schemas.OfferView:
    return schemas.OfferView(
        seats=named_seats(offer.seats, seat_map),
        parts=offer.parts,
        cost=offer.cost,
        breakdown=offer.breakdown,
        alone=offer.alone,
        stranded=named_seats(offer.stranded, seat_map),
        price=quote_view(quoted, seat_map),
    )


def _places(wishes: tuple[schemas.TicketWish, ...], seat_map: SeatMap) -> list[int]:
    """A place for each ticket; of a general area the next one, because all of them cost the same."""
    places: list[int] = []
    unused = [iter(seat_map.places_of(area)) for area in range(len(seat_map.general_areas))]
    for number, wish in enumerate(wishes):
        where = f"tickets[{number}]"
        if (wish.seat is None) == (wish.area is None):
            named = "no place" if wish.seat is None else "two places"
            raise BadRequest(f"{where} names {named}: give either seat or area", where)
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
