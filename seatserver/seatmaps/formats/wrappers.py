"""Finds the hall inside a JSON file, whatever is wrapped around it, and gives it the form its reader expects.

Proxies and APIs put a hall inside other objects (``{"data": {"hall": {…}}}``), inside a text that is JSON itself
(``{"Data": "{…}"}``) or inside a list of one. Vista's own answer also comes with keys in camelCase, with numbers and
enums as text, and as bare rows without areas. `find_hall` opens all of that and remembers the places:
`Found.original` says where in the file something is that the reader sees elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.model import MAX_SEATS
from seatserver.seatmaps.parsing.json_text import parse, step
from seatserver.seatmaps.wording import shown

Form = Literal["vista", "pretix", "own"]
MAX_DEPTH = 6
MAX_RENAMED_DEPTH = 40
MAX_OPENED = 500
"""How many objects and texts of a file are opened to find the hall."""
MAX_KEYS = 500
"""How many keys of an object are read to see what it is. Halls have a dozen; other objects may have a million."""
EXPECTED = (
    "expected `SeatLayoutData` or rows of seats (Vista), `zones` (a pretix seating plan) or `seats` (our own form)"
    " in JSON, a list of seats (CSV with headers such as section,row,seat,price), or a map of characters (AAAA__AAAA)"
)

_VISTA_NAMES = {
    name.lower(): name
    for name in (
        *("SeatLayoutData", "ErrorDescription", "Areas", "ScreenStart", "ScreenWidth", "AreaCategoryCode", "Rows"),
        *("Description", "Number", "NumberOfSeats", "IsAllocatedSeating", "Left", "Top", "Width", "Height"),
        *("ColumnCount", "RowCount", "PhysicalName", "Seats", "Id", "Position", "SeatStyle", "Status"),
        *("OriginalStatus", "SeatsInGroup", "AreaNumber", "RowIndex", "ColumnIndex"),
    )
}
_WHOLE = frozenset(
    ("RowIndex", "ColumnIndex", "SeatStyle", "Status", "OriginalStatus", "NumberOfSeats", "RowCount", "ColumnCount")
)
_STYLES = (("left", 3), ("middle", 2), ("right", 1), ("normal", 0), ("standard", 0), ("none", 0))
_EMPTY = {"", "empty", "available", "free", "none"}
_ROW_NAMES = ("PhysicalName", "name", "rowName", "label")
_INDEX = re.compile(r"-?\d{1,9}")
_WORD = re.compile(r"[A-Za-z]\w*")
_SEAT = re.compile(r"(SeatLayoutData\.Areas\[\d+\])(\.Rows\[\d+\])?(\.Seats\[\d+\])?")


class Found(NamedTuple):
    """The hall: its form, its tree, the name that its wrapper gives it, and where its parts are in the file."""

    form: Form
    tree: Any
    name: str
    original: Callable[[str], str]


def find_hall(tree: Any) -> Found:
    """The one hall of a file. Raises `BadSeatMap` if there is none, or more than one."""
    level = [("", tree, "")]
    opened = 0
    for _ in range(MAX_DEPTH):
        halls = [made for place, value, name in level if (made := _hall(value, place, name)) is not None]
        if len(halls) > 1:
            raise BadSeatMap("", "the file holds several halls; import them one by one")
        if halls:
            return halls[0]
        inner = []
        for place, value, name in level:
            for part in _inside(place, value, name):
                opened += 1
                if opened > MAX_OPENED:
                    break
                inner.append(part)
        level = inner
    if not isinstance(tree, dict | list):
        raise BadSeatMap("", f"the file is no seat map: {EXPECTED}")
    if isinstance(tree, list) and not tree:
        raise BadSeatMap("", "the file is no seat map: expected object, got list")
    keys = ", ".join(shown(str(key)) for key in list(tree)[:8]) if isinstance(tree, dict) else "a list"
    raise BadSeatMap("", f"the file is no seat map: {EXPECTED}; found {keys or 'an empty object'}")


def _inside(place: str, value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """What may be the hall, one step further in."""
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "["):
            try:
                yield f"{place} → " if place else "", parse(value.encode(errors="replace")), name
            except BadSeatMap as error:
                raise BadSeatMap(f"{place} → {error.place}" if error.place else place, error.problem) from None
    elif isinstance(value, dict):
        named = value.get("name")
        for key, part in value.items():
            if isinstance(part, dict | list) or (isinstance(part, str) and part.lstrip()[:1] in ("{", "[")):
                yield _joined(place, step(key)), part, named if isinstance(named, str) else name
    elif isinstance(value, list):
        yield from ((f"{place}[{index}]", part, name) for index, part in enumerate(value) if isinstance(part, dict))


def _joined(place: str, more: str) -> str:
    return place + more.lstrip(".") if not place or place.endswith("→ ") else place + more


def _hall(value: Any, place: str, name: str) -> Found | None:
    if not isinstance(value, dict):
        return None

    def inside(text: str) -> str:
        if not text:
            return place.removesuffix(" → ")
        return _joined(place, text if text.startswith("[") else f".{text}")

    keys = {_plain(key): key for key in islice(value, MAX_KEYS)}
    if "seatlayoutdata" in keys:
        tree, original = _vista_answer(value)
        return Found("vista", tree, name, _chained(original, inside))
    if "zones" in value:
        return Found("pretix", value, name, inside)
    for part in ("rows", "seats"):
        rows = value.get(keys.get(part, ""))
        if isinstance(rows, list) and any(_is_row(row) for row in rows[:100]):
            tree, from_rows = _from_rows(rows, keys[part])
            return Found("vista", tree, name, _chained(from_rows, inside))
    areas = value.get(keys.get("areas", ""))
    if isinstance(areas, list) and any(_is_area(area) for area in areas[:100]):
        tree, original = _vista_answer({"SeatLayoutData": value})

        def bare(text: str) -> str:
            return original(text).removeprefix("SeatLayoutData").lstrip(".")

        return Found("vista", tree, name, _chained(bare, inside))
    return Found("own", value, name, inside) if "seats" in value else None


def _chained(one: Callable[[str], str], other: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: other(one(text))


def _is_area(area: Any) -> bool:
    return isinstance(area, dict) and "rows" in map(_plain, islice(area, MAX_KEYS))


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    keys = set(map(_plain, islice(row, MAX_KEYS)))
    return bool(keys & {"seats", "columns"}) and bool(keys & {"physicalname", "name", "rowname", "label"})


def _vista_answer(answer: dict[str, Any]) -> tuple[Any, Callable[[str], str]]:
    """Vista's answer with Vista's names and numbers, and the way back to the places of the file."""
    renamed = _Renaming()
    tree = renamed(answer)
    return tree, renamed.original if renamed.names else str


class _Renaming:
    """Gives Vista's keys and numbers to a tree that spells them otherwise. ``names`` are Vista's keys → the file's."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        # A hall has a dozen different keys and hundreds of thousands of all.
        self._ours: dict[str, str] = {}

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """The tree, renamed; deeper than `MAX_RENAMED_DEPTH` it stays as it is."""
        if depth > MAX_RENAMED_DEPTH:
            return value
        if isinstance(value, list):
            return [self(part, depth + 1) if isinstance(part, dict | list) else part for part in value]
        if not isinstance(value, dict):
            return value
        made = {}
        for key, part in value.items():
            ours = self._ours.get(key) or self._name(key)
            if ours != key:
                if ours in value:
                    ours = key  # the file has the proper key too
                else:
                    self.names[ours] = key
            if ours in _WHOLE:
                made[ours] = part if type(part) is int else _as_number(ours, part)
            else:
                made[ours] = self(part, depth + 1) if isinstance(part, dict | list) else part
        return made

    def _name(self, key: str) -> str:
        ours = _VISTA_NAMES.get(_plain(key)) or key
        if len(self._ours) < MAX_KEYS:
            self._ours[key] = ours
        return ours

    def original(self, place: str) -> str:
        """A place as it is spelled in the file."""
        return _WORD.sub(lambda found: self.names.get(found[0], found[0]), place)


def _as_number(field: str, value: Any) -> Any:
    """A number that the file writes as text, or as one of Vista's words; any other value unchanged."""
    if isinstance(value, bool) or not isinstance(value, str):
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e9 else value
    text = value.strip()
    if _INDEX.fullmatch(text):
        return int(text)
    word = text.lower()
    if field == "SeatStyle":
        return next((number for part, number in _STYLES if part in word), 9) if word else 0
    if field in ("Status", "OriginalStatus"):
        return 0 if word in _EMPTY else 1
    return value


def _from_rows(rows: list[Any], key: str) -> tuple[Any, Callable[[str], str]]:
    """Vista's answer made of bare rows, and the way back to the places of the file.

    It has an area for each area number and category that the seats or their rows name; all areas share one grid, as
    the rows do.
    """
    renamed = _Renaming()
    areas: dict[tuple[int | str | None, str], dict[str, Any]] = {}
    at: dict[str, str] = {}
    count = 0
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise BadSeatMap(f"{key}[{number}]", "is no row: expected object")
        own = {_plain(name): name for name in row}
        label = next((row[own[_plain(name)]] for name in _ROW_NAMES if _plain(name) in own), None)
        listed = own.get("seats") or own.get("columns") or "seats"
        seats = row.get(listed) or []
        if not isinstance(seats, list):
            raise BadSeatMap(f"{key}[{number}].{listed}", "expected list")
        code = row.get(own.get("areacategorycode", ""))
        for column, raw in enumerate(seats):
            if raw is None or raw in ([], {}, ""):
                continue  # an aisle
            place = f"{key}[{number}].{listed}[{column}]"
            if not isinstance(raw, dict):
                raise BadSeatMap(place, "is no seat: expected object, or [] for an aisle")
            count += 1
            if count > MAX_SEATS:
                raise BadSeatMap(key, f"more than {MAX_SEATS} seats; at most {MAX_SEATS} are allowed")
            seat = renamed(raw)
            position = seat.get("Position")
            if position is None:
                position = seat["Position"] = {"RowIndex": number, "ColumnIndex": seat.get("ColumnIndex", column)}
            category = seat.get("AreaCategoryCode") or code or "standard"
            if isinstance(category, dict | list):
                raise BadSeatMap(place, "has an area category code that is neither a text nor a number")
            said = position.get("AreaNumber") if isinstance(position, dict) else None
            area_number = said if isinstance(said, int | str) else None
            area = areas.setdefault(
                (str(area_number), str(category)),  # 1 and "1" are one area
                {"AreaCategoryCode": str(category), "Number": area_number, "Rows": []},
            )
            index = area.setdefault("index", len(areas) - 1)
            if not area["Rows"] or area["Rows"][-1]["from"] != number:
                at[f"SeatLayoutData.Areas[{index}].Rows[{len(area['Rows'])}]"] = f"{key}[{number}]"
                area["Rows"].append({"PhysicalName": label, "Seats": [], "from": number})
            made = area["Rows"][-1]
            at[f"SeatLayoutData.Areas[{index}].Rows[{len(area['Rows']) - 1}].Seats[{len(made['Seats'])}]"] = place
            made["Seats"].append(seat)
    times = Counter(area["Number"] for area in areas.values())
    for area in areas.values():
        if times[area["Number"]] > 1:
            area["Number"] = None  # several categories of one area: its number does not tell them apart

    def original(place: str) -> str:
        found = _SEAT.match(place)
        if found is None:
            return place
        for end in (found.end(3), found.end(2)):
            if end > 0 and place[:end] in at:
                rest = place[end:].replace(".PhysicalName", "")
                return at[place[:end]] + renamed.original(rest)
        return key

    return {"SeatLayoutData": {"Areas": list(areas.values())}}, original
