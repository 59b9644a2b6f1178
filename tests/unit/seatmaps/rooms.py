"""Rooms for the tests of the house rules: drawn as text, made by Hypothesis, and judged the slow and obvious way.

`strands` and `alternatives` say again, in other words than the code does, what the rules promise: with sets of seats
instead of lines of spots, and by looking at everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules

FREE, HELD, SOLD = 0, 1, 3
KIND_OF = {"W": SeatKind.WHEELCHAIR, "c": SeatKind.COMPANION}
MINUTES = st.sampled_from((None, 90.0, 60.0, 45.0, 10.0))
CATEGORIES = (
    Category(key="standard", name="Standard", color="#0072b2"),
    Category(key="premium", name="Premium", color="#e69f00"),
)


def room(*rows: str) -> tuple[SeatMap, bytes]:
    """A hall and its states from one text a row, the first nearest to the screen; a blank between seats is an aisle.

    ``.`` free, ``x`` sold, ``p`` premium, ``W`` wheelchair place, ``c`` companion seat, ``<`` and ``>`` the halves of a
    sofa (``-`` its middle), ``(`` and ``)`` those of a sold one.
    """
    seats: list[Seat] = []
    states = bytearray()
    groups: list[list[int]] = []
    for depth, row in enumerate(rows):
        for x, letter in enumerate(row):
            if letter == " ":
                continue
            if letter in "<(":
                groups.append([])
            if letter in "<->()":
                groups[-1].append(len(seats))
            states.append(SOLD if letter in "x()" else FREE)
            seats.append(
                Seat(
                    row=chr(65 + depth),
                    number=str(x + 1),
                    x=float(x),
                    y=float(depth),
                    category="premium" if letter == "p" else "standard",
                    kind=KIND_OF.get(letter, SeatKind.STANDARD),
                )
            )
    return hall(seats, groups), bytes(states)


def picture(*rows: str) -> tuple[SeatMap, bytes, tuple[int, ...]]:
    """A `room` and a selection: ``o`` and ``O`` are free seats that are chosen, standard and premium ones."""
    seat_map, states = room(*(row.replace("o", ".").replace("O", "p") for row in rows))
    letters = [letter for row in rows for letter in row if letter != " "]
    return seat_map, states, tuple(index for index, letter in enumerate(letters) if letter in "oO")


def hall(seats: Iterable[Seat], groups: Iterable[Iterable[int]] = ()) -> SeatMap:
    screen = Screen(x=0.0, y=-3.0, width=5.0)
    return SeatMap.build(name="Room", categories=CATEGORIES, screen=screen, seats=seats, groups=groups)


@st.composite
def rooms(draw: st.DrawFn) -> tuple[SeatMap, bytes]:
    """Small halls with all that the rules mind, and which of their seats are taken."""
    letters = (*"........pxWc", "<>", "<->", " ")
    rows = draw(st.lists(st.lists(st.sampled_from(letters), min_size=1, max_size=9), min_size=1, max_size=3))
    seat_map, states = room(*("".join(row).strip() or "." for row in rows))
    standard = {seat for seat, place in enumerate(seat_map.seats) if place.kind is SeatKind.STANDARD}
    single = sorted(standard.difference(seat_map.group_of))
    if len(single) > 1 and draw(st.integers(0, 3)) == 0:
        # Seats of one group may stand anywhere.
        pair = draw(st.lists(st.sampled_from(single), min_size=2, max_size=2, unique=True))
        seat_map = hall(seat_map.seats, (*seat_map.groups, pair))
    taken = draw(st.sets(st.integers(0, len(states) - 1), max_size=len(states) // 2))
    return seat_map, bytes(HELD if seat in taken else state for seat, state in enumerate(states))


def rules() -> st.SearchStrategy[Rules]:
    """Rules that enforce, with companion seats freed at 60 minutes and wheelchair places at 30."""
    gaps = st.builds(
        GapRule,
        mode=st.just("enforce"),
        width=st.integers(1, 3),
        aisles=st.booleans(),
        row_ends=st.booleans(),
        exempt_last_rows=st.sampled_from((0, 0, 0, 1)),
    )
    return st.builds(
        Rules,
        gap=gaps,
        companions_free_min=st.just(60),
        wheelchairs_free_min=st.just(30),
        companions_per_wheelchair=st.integers(1, 3),
    )


@st.composite
def selections(draw: st.DrawFn, seat_map: SeatMap, states: bytes) -> tuple[int, ...]:
    """Free seats, groups whole: one stretch of neighbours, or two, or any."""
    free = {seat for seat, state in enumerate(states) if state == FREE}
    for group in seat_map.groups:
        if not free.issuperset(group):
            free.difference_update(group)
    chosen: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        run = draw(st.sampled_from(rows_of(seat_map).runs))
        start = draw(st.integers(0, len(run) - 1))
        for seat in run[start : start + draw(st.integers(1, 5))]:
            chosen.update(seat_map.group_of.get(seat, (seat,)))
    return tuple(sorted(chosen & free))


def row_of(seat_map: SeatMap, seat: int) -> list[int]:
    """All seats of its row, from left to right."""
    name = seat_map.seats[seat].row
    row = [other for other, place in enumerate(seat_map.seats) if place.row == name]
    return sorted(row, key=lambda other: seat_map.seats[other].x)


def is_ordinary(seat_map: SeatMap, seat: int, minutes_left: float | None) -> bool:
    """Whether anybody may take the seat, as `rules` free kinds."""
    kinds = {seat_map.seats[other].kind for other in row_of(seat_map, seat)}
    left = 1e9 if minutes_left is None else minutes_left
    match seat_map.seats[seat].kind:
        case SeatKind.WHEELCHAIR:
            return left <= 30
        case SeatKind.COMPANION:
            return left <= 60 or SeatKind.WHEELCHAIR not in kinds
    return True


def narrow_seats(seat_map: SeatMap, taken: Iterable[int], rules: Rules, minutes_left: float | None) -> set[int]:
    """All seats of a room that are free and stand in a narrow closed stretch."""
    gone = set(taken)
    for group in seat_map.groups:
        if gone.intersection(group):
            gone.update(group)
    free = [seat not in gone and is_ordinary(seat_map, seat, minutes_left) for seat in range(len(seat_map.seats))]
    lasts = sorted({seat.y for seat in seat_map.seats}, reverse=True)[: rules.gap.exempt_last_rows]
    found: set[int] = set()
    for run in rows_of(seat_map).runs:
        row = row_of(seat_map, run[0])
        lenient = {
            "left": not (rules.gap.row_ends if run[0] == row[0] else rules.gap.aisles),
            "right": not (rules.gap.row_ends if run[-1] == row[-1] else rules.gap.aisles),
        }
        if seat_map.seats[run[0]].y in lasts:
            continue
        for first in range(len(run)):
            for last in range(first, min(len(run), first + rules.gap.width)):
                stretch = run[first : last + 1]
                if not all(free[seat] for seat in stretch):
                    continue
                ended_left = not lenient["left"] if first == 0 else not free[run[first - 1]]
                ended_right = not lenient["right"] if last == len(run) - 1 else not free[run[last + 1]]
                if ended_left and ended_right:
                    found.update(seat for seat in stretch if seat not in seat_map.group_of)
    return found


def strands(
    seat_map: SeatMap, states: bytes, seats: Iterable[int], rules: Rules, minutes_left: float | None
) -> set[int]:
    """What a selection would newly strand."""
    taken = {seat for seat, state in enumerate(states) if state != FREE}
    after = narrow_seats(seat_map, taken.union(seats), rules, minutes_left)
    return after - narrow_seats(seat_map, taken, rules, minutes_left)


def allowed_by_kind(
    seat_map: SeatMap, seats: Iterable[int], rules: Rules, wheelchairs: int, minutes_left: float | None
) -> bool:
    """Whether groups, wheelchair places and companion seats of a selection are right, for halls of `rooms`."""
    chosen = set(seats)
    if any(0 < len(chosen.intersection(group)) < len(group) for group in seat_map.groups):
        return False
    kept = {seat for seat in chosen if not is_ordinary(seat_map, seat, minutes_left)}
    if sum(seat_map.seats[seat].kind is SeatKind.WHEELCHAIR for seat in kept) > wheelchairs:
        return False
    need: Counter[int] = Counter()
    for seat in kept:
        if seat_map.seats[seat].kind is SeatKind.COMPANION:
            need[home_of(seat_map, seat)] += 1
    for home, companions in need.items():
        places = [
            seat
            for seat in chosen
            if seat_map.seats[seat].kind is SeatKind.WHEELCHAIR and home_of(seat_map, seat) == home
        ]
        if companions > len(places) * rules.companions_per_wheelchair:
            return False
    return True


def home_of(seat_map: SeatMap, seat: int) -> int:
    """The first wheelchair place of the stretch that a wheelchair place or companion seat belongs to."""
    run = next(run for run in rows_of(seat_map).runs if seat in run)
    special = {SeatKind.WHEELCHAIR, SeatKind.COMPANION}
    at = run.index(seat)
    first = last = at
    while first > 0 and seat_map.seats[run[first - 1]].kind in special:
        first -= 1
    while last + 1 < len(run) and seat_map.seats[run[last + 1]].kind in special:
        last += 1
    places = [other for other in run[first : last + 1] if seat_map.seats[other].kind is SeatKind.WHEELCHAIR]
    if places:
        return places[0]
    others = [other for other in row_of(seat_map, seat) if seat_map.seats[other].kind is SeatKind.WHEELCHAIR]
    here = seat_map.seats[seat].x
    return home_of(seat_map, min(others, key=lambda other: (abs(seat_map.seats[other].x - here), other)))


def parts(seat_map: SeatMap, seats: Iterable[int]) -> list[tuple[int, ...]]:
    """The stretches of neighbours that a selection is made of."""
    chosen, found = set(seats), []
    for run in rows_of(seat_map).runs:
        part: list[int] = []
        for seat in (*run, -1):
            if seat in chosen:
                part.append(seat)
            elif part:
                found.append(tuple(part))
                part = []
    return found


def alternatives(
    seat_map: SeatMap,
    states: bytes,
    seats: Iterable[int],
    rules: Rules,
    wheelchairs: int,
    minutes_left: float | None,
) -> Iterator[set[int]]:
    """Every selection that moves one part of ``seats`` to as many free neighbours of the same categories and kinds."""

    def looks(window: Iterable[int]) -> Counter[tuple[str, SeatKind, bool]]:
        found: Counter[tuple[str, SeatKind, bool]] = Counter()
        for seat in window:
            kind = seat_map.seats[seat].kind
            special = kind in (SeatKind.WHEELCHAIR, SeatKind.COMPANION)
            wheels = any(seat_map.seats[other].kind is SeatKind.WHEELCHAIR for other in row_of(seat_map, seat))
            if special and is_ordinary(seat_map, seat, minutes_left) and not (wheelchairs and wheels):
                kind = SeatKind.STANDARD
            found[seat_map.seats[seat].category, kind, seat in seat_map.group_of] += 1
        return found

    chosen = set(seats)
    for part in parts(seat_map, chosen):
        others = chosen.difference(part)
        if any(others.intersection(group) and not others.issuperset(group) for group in seat_map.groups):
            continue
        for run in rows_of(seat_map).runs:
            for start in range(len(run) - len(part) + 1):
                window = run[start : start + len(part)]
                if others.intersection(window) or any(states[seat] != FREE for seat in window):
                    continue
                moved = others.union(window)
                if looks(window) == looks(part) and allowed_by_kind(seat_map, moved, rules, wheelchairs, minutes_left):
                    yield moved
