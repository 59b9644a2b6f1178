"""The values of the house rules: what a showtime may set, and the party that a selection is judged for.

Everything else in `rules` builds on these. A new rule begins here, with its field in `Rules`: the REST API, its
document and the database take it from there. `judge` then asks the module that implements it.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from seatserver.seatmaps.model import SeatMap

FREE = 0
"""The byte of a free seat in ``states``; the same number as `seatserver.seats.states.SeatState.FREE`."""

Minutes = Annotated[int, Meta(ge=0, le=7 * 24 * 60)]


class GapRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a selection may leave gaps: free seats in a row too few for anybody to want.

    A gap has at most ``width`` seats. With ``aisles`` and ``row_ends``, an aisle and the end of a row close a gap like
    a taken seat. The ``exempt_last_rows`` rows farthest from the screen are exempt.
    """

    mode: Literal["off", "warn", "enforce"] = "off"
    width: Annotated[int, Meta(ge=1, le=3)] = 1
    aisles: bool = True
    row_ends: bool = True
    exempt_last_rows: Annotated[int, Meta(ge=0, le=100)] = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one showtime.

    Wheelchair places are sold only to people who say that they need one. Companion seats are sold only together with
    their wheelchair place, at most ``companions_per_wheelchair`` for each (three, as 28 CFR 36.302(f)(4) requires).
    Both become ordinary seats ``wheelchairs_free_min`` and ``companions_free_min`` minutes before the show; null means
    never.
    """

    gap: GapRule = GapRule()
    companions_free_min: Minutes | None = 60
    wheelchairs_free_min: Minutes | None = None
    companions_per_wheelchair: Annotated[int, Meta(ge=1, le=10)] = 3


class Party(NamedTuple):
    """Everything that a selection is judged by, except the selection itself.

    ``states`` has one byte per place of the hall. ``wheelchairs``: how many wheelchair places the party says it needs.
    ``minutes_left``: until the show begins; None: the show is far away.
    """

    seat_map: SeatMap
    states: bytes
    rules: Rules
    wheelchairs: int
    minutes_left: float | None
