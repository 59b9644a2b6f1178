"""Checks of where things are on the floor: seats, the screen, areas without numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from seatserver.seatmaps.inspection.findings import APART, USUAL_PITCH, Finding, Hall, Point, Severity, clusters
from seatserver.seatmaps.model import MAX_SEATS, GeneralArea
from seatserver.seatmaps.wording import count, listed, pitches, shown

OVERLAP = 0.5
"""Seats closer than this, in pitches, are on top of one another, in any direction."""
NARROW = 0.75
"""Neighbours closer than this have less than the width of a seat."""
SAME_LINE = 0.35
"""If their distances from the screen differ by less than this, two seats are side by side, not one behind the other."""
CROOKED = 0.35
"""A seat farther than this off the line between its neighbours bends its row oddly."""
FEW = 2
"""At most this many seats apart from their row, or from the hall, are strays; more are a part of the hall."""
OFF_ROW, STEEP = 1.2, 0.6
"""A few seats are off their row if they are this many pitches before or behind its nearest other seat, and more steeply
than a row turns: the second number, about 30 degrees."""
CROWD = 1.4
"""People per square pitch where a crowd gets dangerous: 4.7 per square metre (Guide to Safety at Sports Grounds, 47 per
10 m²) at 0.55 m a pitch."""


def check_unit(hall: Hall) -> Iterator[Finding]:
    """Coordinates whose unit is not the seat pitch."""
    if USUAL_PITCH[0] <= hall.pitch <= USUAL_PITCH[1]:
        return
    yield Finding(
        severity=Severity.WARNING,
        code="unit",
        what="the coordinates",
        problem=f"neighbours usually stand {hall.pitch:.3g} apart; one unit should be one seat's pitch",
        mend=f"divide all coordinates, the screen's too, by {hall.pitch:.3g}",
    )


def check_overlaps(hall: Hall) -> Iterator[Finding]:
    """Seats on top of one another, reported by row. Seats at the very same point are refused anyway."""
    pairs: dict[tuple[str, str], list[tuple[float, int, int]]] = defaultdict(list)
    for one, spot in enumerate(hall.points):
        for other in hall.near(spot, NARROW):
            distance = spot.to(hall.points[other])
            beside = abs(spot.y - hall.points[other].y) < SAME_LINE
            if one < other and 0 < distance < (NARROW if beside else OVERLAP):
                rows = sorted((hall.seat_map.seats[one].row, hall.seat_map.seats[other].row))
                # Rounded, and in the order of their names: where the hall stands must not decide what is said first.
                pairs[rows[0], rows[1]].append((round(distance, 9), one, other))
    for (first_row, second_row), found in sorted(pairs.items()):
        distance, one, other = min(found)
        names = list(dict.fromkeys((hall.row_name(first_row), hall.row_name(second_row))))
        seats = list(dict.fromkeys(seat for _, *two in sorted(found) for seat in two))
        worst = f"stand {pitches(distance)} apart, closer than a seat is wide"
        yield hall.finding(
            Severity.ERROR if distance < OVERLAP else Severity.WARNING,
            "overlap",
            what=""
            if len(found) == 1
            else f"{count(len(seats), 'seat')} of {'row' if len(names) == 1 else 'rows'} {listed(names)}",
            seats=seats,
            problem=worst if len(found) == 1 else f"{worst} ({hall.label(one)} and {hall.label(other)})",
            mend="move one of them or take it out: neighbours stand 1 pitch apart",
        )


def check_strays(hall: Hall) -> Iterator[Finding]:
    """Seats far from the rest of the hall, rows in two places, seats off the line of their row."""
    lonely: set[int] = set()
    for cluster in _outliers(hall):
        lonely.update(cluster)
        yield hall.finding(
            Severity.WARNING,
            "outlier",
            seats=cluster,
            problem="far from all other seats",
            mend="correct the position, or take it out",
        )
    for name, parts in hall.parts.items():
        for part in parts[1:]:
            if not lonely.issuperset(part):
                yield from _part_apart(hall, name, parts[0], part)
    for run in hall.named_runs:
        yield from _off_line(hall, run)
        if len(run) <= FEW:
            yield from _before_or_behind(hall, run)


def _outliers(hall: Hall) -> list[list[int]]:
    """A few seats far from most. If there is no place with most seats, the hall is made of boxes or tables."""
    islands = clusters(hall.points, APART)
    if not islands or len(islands[0]) * 2 < len(hall.points):
        return []
    return [island for island in islands[1:] if len(island) <= FEW]


def _off_row(hall: Hall, seats: Sequence[int], problem: str) -> Finding:
    return hall.finding(
        Severity.WARNING, "off_row", seats=seats, problem=problem, mend="correct the position, or the row's name"
    )


def _part_apart(hall: Hall, name: str, most: Sequence[int], part: Sequence[int]) -> Iterator[Finding]:
    middle, other = _middle(hall, most), _middle(hall, part)
    if len(part) <= FEW:
        yield _off_row(
            hall, part, f"{pitches(middle.to(other))} from the middle of their row, with nothing of it between"
        )
    elif abs(other.y - middle.y) > abs(other.x - middle.x) / 3:
        # Parts side by side may be one row, with whatever is in the middle of the hall between them.
        yield hall.finding(
            Severity.WARNING,
            "row_apart",
            what=f"row {shown(name)}",
            seats=[most[0], part[0]],
            problem=f"lies in two places, {pitches(middle.to(other))} apart "
            f"({hall.label(most[0])} … and {hall.label(part[0])} …)",
            mend="name the rows apart, for example with their area in front: people look for one row",
        )


def _middle(hall: Hall, seats: Sequence[int]) -> Point:
    return Point(
        sum(hall.points[seat].x for seat in seats) / len(seats), sum(hall.points[seat].y for seat in seats) / len(seats)
    )


def _before_or_behind(hall: Hall, run: Sequence[int]) -> Iterator[Finding]:
    """A few seats before or behind where their row continues."""
    row = hall.rows[hall.seat_map.seats[run[0]].row]
    if len(row) - len(run) <= FEW:
        return
    here = hall.points[run[0]]
    # The seats of a run follow one another in its row.
    start = bisect_left(row, here, key=hall.points.__getitem__)
    beside = (*row[max(start - 1, 0) : start], *row[start + len(run) : start + len(run) + 1])
    nearest = min((hall.points[seat] for seat in beside), key=here.to)
    aside, along = abs(nearest.x - here.x), abs(nearest.y - here.y)
    if along > OFF_ROW and along > STEEP * aside:
        yield _off_row(
            hall,
            run,
            f"{pitches(along)} {'behind' if here.y > nearest.y else 'before'} the nearest seat of the same row",
        )


def _off_line(hall: Hall, run: Sequence[int]) -> Iterator[Finding]:
    """Seats off the line, straight or curved, of the other seats of their stretch."""
    line = list(run)
    strays: list[int] = []
    while len(line) > 3 and max(bends := _bends(hall, line)) > CROOKED:
        if len(strays) == FEW:
            yield hall.finding(
                Severity.HINT,
                "crooked_row",
                what=f"row {hall.row_of(run[0])}",
                seats=run[:1],
                problem=f"its seats stand neither on a line nor on a curve ({pitches(max(bends))} off)",
                mend="look at the drawing, and correct the positions",
            )
            return
        # A stray bends the line most where it is, or beside it if it is at the end.
        at = bends.index(max(bends))
        worst = min((at + 1, at, at + 2), key=lambda place: max(_bends(hall, line[:place] + line[place + 1 :])))
        strays.append(line.pop(worst))
    for seat in strays:
        yield _off_row(hall, [seat], "stands off the line of its row")


def _bends(hall: Hall, line: Sequence[int]) -> list[float]:
    """How far every seat except the first and last is off the straight line between its neighbours."""
    found: list[float] = []
    for (left, here), (_, right) in pairwise(pairwise(hall.points[seat] for seat in line)):
        length = left.to(right)
        across = (right.x - left.x) * (here.y - left.y) - (right.y - left.y) * (here.x - left.x)
        found.append(abs(across) / length if length else left.to(here))
    return found


def check_screen(hall: Hall) -> Iterator[Finding]:
    """A screen with seats behind it, or one that does not fit the hall."""
    screen = hall.screen
    if screen is None or not hall.points:
        return
    outliers = {seat for island in _outliers(hall) for seat in island}
    spots = {seat: spot for seat, spot in enumerate(hall.points) if seat not in outliers}
    behind = [seat for seat, spot in spots.items() if spot.y <= screen.y]
    if len(behind) == len(spots):
        yield Finding(
            severity=Severity.WARNING,
            code="screen_behind",
            what="the screen",
            problem="stands behind all seats; the front is where y is small",
            mend="turn the hall round: y grows away from the screen",
        )
    elif behind:
        yield hall.finding(
            Severity.WARNING,
            "behind_screen",
            seats=behind,
            problem="beside or behind the screen",
            mend="correct the position, or the screen's",
        )
    left, right = min(spot.x for spot in spots.values()), max(spot.x for spot in spots.values())
    front, back = min(spot.y for spot in spots.values()), max(spot.y for spot in spots.values())
    width, depth, aside = right - left + 1, back - front + 1, abs(screen.x - (left + right) / 2)
    if aside > width / 4 + 1:
        yield _odd_screen(f"its middle is {pitches(aside)} from the middle of the seats")
    if not width / 6 <= screen.width <= 3 * width + 4:
        yield _odd_screen(f"{pitches(screen.width)} wide before seats {pitches(width)} wide")
    if front - screen.y > 3 * max(depth, width) + 5:
        yield _odd_screen(f"{pitches(front - screen.y)} before the front row of a hall {pitches(depth)} deep")


def _odd_screen(problem: str) -> Finding:
    return Finding(
        severity=Severity.HINT,
        code="odd_screen",
        what="the screen",
        problem=problem,
        mend="correct its place: the best seats are found by it",
    )


def check_areas(hall: Hall) -> Iterator[Finding]:
    """Areas without numbers that overlap seats or one another, or are too small for their capacity."""
    for index, area in hall.areas:
        what, at = _area_in_file(hall, index)
        inside = [seat for seat, spot in enumerate(hall.points) if _holds(area, spot)]
        if inside:
            yield hall.finding(
                Severity.WARNING,
                "area_on_seats",
                what=what,
                seats=inside,
                problem=f"lies on {hall.named(inside)}",
                mend="move the area or make it smaller",
            )
        for other_index, other in hall.areas:
            apart_x = abs(area.x - other.x) >= (area.width + other.width) / 2 - 1e-6
            apart_y = abs(area.y - other.y) >= (area.height + other.height) / 2 - 1e-6
            if index < other_index and not apart_x and not apart_y:
                yield Finding(
                    severity=Severity.WARNING,
                    code="areas_overlap",
                    what=what,
                    problem=f"lies on {_area_in_file(hall, other_index)[0]}",
                    mend="move one of the two",
                    at=at,
                )
        if hall.screen is not None and area.y - area.height / 2 < hall.screen.y:
            yield Finding(
                severity=Severity.WARNING,
                code="behind_screen",
                what=what,
                problem="reaches beside or behind the screen",
                mend="move the area, or the screen",
                at=at,
            )
        if 0 < area.capacity <= MAX_SEATS and area.capacity > CROWD * area.width * area.height:
            yield Finding(
                severity=Severity.HINT,
                code="crowded",
                what=what,
                problem=f"{area.capacity} people on {area.width * area.height:.0f} square pitches, "
                "more than 47 people on 10 m²",
                mend="draw the area as large as it is, or lower its capacity",
                at=at,
            )


def _area_in_file(hall: Hall, index: int) -> tuple[str, tuple[str, ...]]:
    name = shown(hall.draft.seat_map.general_areas[index].name)
    return f"the area {name}", (hall.draft.in_file(f"general_areas[{index}]"),)


def _holds(area: GeneralArea, spot: Point) -> bool:
    return abs(spot.x - area.x) < area.width / 2 and abs(spot.y - area.y) < area.height / 2
