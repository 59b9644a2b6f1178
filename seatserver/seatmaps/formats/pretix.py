"""Halls as pretix draws them: the JSON of its seating plan, with zones, rows and seats.

Positions are pixels relative to the parent: seat in row in zone. Here they are scaled so that one unit is one seat
pitch. The stage is where the text of an area says so, otherwise at the top. Fields that newer versions of pretix add
are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import PALETTE, Draft, FoundSeat, Imported, assemble, clean, screen_before
from seatserver.seatmaps.model import MAX_CATEGORIES, MAX_SEATS, Category, Problem
from seatserver.seatmaps.parsing.decoding import convert, tree_of

FORMAT = "pretix seating plan"
STAGE = re.compile(r"\b(stage|screen|bühne|leinwand|podium|scène|écran|pantalla|escenario)\b", re.IGNORECASE)
MAX_PIXELS = 1_000_000
MIN_PITCH_PIXELS = 0.001
SIDE_BY_SIDE = 0.5
"""Rows count as equally far from the stage if their middles differ by less than this, in pitches."""


class PretixPosition(msgspec.Struct, frozen=True):
    """Pixels from the parent's corner."""

    x: float = 0.0
    y: float = 0.0


class PretixText(msgspec.Struct, frozen=True):
    """What is written on an area, in newer exports."""

    text: str | None = None


class PretixArea(msgspec.Struct, frozen=True):
    """A drawn shape: a stage, a bar, a wall."""

    position: PretixPosition = PretixPosition()
    text: PretixText | str | None = None


class PretixSeat(msgspec.Struct, frozen=True):
    """One seat."""

    seat_number: str | int
    category: str
    position: PretixPosition
    seat_guid: str | int | None = None


class PretixRow(msgspec.Struct, frozen=True):
    """One row; ``row_label`` is a phrase for the shop in which ``%s`` stands for the number."""

    seats: list[PretixSeat]
    row_number: str | int | None = None
    row_label: str | None = None
    position: PretixPosition = PretixPosition()


class PretixZone(msgspec.Struct, frozen=True):
    """One zone: stalls, balcony …"""

    rows: list[PretixRow] = []
    areas: list[PretixArea] = []
    name: str | None = None
    position: PretixPosition = PretixPosition()


class PretixCategory(msgspec.Struct, frozen=True):
    """One price band."""

    name: str
    color: str | None = None


class PretixPlan(msgspec.Struct, frozen=True):
    """The whole plan."""

    zones: list[PretixZone]
    categories: list[PretixCategory]
    name: str | None = None


def read_pretix(document: bytes, name: str = "", *, unnamed: str = "Seat map") -> Imported:
    """Read a seating plan; ``name`` replaces the plan's own. Raises `BadSeatMap`."""
    return draft_pretix(convert(tree_of(document), PretixPlan), name, unnamed=unnamed).finish()


def draft_pretix(plan: PretixPlan, name: str, *, unnamed: str) -> Draft:
    """The hall of a plan, not validated. Raises `BadSeatMap` if there is none."""
    seat_count = sum(len(row.seats) for zone in plan.zones for row in zone.rows)
    if seat_count > MAX_SEATS:
        raise BadSeatMap("zones", f"{seat_count} seats; at most {MAX_SEATS} are allowed")
    if len(plan.categories) > MAX_CATEGORIES:
        raise BadSeatMap("categories", f"{len(plan.categories)} categories; at most {MAX_CATEGORIES} are allowed")
    problems: list[Problem] = []
    rows = [row for row in _rows(plan, problems) if row]
    if not rows:
        for place, problem, _ in problems:
            raise BadSeatMap(place, problem)
        raise BadSeatMap("zones", "no row has a seat")
    pitch = _pitch(rows)
    stage_y = next(_stages(plan), None)
    middle = sum(seat.y for row in rows for seat in row) / sum(map(len, rows))
    # The audience faces the stage: if it is at the bottom of the drawing, left and right are swapped too.
    turned = stage_y is not None and stage_y > middle
    seats = list(_placed(rows, pitch, -1.0 if turned else 1.0))
    notes = ("the stage is at the bottom of the plan; the hall was turned so that it is at the top",) if turned else ()
    draft = assemble(
        format_name=FORMAT,
        name=name or clean(plan.name) or unnamed,
        categories=list(_categories(plan)),
        screen=screen_before(seats),
        seats=seats,
    )
    places = {**draft.places, "categories": [f"categories[{index}]" for index in range(len(plan.categories))]}
    return replace(draft, notes=notes, found=tuple(problems), places=places, field_at=_field_at)


def _field_at(place: str, field: str) -> str:
    """What pretix calls a field of the seat or category at ``place``."""
    row, _, _ = place.rpartition(".seats[")
    zone, _, _ = row.rpartition(".rows[")
    names = {
        "row": f"{row}.row_number",
        "number": f"{place}.seat_number",
        "category": f"{place}.category",
        "area": f"{zone}.name",
        "key": f"{place}.name",
        "name": f"{place}.name",
    }
    return names.get(field, place)


def _categories(plan: PretixPlan) -> Iterator[Category]:
    for index, category in enumerate(plan.categories):
        key = clean(category.name)
        yield Category(key=key, name=key, color=_color(category.color) or PALETTE[index % len(PALETTE)])


def _color(text: str | None) -> str | None:
    """``#aabbcc`` for that and for ``#abc``; None for anything else."""
    digits = (text or "").strip().lower().removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        digits = "".join(2 * digit for digit in digits)
    return f"#{digits}" if re.fullmatch(r"[0-9a-f]{6}", digits) else None


def _rows(plan: PretixPlan, problems: list[Problem]) -> Iterator[list[FoundSeat]]:
    """The seats of every row, in pixels of the plan."""
    for z, zone in enumerate(plan.zones):
        for r, row in enumerate(zone.rows):
            found = []
            for s, seat in enumerate(row.seats):
                place = f"zones[{z}].rows[{r}].seats[{s}]"
                x = zone.position.x + row.position.x + seat.position.x
                y = zone.position.y + row.position.y + seat.position.y
                if max(abs(x), abs(y)) > MAX_PIXELS:
                    problem = f"is farther than {MAX_PIXELS} pixels from the plan's corner"
                    problems.append(Problem(f"{place}.position", problem, "move the seat to its row"))
                    continue
                found.append(
                    FoundSeat(
                        place=place,
                        key=place,
                        row=clean(row.row_number) or clean(row.row_label).replace("%s", "").strip() or str(r + 1),
                        number=clean(seat.seat_number),
                        x=x,
                        y=y,
                        rank=0.0,
                        category=clean(seat.category),
                        area=clean(zone.name),
                    )
                )
            yield found


def _pitch(rows: Sequence[Sequence[FoundSeat]]) -> float:
    """The median distance from a seat to the nearest one of its row, in pixels."""
    nearest = [distance for row in rows for distance in _nearest(row)]
    if not nearest:  # every row is a single seat
        nearest = list(_nearest([seat for row in rows for seat in row]))
    pitch = median(nearest) if nearest else 1.0
    if not (math.isfinite(pitch) and pitch >= MIN_PITCH_PIXELS):
        raise BadSeatMap("zones", "most seats stand on one another: their positions give no distance between seats")
    return pitch


def _nearest(row: Sequence[FoundSeat]) -> Iterator[float]:
    line = sorted(row, key=lambda seat: (seat.x, seat.y))
    gaps = [math.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(line)]
    for left, right in zip([math.inf, *gaps], [*gaps, math.inf], strict=True):
        if min(left, right) < math.inf:
            yield min(left, right)


def _placed(rows: Sequence[Sequence[FoundSeat]], pitch: float, turn: float) -> Iterator[FoundSeat]:
    """The seats in pitches, the leftmost at x = 0 and the front at y = 0, with the rank of their rows."""
    left = min(turn * seat.x for row in rows for seat in row)
    front = min(turn * seat.y for row in rows for seat in row)
    for row in rows:
        middle = (sum(turn * seat.y for seat in row) / len(row) - front) / pitch
        for seat in row:
            yield msgspec.structs.replace(
                seat,
                x=(turn * seat.x - left) / pitch,
                y=(turn * seat.y - front) / pitch,
                rank=round(middle / SIDE_BY_SIDE),
            )


def _stages(plan: PretixPlan) -> Iterator[float]:
    """How far down the plan its stages and screens are, in pixels."""
    for zone in plan.zones:
        for area in zone.areas:
            text = area.text.text if isinstance(area.text, PretixText) else area.text
            if text and STAGE.search(text):
                yield zone.position.y + area.position.y
