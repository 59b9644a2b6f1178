"""What a model can look at for staff. Nothing here changes anything, and no result names a customer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from seatserver.catalog.showtime import MAX_TITLE
from seatserver.concierge.model.toolbox import Result, Toolbox
from seatserver.concierge.staff.figures import MOST_DAYS, MOST_HOURS, Figures, Order, Unit, Where
from seatserver.concierge.staff.wording import Wording
from seatserver.metrics import Metrics

MOST_PACED = 30
"""Showtimes in one result of `SalesPace`."""

Named = Annotated[str, Meta(max_length=MAX_TITLE, description="A part of a title, hall or theatre; empty for all.")]
Day = Literal["any", "today", "tomorrow"]
DAYS: dict[Day, int | None] = {"any": None, "today": 0, "tomorrow": 1}


class Showtimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """List showtimes that have not begun, with their sold, held, free and kept places and the time to their start."""

    name: Named = ""
    day: Day = "any"
    order: Order = "soonest"


class SalesPace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Compare how the next showtimes on sale sell with earlier ones of the same hall and weekday; slowest first."""

    name: Named = ""
    day: Day = "any"


class Sales(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Count the tickets that were booked in each of the last hours or days, the present one included.

    Bookings that were cancelled or have expired are not counted.
    """

    unit: Unit
    count: Annotated[int, Meta(ge=1, le=max(MOST_HOURS, MOST_DAYS), description="How many hours or days.")]


class Refusals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Count what was refused in the last minute, by reason, and the networks that ask for more than their share."""


class Kiosks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """List the kiosks: whether they are away, locked or in want of help, their card readers and printers."""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tell how the servers are, how many visitors there are, and in how many halls."""


class StaffTools:
    """The tools of staff's conversations."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def toolbox(self, wording: Wording, metrics: Metrics) -> Toolbox:
        """The tools for one answer."""
        handlers: dict[type[msgspec.Struct], Any] = {
            Showtimes: self._showtimes,
            SalesPace: self._pace,
            Sales: self._sales,
            Refusals: self._refusals,
            Kiosks: self._kiosks,
            Health: self._health,
        }
        return Toolbox(handlers, metrics, wording.failure)

    async def _showtimes(self, asked: Showtimes) -> Result:
        return _result(await self._figures.showings(Where(asked.name, DAYS[asked.day]), asked.order))

    async def _pace(self, asked: SalesPace) -> Result:
        paces = await self._figures.paces(Where(asked.name, DAYS[asked.day]))
        shown = msgspec.structs.replace(
            paces, showtimes=paces.showtimes[:MOST_PACED], more=paces.more or len(paces.showtimes) > MOST_PACED
        )
        return _result(shown)

    async def _sales(self, asked: Sales) -> Result:
        return _result(await self._figures.sold(asked.unit, asked.count))

    async def _refusals(self, asked: Refusals) -> Result:
        return _result(await self._figures.refusals())

    async def _kiosks(self, asked: Kiosks) -> Result:
        return Result({"kiosks": msgspec.to_builtins(await self._figures.kiosk_states())})

    async def _health(self, asked: Health) -> Result:
        return _result(await self._figures.health())


def _result(figures: msgspec.Struct) -> Result:
    return Result(msgspec.to_builtins(figures))
