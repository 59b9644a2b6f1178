"""Halls, ways to fill them, and other ways to choose seats, for the benchmark of best available.

The occupancies are the states of a room before a party comes: empty; half or nine tenths sold at random; and hard ones,
where every free run is a single seat, a pair, or one seat shorter than the party, so the party must be split anywhere.
`first_run` does what most projects do: it takes the first row with enough free neighbours. `by_brute_force` examines
every selection.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import combinations

from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from seatserver.seatmaps.rules.accessibility import refused_kinds, usable_seats
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import Rules
from seatserver.seatmaps.search.score import FORBIDDEN, Offer, Wish, cost_of

FREE, SOLD = 0, 3
CATEGORY = Category(key="standard", name="Standard", color="#0072b2")
Fill = Callable[[SeatMap, int, random.Random], bytes]


def plain_hall(count: int) -> SeatMap:
    """A hall of so many seats in curved rows, twice as wide as deep, with two aisles."""
    columns = max(8, round((2 * count) ** 0.5))
    seats: list[Seat] = []
    for index in range(count):
        row, column = divmod(index, columns)
        x = column + 2.0 * (column >= columns // 4) + 2.0 * (column >= 3 * columns // 4)
        off = (x - (columns + 3) / 2) / columns
        y = round(1.2 * row - 2 * off * off, 3)
        seats.append(Seat(row=f"R{row + 1}", number=str(column + 1), x=x, y=y, category=CATEGORY.key))
    screen = Screen(x=(columns + 3) / 2, y=-4.0, width=columns / 2)
    return SeatMap.build(name=f"{count} seats", categories=[CATEGORY], screen=screen, seats=seats)


def sold(share: float) -> Fill:
    """So much of the hall is sold, at random, groups whole."""

    def fill(seat_map: SeatMap, party: int, chance: random.Random) -> bytes:
        states = bytearray(SOLD if chance.random() < share else FREE for _ in range(seat_map.place_count))
        for group in seat_map.groups:
            for seat in group:
                states[seat] = states[group[0]]
        return bytes(states)

    return fill


def stretches(length: Callable[[int], int]) -> Fill:
    """Every free stretch is so long, depending on the party; between two of them one seat is sold."""

    def fill(seat_map: SeatMap, party: int, chance: random.Random) -> bytes:
        states = bytearray(seat_map.place_count)
        size = max(1, length(party))
        for run in rows_of(seat_map).runs:
            start = chance.randrange(size + 1)
            for place, seat in enumerate(run):
                states[seat] = SOLD if (place + start) % (size + 1) == size else FREE
        return bytes(states)

    return fill


FILLINGS: dict[str, Fill] = {
    "empty": sold(0),
    "half sold": sold(0.5),
    "nine tenths sold": sold(0.9),
    "one seat too short": stretches(lambda party: party - 1),
    "pairs": stretches(lambda party: 2),
    "single seats": stretches(lambda party: 1),
}


def first_run(seat_map: SeatMap, states: bytes, count: int, rules: Rules, *, from_back: bool) -> tuple[int, ...] | None:
    """The leftmost ``count`` free neighbours of the first row that has them, seen from the front or from the back."""
    usable = usable_seats(seat_map, rules)
    runs = sorted(rows_of(seat_map).runs, key=lambda run: (_depth(seat_map, run), seat_map.seats[run[0]].x))
    rows: dict[str, list[tuple[int, ...]]] = {}
    for run in runs:
        rows.setdefault(seat_map.seats[run[0]].row, []).append(run)
    for row in reversed(rows.values()) if from_back else rows.values():
        for run in sorted(row, key=lambda run: seat_map.seats[run[0]].x):
            for start in range(len(run) - count + 1):
                window = run[start : start + count]
                if all(states[seat] == FREE and usable[seat] for seat in window) and not refused_kinds(
                    seat_map, window, rules
                ):
                    return window
    return None


def _depth(seat_map: SeatMap, run: Sequence[int]) -> float:
    row = [seat.y for seat in seat_map.seats if seat.row == seat_map.seats[run[0]].row]
    return sum(row) / len(row)


def by_brute_force(seat_map: SeatMap, states: bytes, wish: Wish, rules: Rules) -> Offer | None:
    """The best of all selections that the rules allow, or None; for rooms with a score of free seats."""
    usable = usable_seats(seat_map, rules, wheelchairs=wish.wheelchairs)
    free = [seat for seat, state in enumerate(states) if state == FREE and usable[seat]]
    wheelchairs = {seat for seat in free if seat_map.seats[seat].kind is SeatKind.WHEELCHAIR}
    offers = []
    for seats in combinations(free, wish.count):
        if wish.wheelchairs and len(wheelchairs.intersection(seats)) != wish.wheelchairs:
            continue
        offer = cost_of(seat_map, seats, wish, states=states, rules=rules)
        if len(offer.parts) == 1 or offer.breakdown["parts"] < FORBIDDEN:
            offers.append(offer)
    for offer in sorted(offers, key=lambda offer: offer.order):
        if not judge(seat_map, states, offer.seats, rules, wheelchairs=wish.wheelchairs).reasons:
            return offer
    return None


def any_room(chance: random.Random) -> tuple[SeatMap, bytes]:
    """A small room with aisles, rows of unequal length, sofas, and wheelchair and companion places, half sold."""
    seats: list[Seat] = []
    groups: list[tuple[int, int]] = []
    for row in range(chance.randint(2, 4)):
        x, number = chance.choice((0.0, 0.0, 0.5, 1.0)), 0
        while number < 7 and (number < 3 or chance.random() < 0.85):
            x += chance.choice((0.0,) * 9 + (1.0, 2.0))
            sofa = chance.random() < 0.1
            kind = chance.choice((SeatKind.STANDARD,) * 12 + (SeatKind.WHEELCHAIR, SeatKind.COMPANION))
            if sofa:
                groups.append((len(seats), len(seats) + 1))
            for one in (SeatKind.SOFA_LEFT, SeatKind.SOFA_RIGHT) if sofa else (kind,):
                number += 1
                seats.append(
                    Seat(row="ABCD"[row], number=str(number), x=x, y=1.2 * row, category=CATEGORY.key, kind=one)
                )
                x += 1.0
    screen = Screen(x=3.5, y=-3.0, width=6.0)
    seat_map = SeatMap.build(name="Any room", categories=[CATEGORY], screen=screen, seats=seats, groups=groups)
    return seat_map, sold(chance.choice((0.3, 0.5, 0.6)))(seat_map, 0, chance)
