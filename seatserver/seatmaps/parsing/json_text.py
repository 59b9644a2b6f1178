"""JSON text as a tree of lists, dicts, texts and numbers, with one clear error for whatever is wrong with it.

A key that occurs twice in one object is an error: most readers keep the last value and silently forget the others.

`parse` takes time and memory in proportion to the text, which is bounded. Most texts are valid, so msgspec reads them
first, in a tenth of the time that Python's own reader takes with a check for doubled keys. The tree is right if no pair
got lost, and that shows in the number of colons. Only a text that fails one of these tests is read the slow way, which
knows what is wrong and where.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.parsing.encodings import line_and_column
from seatserver.seatmaps.wording import shown

MAX_CONTAINERS = 500_000
"""Most objects and lists in one text: several times as many as the largest hall has, and some hundred MB of memory."""

# msgspec's own reader of numbers is slow if a number is hard to round, such as 1.23456789012345e-300.
_READER = msgspec.json.Decoder(float_hook=float)

# Possessive: a text of millions of characters must not fill the memory with places to go back to.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING_OR_CONSTANT = re.compile(_STRING + rb"|-?\b(?:NaN|Infinity)\b", re.DOTALL)
_WHOLE_STRING = re.compile(_STRING, re.DOTALL)
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_SIMPLE_KEY = re.compile(r"[A-Za-z_]\w*")


def parse(text: bytes) -> Any:
    """Read UTF-8 text. Raises `BadSeatMap` with line and column, or with the place of a doubled key."""
    if text.count(b"{") + text.count(b"[") > MAX_CONTAINERS:
        raise BadSeatMap("", f"the file has more than {MAX_CONTAINERS} objects and lists: no hall has so many")
    try:
        tree = _READER.decode(text)
        # Keys and texts keep their colons, and every pair has one more: a doubled key leaves fewer than the text has.
        if not _ESCAPED_COLON.search(text) and msgspec.json.encode(tree).count(b":") == text.count(b":"):
            return tree
        del tree
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError):
        pass
    return _parse_thoroughly(text)


def _parse_thoroughly(text: bytes) -> Any:
    doubled: list[tuple[dict[str, Any], list[tuple[str, Any]]]] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            # Objects are completed from the inside out, so the last one is the outermost.
            doubled[:] = [(made, pairs)]
        return made

    try:
        tree = json.loads(text, object_pairs_hook=as_object, parse_constant=_no_constant)
        if b"\\ud" in text or b"\\uD" in text:
            # Python accepts half of a character that takes two escapes.
            msgspec.json.decode(text)
    except json.JSONDecodeError as error:
        raise _malformed(text, len(text.decode()[: error.pos].encode())) from None
    except _NotANumber as found:
        at = next((word.start() for word in _STRING_OR_CONSTANT.finditer(text) if word[0][:1] != b'"'), 0)
        problem = f"not valid JSON: {found.args[0]} is no number; write the number, or null"
        raise BadSeatMap(line_and_column(text, at), problem) from None
    except RecursionError:
        raise BadSeatMap("", "the file is nested too deeply") from None
    except msgspec.DecodeError:
        raise BadSeatMap("", r"not valid JSON: an escape such as \ud83d needs its other half") from None
    except ValueError:
        raise BadSeatMap("", "a number in the file has thousands of digits") from None
    for made, pairs in doubled:
        seen: set[str] = set()
        key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadSeatMap(_place_of(tree, made), f"the key {shown(key)} stands twice; keep one of them")
    return tree


class _NotANumber(Exception):
    """NaN or an infinity, which JSON does not have."""


def _no_constant(word: str) -> Any:
    raise _NotANumber(word)


def _malformed(text: bytes, at: int) -> BadSeatMap:
    """Why ``text`` is not JSON at the byte ``at``, where reading it failed."""
    if not text.strip():
        return BadSeatMap("line 1, column 1", "not valid JSON: the file is empty")
    rest = text[at:].lstrip()
    found = rest[:4].decode(errors="replace")[:1]
    before = text[:at].rstrip()
    closes = rest[:1000].removeprefix(b",").lstrip()[:1] in (b"]", b"}")
    if closes and (found == "," or before[-1:] == b","):
        return BadSeatMap(line_and_column(text, at), "not valid JSON: take out the comma before the closing bracket")
    if not rest or _is_open_text(text, at):
        return BadSeatMap(line_and_column(text, len(text)), "not valid JSON: the file ends in the middle")
    if before[:1] in (b"{", b"[") and before[-1:] in (b"}", b"]") and text[:at].count(b"{") == text[:at].count(b"}"):
        what = "goes on behind its end; a hall is one JSON document, not one a line"
    elif found == "'":
        what = "texts and keys stand in double quotes"
    elif found == '"' and before[-1:] not in b"{[,:":
        what = "a comma or colon is missing"
    else:
        what = "invalid character"
    return BadSeatMap(line_and_column(text, len(text) - len(rest)), f"not valid JSON: {what}")


def _is_open_text(text: bytes, at: int) -> bool:
    """Whether a text begins at ``at`` that never ends."""
    return text[at : at + 1] == b'"' and _WHOLE_STRING.match(text, at) is None


def step(key: str) -> str:
    """A key as part of a place: ``.name``, or ``["any text"]``."""
    return f".{key}" if _SIMPLE_KEY.fullmatch(key) else f'["{shown(key)}"]'


def _place_of(tree: Any, wanted: object) -> str:
    """Where in the tree an object is. Not recursive: the tree may be deeper than Python's stack."""
    # Of every container: itself, the index of the one that holds it, and its key or index there.
    known: list[tuple[Any, int, str | int]] = [(tree, -1, "")]
    for holder, (value, _, _) in enumerate(known):  # grows while it is read
        if value is wanted:
            break
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        known += [(part, holder, key) for key, part in parts if isinstance(part, dict | list)]
    place, at = "", holder
    while at > 0:
        _, holder, key = known[at]
        place = (f"[{key}]" if isinstance(key, int) else step(key)) + place
        at = holder
    return place.lstrip(".")
