"""JSON text as a tree, with one clear error in our own words for whatever is wrong with it.

Keys that stand twice in one object are refused: most readers keep the last and forget the rest without a word. This
module is pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.parsing.encodings import line_and_column
from seatserver.seatmaps.wording import shown

_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_SIMPLE = re.compile(r"[A-Za-z_]\w*")


class _Doubled(dict[str, Any]):
    """An object with a key that stands twice."""

    key = ""


def parse(text: bytes) -> Any:
    """The document as lists, dicts, texts and numbers; raises `BadSeatMap` with line and column, or the key's place."""
    doubled: list[_Doubled] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            seen: set[str] = set()
            made = _Doubled(made)
            made.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            doubled.append(made)
        return made

    try:
        tree = json.loads(text, object_pairs_hook=as_object, parse_constant=_no_constant)
        if b"\\ud" in text or b"\\uD" in text:
            # Python takes half of a character that is escaped in two halves.
            msgspec.json.decode(text)
    except json.JSONDecodeError as error:
        raise malformed(text, len(text.decode()[: error.pos].encode())) from None
    except _NotANumber as found:
        at = next((word.start() for word in _WORDS.finditer(text.decode()) if word[0][0] != '"'), 0)
        place = line_and_column(text, len(text.decode()[:at].encode()))
        raise BadSeatMap(place, f"not valid JSON: {found.args[0]} is no number; write the number, or null") from None
    except RecursionError:
        raise BadSeatMap("", "the file is nested too deeply") from None
    except msgspec.DecodeError:
        raise BadSeatMap("", r"not valid JSON: an escape such as \ud83d needs its other half") from None
    except ValueError:
        raise BadSeatMap("", "a number in the file has thousands of digits") from None
    if doubled:
        # The outermost one stands last: it was completed last.
        problem = f"the key {shown(doubled[-1].key)} stands twice; keep one of them"
        raise BadSeatMap(_place_of(tree, doubled[-1]), problem)
    return tree


class _NotANumber(Exception):
    """NaN or an infinity: JSON knows neither."""


def _no_constant(word: str) -> Any:
    raise _NotANumber(word)


def malformed(text: bytes, at: int) -> BadSeatMap:
    """Why ``text`` is no JSON at the byte ``at``, where reading it failed."""
    if not text.strip():
        return BadSeatMap("line 1, column 1", "not valid JSON: the file is empty")
    rest = text[at:].lstrip()
    found = rest[:4].decode(errors="replace")[:1]
    before = text[:at].rstrip()
    closes = rest.removeprefix(b",").lstrip()[:1] in (b"]", b"}")
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
    if text[at : at + 1] != b'"':
        return False
    return re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL).match(text, at) is None


def step(key: str) -> str:
    """A key as it stands in a place: ``.name``, or ``["any text"]``."""
    return f".{key}" if _SIMPLE.fullmatch(key) else f'["{shown(key)}"]'


def _place_of(tree: Any, wanted: object) -> str:
    found = next((place for place, value in places(tree) if value is wanted), "")
    return found.lstrip(".")


def places(tree: Any) -> Iterator[tuple[str, Any]]:
    """All objects and lists of a tree with their places, without going deeper into Python's stack."""
    waiting: list[tuple[str, Any]] = [("", tree)]
    while waiting:
        place, value = waiting.pop()
        yield place, value
        if isinstance(value, dict):
            waiting += [(place + step(key), part) for key, part in value.items() if isinstance(part, dict | list)]
        elif isinstance(value, list):
            waiting += [(f"{place}[{at}]", part) for at, part in enumerate(value) if isinstance(part, dict | list)]
