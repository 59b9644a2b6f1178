"""Promises of files as large as may be: 15 MB of anything is answered soon, in bounded memory.

The promise to people is that reading a file takes two seconds on a machine with two slow cores. `seatmap check` reads
and checks it, so it may take longer. No test depends on how fast a machine is, so here it is `SECONDS` of processor
time: far too little for work that grows with more than the size of the file. Each file is read in a process of its own,
so that its peak of memory is its own too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.parsing.json_text import MAX_CONTAINERS, parse

SIZE = 15_000_000
SECONDS = 10.0
MEGABYTES = 400
"""The file itself, its text and its tree. Files of half a megabyte need 60."""

READ = """
import re, sys, time
from pathlib import Path
from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.inspection.inspect import check_document
document = sys.stdin.buffer.read()
began = time.process_time()
try:
    answer = f"{len(read_seat_map(document).seat_map.seats)} seats"
except BadSeatMap as error:
    answer = error.message
read = time.process_time() - began
report = check_document(document)
checked = time.process_time() - began - read
# Not `ru_maxrss`: that remembers the process which started this one.
kilobytes = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(read, checked, int(kilobytes) / 1024, answer)
"""


def read(document: bytes) -> str:
    """What is answered to a file that is read, and that is checked, in the promised time and memory."""
    command = [sys.executable, "-c", READ]
    ended = subprocess.run(command, input=document, capture_output=True, timeout=600, check=True)
    seconds, seconds_to_check, megabytes, answer = ended.stdout.decode().split(maxsplit=3)
    assert float(seconds) < SECONDS and float(seconds_to_check) < SECONDS
    assert float(megabytes) < MEGABYTES
    return answer.strip()


def vista(areas: int, per_area: int, columns: int, note: int, **more: Any) -> bytes:
    """Halls of Vista's, each seat with a ``note`` of so many characters; ``more`` replaces fields of all seats."""
    found = []
    for area in range(areas):
        seats = [
            {
                "Id": str(seat % columns + 1),
                "Position": {"AreaNumber": area + 1, "RowIndex": seat // columns, "ColumnIndex": seat % columns},
                "SeatStyle": 0,
                "SeatsInGroup": None,
                "Note": "x" * note,
                **more,
            }
            for seat in range(per_area)
        ]
        rows = [
            {"PhysicalName": f"R{first // columns}", "Seats": seats[first : first + columns]}
            for first in range(0, per_area, columns)
        ]
        rectangle = {"Left": area % 14 * 7.0, "Top": area // 14 * 6.5, "Width": 6.0, "Height": 5.0}
        named = {"Number": area + 1, "AreaCategoryCode": f"{area % 9}", "Description": f"Area {area}"}
        found.append({**named, **rectangle, "ColumnCount": columns, "RowCount": len(rows), "Rows": rows})
    return json.dumps({"SeatLayoutData": {"Areas": found, "ScreenStart": 0, "ScreenWidth": 100}}).encode()


def own(seats: int, **more: Any) -> bytes:
    """Halls of our own form; ``more`` replaces fields of all seats."""
    found = [
        {
            **{"row": f"R{seat // 200}", "number": str(seat % 200), "x": seat % 200, "y": seat // 200},
            **{"category": "c", "area": "x" * 150, **more},
        }
        for seat in range(seats)
    ]
    categories = [{"key": "c", "name": "c", "color": "#ff0000"}]
    screen = {"x": 0, "y": -3, "width": 10}
    return json.dumps({"name": "O", "categories": categories, "screen": screen, "seats": found}).encode()


def pretix(zones: int, seats: int, **more: Any) -> bytes:
    """Plans of pretix, one row a zone, the rows behind one another."""
    row = [
        {
            "seat_number": str(seat),
            "seat_guid": "x" * 190,
            "category": "c",
            "position": {"x": seat * 40, "y": 0},
            **more,
        }
        for seat in range(seats)
    ]
    found = [
        {"name": f"z{zone}", "position": {"x": 0, "y": zone * 40}, "rows": [{"row_number": "A", "seats": row}]}
        for zone in range(zones)
    ]
    return json.dumps({"name": "P", "categories": [{"name": "c"}], "zones": found}).encode()


def csv(headers: str, line: Callable[[int], str], lines: int) -> bytes:
    """A list of seats."""
    return "\n".join([headers, *map(line, range(lines))]).encode()


HALLS = {
    "many areas": lambda: vista(199, 200, 50, 245),
    "as UTF-16": lambda: vista(199, 200, 50, 40).decode().encode("utf-16"),
    "inside a text": lambda: json.dumps({"Data": vista(199, 200, 50, 190).decode()}).encode(),
    "in GraphQL's answer": lambda: b'{"data":{"hall":' + vista(199, 200, 50, 245) + b"}}",
    "long rows": lambda: vista(25, 2000, 2000, 180),
    "a plan of pretix": lambda: pretix(250, 200),
    "our own form": lambda: own(50_000),
    "one group of all seats": lambda: own(50_000)[:-1] + b',"groups":[' + json.dumps([*range(50_000)]).encode() + b"]}",
    "a list": lambda: csv("row,seat,note", lambda n: f"{n // 200},{n % 200},{'x' * 280}", 50_000),
    "a list with places": lambda: csv("row,seat,x,y", lambda n: f"{n // 200},{n % 200},{n % 200},{n // 200}", 50_000),
}  # fmt: skip
MISTAKES = {
    "keys": lambda: json.dumps(dict.fromkeys(map("key{:06d}".format, range(900_000)), 1)).encode(),
    "short keys": lambda: json.dumps(dict.fromkeys(map("{:x}".format, range(1_500_000)), 1)).encode(),
    "a doubled key": lambda: b'{"key000001":1,' + b",".join(b'"key%06d":1' % n for n in range(900_000)) + b"}",
    "one key": lambda: b'{"a":1' + b',"a":1' * 2_400_000 + b"}",
    "doubled keys": lambda: b"[" + b",".join([b'{"abcdefghij":1,"abcdefghij":2}'] * 480_000) + b"]",
    "empty objects": lambda: b"[" + b",".join([b"{}"] * 5_000_000) + b"]",
    "empty lists": lambda: b"[" + b",".join([b"[]"] * (MAX_CONTAINERS - 1)) + b"]",
    "nested": lambda: b"[" + b",".join([b"[" * 900 + b"]" * 900] * 550) + b"]",
    "nested objects": lambda: b'{"a":' * 2_500_000 + b"1" + b"}" * 2_500_000,
    "numbers": lambda: b"[" + b"1," * 7_400_000 + b"1]",
    "numbers hard to round": lambda: b"[" + b"1.23456789012345e-300," * 680_000 + b"1]",
    "a long number": lambda: b"[" + b"9" * SIZE + b"]",
    "a text that never ends": lambda: b'["' + b"x" * SIZE,
    "quotes without commas": lambda: b"[" + b'"a" ' * 3_700_000,
    "NaN behind texts with NaN": lambda: b'["' + b'NaN \\"' * 2_000_000 + b'", NaN]',
    "a broken end": lambda: vista(199, 200, 50, 245)[:-1],
    "texts with halls that are none": lambda: json.dumps({f"k{n}": "[" + "1," * 14_000 for n in range(500)}).encode(),
    "too many areas": lambda: json.dumps(
        {"SeatLayoutData": {"Areas": [{"AreaCategoryCode": "a" * 40, "Rows": []}] * 200_000}}
    ).encode(),
    "too many categories": lambda: json.dumps(
        {"categories": [{"name": f"c{n}"} for n in range(400_000)], "zones": []}
    ).encode(),
    "seats without a number": lambda: vista(199, 200, 50, 230, Id=None),
    "seats beyond the grid": lambda: vista(199, 200, 50, 220, Position={"RowIndex": -1, "ColumnIndex": 9999}),
    "seats on one spot": lambda: own(50_000, x=1, y=1),
    "seats of one name": lambda: own(50_000, number="1"),
    "seats of an unknown category": lambda: own(50_000, category="z"),
    "unknown fields": lambda: own(50_000, foo="z"),
    "pretix's seats on one spot": lambda: pretix(250, 200, position={"x": 5, "y": 5}),
    "a list with carriage returns": lambda: b"row,seat\r" + b"A,1,\r" * 2_900_000,
    "a list of too many seats": lambda: csv("row,seat", lambda n: f"R{n // 100},{n % 100}{'x' * 60}", 199_000),
    "a list without numbers": lambda: csv("row,seat,x,y", lambda n: f"R,{n},{'z' * 130},{'z' * 130}", 50_000),
    "a quotation mark that never closes": lambda: b'row,seat\n"' + b"a,1\n" * 199_000 + b"y" * 14_000_000,
    "a wide list": lambda: csv("row,seat", lambda n: f"a,{n}{',' * 14_000}x", 1000),
    "a wide map": lambda: b"AAAA__AAAA" + b"_" * 14_900_000,
    "a long map": lambda: b"AAAA__AAAA" * 7 + b"\n" + b"AAAA______" * 7 * 190_000,
    "characters that split lines": lambda: b"\x0b" * SIZE,
    "words": lambda: b"hello world " * 1_250_000,
    "line breaks": lambda: b"\n" * SIZE + b"{",
    "bytes that are no text": lambda: b"a" * (SIZE - 1) + b"\xff",
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", HALLS)
def test_a_hall_of_15_mb_is_read(name: str) -> None:
    document = HALLS[name]()
    assert read(document).endswith(" seats")


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_15_mb_of_anything_else_are_refused_in_little_time_and_memory(name: str) -> None:
    read(MISTAKES[name]())


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(TREES, st.booleans())
def test_json_is_read_exactly_as_python_reads_it(tree: Any, ascii_only: bool) -> None:
    document = json.dumps(tree, ensure_ascii=ascii_only).encode()
    assert repr(parse(document)) == repr(json.loads(document))
