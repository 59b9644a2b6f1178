"""From the bytes of a file to UTF-8 text: byte order marks, UTF-16 and UTF-32, gzip. Other kinds of files are named.

What is unpacked is bounded: at most `MAX_DOCUMENT_BYTES` come out of a gzip file, however much is in it.
"""

from __future__ import annotations

import codecs
import zlib

from seatserver.errors import BadSeatMap

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
TOO_LARGE = f"larger than {MAX_DOCUMENT_BYTES // 1024 // 1024} MB"
GZIP = b"\x1f\x8b"

_OTHERS = (
    (b"PK\x03\x04", "a ZIP or Excel file: unpack it, or save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file: save the sheet as CSV"),
    (b"%PDF", "a PDF: a hall's drawing cannot be read from it"),
    (b"\x89PNG", "a picture: a hall cannot be read from it"),
    (b"\xff\xd8\xff", "a picture: a hall cannot be read from it"),
    (b"BZh", "packed with bzip2: unpack it"),
    (b"\xfd7zXZ", "packed with xz: unpack it"),
    (b"7z\xbc\xaf", "packed with 7-Zip: unpack it"),
    (b"(\xb5/\xfd", "packed with Zstandard: unpack it"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def as_utf8(document: bytes) -> bytes:
    """The document as UTF-8 without a byte order mark. Raises `BadSeatMap` if it is not text."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BadSeatMap("", f"the file is {TOO_LARGE}")
    if document.startswith(GZIP):
        document = _unpacked(document)
    for start, what in _OTHERS:
        if document.startswith(start):
            raise BadSeatMap("", f"the file is no seat map but {what}")
    document = _transcoded(document)
    try:
        document.decode()
    except UnicodeDecodeError as error:
        place = line_and_column(document, error.start)
        raise BadSeatMap(place, "is not UTF-8 text; save the file as UTF-8") from None
    return document


def _unpacked(document: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        made = unpacking.decompress(document, MAX_DOCUMENT_BYTES + 1)
    except zlib.error:
        raise BadSeatMap("", "the file is packed with gzip, and damaged: pack it again") from None
    if len(made) > MAX_DOCUMENT_BYTES:
        raise BadSeatMap("", f"the file is {TOO_LARGE} when unpacked")
    if not unpacking.eof:
        raise BadSeatMap("", "the file is packed with gzip, and its end is missing: pack it again")
    return made


def _transcoded(document: bytes) -> bytes:
    for mark, encoding in _MARKS:
        if document.startswith(mark):
            return _from(document[len(mark) :], encoding)
    head = document[:4]
    if len(head) >= 2 and head.count(0) and len(document) % 2 == 0:
        # JSON and lists begin with ASCII, of which every other byte is zero in UTF-16.
        ways = {(True, False): "utf-16-be", (False, True): "utf-16-le"}
        found = ways.get((head[0] == 0, head[1] == 0))
        if found is not None and head[2:4] != b"\0\0":
            return _from(document, found)
    return document


def _from(document: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return document
    try:
        made = document.decode(encoding).encode()
    except UnicodeError:
        raise BadSeatMap("", f"the file is damaged: it is not {encoding.upper()} throughout") from None
    if len(made) > MAX_DOCUMENT_BYTES:
        raise BadSeatMap("", f"the file is {TOO_LARGE}")
    return made


def line_and_column(document: bytes, at: int) -> str:
    """The place of a byte in UTF-8 text: ``line 3, column 7``."""
    before = document[:at]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode(errors="replace")) + 1
    line = before.count(b"\n") + 1
    return f"line {line}, column {column}"
