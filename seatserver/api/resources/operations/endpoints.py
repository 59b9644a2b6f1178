"""The operator's live view: all instances in one answer, and the demand in one hall.

Asking is cheap, however many people look, because the reports lie ready in Redis
(`seatserver.operations.instance_reports`) and contain only rooms with viewers.
"""

from __future__ import annotations

from seatserver.api.resources.operations.figures import hottest, house_now, levels
from seatserver.api.resources.operations.schemas import EXAMPLES, Asking, HouseNow, LiveQuery, SeatDemand
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.views.counts import counts_of_areas
from seatserver.errors import NotFound

RESOURCE = Resource(__name__, tag="admin", examples=EXAMPLES)


@RESOURCE.get("/admin/house", scope="admin")
async def get_house(call: Call, query: LiveQuery) -> HouseNow:
    """Get what all instances do now: viewers, holds, refusals, delays, and the busiest rooms."""
    heard, whole = await call.services.reports.all()
    spent = await call.services.model_spent()
    settings = call.services.settings
    asking = Asking(chars=settings.concierge_chars, model=bool(settings.gemini_api_key)) if settings.concierge else None
    return house_now(heard, at_ms=call.services.clock(), whole=whole, rooms=query.rooms, spent=spent, asking=asking)


@RESOURCE.get("/admin/showtimes/{showtime_id}/demand", scope="admin", refusals=(NotFound,))
async def get_demand(call: Call) -> SeatDemand:
    """Get the demand for each seat of a hall: how often it was held and refused in the last minutes."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    seat_map = showtime.seat_map
    epoch, version, states = await call.services.hub.states(showtime.id, seat_map.place_count)
    demand, missing = await call.services.reports.demand(showtime.id)
    seats = len(seat_map.seats)
    return SeatDemand(
        showtime_id=showtime.id,
        layout_hash=showtime.layout_hash,
        epoch=epoch,
        version=version,
        states="".join(map(str, states[:seats])),
        wanted=levels(demand, seats),
        hottest=hottest(demand, seat_map),
        areas=counts_of_areas(states, seat_map),
        missing=missing,
    )
