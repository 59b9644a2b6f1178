"""Showtimes: what is on sale, with prices and rules."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import After, Currency, Document, Id, LayoutHash, Moment, Name, Next, PosterHash
from seatserver.api.views.showtimes import EXAMPLE, ShowtimeView, showtime_view
from seatserver.catalog.catalog import PAGE_LIMIT, ShowtimeDraft, ShowtimeFilter
from seatserver.errors import BadRequest, Conflict, NotFound
from seatserver.pricing.tariff import Fees, Price, Tariff, TicketType, check_all_priced, check_prices
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.times import millis_of


class ShowtimeQuery(Document, frozen=True):
    """Which showtimes to list."""

    theatre: Annotated[Id | None, Meta(description="Only showtimes of this theatre.")] = None
    from_: Annotated[Moment | None, Meta(description="Only showtimes that start at this time or later.")] = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[Moment | None, Meta(description="Only showtimes that start before this time.")] = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT, description="Most showtimes on a page.")] = 50
    after: After = None


class PutShowtime(Document, frozen=True):
    """A showtime, with either `prices` or `ticket_types`. Fields that you leave out get their default.

    The layout cannot change, nor can the currency once there are bookings. Prices and rules may change at any time.
    Whoever holds seats at that moment keeps the prices they were told.
    """

    auditorium_id: Id
    layout_hash: LayoutHash
    title: Name
    starts_at: Moment
    on_sale_at: Moment
    sale_ends_at: Moment
    currency: Currency
    prices: Annotated[
        dict[str, Price] | None,
        Meta(description="The price of each category of the layout. Makes one ticket type, `standard`, for everybody."),
    ] = None
    ticket_types: Annotated[
        tuple[TicketType, ...] | None,
        Meta(description="Buyers who choose none get the first one that has a price for the place's category."),
    ] = None
    fees: Fees = Fees()
    rules: Rules = Rules()
    poster_hash: Annotated[
        PosterHash | None, Meta(description="The film's poster, which was uploaded before. Null: pages draw the title.")
    ] = None


class Showtimes(Document, frozen=True):
    """A page of showtimes in the order of their start."""

    showtimes: tuple[ShowtimeView, ...]
    next: Next


RESOURCE = Resource(
    __name__,
    tag="offer",
    examples=(
        EXAMPLE,
        Showtimes(showtimes=(EXAMPLE,), next=None),
        PutShowtime(
            auditorium_id="studio",
            layout_hash=story.HALL.content_hash,
            title="The Long Take",
            starts_at=story.STARTS,
            on_sale_at=story.OPENS,
            sale_ends_at=story.ENDS,
            currency="EUR",
            ticket_types=story.TICKET_TYPES,
            fees=story.FEES,
            rules=Rules(gap=GapRule(mode="warn")),
        ),
    ),
)


@RESOURCE.get("/showtimes")
async def get_showtimes(call: Call, query: ShowtimeQuery) -> Showtimes:
    """List showtimes in the order of their start, a page at a time."""
    entries, following = await call.services.catalog.showtimes(
        ShowtimeFilter(
            theatre_id=query.theatre,
            from_ms=millis_of(query.from_) if query.from_ else None,
            to_ms=millis_of(query.to) if query.to else None,
            limit=query.limit,
            after=query.after,
        )
    )
    return Showtimes(showtimes=tuple(showtime_view(entry) for entry in entries), next=following)


@RESOURCE.get("/showtimes/{showtime_id}", refusals=(NotFound,))
async def get_showtime(call: Call) -> ShowtimeView:
    """Get one showtime."""
    return showtime_view(await call.services.catalog.showtime(call.text("showtime_id")))


@RESOURCE.put("/admin/showtimes/{showtime_id}", tag="admin", scope="admin", refusals=(Conflict,))
async def put_showtime(call: Call, body: PutShowtime) -> ShowtimeView:
    """Create or change a showtime."""
    try:
        seat_map = await call.services.catalog.layout(body.layout_hash)
    except NotFound:
        raise BadRequest(f"there is no layout {body.layout_hash!r}: import it first", "layout_hash") from None
    draft = ShowtimeDraft(
        id=call.text("showtime_id"),
        auditorium_id=body.auditorium_id,
        layout_hash=body.layout_hash,
        title=body.title,
        starts_at_ms=millis_of(body.starts_at),
        on_sale_at_ms=millis_of(body.on_sale_at),
        sale_ends_at_ms=millis_of(body.sale_ends_at),
        tariff=_tariff(body, seat_map),
        rules=body.rules,
        poster_hash=body.poster_hash,
    )
    return showtime_view(await call.services.catalog.put_showtime(draft))


def _tariff(body: PutShowtime, seat_map: SeatMap) -> Tariff:
    if body.prices is not None and body.ticket_types is not None:
        raise BadRequest("prices is the short form of ticket_types: give one of them, not both", "ticket_types")
    if body.ticket_types is not None:
        return Tariff(currency=body.currency, ticket_types=body.ticket_types, fees=body.fees)
    if body.prices is None:
        raise BadRequest("the showtime has no prices: give prices or ticket_types", "prices")
    # Checked here, because the tariff's own check would name fields of ticket types that nobody sent.
    check_prices("prices", body.prices, seat_map)
    check_all_priced("prices", body.prices, seat_map)
    return Tariff.flat(body.currency, body.prices, body.fees)
