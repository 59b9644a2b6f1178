"""A showtime, as lists, bookings and admissions show it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.fields import (
    Address,
    Currency,
    CurrencyDigits,
    Document,
    Id,
    LayoutHash,
    Moment,
    PosterHash,
)
from seatserver.catalog.showtime import ShowtimeEntry
from seatserver.money import digits_of
from seatserver.pricing.tariff import Fees, Prices, TicketType
from seatserver.seatmaps.rules.model import Rules
from seatserver.times import moment_of


class ShowtimeView(Document, frozen=True):
    """A showtime. `layout_hash` names its hall; the states of its seats come over the socket."""

    id: Id
    title: str
    theatre_id: Id
    theatre_name: str
    theatre_address: Address
    auditorium_id: Id
    auditorium_name: str
    starts_at: Moment
    on_sale_at: Moment
    sale_ends_at: Moment
    currency: Currency
    currency_digits: CurrencyDigits
    prices: Annotated[Prices, Meta(description="The price of each category for buyers who choose no ticket type.")]
    ticket_types: tuple[TicketType, ...]
    fees: Fees
    rules: Rules
    layout_hash: LayoutHash
    poster_hash: PosterHash | None


EXAMPLE = ShowtimeView(
    id="tonight",
    title="The Long Take",
    theatre_id="odeon",
    theatre_name="Odeon",
    theatre_address=story.ADDRESS,
    auditorium_id="studio",
    auditorium_name="Studio",
    starts_at=story.STARTS,
    on_sale_at=story.OPENS,
    sale_ends_at=story.ENDS,
    currency="EUR",
    currency_digits=2,
    prices={"standard": 1150, "sofa": 1400},
    ticket_types=story.TICKET_TYPES,
    fees=story.FEES,
    rules=Rules(),
    layout_hash=story.HALL.content_hash,
    poster_hash=story.POSTER,
)


def showtime_view(entry: ShowtimeEntry) -> ShowtimeView:
    """A showtime as REST shows it."""
    tariff = entry.tariff
    return ShowtimeView(
        id=entry.id,
        title=entry.title,
        theatre_id=entry.theatre_id,
        theatre_name=entry.theatre_name,
        theatre_address=entry.theatre_address,
        auditorium_id=entry.auditorium_id,
        auditorium_name=entry.auditorium_name,
        starts_at=moment_of(entry.starts_at_ms),
        on_sale_at=moment_of(entry.on_sale_at_ms),
        sale_ends_at=moment_of(entry.sale_ends_at_ms),
        currency=tariff.currency,
        currency_digits=digits_of(tariff.currency),
        prices=tariff.default_prices,
        ticket_types=tariff.ticket_types,
        fees=tariff.fees,
        rules=entry.rules,
        layout_hash=entry.layout_hash,
        poster_hash=entry.poster_hash,
    )
