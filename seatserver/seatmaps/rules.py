"""The house's own rules for a selection of seats: what goes only together, who comes first, what must not be left over.

`Rules` belong to a showtime; `judge` applies them to one selection, the same way for a click, for best available, for
a kiosk and for a partner. It decides from the states of the room as its caller sees them and says on what it relied,
so that the atomic hold can check that this still is so. This module is pure.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Minutes = Annotated[int, Meta(ge=0, le=7 * 24 * 60)]


class GapRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a selection may strand seats: leave a free rest so narrow that nobody will want it.

    ``width``: a rest of at most so many seats is stranded. ``aisles`` and ``row_ends``: an aisle, or the end of a row,
    closes a rest as a taken seat does. ``exempt_last_rows``: so many rows farthest from the screen are exempt.
    """

    mode: Literal["off", "warn", "enforce"] = "off"
    width: Annotated[int, Meta(ge=1, le=3)] = 1
    aisles: bool = True
    row_ends: bool = True
    exempt_last_rows: Annotated[int, Meta(ge=0, le=100)] = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one showtime.

    Companion seats go only with their wheelchair place, at most ``companions_per_wheelchair`` each (three, as
    28 CFR 36.302(f)(4) asks), and wheelchair places only to those who say that they need them, until so many minutes
    before the show; None: until it begins.
    """

    gap: GapRule = GapRule()
    companions_free_min: Minutes | None = 60
    wheelchairs_free_min: Minutes | None = None
    companions_per_wheelchair: Annotated[int, Meta(ge=1, le=10)] = 3
