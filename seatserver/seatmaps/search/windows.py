"""Which neighbours a party could have: all windows of free seats of a hall, found with whole-hall operations.

A **window** is a `Span` of neighbouring spots of the hall's line (`HallLine`). A mask has one byte per spot: 1 where
something holds. As one large integer, little end first, a mask moves by a spot with one shift and is combined with
another one by one ``&``. So finding out where ``size`` free neighbours begin takes a handful of operations for the
whole hall, however its seats are taken. `FreeMask` makes its masks once per request, from those that the map keeps.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import compress
from operator import itemgetter, sub

from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.model import FREE
from seatserver.seatmaps.search.neighbours import Span

IS_FREE = bytes(state == FREE for state in range(256))
"""Translates states to a mask."""


class _Masks:
    """What a map's masks are made of, by seat. Only ``cuts``, where a window may begin or end, is by spot."""

    def __init__(self, seat_map: SeatMap) -> None:
        hall, seats = hall_line_of(seat_map), seat_map.seats
        self.to_line = itemgetter(*hall.seat_at)
        self.cuts = as_number(bytes(not joined for joined in hall.joined))
        self.categories = {key: as_number(bytes(seat.category == key for seat in seats)) for key in _keys(seat_map)}
        self.areas = {
            area: as_number(bytes(seat.area == area for seat in seats)) for area in {seat.area for seat in seats}
        }


def _keys(seat_map: SeatMap) -> list[str]:
    return [category.key for category in seat_map.categories]


class Quota:
    """A selection has exactly ``most[kind]`` seats of each kind; ``kinds`` has the kind of each spot as one byte."""

    def __init__(self, kinds: bytes, most: Sequence[int]) -> None:
        self._kinds, self._most = kinds, tuple(enumerate(most))

    def allows(self, parts: Collection[Span]) -> bool:
        """Whether these parts have too many of no kind. If they seat the whole party, they have just enough of each."""
        count = self._kinds.count
        return all([sum([count(kind, first, end) for first, end in parts]) <= most for kind, most in self._most])


class FreeMask:
    """The seats that may be offered in a room: ``free`` is their mask, by spot.

    No window tears a group of neighbours. With the masks ``begins`` and ``ends``, windows begin only at spots of the
    first and end only before spots of the second.
    """

    def __init__(self, seat_map: SeatMap, free: bytes, *, begins: bytes = b"", ends: bytes = b"") -> None:
        self.seat_map, self.free = seat_map, free
        self._begins, self._ends = begins, ends
        cuts = seat_map.derived(_Masks).cuts
        self._first = cuts & as_number(begins) if begins else cuts
        self._behind = cuts & as_number(ends) if ends else cuts
        self._whole = as_number(free)
        # _grown[size - 1] has a 1 wherever `size` free neighbours begin.
        self._grown = [self._whole]
        self._starts: dict[int, bytes] = {}

    def starts(self, size: int) -> bytes:
        """The mask of the spots where a window of ``size`` begins."""
        if size not in self._starts:
            while len(self._grown) < size:
                self._grown.append(self._grown[-1] & (self._whole >> 8 * len(self._grown)))
            number = self._grown[size - 1] & self._first & (self._behind >> 8 * size)
            self._starts[size] = number.to_bytes(len(self.free), "little")
        return self._starts[size]

    def windows(
        self, size: int, sums: Sequence[float], *, below: float = math.inf, holding: bytes = b""
    ) -> list[tuple[float, int]]:
        """Cost and first spot of every window of ``size`` that costs less than ``below``; ``sums`` as in `Field`.

        With the mask ``holding``, only windows that hold at least one of its spots.
        """
        starts = self.starts(size)
        if holding:
            held, reach = as_number(holding), 1
            while reach < size:
                step = min(reach, size - reach)
                held |= held >> 8 * step
                reach += step
            starts = (as_number(starts) & held).to_bytes(len(starts), "little")
        costs = compress(map(sub, sums[size:], sums), starts)
        firsts = compress(range(len(starts)), starts)
        if below == math.inf:
            return list(zip(costs, firsts, strict=False))
        return [(cost, first) for cost, first in zip(costs, firsts, strict=False) if cost < below]

    def stretch(self, spot: int) -> Span:
        """All free neighbours around a free ``spot``."""
        return self.free.rfind(0, 0, spot) + 1, self.free.find(0, spot)

    def stretches(self, low: int, high: int) -> Iterator[Span]:
        """The stretches that touch the spots from ``low`` up to ``high``."""
        spot = self.free.find(1, low, high)
        while spot >= 0:
            first, end = self.stretch(spot)
            yield first, end
            spot = self.free.find(1, end, high)

    def without(self, parts: Collection[Span]) -> FreeMask:
        """The same mask without these parts."""
        free = bytearray(self.free)
        for first, end in parts:
            free[first:end] = bytes(end - first)
        return FreeMask(self.seat_map, bytes(free), begins=self._begins, ends=self._ends)

    def with_edges(self, begins: bytes, ends: bytes) -> FreeMask:
        """The same mask with windows that begin and end only there."""
        return FreeMask(self.seat_map, self.free, begins=begins, ends=ends)


def mask_of(
    seat_map: SeatMap,
    states: bytes,
    usable: bytes,
    *,
    categories: Collection[str] = (),
    areas: Collection[str] = (),
    avoid: Collection[int] = (),
) -> bytes:
    """The mask of the seats that are free in ``states`` (one byte per place) and 1 in ``usable`` (one byte per seat).

    With ``categories`` or ``areas``, only seats of any of these; never a seat of ``avoid``.
    """
    masks, count = seat_map.derived(_Masks), len(seat_map.seats)
    number = as_number(states[:count].translate(IS_FREE)) & as_number(usable)
    for asked, known in ((categories, masks.categories), (areas, masks.areas)):
        if asked:
            wanted = 0
            for key in asked:
                wanted |= known.get(key, 0)
            number &= wanted
    seats = bytearray(number.to_bytes(count + 2, "little"))
    for seat in avoid:
        if seat < count:
            seats[seat] = 0
    # The two bytes behind the seats are what the line shows at an aisle and at the end of a row.
    return bytes(masks.to_line(seats))


def as_number(mask: bytes) -> int:
    """A mask as one integer."""
    return int.from_bytes(mask, "little")
