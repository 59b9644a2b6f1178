"""Reads a hall from a file of any known format, which is recognised by its content.

The formats are Vista's ``SeatLayoutData``, pretix's seating plan and our own (`SeatMap.encode`) as JSON, whatever is
wrapped around them (`wrappers`), and lists and maps of characters (`plain_text`). The command line and the admin API
call `read_seat_map`: it returns a validated hall or raises one `BadSeatMap`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, TypeVar

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import Draft, Imported, clean
from seatserver.seatmaps.formats.plain_text import draft_table
from seatserver.seatmaps.formats.pretix import PretixPlan, draft_pretix
from seatserver.seatmaps.formats.vista import draft_vista
from seatserver.seatmaps.formats.vista_form import VistaAnswer
from seatserver.seatmaps.formats.wrappers import EXPECTED, Found, find_hall
from seatserver.seatmaps.model import Problem, SeatMap
from seatserver.seatmaps.parsing.decoding import Lenient, convert
from seatserver.seatmaps.parsing.encodings import as_utf8
from seatserver.seatmaps.parsing.json_text import parse

T = TypeVar("T")

FORMAT = "seatserver"


def read_seat_map(document: bytes, *, name: str = "", unnamed: str = "Seat map") -> Imported:
    """Read a hall. ``name`` replaces the name in the file; ``unnamed`` is used if there is neither.

    Raises `BadSeatMap`, which names the place in the file.
    """
    found = _open(document, clean(name), unnamed)
    if isinstance(found, Draft):
        return found.finish()
    try:
        draft = _draft(found, convert, clean(name), unnamed)
    except BadSeatMap as error:
        raise _in_file(error, found) from None
    return replace(draft, original=found.original).finish()


def draft_seat_map(document: bytes, *, name: str = "", unnamed: str = "Seat map") -> Draft:
    """What can be read of a hall, not validated, with everything that was wrong on the way.

    Raises `BadSeatMap` if the file cannot be read at all.
    """
    found = _open(document, clean(name), unnamed)
    if isinstance(found, Draft):
        return found
    lenient = Lenient()
    try:
        draft = _draft(found, lenient.convert, clean(name), unnamed)
    except BadSeatMap as error:
        # Nothing is left once the misfits are removed, so the first misfit is what is wrong with the file.
        first = BadSeatMap(*lenient.problems[0]) if lenient.problems else error
        raise _in_file(first, found) from None
    if not lenient.problems:
        return replace(draft, original=found.original)
    misfits = [Problem(place, problem, "write it as the format expects") for place, problem in lenient.problems]
    told = [Problem(lenient.original(place), lenient.original(problem), mend) for place, problem, mend in draft.found]
    places = draft.places
    if draft.format == FORMAT:
        draft, places = _with_kept_groups(draft, lenient)
    in_file = {part: [lenient.original(place) for place in listed] for part, listed in places.items()}
    return replace(draft, found=(*misfits, *told), places=in_file, original=found.original)


def _open(document: bytes, name: str, unnamed: str) -> Draft | Found:
    """The hall inside a JSON file, or the draft of one in another format."""
    text = as_utf8(document)
    start = text.lstrip()[:1]
    if start in (b"{", b"[", b'"', b""):
        return find_hall(parse(text))
    if start == b"<":
        kind = "HTML, perhaps an error page" if b"<html" in text[:2000].lower() else "XML"
        raise BadSeatMap("line 1, column 1", f"the file is no seat map but {kind}: {EXPECTED}")
    draft = draft_table(text.decode(), name or unnamed)
    if draft is not None:
        return draft
    raise BadSeatMap("", f"the file is no seat map: {EXPECTED}")


def _in_file(error: BadSeatMap, found: Found) -> BadSeatMap:
    return BadSeatMap(found.original(error.place), error.problem)


def _with_kept_groups(draft: Draft, lenient: Lenient) -> tuple[Draft, dict[str, list[str]]]:
    """The draft with its groups corrected: our own form names seats by index, and removed seats shift the indexes."""
    seat_map = draft.seat_map
    taken_out = set(lenient.removed("seats"))
    kept = (index for index in range(len(seat_map.seats) + len(taken_out)) if index not in taken_out)
    now = {index: position for position, index in enumerate(kept)}
    groups = tuple(
        tuple(now.get(index, index) for index in group)
        for group in seat_map.groups
        if not taken_out.intersection(group)
    )
    places = {
        part: [f"{part}[{index}]" for index in range(len(getattr(seat_map, part)))]
        for part in ("seats", "categories", "general_areas")
    }
    return replace(draft, seat_map=msgspec.structs.replace(seat_map, groups=groups)), places


class _Convert(Protocol):
    def __call__(self, tree: Any, form: type[T], /) -> T: ...


def _draft(found: Found, read: _Convert, name: str, unnamed: str) -> Draft:
    unnamed = clean(found.name) or unnamed
    if found.form == "vista":
        return draft_vista(read(found.tree, VistaAnswer), name or unnamed)
    if found.form == "pretix":
        return draft_pretix(read(found.tree, PretixPlan), name, unnamed=unnamed)
    seat_map = read(found.tree, SeatMap)
    return Draft(msgspec.structs.replace(seat_map, name=name or seat_map.name), FORMAT)
