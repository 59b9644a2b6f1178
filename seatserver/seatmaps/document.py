"""From the bytes of a seat-map file to typed values, with one clear error for whatever is wrong.

All readers of hall files go through `decode`: it bounds the size, says line and column where the text is no JSON, and
names the place in the file (``Areas[2].Rows[4].Seats[7].Position.ColumnIndex``) where the JSON is not of the expected
form. This module is pure.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from seatserver.errors import BadSeatMap

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

T = TypeVar("T")


def decode(document: bytes, form: type[T]) -> T:
    """Decode JSON into ``form``; raises `BadSeatMap` with the place, whatever the bytes are."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BadSeatMap("", f"the file is larger than {MAX_DOCUMENT_BYTES // 1024 // 1024} MB")
    document = document.removeprefix(BYTE_ORDER_MARK)
    try:
        document.decode()
    except UnicodeDecodeError as error:
        raise BadSeatMap(_line_and_column(document, error.start), "is not UTF-8 text") from None
    try:
        return msgspec.json.decode(document, type=form)
    except msgspec.ValidationError as error:
        raise _misplaced(str(error)) from None
    except msgspec.DecodeError as error:
        raise _malformed(document, str(error)) from None
    except RecursionError:
        raise BadSeatMap("", "the file is nested too deeply") from None


def _misplaced(message: str) -> BadSeatMap:
    """msgspec says ``Expected `int`, got `str` - at `$.Seats[0].Position```; we put the place first."""
    problem, _, path = message.partition(" - at `$")
    problem = problem.replace("`", "").replace("Object missing", "misses the").replace("Object contains", "has the")
    problem = problem[:1].lower() + problem[1:].replace("array", "list")
    return BadSeatMap(path.rstrip("`").lstrip("."), problem if path else f"the file is no seat map: {problem}")


def _malformed(document: bytes, message: str) -> BadSeatMap:
    found = re.search(r"^(?:JSON is malformed: )?(.*?)(?: \(byte (\d+)\))?$", message)
    problem, byte = (found[1], found[2]) if found else (message, None)
    at = len(document) if byte is None else int(byte)
    if byte is None and "truncated" in message:
        problem = "the file ends in the middle" if document.strip() else "the file is empty"
    return BadSeatMap(_line_and_column(document, at), f"not valid JSON: {problem}")


def _line_and_column(document: bytes, at: int) -> str:
    before = document[:at]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode(errors="replace")) + 1
    line = before.count(b"\n") + 1
    return f"line {line}, column {column}"
