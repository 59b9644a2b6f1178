"""The documents of allocations and blocks: what administrators ask for, and what they see of it and of its log.

`seatserver.api.schemas` has all others, and says what holds for all of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from seatserver.access.tokens import CHANNEL_PATTERN
from seatserver.api.schemas import Cursor, Document, Moment, Name, SeatName
from seatserver.bookings.allocations import CHANGES_AT_ONCE, LOG_PAGE
from seatserver.seatmaps.model import MAX_SEATS

Channel = Annotated[
    str, Meta(pattern=CHANNEL_PATTERN, description="A sales channel, as a token's claim `channel` names it.")
]
KeptFor = Annotated[Channel | None, Meta(description="The sales channel; null: nobody.")]
SeatLabels = Annotated[tuple[str, ...], Meta(description="Labels of numbered seats.")]
PlacesOfAreas = Annotated[dict[str, int], Meta(description="General area's key to how many of its places.")]


class AllocationChange(Document, frozen=True):
    """What shall become of some seats: of all that `seats`, `rows`, `areas` and `categories` name, and of `places`.

    `block` keeps them from everybody (house seats, broken seats), `allocate` for the buyers of one sales channel, and
    `open` lets everybody have them. Sold seats can be opened, but not blocked, nor allocated to a channel that they
    were not sold by.
    """

    action: Literal["block", "allocate", "open"]
    reason: Annotated[Name, Meta(description="Why, for the log.")]
    channel: Annotated[Channel | None, Meta(description="The sales channel; with `allocate`, and only there.")] = None
    seats: Annotated[tuple[SeatName, ...], Meta(max_length=MAX_SEATS)] = ()
    rows: Annotated[tuple[str, ...], Meta(max_length=MAX_SEATS, description="All seats of these rows.")] = ()
    areas: Annotated[
        tuple[str, ...],
        Meta(
            max_length=MAX_SEATS, description="All seats of these areas, all places of general areas with these keys."
        ),
    ] = ()
    categories: Annotated[
        tuple[str, ...], Meta(max_length=MAX_SEATS, description="All places of these categories.")
    ] = ()
    places: Annotated[
        dict[str, Annotated[int, Meta(ge=0, le=MAX_SEATS)]],
        Meta(description="General area's key to how many of its places are kept this way in all; not with `open`."),
    ] = msgspec.field(default_factory=dict)
    release_at: Annotated[Moment | None, Meta(description="They are opened then by themselves; not with `open`.")] = (
        None
    )


class ChangeAllocations(Document, frozen=True):
    """Changes of what the house keeps: all of them happen, or none. Repeating them changes nothing more."""

    changes: Annotated[tuple[AllocationChange, ...], Meta(min_length=1, max_length=CHANGES_AT_ONCE)]
    held: Annotated[
        Literal["end", "refuse"],
        Meta(
            description="What becomes of a seat that somebody holds and that is taken from them: the hold ends, or the "
            "request is refused. A hold that is made while the request is worked on ends in either case."
        ),
    ] = "end"


class AllocationLogQuery(Document, frozen=True):
    """Which part of the log."""

    limit: Annotated[int, Meta(ge=1, le=LOG_PAGE, description="Most entries in the answer.")] = 20
    after: Annotated[Cursor | None, Meta(description="`next` of the page before.")] = None


class Allocation(Document, frozen=True):
    """Seats that are kept in the same way, for the same reason, since the same request."""

    channel: KeptFor
    seats: SeatLabels
    places: PlacesOfAreas
    reason: str
    by: Annotated[str, Meta(description="The user who said so.")]
    since: Moment
    release_at: Annotated[Moment | None, Meta(description="They are opened then; null: not by themselves.")]


class Allocations(Document, frozen=True):
    """All seats that the house keeps, the longest kept first."""

    allocations: tuple[Allocation, ...]


class AllocationEntry(Document, frozen=True):
    """One change of what the house keeps. `release` is an opening whose time had come."""

    id: int
    at: Moment
    by: Annotated[str, Meta(description="The user; `timer` for a release.")]
    action: Literal["block", "allocate", "open", "release"]
    channel: KeptFor
    seats: SeatLabels
    places: PlacesOfAreas
    reason: str
    release_at: Moment | None


class AllocationsChanged(Document, frozen=True):
    """What a request changed."""

    entries: Annotated[tuple[AllocationEntry, ...], Meta(description="Of the log; none for what was so already.")]
    notes: Annotated[tuple[str, ...], Meta(description="What you may not have meant, such as half a sofa.")]


class AllocationLog(Document, frozen=True):
    """A page of the log, newest first."""

    entries: tuple[AllocationEntry, ...]
    next: Annotated[str | None, Meta(description="Ask again with `after` set to this; null at the end.")]
