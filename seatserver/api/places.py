"""How REST names places: seats by their label or their index, places of general areas by their area.

People and tickets say ``C-7``, programs say the index in the layout. A place of a general area has no number of its
own; its label is the area's name.
"""

from __future__ import annotations

from seatserver.errors import BadRequest, SeatsRefused
from seatserver.seatmaps.model import SeatMap


def label_of(seat_map: SeatMap, place: int) -> str:
    """What the ticket says: row and number, or the name of the general area. The place exists."""
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
        raise BadRequest(f"the layout has no seat {named}: it has {len(seat_map.seats)} seats, from 0 on", where)
    return named


def area_of(seat_map: SeatMap, key: str, where: str) -> int:
    """The index of the general area with this key. Raises `BadRequest` for field ``where``."""
    keys = [area.key for area in seat_map.general_areas]
    if key not in keys:
        known = f"its areas are {', '.join(map(repr, keys))}" if keys else "it has numbered seats only"
        raise BadRequest(f"the layout has no general area {key!r}: {known}", where)
    return keys.index(key)
