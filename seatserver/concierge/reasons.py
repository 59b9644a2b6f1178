"""Why these seats: the facts of an offer that people care about, each read from the search's own result.

Nothing here is guessed. Whether seats are by an aisle is read from the hall, the distance from the best view from the
breakdown of the offer's cost, the price from its quote. `phrases` makes sentences of it; a model gets it as it is.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.catalog.showtime import Showtime
from seatserver.concierge.plans import places_in_depth
from seatserver.concierge.wishes.model import Wish
from seatserver.pricing.tariff import Quote
from seatserver.seatmaps.layout.hall_line import AISLE, ROW_END, hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import kinds_of
from seatserver.seatmaps.search.score import Offer


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some seats of an offer side by side: their row, and the numbers of the first and the last of them."""

    row: str
    first: str
    last: str
    count: int


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say about an offer.

    ``parts`` are its seats, row by row. The offer's first row is the ``row``-th of ``rows``, counted from the screen.
    ``aisle``: somebody sits by an aisle; ``end``: at the end of a row. ``wheelchairs`` and ``companions`` are how many
    places of these kinds it has. ``alone`` people would sit alone. ``from_best_view`` is how many seats away from the
    hall's best spot people sit, on average. ``over`` seats would be left over in gaps too small to sell. ``given_up``
    is what of the wish it does not meet.
    """

    parts: tuple[Part, ...]
    row: Annotated[int, Meta(ge=1)]
    rows: Annotated[int, Meta(ge=1)]
    aisle: bool
    end: bool
    wheelchairs: int
    companions: int
    alone: int
    from_best_view: int
    over: int
    categories: tuple[str, ...]
    total_minor: int
    currency: str
    currency_digits: int
    given_up: tuple[str, ...] = ()


def reasons_of(offer: Offer, quote: Quote, wish: Wish, showtime: Showtime, given_up: tuple[str, ...]) -> Reasons:
    """The facts of an offer for this wish."""
    seat_map = showtime.seat_map
    kinds = kinds_of(seat_map)
    places, rows = places_in_depth(seat_map)
    names = {category.key: category.name for category in seat_map.categories}
    beside = _beside(seat_map, offer.seats)
    missing = (*given_up, "aisle") if wish.aisle and not beside else given_up
    weight = wish.weights.distance
    return Reasons(
        parts=tuple(_part(seat_map, part) for part in offer.parts),
        row=min(places[seat] for seat in offer.seats) + 1,
        rows=rows,
        aisle=AISLE in beside,
        end=ROW_END in beside,
        wheelchairs=sum(seat in kinds.wheelchairs for seat in offer.seats),
        companions=sum(seat in kinds.companions for seat in offer.seats),
        alone=offer.alone,
        from_best_view=round(offer.breakdown.get("distance", 0.0) / weight) if weight else 0,
        over=len(offer.stranded),
        categories=tuple(dict.fromkeys(names[seat_map.category_of(seat)] for seat in offer.seats)),
        total_minor=quote.total_minor,
        currency=quote.currency,
        currency_digits=quote.currency_digits,
        given_up=missing,
    )


def _beside(seat_map: SeatMap, seats: tuple[int, ...]) -> set[int]:
    """What other than a seat is beside one of these seats: an aisle, the end of a row."""
    line = hall_line_of(seat_map)
    spots = [line.spot_of[seat] for seat in seats]
    return {AISLE, ROW_END} & {line.edges[spot + step] for spot in spots for step in (-1, 1)}


def _part(seat_map: SeatMap, part: tuple[int, ...]) -> Part:
    first, last = seat_map.seats[part[0]], seat_map.seats[part[-1]]
    return Part(row=first.row, first=first.number, last=last.number, count=len(part))
