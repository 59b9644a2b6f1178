"""Seats and places by the names that people use, and back to their indexes.

People and tickets say ``C-7``, programs use the index in the layout. A place of a general area has no number of its
own, so its label is the area's name.
"""

from __future__ import annotations

from collections.abc import Iterable

from seatserver.api.shared import story
from seatserver.api.shared.fields import Document
from seatserver.errors import BadRequest, SeatsRefused
from seatserver.pricing.tariff import Line, Price
from seatserver.seatmaps.model import SeatMap


class NamedSeat(Document, frozen=True):
    """A seat: its index in the layout and the label on the ticket."""

    index: int
    label: str


class TicketLine(Document, frozen=True):
    """One ticket: the index of its place, the label printed on it, the key of its type, and its price."""

    index: int
    label: str
    ticket: str
    price_minor: Price


SOFA = tuple(NamedSeat(index=index, label=story.HALL.seats[index].label) for index in story.SOFA)
LINES = tuple(TicketLine(index=seat.index, label=seat.label, ticket="adult", price_minor=1400) for seat in SOFA)


def named_seats(places: Iterable[int], seat_map: SeatMap) -> tuple[NamedSeat, ...]:
    """Places with their labels."""
    return tuple(NamedSeat(index=place, label=label_of(seat_map, place)) for place in places)


def ticket_lines(lines: tuple[Line, ...], seat_map: SeatMap) -> tuple[TicketLine, ...]:
    """The lines of a quote or a booking with the labels of their seats."""
    return tuple(
        TicketLine(
            index=line.place, label=label_of(seat_map, line.place), ticket=line.ticket, price_minor=line.price_minor
        )
        for line in lines
    )


def label_of(seat_map: SeatMap, place: int) -> str:
    """What the ticket says: row and number, or the name of the general area. The place must exist."""
    area = seat_map.area_of(place)
    return seat_map.seats[place].label if area is None else seat_map.general_areas[area].name


def with_labels(refused: SeatsRefused, seat_map: SeatMap) -> SeatsRefused:
    """The refusal with the labels of its places."""
    labels = {place: label_of(seat_map, place) for place in (*refused.reasons, *refused.fix)}
    return SeatsRefused(refused.reasons, stranded=refused.stranded, fix=refused.fix, labels=labels)


def seat_of(seat_map: SeatMap, named: int | str, where: str) -> int:
    """The index of the seat with this label or index. Raises `BadRequest` for field ``where``."""
    if isinstance(named, str):
        if named in seat_map.index_by_label:
            return seat_map.index_by_label[named]
        example = f"; its labels look like {seat_map.seats[0].label!r}" if seat_map.seats else ""
        raise BadRequest(f"the layout has no seat {named!r}{example}", where)
    if not 0 <= named < len(seat_map.seats):
        raise BadRequest(f"the layout has no seat {named}: it has {len(seat_map.seats)} seats, numbered from 0", where)
    return named


def area_of(seat_map: SeatMap, key: str, where: str) -> int:
    """The index of the general area with this key. Raises `BadRequest` for field ``where``."""
    keys = [area.key for area in seat_map.general_areas]
    if key not in keys:
        known = f"its areas are {', '.join(map(repr, keys))}" if keys else "it has only numbered seats"
        raise BadRequest(f"the layout has no general area {key!r}: {known}", where)
    return keys.index(key)
