"""What goes only together, and who comes first: groups, wheelchair places and their companion seats.

* The seats of a **group** (the halves of a sofa) are sold only together.
* A **wheelchair place** goes to parties that say that they need it: no selection has more of them than it says.
* A **companion seat** belongs to the wheelchair places of its own stretch, that is of the unbroken run of wheelchair
  and companion places in which it stands. Without one there, it belongs to the nearest wheelchair place of its row;
  in a row without any it is an ordinary seat. It goes only with such a place in the same selection, and for every
  such place at most ``companions_per_wheelchair`` of them do::

      A:  [W][c][c] 4  5  6  7  8 [c][W][W][c]      W wheelchair place   c companion seat
      B:   1  2  3  4  5  6 [c] 8  9 10 11 12       B7 is ordinary: no wheelchair place in its row

Both are **freed** so many minutes before the show: then they are ordinary seats for everybody. None of this depends on
what is sold, so it needs no second look inside the atomic hold. This module is pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from seatserver.seatmaps.lines import KEPT, lines_of
from seatserver.seatmaps.model import SeatKind, SeatMap

if TYPE_CHECKING:
    from seatserver.errors import Refusal
    from seatserver.seatmaps.rules import Rules


class Look(NamedTuple):
    """What a seat is: seats of one look are as good as each other to people who asked for it."""

    category: str
    kind: SeatKind
    grouped: bool


class Kinds(msgspec.Struct, frozen=True):
    """A map's places that are no ordinary ones: what `kinds_of` makes of it once.

    ``companions`` maps a companion seat to the wheelchair places that it belongs to, without those that count as
    ordinary; ``special`` are both. ``kept`` are
    the lines of the hall (`lines.Lines`) with KEPT at every place that is not for everybody, by whether companion seats
    are freed and whether wheelchair places are: ``kept[companions_freed][wheelchairs_freed]``. ``alike`` says for every
    spot of the line which of ``looks`` the seat has, -1 where there is no seat.
    """

    wheelchairs: frozenset[int]
    companions: dict[int, tuple[int, ...]]
    special: frozenset[int]
    kept: tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
    alike: tuple[int, ...]
    looks: tuple[Look, ...]


class Freed(msgspec.Struct, frozen=True):
    """Which kinds of places are ordinary seats by now."""

    companions: bool
    wheelchairs: bool


def freed(rules: Rules, minutes_left: float | None) -> Freed:
    """What is freed ``minutes_left`` before the show; None: the show is far away."""
    return Freed(
        _is_freed(rules.companions_free_min, minutes_left), _is_freed(rules.wheelchairs_free_min, minutes_left)
    )


def _is_freed(free_min: int | None, minutes_left: float | None) -> bool:
    return free_min is not None and minutes_left is not None and minutes_left <= free_min


def usable_seats(seat_map: SeatMap, rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None) -> bytes:
    """One byte per seat: 1 where a party with so many wheelchairs may sit by the seat's kind, whatever is taken.

    A companion seat has 1 for a party with a wheelchair; that it goes only with its wheelchair place is not said here.
    """
    usable = bytearray(b"\1" * len(seat_map.seats))
    if not wheelchairs:
        kinds, now = kinds_of(seat_map), freed(rules, minutes_left)
        for seat in kinds.special:
            usable[seat] = now.wheelchairs if seat in kinds.wheelchairs else now.companions
    return bytes(usable)


def kept_line(seat_map: SeatMap, rules: Rules, minutes_left: float | None) -> bytes:
    """The hall's line (`lines.Lines.edges`) with KEPT at every place that is not for everybody yet."""
    now = freed(rules, minutes_left)
    return kinds_of(seat_map).kept[now.companions][now.wheelchairs]


def looks_to(seat_map: SeatMap, rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None) -> list[Look]:
    """`Kinds.looks` as they are to a party: to one without a wheelchair, places that are freed are seats like any."""
    now = freed(rules, minutes_left)
    ordinary = {
        kind
        for kind, is_freed in ((SeatKind.WHEELCHAIR, now.wheelchairs), (SeatKind.COMPANION, now.companions))
        if is_freed and not wheelchairs
    }
    return [
        look._replace(kind=SeatKind.STANDARD) if look.kind in ordinary else look for look in kinds_of(seat_map).looks
    ]


def refused_kinds(
    seat_map: SeatMap, seats: Iterable[int], rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None
) -> dict[int, Refusal]:
    """Every seat of a selection that must not go this way, and why: "group", "wheelchair" or "companion".

    Of too many wheelchair places those named last are refused; of too many companion seats the farthest.
    """
    refused: dict[int, Refusal] = {}
    chosen = list(dict.fromkeys(seats))
    kinds = kinds_of(seat_map)
    if not kinds.special.isdisjoint(chosen):
        now = freed(rules, minutes_left)
        if not now.companions:
            refused.update(dict.fromkeys(_surplus_companions(seat_map, kinds, chosen, rules), "companion"))
        if not now.wheelchairs:
            places = [seat for seat in chosen if seat in kinds.wheelchairs]
            refused.update(dict.fromkeys(places[wheelchairs:], "wheelchair"))
    if seat_map.groups:
        refused.update(dict.fromkeys(seat_map.torn_groups(chosen), "group"))
    return refused


def _surplus_companions(seat_map: SeatMap, kinds: Kinds, chosen: list[int], rules: Rules) -> list[int]:
    """The companion seats of a selection beyond what its wheelchair places allow, stretch by stretch."""
    asked: dict[tuple[int, ...], list[int]] = {}
    for seat in chosen:
        if seat in kinds.companions:
            asked.setdefault(kinds.companions[seat], []).append(seat)
    surplus: list[int] = []
    for places, companions in asked.items():
        taken = [place for place in places if place in chosen]
        nearest_first = sorted(companions, key=lambda seat: (_distance(seat_map, seat, taken), seat))
        surplus += nearest_first[len(taken) * rules.companions_per_wheelchair :]
    return surplus


def _distance(seat_map: SeatMap, seat: int, others: Iterable[int]) -> float:
    """From a seat to the nearest of ``others``, in pitches."""
    here = seat_map.seats[seat]
    return min(
        (math.hypot(seat_map.seats[other].x - here.x, seat_map.seats[other].y - here.y) for other in others),
        default=math.inf,
    )


def kinds_of(seat_map: SeatMap) -> Kinds:
    """The map's places that are no ordinary ones, found once."""
    return seat_map.derived(_find_kinds)


def _find_kinds(seat_map: SeatMap) -> Kinds:
    seats, lines = seat_map.seats, lines_of(seat_map)
    wheelchairs = frozenset(index for index, seat in enumerate(seats) if seat.kind is SeatKind.WHEELCHAIR)
    companions = _companions(seat_map)
    kept = [[bytearray(lines.edges) for _ in range(2)] for _ in range(2)]
    for companions_freed in (False, True):
        for wheelchairs_freed in (False, True):
            line = kept[companions_freed][wheelchairs_freed]
            for place in () if companions_freed else companions:
                line[lines.spot_of[place]] = KEPT
            for place in () if wheelchairs_freed else wheelchairs:
                line[lines.spot_of[place]] = KEPT
    looks: dict[Look, int] = {}
    alike = [-1] * len(lines.seat_at)
    for index, seat in enumerate(seats):
        ordinary = seat.kind is SeatKind.COMPANION and index not in companions
        look = Look(seat.category, SeatKind.STANDARD if ordinary else seat.kind, index in seat_map.group_of)
        alike[lines.spot_of[index]] = looks.setdefault(look, len(looks))
    (neither, only_wheelchairs), (only_companions, both) = kept
    return Kinds(
        wheelchairs=wheelchairs,
        companions=companions,
        special=wheelchairs.union(companions),
        kept=((bytes(neither), bytes(only_wheelchairs)), (bytes(only_companions), bytes(both))),
        alike=tuple(alike),
        looks=tuple(looks),
    )


def _companions(seat_map: SeatMap) -> dict[int, tuple[int, ...]]:
    seats = seat_map.seats
    stretches = [
        (row, list(stretch))
        for row, run in zip(seat_map.floor.row_of_run, seat_map.runs, strict=True)
        for special, stretch in groupby(run, key=lambda seat: seats[seat].kind in ("wheelchair", "companion"))
        if special
    ]
    # Row → each of its wheelchair places → all those of its stretch.
    rows: dict[int, dict[int, tuple[int, ...]]] = {}
    for row, stretch in stretches:
        places = tuple(seat for seat in stretch if seats[seat].kind is SeatKind.WHEELCHAIR)
        rows.setdefault(row, {}).update(dict.fromkeys(places, places))
    found: dict[int, tuple[int, ...]] = {}
    nearest_in = {row: _Nearest(seat_map, places) for row, places in rows.items() if places}
    for row, stretch in stretches:
        own = [seat for seat in stretch if seat in rows[row]]
        for seat in stretch:
            if row in nearest_in and seats[seat].kind is SeatKind.COMPANION:
                found[seat] = rows[row][own[0] if own else nearest_in[row].to(seat)]
    return found


class _Nearest:
    """Finds the nearest of some places of one row without looking at all of them."""

    def __init__(self, seat_map: SeatMap, places: Iterable[int]) -> None:
        self._seat_map = seat_map
        seats = [seat_map.seats[place] for place in places]
        wide = max(seat.x for seat in seats) - min(seat.x for seat in seats)
        deep = max(seat.y for seat in seats) - min(seat.y for seat in seats)
        self._along = attrgetter("x" if wide >= deep else "y")
        self._places = sorted(places, key=lambda place: (self._along(seat_map.seats[place]), place))
        self._at = [self._along(seat_map.seats[place]) for place in self._places]

    def to(self, seat: int) -> int:
        """The nearest along the row; of equals the first."""
        at = bisect_left(self._at, self._along(self._seat_map.seats[seat]))
        beside = self._places[max(0, at - 1) : at + 1]
        return min(beside, key=lambda place: (_distance(self._seat_map, seat, [place]), place))
