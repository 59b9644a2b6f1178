"""Where the areas of a Vista hall are: all on one grid, or each on a grid of its own.

Vista's files do not say which. On **one grid** every area counts rows and columns from the corner of the hall and
repeats all of its rows. With **grids of their own** each area counts from 0, and its rectangle (``Top``, ``Left``,
``Width``, ``Height``, in percent of the drawing, whose top is the back of the hall) says where it is. `choose_grid`
reads the areas with grids of their own if

* two areas have a seat at the same row and column: on one grid these would be on top of each other (a few such seats in
  areas that look like parts of one grid are a mistake in the file, and are refused);
* or the rectangles lie apart, and the areas differ in size or a row index has several names.

Otherwise all areas share one grid. A note says how the file was read if the other reading was possible too, or if the
rectangles do not say enough.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations, repeat
from statistics import median
from typing import NamedTuple

MOST_AREAS = 200
"""A hall with more areas is read as one grid."""
FEW = 0.25
"""If a smaller share of seats is in cells of other areas, that is a mistake in the file and not another grid."""

Cell = tuple[int, int]
"""Row index and column index, as in the file."""


@dataclass(frozen=True)
class GridArea:
    """An area that has seats.

    ``cells``: where its seats are; ``row_names``: row index → name; ``rows`` and ``columns``: the size of its grid, 0
    if the file does not say; ``rectangle``: left, top, width, height.
    """

    name: str
    cells: frozenset[Cell]
    row_names: Mapping[int, str]
    rows: int
    columns: int
    rectangle: tuple[float, float, float, float]

    @cached_property
    def has_rectangle(self) -> bool:
        left, top, width, height = self.rectangle
        inside = min(left, top) > -100 and max(left, top) < 1000 and max(width, height) < 10_000
        return inside and width > 0 and height > 0

    @cached_property
    def size(self) -> Cell:
        """Rows and columns, at least as many as the seats need."""
        return (
            max(self.rows, 1 + max(row for row, _ in self.cells)),
            max(self.columns, 1 + max(column for _, column in self.cells)),
        )


class Grid(NamedTuple):
    """How the areas were read. ``origins``: where row 0 and column 0 of each area are on the grid of the hall."""

    own: bool
    origins: Mapping[int, tuple[float, float]]
    notes: tuple[str, ...] = ()
    percent_per_column: float | None = None


def choose_grid(areas: Mapping[int, GridArea]) -> Grid:
    """How to read the areas (by their index in the file), and where that puts them."""
    one_grid = Grid(False, dict.fromkeys(areas, (0.0, 0.0)))
    several = list(areas.values())
    if len(several) > MOST_AREAS:
        return one_grid
    clash = _clash(several)
    apart = _lie_apart(several)
    sizes = {area.size for area in several}
    names = _row_with_two_names(several)
    if clash is not None and not names and _look_like_one_grid(several):
        return one_grid
    if clash is None:
        if names is None and (len(sizes) < 2 or not apart):
            return one_grid
        if names is not None and not apart:
            note = (
                f"row {names[0]} and row {names[1]} have one row index in different areas, and no rectangles tell them"
                " apart: the areas were read as parts of one grid, with those rows beside each other"
            )
            return one_grid._replace(notes=(note,))
    origins, by_rectangle, notes = _placed(areas)
    if clash is not None:
        why = f"{clash[0]} and {clash[1]} both have a seat at RowIndex {clash[2][0]}, ColumnIndex {clash[2][1]}"
    elif names:
        why = f"row {names[0]} and row {names[1]} have one row index, and the areas' rectangles lie apart"
    else:
        why = (
            "their sizes differ and their rectangles lie apart; they would fit on one grid as well,"
            " so compare the drawing with the hall"
        )
    placed = ", placed by Top, Left, Width and Height," if by_rectangle else ""
    note = f"the areas were read with a grid each{placed} because {why}"
    return Grid(True, origins, (note, *notes), _percent_per_column(several))


def _clash(areas: Sequence[GridArea]) -> tuple[str, str, Cell] | None:
    """Two areas with a seat in the same cell, and the cell."""
    owner: dict[Cell, str] = {}
    for area in areas:
        for cell in sorted(area.cells):
            if cell in owner:
                return owner[cell], area.name, cell
        owner.update(dict.fromkeys(area.cells, area.name))
    return None


def _look_like_one_grid(areas: Sequence[GridArea]) -> bool:
    """Whether all areas have the same size and rectangle, and only a few of their seats share cells."""
    if len({(area.rows, area.columns, area.rectangle) for area in areas}) > 1 or not (
        areas[0].rows and areas[0].columns
    ):
        return False
    times = Counter(cell for area in areas for cell in area.cells)
    twice = {cell for cell, count in times.items() if count > 1}
    return all(len(twice & area.cells) <= FEW * len(area.cells) for area in areas if twice & area.cells)


def _row_with_two_names(areas: Sequence[GridArea]) -> tuple[str, str] | None:
    known: dict[int, str] = {}
    for area in areas:
        for row, name in area.row_names.items():
            if name and known.setdefault(row, name) != name:
                return known[row], name
    return None


def _lie_apart(areas: Sequence[GridArea]) -> bool:
    """Whether all areas have rectangles, and no two overlap by more than a tenth of the smaller one."""
    if not all(area.has_rectangle for area in areas):
        return False
    # The first overlap ends the comparison.
    return all(not _overlap(one.rectangle, other.rectangle) for one, other in combinations(areas, 2))


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    along = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    smaller = min(one[2] * one[3], other[2] * other[3])
    return across > 0 and along > 0 and across * along > smaller / 10


def _percent_per_column(areas: Sequence[GridArea]) -> float | None:
    return _usual((area.rectangle[2] / area.size[1], len(area.cells)) for area in areas if area.has_rectangle)


def _usual(measures: Iterable[tuple[float, int]]) -> float | None:
    """The median of measures, each counted as many times as the number beside it; None without any."""
    every = list(chain.from_iterable(repeat(measure, times) for measure, times in measures))
    return median(every) if every else None


def _placed(areas: Mapping[int, GridArea]) -> tuple[dict[int, tuple[float, float]], bool, list[str]]:
    """Origins, whether the rectangles decided them, and notes. An area that would be on top of others goes behind."""
    with_rectangle = [area for area in areas.values() if area.has_rectangle]
    usable = len(with_rectangle) == len(areas) and len({area.rectangle for area in with_rectangle}) > 1
    notes = []
    if not usable:
        notes.append(
            "the rectangles do not say where the areas stand: they were put one behind the other as the file lists"
            " them, the first in front; compare the drawing with the hall"
        )
    per_row = per_column = 1.0
    if usable:
        per_row = _usual((area.rectangle[3] / area.size[0], len(area.cells)) for area in with_rectangle) or 1.0
        per_column = _percent_per_column(with_rectangle) or 1.0
    # From the front, which is the bottom of the drawing, to the back; in the file's order if nothing else decides.
    order = sorted(areas, key=lambda i: (-_bottom(areas[i]), i)) if usable else sorted(areas)
    origins: dict[int, tuple[float, float]] = {}
    taken: set[tuple[float, float]] = set()
    back_of: dict[int, float] = {}
    moved: list[str] = []
    for index in order:
        area = areas[index]
        rows, columns = area.size
        left, top, width, height = area.rectangle
        row = round((top + height / 2) / per_row - rows / 2) if usable else 0
        column = round(2 * ((left + width / 2) / per_column - columns / 2)) / 2 if usable else 0.0
        used_rows = [cell[0] for cell in area.cells]
        in_front = [
            back_of[other]
            for other in origins
            if not usable or (_is_behind(area, areas[other]) and _share_columns(area, areas[other]))
        ]
        # An area behind another one begins behind its last row, however close they are in the drawing.
        limit = min(in_front, default=None)
        if limit is not None and row + max(used_rows) >= limit:
            row = round(limit) - 1 - max(used_rows)
        if any(not taken.isdisjoint(_around(row + r, column + c)) for r, c in area.cells):
            row = round(min(back_of.values())) - 1 - max(used_rows)
            moved.append(area.name)
        origins[index] = (row, column)
        back_of[index] = row + min(used_rows)
        taken.update((row + r, column + c) for r, c in area.cells)
    if moved:
        notes.append(
            f"the rectangle of {', '.join(moved[:5])} lies on other areas: it was put behind them; compare the drawing"
            " with the hall"
        )
    return origins, usable, notes


def _bottom(area: GridArea) -> float:
    return area.rectangle[1] + area.rectangle[3]


def _around(row: float, column: float) -> tuple[tuple[float, float], ...]:
    """Where another seat would be on top of this one: columns may be shifted by half a seat."""
    return (row, column), (row, column - 0.5), (row, column + 0.5)


def _is_behind(area: GridArea, other: GridArea) -> bool:
    """Whether an area is drawn above another one, that is, farther back."""
    slack = min(area.rectangle[3], other.rectangle[3]) / 3
    return _bottom(area) <= other.rectangle[1] + slack


def _share_columns(area: GridArea, other: GridArea) -> bool:
    left, width = area.rectangle[0], area.rectangle[2]
    other_left, other_width = other.rectangle[0], other.rectangle[2]
    return min(left + width, other_left + other_width) > max(left, other_left)


def rows_by_index(found: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Row index → the first name of that row."""
    names: dict[int, str] = defaultdict(str)
    for row, name in found:
        names[row] = names[row] or name
    return dict(names)
