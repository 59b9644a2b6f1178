"""Handlers of what is offered: layouts, theatres, showtimes, availability, and the administrator's writes of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

from starlette.responses import Response

from seatserver.api import schemas
from seatserver.api.shared.endpoint import Call, answer_of
from seatserver.catalog.catalog import Auditorium, ShowtimeDraft, ShowtimeEntry, ShowtimeFilter, Theatre
from seatserver.errors import BadRequest, NotFound
from seatserver.money import digits_of
from seatserver.seatmaps.importer import read_seat_map
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.pricing import Tariff, check_all_priced, check_prices
from seatserver.seats.states import SeatState

FOR_EVER = "public, max-age=31536000, immutable"


async def get_layout(call: Call) -> Response:
    """The hall of a hash; the hash is the ETag, because the content can never change."""
    layout_hash = call.text("layout_hash")
    seat_map = await call.needs.catalog.layout(layout_hash)
    headers = {"ETag": f'"{layout_hash}"', "Cache-Control": FOR_EVER}
    if _matches(",".join(call.request.headers.getlist("if-none-match")), layout_hash):
        return Response(status_code=304, headers=headers)
    return answer_of(schemas.Layout(hash=layout_hash, map=seat_map), headers=headers)


async def get_theatres(call: Call) -> schemas.Theatres:
    """Every theatre with its auditoriums."""
    found = await call.needs.catalog.theatres()
    return schemas.Theatres(theatres=tuple(_theatre(theatre, halls) for theatre, halls in found))


async def get_showtimes(call: Call) -> schemas.Showtimes:
    """A page of showtimes."""
    query: schemas.ShowtimeQuery = call.query
    entries, following = await call.needs.catalog.showtimes(
        ShowtimeFilter(
            theatre_id=query.theatre,
            from_ms=_millis(query.from_) if query.from_ else None,
            to_ms=_millis(query.to) if query.to else None,
            limit=query.limit,
            after=query.after,
        )
    )
    return schemas.Showtimes(showtimes=tuple(showtime_view(entry) for entry in entries), next=following)


async def get_showtime(call: Call) -> schemas.ShowtimeView:
    """One showtime."""
    return showtime_view(await call.needs.catalog.showtime(call.text("showtime_id")))


async def get_availability(call: Call) -> schemas.Availability:
    """Seats per state, in all and per category."""
    showtime = await call.needs.catalog.showtime(call.text("showtime_id"))
    seat_map = showtime.seat_map
    epoch, version, states = await call.needs.hub.states(showtime.id, seat_map.place_count)
    counted = Counter(zip(map(seat_map.category_of, range(seat_map.place_count)), states, strict=True))
    return schemas.Availability(
        showtime_id=showtime.id,
        epoch=epoch,
        version=version,
        total=counts_of(Counter(states)),
        categories={
            category.key: counts_of(Counter({state: counted[category.key, state] for state in SeatState}))
            for category in seat_map.categories
        },
        areas={
            area.key: counts_of(Counter(states[place] for place in seat_map.places_of(number)))
            for number, area in enumerate(seat_map.general_areas)
        },
    )


async def count_showtimes(call: Call) -> schemas.CountedShowtimes:
    """Places per state of many showtimes, a moment old."""
    query: schemas.CountsQuery = call.query
    wanted = list(dict.fromkeys(filter(None, query.showtimes.split(","))))
    if len(wanted) > schemas.MAX_COUNTED:
        raise BadRequest(f"showtimes names {len(wanted)}: at most {schemas.MAX_COUNTED} at once", "showtimes")
    existing = await call.needs.catalog.existing(wanted)
    found = await asyncio.gather(*(_counted(call, showtime_id) for showtime_id in existing))
    return schemas.CountedShowtimes(showtimes=tuple(one for one in found if one is not None))


async def _counted(call: Call, showtime_id: str) -> schemas.ShowtimeCounts | None:
    try:
        showtime = await call.needs.catalog.showtime(showtime_id)
    except NotFound:
        return None
    counted = await call.needs.counts.of(showtime.id, showtime.seat_map.place_count)
    return schemas.ShowtimeCounts(showtime_id=showtime.id, total=counts_of(counted))


async def put_theatre(call: Call) -> schemas.TheatreView:
    """Create or change a theatre."""
    body: schemas.PutTheatre = call.body
    theatre = Theatre(id=call.text("theatre_id"), name=body.name, timezone=body.timezone, address=body.address)
    await call.needs.catalog.put_theatre(theatre)
    halls = next((halls for known, halls in await call.needs.catalog.theatres() if known.id == theatre.id), [])
    return _theatre(theatre, halls)


async def put_auditorium(call: Call) -> schemas.AuditoriumView:
    """Create or change an auditorium."""
    body: schemas.PutAuditorium = call.body
    auditorium = Auditorium(id=call.text("auditorium_id"), theatre_id=body.theatre_id, name=body.name)
    await call.needs.catalog.put_auditorium(auditorium)
    return schemas.AuditoriumView(id=auditorium.id, name=auditorium.name)


async def import_layout(call: Call) -> schemas.ImportedLayout:
    """Store the hall of a seat map file in any known format."""
    query: schemas.LayoutQuery = call.query
    # A big hall takes seconds: not on the event loop, where every room would wait for it.
    imported = await asyncio.to_thread(read_seat_map, call.body, name=query.name)
    seat_map = imported.seat_map
    return schemas.ImportedLayout(
        hash=await call.needs.catalog.put_layout(seat_map),
        name=seat_map.name,
        format=imported.format,
        seats=len(seat_map.seats),
        areas={area.key: area.capacity for area in seat_map.general_areas},
        categories=dict(Counter(map(seat_map.category_of, range(seat_map.place_count)))),
        groups=len(seat_map.groups),
        notes=imported.notes,
    )


async def put_showtime(call: Call) -> schemas.ShowtimeView:
    """Create or change a showtime."""
    body: schemas.PutShowtime = call.body
    try:
        seat_map = await call.needs.catalog.layout(body.layout_hash)
    except NotFound:
        raise BadRequest(f"there is no layout {body.layout_hash!r}: import it first", "layout_hash") from None
    draft = ShowtimeDraft(
        id=call.text("showtime_id"),
        auditorium_id=body.auditorium_id,
        layout_hash=body.layout_hash,
        title=body.title,
        starts_at_ms=_millis(body.starts_at),
        on_sale_at_ms=_millis(body.on_sale_at),
        sale_ends_at_ms=_millis(body.sale_ends_at),
        tariff=_tariff(body, seat_map),
        rules=body.rules,
    )
    return showtime_view(await call.needs.catalog.put_showtime(draft))


def _matches(if_none_match: str, layout_hash: str) -> bool:
    # RFC 9110, section 13.1.2: a list of entity tags, weak ones included, or an asterisk.
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in if_none_match.split(",")}
    return bool(tags & {layout_hash, "*"})


def _tariff(body: schemas.PutShowtime, seat_map: SeatMap) -> Tariff:
    if body.prices is not None and body.ticket_types is not None:
        raise BadRequest("prices is the short form of ticket_types: give one of them, not both", "ticket_types")
    if body.ticket_types is not None:
        return Tariff(currency=body.currency, ticket_types=body.ticket_types, fees=body.fees)
    if body.prices is None:
        raise BadRequest("nothing says what the seats cost: give prices or ticket_types", "prices")
    # Here, because the tariff's own check would name fields of ticket types that nobody sent.
    check_prices("prices", body.prices, seat_map)
    check_all_priced("prices", body.prices, seat_map)
    return Tariff.flat(body.currency, body.prices, body.fees)


def _theatre(theatre: Theatre, halls: list[Auditorium]) -> schemas.TheatreView:
    return schemas.TheatreView(
        id=theatre.id,
        name=theatre.name,
        timezone=theatre.timezone,
        address=theatre.address,
        auditoriums=tuple(schemas.AuditoriumView(id=hall.id, name=hall.name) for hall in halls),
    )


def showtime_view(entry: ShowtimeEntry) -> schemas.ShowtimeView:
    """A showtime as REST shows it."""
    tariff = entry.tariff
    return schemas.ShowtimeView(
        id=entry.id,
        title=entry.title,
        theatre_id=entry.theatre_id,
        theatre_name=entry.theatre_name,
        theatre_address=entry.theatre_address,
        auditorium_id=entry.auditorium_id,
        auditorium_name=entry.auditorium_name,
        starts_at=_moment(entry.starts_at_ms),
        on_sale_at=_moment(entry.on_sale_at_ms),
        sale_ends_at=_moment(entry.sale_ends_at_ms),
        currency=tariff.currency,
        currency_digits=digits_of(tariff.currency),
        prices=tariff.default_prices,
        ticket_types=tariff.ticket_types,
        fees=tariff.fees,
        rules=entry.rules,
        layout_hash=entry.layout_hash,
    )


def counts_of(states: Counter[int]) -> schemas.Counts:
    """`SeatState` to a number of places, as the wire shows it."""
    return schemas.Counts(**{state.name.lower(): states[state] for state in SeatState})


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
