"""Layouts: the halls that showtimes take place in. A layout never changes; it is named by the hash of its content."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from seatserver.api.shared import story
from seatserver.api.shared.answers import answer_of, is_kept, kept_for_ever
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, LayoutHash
from seatserver.catalog.showtime import MAX_TITLE
from seatserver.errors import BadSeatMap, NotFound
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.model import SeatMap


class LayoutQuery(Document, frozen=True):
    """How to import a layout."""

    name: Annotated[str, Meta(max_length=MAX_TITLE, description="Replaces the name in the file.")] = ""


SeatMapFile = Annotated[
    bytes, Meta(extra_json_schema={"type": "object", "examples": [msgspec.json.decode(story.HALL.encode())]})
]
"""Any format that the importer knows. The example is in our own."""


class Layout(Document, frozen=True):
    """A hall and its hash. It never changes, so you may keep it for ever."""

    hash: LayoutHash
    map: SeatMap


class ImportedLayout(Document, frozen=True):
    """The layout that was stored."""

    hash: LayoutHash
    name: str
    format: Annotated[str, Meta(description="The format that was recognised.")]
    seats: Annotated[int, Meta(description="How many numbered seats it has.")]
    areas: Annotated[dict[str, int], Meta(description="The capacity of each general area, by its key.")]
    categories: Annotated[dict[str, int], Meta(description="How many seats and places each category has, by its key.")]
    groups: int
    notes: Annotated[tuple[str, ...], Meta(description="What you should know about the import.")]


RESOURCE = Resource(
    __name__,
    tag="offer",
    examples=(
        Layout(hash=story.HALL.content_hash, map=story.HALL),
        ImportedLayout(
            hash=story.HALL.content_hash,
            name="Studio",
            format="seatserver",
            seats=4,
            areas={},
            categories={"standard": 2, "sofa": 2},
            groups=1,
            notes=(),
        ),
    ),
)


@RESOURCE.get(
    "/layouts/{layout_hash}",
    answer=Layout,
    refusals=(NotFound,),
    other_statuses={304: "You have it already (`If-None-Match`)."},
)
async def get_layout(call: Call) -> Response:
    """Get a hall: its seats, categories, groups and screen. It never changes; its hash is the ETag."""
    layout_hash = call.text("layout_hash")
    seat_map = await call.services.catalog.layout(layout_hash)
    headers = kept_for_ever(layout_hash)
    if is_kept(call.request, layout_hash):
        return Response(status_code=304, headers=headers)
    encoded = call.services.shared_answers.get(layout_hash, lambda: Layout(hash=layout_hash, map=seat_map))
    return answer_of(encoded, headers=headers)


@RESOURCE.post("/admin/layouts", tag="admin", scope="admin", refusals=(BadSeatMap,))
async def import_layout(call: Call, body: SeatMapFile, query: LayoutQuery) -> ImportedLayout:
    """Import a hall: Vista's SeatLayoutData, a pretix seating plan, our own format, or a CSV list of seats."""
    # A big hall takes seconds to read. On the event loop every room would wait for it.
    imported = await asyncio.to_thread(read_seat_map, body, name=query.name)
    seat_map = imported.seat_map
    return ImportedLayout(
        hash=await call.services.catalog.put_layout(seat_map),
        name=seat_map.name,
        format=imported.format,
        seats=len(seat_map.seats),
        areas={area.key: area.capacity for area in seat_map.general_areas},
        categories=dict(Counter(map(seat_map.category_of, range(seat_map.place_count)))),
        groups=len(seat_map.groups),
        notes=imported.notes,
    )
