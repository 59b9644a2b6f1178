"""From a seat map's file to typed values, with one clear error for whatever is wrong.

All readers of hall files go through here: the size is bounded, line and column are told where the text is no JSON, and
the place in the file (``Areas[2].Rows[4].Seats[7].Position.ColumnIndex``) where the JSON is not of the expected form.
`decode` is for the house's own form, `tree_of` and `convert` for files of any form. `Lenient` reads on after such a
place, for those who want to know all that is wrong. This module is pure.
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
"""So many places that are not of the expected form are taken out of a document; a file with more is another form."""
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_PLACE = re.compile(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*\[\d+\](?:\.[A-Za-z_]\w*)*")
_UNKNOWN_FIELD = re.compile(r"has the unknown field (.+)", re.DOTALL)

T = TypeVar("T")


def decode(document: bytes, form: type[T]) -> T:
    """Decode JSON into ``form``; raises `BadSeatMap` with the place, whatever the bytes are."""
    document = as_utf8(document)
    try:
        return msgspec.json.decode(document, type=form)
    except msgspec.ValidationError as error:
        raise _misplaced(error) from None
    except UNREADABLE:
        parse(document)  # says why
        raise BadSeatMap("", "the file is not valid JSON") from None


def tree_of(document: bytes) -> Any:
    """The document as lists, dicts, texts and numbers; raises `BadSeatMap`."""
    return parse(as_utf8(document))


def convert(tree: Any, form: type[T]) -> T:
    """What `tree_of` made, as ``form``; raises `BadSeatMap` with the place."""
    try:
        return msgspec.convert(tree, form)
    except msgspec.ValidationError as error:
        raise _misplaced(error) from None
    except RecursionError:
        raise BadSeatMap("", "the file is nested too deeply") from None


class Lenient:
    """Converts what of a document is of the expected form, and remembers what is not.

    What does not fit is taken out: the element of a list that it stands in, or where there is no list the field itself.
    ``problems`` are the places and what is wrong there. Indexes behind an element that was taken out are lower in what
    was decoded than in the file; `original` tells a place as it is in the file.
    """

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self._removed: dict[str, list[int]] = {}

    def convert(self, tree: Any, form: type[T]) -> T:
        """The tree as ``form``, without what does not fit; raises `BadSeatMap` where nothing can be made of it.

        The misfits are taken out of ``tree`` itself.
        """
        try:
            return convert(tree, form)
        except BadSeatMap as error:
            problem = error
        while len(self.problems) < MAX_MISFITS:
            if not self._take_out(tree, problem):
                break
            try:
                return convert(tree, form)
            except BadSeatMap as error:
                problem = error
        place, text = self.problems[0] if self.problems else (problem.place, problem.problem)
        raise BadSeatMap(place, text)

    def original(self, text: str) -> str:
        """``text`` with all places in it as they are in the file."""
        return _PLACE.sub(lambda found: self._original(found[0]), text) if self._removed else text

    def removed(self, list_place: str) -> tuple[int, ...]:
        """The indexes in the file of what was taken out of the list at a place, such as ``seats``."""
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
        """Take the misfit out of ``tree``; False when there is nothing to take out, or no end to it."""
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
    """What does not fit the form, the place first."""
    place, problem, _ = misfit(error)
    problem = problem.replace("`", "").replace("Object missing", "misses the").replace("Object contains", "has the")
    problem = problem[:1].lower() + problem[1:].replace("array", "list")
    # It may repeat a text of the file, and reaches terminals.
    problem = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in problem)
    return BadSeatMap(place, problem if place else f"the file is no seat map: {problem}")
