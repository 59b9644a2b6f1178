"""What places cost: ticket types with a price for each category, rules for tickets, and fees.

A `Tariff` belongs to a showtime. `quote` prices the tickets of one hold, in the minor unit of the currency, and refuses
tickets that cannot be bought together. The `Quote` stays with the hold and becomes the booking's, even if the tariff
changes. `without` is the quote of what is left when some places are given back. Fees are added to the prices; taxes are
included in the prices, as people see them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.errors import BadRequest, BadSeatMap, TicketsRefused, UnknownSeat
from seatserver.money import CURRENCIES, digits_of
from seatserver.seatmaps.model import MAX_NAME, SeatMap, check_text

CURRENCY_PATTERN = r"^[A-Z]{3}$"
MAX_PRICE_MINOR = 1_000_000_000
"""The highest price or fee. A whole hall of such tickets stays far below 2**53, up to which JavaScript is exact."""
MAX_TICKET_TYPES = 50
MAX_TICKETS = 1000
MAX_KEY = 64
STANDARD = "standard"

Price = Annotated[int, Meta(ge=0, le=MAX_PRICE_MINOR, description="In the currency's minor unit.")]
Prices = Annotated[dict[str, Price], Meta(description="The price of each category, by its key in the layout.")]
AtMost = Annotated[int, Meta(ge=1, le=MAX_TICKETS)]


class TicketType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of ticket, such as adult or child. It is not sold for categories without a price here.

    A hold may contain `at_most` tickets of this type. With `only_with`, the hold must also contain a ticket of one of
    these types, and for each of those at most `per_companion` tickets of this type. Null means no limit.
    """

    key: Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    prices: Prices
    at_most: AtMost | None = None
    only_with: tuple[str, ...] = ()
    per_companion: AtMost | None = None


class Fees(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is added to the prices: for each ticket, even a free one, and once for each booking."""

    per_ticket_minor: Price = 0
    per_booking_minor: Price = 0

    def of(self, tickets: int) -> int:
        """The fees of one booking of so many tickets; 0 for none."""
        return tickets * self.per_ticket_minor + self.per_booking_minor if tickets else 0


NO_FEES = Fees()


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Everything that decides what the places of a showtime cost.

    Without a ticket type, a place gets the first one that has a price for its category.
    """

    currency: str
    ticket_types: tuple[TicketType, ...]
    fees: Fees = NO_FEES

    @classmethod
    def flat(cls, currency: str, prices: dict[str, int], fees: Fees = NO_FEES) -> Tariff:
        """A tariff with one ticket type for everybody."""
        return cls(
            currency=currency, ticket_types=(TicketType(key=STANDARD, name="Standard", prices=prices),), fees=fees
        )

    @cached_property
    def by_category(self) -> dict[tuple[str, str | None], tuple[str, int]]:
        """(category, ticket type key or None) → the key of the ticket type and its price, if it is sold there."""
        found: dict[tuple[str, str | None], tuple[str, int]] = {}
        for kind in self.ticket_types:
            for category, price in kind.prices.items():
                found[category, kind.key] = (kind.key, price)
                found.setdefault((category, None), (kind.key, price))
        return found

    @cached_property
    def has_rules(self) -> bool:
        """Whether any ticket type has a rule."""
        return any(kind.at_most is not None or kind.only_with for kind in self.ticket_types)

    @property
    def default_prices(self) -> dict[str, int]:
        """Category key → what a place costs without a ticket type."""
        return {category: price for kind in reversed(self.ticket_types) for category, price in kind.prices.items()}

    def validate(self, seat_map: SeatMap, *, keeps_currency: bool = False) -> None:
        """Raise `BadRequest` for the first field that contradicts the hall or another field.

        ``keeps_currency``: the currency is that of a stored tariff and may stay, though no new tariff may have it.
        """
        if not re.fullmatch(CURRENCY_PATTERN, self.currency):
            raise BadRequest(f"currency is {self.currency!r}: expected three capital letters, as in EUR", "currency")
        if self.currency not in CURRENCIES and not keeps_currency:
            raise BadRequest(
                f"currency is {self.currency!r}: expected the ISO 4217 code of money that people pay with, as in EUR",
                "currency",
            )
        if not 1 <= len(self.ticket_types) <= MAX_TICKET_TYPES:
            raise BadRequest(
                f"ticket_types has {len(self.ticket_types)} entries: expected 1 to {MAX_TICKET_TYPES}", "ticket_types"
            )
        keys = [kind.key for kind in self.ticket_types]
        for number, kind in enumerate(self.ticket_types):
            where = f"ticket_types[{number}]"
            _check_text(f"{where}.key", kind.key, MAX_KEY)
            _check_text(f"{where}.name", kind.name, MAX_NAME)
            if kind.key in keys[:number]:
                raise BadRequest(f"{where}.key is {kind.key!r}, which another ticket type has already", f"{where}.key")
            if not kind.prices:
                raise BadRequest(f"{where}.prices is empty: name at least one category", f"{where}.prices")
            check_prices(f"{where}.prices", kind.prices, seat_map)
            _check_rules(where, kind, keys)
        check_all_priced("ticket_types", self.default_prices, seat_map)
        for name in Fees.__struct_fields__:
            _check_price(f"fees.{name}", getattr(self.fees, name))


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One ticket: place, ticket type key, price in minor units."""

    place: int
    ticket: str
    price_minor: int


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What the tickets of one hold cost, in minor units. ``lines`` are sorted by place; ``fees`` are the rates."""

    lines: tuple[Line, ...]
    fees: Fees
    currency: str

    @property
    def currency_digits(self) -> int:
        """How many digits the minor unit of the currency has."""
        return digits_of(self.currency)

    @property
    def fees_minor(self) -> int:
        """The sum of all fees."""
        return self.fees.of(len(self.lines))

    @property
    def total_minor(self) -> int:
        """The sum of all prices and fees."""
        return sum(line.price_minor for line in self.lines) + self.fees_minor


def quote(tariff: Tariff, seat_map: SeatMap, tickets: Sequence[tuple[int, str | None]]) -> Quote:
    """The price of these tickets: (place, ticket type key), None for the first type sold in the place's category.

    The order of ``tickets`` does not matter. Raises `TicketsRefused` for a ticket type that does not exist or is not
    sold in the place's category, and for tickets that break a rule of their type; `UnknownSeat`; `BadRequest` for a
    place named twice.
    """
    asked = sorted(tickets, key=itemgetter(0))
    if asked and not (asked[0][0] >= 0 and asked[-1][0] < seat_map.place_count):
        raise UnknownSeat([p for p, _ in asked if not 0 <= p < seat_map.place_count], seat_map.place_count)
    for (place, _), (following, _) in pairwise(asked):
        if place == following:
            area = seat_map.area_of(place)
            name = seat_map.seats[place].label if area is None else f"a place of {seat_map.general_areas[area].name}"
            raise BadRequest(f"{name} is named twice: a place has one ticket", "tickets")
    lines = tuple(_line(tariff, seat_map, place, key) for place, key in asked)
    for refused in _broken_rules(tariff, lines):
        raise refused
    return Quote(lines=lines, fees=tariff.fees, currency=tariff.currency)


def without(tariff: Tariff, quoted: Quote, places: Iterable[int]) -> Quote:
    """The quote of what is left after giving ``places`` back, at the prices and fees of the first quote.

    Raises `TicketsRefused` if what is left breaks a rule that was kept before, such as children without their adult. A
    rule that has become stricter since then does not stop anybody from giving places back.
    """
    gone = set(places)
    left = tuple(line for line in quoted.lines if line.place not in gone)
    before = {(refused.ticket, refused.rule) for refused in _broken_rules(tariff, quoted.lines)}
    for refused in _broken_rules(tariff, left):
        if (refused.ticket, refused.rule) not in before:
            raise refused
    return msgspec.structs.replace(quoted, lines=left)


def check_prices(where: str, prices: dict[str, int], seat_map: SeatMap) -> None:
    """Raise `BadRequest` for a category that the hall does not have, or a price out of range."""
    categories = sorted(category.key for category in seat_map.categories)
    if extra := sorted(prices.keys() - set(categories)):
        raise BadRequest(f"{where} names {_listed(extra)}; the layout's categories are {_listed(categories)}", where)
    for category, price in prices.items():
        _check_price(f"{where}.{category}", price)


def check_all_priced(where: str, prices: dict[str, int], seat_map: SeatMap) -> None:
    """Raise `BadRequest` if a category of the hall has no price: its places could never be sold."""
    if missing := sorted({category.key for category in seat_map.categories} - prices.keys()):
        raise BadRequest(f"{where} has no price for the layout's categories {_listed(missing)}", where)


# ---------------------------------------------------------------- inside


def _line(tariff: Tariff, seat_map: SeatMap, place: int, key: str | None) -> Line:
    category = seat_map.category_of(place)
    found = tariff.by_category.get((category, key))
    if found is not None:
        return Line(place, *found)
    sold_here = [kind for kind in tariff.ticket_types if category in kind.prices]
    name = next((kind.name for kind in tariff.ticket_types if kind.key == key), None)
    if name is None:
        problem = f"there is no ticket {key!r}; this showtime has {_listed(kind.key for kind in tariff.ticket_types)}"
        raise TicketsRefused(problem, key or "", "unknown", place=place)
    room = next(known.name for known in seat_map.categories if known.key == category)
    others = ", ".join(kind.name for kind in sold_here)
    problem = f"{name} tickets are not sold in {room}: choose {others} there, or another place"
    raise TicketsRefused(problem, key or "", "category", place=place, category=category)


def _broken_rules(tariff: Tariff, lines: Sequence[Line]) -> Iterable[TicketsRefused]:
    """Every rule that these tickets break, in the order of the tariff."""
    if not tariff.has_rules:
        return
    counts = Counter(line.ticket for line in lines)
    for kind in tariff.ticket_types:
        count = counts[kind.key]
        if not count:
            continue
        if kind.at_most is not None and count > kind.at_most:
            problem = f"at most {_tickets(kind.at_most, kind)} in one booking, not {count}: choose others for the rest"
            yield TicketsRefused(problem, kind.key, "at_most", count=count, at_most=kind.at_most)
        if not kind.only_with:
            continue
        companions = sum(counts[other] for other in kind.only_with)
        names = _either([other.name for other in tariff.ticket_types if other.key in kind.only_with])
        if not companions:
            problem = f"{kind.name} tickets go only together with {names} tickets: add one"
            yield TicketsRefused(problem, kind.key, "only_with", count=count, only_with=list(kind.only_with))
        elif kind.per_companion is not None and count > kind.per_companion * companions:
            problem = (
                f"at most {_tickets(kind.per_companion, kind)} with each {names} ticket, not {count} with "
                f"{companions}: add another of those, or choose others for the rest"
            )
            facts = {"only_with": list(kind.only_with), "per_companion": kind.per_companion, "companions": companions}
            yield TicketsRefused(problem, kind.key, "per_companion", count=count, **facts)


def _check_rules(where: str, kind: TicketType, keys: list[str]) -> None:
    for name in ("at_most", "per_companion"):
        limit = getattr(kind, name)
        if limit is not None and not 1 <= limit <= MAX_TICKETS:
            raise BadRequest(f"{where}.{name} is {limit}: expected 1 to {MAX_TICKETS}, or null", f"{where}.{name}")
    if kind.per_companion is not None and not kind.only_with:
        raise BadRequest(f"{where}.per_companion needs only_with: say for each of whom", f"{where}.per_companion")
    for number, other in enumerate(kind.only_with):
        field = f"{where}.only_with[{number}]"
        if other == kind.key:
            raise BadRequest(f"{field} is the ticket type itself: name another one", field)
        if other not in keys:
            raise BadRequest(f"{field} is {other!r}; the ticket types are {_listed(keys)}", field)
        if other in kind.only_with[:number]:
            raise BadRequest(f"{field} names {other!r} a second time", field)


def _check_price(where: str, price: int) -> None:
    if not 0 <= price <= MAX_PRICE_MINOR:
        raise BadRequest(f"{where} is {price}: expected 0 to {MAX_PRICE_MINOR}", where)


def _check_text(where: str, text: str, longest: int) -> None:
    try:
        check_text(where, text, longest)
    except BadSeatMap as error:
        raise BadRequest(error.message, where) from None


def _tickets(count: int, kind: TicketType) -> str:
    return f"{count} {kind.name} {'ticket' if count == 1 else 'tickets'}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
