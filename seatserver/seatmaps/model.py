"""The hall as one immutable value: seats, categories, groups, areas without numbered seats, and the screen.

A `SeatMap` is what an auditorium looks like, never what is sold: states are in `seatserver.seats`. Once a showtime uses
a map, the map never changes; a changed hall is a new map with a new `content_hash`. Everywhere else a seat is its
**index** in ``SeatMap.seats``: a small integer that is stable for this hash. The places of a general area have no
numbers, and nobody chooses among them. They are indexes too: those after the numbered seats, area by area. So a room of
this hall has `SeatMap.place_count` places, all counted and locked in the same way.

Coordinates are in seat pitches. ``x`` grows to the right as the audience sees it, ``y`` grows away from the screen,
which is at the front (small ``y``) and so at the top of a drawing.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from itertools import accumulate, chain, repeat
from typing import Any, NamedTuple, TypeVar

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.parsing.decoding import decode

MAX_SEATS = 50_000
"""Most places of a hall, including those of its general areas."""
MAX_AREAS = 100
MAX_CATEGORIES = 1000
MAX_COORDINATE = 1_000_000
MAX_NAME = 200
MAX_LABEL = 16
COLOR = re.compile(r"#[0-9a-f]{6}")

Table = TypeVar("Table")


class Problem(NamedTuple):
    """What is wrong with a map: the place, a path such as ``seats[3].row``; the problem; how to mend it."""

    place: str
    problem: str
    mend: str


class SeatKind(StrEnum):
    """What a seat is. Who may take it is decided in `rules`."""

    STANDARD = "standard"
    WHEELCHAIR = "wheelchair"
    COMPANION = "companion"
    SOFA_LEFT = "sofa_left"
    SOFA_MIDDLE = "sofa_middle"
    SOFA_RIGHT = "sofa_right"


class Seat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One seat: ``row`` and ``number`` as printed on the ticket, its position, a category key, the name of an area."""

    row: str
    number: str
    x: float
    y: float
    category: str
    area: str = ""
    kind: SeatKind = SeatKind.STANDARD

    @property
    def label(self) -> str:
        """Row and number as people say them: ``C-7``."""
        return f"{self.row}-{self.number}"


class Category(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seats of one price: ``key`` is what prices refer to, ``color`` is ``#rrggbb``."""

    key: str
    name: str
    color: str


class GeneralArea(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An area whose places are counted, not numbered: standing room, beanbags, a lawn.

    ``category`` is the key of a category, ``capacity`` the number of people. The area is drawn as a rectangle ``width``
    by ``height`` around ``x`` and ``y``, in seat pitches.
    """

    key: str
    name: str
    category: str
    capacity: int
    x: float
    y: float
    width: float
    height: float


class Screen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The screen: its centre and its width, in seat pitches."""

    x: float
    y: float
    width: float


class SeatMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A hall. `SeatMap.build` and `SeatMap.decode` make validated ones, or raise `BadSeatMap`.

    ``groups`` are tuples of seat indexes that are only sold together, for example the two halves of a sofa.
    """

    name: str
    categories: tuple[Category, ...]
    screen: Screen
    seats: tuple[Seat, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    general_areas: tuple[GeneralArea, ...] = ()

    @classmethod
    def build(
        cls,
        *,
        name: str,
        categories: Iterable[Category],
        screen: Screen,
        seats: Iterable[Seat],
        groups: Iterable[Iterable[int]] = (),
        general_areas: Iterable[GeneralArea] = (),
    ) -> SeatMap:
        """Make and validate a map."""
        made = cls(
            name=name,
            categories=tuple(categories),
            screen=screen,
            seats=tuple(seats),
            groups=in_order(groups),
            general_areas=tuple(general_areas),
        )
        # A coordinate given as 3 comes back from JSON as 3.0, but the map must have the same hash before and after.
        made = msgspec.convert(msgspec.to_builtins(made), cls)
        made.validate()
        return made

    @classmethod
    def decode(cls, document: bytes) -> SeatMap:
        """Read our own JSON form, as `encode` writes it, with groups and their seats in any order."""
        made = decode(document, cls)
        made.validate()
        return msgspec.structs.replace(made, groups=in_order(made.groups))

    def encode(self) -> bytes:
        """The map as JSON; equal maps have equal bytes."""
        fields = msgspec.structs.asdict(self)
        if not self.general_areas:
            # Without such areas, leave the field out: halls keep the bytes, and so the hash, from before it existed.
            del fields["general_areas"]
        return msgspec.json.encode(fields, order="sorted")

    @cached_property
    def content_hash(self) -> str:
        """The identity of the map: 32 hexadecimal digits of the SHA-256 of `encode`."""
        return hashlib.sha256(self.encode()).hexdigest()[:32]

    @cached_property
    def index_by_label(self) -> dict[str, int]:
        """Seat label (``C-7``) → seat index."""
        return {seat.label: index for index, seat in enumerate(self.seats)}

    @cached_property
    def group_of(self) -> dict[int, tuple[int, ...]]:
        """Seat index → all seats of its group, including itself; seats without a group are absent."""
        return {index: group for group in self.groups for index in group}

    @cached_property
    def place_count(self) -> int:
        """How many places a room of this hall has: its numbered seats and the capacities of its general areas."""
        return self._area_starts[-1]

    def places_of(self, area: int) -> range:
        """The places of ``general_areas[area]``, as indexes after the numbered seats. Raises `IndexError`."""
        if not 0 <= area < len(self.general_areas):
            raise IndexError(f"no general area {area}")
        return range(self._area_starts[area], self._area_starts[area + 1])

    def area_of(self, place: int) -> int | None:
        """The index of the general area of ``place``; None for a numbered seat. Raises `IndexError`."""
        if not 0 <= place < self.place_count:
            raise IndexError(f"no place {place}")
        return bisect_right(self._area_starts, place) - 1 if place >= len(self.seats) else None

    def category_of(self, place: int) -> str:
        """The key of the category of a seat or of a place of a general area. Raises `IndexError`."""
        if place < 0:
            raise IndexError(f"no place {place}")
        return self._categories[place]

    @cached_property
    def _categories(self) -> tuple[str, ...]:
        areas = (repeat(area.category, area.capacity) for area in self.general_areas)
        return (*(seat.category for seat in self.seats), *chain.from_iterable(areas))

    @cached_property
    def _area_starts(self) -> tuple[int, ...]:
        """The first place of every general area, followed by the number of all places."""
        return tuple(accumulate((area.capacity for area in self.general_areas), initial=len(self.seats)))

    def derived(self, make: Callable[[SeatMap], Table]) -> Table:
        """What ``make`` makes of this map, made once and kept with it. For tables of modules above this one."""
        if make not in self._tables:
            self._tables[make] = make(self)
        table: Table = self._tables[make]
        return table

    @cached_property
    def _tables(self) -> dict[Any, Any]:
        return {}

    def unknown(self, seats: Iterable[int]) -> list[int]:
        """Those of ``seats`` that are not numbered seats of this map, sorted."""
        return sorted({seat for seat in seats if not 0 <= seat < len(self.seats)})

    def torn_groups(self, seats: Iterable[int]) -> list[int]:
        """Those of ``seats`` whose group is only partly among them, sorted."""
        asked = set(seats)
        return sorted(seat for seat in asked if not asked.issuperset(self.group_of.get(seat, ())))

    def validate(self) -> None:
        """Raise `BadSeatMap` for the first of `problems`."""
        for place, problem, _ in self.problems():
            raise BadSeatMap(place, problem)

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with the map; a validated map has no problems."""
        if not self.seats and not self.general_areas:
            yield Problem("seats", "the map has no seats", "list its seats, or its general areas")
        if len(self.seats) > MAX_SEATS:
            too_many = f"{len(self.seats)} seats; at most {MAX_SEATS} are allowed"
            yield Problem("seats", too_many, "make several halls of it")
            return
        yield from _text_problem("name", self.name, MAX_NAME)
        yield from self._problems_of_categories()
        for part in ("x", "y", "width"):
            yield from _number_problem(f"screen.{part}", getattr(self.screen, part))
        if self.screen.width <= 0:
            yield Problem("screen.width", f"is {self.screen.width}; expected more than 0", "say how wide the screen is")
        categories = {category.key for category in self.categories}
        yield from self._problems_of_seats(categories)
        yield from self._problems_of_groups()
        yield from self._problems_of_areas(categories)

    def _problems_of_categories(self) -> Iterator[Problem]:
        for index, (key, count) in enumerate(Counter(category.key for category in self.categories).items()):
            yield from _text_problem(f"categories[{index}].key", key, MAX_NAME)
            if count > 1:
                yield Problem("categories", f"the key {key!r} stands {count} times", "give each category its own key")
        for index, category in enumerate(self.categories):
            yield from _text_problem(f"categories[{index}].name", category.name, MAX_NAME)
            if not COLOR.fullmatch(category.color):
                problem = f"is {category.color!r}; expected a colour like #0072b2"
                yield Problem(f"categories[{index}].color", problem, "write it with six lower-case hexadecimal digits")

    def _problems_of_seats(self, categories: set[str]) -> Iterator[Problem]:
        labels: dict[str, int] = {}
        spots: dict[tuple[float, float], int] = {}
        # Most seats share their texts with others, so a text is checked once.
        fine = {(MAX_NAME, "")}
        for index, seat in enumerate(self.seats):
            place = f"seats[{index}]"
            for field, text, longest in (
                ("row", seat.row, MAX_LABEL),
                ("number", seat.number, MAX_LABEL),
                ("area", seat.area, MAX_NAME),
            ):
                if (longest, text) not in fine:
                    problems = list(_text_problem(f"{place}.{field}", text, longest))
                    yield from problems
                    if not problems:
                        fine.add((longest, text))
            if not (abs(seat.x) <= MAX_COORDINATE and abs(seat.y) <= MAX_COORDINATE):
                yield from _number_problem(f"{place}.x", seat.x)
                yield from _number_problem(f"{place}.y", seat.y)
            if seat.category not in categories:
                yield _unknown_category(place, seat.category)
            first = labels.setdefault(seat.label, index)
            if first != index:
                problem = f"the label {seat.label!r} is already that of seats[{first}]"
                yield Problem(place, problem, "give one of the two another number, or its row another name")
            first = spots.setdefault((seat.x, seat.y), index)
            if first != index:
                problem = f"stands on the very spot of seats[{first}]"
                yield Problem(place, problem, "move one of the two, or take it out")

    def _problems_of_groups(self) -> Iterator[Problem]:
        owner: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            place = f"groups[{number}]"
            if len(set(group)) < 2:
                yield Problem(place, "a group has at least two different seats", "complete the group, or take it out")
            if len(set(group)) < len(group):
                yield Problem(place, "names a seat twice", "name each seat once")
            if missing := self.unknown(group):
                yield Problem(place, f"there is no seat {missing[0]}", "take that seat out of the group")
            for seat in group:
                if owner.setdefault(seat, number) != number:
                    problem = f"seat {seat} is already in groups[{owner[seat]}]"
                    yield Problem(place, problem, "leave each seat in one group")

    def _problems_of_areas(self, categories: set[str]) -> Iterator[Problem]:
        if len(self.general_areas) > MAX_AREAS:
            too_many = f"{len(self.general_areas)} areas; at most {MAX_AREAS} are allowed"
            yield Problem("general_areas", too_many, "put areas of one category together")
        keys: dict[str, int] = {}
        for index, area in enumerate(self.general_areas):
            place = f"general_areas[{index}]"
            yield from _text_problem(f"{place}.key", area.key, MAX_NAME)
            yield from _text_problem(f"{place}.name", area.name, MAX_NAME)
            if not 1 <= area.capacity <= MAX_SEATS:
                # The number itself is not repeated: it may have thousands of digits.
                problem = f"is out of range; expected 1 to {MAX_SEATS}"
                yield Problem(f"{place}.capacity", problem, "say how many people the area is for")
            for part in ("x", "y", "width", "height"):
                yield from _number_problem(f"{place}.{part}", getattr(area, part))
            for part in ("width", "height"):
                if getattr(area, part) <= 0:
                    problem = f"is {getattr(area, part)}; expected more than 0"
                    yield Problem(f"{place}.{part}", problem, "say how large the area is, in seat pitches")
            if area.category not in categories:
                yield _unknown_category(place, area.category)
            first = keys.setdefault(area.key, index)
            if first != index:
                problem = f"the key {area.key!r} is already that of general_areas[{first}]"
                yield Problem(place, problem, "give each area its own key")
        places = len(self.seats) + sum(area.capacity for area in self.general_areas if 0 < area.capacity <= MAX_SEATS)
        if places > MAX_SEATS:
            too_many = f"with them the map has {places} places; at most {MAX_SEATS} are allowed"
            yield Problem("general_areas", too_many, "lower the areas' capacities")


def in_order(groups: Iterable[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
    """Groups and their seats in the order that the hash relies on."""
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def check_text(place: str, text: str, longest: int) -> None:
    """Raise `BadSeatMap` if ``text`` is empty, too long or not printable."""
    for _, problem, _ in _text_problem(place, text, longest):
        raise BadSeatMap(place, problem)


def _text_problem(place: str, text: str, longest: int) -> Iterator[Problem]:
    if not text.strip():
        yield Problem(place, "is empty", "write what is to be read there")
    elif len(text) > longest:
        yield Problem(place, f"is longer than {longest} characters", "shorten it")
    elif not text.isprintable():
        # Names reach terminals and pages, which do not expect control characters and line breaks.
        yield Problem(place, "has characters that cannot be printed", "take out line breaks and control characters")


def _number_problem(place: str, number: float) -> Iterator[Problem]:
    if not math.isfinite(number) or abs(number) > MAX_COORDINATE:
        problem = f"{number} is not a usable coordinate"
        yield Problem(place, problem, f"use seat pitches, at most {MAX_COORDINATE} from the origin")


def _unknown_category(place: str, category: str) -> Problem:
    problem = f"{category!r} is not one of the categories"
    return Problem(f"{place}.category", problem, "add the category, or use the key of another")
