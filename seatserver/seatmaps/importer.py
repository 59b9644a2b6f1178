"""Reads a hall from any file format the house knows, by looking at what the file says.

The formats are Vista's ``SeatLayoutData``, pretix's seating plan, and our own (`SeatMap.encode`). The command line
and the admin API call `read_seat_map`; what comes back is validated, or there is one `BadSeatMap`. This module is pure.
"""

from __future__ import annotations

import msgspec

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.document import decode
from seatserver.seatmaps.imported import Imported, clean
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.pretix import read_pretix
from seatserver.seatmaps.vista import read_vista

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
    name = clean(name)
    probe = decode(document, _Probe)
    if probe.vista is not msgspec.UNSET:
        return read_vista(document, name or unnamed)
    if probe.pretix is not msgspec.UNSET:
        return read_pretix(document, name, unnamed=unnamed)
    if probe.own is not msgspec.UNSET:
        seat_map = SeatMap.decode(document)
        if name and name != seat_map.name:
            seat_map = msgspec.structs.replace(seat_map, name=name)
            seat_map.validate()
        return Imported(seat_map, FORMAT)
    raise BadSeatMap(
        "",
        "the file is no seat map: expected `SeatLayoutData` (Vista), `zones` (a pretix seating plan) "
        "or `seats` (our own form) at the top",
    )
