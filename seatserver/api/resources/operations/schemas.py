"""What the operator's live view shows: what all instances do now, and how much the seats of a hall are in demand."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.fields import Document, Id, LayoutHash, Millis, Moment
from seatserver.api.views.counts import Counts
from seatserver.live.broadcast.demand import PERIOD_S, PERIODS
from seatserver.operations.instance_reports import LONG, SHORT

LIVE_ROOMS = 50
"""Rooms in one answer."""
HOTTEST = 8
"""Seats and areas in `hottest`."""

TakesMs = Annotated[float | None, Meta(description="How long it takes to answer. Null if it does not answer.")]
LastMinute = f"in the last {LONG} s"


class LiveQuery(Document, frozen=True):
    """How much to show."""

    rooms: Annotated[
        int, Meta(ge=0, le=LIVE_ROOMS, description="Most rooms in the answer. The busiest come first.")
    ] = 20


class Lag(Document, frozen=True):
    """How long something took lately: half of the times at most `half_ms`, 95 % of them at most `most_ms`.

    Both are bounds of a histogram. Times beyond its largest bound count as that bound. Null if nothing happened.
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
        bool, Meta(description="It has not reported for a while, so it is not counted. It disappears a minute later.")
    ]
    draining: Annotated[bool, Meta(description="It is shutting down gracefully.")]
    viewers: int
    rooms: int
    catching_up: Annotated[int, Meta(description="Rooms that missed changes, so that their state may be outdated.")]
    loop: Annotated[Lag, Meta(description=f"How late its event loop ran what was due, in the last {SHORT} s.")]
    postgres_ms: TakesMs
    redis_ms: TakesMs
    feed: Annotated[bool, Meta(description="Whether changes by other instances arrive.")]


class RoomNow(Document, frozen=True):
    """A showtime with viewers."""

    showtime_id: Id
    title: str
    theatre_name: str
    auditorium_name: str
    starts_at: Moment
    viewers: int
    holds: Annotated[int, Meta(description="Holds made in about the last minute.")]
    refused: Annotated[int, Meta(description="Places refused in about the last minute.")]
    places: Counts
    catching_up: Annotated[bool, Meta(description="Its state may be outdated.")]


class ModelSpent(Document, frozen=True):
    """What the concierge's language model has taken today (UTC), over all instances.

    While an answer is given, the most that it can take is counted.
    """

    tokens: int
    cents: float


class Asking(Document, frozen=True):
    """How staff may ask about these figures in their own words, on the socket `/ws/operations`."""

    chars: Annotated[int, Meta(description="The longest question, in characters.")]
    model: Annotated[
        bool, Meta(description="Whether a language model answers, which is sent the question and these figures.")
    ]


class HouseNow(Document, frozen=True):
    """What all instances do at this moment, added up.

    Each instance reports once a second through Redis. While Redis does not answer, `whole` is false and the figures are
    those of the answering instance alone. Silent instances are not counted.
    """

    at_ms: Millis
    whole: bool
    viewers: int
    rooms: Annotated[int, Meta(description="Showtimes with viewers.")]
    holds_per_s: Annotated[float, Meta(description=f"Holds made a second, over the last {SHORT} s.")]
    bookings: Annotated[dict[str, int], Meta(description=f"Bookings that reached each status {LastMinute}.")]
    refusals: Annotated[dict[str, int], Meta(description=f"Places refused {LastMinute}, by reason.")]
    errors: Annotated[dict[str, int], Meta(description=f"Errors sent to clients {LastMinute}, by code.")]
    turned_away: Annotated[
        dict[str, int],
        Meta(description=f"Connections, requests and commands refused {LastMinute}, by the limit they were over."),
    ]
    pushing: Annotated[
        dict[str, int],
        Meta(description="Networks that were refused most in about the last minute, by part of their address."),
    ]
    propagation: Annotated[
        Lag, Meta(description=f"From a change until it was sent to the last viewer of its room, in the last {SHORT} s.")
    ]
    expiry: Annotated[
        Lag, Meta(description=f"From a hold's deadline until its seats were free, in rooms with viewers, {LastMinute}.")
    ]
    instances: tuple[Instance, ...]
    showtimes: Annotated[tuple[RoomNow, ...], Meta(description="The busiest rooms.")]
    model: Annotated[
        ModelSpent | None, Meta(description="Null where there is no language model, or Redis does not answer.")
    ] = None
    asking: Annotated[Asking | None, Meta(description="Null where there is no concierge.")] = None


class WantedPlaces(Document, frozen=True):
    """A seat or general area that people want."""

    label: Annotated[str, Meta(description="The seat's label, or the area's name.")]
    held: int
    refused: int


class SeatDemand(Document, frozen=True):
    """How much each seat of a hall is in demand.

    `states` and `wanted` have one digit for each numbered seat. The digit in `states` is the seat's state, as in the
    socket's snapshot. The digit in `wanted` is 0 for a seat that nobody asked for lately, and grows to 9, on a
    logarithmic scale, the more often people held it or were refused it. Recent requests count more.
    """

    showtime_id: Id
    layout_hash: LayoutHash
    epoch: str
    version: int
    states: str
    wanted: str
    hottest: Annotated[
        tuple[WantedPlaces, ...],
        Meta(description=f"Those most in demand, with counts of the last {PERIOD_S * PERIODS:.0f} s."),
    ]
    areas: Annotated[
        dict[str, Counts], Meta(description="How many places of each general area are in each state, by its key.")
    ]
    missing: Annotated[int, Meta(description="Instances whose demand is not in the answer yet.")]


EXAMPLES = (
    HouseNow(
        at_ms=story.NOW_MS,
        whole=True,
        viewers=212,
        rooms=1,
        holds_per_s=1.4,
        bookings={"confirmed": 31},
        refusals={"held": 12, "sold": 3},
        errors={"no_seats_together": 1},
        turned_away={"holds": 40, "guests": 7},
        pushing={"203.0.113.0/24": 47},
        propagation=Lag(count=140, half_ms=2, most_ms=7),
        expiry=Lag(count=9, half_ms=3, most_ms=5),
        instances=(
            Instance(
                id="5f0c2a9be1d3",
                name="web-1:4711",
                release="0.1.0",
                started_at_ms=story.NOW_MS - 3_600_000,
                heard_ms_ago=0,
                silent=False,
                draining=False,
                viewers=212,
                rooms=1,
                catching_up=0,
                loop=Lag(count=490, half_ms=1, most_ms=5),
                postgres_ms=1.2,
                redis_ms=0.4,
                feed=True,
            ),
        ),
        showtimes=(
            RoomNow(
                showtime_id="tonight",
                title="The Long Take",
                theatre_name="Odeon",
                auditorium_name="Studio",
                starts_at=story.STARTS,
                viewers=212,
                holds=84,
                refused=15,
                places=Counts(free=1, held=2, blocked=1),
                catching_up=False,
            ),
        ),
        model=ModelSpent(tokens=481_200, cents=31.5),
        asking=Asking(chars=500, model=True),
    ),
    SeatDemand(
        showtime_id="tonight",
        layout_hash=story.HALL.content_hash,
        epoch=story.EPOCH,
        version=41,
        states="0411",
        wanted="2099",
        hottest=(WantedPlaces(label="B-1", held=7, refused=9),),
        areas={},
        missing=0,
    ),
)
