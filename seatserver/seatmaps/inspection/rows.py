"""Checks of rows: whether every seat can be reached, and whether numbers and names run as people expect.

People walk along a row before its seats and come from its ends: from an aisle, or from the outer end of the row, where
the map shows no walls and a way is assumed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from seatserver.seatmaps.inspection.findings import Finding, Hall, Point, Severity
from seatserver.seatmaps.layout.rows import NEXT_SEAT, rows_of
from seatserver.seatmaps.wording import count, listed, pitches

LEGROOM = 0.75
"""Nobody can walk between rows closer than this: 0.4 m at 0.55 m a pitch, less than the depth of a seat."""
IN_THE_WAY = 0.6
"""A seat before another one, and less than this to its side, is in the way."""
LONG_WAY, TOO_LONG_WAY = 16, 50
"""Most seats that one passes on the way to an aisle. Building codes differ: 16 on each side of an aisle, and 50 between
two aisles where the hall has doors beside them, are from § 14 of Rhineland-Palatinate's VStättVO; 100 seats between two
aisles, so 50 to the nearer one, are the International Building Code's limit (1030.13.1)."""
BESIDE = 1.3
"""A seat of another row this near to the end of a row continues it."""
ROW_STEP = 1.8
"""A gap in a row is not an aisle if there are seats before and behind it within so many pitches."""
MINORITY = 0.25
"""What at most this share of the rows does differently is a mistake; more often, it is a habit."""
SKIPPED_LETTERS = frozenset("IOQ")
"""Letters that halls leave out on purpose, because they look like digits or like each other."""
MOST_ROWS_LOOKED_AT = 50

_NUMBER = re.compile(r"(\D*)(\d{1,9})(\D*)")


def check_ways(hall: Hall) -> Iterator[Finding]:
    """Seats that nobody can reach, and seats far from any aisle."""
    shut: dict[str, list[int]] = defaultdict(list)
    for stretch in _stretches(hall):
        in_the_way = [place for place, seat in enumerate(stretch) if _before(hall, seat) is not None]
        if in_the_way:
            # From either end people get as far as the first seat with something in its way.
            shut[hall.row_of(stretch[in_the_way[0]])] += stretch[in_the_way[0] : in_the_way[-1] + 1]
        way = (len(stretch) - 1) // 2
        if way > LONG_WAY:
            middle = stretch[way]
            yield hall.finding(
                Severity.WARNING if way >= TOO_LONG_WAY else Severity.HINT,
                "long_way",
                what=f"row {hall.row_of(middle)}",
                seats=[middle],
                problem=f"{count(len(stretch), 'seat')} without an aisle: "
                f"from {hall.label(middle)} one passes {count(way, 'seat')}",
                mend="leave the aisles free of seats, or split the row where it has one; building codes allow 16 to 50",
            )
    for seats in shut.values():
        first, other = seats[0], _before(hall, seats[0])
        if other is not None:
            gap = pitches(hall.points[first].y - hall.points[other].y)
            yield hall.finding(
                Severity.WARNING,
                "unreachable",
                seats=seats,
                problem=f"cannot be reached: {hall.label(other)} stands {gap} before {hall.label(first)}, "
                "which leaves no way through",
                mend="give the row room: rows stand 1 pitch or more behind one another",
            )


def _stretches(hall: Hall) -> Iterator[list[int]]:
    """Seats from one way in to the next, from left to right: runs, and those that go on behind a hole or in another
    row without a way between."""
    next_run: dict[int, int] = {}
    runs = rows_of(hall.seat_map).runs
    run_at = {run[0]: number for number, run in enumerate(runs)}
    for number, run in enumerate(runs):
        following = runs[number + 1] if number + 1 < len(runs) else None
        end = run[-1]
        if following is not None and _same_row(hall, end, following[0]) and _is_hole(hall, end, following[0]):
            next_run[number] = number + 1
            continue
        spot = hall.points[end]
        for other in hall.near(Point(spot.x + BESIDE / 2, spot.y), BESIDE / 2):
            if other in run_at and other != end and not _same_row(hall, end, other) and run_at[other] != number:
                next_run[number] = run_at[other]
                break
    followers = set(next_run.values())
    seen: set[int] = set()
    # Chains first from their beginnings; what is left over after them would be rings.
    for number in sorted(range(len(runs)), key=lambda number: number in followers):
        stretch: list[int] = []
        at: int | None = number
        while at is not None and at not in seen:
            seen.add(at)
            stretch += runs[at]
            at = next_run.get(at)
        if stretch:
            yield stretch


def _same_row(hall: Hall, one: int, other: int) -> bool:
    return hall.floor_row(one) == hall.floor_row(other)


def _is_hole(hall: Hall, left: int, right: int) -> bool:
    """Whether the gap between two seats of a row leads nowhere: there are seats before and behind it."""
    one, other = hall.points[left], hall.points[right]
    if other.x - one.x > 2 * NEXT_SEAT:
        return False
    middle = Point((one.x + other.x) / 2, (one.y + other.y) / 2)
    across = [
        hall.points[seat].y - middle.y
        for seat in hall.near(middle, ROW_STEP)
        if abs(hall.points[seat].x - middle.x) < IN_THE_WAY and seat not in (left, right)
    ]
    return any(along < -LEGROOM / 2 for along in across) and any(along > LEGROOM / 2 for along in across)


def _before(hall: Hall, seat: int) -> int | None:
    """The seat in the way before this one, if there is one."""
    spot = hall.points[seat]
    for other in hall.near(spot, LEGROOM):
        gap = spot.y - hall.points[other].y
        if (
            0.35 <= gap < LEGROOM
            and abs(spot.x - hall.points[other].x) < IN_THE_WAY
            and spot.to(hall.points[other]) >= 0.5
        ):
            return other
    return None


def check_numbers(hall: Hall) -> Iterator[Finding]:
    """Rows whose seat numbers run back and forth, run against the other rows, or have gaps."""
    directions: dict[int, int] = {}
    missing: dict[tuple[int, int], list[str]] = defaultdict(list)
    of_jump: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, run in enumerate(hall.named_runs):
        numbers = _numbers(hall, run)
        if numbers is None or len(numbers) < 3:
            continue
        steps = [after - before for before, after in pairwise(numbers)]
        if all(step > 0 for step in steps) or all(step < 0 for step in steps):
            directions[number] = 1 if steps[0] > 0 else -1
        elif 0 not in steps and not _is_odd_and_even(numbers):
            turn = next(at for at, (one, other) in enumerate(pairwise(steps), start=1) if one * other < 0)
            yield hall.finding(
                Severity.WARNING,
                "mixed_numbers",
                what=f"row {hall.row_of(run[0])}",
                seats=run[turn : turn + 2],
                problem=f"the numbers run back and forth: {', '.join(map(str, numbers[max(turn - 1, 0) : turn + 2]))}",
                mend="number the seats from one side to the other",
            )
            continue
        usual = Counter(map(abs, steps)).most_common(1)[0][0]
        for at, step in enumerate(steps):
            if abs(step) != usual and abs(step) > 1 and usual <= 2:
                jump = (numbers[at], numbers[at + 1])
                missing[jump].append(hall.row_of(run[0]))
                of_jump[jump] += run[at : at + 2]
    for (before, after), rows in missing.items():
        yield hall.finding(
            Severity.HINT,
            "number_jump",
            what=f"{'row' if len(rows) == 1 else 'rows'} {listed(rows)}",
            seats=of_jump[before, after],
            problem=f"neighbours' numbers jump from {before} to {after}",
            mend="look whether a seat is missing; where a number is left out on purpose, all is well",
        )
    yield from _against_the_rest(hall, directions)


def _against_the_rest(hall: Hall, directions: dict[int, int]) -> Iterator[Finding]:
    sides = Counter(directions.values()).most_common()
    if len(sides) < 2 or sides[1][1] > MINORITY * len(directions):
        return
    usual = sides[0][0]
    ways = {1: "from left to right", -1: "from right to left"}
    against: dict[str, list[int]] = defaultdict(list)
    for number, direction in directions.items():
        if direction != usual:
            run = hall.named_runs[number]
            against[hall.row_of(run[0])] += run[0], run[-1]
    for row, seats in against.items():
        yield hall.finding(
            Severity.WARNING,
            "numbers_backwards",
            what=f"row {row}",
            seats=seats,
            problem=f"its numbers run {ways[-usual]}, those of other rows {ways[usual]}",
            mend="number it like the others",
        )


def _numbers(hall: Hall, run: Sequence[int]) -> list[int] | None:
    """The numbers of the seats, if all are numbers with the same letters around them."""
    found = [_NUMBER.fullmatch(hall.seat_map.seats[seat].number) for seat in run]
    parts = [match.groups() for match in found if match is not None]
    if len(parts) < len(run) or len({(before, after) for before, _, after in parts}) > 1:
        return None
    return [int(number) for _, number, _ in parts]


def _is_odd_and_even(numbers: Sequence[int]) -> bool:
    """Whether odd numbers run to one side and even ones to the other, as in theatres: 5 3 1 2 4 6."""
    lowest = numbers.index(min(numbers))
    for split in (lowest, lowest + 1):
        left, right = numbers[:split], numbers[split:]
        falls = all(one > other for one, other in pairwise(left))
        rises = all(one < other for one, other in pairwise(right))
        sides = [{number % 2 for number in side} for side in (left, right)]
        if falls and rises and all(len(side) <= 1 for side in sides) and sides[0] != sides[1]:
            return True
    return False


def check_row_names(hall: Hall) -> Iterator[Finding]:
    """Rows in another order than their names say, and names that are left out."""
    ranks = {
        row: rank
        for row, parts in hall.parts.items()
        if len(parts) == 1 and (rank := _rank(hall.row_name(row))) is not None
    }
    known = set(ranks.values())
    steps: list[tuple[str, str, int]] = []
    for row, behind in _rows_behind(hall):
        if row in ranks and behind in ranks and ranks[row][0] == ranks[behind][0]:
            steps.append((row, behind, ranks[behind][1] - ranks[row][1]))
    forward = sum(step > 0 for _, _, step in steps)
    usual = 1 if forward * 2 >= len(steps) else -1
    wrong = [one for one in steps if one[2] * usual < 0]
    for row, behind, step in steps:
        one, other = hall.row_name(row), hall.row_name(behind)
        if step * usual < 0 and len(wrong) <= max(1, MINORITY * len(steps)) and len(steps) > 1:
            yield hall.finding(
                Severity.WARNING,
                "row_order",
                what=f"row {other}",
                seats=[hall.rows[behind][0]],
                problem=f"stands behind row {one}, against the order of the other rows",
                mend="correct the rows' names or their places",
            )
        elif step * usual > 1:
            prefix, low = ranks[row if step > 0 else behind]
            left_out = [rank for rank in range(low + 1, low + abs(step)) if (prefix, rank) not in known]
            letters = not one[-1:].isdigit()
            names = [_letters(rank) if letters else str(rank) for rank in left_out[:MOST_ROWS_LOOKED_AT]]
            names = [name for name in names if not SKIPPED_LETTERS.issuperset(name)]
            if names:
                yield hall.finding(
                    Severity.HINT,
                    "row_jump",
                    what=f"row {other}",
                    seats=[hall.rows[behind][0]],
                    problem=f"stands behind row {one}: there is no row {listed(names)}",
                    mend="look whether a row is missing; where the name is left out on purpose, all is well",
                )


def _rows_behind(hall: Hall) -> Iterator[tuple[str, str]]:
    """Every row with the next one behind it, by their middles. Rows side by side are not behind each other."""
    shapes = []
    for row, seats in hall.rows.items():
        spots = [hall.points[seat] for seat in seats]
        depth = sum(spot.y for spot in spots) / len(spots)
        shapes.append((depth, spots[0].x - 0.5, spots[-1].x + 0.5, row))
    shapes.sort()
    for place, (depth, left, right, row) in enumerate(shapes):
        for other_depth, other_left, other_right, other in shapes[place + 1 : place + 1 + MOST_ROWS_LOOKED_AT]:
            common = min(right, other_right) - max(left, other_left)
            if common > min(right - left, other_right - other_left) / 2 and other_depth - depth > LEGROOM / 2:
                yield row, other
                break


def _rank(name: str) -> tuple[str, int] | None:
    """The rank of a name among those of its kind: what it begins with, and a number (B: 2, AA: 27)."""
    prefix, _, last = name.rpartition(" ")
    if last.isascii() and last.isdigit() and len(last) < 10:
        return f"{prefix} 1", int(last)
    if last.isascii() and last.isalpha() and last.isupper() and len(set(last)) == 1 and len(last) <= 3:
        return f"{prefix} A", ord(last[0]) - 64 + 26 * (len(last) - 1)
    return None


def _letters(rank: int) -> str:
    """The name of a rank: 2 is B, 27 is AA, 28 is BB."""
    return chr(64 + (rank - 1) % 26 + 1) * ((rank - 1) // 26 + 1)
