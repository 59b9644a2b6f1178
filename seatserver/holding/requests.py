"""The requests that `seatserver.holding.holding` takes: chosen seats and places, or a wish for the best ones.

Both come with their ticket types, are checked against the hall, and are priced by the showtime's tariff.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from seatserver.catalog.showtime import Showtime
from seatserver.errors import BadRequest, NoSeatsTogether, TicketsRefused, UnknownSeat
from seatserver.pricing.tariff import Quote
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.search.score import MAX_PARTY, Weights, Wish
from seatserver.seats.model import NO_END_MS

MOST_PLACES = 500
"""Most places in one hold; the script takes all of them in one step."""


class Buyer(msgspec.Struct, frozen=True):
    """Who buys, and through which sales channel (empty: the public).

    ``until_ms`` is when the buyer can no longer come back to a hold, as a guest whose token ends. ``network`` is the
    guest's network (`seatserver.access.networks`), empty for everybody else.
    """

    user_id: str
    channel: str = ""
    until_ms: int = NO_END_MS
    network: str = ""


class AreaTickets(msgspec.Struct, frozen=True):
    """``count`` places of the general area with this index, all of one ticket type (None: the first type)."""

    area: int
    count: int
    ticket: str | None = None


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Seats and places that a buyer has chosen. ``tickets`` are in the order of ``seats``; None: all the first type.

    ``wheelchairs`` is how many of the party come with one. With ``or_nearest``, lost seats may be replaced by others.
    """

    seats: tuple[int, ...] = ()
    areas: tuple[AreaTickets, ...] = ()
    tickets: tuple[str, ...] | None = None
    wheelchairs: int = 0
    or_nearest: bool = False

    @property
    def places(self) -> int:
        """How many seats and places are asked for."""
        return len(self.seats) + sum(wish.count for wish in self.areas)

    def check(self, seat_map: SeatMap) -> None:
        """Raise `BadRequest` or `UnknownSeat` if the selection contradicts the hall or itself."""
        if unknown := seat_map.unknown(self.seats):
            raise UnknownSeat(unknown, len(seat_map.seats))
        if len(set(self.seats)) < len(self.seats):
            raise BadRequest("seats names a seat twice", "seats")
        if self.tickets is not None and len(self.tickets) != len(self.seats):
            raise BadRequest(f"tickets has {len(self.tickets)} entries for {len(self.seats)} seats", "tickets")
        count = len(seat_map.general_areas)
        for number, wish in enumerate(self.areas):
            if not 0 <= wish.area < count:
                there = f"this layout has areas 0 to {count - 1}" if count else "this layout has numbered seats only"
                raise BadRequest(f"there is no general area {wish.area}: {there}", f"areas[{number}].area")
        if not 1 <= self.places <= MOST_PLACES:
            raise BadRequest(f"seats and areas ask for {self.places} places: expected 1 to {MOST_PLACES}", "seats")

    def priced(self, showtime: Showtime, seats: Sequence[int]) -> Quote:
        """The price with ``seats`` instead of the chosen ones; they have the same number and categories."""
        seat_map = showtime.seat_map
        if self.tickets is None and not self.areas:
            return showtime.quote([(seat, None) for seat in seats])
        left: dict[str, list[str | None]] = {}
        for seat, ticket in zip(self.seats, self.tickets or (None,) * len(self.seats), strict=True):
            left.setdefault(seat_map.category_of(seat), []).append(ticket)
        tickets = [(seat, left[seat_map.category_of(seat)].pop(0)) for seat in seats]
        free = [iter(seat_map.places_of(area)) for area in range(len(seat_map.general_areas))]
        for number, wish in enumerate(self.areas):
            places = list(islice(free[wish.area], wish.count))
            if len(places) < wish.count:
                capacity = seat_map.general_areas[wish.area].capacity
                raise BadRequest(f"general area {wish.area} has {capacity} places", f"areas[{number}].count")
            tickets += [(place, wish.ticket) for place in places]
        return showtime.quote(tickets)


class Asked(Protocol):
    """The fields of a request for seats at any door; ``count`` or ``tickets`` says how many."""

    @property
    def count(self) -> int | None: ...
    @property
    def tickets(self) -> dict[str, int] | None: ...
    @property
    def categories(self) -> tuple[str, ...]: ...
    @property
    def areas(self) -> tuple[str, ...]: ...
    @property
    def wheelchairs(self) -> int: ...
    @property
    def split(self) -> bool: ...
    @property
    def weights(self) -> Weights: ...


class PartyWish(msgspec.Struct, frozen=True, kw_only=True):
    """A `Wish` with the number of each ticket type. Without ``tickets`` all are of the first type."""

    wish: Wish
    tickets: dict[str, int] | None = None

    @classmethod
    def of(cls, asked: Asked) -> PartyWish:
        """The wish of a request. Raises `BadRequest`."""
        count, tickets, wheelchairs = asked.count, asked.tickets, asked.wheelchairs
        people = sum(tickets.values()) if tickets else count
        if people is None:
            raise BadRequest(
                "count is missing: say how many with count, or with tickets and a number for each type", "count"
            )
        if count is not None and count != people:
            raise BadRequest(f"count is {count}, but tickets add up to {people}: leave one of the two out", "count")
        if people > MAX_PARTY:
            raise BadRequest(f"tickets add up to {people}: expected at most {MAX_PARTY}", "tickets")
        if wheelchairs > people:
            raise BadRequest(f"wheelchairs is {wheelchairs} in a party of {people}", "wheelchairs")
        wish = Wish(
            count=people,
            categories=asked.categories,
            areas=asked.areas,
            wheelchairs=wheelchairs,
            split=asked.split,
            weights=asked.weights,
        )
        return cls(wish=wish, tickets=tickets)

    def wish_in(self, showtime: Showtime) -> Wish:
        """The wish, limited to the categories in which all its ticket types are sold.

        Raises `BadRequest` for a category or area that the hall does not have or whose places have no numbers, and
        `TicketsRefused`.
        """
        seat_map, wish = showtime.seat_map, self.wish
        keys = [category.key for category in seat_map.categories]
        areas = sorted({seat.area for seat in seat_map.seats} - {""})
        _check_names("categories", wish.categories, keys)
        _check_names("areas", wish.areas, areas)
        if not self.tickets:
            return _numbered(wish, seat_map)
        known = {kind.key: kind for kind in showtime.tariff.ticket_types}
        for key in self.tickets:
            if key not in known:
                raise TicketsRefused(
                    f"there is no ticket {key!r}; this showtime has {', '.join(map(repr, known))}", key, "unknown"
                )
        sold = [key for key in wish.categories or keys if all(key in known[kind].prices for kind in self.tickets)]
        if not sold:
            names = ", ".join(known[key].name for key in self.tickets)
            raise TicketsRefused(
                f"no category sells all of these tickets: {names}", next(iter(self.tickets)), "category"
            )
        if len(sold) < len(keys):
            wish = msgspec.structs.replace(wish, categories=tuple(sold))
        return _numbered(wish, seat_map)

    def priced(self, showtime: Showtime, seats: Sequence[int]) -> Quote:
        """What these seats cost this party."""
        kinds: list[str | None] = [key for key, count in (self.tickets or {}).items() for _ in range(count)]
        return showtime.quote(list(zip(seats, kinds or (None,) * len(seats), strict=True)))


def nothing_together(wish: Wish, seat_map: SeatMap) -> NoSeatsTogether:
    """The error for a search that found nothing; it says if that number of seats can never be had there."""
    sizes = {
        len(seat_map.group_of.get(index, (index,)))
        for index, seat in enumerate(seat_map.seats)
        if seat.category in (wish.categories or (seat.category,)) and seat.area in (wish.areas or (seat.area,))
    }
    size = sizes.pop() if len(sizes) == 1 else 1
    return NoSeatsTogether(wish.count, size if wish.count % size else None)


def _numbered(wish: Wish, seat_map: SeatMap) -> Wish:
    """The wish; raises `BadRequest` if it asks only for general areas, which have no seats to choose from."""
    if wish.categories and not any(seat.category in wish.categories for seat in seat_map.seats):
        names = ", ".join(category.name for category in seat_map.categories if category.key in wish.categories)
        raise BadRequest(f"the places of {names} have no numbers: use areas with a count instead", "categories")
    return wish


def _check_names(where: str, asked: Iterable[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            there = f"this layout has {', '.join(map(repr, known))}" if known else "this layout has none"
            raise BadRequest(f"{where} names {name[:80]!r}; {there}", where)
