"""Draws a hall with characters, as lines of styled text.

The screen is at the top, a line is a row of the hall, an aisle is a gap, and the seats of a group are joined. Each
category has a colour and a shape, so that the drawing also reads without colour. Nothing is printed here: the command
line turns the text into whatever its terminal understands.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seatserver.seatmaps.layout.rows import NEXT_SEAT
from seatserver.seatmaps.model import GeneralArea, SeatKind, SeatMap
from seatserver.seatmaps.wording import count

SHAPES = "■◆●▲★▼◉◈"
SHAPE_OF_KIND = {SeatKind.WHEELCHAIR: "W", SeatKind.COMPANION: "C"}
JOINT = "━"
SHADE = "░"
KIND_NAMES = {
    SeatKind.STANDARD: "standard",
    SeatKind.WHEELCHAIR: "wheelchair place",
    SeatKind.COMPANION: "companion's seat",
    SeatKind.SOFA_LEFT: "sofa, left",
    SeatKind.SOFA_MIDDLE: "sofa, middle",
    SeatKind.SOFA_RIGHT: "sofa, right",
}
MAX_BLANK_LINES = 2
"""The most blank lines for a cross aisle, however wide it is."""
DIM = "dim"


class StyledText(NamedTuple):
    """Text in one style: ``bold``, ``dim``, a colour such as ``#0072b2``, or several of these separated by blanks."""

    text: str
    style: str = ""


StyledLine = tuple[StyledText, ...]


def draw(seat_map: SeatMap, width: int = 100) -> list[StyledLine]:
    """The hall and its legend, in lines of at most ``width`` characters unless the hall is wider."""
    return [*draw_hall(seat_map, width), (), *legend(seat_map)]


def draw_hall(seat_map: SeatMap, width: int = 100) -> list[StyledLine]:
    """Screen, rows and areas. A seat pitch is two characters, or one if the hall would be wider than ``width``."""
    seats, screen, areas = seat_map.seats, seat_map.screen, seat_map.general_areas
    starts = (*(seat.x for seat in seats), *(area.x - area.width / 2 + 0.5 for area in areas))
    ends = (*(seat.x for seat in seats), *(area.x + area.width / 2 - 0.5 for area in areas))
    left = min(*starts, screen.x - screen.width / 2 + 0.5)
    right = max(*ends, screen.x + screen.width / 2 - 0.5)
    margin = max((len(seat.row) for seat in seats), default=0)
    scale = 2 if (right - left) * 2 + 1 + 2 * (margin + 2) <= width else 1
    # Counted from the middle of the screen, so that a symmetric hall looks symmetric.
    columns = [_column(seat.x - screen.x, scale) for seat in seats]
    first = min((*columns, _column(left - screen.x, scale)))
    columns = [column - first for column in columns]
    breadth = max(columns, default=0) + 1
    indent = " " * (margin + 2)
    screen_width = max(2 * _column((screen.width - 1) / 2, scale) + 1, 7)
    screen_at = max(-first - screen_width // 2, 0)
    lines: list[StyledLine] = [
        (StyledText(f"{indent}{' ' * screen_at}{'▁' * screen_width}", "bold"),),
        (StyledText(f"{indent}{' ' * screen_at}{'screen'.center(screen_width)}".rstrip(), DIM),),
        (),
    ]
    drawn = [
        (depth, _row_line(seat_map, members, columns, margin, breadth))
        for depth, members in _lines_of_seats(seat_map, columns)
    ]
    for area in areas:
        start = _column(area.x - area.width / 2 + 0.5 - screen.x, scale) - first
        end = _column(area.x + area.width / 2 - 0.5 - screen.x, scale) - first
        drawn.append((area.y, _area_line(seat_map, area, (start, end), indent)))
    last_depth: float | None = None
    for depth, line in sorted(drawn, key=lambda one: one[0]):
        if last_depth is not None and depth - last_depth > NEXT_SEAT:
            lines += [()] * min(round(depth - last_depth) - 1, MAX_BLANK_LINES)
        last_depth = depth
        lines.append(line)
    return lines


def legend(seat_map: SeatMap) -> list[StyledLine]:
    """What the shapes mean, with counts: categories, kinds, groups, areas without numbers."""
    categories = Counter(seat_map.category_of(place) for place in range(seat_map.place_count))
    kinds = Counter(seat.kind for seat in seat_map.seats)
    digits = len(str(seat_map.place_count))
    lines: list[StyledLine] = [(StyledText(seat_map.name, "bold"), StyledText(f"  {count_places(seat_map)}"))]
    for shape, category in zip(_shapes(seat_map), seat_map.categories, strict=True):
        key = "" if category.key == category.name else f"  (key {category.key})"
        text = f" {categories[category.key]:>{digits}}  {category.name}"
        lines.append((StyledText(f"  {shape}", category.color), StyledText(text), StyledText(key, DIM)))
    for kind, number in sorted(kinds.items(), key=lambda item: list(SeatKind).index(item[0])):
        if kind is not SeatKind.STANDARD:
            lines.append((StyledText(f"  {SHAPE_OF_KIND.get(kind, ' ')} {number:>{digits}}  {KIND_NAMES[kind]}"),))
    if seat_map.groups:
        sizes = Counter(map(len, seat_map.groups))
        named = ", ".join(f"{number} × {size} seats" for size, number in sorted(sizes.items()))
        text = f"  {JOINT} {len(seat_map.groups):>{digits}}  groups that are only sold whole ({named})"
        lines.append((StyledText(text),))
    for area in seat_map.general_areas:
        lines.append((StyledText(f"  {SHADE} {area.capacity:>{digits}}  {area.name}, without seat numbers"),))
    return lines


def count_places(seat_map: SeatMap) -> str:
    """``306 seats``, or ``306 seats and 20 places without numbers``."""
    unnumbered = seat_map.place_count - len(seat_map.seats)
    seats = count(len(seat_map.seats), "seat")
    if not unnumbered:
        return seats
    places = f"{count(unnumbered, 'place')} without numbers"
    return f"{seats} and {places}" if seat_map.seats else places


def _column(offset: float, scale: int) -> int:
    # Not `round`: it rounds 0.5 and 1.5 to even, which would put two neighbours into one column.
    return math.floor(offset * scale + 0.5)


def _lines_of_seats(seat_map: SeatMap, columns: Sequence[int]) -> list[tuple[float, list[int]]]:
    """The seats of every drawn line, front first, each line with its depth (mean ``y``).

    A line is a row of the hall, however it curves; rows side by side share one. A row whose seats would share columns,
    because it runs away from the screen, is cut into lines by depth.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for index, seat in enumerate(seat_map.seats):
        rows[seat.row].append(index)
    pieces: list[list[int]] = []
    for row in rows.values():
        if len({columns[index] for index in row}) == len(row):
            pieces.append(row)
            continue
        by_depth: dict[int, list[int]] = defaultdict(list)
        for index in row:
            by_depth[round(seat_map.seats[index].y)].append(index)
        pieces += by_depth.values()
    lines: list[tuple[float, list[int]]] = []
    for depth, piece in sorted((_mean(seat_map.seats[index].y for index in piece), piece) for piece in pieces):
        if lines and depth - lines[-1][0] < 0.3 and _beside(columns, lines[-1][1], piece):
            lines[-1][1].extend(piece)
        else:
            lines.append((depth, list(piece)))
    return lines


def _beside(columns: Sequence[int], some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether one of the two is entirely to the left of the other."""
    ours, theirs = [columns[index] for index in some], [columns[index] for index in others]
    return max(ours) < min(theirs) or max(theirs) < min(ours)


def _row_line(seat_map: SeatMap, members: list[int], columns: Sequence[int], margin: int, breadth: int) -> StyledLine:
    shape_of = dict(zip((category.key for category in seat_map.categories), _shapes(seat_map), strict=True))
    color_of = {category.key: category.color for category in seat_map.categories}
    members = sorted(members, key=lambda index: columns[index])
    labels = list(dict.fromkeys(seat_map.seats[index].row for index in members))
    spans = [StyledText(f"{labels[0]:>{margin}}  ", DIM)]
    column = 0
    last: int | None = None
    for index in members:
        seat = seat_map.seats[index]
        joined = last is not None and last in seat_map.group_of.get(index, ())
        gap = max(columns[index] - column, 0)
        color = color_of[seat.category]
        if gap:
            spans.append(StyledText((JOINT if joined else " ") * gap, color if joined else ""))
        spans.append(StyledText(SHAPE_OF_KIND.get(seat.kind) or shape_of[seat.category], color))
        column += gap + 1
        last = index
    spans.append(StyledText(f"{' ' * max(breadth - column, 0)}  {labels[-1]}", DIM))
    return tuple(spans)


def _area_line(seat_map: SeatMap, area: GeneralArea, columns: tuple[int, int], indent: str) -> StyledLine:
    """An area without numbers: one shaded line, with the name of the area in it if there is room."""
    start, end = columns
    color = next(category.color for category in seat_map.categories if category.key == area.category)
    name = f" {area.name} {area.capacity} "
    breadth = max(end - start + 1, 1)
    text = name.center(breadth, SHADE) if len(name) + 2 <= breadth else SHADE * breadth
    return (StyledText(f"{indent}{' ' * max(start, 0)}"), StyledText(text, color))


def _shapes(seat_map: SeatMap) -> list[str]:
    return [SHAPES[index % len(SHAPES)] for index in range(len(seat_map.categories))]


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return sum(found) / len(found)
