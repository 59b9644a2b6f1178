"""The demo's offer: two theatres, three halls, a programme for each day, and one film whose sale is yet to begin.

Loading it again changes nothing that exists; a later day only adds its own showtimes. At any hour some are on sale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
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
from seatserver.seatmaps.pricing import Fees, Tariff, TicketType
from seatserver.seatmaps.rules import GapRule, Rules

BOSS = "the house"
THEATRES = {"lantern": "The Lantern", "harbour": "Harbour Pictures"}
ON_SALE_AHEAD = timedelta(days=7)
SALE_GOES_ON = timedelta(minutes=20)
CURRENCY = "EUR"
PRICES = {"beanbags": 700, "front": 900, "standard": 1200, "premium": 1500, "sofa": 1800}
OTHER_PRICE = 1200
BOOKING_FEE = 90
GROWN_UPS = ("adult", "senior", "member")
CHILDREN_EACH = 3
MEMBER_TICKETS = 2
RULES = Rules(
    # Here every click holds one seat, and the first of three clicks may well leave a gap that the second one fills.
    gap=GapRule(mode="warn"),
    companions_free_min=60,
    wheelchairs_free_min=15,
)
AT_ONCE = 6
BOOKED_AHEAD = (1.0, 0.5, 0.0)
"""How much of each day's shares is booked already; what is booked costs time at the first start."""
SOLD_OUT = 1.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A film at an hour of every day. ``share`` of the hall is booked for today; for later days less."""

    title: str
    hour: int
    minute: int
    share: float
    only_on_day: int | None = None
    sold_out_on_day: int | None = None
    """Days are counted from today, which is 0."""
    sale_begins: timedelta | None = None
    """After today's midnight; without it the sale has begun long since."""


# The last showtimes of each day have room, so that whoever tries things out finds seats.
PROGRAMME: dict[tuple[str, str], tuple[Slot, ...]] = {
    ("lantern", "Studio 1"): (
        Slot("A Winter of Foxes", 13, 30, 0.35),
        Slot("Low Tide Radio", 16, 15, 0.55),
        Slot("The Paper Lighthouse", 18, 30, 0.93, sold_out_on_day=1),
        Slot("Orbit Nine", 20, 45, 0.75),
    ),
    ("lantern", "Grand Hall"): (
        Slot("Low Tide Radio", 14, 0, 0.25),
        Slot("A Winter of Foxes", 17, 0, 0.4),
        Slot("Orbit Nine", 20, 0, 0.6),
        Slot("Low Tide Radio", 22, 30, 0.3),
    ),
    ("harbour", "Boathouse"): (
        Slot("The Paper Lighthouse", 15, 0, 0.3),
        Slot("Saltwater Waltz", 18, 15, 0.5, only_on_day=2, sale_begins=timedelta(days=1, hours=10)),
        Slot("Orbit Nine", 17, 45, 0.9, only_on_day=0),
        Slot("Low Tide Radio", 20, 15, 0.7, sold_out_on_day=0),
    ),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A showtime of the programme; ``share`` of its hall is booked when it is new."""

    draft: ShowtimeDraft
    share: float


async def load(settings: Settings, now: datetime) -> list[Showtime]:
    """Put theatres and showtimes of ``now`` (with its time zone) and the next days; all of them, by start."""
    database = Database(settings)
    catalog = Catalog(database)
    # Nobody is told of the blocked seats: whoever serves finds them.
    allocations = Allocations(database, catalog, lambda: _millis(now), changed=lambda showtime_id: None)
    try:
        return await _load(catalog, allocations, now)
    finally:
        await database.close()


def programme(now: datetime) -> Iterator[Planned]:
    """What is shown today and on the next days."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    halls = {hall.name: hall for hall in demo_halls()}
    for (_, name), slots in PROGRAMME.items():
        hall = halls[name]
        for day in range(len(BOOKED_AHEAD)):
            for slot in slots:
                if slot.only_on_day in (None, day):
                    yield _planned(slot, hall, day, midnight)


async def _load(catalog: Catalog, allocations: Allocations, now: datetime) -> list[Showtime]:
    for theatre_id, name in THEATRES.items():
        await catalog.put_theatre(Theatre(id=theatre_id, name=name, timezone=machine_timezone()))
    halls = {hall.name: hall for hall in demo_halls()}
    for theatre_id, name in PROGRAMME:
        await catalog.put_auditorium(Auditorium(id=auditorium_of(name), theatre_id=theatre_id, name=name))
        await catalog.put_layout(halls[name])
    turns = asyncio.Semaphore(AT_ONCE)

    async def put(draft: ShowtimeDraft) -> Showtime:
        async with turns:
            try:
                return await catalog.showtime(draft.id)
            except NotFound:
                showtime = await catalog.put_showtime(draft)
                keeping = Change(action="block", reason="house seats", places=house_seats(showtime.seat_map))
                await allocations.change(draft.id, [keeping], by=BOSS)
                return showtime

    showtimes = await asyncio.gather(*(put(planned.draft) for planned in programme(now)))
    return sorted(showtimes, key=lambda showtime: showtime.starts_at_ms)


def _planned(slot: Slot, hall: SeatMap, day: int, midnight: datetime) -> Planned:
    starts_at = midnight + timedelta(days=day, hours=slot.hour, minutes=slot.minute)
    on_sale_at = starts_at - ON_SALE_AHEAD if slot.sale_begins is None else midnight + slot.sale_begins
    share = SOLD_OUT if day == slot.sold_out_on_day else slot.share * BOOKED_AHEAD[day]
    auditorium_id = auditorium_of(hall.name)
    draft = ShowtimeDraft(
        id=f"{auditorium_id}-{starts_at:%Y-%m-%d-%H%M}",
        auditorium_id=auditorium_id,
        layout_hash=hall.content_hash,
        title=slot.title,
        starts_at_ms=_millis(starts_at),
        on_sale_at_ms=_millis(on_sale_at),
        sale_ends_at_ms=_millis(starts_at + SALE_GOES_ON),
        tariff=tariff(hall),
        rules=RULES,
    )
    return Planned(draft, share if slot.sale_begins is None else 0.0)


def auditorium_of(name: str) -> str:
    """The id of the auditorium with this name."""
    return name.lower().replace(" ", "-")


def tariff(hall: SeatMap) -> Tariff:
    """Adults pay the full price, the others less; children come with a grown-up. A booking costs a fee."""
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
        fees=Fees(per_booking_minor=BOOKING_FEE),
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
