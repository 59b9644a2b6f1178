"""What was agreed when a hold was made: its price, and what its owner was told of it.

The terms stay with the hold in Redis as one text and come back with every answer. So a repeated request is answered
like the first one, and a booking costs what its hold did, even if the tariff has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seatserver.catalog.showtime import Showtime
from seatserver.errors import Refusal
from seatserver.pricing.tariff import Line, Quote
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.store import HeldSeats


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ``quote`` of a hold, in which places of general areas stand for any place of their area.

    ``wheelchairs`` is how many the party said it has. ``lost`` are seats that it wanted and did not get, ``stranded``
    those that the choice leaves over, ``cost`` and ``breakdown`` how good its seats are where the server chose them.
    """

    quote: Quote
    wheelchairs: int = 0
    lost: tuple[tuple[int, Refusal], ...] = ()
    stranded: tuple[int, ...] = ()
    cost: float | None = None
    breakdown: dict[str, float] = {}

    def text(self) -> str:
        """As it is kept in Redis."""
        return _ENCODER.encode(self).decode()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Terms)


def terms_of(held: HeldSeats, showtime: Showtime) -> Terms:
    """The terms of a hold; one that was made without any costs what the showtime costs now."""
    if held.terms:
        return _DECODER.decode(held.terms)
    return Terms(quote=showtime.quote([(place, None) for place in held.seats]))


def placed(quoted: Quote, seat_map: SeatMap, places: Iterable[int]) -> Quote:
    """The quote with every line at one of these ``places``: in an area the lines stand for any of its places."""
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
    """The lines of these places; any lines of an area for its places."""
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
