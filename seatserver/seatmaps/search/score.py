"""How good seats are for a party: one number with its reasons, stated here and nowhere else.

The **cost** of an offer is in seat pitches per person; less is better. It is the sum of what `Offer.breakdown` names:

=========  ==========================================================================================================
distance   how far people sit from the hall's focal point, where one sees best; mean, × ``weights.distance``
centre     how far they sit sideways from the hall's middle line; mean, × ``weights.centre``
row        how many pitches their rows are before or behind the focal point; mean, × ``weights.row``
aisle      how many seats they have to pass to the nearer end of their run; mean, × ``weights.aisle``
parts      `PART` pitches for every part beyond the first, × ``weights.together``; `FORBIDDEN` as well if the parts
           are not all chained (`neighbours`)
spread     how far people outside the party's main part sit from its middle; mean over everybody,
           × ``weights.together``
alone      `ALONE` pitches for everybody who would sit alone, × ``weights.together``
gaps       `STRANDED` pitches for every stranded seat under the gap rule's mode "warn", × ``weights.gaps``; `FORBIDDEN`
           under "enforce", which allows it only if there is no other way
kinds      `FORBIDDEN` pitches for everybody on a wheelchair place or companion seat who does not need it; in a
           party with a wheelchair, `BESIDE` pitches for everybody on an ordinary seat if the hall has companion
           seats, which come first; mean
=========  ==========================================================================================================

A part is a series of neighbours. The **main part** is the largest; of a party with wheelchairs it is the one with the
most of these, then the largest; of equals it is the one that makes the least spread. A person who is a part of their
own, in a party of several, sits **alone**; if the parts are not chained, everybody does.

Offers are ranked by `Offer.order`: one part before several, then fewer people alone, then the cost. So a party that
fits in one run sits in one run, and nobody sits alone while there is another way, whatever the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.accessibility import kinds_of
from seatserver.seatmaps.rules.gaps import parts_of, stranded_by
from seatserver.seatmaps.rules.model import Rules
from seatserver.seatmaps.search.neighbours import Neighbours, Span, are_chained, neighbours_of

FOCAL_DEPTH = 2 / 3
PART = 5.0
ALONE = 5.0
STRANDED = 2.0
BESIDE = 20.0
FORBIDDEN = 10_000.0
"""Pitches for what is done only if there is no other way: more than any hall is wide."""
REMEMBERED = 8
"""How many different weights a map remembers the costs of its seats for."""
MAX_PARTY = 50

Weight = Annotated[float, Meta(ge=0, le=10)]
"""How much a component of the cost counts; the table at the top of this module defines the components."""
Breakdown = Annotated[
    dict[str, float],
    Meta(
        description="What the cost consists of: `distance`, `centre`, `row` and `aisle` as weighted; `parts`, `spread` "
        "and `alone` for a party that does not sit side by side; `gaps` for seats left over; `kinds` for seats "
        "that are meant for others; `displacement` for how far the seats are from those that they replace."
    ),
]


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much each component of the cost counts, from 0 to 10."""

    distance: Annotated[Weight, Meta(description="How far people sit from the best spot of the hall.")] = 1.0
    centre: Annotated[Weight, Meta(description="How far they sit from the middle of the hall, sideways.")] = 0.5
    row: Annotated[Weight, Meta(description="How far their rows are in front of or behind the best spot.")] = 0.0
    aisle: Annotated[Weight, Meta(description="How many seats they pass on the way to an aisle.")] = 0.0
    together: Annotated[Weight, Meta(description="That a party sits in several parts, far apart, or alone.")] = 2.0
    gaps: Annotated[Weight, Meta(description="Gaps that are left over, if the rules count them.")] = 1.0


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a party asks for.

    ``count`` people, ``wheelchairs`` of them in a wheelchair (they get exactly so many wheelchair places). Seats of
    any of the ``categories`` (keys) and of any of the ``areas`` (`Seat.area`); empty: all. With ``split`` the party
    agrees to sit in several parts if it cannot sit in one.
    """

    count: Annotated[int, Meta(ge=1, le=MAX_PARTY)]
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    wheelchairs: Annotated[int, Meta(ge=0, le=MAX_PARTY)] = 0
    split: bool = True
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        if self.wheelchairs > self.count:
            raise ValueError(f"expected at most {self.count} wheelchairs in a party of {self.count}")


class Offer(msgspec.Struct, frozen=True):
    """Seats for a party, and how good they are.

    ``parts`` are its series of neighbours, front row first, each from left to right; ``seats`` are all of them in that
    order. ``cost`` is the sum of ``breakdown``, whose parts the table at the top of this module defines. ``alone``: how
    many people would sit alone. ``stranded``: the seats that the offer would newly strand, where the gap rule is on.
    """

    seats: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    cost: float
    breakdown: dict[str, float]
    alone: int
    stranded: tuple[int, ...]

    @property
    def order(self) -> tuple[bool, int, float]:
        """What offers are ranked by; the smallest is the best."""
        return len(self.parts) > 1, self.alone, self.cost


class Field(NamedTuple):
    """What each seat costs one person, by spot of the hall's line; ``sums[i]`` is the sum of ``costs[:i]``.

    From one seat to another the cost falls by at most ``slope`` for each pitch between them, and at a point it is at
    least ``floor(x, y)``. Both leave out what can only add to it (aisles, kinds).
    """

    costs: list[float]
    sums: list[float]
    slope: float
    floor: Callable[[float, float], float]


def focal_point(seat_map: SeatMap) -> tuple[float, float]:
    """Where one sees best: before the middle of the screen, two thirds of the way from the front row to the back.

    In a hall without numbered seats it is the screen.
    """
    depths = [seat.y for seat in seat_map.seats] or [seat_map.screen.y]
    return seat_map.screen.x, min(depths) + FOCAL_DEPTH * (max(depths) - min(depths))


class _Tables:
    """The measures of a map's spots, which depend on neither weights nor states, and the fields made of them lately."""

    def __init__(self, seat_map: SeatMap) -> None:
        hall, kinds, around = hall_line_of(seat_map), kinds_of(seat_map), neighbours_of(seat_map)
        self.focal = x, y = focal_point(seat_map)
        spots = len(hall.seat_at)
        self.distance, self.centre, self.row, self.aisle = ([0.0] * spots for _ in range(4))
        for first, end in hall.spans:
            for spot in range(first, end):
                dx, dy = around.xs[spot] - x, around.ys[spot] - y
                self.distance[spot], self.centre[spot], self.row[spot] = math.hypot(dx, dy), abs(dx), abs(dy)
                self.aisle[spot] = min(spot - first, end - 1 - spot)
        self.special = [seat in kinds.special for seat in hall.seat_at]
        self.has_companions = len(kinds.special) > len(kinds.wheelchairs)
        self.fields: dict[tuple[Weights, bool], Field] = {}


def field_of(seat_map: SeatMap, weights: Weights, *, accessible: bool) -> Field:
    """The cost of every seat for one person of a party, with a wheelchair among them (``accessible``) or without."""
    tables = seat_map.derived(_Tables)
    key = weights, accessible
    field = tables.fields.get(key)
    if field is None:
        field = _make_field(tables, weights, accessible=accessible)
        # A new dict: another thread may be reading the old one.
        latest = list(tables.fields.items())[1 - REMEMBERED :]
        tables.fields = dict([*latest, (key, field)])
    return field


def _make_field(tables: _Tables, weights: Weights, *, accessible: bool) -> Field:
    near, centre, row, aisle = weights.distance, weights.centre, weights.row, weights.aisle
    extra = _extras(tables, accessible=accessible)
    costs = [
        near * d + centre * c + row * r + aisle * a + extra[special]
        for d, c, r, a, special in zip(
            tables.distance, tables.centre, tables.row, tables.aisle, tables.special, strict=True
        )
    ]
    focal_x, focal_y = tables.focal

    def floor(x: float, y: float) -> float:
        dx, dy = abs(x - focal_x), abs(y - focal_y)
        return near * math.hypot(dx, dy) + centre * dx + row * dy

    return Field(costs, list(accumulate(costs, initial=0.0)), near + math.hypot(centre, row), floor)


def _extras(tables: _Tables, *, accessible: bool) -> tuple[float, float]:
    """What one person on an ordinary seat, and on a wheelchair or companion place, pays for its kind."""
    if accessible:
        return (BESIDE if tables.has_companions else 0.0), 0.0
    return 0.0, FORBIDDEN


def cost_of(
    seat_map: SeatMap,
    seats: Sequence[int],
    wish: Wish,
    *,
    states: bytes | None = None,
    rules: Rules | None = None,
    minutes_left: float | None = None,
) -> Offer:
    """Any set of numbered seats as an offer for ``wish``; whether they are free does not matter.

    Stranded seats are counted if ``states`` (one byte per place) and ``rules`` are given. Raises `ValueError` without
    any seats.
    """
    if not seats:
        raise ValueError("expected at least one seat")
    tables, hall, around = seat_map.derived(_Tables), hall_line_of(seat_map), neighbours_of(seat_map)
    weights, count = wish.weights, len(set(seats))
    spans = [(first, last + 1) for first, last in parts_of(hall.spot_of[seat] for seat in set(seats))]
    spans.sort(key=lambda part: (around.ys[part[0]], around.xs[part[0]]))
    spots = [spot for part in spans for spot in range(*part)]
    stranded: tuple[int, ...] = ()
    if states is not None and rules is not None and rules.gap.mode != "off":
        stranded = stranded_by(seat_map, states, seats, rules, minutes_left=minutes_left).stranded
    wheels = {part: _wheelchairs(seat_map, part) if wish.wheelchairs else 0 for part in spans}
    chained = are_chained(spans, around, also=[part for part in spans if wheels[part]])
    alone = 0 if len(spans) == 1 else sum(end - first == 1 for first, end in spans) if chained else count
    extra = _extras(tables, accessible=wish.wheelchairs > 0)
    breakdown = {
        "distance": weights.distance * sum(tables.distance[spot] for spot in spots) / count,
        "centre": weights.centre * sum(tables.centre[spot] for spot in spots) / count,
        "row": weights.row * sum(tables.row[spot] for spot in spots) / count,
        "aisle": weights.aisle * sum(tables.aisle[spot] for spot in spots) / count,
        "parts": weights.together * PART * (len(spans) - 1) + (0.0 if chained else FORBIDDEN),
        "spread": weights.together * _spread(spans, wheels, around) / count,
        "alone": weights.together * ALONE * alone,
        "gaps": price_of_gap(weights, rules or Rules()) * len(stranded),
        "kinds": sum(extra[tables.special[spot]] for spot in spots) / count,
    }
    parts = tuple(hall.seat_at[first:end] for first, end in spans)
    return Offer(
        seats=tuple(hall.seat_at[spot] for spot in spots),
        parts=parts,
        cost=sum(breakdown.values()),
        breakdown=breakdown,
        alone=alone,
        stranded=stranded,
    )


def price_of_gap(weights: Weights, rules: Rules) -> float:
    """What one stranded seat costs, in pitches per person."""
    return {"off": 0.0, "warn": weights.gaps * STRANDED, "enforce": FORBIDDEN}[rules.gap.mode]


def spread_around(hub: tuple[float, float], spots: range, around: Neighbours) -> float:
    """The sum of the distances from a point to these spots."""
    x, y = hub
    return sum(math.hypot(around.xs[spot] - x, around.ys[spot] - y) for spot in spots)


def _spread(spans: Sequence[Span], wheels: dict[Span, int], around: Neighbours) -> float:
    if len(spans) < 2:
        return 0.0
    rank = {part: (wheels[part], part[1] - part[0]) for part in spans}
    most = max(rank.values())
    return min(
        sum(spread_around(around.middle(main), range(*part), around) for part in spans if part != main)
        for main in spans
        if rank[main] == most
    )


def _wheelchairs(seat_map: SeatMap, part: Span) -> int:
    seat_at = hall_line_of(seat_map).seat_at
    return sum(seat_map.seats[seat_at[spot]].kind is SeatKind.WHEELCHAIR for spot in range(*part))
