"""Reads a hall from any file format the house knows, by looking at what the file says.

The formats are Vista's ``SeatLayoutData``, pretix's seating plan, and our own (`SeatMap.encode`). The command line
and the admin API call `read_seat_map`; what comes back is validated, or there is one `BadSeatMap`. This module is pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeVar

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.document import Lenient, decode
from seatserver.seatmaps.imported import Draft, Imported, clean
from seatserver.seatmaps.model import Problem, SeatMap
from seatserver.seatmaps.pretix import PretixPlan, draft_pretix
from seatserver.seatmaps.vista import VistaAnswer, draft_vista

T = TypeVar("T")

FORMAT = "seatserver"


class _Probe(msgspec.Struct, frozen=True):
    """The keys by which a format is known, unread."""

    vista: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="SeatLayoutData", default=msgspec.UNSET)
    pretix: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="zones", default=msgspec.UNSET)
    own: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="seats", default=msgspec.UNSET)


def read_seat_map(document: bytes, *, name: str = "", unnamed: str = "Seat map") -> Imported:
    """Read a hall; ``name`` replaces the file's own name, ``unnamed`` stands in where there is neither.

    Raises `BadSeatMap` that names the place in the file.
    """
    return _draft(document, decode, clean(name), unnamed).finish()


def draft_seat_map(document: bytes, *, name: str = "", unnamed: str = "Seat map") -> Draft:
    """What can be read of a hall, not validated, with all that was found wrong on the way.

    Raises `BadSeatMap` where the file can't be read at all.
    """
    lenient = Lenient()
    try:
        draft = _draft(document, lenient.decode, clean(name), unnamed)
    except BadSeatMap:
        if lenient.problems:
            # What was taken out left nothing to read: that is what is wrong with the file.
            raise BadSeatMap(*lenient.problems[0]) from None
        raise
    if not lenient.problems:
        return draft
    misfits = [Problem(place, problem, "write it as the format does") for place, problem in lenient.problems]
    found = [Problem(lenient.original(place), lenient.original(problem), mend) for place, problem, mend in draft.found]
    places = draft.places
    if draft.format == FORMAT:
        draft, places = _with_kept_groups(draft, lenient)
    told = {part: [lenient.original(place) for place in listed] for part, listed in places.items()}
    return replace(draft, found=(*misfits, *found), places=told)


def _with_kept_groups(draft: Draft, lenient: Lenient) -> tuple[Draft, dict[str, list[str]]]:
    """Our own form names a group's seats by their indexes, which are lower behind a seat that was taken out."""
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


class _Decode(Protocol):
    def __call__(self, document: bytes, form: type[T], /) -> T: ...


def _draft(document: bytes, read: _Decode, name: str, unnamed: str) -> Draft:
    probe = decode(document, _Probe)
    if probe.vista is not msgspec.UNSET:
        return draft_vista(read(document, VistaAnswer), name or unnamed)
    if probe.pretix is not msgspec.UNSET:
        return draft_pretix(read(document, PretixPlan), name, unnamed=unnamed)
    if probe.own is not msgspec.UNSET:
        seat_map = read(document, SeatMap)
        return Draft(msgspec.structs.replace(seat_map, name=name or seat_map.name), FORMAT)
    raise BadSeatMap(
        "",
        "the file is no seat map: expected `SeatLayoutData` (Vista), `zones` (a pretix seating plan) "
        "or `seats` (our own form) at the top",
    )
