"""How many places are in each state."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from msgspec import Meta

from seatserver.api.shared.fields import Document
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState


class Counts(Document, frozen=True):
    """How many seats and places are in each state."""

    free: int = 0
    held: int = 0
    claimed: int = 0
    sold: int = 0
    blocked: int = 0
    allocated: Annotated[int, Meta(description="Reserved for another sales channel.")] = 0


def counts_of(states: Counter[int]) -> Counts:
    """Counts by `SeatState`, as REST shows them."""
    return Counts(**{state.name.lower(): states[state] for state in SeatState})


def counts_of_areas(states: bytes, seat_map: SeatMap) -> dict[str, Counts]:
    """The counts of each general area, by its key. ``states`` has one state for each place."""
    return {
        area.key: counts_of(Counter(states[place] for place in seat_map.places_of(number)))
        for number, area in enumerate(seat_map.general_areas)
    }
