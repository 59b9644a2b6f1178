"""Whether a party could sit otherwise without stranding so many seats, and where.

Asked only about a selection that strands seats (`gaps`). Its **parts** are its unbroken stretches of neighbours.
Another selection is an alternative when it moves one part, as it is, somewhere else in the room: as many neighbours,
the same categories and kinds of seats in any order, all free, groups whole. So friends who chose to sit together are
only shown places where they sit together, and a party that split itself is judged part by part: each could move while
the others stay. Parts may move next to one another::

    | o . o . . . .     the right one moves beside the left one: nothing is stranded
    x o o . x           alone in the room with this stretch, two strand one wherever they sit: there is no alternative

When no part can move so that fewer seats are stranded in all, the party could not sit otherwise. Else the fix moves
the part that helps most: the fewest stranded seats first, then in its own run, then as near as can be; and it goes on
until no part can do better, so that the fix could not sit otherwise either. This module is pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from seatserver.seatmaps.gaps import Cuts, parts_of, stranded_by
from seatserver.seatmaps.kinds import kinds_of, looks_to, refused_kinds
from seatserver.seatmaps.lines import Lines, lines_of
from seatserver.seatmaps.model import SeatMap

if TYPE_CHECKING:
    from seatserver.seatmaps.rules import Rules


class Party(NamedTuple):
    """Who asks, of which room, under which rules: everything but the selection itself."""

    seat_map: SeatMap
    states: bytes
    rules: Rules
    wheelchairs: int
    minutes_left: float | None


class Move(NamedTuple):
    """One part moved. Compares as the better move: fewer stranded, in its own run, nearer, filling what it left."""

    stranded: int
    elsewhere: bool
    distance: float
    unfilled: int
    seats: tuple[int, ...]


def sit_otherwise(party: Party, seats: Sequence[int], stranded: Sequence[int]) -> tuple[int, ...] | None:
    """The nearest selection that strands fewer seats than ``seats`` (which strand ``stranded``), or None.

    It is sorted and itself without an alternative. The seats are numbered ones, and right by `kinds`.
    """
    lines = lines_of(party.seat_map)
    room = Cuts(party.seat_map, party.states, party.rules, minutes_left=party.minutes_left)
    chosen, left = frozenset(seats), len(stranded)
    while left:
        parts = [lines.seat_at[first : last + 1] for first, last in parts_of(lines.spot_of[seat] for seat in chosen)]
        moves = [
            move
            for part in parts
            if (move := _best_move(party, room, part, chosen.difference(part), left, stranded)) is not None
        ]
        if not moves:
            break
        best = min(moves)
        chosen, left = frozenset(best.seats), best.stranded
        if len(parts) == 1:
            break
    return tuple(sorted(chosen)) if left < len(stranded) else None


def _best_move(
    party: Party, room: Cuts, part: tuple[int, ...], others: frozenset[int], limit: int, stranded: Sequence[int]
) -> Move | None:
    """The best way to move ``part`` so that fewer than ``limit`` seats are stranded in all."""
    seat_map, states, rules, wheelchairs, minutes_left = party
    cuts, doomed = room, frozenset[int]()
    if others:
        doomed = frozenset(stranded_by(seat_map, states, others, rules, minutes_left=minutes_left).stranded)
        cuts = room.with_taken(others)
    lines, alike, size = lines_of(seat_map), kinds_of(seat_map).alike, len(part)
    looks = looks_to(seat_map, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    wanted = sorted(looks[alike[lines.spot_of[seat]]] for seat in part)
    mixed = wanted[0] != wanted[-1]
    unlike = {number for number, look in enumerate(looks) if look not in wanted} | {-1}
    # 0 where a seat is free and may be one of the part.
    line = bytes(map(or_, cuts.line, map(unlike.__contains__, alike)))
    home = lines.run_of[part[0]]
    x, y = _middle(seat_map, part)
    best: Move | None = None
    for elsewhere, (first, end) in ((False, lines.spans[home]), (True, (0, len(line)))):
        for start in _windows(line, size, first, end, lines):
            window = lines.seat_at[start : start + size]
            left = len(doomed) + cuts.left[window[0]] + cuts.right[window[-1]]
            if doomed:
                left -= len(doomed.intersection(window))
            if left >= limit or (best is not None and left > best.stranded):
                continue
            if mixed and sorted(looks[look] for look in alike[start : start + size]) != wanted:
                continue
            middle = _middle(seat_map, window)
            distance = math.hypot(middle[0] - x, middle[1] - y)
            move = Move(left, elsewhere, round(distance, 6), -len({*window}.intersection(stranded)), window)
            if (best is None or move < best) and _is_right(party, others, window, scattered=lines.scattered):
                best = move
        if best is not None and best.stranded == 0:
            break
    return best and best._replace(seats=(*others, *best.seats))


def _windows(line: bytes, size: int, first: int, end: int, lines: Lines) -> Iterator[int]:
    """The first spots of all windows of ``size`` zeros between two spots; none tears a group that stands together."""
    joined = lines.joined
    for stretch in re.finditer(b"\0{%d,}" % size, line[first:end]):
        for start in range(first + stretch.start(), first + stretch.end() - size + 1):
            if not (joined[start] or joined[start + size]):
                yield start


def _is_right(party: Party, others: frozenset[int], window: Sequence[int], *, scattered: bool) -> bool:
    """Whether the kinds allow the selection of ``others`` and ``window``."""
    if not scattered and kinds_of(party.seat_map).special.isdisjoint(window):
        return True
    seats = (*others, *window)
    return not refused_kinds(
        party.seat_map, seats, party.rules, wheelchairs=party.wheelchairs, minutes_left=party.minutes_left
    )


def _middle(seat_map: SeatMap, window: Sequence[int]) -> tuple[float, float]:
    """The point between a window's outer seats."""
    one, other = seat_map.seats[window[0]], seat_map.seats[window[-1]]
    return (one.x + other.x) / 2, (one.y + other.y) / 2
