"""The figures that staff may ask for, each as a value: the same whether a model asks for them or the rules do.

They are what `/ops` shows, or counts of tickets. Nothing names a customer, a user, a booking or an address. Times are
those of the clocks at the theatre.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from seatserver.bookings.sales import MOST_PACES, Judgement, Pace, SalesFigures
from seatserver.catalog.catalog import Catalog, ShowtimeFilter
from seatserver.catalog.showtime import ShowtimeEntry
from seatserver.concierge.wishes.tokens import folded
from seatserver.config import Clock, Settings
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.readiness import card_reader_of, is_away, printer_of
from seatserver.kiosks.registry import Kiosks
from seatserver.operations.instance_reports import LONG, InstanceReports, marks_of
from seatserver.rooms.counts import Counts
from seatserver.seats.states import SeatState
from seatserver.times import moment_of

MOST_SHOWN = 10
"""Showtimes in one answer."""
MOST_COUNTED = 60
"""Showtimes whose places are counted for one answer."""
MOST_READ, MOST_PAGES = 200, 5
COUNTED_AT_ONCE = 8
MOST_KIOSKS = 60
NEW_MS = 5000
"""A server that has just started has not asked the database, Redis and the feed yet."""
MOST_HOURS, MOST_DAYS = 72, 60
SEVERAL_ZONES = "UTC"
"""Whose hours and days are told where the theatres are in several time zones."""

Order = Literal["soonest", "fullest", "emptiest"]
Unit = Literal["hour", "day"]


class Showing(msgspec.Struct, frozen=True, kw_only=True):
    """A showtime that has not begun: how many of its places are in which state. ``kept`` are blocked or allocated."""

    title: str
    theatre: str
    hall: str
    starts: str
    minutes_left: int
    on_sale: bool
    sold: int
    held: int
    free: int
    kept: int
    places: int
    percent_sold: int


class Showings(msgspec.Struct, frozen=True, kw_only=True):
    """Some showtimes; ``more`` is whether others were left out, or not even counted."""

    showtimes: tuple[Showing, ...]
    more: bool


class Paced(msgspec.Struct, frozen=True, kw_only=True):
    """How a showtime sells, compared with ``earlier`` ones; the usual share is null if they are too few."""

    title: str
    theatre: str
    hall: str
    starts: str
    minutes_left: int
    percent_sold: int
    usual_percent: int | None
    earlier: int
    judgement: Judgement


class Paces(msgspec.Struct, frozen=True, kw_only=True):
    """The next showtimes on sale, the slowest first; ``more`` is whether there are others, which were not looked at."""

    showtimes: tuple[Paced, ...]
    more: bool


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked in one hour or day and still stands."""

    begins: str
    tickets: int
    bookings: int


class SalesNow(msgspec.Struct, frozen=True, kw_only=True):
    """What was booked in the last ``count`` hours or days, the present one included."""

    unit: Unit
    count: int
    timezone: str
    tickets: int
    bookings: int
    periods: tuple[Period, ...]


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    """What was refused in the last seconds, by reason, and how many networks were over their limits.

    ``whole`` is false while only the answering server's figures can be had.
    """

    seconds: int
    places: dict[str, int]
    errors: dict[str, int]
    over_limits: dict[str, int]
    pushing_networks: int
    whole: bool


class KioskState(msgspec.Struct, frozen=True, kw_only=True):
    """A kiosk, without anything of the customer before it."""

    name: str
    theatre: str
    locked: bool
    away: bool
    asks_for_help: bool
    card_reader: str
    printer: str

    @property
    def is_well(self) -> bool:
        """Whether nobody need look after it."""
        is_able = self.card_reader not in ("away", "unnamed") and self.printer not in ("low", "out", "open", "away")
        return is_able and not (self.locked or self.away or self.asks_for_help)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the servers are: how many of them, and on how many of them something is wrong."""

    servers: int
    silent: int
    shutting_down: int
    database_away: int
    redis_away: int
    feed_lost: int
    rooms_behind: int
    visitors: int
    rooms: int
    whole: bool


class Where(NamedTuple):
    """Which showtimes are meant: those with this in their title, hall or theatre, on this day from today on."""

    name: str = ""
    day: int | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Reads the figures. Every method raises `Unavailable`."""

    settings: Settings
    catalog: Catalog
    counts: Counts
    sales: SalesFigures
    reports: InstanceReports
    kiosks: Kiosks
    clock: Clock

    async def showings(self, where: Where, order: Order = "soonest") -> Showings:
        """Showtimes that have not begun, in this order."""
        entries, more = await self._entries(where)
        turns = asyncio.Semaphore(COUNTED_AT_ONCE)
        zones = await self._zones()

        async def counted(entry: ShowtimeEntry) -> Showing:
            async with turns:
                places = (await self.catalog.layout(entry.layout_hash)).place_count
                return self._showing(entry, zones, await self.counts.of(entry.id, places))

        found = await asyncio.gather(*map(counted, entries))
        if order != "soonest":
            found.sort(key=lambda one: one.percent_sold, reverse=order == "fullest")
        return Showings(showtimes=tuple(found[:MOST_SHOWN]), more=more or len(found) > MOST_SHOWN)

    async def paces(self, where: Where) -> Paces:
        """How the next showtimes on sale sell, compared with earlier ones."""
        entries, more = await self._entries(where, only_on_sale=True)
        zones = await self._zones()
        found = await self.sales.paces([entry.id for entry in entries], moment_of(self.clock()))
        paced = [
            (self._paced(entry, zones, found[entry.id]), found[entry.id]) for entry in entries if entry.id in found
        ]
        paced.sort(key=lambda one: one[1].share - one[1].usual if one[1].usual is not None else 1.0)
        return Paces(showtimes=tuple(one for one, _ in paced), more=more or len(entries) > MOST_PACES)

    async def sold(self, unit: Unit, count: int) -> SalesNow:
        """What was booked in the last hours or days, the present one included."""
        count = max(1, min(count, MOST_HOURS if unit == "hour" else MOST_DAYS))
        zones = {zone.key for zone in (await self._zones()).values()}
        timezone = zones.pop() if len(zones) == 1 else SEVERAL_ZONES
        now = moment_of(self.clock()).astimezone(ZoneInfo(timezone))
        if unit == "hour":
            since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=count - 1)
        else:
            since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=count - 1)
        found = await self.sales.sold(unit, since, timezone)
        form = "%Y-%m-%d %H:%M" if unit == "hour" else "%Y-%m-%d"
        return SalesNow(
            unit=unit,
            count=count,
            timezone=timezone,
            tickets=sum(one.tickets for one in found),
            bookings=sum(one.bookings for one in found),
            periods=tuple(
                Period(begins=f"{one.begins:{form}}", tickets=one.tickets, bookings=one.bookings) for one in found
            ),
        )

    async def refusals(self) -> Refusals:
        """What all servers refused in the last minute."""
        heard, whole = await self.reports.all()
        reports = [one.report for one in heard if not one.silent]
        return Refusals(
            seconds=LONG,
            places=_sum(report.refusals for report in reports),
            errors=_sum(report.errors for report in reports),
            over_limits=_sum(report.turned_away for report in reports),
            pushing_networks=len(set().union(*(report.pushing for report in reports))),
            whole=whole,
        )

    async def kiosk_states(self) -> list[KioskState]:
        """All enrolled kiosks, at most `MOST_KIOSKS`: first those that somebody should look after."""
        theatres = {theatre.id: theatre.name for theatre, _ in await self.catalog.theatres()}
        found = [self._kiosk(kiosk, theatres) for kiosk in await self.kiosks.all()]
        return sorted(found, key=lambda one: one.is_well)[:MOST_KIOSKS]

    async def health(self) -> Health:
        """How the servers are."""
        heard, whole = await self.reports.all()
        reports = [one.report for one in heard if not one.silent]
        settled = [report for report in reports if self.clock() - report.started_ms >= NEW_MS]
        return Health(
            servers=len(heard),
            silent=len(heard) - len(reports),
            shutting_down=sum(report.draining for report in reports),
            database_away=sum(report.postgres_ms is None for report in settled),
            redis_away=sum(report.redis_ms is None for report in settled),
            feed_lost=sum(not report.feed for report in settled),
            rooms_behind=sum(report.catching_up for report in reports),
            visitors=sum(report.viewers for report in reports),
            rooms=len(set().union(*(marks_of(report.rooms) for report in reports))),
            whole=whole,
        )

    async def names(self) -> list[str]:
        """The titles, halls and theatres of the next showtimes, which a question may name."""
        entries, _ = await self.catalog.showtimes(ShowtimeFilter(from_ms=self.clock(), limit=MOST_READ))
        return list(
            dict.fromkeys(
                name for entry in entries for name in (entry.title, entry.auditorium_name, entry.theatre_name)
            )
        )

    # ------------------------------------------------------------ inside

    async def _entries(self, where: Where, *, only_on_sale: bool = False) -> tuple[list[ShowtimeEntry], bool]:
        """The next showtimes that are meant, at most `MOST_COUNTED`, and whether there may be more."""
        now, zones, wanted = self.clock(), await self._zones(), folded(where.name)
        found: list[ShowtimeEntry] = []
        cursor = None
        for _ in range(MOST_PAGES):
            entries, cursor = await self.catalog.showtimes(ShowtimeFilter(from_ms=now, limit=MOST_READ, after=cursor))
            found += (
                entry
                for entry in entries
                if (not only_on_sale or entry.on_sale_at_ms <= now < entry.sale_ends_at_ms)
                and any(wanted in folded(name) for name in (entry.title, entry.auditorium_name, entry.theatre_name))
                and (where.day is None or self._days_ahead(entry, zones) == where.day)
            )
            if cursor is None or len(found) > MOST_COUNTED:
                break
        return found[:MOST_COUNTED], cursor is not None or len(found) > MOST_COUNTED

    async def _zones(self) -> dict[str, ZoneInfo]:
        return {theatre.id: ZoneInfo(theatre.timezone) for theatre, _ in await self.catalog.theatres()}

    def _days_ahead(self, entry: ShowtimeEntry, zones: Mapping[str, ZoneInfo]) -> int:
        zone = zones.get(entry.theatre_id, UTC)
        starts, now = (moment_of(at).astimezone(zone).date() for at in (entry.starts_at_ms, self.clock()))
        return (starts - now).days

    def _starts(self, entry: ShowtimeEntry, zones: Mapping[str, ZoneInfo]) -> tuple[str, int]:
        starts = datetime.fromtimestamp(entry.starts_at_ms / 1000, zones.get(entry.theatre_id, UTC))
        return f"{starts:%Y-%m-%d %H:%M}", max(0, (entry.starts_at_ms - self.clock()) // 60_000)

    def _showing(self, entry: ShowtimeEntry, zones: Mapping[str, ZoneInfo], states: Counter[int]) -> Showing:
        starts, left = self._starts(entry, zones)
        sold, places = states[SeatState.SOLD] + states[SeatState.CLAIMED], states.total()
        return Showing(
            title=entry.title,
            theatre=entry.theatre_name,
            hall=entry.auditorium_name,
            starts=starts,
            minutes_left=left,
            on_sale=entry.on_sale_at_ms <= self.clock() < entry.sale_ends_at_ms,
            sold=sold,
            held=states[SeatState.HELD],
            free=states[SeatState.FREE],
            kept=states[SeatState.BLOCKED] + states[SeatState.ALLOCATED],
            places=places,
            percent_sold=_percent(sold / places if places else 0.0),
        )

    def _paced(self, entry: ShowtimeEntry, zones: Mapping[str, ZoneInfo], pace: Pace) -> Paced:
        starts, left = self._starts(entry, zones)
        return Paced(
            title=entry.title,
            theatre=entry.theatre_name,
            hall=entry.auditorium_name,
            starts=starts,
            minutes_left=left,
            percent_sold=_percent(pace.share),
            usual_percent=None if pace.usual is None else _percent(pace.usual),
            earlier=pace.earlier,
            judgement=pace.judgement,
        )

    def _kiosk(self, kiosk: Kiosk, theatres: Mapping[str, str]) -> KioskState:
        now = self.clock()
        return KioskState(
            name=kiosk.name,
            theatre=theatres.get(kiosk.theatre_id or "", ""),
            locked=kiosk.locked,
            away=is_away(kiosk, now),
            asks_for_help=kiosk.help_at_ms is not None,
            card_reader=card_reader_of(kiosk, self.settings, now),
            printer=printer_of(kiosk, self.settings),
        )


def _percent(share: float) -> int:
    return round(100 * share)


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total.most_common())
