"""The demo's programme: two theatres, three halls, showtimes for each day, and one film whose sale has not begun.

The films have posters (`posters.py`).

Loading it again changes nothing that exists; on a later day it only adds that day's showtimes. At any hour some are on
sale. Showtimes start by local time, also on days when the clocks change: `local_now` has the machine's time zone with
all its rules, and every ``now`` here must be such a time.
"""

from __future__ import annotations

import asyncio
import os
import zoneinfo
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path

import msgspec

from seatserver.bookings.allocations import Allocations
from seatserver.bookings.keeping import Change
from seatserver.bookings.records import Records
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Auditorium, Showtime, ShowtimeDraft, Theatre
from seatserver.config import Settings, wall_clock
from seatserver.database import Database
from seatserver.demo.halls import demo_halls
from seatserver.errors import NotFound
from seatserver.pricing.tariff import Fees, Tariff, TicketType
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.times import millis_of

BOSS = "the house"
THEATRES = {
    "lantern": ("The Lantern", "7 Lamp Lane, Old Town"),
    "harbour": ("Harbour Pictures", "Pier 3, Harbour Quay"),
}
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
    # Here each click holds one seat, and the first of three may leave a gap that the second one fills.
    gap=GapRule(mode="warn"),
    companions_free_min=60,
    wheelchairs_free_min=15,
)
AT_ONCE = 6
PARTY = 2
BOOKED_AHEAD = (1.0, 0.5, 0.2)
"""How much of each day's shares to book. Every booking takes time at the first start."""
PREMIERE_SHARE = 0.2
UNKNOWN_ZONES = {"localtime", "Factory", "posixrules"}
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


# The last showtimes of each day have free seats for trying things out.
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
    """A showtime of the programme; ``share`` of its hall is booked when it is new.

    One that ``is_earlier`` was put into the programme on an earlier day, if the demo ran then.
    """

    draft: ShowtimeDraft
    share: float
    is_earlier: bool = False


async def load(settings: Settings, now: datetime) -> list[Showtime]:
    """Store the theatres and the showtimes of ``now``'s day and the next days; return all of them by start."""
    database = Database(settings)
    catalog = Catalog(database)
    # No instance is told of the blocked seats: the server reads them when it loads a room.
    allocations = Allocations(database, catalog, lambda: millis_of(now), changed=lambda showtime_id: None)
    try:
        return await _load(catalog, allocations, now)
    finally:
        await database.close()


async def with_free_seats(settings: Settings, showtimes: Iterable[Showtime]) -> list[Showtime]:
    """Those of ``showtimes`` in which two seats are left for a party of two."""
    database = Database(settings)
    records = Records(database, wall_clock)
    try:
        found = []
        for showtime in showtimes:
            ownership = await records.load_ownership(showtime.id)
            if showtime.seat_map.place_count - len(ownership.taken.keys() | ownership.kept.keys()) >= PARTY:
                found.append(showtime)
        return found
    finally:
        await database.close()


def all_planned(now: datetime) -> Iterator[Planned]:
    """What is shown today and on the next days, and the premieres of earlier days' programmes."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    halls = {hall.name: hall for hall in demo_halls()}
    for (_, name), slots in PROGRAMME.items():
        hall = halls[name]
        for day in range(len(BOOKED_AHEAD)):
            for slot in slots:
                if slot.only_on_day in (None, day):
                    yield _planned(slot, hall, day, midnight)
        for slot in slots:
            if slot.sale_begins is not None and slot.only_on_day is not None:
                for days_ago in range(1, slot.only_on_day + 1):
                    earlier = _planned(slot, hall, slot.only_on_day, midnight - timedelta(days=days_ago))
                    yield replace(earlier, share=PREMIERE_SHARE, is_earlier=True)


async def _load(catalog: Catalog, allocations: Allocations, now: datetime) -> list[Showtime]:
    for theatre_id, (name, address) in THEATRES.items():
        theatre = Theatre(id=theatre_id, name=name, timezone=_name_of(now.tzinfo), address=address)
        await catalog.put_theatre(theatre)
    halls = {hall.name: hall for hall in demo_halls()}
    for theatre_id, name in PROGRAMME:
        await catalog.put_auditorium(Auditorium(id=auditorium_of(name), theatre_id=theatre_id, name=name))
        await catalog.put_layout(halls[name])
    planned_showtimes = list(all_planned(now))
    asked_for = [planned.draft.id for planned in planned_showtimes if not planned.is_earlier]
    is_complete = await catalog.existing(asked_for) == asked_for
    posters = {} if is_complete else await _put_posters(catalog)
    turns = asyncio.Semaphore(AT_ONCE)

    async def put(planned: Planned) -> Showtime | None:
        draft = planned.draft
        async with turns:
            try:
                return await catalog.showtime(draft.id)
            except NotFound:
                if planned.is_earlier:
                    return None
                with_poster = msgspec.structs.replace(draft, poster_hash=posters.get(draft.title))
                showtime = await catalog.put_showtime(with_poster)
                keeping = Change(action="block", reason="house seats", places=house_seats(showtime.seat_map))
                await allocations.change(draft.id, [keeping], by=BOSS)
                return showtime

    async with asyncio.TaskGroup() as tasks:
        putting = [tasks.create_task(put(planned)) for planned in planned_showtimes]
    showtimes = [showtime for task in putting if (showtime := task.result()) is not None]
    return sorted(showtimes, key=lambda showtime: showtime.starts_at_ms)


async def _put_posters(catalog: Catalog) -> dict[str, str]:
    """Draw and store the posters; returns their hashes by title."""
    from seatserver.demo.posters import SCENES, poster_for  # slow to import, and not needed again

    hashes = {}
    for title in SCENES:
        poster = await asyncio.to_thread(poster_for, title)
        await catalog.posters.put(poster)
        hashes[title] = poster.hash
    return hashes


def _planned(slot: Slot, hall: SeatMap, day: int, midnight: datetime) -> Planned:
    # In local time, as arithmetic within one time zone is.
    starts_at = datetime.combine(midnight + timedelta(days=day), time(slot.hour, slot.minute), midnight.tzinfo)
    on_sale_at = starts_at - ON_SALE_AHEAD if slot.sale_begins is None else midnight + slot.sale_begins
    share = SOLD_OUT if day == slot.sold_out_on_day else slot.share * BOOKED_AHEAD[day]
    auditorium_id = auditorium_of(hall.name)
    draft = ShowtimeDraft(
        id=f"{auditorium_id}-{starts_at:%Y-%m-%d-%H%M}",
        auditorium_id=auditorium_id,
        layout_hash=hall.content_hash,
        title=slot.title,
        starts_at_ms=millis_of(starts_at),
        on_sale_at_ms=millis_of(on_sale_at),
        sale_ends_at_ms=millis_of(starts_at + SALE_GOES_ON),
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


def local_now() -> datetime:
    """The time in this machine's zone."""
    name = machine_timezone()
    return datetime.now(UTC if name == "UTC" else zoneinfo.ZoneInfo(name))


def machine_timezone() -> str:
    """The IANA name of this machine's time zone, from ``TZ`` or /etc; UTC if neither tells.

    ``TZ`` may also be a rule without a name, such as ``CET-1CEST``; the demo then runs in UTC.
    """
    told = os.environ.get("TZ")
    path = str(Path("/etc/localtime").resolve()) if told is None else told.removeprefix(":")
    name = path.partition("/zoneinfo/")[2] if "/zoneinfo/" in path else path
    if told is None and not _is_known(name):  # a copy of the zone's file, as in many containers
        with suppress(OSError):
            name = Path("/etc/timezone").read_text().strip()
    return name if _is_known(name) and name not in ("Etc/UTC", "Etc/UCT", "UCT", "Zulu") else "UTC"


def _is_known(name: str) -> bool:
    return name in zoneinfo.available_timezones() - UNKNOWN_ZONES


def _name_of(zone: tzinfo | None) -> str:
    return zone.key if isinstance(zone, zoneinfo.ZoneInfo) else "UTC"
