"""Finds the hall inside a JSON file, whatever is wrapped around it, and brings it into the shape its reader expects.

Proxies and APIs put a hall inside other objects (``{"data": {"hall": {…}}}``), inside a text that is JSON itself
(``{"Data": "{…}"}``) or inside a list of one. Vista's own answer comes with keys in camelCase, numbers and enums as
text, and as bare rows without areas. `find_hall` opens all of that and keeps the places: `Found.original` says where in
the file something is that the reader sees elsewhere. This module is pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.parsing.json_text import parse, step
from seatserver.seatmaps.wording import shown

Form = Literal["vista", "pretix", "own"]
MAX_DEPTH = 6
MAX_OPENED = 500
"""So many objects and texts of a file are opened to find the hall."""
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
_SEAT = re.compile(r"(SeatLayoutData\.Areas\[\d+\])(\.Rows\[\d+\])?(\.Seats\[\d+\])?")


class Found(NamedTuple):
    """The hall: its form, its tree, what its wrapper calls it, and where its parts are in the file."""

    form: Form
    tree: Any
    name: str
    original: Callable[[str], str]


def find_hall(tree: Any) -> Found:
    """The one hall of a file; raises `BadSeatMap` where there is none, or more than one."""
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
    """What may be the hall one step further in."""
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

    # Of an object with thousands of keys only the first are looked at: halls have a dozen.
    keys = {_plain(key): key for key in islice(value, 500)}
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
    return isinstance(area, dict) and "rows" in map(_plain, area)


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    keys = set(map(_plain, row))
    return bool(keys & {"seats", "columns"}) and bool(keys & {"physicalname", "name", "rowname", "label"})


def _vista_answer(answer: dict[str, Any]) -> tuple[Any, Callable[[str], str]]:
    """Vista's answer with Vista's names and numbers, and how the file calls its places."""
    names: dict[str, str] = {}
    tree = _renamed(answer, names)
    if not names:
        return tree, str
    word = re.compile(r"[A-Za-z]\w*")
    return tree, lambda place: word.sub(lambda found: names.get(found[0], found[0]), place)


def _renamed(value: Any, names: dict[str, str], depth: int = 0) -> Any:
    if depth > 40:
        return value
    if isinstance(value, list):
        return [_renamed(part, names, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, part in value.items():
        ours = _VISTA_NAMES.get(_plain(key)) or str(key)
        if ours != key:
            if ours in value:
                ours = key  # the file has the proper key besides
            else:
                names[ours] = key
        made[ours] = _as_number(ours, part) if ours in _WHOLE else _renamed(part, names, depth + 1)
    return made


def _as_number(field: str, value: Any) -> Any:
    """A number that the file has as text, or as one of Vista's words; anything else as it is."""
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
    """An answer made of bare rows: an area for each area number and category that the seats or their rows name.

    All of them share one grid, as the rows do.
    """
    names: dict[str, str] = {}
    areas: dict[tuple[str, str], dict[str, Any]] = {}
    at: dict[str, str] = {}
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
            seat = _renamed(raw, names)
            position = seat.get("Position")
            if position is None:
                position = seat["Position"] = {"RowIndex": number, "ColumnIndex": seat.get("ColumnIndex", column)}
            category = str(seat.get("AreaCategoryCode") or code or "standard")
            said = position.get("AreaNumber") if isinstance(position, dict) else None
            area = areas.setdefault(
                (str(said), category),
                {"AreaCategoryCode": category, "Number": said if isinstance(said, int | str) else None, "Rows": []},
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
            area["Number"] = None  # several categories of one area: the number tells none of them apart
    word = re.compile(r"[A-Za-z]\w*")

    def original(place: str) -> str:
        found = _SEAT.match(place)
        if found is None:
            return place
        for end in (found.end(3), found.end(2)):
            if end > 0 and place[:end] in at:
                rest = place[end:].replace(".PhysicalName", "")
                return at[place[:end]] + word.sub(lambda word: names.get(word[0], word[0]), rest)
        return key

    return {"SeatLayoutData": {"Areas": list(areas.values())}}, original
