"""From a wish to a search: which seats may be offered, and what to give up first if there are none.

A `Wish` knows rows, depths and prices; the search knows categories, areas, weights, and seats that it must leave out.
The rules of the house, and who sits beside whom, are left to the search. `plans` yields one plan after the other, each
with less of the wish, and says in `Plan.given_up` what is missing. Nobody is offered seats above their limit, or fewer
wheelchair places than they need, so these are never given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from seatserver.catalog.showtime import Showtime
from seatserver.concierge.wishes.model import Depth, Shift, Side, Wish
from seatserver.errors import SeatServerError
from seatserver.holding.requests import PartyWish
from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.search.score import Wish as SearchWish

GIVEN_UP_FIRST = ("cheap", "side", "edge", "depth", "rows", "categories", "together")
"""What is given up if nothing is free, the first one first; each with all those before it. The ``edge`` is the very
first or last row: the rows near it come next."""


class Plan(NamedTuple):
    """One search: the party, the seats that it leaves out, and what of the wish it has given up."""

    party: PartyWish
    without: frozenset[int]
    given_up: tuple[str, ...]


class TooDear(SeatServerError):
    """No seat is sold for what the visitor wants to pay at most. ``least_minor`` is what the party would pay."""

    code, status = "too_dear", 409

    def __init__(self, least_minor: int) -> None:
        super().__init__("no seats are sold for so little", least_minor=least_minor)
        self.least_minor = least_minor


class NobodyComes(SeatServerError):
    """The wish does not say how many people come."""

    code, status = "nobody_comes", 422

    def __init__(self) -> None:
        super().__init__("people is missing: say how many people come")


def plans(wish: Wish, showtime: Showtime) -> Iterator[Plan]:
    """The searches for a wish, the one that gives up nothing first.

    In a large hall each takes milliseconds to make, so they are not made on the event loop. Raises `NobodyComes` and
    `TooDear`. That the hall or the tariff does not have what is named shows in the search.
    """
    if wish.people is None:
        raise NobodyComes
    seen: set[tuple[PartyWish, frozenset[int]]] = set()
    given_up: list[str] = []
    for name in ("", *GIVEN_UP_FIRST):
        if name:
            less = _without_wish(wish, name)
            if less == wish:
                continue
            wish = less
            given_up.append(name)
        plan = Plan(_party(wish, showtime), _left_out(wish, showtime), tuple(given_up))
        if (key := (_comparable(plan.party), plan.without)) not in seen:
            seen.add(key)
            yield plan


def _comparable(party: PartyWish) -> PartyWish:
    return msgspec.structs.replace(party, tickets=None)


def _without_wish(wish: Wish, name: str) -> Wish:
    edges = {Depth.FIRST: Depth.FRONT, Depth.LAST: Depth.BACK}
    changes: dict[str, dict[str, Any]] = {
        "edge": {"depth": edges.get(wish.depth, wish.depth) if wish.depth else None},
        "cheap": {"cheap": False},
        "side": {"side": None},
        "depth": {"depth": None, "avoid": ()},
        "rows": {"rows": ()},
        "categories": {"categories": (), "areas": ()},
        "together": {"together": False},
    }
    return msgspec.structs.replace(wish, **changes[name])


# ---------------------------------------------------------------- who, and what they pay


def tickets_of(wish: Wish, showtime: Showtime) -> dict[str, int] | None:
    """How many of each ticket type the party needs; None if all of them take the usual one."""
    special = {key: count for key, count in wish.tickets.items() if count}
    if not special:
        return None
    usual = showtime.tariff.ticket_types[0].key
    rest = (wish.people or 0) - sum(special.values())
    return {usual: rest, **special} if rest > 0 and usual not in special else special


def _party(wish: Wish, showtime: Showtime) -> PartyWish:
    assert wish.people is not None, "plans has checked it"
    keys = _categories(wish, showtime)
    search = SearchWish(
        count=wish.people,
        categories=keys,
        areas=wish.areas,
        wheelchairs=min(wish.wheelchairs, wish.people),
        split=not wish.together,
        weights=wish.weights,
    )
    return PartyWish(wish=search, tickets=tickets_of(wish, showtime))


def _categories(wish: Wish, showtime: Showtime) -> tuple[str, ...]:
    """The categories to search in; empty: all. Raises `TooDear`."""
    if wish.limit is None and not wish.cheap:
        return wish.categories
    seat_map = showtime.seat_map
    numbered = {seat.category for seat in seat_map.seats}
    keys = [one.key for one in seat_map.categories if one.key in numbered and one.key in (wish.categories or numbered)]
    costs = {key: cost for key in keys if (cost := _cost_in(key, wish, showtime)) is not None}
    if wish.limit is not None and costs:
        most = wish.limit.minor
        affordable = {
            key: cost for key, cost in costs.items() if (cost.dearest if wish.limit.each else cost.total) <= most
        }
        if not affordable:
            raise TooDear(min(cost.total for cost in costs.values()))
        costs = affordable
    if wish.cheap and costs:
        least = min(cost.total for cost in costs.values())
        costs = {key: cost for key, cost in costs.items() if cost.total == least}
    return tuple(costs) or wish.categories


class _Cost(NamedTuple):
    """What a party pays in one category: all with the fees, and its dearest ticket."""

    total: int
    dearest: int


def _cost_in(category: str, wish: Wish, showtime: Showtime) -> _Cost | None:
    """None: some of the party's tickets are not sold in this category."""
    people = wish.people or 0
    prices = showtime.tariff.by_category
    counts: dict[Any, int] = {**tickets} if (tickets := tickets_of(wish, showtime)) else {None: people}
    found = [(prices.get((category, key)), count) for key, count in counts.items()]
    if any(priced is None for priced, _ in found):
        return None
    paid = [(priced[1], count) for priced, count in found if priced is not None]
    return _Cost(
        sum(price * count for price, count in paid) + showtime.tariff.fees.of(people), max(price for price, _ in paid)
    )


# ---------------------------------------------------------------- where


def _left_out(wish: Wish, showtime: Showtime) -> frozenset[int]:
    """The seats that the wish rules out."""
    seat_map = showtime.seat_map
    left_out: set[int] = set()
    if wish.rows:
        rows_wanted = frozenset(wish.rows)
        left_out.update(index for index, seat in enumerate(seat_map.seats) if seat.row not in rows_wanted)
    if wish.side is not None:
        middle, sign = seat_map.screen.x, 1 if wish.side is Side.RIGHT else -1
        left_out.update(index for index, seat in enumerate(seat_map.seats) if (seat.x - middle) * sign < 0)
    if wish.depth is not None or wish.avoid:
        places, rows = places_in_depth(seat_map)
        for seat, place in enumerate(places):
            wrong = wish.depth is not None and not _is_in(wish.depth, place, rows)
            if wrong or any(_is_in(depth, place, rows) for depth in wish.avoid):
                left_out.add(seat)
    return frozenset(left_out)


def places_in_depth(seat_map: SeatMap) -> tuple[list[int], int]:
    """The number of every seat's row, from 0 at the screen, and how many rows there are one behind the other."""
    return seat_map.derived(_places_in_depth)


def _places_in_depth(seat_map: SeatMap) -> tuple[list[int], int]:
    line = hall_line_of(seat_map)
    rows = max(line.back, default=-1) + 1
    return [rows - 1 - line.back[run] for run in line.run_of], rows


def _is_in(depth: Depth, place: int, rows: int) -> bool:
    if depth is Depth.FIRST:
        return place == 0
    if depth is Depth.LAST:
        return place == rows - 1
    third = min(2, place * 3 // rows)
    return third == (Depth.FRONT, Depth.MIDDLE, Depth.BACK).index(depth)


def rows_beyond(seat_map: SeatMap, seats: Iterable[int], shift: Shift) -> tuple[str, ...]:
    """The names of the rows in front of these seats, or behind them."""
    places, _ = places_in_depth(seat_map)
    here = [places[seat] for seat in seats]
    if not here:
        return ()
    edge = max(here) if shift is Shift.BACKWARD else min(here)
    return tuple(
        dict.fromkeys(
            seat.row
            for seat, place in zip(seat_map.seats, places, strict=True)
            if (place > edge if shift is Shift.BACKWARD else place < edge)
        )
    )
