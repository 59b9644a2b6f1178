"""The demo theatre's offer: both halls, and three showtimes a day in each, today and tomorrow.

Loading it again changes nothing that exists; a later day only adds its own showtimes. At any hour some are on sale.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from seatserver.bookings.allocations import Allocations
from seatserver.bookings.keeping import Change
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Auditorium, Showtime, ShowtimeDraft, Theatre
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.demo.halls import demo_halls
from seatserver.errors import NotFound
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.pricing import Tariff, TicketType
from seatserver.seatmaps.rules import GapRule, Rules

THEATRE_ID = "lantern"
BOSS = "the house"
TITLES = ("Low Tide Radio", "A Winter of Foxes", "Orbit Nine")
START_HOURS = (14, 17, 20)
DAYS = 2
ON_SALE_AHEAD = timedelta(days=7)
SALE_GOES_ON = timedelta(minutes=20)
CURRENCY = "EUR"
PRICES = {"beanbags": 700, "front": 900, "standard": 1200, "premium": 1500, "sofa": 1800}
OTHER_PRICE = 1200
GROWN_UPS = ("adult", "senior", "member")
CHILDREN_EACH = 3
MEMBER_TICKETS = 2
RULES = Rules(
    # Here every click holds one seat, and the first of three clicks may well leave a gap that the second one fills.
    gap=GapRule(mode="warn"),
    companions_free_min=60,
    wheelchairs_free_min=15,
)


async def load(settings: Settings, now: datetime) -> list[Showtime]:
    """Put the theatre and the showtimes of ``now`` (with its time zone) and the next day; all of them, by start."""
    database = Database(settings)
    catalog = Catalog(database)
    # Nobody is told of the blocked seats: whoever serves finds them.
    allocations = Allocations(database, catalog, lambda: _millis(now), changed=lambda showtime_id: None)
    try:
        return await _load(catalog, allocations, now)
    finally:
        await database.close()


async def _load(catalog: Catalog, allocations: Allocations, now: datetime) -> list[Showtime]:
    await catalog.put_theatre(Theatre(id=THEATRE_ID, name="The Lantern", timezone=machine_timezone()))
    showtimes = []
    for number, hall in enumerate(demo_halls()):
        auditorium_id = hall.name.lower().replace(" ", "-")
        await catalog.put_auditorium(Auditorium(id=auditorium_id, theatre_id=THEATRE_ID, name=hall.name))
        layout_hash = await catalog.put_layout(hall)
        for draft in _drafts(hall, auditorium_id, layout_hash, now, first_title=number):
            try:
                showtimes.append(await catalog.showtime(draft.id))
            except NotFound:
                showtimes.append(await catalog.put_showtime(draft))
                keeping = Change(action="block", reason="house seats", places=house_seats(hall))
                await allocations.change(draft.id, [keeping], by=BOSS)
    return sorted(showtimes, key=lambda showtime: showtime.starts_at_ms)


def _drafts(
    hall: SeatMap, auditorium_id: str, layout_hash: str, now: datetime, *, first_title: int
) -> Iterator[ShowtimeDraft]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(DAYS):
        for number, hour in enumerate(START_HOURS):
            starts_at = midnight + timedelta(days=day, hours=hour)
            yield ShowtimeDraft(
                id=f"{auditorium_id}-{starts_at:%Y-%m-%d-%H%M}",
                auditorium_id=auditorium_id,
                layout_hash=layout_hash,
                title=TITLES[(first_title + number) % len(TITLES)],
                starts_at_ms=_millis(starts_at),
                on_sale_at_ms=_millis(starts_at - ON_SALE_AHEAD),
                sale_ends_at_ms=_millis(starts_at + SALE_GOES_ON),
                tariff=tariff(hall),
                rules=RULES,
            )


def tariff(hall: SeatMap) -> Tariff:
    """Adults pay the full price, the others less; children come with a grown-up. There are no fees."""
    full = {category.key: PRICES.get(category.key, OTHER_PRICE) for category in hall.categories}

    def less(minor: int) -> dict[str, int]:
        return {category: price - minor for category, price in full.items()}

    return Tariff(
        currency=CURRENCY,
        ticket_types=(
            TicketType(key="adult", name="Adult", prices=full),
            TicketType(key="child", name="Child", prices=less(400), only_with=GROWN_UPS, per_companion=CHILDREN_EACH),
            TicketType(key="senior", name="Senior", prices=less(200)),
            TicketType(key="member", name="Member", prices=less(300), at_most=MEMBER_TICKETS),
        ),
    )


def house_seats(hall: SeatMap) -> tuple[int, ...]:
    """Two neighbours that the house keeps for itself: the last ordinary ones, not part of a group."""
    ordinary = [
        index for index, seat in enumerate(hall.seats) if seat.kind is SeatKind.STANDARD and index not in hall.group_of
    ]
    return tuple(ordinary[-2:])


def machine_timezone() -> str:
    """The IANA name of this machine's time zone, UTC where it cannot be told."""
    _, found, name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    return name if found and not name.startswith("Etc/") else "UTC"


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
