"""The terms of a hold: its price, and what its owner was told when it was made.

Redis keeps them with the hold as one text and returns them with every answer. So a repeated request gets the same
answer as the first one, and a booking costs what its hold did, even if the tariff has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seatserver.catalog.showtime import Showtime
from seatserver.errors import Refusal
from seatserver.pricing.tariff import Line, Quote
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.model import HeldSeats


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terms of one hold. In ``quote`` a place of a general area stands for any place of that area.

    ``wheelchairs`` is how many the party has. ``lost`` are the seats that it wanted and did not get. ``stranded`` are
    the seats that the choice leaves over. ``cost`` and ``breakdown`` say how good the seats are, if the server chose.
    """

    quote: Quote
    wheelchairs: int = 0
    lost: tuple[tuple[int, Refusal], ...] = ()
    stranded: tuple[int, ...] = ()
    cost: float | None = None
    breakdown: dict[str, float] = {}

    def text(self) -> str:
        """The text that is kept in Redis."""
        return _ENCODER.encode(self).decode()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Terms)


def terms_of(held: HeldSeats, showtime: Showtime) -> Terms:
    """The terms of a hold. A hold without terms is priced by the present tariff."""
    if held.terms:
        return _DECODER.decode(held.terms)
    return Terms(quote=showtime.quote([(place, None) for place in held.seats]))


def placed(quoted: Quote, seat_map: SeatMap, places: Iterable[int]) -> Quote:
    """The quote with its lines assigned to these ``places``; a line of an area may go to any place of that area."""
    numbered = len(seat_map.seats)
    of_area: dict[int | None, list[int]] = {}
    for place in sorted(places, reverse=True):
        if place >= numbered:
            of_area.setdefault(seat_map.area_of(place), []).append(place)
    if not of_area:
        return quoted
    lines = [
        line
        if line.place < numbered
        else msgspec.structs.replace(line, place=of_area[seat_map.area_of(line.place)].pop())
        for line in quoted.lines
    ]
    return msgspec.structs.replace(quoted, lines=tuple(sorted(lines, key=lambda line: line.place)))


def lines_of(quoted: Quote, seat_map: SeatMap, places: set[int]) -> list[Line]:
    """The lines for these places; for places of an area, any lines of that area."""
    counts: dict[int, int] = {}
    for place in places:
        area = seat_map.area_of(place)
        if area is not None:
            counts[area] = counts.get(area, 0) + 1
    found = []
    for line in reversed(quoted.lines):
        area = seat_map.area_of(line.place)
        if area is None and line.place in places:
            found.append(line)
        elif area is not None and counts.get(area, 0) > 0:
            counts[area] -= 1
            found.append(line)
    return found
