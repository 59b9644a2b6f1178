"""Halls as a cinema's Vista system exports them: the JSON form ``SeatLayoutData``.

The place of a seat is (``RowIndex``, ``ColumnIndex``), on a grid that all areas share or on a grid of its area alone
(`vista_grids`). Row 0 is at the back, and an unused column is an aisle. ``SeatsInGroup`` names seats that are only sold
together, ``SeatStyle`` says which part of a sofa a seat is. An area with ``IsAllocatedSeating`` false and no seats is
general admission for ``NumberOfSeats`` people. ``Status`` is the state of the sale when the file was written and not
part of the hall.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import (
    PALETTE,
    SCREEN_DISTANCE,
    Draft,
    FoundSeat,
    Imported,
    assemble,
    clean,
    rounded,
    screen_before,
)
from seatserver.seatmaps.formats.vista_form import (
    VistaAnswer,
    VistaArea,
    VistaLayout,
    VistaPosition,
    VistaSeat,
    measure,
)
from seatserver.seatmaps.formats.vista_grids import Grid, GridArea, choose_grid, rows_by_index
from seatserver.seatmaps.model import MAX_AREAS, MAX_NAME, MAX_SEATS, Category, GeneralArea, Problem, Screen, SeatKind
from seatserver.seatmaps.parsing.decoding import convert, tree_of
from seatserver.seatmaps.wording import shown

FORMAT = "Vista SeatLayoutData"
MAX_VISTA_AREAS = 5000
MAX_INDEX = 2000
"""No hall has a larger grid: an index beyond it is a mistake in the file."""
MAX_ERROR = 200
"""Longer errors of Vista are cut where ours repeat them."""

AREA_DEPTH = 3.0
"""How deep an area without seat numbers is drawn, in pitches."""

# Seen in real halls: of a sofa's two seats, the one with the smaller column has style 3 and the other one style 1.
# Style 2 is between them, in sofas of three and more.
KIND_OF_STYLE = {
    0: SeatKind.STANDARD,
    1: SeatKind.SOFA_RIGHT,
    2: SeatKind.SOFA_MIDDLE,
    3: SeatKind.SOFA_LEFT,
}


def read_vista(document: bytes, name: str) -> Imported:
    """Read Vista's answer. The format has no name for the hall, so the caller gives one. Raises `BadSeatMap`."""
    return draft_vista(convert(tree_of(document), VistaAnswer), name).finish()


def draft_vista(answer: VistaAnswer, name: str) -> Draft:
    """The hall of Vista's answer, not validated. Raises `BadSeatMap` if it has none.

    A column is one seat pitch wide, a row one deep; the front row is at y = 0.
    """
    if answer.layout is None:
        error = clean(answer.error)
        said = f"; Vista says: {shown(error, MAX_ERROR)}" if error else ""
        raise BadSeatMap("SeatLayoutData", f"is null{said}")
    layout = answer.layout
    if len(layout.areas) > MAX_VISTA_AREAS:
        too_many = f"{len(layout.areas)} areas; at most {MAX_VISTA_AREAS} are allowed"
        raise BadSeatMap("SeatLayoutData.Areas", too_many)
    seat_count = sum(len(row.seats or ()) for area in layout.areas for row in area.rows)
    if seat_count > MAX_SEATS:
        raise BadSeatMap("SeatLayoutData.Areas", f"{seat_count} seats; at most {MAX_SEATS} are allowed")
    unnumbered = [(index, area) for index, area in enumerate(layout.areas) if _is_unnumbered(area)]
    if len(unnumbered) > MAX_AREAS:
        too_many = f"{len(unnumbered)} areas without seat numbers; at most {MAX_AREAS} are allowed"
        raise BadSeatMap("SeatLayoutData.Areas", too_many)
    problems: list[Problem] = []
    found = list(_seats(layout, problems))
    if not found and not unnumbered:
        for place, problem, _ in problems:
            raise BadSeatMap(place, problem)
        raise BadSeatMap("SeatLayoutData.Areas", "no area has a seat")
    area_names = _area_names(layout)
    grid = choose_grid(_grid_areas(layout, area_names, found))
    spots = [_spot(grid, area, seat) for _, area, _, seat in found]
    left = min((column for _, column in spots), default=0)
    front = max((row for row, _ in spots), default=0)
    keys = _Keys(layout, grid)
    own_keys = [keys.of(area, seat.position) for _, area, _, seat in found]
    seats = [
        FoundSeat(
            place=place,
            key=key,
            row=row,
            number=clean(seat.id),
            x=spot_column - left,
            y=front - spot_row,
            rank=front - spot_row,
            category=layout.areas[area].category,
            area=area_names[area],
            kind=KIND_OF_STYLE.get(seat.style, SeatKind.STANDARD),
        )
        for (place, area, row, seat), (spot_row, spot_column), key in zip(found, spots, own_keys, strict=True)
    ]
    used = {seat.category for seat in seats} | {area.category for _, area in unnumbered}
    categories, category_places = _categories(layout, used)
    draft = assemble(
        format_name=FORMAT,
        name=name,
        categories=categories,
        screen=_screen(layout, left, grid) or screen_before(seats),
        seats=seats,
        groups=_groups(found, own_keys, keys, problems),
        general_areas=_general_areas(unnumbered, area_names, seats),
    )
    places = {
        **draft.places,
        "categories": category_places,
        "general_areas": [f"SeatLayoutData.Areas[{index}]" for index, _ in unnumbered],
    }
    notes = (*grid.notes, *_notes(layout, area_names, found))
    return replace(draft, notes=notes, found=tuple(problems), places=places, field_at=_field_at)


def _field_at(place: str, field: str) -> str:
    """What Vista calls a field of the seat, or of the area, at ``place``."""
    row, _, _ = place.rpartition(".Seats[")
    area, _, _ = (row or place).rpartition(".Rows[")
    area = area or place
    return {
        "row": f"{row}.PhysicalName",
        "number": f"{place}.Id",
        "x": f"{place}.Position.ColumnIndex",
        "y": f"{place}.Position.RowIndex",
        "category": f"{area}.AreaCategoryCode",
        "key": f"{area}.AreaCategoryCode",
        "area": f"{area}.Description",
        "name": f"{area}.Description",
        "capacity": f"{area}.NumberOfSeats",
    }.get(field, place)


Found = list[tuple[str, int, str, VistaSeat]]
"""For every seat: its place in the file, the index of its area, the name of its row, the seat itself."""


def _is_unnumbered(area: VistaArea) -> bool:
    """Whether the area is general admission: people sit as they come."""
    return not area.allocated and bool(area.seat_count) and not any(row.seats for row in area.rows)


def _seats(layout: VistaLayout, problems: list[Problem]) -> Iterator[tuple[str, int, str, VistaSeat]]:
    for a, area in enumerate(layout.areas):
        area_place = f"SeatLayoutData.Areas[{a}]"
        count = 0
        for r, row in enumerate(area.rows):
            for s, seat in enumerate(row.seats or ()):
                place = f"{area_place}.Rows[{r}].Seats[{s}]"
                count += 1
                outside = [
                    Problem(f"{place}.Position.{part}", f"is {index}; expected 0 to {MAX_INDEX}", "use the hall's grid")
                    for part, index in (("RowIndex", seat.position.row), ("ColumnIndex", seat.position.column))
                    if not 0 <= index <= MAX_INDEX
                ]
                problems += outside
                if not outside:
                    yield place, a, clean(row.name), seat
        if area.allocated and area.seat_count is not None and area.seat_count != count:
            problem = f"says {area.seat_count} but the area has {count} seats"
            problems.append(
                Problem(f"{area_place}.NumberOfSeats", problem, "look for the seats that are missing from the file")
            )


def _grid_areas(layout: VistaLayout, area_names: Sequence[str], found: Found) -> dict[int, GridArea]:
    seats: dict[int, list[tuple[str, VistaSeat]]] = defaultdict(list)
    for _, area, row, seat in found:
        seats[area].append((row, seat))
    return {
        index: GridArea(
            name=area_names[index],
            cells=frozenset((seat.position.row, seat.position.column) for _, seat in listed),
            row_names=rows_by_index([(seat.position.row, row) for row, seat in listed]),
            rows=_count(layout.areas[index].row_count),
            columns=_count(layout.areas[index].column_count),
            rectangle=_rectangle(layout.areas[index]),
        )
        for index, listed in seats.items()
    }


def _rectangle(area: VistaArea) -> tuple[float, float, float, float]:
    return (
        measure(area.left) or 0.0,
        measure(area.top) or 0.0,
        measure(area.width) or 0.0,
        measure(area.height) or 0.0,
    )


def _count(text: int | str | None) -> int:
    """A count of rows or columns; 0 if it is not usable."""
    number = measure(text) if isinstance(text, str) else text
    return int(number) if number is not None and 0 < number <= MAX_INDEX else 0


def _spot(grid: Grid, area: int, seat: VistaSeat) -> tuple[float, float]:
    """The seat's row and column in the hall."""
    row, column = grid.origins[area]
    return seat.position.row + row, seat.position.column + column


class _Keys:
    """What identifies a seat in the file: its row and column, and its area if areas have grids of their own."""

    def __init__(self, layout: VistaLayout, grid: Grid) -> None:
        self._own = grid.own
        self._areas: dict[str, list[int]] = defaultdict(list)
        for index, area in enumerate(layout.areas):
            if area.number is not None:
                self._areas[clean(area.number)].append(index)
            else:
                said = {clean(seat.position.area) for row in area.rows for seat in row.seats or ()} - {""}
                for number in said if len(said) == 1 else ():
                    self._areas[number].append(index)

    def of(self, area: int, position: VistaPosition, *, named: bool = False) -> Hashable:
        """The key of a seat in an area. With ``named``: of a seat that a seat of the area names as one of its group."""
        if not self._own:
            return position.row, position.column
        if named and position.area is not None:
            numbered = self._areas.get(clean(position.area), [area])
            area = area if area in numbered else numbered[0]
        return area, position.row, position.column


def _general_areas(
    unnumbered: Sequence[tuple[int, VistaArea]], area_names: Sequence[str], seats: Sequence[FoundSeat]
) -> Iterator[GeneralArea]:
    """The areas without seat numbers, put behind the last row: the file does not place them on the grid."""
    width = max((seat.x for seat in seats), default=9.0) + 1
    y = max((seat.y for seat in seats), default=0.0) + 1
    for index, area in unnumbered:
        yield GeneralArea(
            key=f"area-{index + 1}",
            name=area_names[index],
            category=area.category,
            capacity=area.seat_count or 0,
            x=rounded((width - 1) / 2),
            y=rounded(y + AREA_DEPTH / 2),
            width=rounded(width),
            height=AREA_DEPTH,
        )
        y += AREA_DEPTH + 0.5


def _area_names(layout: VistaLayout) -> list[str]:
    """The names of areas: their descriptions, followed by their numbers where several share a description."""
    described = [clean(area.description) or "Area" for area in layout.areas]
    times = Counter(described)
    return [
        f"{text} {clean(area.number) or index + 1}" if times[text] > 1 else text
        for index, (text, area) in enumerate(zip(described, layout.areas, strict=True))
    ]


def _categories(layout: VistaLayout, used: set[str]) -> tuple[list[Category], list[str]]:
    """One category per code, in the order of the areas and named after the areas that share it; and their places."""
    names: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for index, area in enumerate(layout.areas):
        if area.category in used:
            known = names.setdefault(area.category, [])
            places.setdefault(area.category, f"SeatLayoutData.Areas[{index}]")
            text = clean(area.description)
            if text and text not in known:
                known.append(text)
    categories = [
        Category(key=key, name=" / ".join(texts)[:MAX_NAME] or key, color=PALETTE[index % len(PALETTE)])
        for index, (key, texts) in enumerate(names.items())
    ]
    return categories, list(places.values())


def _screen(layout: VistaLayout, left_column: float, grid: Grid) -> Screen | None:
    """The file's screen in the seats' coordinates, or None if the file does not say where it is.

    Screen and areas are in drawing units; the ``Width`` of an area is as wide as its ``ColumnCount`` columns.
    """
    start, width = measure(layout.screen_start), measure(layout.screen_width)
    pitch, shift = grid.percent_per_column, 0.0
    if not grid.own:
        # Test the quotient, not the width: the quotient of a tiny width is zero.
        area = next((one for one in layout.areas if _count(one.column_count) and _pitch(one) > 0), None)
        pitch, shift = (_pitch(area), measure(area.left) or 0.0) if area is not None else (None, 0.0)
    if start is None or width is None or width <= 0 or pitch is None:
        return None
    centre = (start + width / 2 - shift) / pitch - 0.5 - left_column
    screen = Screen(x=rounded(centre), y=-SCREEN_DISTANCE, width=rounded(width / pitch))
    # Written so that NaN fails too.
    return screen if abs(screen.x) <= MAX_INDEX and 0 < screen.width <= MAX_INDEX else None


def _pitch(area: VistaArea) -> float:
    return (measure(area.width) or 0.0) / _count(area.column_count)


def _groups(
    found: Found, own_keys: Sequence[Hashable], keys: _Keys, problems: list[Problem]
) -> set[frozenset[Hashable]]:
    """The groups of seats, by the keys of the seats. All seats of a group must name the same group."""
    named: dict[Hashable, frozenset[Hashable] | None] = dict.fromkeys(own_keys)
    # Equal groups become one object: comparing them mate by mate would take the cube of a group's size.
    known: dict[frozenset[Hashable], frozenset[Hashable]] = {}
    grouped = [(one, own) for one, own in zip(found, own_keys, strict=True) if one[3].group]
    for (_, area, _, seat), own in grouped:
        group = frozenset((*(keys.of(area, mate, named=True) for mate in seat.group or ()), own))
        named[own] = known.setdefault(group, group)
    broken: set[frozenset[Hashable]] = set()
    for (place, area, row, seat), own in grouped:
        label = f"{row}-{clean(seat.id)}"
        group = named[own] or frozenset()
        for index, mate in enumerate(seat.group or ()):
            key = keys.of(area, mate, named=True)
            theirs = named.get(key)
            if key not in named:
                problem = f"there is no seat at RowIndex {mate.row}, ColumnIndex {mate.column}"
                mend = f"add that seat, or take it out of the group of {label}"
                problems.append(Problem(f"{place}.SeatsInGroup[{index}]", problem, mend))
            elif theirs is not group:
                problem = "the seats of this group do not name the same group"
                mend = f"let {label} and the seats that go with it name the same seats"
                problems.append(Problem(f"{place}.SeatsInGroup", problem, mend))
            else:
                continue
            broken.add(group)
            break
    return {group for group in named.values() if group is not None and len(group) > 1 and group not in broken}


def _notes(layout: VistaLayout, area_names: list[str], found: Found) -> Iterator[str]:
    taken = [f"{row}-{clean(seat.id)}" for _, _, row, seat in found if seat.status or seat.original_status]
    if taken:
        seats = "1 seat was" if len(taken) == 1 else f"{len(taken)} seats were"
        sale = "that is the state of the sale, not part of the hall"
        yield f"{seats} not empty when the file was written ({_some(taken)}); {sale}"
    strange = [f"{row}-{clean(seat.id)}" for _, _, row, seat in found if seat.style not in KIND_OF_STYLE]
    if strange:
        seats = "1 seat has" if len(strange) == 1 else f"{len(strange)} seats have"
        yield f"{seats} a SeatStyle other than 0 to 3 ({_some(strange)}); read as standard"
    for area, name in zip(layout.areas, area_names, strict=True):
        if _is_unnumbered(area):
            yield f"the area {name} has {area.seat_count} places without seat numbers; it is drawn behind the last row"
        elif not area.allocated and any(row.seats for row in area.rows):
            yield f"the area {name} is not allocated but lists its seats; they keep their numbers"


def _some(labels: list[str]) -> str:
    return ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
