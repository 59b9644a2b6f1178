"""Says in our own words what is wrong with data that does not have the expected form.

msgspec finds the mistake, but its English changes from version to version, and people read it in answers of REST, the
socket and the command line. So its sentences end here: those we know are taken apart, any other becomes one sentence of
ours. Both say where the mistake is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""Everything that msgspec raises for bytes from outside. RecursionError: it descends even into values that it skips."""

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
    "trailing comma": "there is an extra comma",
    "trailing characters": "there is more data after its end",
    "object keys must be strings": "a key is not in double quotes",
    "invalid number": "a number is not valid",
    "invalid escape": "an escape sequence is not valid",
    "expected": "a comma, colon or bracket is missing",
    "invalid opcode": "a byte is not valid",
}


class Misfit(NamedTuple):
    """``place`` is a path such as ``seats[3].x``, empty at the top. ``is_key`` says that one of its keys is wrong."""

    place: str
    problem: str
    is_key: bool = False


def misfit(error: msgspec.ValidationError) -> Misfit:
    """Where the data is wrong, and why."""
    found = _PLACE.fullmatch(str(error))
    assert found is not None, "the pattern matches any text"
    problem = found["problem"] if _KNOWN.fullmatch(found["problem"]) else "Does not have the documented form"
    return Misfit((found["place"] or "").lstrip("."), problem, found["key"] is not None)


def unreadable(error: Exception) -> str:
    """Why bytes are not JSON or MessagePack at all, with the position of the wrong byte if it is known."""
    text = str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError) or "utf-8" in text.lower():
        return "it is not UTF-8"
    if "truncated" in text:
        return "it ends too early"
    problem = next((ours for theirs, ours in _SYNTAX.items() if theirs in text), "a character is not valid")
    byte = _BYTE.search(text)
    return f"{problem} (byte {byte[1]})" if byte else problem
