"""From the file of a seat map to typed values, with one clear error for whatever is wrong.

All readers use this. The size is bounded. If the text is not JSON, the error has line and column; if the JSON does not
have the expected form, it has the place, such as ``Areas[2].Rows[4].Seats[7].Position.ColumnIndex``. `decode` is for
our own form, `tree_of` and `convert` are for any form. `Lenient` goes on reading after such an error, for those who
want to know everything that is wrong.
"""

from __future__ import annotations

import re
from bisect import insort
from typing import Any, TypeVar

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.misfits import UNREADABLE, misfit
from seatserver.seatmaps.parsing.encodings import MAX_DOCUMENT_BYTES, as_utf8
from seatserver.seatmaps.parsing.json_text import parse

__all__ = ["MAX_DOCUMENT_BYTES", "Lenient", "convert", "decode", "tree_of"]

MAX_MISFITS = 25
"""At most this many misfits are removed from a document. A file with more is of another form."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_PLACE = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*\[\d+\](?:\.[A-Za-z_]\w*)*")
_UNKNOWN_FIELD = re.compile(r"has the unknown field (.+)", re.DOTALL)

T = TypeVar("T")


def decode(document: bytes, form: type[T]) -> T:
    """Decode JSON into ``form``. Raises `BadSeatMap` with the place, whatever the bytes are."""
    document = as_utf8(document)
    try:
        return msgspec.json.decode(document, type=form)
    except msgspec.ValidationError as error:
        raise _misplaced(error) from None
    except UNREADABLE:
        parse(document)  # says why
        raise BadSeatMap("", "the file is not valid JSON") from None


def tree_of(document: bytes) -> Any:
    """The document as lists, dicts, texts and numbers. Raises `BadSeatMap`."""
    return parse(as_utf8(document))


def convert(tree: Any, form: type[T]) -> T:
    """A tree of `tree_of` as ``form``. Raises `BadSeatMap` with the place."""
    try:
        return msgspec.convert(tree, form)
    except msgspec.ValidationError as error:
        raise _misplaced(error) from None
    except RecursionError:
        raise BadSeatMap("", "the file is nested too deeply") from None


class Lenient:
    """Converts the parts of a document that have the expected form, and remembers the others.

    A misfit is removed: the list element that contains it, or the field itself if no list does. ``problems`` has the
    places and what is wrong there. Removing an element lowers the indexes of those behind it; `original` turns a place
    back into the one in the file.
    """

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self._removed: dict[str, list[int]] = {}

    def convert(self, tree: Any, form: type[T]) -> T:
        """The tree as ``form``, without the misfits, which are removed from ``tree`` itself.

        Raises `BadSeatMap` if there is nothing left to convert, or too much to remove.
        """
        while True:
            try:
                return convert(tree, form)
            except BadSeatMap as error:
                problem = error
            if len(self.problems) >= MAX_MISFITS or not self._take_out(tree, problem):
                break
        place, text = self.problems[0] if self.problems else (problem.place, problem.problem)
        raise BadSeatMap(place, text)

    def original(self, text: str) -> str:
        """``text`` with all its places as they are in the file."""
        return _PLACE.sub(lambda found: self._original(found[0]), text) if self._removed else text

    def removed(self, list_place: str) -> tuple[int, ...]:
        """The indexes, as in the file, of the elements removed from the list at a place such as ``seats``."""
        return tuple(self._removed.get(list_place, ()))

    def _original(self, place: str) -> str:
        made = ""
        for name, index in _STEP.findall(place):
            made += f"[{self._shift(made, int(index))}]" if index else f"{'.' if made else ''}{name}"
        return made

    def _shift(self, list_place: str, index: int) -> int:
        for removed in self._removed.get(list_place, ()):
            index += removed <= index
        return index

    def _take_out(self, tree: Any, problem: BadSeatMap) -> bool:
        """Remove the misfit from ``tree``; False if that is not possible."""
        steps = [int(index) if index else name for name, index in _STEP.findall(problem.place)]
        unknown = _UNKNOWN_FIELD.fullmatch(problem.problem)
        if unknown and _delete(tree, [*steps, unknown[1]]):
            self.problems.append((self._original(problem.place), problem.problem))
            return True
        lists = [depth for depth, step in enumerate(steps) if isinstance(step, int)]
        steps = steps[: lists[-1] + 1] if lists else steps
        if not steps or not _delete(tree, steps):
            return False
        *parents, last = steps
        self.problems.append((self._original(problem.place), problem.problem))
        if isinstance(last, int):
            list_place = self._original(
                "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in parents)
            )
            insort(self._removed.setdefault(list_place, []), self._shift(list_place, last))
        return True


def _delete(tree: Any, steps: list[str | int]) -> bool:
    *parents, last = steps
    try:
        for step in parents:
            tree = tree[step]
        del tree[last]
    except (LookupError, TypeError):
        return False
    return True


def _misplaced(error: msgspec.ValidationError) -> BadSeatMap:
    """The error for data that does not have the expected form."""
    place, problem, _ = misfit(error)
    problem = problem.replace("`", "").replace("Object missing", "misses the").replace("Object contains", "has the")
    problem = problem[:1].lower() + problem[1:].replace("array", "list")
    # It may contain a text of the file, and it reaches terminals.
    problem = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in problem)
    return BadSeatMap(place, problem if place else f"the file is no seat map: {problem}")
