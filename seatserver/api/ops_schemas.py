"""The documents of the operator's live view: what the whole house does now, and how wanted a hall's seats are.

`seatserver.api.schemas` has all others, and says what holds for all of them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.api.schemas import Counts, Document, Id, LayoutHash, Millis, Moment
from seatserver.live.broadcast.demand import PERIOD_S, PERIODS
from seatserver.operations.instance_reports import LONG, SHORT

LIVE_ROOMS = 50
"""Rooms in one answer."""
HOTTEST = 8

TakesMs = Annotated[float | None, Meta(description="How long it takes to answer; null: it does not.")]
LastMinute = f"in the last {LONG} s"


class LiveQuery(Document, frozen=True):
    """How much to tell."""

    rooms: Annotated[int, Meta(ge=0, le=LIVE_ROOMS, description="Most rooms in the answer, the busiest first.")] = 20


class Lag(Document, frozen=True):
    """How long something took lately, as bounds: half of the times were at most `half_ms`, 95 of 100 at most `most_ms`.

    Times beyond the longest bound that is told apart count as that bound. Null when nothing happened.
    """

    count: int
    half_ms: float | None
    most_ms: float | None


class Instance(Document, frozen=True):
    """One process of the server."""

    id: str
    name: Annotated[str, Meta(description="Machine and process.")]
    release: str
    started_at_ms: Millis
    heard_ms_ago: Annotated[int, Meta(description="How old its figures are.")]
    silent: Annotated[
        bool, Meta(description="It has not been heard of for a while and counts no more; forgotten a minute later.")
    ]
    draining: Annotated[bool, Meta(description="It is shutting down in good order.")]
    viewers: int
    rooms: int
    catching_up: Annotated[int, Meta(description="Rooms whose state may be old: changes were missed.")]
    loop: Annotated[Lag, Meta(description=f"How late its event loop was for what was due, in the last {SHORT} s.")]
    postgres_ms: TakesMs
    redis_ms: TakesMs
    feed: Annotated[bool, Meta(description="Changes of other instances arrive.")]


class RoomNow(Document, frozen=True):
    """A showtime that somebody looks at."""

    showtime_id: Id
    title: str
    theatre_name: str
    auditorium_name: str
    starts_at: Moment
    viewers: int
    holds: Annotated[int, Meta(description="Holds made in about the last minute.")]
    refused: Annotated[int, Meta(description="Places refused in about the last minute.")]
    places: Counts
    catching_up: Annotated[bool, Meta(description="Its state may be old.")]


class HouseNow(Document, frozen=True):
    """The whole house at this moment: the figures of all instances that are heard of, added up.

    Each instance tells its own once a second, through Redis. When Redis does not answer, `whole` is false, and the
    figures are only those of the instance that answered. An instance that has fallen silent counts no more.
    """

    at_ms: Millis
    whole: bool
    viewers: int
    rooms: Annotated[int, Meta(description="Showtimes that somebody looks at.")]
    holds_per_s: Annotated[float, Meta(description=f"Holds made, over the last {SHORT} s.")]
    bookings: Annotated[dict[str, int], Meta(description=f"Bookings that came to each status {LastMinute}.")]
    refusals: Annotated[dict[str, int], Meta(description=f"Places refused {LastMinute}, by reason.")]
    errors: Annotated[dict[str, int], Meta(description=f"Errors told to clients {LastMinute}, by code.")]
    propagation: Annotated[
        Lag, Meta(description=f"From a change until the last viewer of its room was sent it, in the last {SHORT} s.")
    ]
    expiry: Annotated[
        Lag, Meta(description=f"From a hold's deadline until its seats were free, in rooms with viewers, {LastMinute}.")
    ]
    instances: tuple[Instance, ...]
    showtimes: Annotated[tuple[RoomNow, ...], Meta(description="The busiest rooms.")]


class WantedPlaces(Document, frozen=True):
    """A seat, or a general area, that people ask for."""

    label: Annotated[str, Meta(description="The seat's label, or the area's name.")]
    held: int
    refused: int


class SeatDemand(Document, frozen=True):
    """How wanted each place of a hall is.

    `states` and `wanted` have one digit for each numbered seat. The first is the seat's state, as in the socket's
    snapshot. The second is 0 for a seat that nobody asked for lately, and the larger the more often people held it or
    were refused it, up to 9, on a logarithmic scale; what is longer ago counts less.
    """

    showtime_id: Id
    layout_hash: LayoutHash
    epoch: str
    version: int
    states: str
    wanted: str
    hottest: Annotated[
        tuple[WantedPlaces, ...],
        Meta(description=f"The most wanted, with counts of the last {PERIOD_S * PERIODS:.0f} s."),
    ]
    areas: Annotated[dict[str, Counts], Meta(description="The states of each general area's places, by its key.")]
    missing: Annotated[int, Meta(description="Instances that have not told yet what was asked of them.")]
