"""What is wrong with data that does not fit its form, in our own words.

msgspec finds it and says it in English that changes from release to release, and that people read in answers of the
API, of the socket and of the command line. So its sentences stop here: those that we know are taken apart, whatever
else it may say becomes one sentence of ours, and the place is told in either case.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""All that msgspec raises about bytes from outside. RecursionError: it walks into a value that it skips, however deep
this is nested."""

_PLACE = re.compile(r"(?P<problem>.*?)(?: - at `(?P<key>key` in `)?\$(?P<place>.*)`)?", re.DOTALL)
_KNOWN = re.compile(
    r"Expected `[^`]+`(, got `[^`]+`| (>=|<=|>|<) \S+| of length( >=| <=| >| <)? \d+| matching regex .+"
    r"| that's a multiple of \S+)"
    r"|Object (missing required|contains unknown) field `.*`|Invalid enum value .+|Number out of range|Invalid value .+"
    r"|expected .+",
    re.DOTALL,
)
_BYTE = re.compile(r"\(byte (\d+)\)$")
_SYNTAX = {
    "trailing comma": "a comma too many",
    "trailing characters": "it goes on behind its end",
    "object keys must be strings": "a key is not in double quotes",
    "invalid number": "a number is misspelt",
    "invalid escape": "an escape is misspelt",
    "expected": "a comma, colon or bracket is missing",
    "invalid opcode": "an invalid byte",
}


class Misfit(NamedTuple):
    """``place`` is a path such as ``seats[3].x``, empty at the top; ``is_key`` says that a key there is wrong."""

    place: str
    problem: str
    is_key: bool = False


def misfit(error: msgspec.ValidationError) -> Misfit:
    """Where the data does not fit, and why."""
    found = _PLACE.fullmatch(str(error))
    assert found is not None, "the pattern matches any text"
    problem = found["problem"] if _KNOWN.fullmatch(found["problem"]) else "Is not of the documented form"
    return Misfit((found["place"] or "").lstrip("."), problem, found["key"] is not None)


def unreadable(error: Exception) -> str:
    """Why bytes are no JSON or MessagePack at all, with the byte where it shows, where that is known."""
    text = str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError) or "utf-8" in text.lower():
        return "it is not UTF-8"
    if "truncated" in text:
        return "it ends too early"
    problem = next((ours for theirs, ours in _SYNTAX.items() if theirs in text), "an invalid character")
    byte = _BYTE.search(text)
    return f"{problem} (byte {byte[1]})" if byte else problem
