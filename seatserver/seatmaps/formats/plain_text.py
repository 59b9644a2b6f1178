"""Halls that are not JSON: lists of seats as spreadsheets write them, and maps of characters.

* A **list** has a line of headers and a line for every seat, separated by commas, semicolons or tabs. It has columns
  for row and seat, and may have some for section, price or category, kind, x and y. Headers may be in English, German,
  French, Spanish or Italian.
* A **map of characters** has a line for every row, the first at the screen. A letter or digit is a seat of that
  category; ``_``, ``.``, ``-`` and blanks are empty::

      AAAA__AAAA
      BBBB__BBBB
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from statistics import median

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import PALETTE, Draft, FoundSeat, assemble, clean, screen_before
from seatserver.seatmaps.model import MAX_SEATS, Category, Problem, SeatKind
from seatserver.seatmaps.wording import shown

LIST_FORMAT, MAP_FORMAT = "list of seats (CSV)", "map of characters"
MAX_LINES = 4 * MAX_SEATS
MAX_COLUMNS = 200
LONGEST_LINE = 10_000
"""A longer first line is not a line of headers."""
FEW_CATEGORIES = 12

HEADERS = {
    "row": "row rowname rownumber reihe reihenname fila rang riga rangee zeile",
    "number": "seat seatnumber seatno number no nr num sitz sitzplatz sitznummer platz platznummer platznr sitznr"
    " place siege asiento butaca posto",
    "area": "section area zone block bereich sektor sektion level tribune tribuene secteur seccion settore",
    "category": "category pricecategory pricelevel pricezone tier kategorie preiskategorie preisgruppe platzgruppe"
    " categorie categoria",
    "price": "price preis prix precio prezzo amount betrag",
    "kind": "kind type seattype art typ sitzart platzart",
    "x": "x posx xpos xposition positionx",
    "y": "y posy ypos yposition positiony",
}
_FIELD_OF = {word: field for field, words in HEADERS.items() for word in words.split()}
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "á": "a", "ó": "o", "ñ": "n"})
_KINDS = (
    ("compan", SeatKind.COMPANION),
    ("begleit", SeatKind.COMPANION),
    ("wheel", SeatKind.WHEELCHAIR),
    ("rollst", SeatKind.WHEELCHAIR),
    ("rolli", SeatKind.WHEELCHAIR),
)
"""What stands in the name of a kind; the first that does counts, so a companion's seat beside a wheelchair is that."""
_MAP_LINE = re.compile(r"[A-Za-z0-9_.\- ]+")
_SEAT = re.compile(r"[A-Za-z0-9]")


def draft_table(text: str, name: str) -> Draft | None:
    """The hall of a list or map, not validated; None if the text is neither. Raises `BadSeatMap`."""
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        raise BadSeatMap("", f"the file has more than {MAX_LINES} lines")
    # Not `splitlines`, which also splits at characters that nobody counted.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(";\t,", key=first.count)
    if first.count(delimiter) and len(first) <= LONGEST_LINE:
        fields = [_FIELD_OF.get(_word(header)) for header in _cells(first, delimiter)]
        if sum(field is not None for field in fields) < 2:
            return None
        return _draft_list(text, delimiter, name)
    return _draft_map(lines, name) if _is_map(lines) else None


def _word(header: str) -> str:
    return re.sub(r"[^a-z]", "", header.casefold().translate(_LETTERS))


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _draft_list(text: str, delimiter: str, name: str) -> Draft:
    rows = _rows(text, delimiter)
    line, headers = next(rows)
    fields: dict[str, int] = {}
    for column, header in enumerate(headers):
        field = _FIELD_OF.get(_word(header))
        if field is not None and field in fields:
            raise BadSeatMap(
                f"line {line}", f"two columns say the {field}: {shown(headers[fields[field]])} and {header}"
            )
        if field is not None:
            fields[field] = column
    for field, header in (("row", "row"), ("number", "seat")):
        if field not in fields:
            raise BadSeatMap(f"line {line}", f"no column says the {header}; add one with the header {header}")
    problems: list[Problem] = []
    found = list(_seats(rows, fields, len(headers), problems))
    if not found:
        for place, problem, _ in problems:
            raise BadSeatMap(place, problem)
        raise BadSeatMap(f"line {line}", "no seat follows the headers")
    notes: tuple[str, ...] = ()
    if {"x", "y"} <= set(fields):
        seats = _scaled(found)
    else:
        seats = list(_in_rows(found))
        notes = (
            "the list does not say where the seats are: its rows were put behind one another, the first at the screen,"
            " and their seats side by side from left to right; compare the drawing with the hall",
        )
    draft = _draft(LIST_FORMAT, name, seats)
    titles = {field: shown(headers[column]) for field, column in fields.items()}
    return replace(
        draft,
        notes=notes,
        found=tuple(problems),
        field_at=lambda place, field: f"{place}, {titles[field]}" if field in titles else place,
    )


def _draft(format_name: str, name: str, seats: Sequence[FoundSeat]) -> Draft:
    """The hall, with a category for each name of one, and a screen before it: neither format says more of these."""
    keys = list(dict.fromkeys(seat.category for seat in seats))
    categories = [Category(key=key, name=key, color=PALETTE[n % len(PALETTE)]) for n, key in enumerate(keys)]
    return assemble(format_name=format_name, name=name, categories=categories, screen=screen_before(seats), seats=seats)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, with their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begun = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begun, [cell.strip() for cell in cells[:MAX_COLUMNS]]
            begun = reader.line_num + 1
    except csv.Error:
        raise BadSeatMap(f"line {begun}", "a quotation mark is never closed, or a cell is too long") from None


def _seats(
    rows: Iterator[tuple[int, list[str]]], fields: dict[str, int], width: int, problems: list[Problem]
) -> Iterator[FoundSeat]:
    for count, (line, cells) in enumerate(rows):
        if count == MAX_SEATS:
            raise BadSeatMap("", f"the list has more than {MAX_SEATS} seats")
        place = f"line {line}"
        if len(cells) > width and any(cells[width:]):
            problem = f"has {len(cells)} cells under {width} headers"
            problems.append(Problem(place, problem, "put texts with a separator in them into double quotes"))
            continue
        said = {field: clean(cells[column]) if column < len(cells) else "" for field, column in fields.items()}
        x, y = (_number(said.get(part, "0")) for part in ("x", "y"))
        for part, number in (("x", x), ("y", y)):
            if number is None:
                problem = f"{shown(said[part]) or 'nothing'} is no number"
                problems.append(Problem(f"{place}, {part}", problem, "write the position as a number"))
        if x is None or y is None:
            continue
        yield FoundSeat(
            place=place,
            key=line,
            row=said["row"],
            number=said["number"],
            x=x,
            y=y,
            rank=0.0,
            category=said.get("category") or said.get("price") or "standard",
            area=said.get("area", ""),
            kind=_kind(said.get("kind", "")),
        )


def _number(text: str) -> float | None:
    """A number with a decimal point or comma; None for anything else, including NaN and infinity."""
    found = re.fullmatch(r"[+-]?\d{1,9}(?:[.,]\d{1,12})?", text)
    return float(text.replace(",", ".")) if found else None


def _kind(text: str) -> SeatKind:
    word = text.casefold()
    return next((kind for part, kind in _KINDS if part in word), SeatKind.STANDARD)


def _in_rows(found: Sequence[FoundSeat]) -> Iterator[FoundSeat]:
    """Seats side by side in their rows, rows and areas behind one another, all in the order of the list."""
    areas: dict[str, dict[str, list[FoundSeat]]] = {}
    for seat in found:
        areas.setdefault(seat.area, {}).setdefault(seat.row, []).append(seat)
    depth = 0
    for rows in areas.values():
        for row in rows.values():
            for x, seat in enumerate(row):
                yield msgspec.structs.replace(seat, x=float(x), y=float(depth), rank=float(depth))
            depth += 1
        depth += 1  # an aisle between two areas


def _scaled(found: Sequence[FoundSeat]) -> list[FoundSeat]:
    """The seats in pitches, counted from their common corner, whatever the unit of the list."""
    by_row = sorted(found, key=lambda seat: (seat.area, seat.row, seat.x, seat.y))
    steps = [
        abs(other.x - one.x) + abs(other.y - one.y)
        for _, row in groupby(by_row, key=lambda seat: (seat.area, seat.row))
        for line in [list(row)]
        for one, other in pairwise(line)
    ]
    pitch = (median(steps) if steps else 1.0) or 1.0
    left, front = min(seat.x for seat in found), min(seat.y for seat in found)
    return [
        msgspec.structs.replace(
            seat, x=(seat.x - left) / pitch, y=(seat.y - front) / pitch, rank=round((seat.y - front) / pitch * 2)
        )
        for seat in found
    ]


def _is_map(lines: Sequence[str]) -> bool:
    kept = [line for line in lines if line.strip()]
    if not kept or not all(_MAP_LINE.fullmatch(line) for line in kept):
        return False
    if sum(map(len, kept)) > 40 * MAX_SEATS:
        raise BadSeatMap("", f"the file is no seat map of at most {MAX_SEATS} seats")
    letters = [letter for line in kept for letter in line if _SEAT.match(letter)]
    stretches = sum(1 for line in kept for letter, _ in groupby(line) if _SEAT.match(letter))
    # Words rarely repeat a letter; rows of seats do little else.
    return bool(letters) and len(set(letters)) <= FEW_CATEGORIES and len(letters) >= 1.5 * stretches


def _draft_map(lines: Sequence[str], name: str) -> Draft:
    if sum(1 for line in lines for letter in line if _SEAT.match(letter)) > MAX_SEATS:
        raise BadSeatMap("", f"the map has more than {MAX_SEATS} seats")
    seats: list[FoundSeat] = []
    kept = [number for number, line in enumerate(lines) if line.strip()]
    row = 0
    for number in range(kept[0], kept[-1] + 1):
        placed = [column for column, letter in enumerate(lines[number]) if _SEAT.match(letter)]
        for seat, column in enumerate(placed, start=1):
            seats.append(
                FoundSeat(
                    place=f"line {number + 1}, column {column + 1}",
                    key=(number, column),
                    row=_row_name(row),
                    number=str(seat),
                    x=float(column),
                    y=float(number - kept[0]),
                    rank=float(number),
                    category=lines[number][column],
                    area="",
                )
            )
        row += bool(placed)
    left = min(seat.x for seat in seats)
    seats = [msgspec.structs.replace(seat, x=seat.x - left) for seat in seats]
    draft = _draft(MAP_FORMAT, name, seats)
    note = "the map does not name rows and seats: rows are A, B … from the screen on, seats 1, 2 … from the left"
    return replace(draft, notes=(note,))


def _row_name(row: int) -> str:
    """A to Z, then AA, AB …"""
    name = ""
    row += 1
    while row:
        row, letter = divmod(row - 1, 26)
        name = chr(65 + letter) + name
    return name
