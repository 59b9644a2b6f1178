"""What a model can do for a visitor: look at the programme and the hall, find seats, hold, change, release.

Everything is done at the visitor's `Desk`. Seats have no ids here: offers have short names, which no tool but these
knows, and only the latest ones mean anything. Amounts are texts with their currency, as the visitor reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from seatserver.catalog.catalog import Catalog, ShowtimeFilter
from seatserver.catalog.showtime import MAX_TITLE, ShowtimeEntry
from seatserver.concierge.desk import Desk, Found
from seatserver.concierge.model.toolbox import Json, Result, Toolbox, ToolRefused
from seatserver.concierge.phrases.language import Language
from seatserver.concierge.plans import places_in_depth
from seatserver.concierge.wishes.model import Key, People, Wish
from seatserver.concierge.wishes.tokens import folded
from seatserver.config import Clock
from seatserver.errors import SeatServerError, SeatsRefused
from seatserver.holding.holding import LOST_TO_OTHERS
from seatserver.holding.terms import terms_of
from seatserver.metrics import Metrics
from seatserver.pricing.tariff import MAX_TICKET_TYPES
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState

MOST_SHOWTIMES = 10
MOST_READ, MOST_PAGES = 200, 5
"""So many showtimes are read at a time, and so often for one search."""
MOST_NAMED = 60
DAYS_AHEAD = 60
LETTERS = 26


class SearchProgramme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """List the cinema's next showtimes, with their titles, halls and lowest prices."""

    title: Annotated[str, Meta(max_length=MAX_TITLE, description="A part of the title; empty for all.")] = ""
    day: Annotated[str, Meta(pattern=r"^(\d{4}-\d\d-\d\d)?$", description="As 2026-12-24; empty for any.")] = ""


class DescribeHall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe this showtime's hall: its rows, categories, areas, ticket types with prices, and what is free."""


class FindSeats(Wish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Find the best free seats for a wish and show them to the visitor. Holds nothing.

    Give the whole wish each time. `people` come, `wheelchairs` of them in a wheelchair. `tickets` says how many of them
    need a special ticket type, by its key; the others get the usual one. `categories` (keys), `areas` and `rows`
    (names) say where; `depth` where in the hall, `avoid` where not. `limit` is the most to pay, in the smallest unit of
    the currency, such as cents. `importance` weighs what counts more, where the defaults are not meant.
    """


class MoreOffers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Show the next best seats for the same wish, without those that were offered already."""


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold an offer for a few minutes, in place of what the visitor holds here. Only when the visitor asks for it."""

    offer: Annotated[str, Meta(max_length=20, description="The name of an offer, as find_seats gave it.")]


class ChangeTickets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep the seats that are held, with other tickets: how many of each special type; the usual one for the rest."""

    tickets: Annotated[dict[Key, People], Meta(max_length=MAX_TICKET_TYPES)]


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give back all seats that the visitor holds here. Only when the visitor asks for it."""


class VisitorsTools:
    """The tools of one conversation. Names of offers live as long as it does."""

    def __init__(self, desk: Desk, catalog: Catalog, clock: Clock) -> None:
        self._desk = desk
        self._catalog = catalog
        self._clock = clock
        self._language: Language
        self._named: dict[str, Found] = {}
        self._next = 0
        self._acts = 0

    def toolbox(self, language: Language, metrics: Metrics) -> Toolbox:
        """The tools for one answer, in which seats are held or released once. Who may only watch has none for that."""
        self._language, self._acts = language, 0
        if list(self._named.values()) != self._desk.offers:
            self._name(self._desk.offers)  # the parser has answered meanwhile
        handlers: dict[type[msgspec.Struct], Any] = {
            SearchProgramme: self._programme,
            DescribeHall: self._hall,
            FindSeats: self._find,
            MoreOffers: self._more,
        }
        if self._desk.identity.may("hold"):
            handlers |= {Hold: self._hold, ChangeTickets: self._change, Release: self._release}
        return Toolbox(handlers, metrics, self._explained)

    def _explained(self, error: SeatServerError) -> str:
        return self._language.failure(error, self._desk.showtime.currency)

    async def facts(self, people: int | None) -> Json:
        """What is true as the answer begins."""
        desk, showtime = self._desk, self._desk.showtime
        held = await desk.holding()
        return {
            "title": showtime.title,
            "theatre": showtime.theatre_name,
            "hall": showtime.auditorium_name,
            "party_size": people,
            "may_hold": desk.identity.may("hold"),
            "offers": self._offers(),
            "visitor_holds": None if held is None else self._price(terms_of(held, showtime).quote.total_minor),
        }

    # ------------------------------------------------------------ looking

    async def _programme(self, asked: SearchProgramme) -> Result:
        now = self._clock()
        zones = {theatre.id: ZoneInfo(theatre.timezone) for theatre, _ in await self._catalog.theatres()}
        first, last = now, now + DAYS_AHEAD * 86_400_000
        if asked.day:
            try:
                day = datetime.combine(date.fromisoformat(asked.day), datetime.min.time(), UTC)
            except ValueError:
                raise ToolRefused("day is no date: expected one as 2026-12-24") from None
            # A day begins up to 14 hours earlier or 12 later than that of UTC.
            first = max(now, int((day - timedelta(hours=14)).timestamp() * 1000))
            last = int((day + timedelta(hours=36)).timestamp() * 1000)
        found: list[tuple[ShowtimeEntry, datetime]] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = ShowtimeFilter(from_ms=first, to_ms=last, limit=MOST_READ, after=cursor)
            entries, cursor = await self._catalog.showtimes(page)
            found += self._matching(entries, asked, zones)
            if cursor is None or len(found) > MOST_SHOWTIMES:
                break
        listed = [self._entry(entry, starts) for entry, starts in found[:MOST_SHOWTIMES]]
        return Result({"showtimes": listed, "more": len(found) > MOST_SHOWTIMES or cursor is not None})

    @staticmethod
    def _matching(
        entries: Sequence[ShowtimeEntry], asked: SearchProgramme, zones: dict[str, ZoneInfo]
    ) -> list[tuple[ShowtimeEntry, datetime]]:
        """Those that are asked for, with their starts at the theatre."""
        wanted = folded(asked.title)
        return [
            (entry, starts)
            for entry in entries
            for starts in [datetime.fromtimestamp(entry.starts_at_ms / 1000, zones.get(entry.theatre_id, UTC))]
            if wanted in folded(entry.title) and (not asked.day or starts.date().isoformat() == asked.day)
        ]

    def _entry(self, entry: ShowtimeEntry, starts: datetime) -> Json:
        usual = entry.tariff.ticket_types[0].prices.values()
        lowest = self._language.price(min(usual), entry.currency) if usual else ""
        return {
            "title": entry.title,
            "starts": f"{starts:%Y-%m-%d %H:%M}",
            "theatre": entry.theatre_name,
            "hall": entry.auditorium_name,
            "lowest_price": lowest,
            "is_on_sale": entry.on_sale_at_ms <= self._clock() < entry.sale_ends_at_ms,
            "is_this_one": entry.id == self._desk.showtime.id,
        }

    async def _hall(self, asked: DescribeHall) -> Result:
        showtime, states = self._desk.showtime, await self._desk.states()
        counted = await self._desk.in_thread(lambda: _counted(showtime.seat_map, states))
        return Result(
            {
                **counted,
                "ticket_types": [
                    {
                        "key": kind.key,
                        "name": kind.name,
                        "prices": {key: self._price(price) for key, price in list(kind.prices.items())[:MOST_NAMED]},
                        "only_with": list(kind.only_with),
                    }
                    for kind in showtime.tariff.ticket_types
                ],
            }
        )

    # ------------------------------------------------------------ finding

    async def _find(self, wish: FindSeats) -> Result:
        self._named = {}  # even if nothing is found, the earlier offers are no answer to this
        found = await self._desk.find(Wish(**{name: getattr(wish, name) for name in wish.__struct_fields__}))
        return self._shown(found)

    async def _more(self, asked: MoreOffers) -> Result:
        found = await self._desk.find_others()
        if not found:
            return Result({"offers": []})
        return self._shown(found)

    def _shown(self, found: Sequence[Found]) -> Result:
        self._name(found)
        given_up = self._language.given_up(found[0].reasons.given_up)
        return Result({"offers": self._offers(), "not_met": given_up}, list(found))

    def _name(self, found: Sequence[Found]) -> None:
        """New names for new offers: an old name must not mean other seats."""
        self._named = {}
        for one in found:
            number, self._next = self._next, self._next + 1
            self._named[offer_name(number)] = one

    def _offers(self) -> list[Json]:
        return [
            {
                "offer": name,
                "seats": self._language.seats(found.reasons),
                "total": self._price(found.quote.total_minor),
                "why": self._language.reason(found.reasons),
                "row": found.reasons.row,
                "rows": found.reasons.rows,
                "by_an_aisle": found.reasons.aisle,
                "wheelchair_places": found.reasons.wheelchairs,
                "sitting_alone": found.reasons.alone,
                "categories": list(found.reasons.categories),
                "breakdown": {part: round(cost, 1) for part, cost in found.offer.breakdown.items()},
            }
            for name, found in self._named.items()
        ]

    # ------------------------------------------------------------ holding

    async def _hold(self, asked: Hold) -> Result:
        found = self._named.get(asked.offer)
        if found is None:
            raise ToolRefused("there is no such offer; find_seats names the latest ones")
        self._act()
        try:
            await self._desk.hold(found)
        except SeatsRefused as error:
            if LOST_TO_OTHERS.isdisjoint(error.reasons.values()):
                raise
            shown = self._shown(await self._desk.find(self._desk.wish))
            return Result({"refused": self._explained(error), **shown.answer}, shown.shown)
        return Result({"held": self._language.seats(found.reasons), "total": self._price(found.quote.total_minor)})

    async def _change(self, asked: ChangeTickets) -> Result:
        self._act()
        quote = await self._desk.change_tickets(asked.tickets)
        return Result({"total": self._price(quote.total_minor)})

    async def _release(self, asked: Release) -> Result:
        self._act()
        return Result({"had_seats": await self._desk.release()})

    def _act(self) -> None:
        """What the visitor holds changes once in an answer: a model that is misled cannot go round in circles."""
        self._acts += 1
        if self._acts > 1:
            raise ToolRefused("hold, change_tickets and release work once in an answer")

    def _price(self, minor: int) -> str:
        return self._language.price(minor, self._desk.showtime.currency)


def _counted(seat_map: SeatMap, states: bytes) -> Json:
    """What a hall has, and what of it is free; a large one has tens of thousands of places."""
    free = Counter(
        seat_map.category_of(place) for place in range(seat_map.place_count) if states[place] == SeatState.FREE
    )
    return {
        "rows": list(dict.fromkeys(seat.row for seat in seat_map.seats))[:MOST_NAMED],
        "rows_deep": places_in_depth(seat_map)[1],
        "seats": len(seat_map.seats),
        "categories": [
            {"key": one.key, "name": one.name, "free": free[one.key]} for one in seat_map.categories[:MOST_NAMED]
        ],
        "areas": sorted({seat.area for seat in seat_map.seats} - {""})[:MOST_NAMED],
    }


def offer_name(number: int) -> str:
    """offer-a to offer-z, then offer-aa and so on: no digits, which the model might take for something to say."""
    letters = ""
    while number >= 0:
        number, letter = divmod(number, LETTERS)
        letters = chr(ord("a") + letter) + letters
        number -= 1
    return f"offer-{letters}"
