"""How many places of showtimes are free, held, sold and so on."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, Id
from seatserver.api.views.counts import Counts, counts_of, counts_of_areas
from seatserver.errors import BadRequest, NotFound
from seatserver.seats.states import SeatState

MAX_COUNTED = 100
"""Showtimes in one request."""


class CountsQuery(Document, frozen=True):
    """Which showtimes to count."""

    showtimes: Annotated[
        str, Meta(max_length=8000, description=f"Ids of showtimes, comma-separated, at most {MAX_COUNTED}.")
    ]


class Availability(Document, frozen=True):
    """How many seats are in each state, at this version of the room."""

    showtime_id: Id
    epoch: str
    version: int
    total: Counts
    categories: Annotated[dict[str, Counts], Meta(description="The same for each category, by its key.")]
    areas: Annotated[dict[str, Counts], Meta(description="The same for each general area, by its key.")]


class ShowtimeCounts(Document, frozen=True):
    """How many places of a showtime are in each state."""

    showtime_id: Id
    total: Counts


class CountedShowtimes(Document, frozen=True):
    """Counts of showtimes, in the order of the request. Unknown ids are omitted."""

    showtimes: tuple[ShowtimeCounts, ...]


COUNTS = Counts(free=1, held=2, blocked=1)
TONIGHT = ShowtimeCounts(showtime_id="tonight", total=COUNTS)
RESOURCE = Resource(
    __name__,
    tag="offer",
    examples=(
        Availability(
            showtime_id="tonight",
            epoch=story.EPOCH,
            version=41,
            total=COUNTS,
            categories={"standard": Counts(free=1, blocked=1), "sofa": Counts(held=2)},
            areas={},
        ),
        CountedShowtimes(showtimes=(TONIGHT,)),
        TONIGHT,
    ),
)


@RESOURCE.get("/showtimes/{showtime_id}/availability", refusals=(NotFound,))
async def get_availability(call: Call) -> Availability:
    """Count a showtime's places in each state: in all, by category and by general area."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    seat_map = showtime.seat_map
    epoch, version, states = await call.services.hub.states(showtime.id, seat_map.place_count)
    counted = Counter(zip(map(seat_map.category_of, range(seat_map.place_count)), states, strict=True))
    return Availability(
        showtime_id=showtime.id,
        epoch=epoch,
        version=version,
        total=counts_of(Counter(states)),
        categories={
            category.key: counts_of(Counter({state: counted[category.key, state] for state in SeatState}))
            for category in seat_map.categories
        },
        areas=counts_of_areas(states, seat_map),
    )


@RESOURCE.get("/availability")
async def count_showtimes(call: Call, query: CountsQuery) -> CountedShowtimes:
    """Count the places of many showtimes at once, for lists. The counts may be some seconds old."""
    wanted = list(dict.fromkeys(filter(None, query.showtimes.split(","))))
    if len(wanted) > MAX_COUNTED:
        raise BadRequest(f"showtimes names {len(wanted)} showtimes: at most {MAX_COUNTED} at once", "showtimes")
    existing = await call.services.catalog.existing(wanted)
    found = await asyncio.gather(*(_counted(call, showtime_id) for showtime_id in existing))
    return CountedShowtimes(showtimes=tuple(one for one in found if one is not None))


async def _counted(call: Call, showtime_id: str) -> ShowtimeCounts | None:
    try:
        showtime = await call.services.catalog.showtime(showtime_id)
    except NotFound:
        return None  # deleted a moment ago
    counted = await call.services.counts.of(showtime.id, showtime.seat_map.place_count)
    return ShowtimeCounts(showtime_id=showtime.id, total=counts_of(counted))
