"""Blocking, allocating and opening seats, and the log of who did it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from seatserver.api.resources.allocations.schemas import (
    EXAMPLES,
    Allocation,
    AllocationChange,
    AllocationEntry,
    AllocationLog,
    AllocationLogQuery,
    Allocations,
    AllocationsChanged,
    ChangeAllocations,
)
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.views.seats import area_of, label_of, seat_of, with_labels
from seatserver.bookings.allocations import Entry
from seatserver.bookings.keeping import Change
from seatserver.catalog.catalog import Showtime
from seatserver.errors import BadRequest, NotFound, SeatsRefused
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState

NAMES_SHOWN = 12
CURSOR = re.compile(r"[0-9]{1,18}")
PATH = "/admin/showtimes/{showtime_id}/allocations"

RESOURCE = Resource(__name__, tag="admin", examples=EXAMPLES)


@RESOURCE.post(f"{PATH}/change", scope="admin", refusals=(NotFound, SeatsRefused))
async def change_allocations(call: Call, body: ChangeAllocations) -> AllocationsChanged:
    """Block seats, allocate them to a sales channel, or open them again. All changes happen at once, or none."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    seat_map = showtime.seat_map
    changes = [_change(one, seat_map, f"changes[{number}]") for number, one in enumerate(body.changes)]
    spare_holds = body.held == "refuse"
    held = await _held(call, showtime) if spare_holds or any(change.counts for change in changes) else frozenset()
    try:
        done = await call.services.allocations.change(
            showtime.id, changes, call.identity.user_id, held=held, spare_holds=spare_holds
        )
    except SeatsRefused as refused:
        raise with_labels(refused, seat_map) from None
    entries = tuple(_entry(entry, seat_map) for entry in done.entries)
    return AllocationsChanged(entries=entries, notes=done.notes)


@RESOURCE.get(PATH, scope="admin", refusals=(NotFound,))
async def get_allocations(call: Call) -> Allocations:
    """List the seats that are blocked or allocated now: for whom, why, since when and until when."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    return Allocations(
        allocations=tuple(
            Allocation(
                channel=kept.channel,
                seats=_labels(kept.places, showtime.seat_map),
                places=_counted(kept.places, showtime.seat_map),
                reason=kept.reason,
                by=kept.by,
                since=kept.since,
                release_at=kept.release_at,
            )
            for kept in await call.services.allocations.kept(showtime.id)
        )
    )


@RESOURCE.get(f"{PATH}/log", scope="admin", refusals=(NotFound,))
async def get_allocation_log(call: Call, query: AllocationLogQuery) -> AllocationLog:
    """List who blocked, allocated or opened which seats, when and why; newest first, a page at a time."""
    showtime = await call.services.catalog.showtime(call.text("showtime_id"))
    if query.after is not None and not CURSOR.fullmatch(query.after):
        raise BadRequest("after is not the `next` of a page", "after")
    after = None if query.after is None else int(query.after)
    entries, following = await call.services.allocations.log(showtime.id, query.limit, after)
    return AllocationLog(
        entries=tuple(_entry(entry, showtime.seat_map) for entry in entries),
        next=None if following is None else str(following),
    )


async def _held(call: Call, showtime: Showtime) -> frozenset[int]:
    _, _, states = await call.services.hub.states(showtime.id, showtime.seat_map.place_count)
    return frozenset(place for place, state in enumerate(states) if state == SeatState.HELD)


def _change(asked: AllocationChange, seat_map: SeatMap, where: str) -> Change:
    places = [seat_of(seat_map, seat, f"{where}.seats[{number}]") for number, seat in enumerate(asked.seats)]
    if asked.rows:
        places += _all_of(asked.rows, [seat.row for seat in seat_map.seats], f"{where}.rows")
    if asked.areas:
        of_general = [area.key for area in seat_map.general_areas for _ in range(area.capacity)]
        places += _all_of(asked.areas, [*(seat.area for seat in seat_map.seats), *of_general], f"{where}.areas")
    if asked.categories:
        of_places = list(map(seat_map.category_of, range(seat_map.place_count)))
        places += _all_of(asked.categories, of_places, f"{where}.categories")
    return Change(
        action=asked.action,
        channel=asked.channel,
        reason=asked.reason,
        places=tuple(dict.fromkeys(places)),
        counts={area_of(seat_map, key, f"{where}.places"): count for key, count in asked.places.items()},
        release_at=asked.release_at,
    )


def _all_of(names: Sequence[str], of_places: Sequence[str], where: str) -> list[int]:
    """The places in these rows, areas or categories. ``of_places`` says for each place in which one it is."""
    known = dict.fromkeys(filter(None, of_places))
    for number, name in enumerate(names):
        if name not in known:
            some = ", ".join(map(repr, list(known)[:NAMES_SHOWN]))
            found = f"it has {some}{' …' if len(known) > NAMES_SHOWN else ''}" if known else "it has none"
            raise BadRequest(
                f"the layout has no {name!r} among its {where.rpartition('.')[2]}: {found}", f"{where}[{number}]"
            )
    wanted = set(names)
    return [place for place, name in enumerate(of_places) if name in wanted]


def _entry(entry: Entry, seat_map: SeatMap) -> AllocationEntry:
    return AllocationEntry(
        id=entry.id,
        at=entry.at,
        by=entry.by,
        action=entry.action,
        channel=entry.channel,
        seats=_labels(entry.places, seat_map),
        places=_counted(entry.places, seat_map),
        reason=entry.reason,
        release_at=entry.release_at,
    )


def _labels(places: Sequence[int], seat_map: SeatMap) -> tuple[str, ...]:
    return tuple(label_of(seat_map, place) for place in places if place < len(seat_map.seats))


def _counted(places: Sequence[int], seat_map: SeatMap) -> dict[str, int]:
    """How many of the places are in each general area, by its key."""
    areas = Counter(area for place in places if (area := seat_map.area_of(place)) is not None)
    return {seat_map.general_areas[area].key: count for area, count in sorted(areas.items())}
