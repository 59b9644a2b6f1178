"""Groups, wheelchair places and companion seats: what is sold only together, and who comes first.

* The seats of a **group** (the halves of a sofa) are sold only together.
* A **wheelchair place** is sold to parties that say that they need it: no selection has more of them than it says.
* A **companion seat** belongs to the wheelchair places beside it: those in the same unbroken series of such places and
  seats. Without one there it belongs to the nearest wheelchair place of its row, and in a row without any it is an
  ordinary seat. It is sold only together with such a place, and at most ``companions_per_wheelchair`` for each::

      A:  [W][c][c] 4  5  6  7  8 [c][W][W][c]      W wheelchair place   c companion seat
      B:   1  2  3  4  5  6 [c] 8  9 10 11 12       B7 is ordinary: no wheelchair place in its row

Both kinds are **released** some minutes before the show; from then on they are ordinary seats. None of this depends on
what is sold, so it needs no second check inside the atomic hold.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import msgspec

from seatserver.errors import Refusal
from seatserver.seatmaps.layout.hall_line import KEPT, hall_line_of
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.model import Rules


class SeatClass(NamedTuple):
    """What a seat is to a buyer: seats of one class are as good as each other."""

    category: str
    kind: SeatKind
    grouped: bool


class Kinds(msgspec.Struct, frozen=True):
    """The wheelchair places and companion seats of a map, and the class of every seat.

    ``companions`` maps a companion seat to the wheelchair places it belongs to; those that count as ordinary seats are
    absent. ``special`` has both kinds. ``kept`` are hall lines (`HallLine`) with KEPT at every place that is not for
    everybody, by what is released: ``kept[companions released][wheelchair places released]``. ``class_at`` is the
    number in ``classes`` for every spot of the line, -1 where there is no seat.
    """

    wheelchairs: frozenset[int]
    companions: dict[int, tuple[int, ...]]
    special: frozenset[int]
    kept: tuple[tuple[bytes, bytes], tuple[bytes, bytes]]
    class_at: tuple[int, ...]
    classes: tuple[SeatClass, ...]


class Released(NamedTuple):
    """Which kinds of places are ordinary seats by now."""

    companions: bool
    wheelchairs: bool


def released(rules: Rules, minutes_left: float | None) -> Released:
    """What is released ``minutes_left`` before the show; None: the show is far away."""
    return Released(
        _is_released(rules.companions_free_min, minutes_left), _is_released(rules.wheelchairs_free_min, minutes_left)
    )


def _is_released(free_min: int | None, minutes_left: float | None) -> bool:
    return free_min is not None and minutes_left is not None and minutes_left <= free_min


def usable_seats(seat_map: SeatMap, rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None) -> bytes:
    """One byte per seat: 1 if its kind allows a party with so many wheelchairs, whether it is taken or not.

    A party with a wheelchair may use companion seats; that these go only with their wheelchair place is not said here.
    """
    usable = bytearray(b"\1" * len(seat_map.seats))
    if not wheelchairs:
        kinds, now = kinds_of(seat_map), released(rules, minutes_left)
        for seat in kinds.special:
            usable[seat] = now.wheelchairs if seat in kinds.wheelchairs else now.companions
    return bytes(usable)


def kept_line(seat_map: SeatMap, rules: Rules, minutes_left: float | None) -> bytes:
    """The hall's line (`HallLine.edges`) with KEPT at every place that is not for everybody yet."""
    now = released(rules, minutes_left)
    return kinds_of(seat_map).kept[now.companions][now.wheelchairs]


def classes_for(
    seat_map: SeatMap, rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None
) -> list[SeatClass]:
    """`Kinds.classes` as a party sees them: without a wheelchair, released places are standard seats."""
    now = released(rules, minutes_left)
    ordinary = {
        kind
        for kind, is_released in ((SeatKind.WHEELCHAIR, now.wheelchairs), (SeatKind.COMPANION, now.companions))
        if is_released and not wheelchairs
    }
    return [one._replace(kind=SeatKind.STANDARD) if one.kind in ordinary else one for one in kinds_of(seat_map).classes]


def refused_kinds(
    seat_map: SeatMap, seats: Iterable[int], rules: Rules, *, wheelchairs: int = 0, minutes_left: float | None = None
) -> dict[int, Refusal]:
    """Every seat of a selection that may not be sold like this, and why: "group", "wheelchair" or "companion".

    Of too many wheelchair places the last ones named are refused; of too many companion seats the farthest ones.
    """
    refused: dict[int, Refusal] = {}
    chosen = list(dict.fromkeys(seats))
    kinds = kinds_of(seat_map)
    if not kinds.special.isdisjoint(chosen):
        now = released(rules, minutes_left)
        if not now.companions:
            refused.update(dict.fromkeys(_surplus_companions(seat_map, kinds, chosen, rules), "companion"))
        if not now.wheelchairs:
            places = [seat for seat in chosen if seat in kinds.wheelchairs]
            refused.update(dict.fromkeys(places[wheelchairs:], "wheelchair"))
    if seat_map.groups:
        refused.update(dict.fromkeys(seat_map.torn_groups(chosen), "group"))
    return refused


def _surplus_companions(seat_map: SeatMap, kinds: Kinds, chosen: list[int], rules: Rules) -> list[int]:
    """The companion seats of a selection beyond what its wheelchair places allow."""
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
    """The kinds of a map's seats, found once."""
    return seat_map.derived(_find_kinds)


def _find_kinds(seat_map: SeatMap) -> Kinds:
    seats, hall = seat_map.seats, hall_line_of(seat_map)
    wheelchairs = frozenset(index for index, seat in enumerate(seats) if seat.kind is SeatKind.WHEELCHAIR)
    companions = _companions(seat_map)
    kept = [[bytearray(hall.edges) for _ in range(2)] for _ in range(2)]
    for companions_released in (False, True):
        for wheelchairs_released in (False, True):
            line = kept[companions_released][wheelchairs_released]
            for place in () if companions_released else companions:
                line[hall.spot_of[place]] = KEPT
            for place in () if wheelchairs_released else wheelchairs:
                line[hall.spot_of[place]] = KEPT
    classes: dict[SeatClass, int] = {}
    class_at = [-1] * len(hall.seat_at)
    for index, seat in enumerate(seats):
        ordinary = seat.kind is SeatKind.COMPANION and index not in companions
        seat_class = SeatClass(seat.category, SeatKind.STANDARD if ordinary else seat.kind, index in seat_map.group_of)
        class_at[hall.spot_of[index]] = classes.setdefault(seat_class, len(classes))
    (neither, only_wheelchairs), (only_companions, both) = kept
    return Kinds(
        wheelchairs=wheelchairs,
        companions=companions,
        special=wheelchairs.union(companions),
        kept=((bytes(neither), bytes(only_wheelchairs)), (bytes(only_companions), bytes(both))),
        class_at=tuple(class_at),
        classes=tuple(classes),
    )


def _companions(seat_map: SeatMap) -> dict[int, tuple[int, ...]]:
    seats = seat_map.seats
    stretches = [
        (row, list(stretch))
        for run, row in zip(*rows_of(seat_map), strict=True)
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
    """Finds the nearest of some places of one row by bisection."""

    def __init__(self, seat_map: SeatMap, places: Iterable[int]) -> None:
        self._seat_map = seat_map
        seats = [seat_map.seats[place] for place in places]
        wide = max(seat.x for seat in seats) - min(seat.x for seat in seats)
        deep = max(seat.y for seat in seats) - min(seat.y for seat in seats)
        self._along = attrgetter("x" if wide >= deep else "y")
        self._places = sorted(places, key=lambda place: (self._along(seat_map.seats[place]), place))
        self._at = [self._along(seat_map.seats[place]) for place in self._places]

    def to(self, seat: int) -> int:
        """The nearest place along the row; of equals the first."""
        at = bisect_left(self._at, self._along(self._seat_map.seats[seat]))
        beside = self._places[max(0, at - 1) : at + 1]
        return min(beside, key=lambda place: (_distance(self._seat_map, seat, [place]), place))
