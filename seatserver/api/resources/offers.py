"""Quotes and offers, for programs that choose seats without holding them yet.

Nothing is held or promised here. Seats are held over the socket, at the price of that moment.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.access.networks import network_of
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Currency, CurrencyDigits, Document, SeatName
from seatserver.api.views.seats import LINES, SOFA, NamedSeat, TicketLine, area_of, named_seats, seat_of, ticket_lines
from seatserver.errors import BadRequest, NotFound, NotOnSale, TicketsRefused
from seatserver.holding.requests import Buyer, PartyWish
from seatserver.holding.room_view import RoomView
from seatserver.pricing.tariff import MAX_KEY, MAX_TICKET_TYPES, MAX_TICKETS, Quote
from seatserver.seatmaps.model import MAX_NAME, SeatMap
from seatserver.seatmaps.search.score import MAX_PARTY, Breakdown, Offer, Weights, Wish, cost_of
from seatserver.seats.model import View


class TicketWish(Document, frozen=True):
    """One ticket: for a seat, or for any place of a general area."""

    seat: SeatName | None = None
    area: Annotated[
        Annotated[str, Meta(max_length=MAX_NAME)] | None, Meta(description="The key of the general area.")
    ] = None
    ticket: Annotated[
        Annotated[str, Meta(max_length=MAX_KEY)] | None,
        Meta(description="The key of the ticket type. Null: the first type that is sold for this place."),
    ] = None


class AskQuote(Document, frozen=True):
    """The tickets to price."""

    tickets: Annotated[tuple[TicketWish, ...], Meta(min_length=1, max_length=MAX_TICKETS)]


class AskOffers(Document, frozen=True):
    """How many people want seats, and where. Give either `count`, or in `tickets` how many of each ticket type.

    `categories` (keys) and `areas` (names) of the layout limit the search; empty means anywhere. `wheelchairs` is how
    many of the party come in one; the others sit beside them. A party that cannot sit together is split across
    neighbouring rows unless `split` is false. `weights` say what makes a seat good. `limit` is how many offers to make.
    """

    count: Annotated[int, Meta(ge=1, le=MAX_PARTY)] | None = None
    tickets: (
        Annotated[
            dict[Annotated[str, Meta(max_length=MAX_KEY)], Annotated[int, Meta(ge=1, le=MAX_PARTY)]],
            Meta(max_length=MAX_TICKET_TYPES),
        ]
        | None
    ) = None
    categories: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    areas: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    wheelchairs: Annotated[int, Meta(ge=0, le=MAX_PARTY)] = 0
    split: bool = True
    weights: Weights = Weights()
    limit: Annotated[int, Meta(ge=1, le=20)] = 5


class QuoteView(Document, frozen=True):
    """What the tickets cost together: their prices and fees."""

    lines: tuple[TicketLine, ...]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency
    currency_digits: CurrencyDigits


class OfferView(Document, frozen=True):
    """Seats for a party. `cost` says how good they are, in seat pitches per person; less is better."""

    seats: Annotated[tuple[NamedSeat, ...], Meta(description="Front row first, each row from left to right.")]
    parts: Annotated[
        tuple[tuple[int, ...], ...],
        Meta(description="The indexes of the same seats. The seats of each part are side by side."),
    ]
    cost: Annotated[float, Meta(description="The sum of `breakdown`.")]
    breakdown: Breakdown
    alone: Annotated[int, Meta(description="How many people would sit alone.")]
    stranded: Annotated[
        tuple[NamedSeat, ...], Meta(description="Seats that would be left over in gaps too small to sell.")
    ]
    price: QuoteView


class RankedOffers(Document, frozen=True):
    """Offers, the best first. No two share a seat. Empty if the party cannot sit together now."""

    offers: tuple[OfferView, ...]


QUOTE = QuoteView(lines=LINES, fees_minor=50, total_minor=2850, currency="EUR", currency_digits=2)
FOUND = cost_of(story.HALL, story.SOFA, Wish(count=2))
RESOURCE = Resource(
    __name__,
    tag="offer",
    examples=(
        AskQuote(tickets=(TicketWish(seat="B-1", ticket="adult"), TicketWish(seat=3))),
        QUOTE,
        AskOffers(tickets={"adult": 2}, categories=("sofa",), limit=1),
        RankedOffers(
            offers=(
                OfferView(
                    seats=SOFA,
                    parts=FOUND.parts,
                    cost=FOUND.cost,
                    breakdown=FOUND.breakdown,
                    alone=0,
                    stranded=(),
                    price=QUOTE,
                ),
            ),
        ),
    ),
)


@RESOURCE.post("/showtimes/{showtime_id}/quote", refusals=(NotFound, TicketsRefused))
async def quote_tickets(call: Call, body: AskQuote) -> QuoteView:
    """Get the price of tickets together, as of now. Holds nothing."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    places = _places(body.tickets, showtime.seat_map)
    quoted = showtime.quote([(place, wish.ticket) for place, wish in zip(places, body.tickets, strict=True)])
    return _quote_view(quoted, showtime.seat_map)


@RESOURCE.post("/showtimes/{showtime_id}/best-available", scope="watch", refusals=(NotFound, NotOnSale, TicketsRefused))
async def best_available(call: Call, body: AskOffers) -> RankedOffers:
    """Find the best seats for a party: ranked, priced and explained. Holds nothing."""
    services = call.services
    party = PartyWish.of(body)
    showtime = await services.catalog.showtime(call.text("showtime_id"))
    showtime.check_on_sale(services.clock())
    seat_map = showtime.seat_map
    epoch, version, states = await services.hub.states(showtime.id, seat_map.place_count)
    room = RoomView(View(epoch, version, 0, states, None))
    who = call.identity
    network = services.networks.write(showtime.id, network_of(call.request.scope)) if who.is_guest else ""
    buyer = Buyer(who.user_id, who.channel, network=network)
    found = await services.holding.offers(showtime, buyer, party, room, body.limit)
    return RankedOffers(offers=tuple(_offer_view(offer, quoted, seat_map) for offer, quoted in found))


def _quote_view(quoted: Quote, seat_map: SeatMap) -> QuoteView:
    return QuoteView(
        lines=ticket_lines(quoted.lines, seat_map),
        fees_minor=quoted.fees_minor,
        total_minor=quoted.total_minor,
        currency=quoted.currency,
        currency_digits=quoted.currency_digits,
    )


def _offer_view(offer: Offer, quoted: Quote, seat_map: SeatMap) -> OfferView:
    return OfferView(
        seats=named_seats(offer.seats, seat_map),
        parts=offer.parts,
        cost=offer.cost,
        breakdown=offer.breakdown,
        alone=offer.alone,
        stranded=named_seats(offer.stranded, seat_map),
        price=_quote_view(quoted, seat_map),
    )


def _places(wishes: tuple[TicketWish, ...], seat_map: SeatMap) -> list[int]:
    """A place for each ticket. In a general area it is the next one, because all of them cost the same."""
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
