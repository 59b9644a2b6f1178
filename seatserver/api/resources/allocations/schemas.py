"""What administrators ask about allocations, and what they see of them and of their log."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from seatserver.access.tokens import CHANNEL_PATTERN
from seatserver.api.shared import story
from seatserver.api.shared.fields import After, Document, Moment, Name, Next, SeatName
from seatserver.bookings.allocations import CHANGES_AT_ONCE, LOG_PAGE
from seatserver.seatmaps.model import MAX_SEATS

Channel = Annotated[
    str, Meta(pattern=CHANNEL_PATTERN, description="A sales channel, as the claim `channel` of a token names it.")
]
KeptFor = Annotated[Channel | None, Meta(description="The sales channel. Null for blocked seats.")]
SeatLabels = Annotated[tuple[str, ...], Meta(description="Labels of numbered seats.")]
PlacesOfAreas = Annotated[dict[str, int], Meta(description="How many places of each general area, by its key.")]


class AllocationChange(Document, frozen=True):
    """What to do with some seats: all that `seats`, `rows`, `areas` and `categories` name, and `places`.

    `block` keeps them from everybody (house seats, broken seats). `allocate` reserves them for the buyers of one sales
    channel. `open` puts them on sale to everybody. Sold seats can be opened. They cannot be blocked, and only be
    allocated to the channel that sold them.
    """

    action: Literal["block", "allocate", "open"]
    reason: Annotated[Name, Meta(description="Why, for the log.")]
    channel: Annotated[
        Channel | None, Meta(description="The sales channel. Required with `allocate`, not allowed otherwise.")
    ] = None
    seats: Annotated[tuple[SeatName, ...], Meta(max_length=MAX_SEATS)] = ()
    rows: Annotated[tuple[str, ...], Meta(max_length=MAX_SEATS, description="All seats of these rows.")] = ()
    areas: Annotated[
        tuple[str, ...],
        Meta(
            max_length=MAX_SEATS,
            description="All seats of these areas, and all places of the general areas with these keys.",
        ),
    ] = ()
    categories: Annotated[
        tuple[str, ...], Meta(max_length=MAX_SEATS, description="All places of these categories.")
    ] = ()
    places: Annotated[
        dict[str, Annotated[int, Meta(ge=0, le=MAX_SEATS)]],
        Meta(description="How many places of each general area to keep this way in all, by its key. Not with `open`."),
    ] = msgspec.field(default_factory=dict)
    release_at: Annotated[Moment | None, Meta(description="When they are opened automatically. Not with `open`.")] = (
        None
    )


class ChangeAllocations(Document, frozen=True):
    """The changes: either all of them happen, or none. Repeating them changes nothing more."""

    changes: Annotated[tuple[AllocationChange, ...], Meta(min_length=1, max_length=CHANGES_AT_ONCE)]
    held: Annotated[
        Literal["end", "refuse"],
        Meta(
            description="If somebody holds one of these seats: end the hold, or refuse the request. A hold made "
            "while the request is being processed ends in either case."
        ),
    ] = "end"


class AllocationLogQuery(Document, frozen=True):
    """Which part of the log to list."""

    limit: Annotated[int, Meta(ge=1, le=LOG_PAGE, description="Most entries on a page.")] = 20
    after: After = None


class Allocation(Document, frozen=True):
    """Seats that one request blocked or allocated in the same way and for the same reason."""

    channel: KeptFor
    seats: SeatLabels
    places: PlacesOfAreas
    reason: str
    by: Annotated[str, Meta(description="The user who asked for it.")]
    since: Moment
    release_at: Annotated[Moment | None, Meta(description="When they are opened automatically. Null: never.")]


class Allocations(Document, frozen=True):
    """All blocked and allocated seats, oldest first."""

    allocations: tuple[Allocation, ...]


class AllocationEntry(Document, frozen=True):
    """One change. `release` means that the seats were opened automatically at their `release_at`."""

    id: int
    at: Moment
    by: Annotated[str, Meta(description="The user. `timer` for a release.")]
    action: Literal["block", "allocate", "open", "release"]
    channel: KeptFor
    seats: SeatLabels
    places: PlacesOfAreas
    reason: str
    release_at: Moment | None


class AllocationsChanged(Document, frozen=True):
    """What a request changed."""

    entries: Annotated[
        tuple[AllocationEntry, ...], Meta(description="New entries of the log. Empty if everything was so already.")
    ]
    notes: Annotated[tuple[str, ...], Meta(description="Warnings about side effects, such as half a sofa.")]


class AllocationLog(Document, frozen=True):
    """A page of the log, newest first."""

    entries: tuple[AllocationEntry, ...]
    next: Next


BLOCKED = AllocationEntry(
    id=7,
    at=story.OPENS,
    by="manager",
    action="block",
    channel=None,
    seats=("A-1",),
    places={},
    reason="broken armrest",
    release_at=None,
)
ALLOCATED = AllocationEntry(
    id=8,
    at=story.OPENS,
    by="manager",
    action="allocate",
    channel="box-office",
    seats=("B-1", "B-2"),
    places={},
    reason="for guests at the door",
    release_at=story.STARTS,
)
ALLOCATION = Allocation(
    channel="box-office",
    seats=("B-1", "B-2"),
    places={},
    reason="for guests at the door",
    by="manager",
    since=story.OPENS,
    release_at=story.STARTS,
)
EXAMPLES = (
    ChangeAllocations(
        changes=(
            AllocationChange(action="block", reason="broken armrest", seats=("A-1",)),
            AllocationChange(
                action="allocate",
                channel="box-office",
                reason="for guests at the door",
                rows=("B",),
                release_at=story.STARTS,
            ),
        ),
    ),
    AllocationsChanged(entries=(BLOCKED, ALLOCATED), notes=()),
    BLOCKED,
    AllocationLog(entries=(ALLOCATED, BLOCKED), next=None),
    ALLOCATION,
    Allocations(allocations=(ALLOCATION,)),
)
