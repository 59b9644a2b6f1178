"""The REST interface's documents: what requests carry and what answers look like.

Requests refuse unknown fields, so that a misspelt one is noticed. Points in the calendar (a film's start) are RFC 3339
texts; deadlines and other clock readings are milliseconds since the epoch, named ``…_ms``; money is in the currency's
minor unit. `openapi.json` is made from these Structs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.access.tokens import CHANNEL_PATTERN
from seatserver.bookings.allocations import CHANGES_AT_ONCE, LOG_PAGE
from seatserver.catalog.catalog import PAGE_LIMIT
from seatserver.catalog.showtime import ID_PATTERN, MAX_TITLE
from seatserver.seatmaps.model import MAX_LABEL, MAX_NAME, MAX_SEATS, SeatMap
from seatserver.seatmaps.pricing import (
    CURRENCY_PATTERN,
    MAX_KEY,
    MAX_TICKET_TYPES,
    MAX_TICKETS,
    Fees,
    Price,
    Prices,
    TicketType,
)
from seatserver.seatmaps.rules import Rules
from seatserver.seatmaps.score import MAX_PARTY, Weights

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="Letters, digits, '-' and '_'; chosen by whoever creates it.")]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, server clock.")]
Currency = Annotated[str, Meta(pattern=CURRENCY_PATTERN, description="ISO 4217 code.")]
Cursor = Annotated[str, Meta(max_length=100)]
Channel = Annotated[
    str, Meta(pattern=CHANNEL_PATTERN, description="A sales channel, as a token's claim `channel` names it.")
]
KeptFor = Annotated[Channel | None, Meta(description="The sales channel; null: nobody.")]
SeatName = Annotated[
    Annotated[int, Meta(ge=0)] | Annotated[str, Meta(max_length=2 * MAX_LABEL + 1)],
    Meta(description="The seat's index in the layout, or its label (C-7)."),
]
SeatLabels = Annotated[tuple[str, ...], Meta(description="Labels of numbered seats.")]
PlacesOfAreas = Annotated[dict[str, int], Meta(description="General area's key to how many of its places.")]
LayoutHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="The layout's content hash.")]


class _Document(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    pass


# ---------------------------------------------------------------- requests


class ShowtimeQuery(_Document, frozen=True):
    """Which showtimes to list."""

    theatre: Annotated[Id | None, Meta(description="Only this theatre's.")] = None
    from_: Annotated[Moment | None, Meta(description="Only those that start then or later.")] = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[Moment | None, Meta(description="Only those that start before.")] = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT, description="Most showtimes in the answer.")] = 50
    after: Annotated[Cursor | None, Meta(description="`next` of the page before.")] = None


class LayoutQuery(_Document, frozen=True):
    """How to import a layout."""

    name: Annotated[str, Meta(max_length=MAX_TITLE, description="Replaces the file's own name.")] = ""


class TicketWish(_Document, frozen=True):
    """One ticket: for a seat, or for any place of a general area."""

    seat: SeatName | None = None
    area: Annotated[Annotated[str, Meta(max_length=MAX_NAME)] | None, Meta(description="The general area's key.")] = (
        None
    )
    ticket: Annotated[
        Annotated[str, Meta(max_length=MAX_KEY)] | None,
        Meta(description="The ticket type's key; null: the first type that is sold there."),
    ] = None


class AskQuote(_Document, frozen=True):
    """Tickets that somebody thinks of buying together."""

    tickets: Annotated[tuple[TicketWish, ...], Meta(min_length=1, max_length=MAX_TICKETS)]


class AskOffers(_Document, frozen=True):
    """What a party wishes: how many (`count`), or how many of each type of ticket (`tickets`), and where.

    `categories` (keys) and `areas` (names) of the layout limit the search; empty: anywhere. `wheelchairs`: so many of
    the party come with one, and the others sit beside them. A party that cannot sit together is split across
    neighbouring rows unless `split` is false. `weights` say what good seats are, and `limit` how many offers to make.
    """

    count: Annotated[int, Meta(ge=1, le=MAX_PARTY)] | None = None
    tickets: (
        Annotated[
            dict[Annotated[str, Meta(max_length=MAX_KEY)], Annotated[int, Meta(ge=1, le=MAX_PARTY)]],
            Meta(max_length=MAX_TICKET_TYPES),
        ]
        | None
    ) = None
    categories: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    areas: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    wheelchairs: Annotated[int, Meta(ge=0, le=MAX_PARTY)] = 0
    split: bool = True
    weights: Weights = Weights()
    limit: Annotated[int, Meta(ge=1, le=20)] = 5


class NewBooking(_Document, frozen=True):
    """Book what this hold holds. Repeating the request gives the same booking."""

    showtime_id: Id
    hold_id: UUID
    pay_later: Annotated[
        bool, Meta(description="Make a pending booking, which a payment confirms before its deadline.")
    ] = False


class PutTheatre(_Document, frozen=True):
    """A theatre."""

    name: Name
    timezone: Annotated[str, Meta(max_length=64, description="IANA name, such as Europe/Berlin.")]


class PutAuditorium(_Document, frozen=True):
    """An auditorium of a theatre."""

    theatre_id: Id
    name: Name


class PutShowtime(_Document, frozen=True):
    """A showtime, with either `prices` or `ticket_types`; what is left out is as if it had never been set.

    The layout is fixed, and the currency once there are bookings; prices and rules may change at any time, and
    those who hold seats by then keep the prices they were told.
    """

    auditorium_id: Id
    layout_hash: LayoutHash
    title: Name
    starts_at: Moment
    on_sale_at: Moment
    sale_ends_at: Moment
    currency: Currency
    prices: Annotated[
        dict[str, Price] | None,
        Meta(description="Category key of the layout to price: one ticket type, `standard`, for everybody."),
    ] = None
    ticket_types: Annotated[
        tuple[TicketType, ...] | None,
        Meta(description="Whoever names none gets the first one that has a price for the place's category."),
    ] = None
    fees: Fees = Fees()
    rules: Rules = Rules()


class AllocationChange(_Document, frozen=True):
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
    ] = {}
    release_at: Annotated[Moment | None, Meta(description="They are opened then by themselves; not with `open`.")] = (
        None
    )


class ChangeAllocations(_Document, frozen=True):
    """Changes of what the house keeps: all of them happen, or none. Repeating them changes nothing more."""

    changes: Annotated[tuple[AllocationChange, ...], Meta(min_length=1, max_length=CHANGES_AT_ONCE)]
    held: Annotated[
        Literal["end", "refuse"],
        Meta(
            description="What becomes of a seat that somebody holds and that is taken from them: the hold ends, or the "
            "request is refused. A hold that is made while the request is worked on ends in either case."
        ),
    ] = "end"


class AllocationLogQuery(_Document, frozen=True):
    """Which part of the log."""

    limit: Annotated[int, Meta(ge=1, le=LOG_PAGE, description="Most entries in the answer.")] = 20
    after: Annotated[Cursor | None, Meta(description="`next` of the page before.")] = None


# ---------------------------------------------------------------- answers


class Layout(_Document, frozen=True):
    """A hall and its hash. Never changes: keep it for ever."""

    hash: LayoutHash
    map: SeatMap


class AuditoriumView(_Document, frozen=True):
    """An auditorium."""

    id: Id
    name: Name


class TheatreView(_Document, frozen=True):
    """A theatre and its auditoriums."""

    id: Id
    name: Name
    timezone: str
    auditoriums: tuple[AuditoriumView, ...]


class Theatres(_Document, frozen=True):
    """All theatres."""

    theatres: tuple[TheatreView, ...]


class ShowtimeView(_Document, frozen=True):
    """A showtime; its hall is the layout of this hash, its seats' states come from the socket."""

    id: Id
    title: str
    theatre_id: Id
    theatre_name: str
    auditorium_id: Id
    auditorium_name: str
    starts_at: Moment
    on_sale_at: Moment
    sale_ends_at: Moment
    currency: Currency
    prices: Annotated[Prices, Meta(description="What a place of each category costs whoever names no ticket type.")]
    ticket_types: tuple[TicketType, ...]
    fees: Fees
    rules: Rules
    layout_hash: LayoutHash


class Showtimes(_Document, frozen=True):
    """A page of showtimes by their start."""

    showtimes: tuple[ShowtimeView, ...]
    next: Annotated[str | None, Meta(description="Ask again with `after` set to this; null at the end.")]


class Counts(_Document, frozen=True):
    """Seats in each state."""

    free: int = 0
    held: int = 0
    claimed: int = 0
    sold: int = 0
    blocked: int = 0
    allocated: Annotated[int, Meta(description="Kept for another sales channel.")] = 0


class Availability(_Document, frozen=True):
    """How many seats are in which state, as of this version of the room."""

    showtime_id: Id
    epoch: str
    version: int
    total: Counts
    categories: Annotated[dict[str, Counts], Meta(description="The same for each category key of the layout.")]
    areas: Annotated[dict[str, Counts], Meta(description="The same for each general area's key.")]


class Guest(_Document, frozen=True):
    """A guest's token."""

    token: str
    user_id: str
    scopes: tuple[str, ...]
    expires_at_ms: Millis


class Ticket(_Document, frozen=True):
    """Opens one socket, once: for `ticket` in the socket's first message."""

    ticket: str
    expires_at_ms: Millis


class NamedSeat(_Document, frozen=True):
    """A seat by its index in the layout and by the label on the ticket."""

    index: int
    label: str


class TicketLine(_Document, frozen=True):
    """One ticket: its place by index and by the label that is printed on it, its type's key and its price."""

    index: int
    label: str
    ticket: str
    price_minor: Price


class QuoteView(_Document, frozen=True):
    """What tickets cost together: the sum of their prices, and fees."""

    lines: tuple[TicketLine, ...]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency


class OfferView(_Document, frozen=True):
    """Seats for a party. `cost` says how good they are, in seat pitches per person; less is better."""

    seats: Annotated[tuple[NamedSeat, ...], Meta(description="Front row first, each row from left to right.")]
    parts: Annotated[
        tuple[tuple[int, ...], ...], Meta(description="The same seats' indexes: each part sits side by side.")
    ]
    cost: Annotated[float, Meta(description="The sum of `breakdown`.")]
    breakdown: Annotated[dict[str, float], Meta(description="What the cost is made of, each by its name.")]
    alone: Annotated[int, Meta(description="How many people would sit alone.")]
    stranded: Annotated[tuple[NamedSeat, ...], Meta(description="Seats that would be left over, too few to be wanted.")]
    price: QuoteView


class RankedOffers(_Document, frozen=True):
    """The best offers, the best first; no two share a seat. Empty: the party cannot sit together now."""

    offers: tuple[OfferView, ...]


class BookingView(_Document, frozen=True):
    """A booking as it is now."""

    id: Annotated[UUID, Meta(description="The hold's id.")]
    showtime_id: Id
    user_id: str
    status: Annotated[str, Meta(pattern="^(pending|confirmed|cancelled|expired)$")]
    seats: tuple[NamedSeat, ...]
    lines: Annotated[
        tuple[TicketLine, ...], Meta(description="What each seat cost; empty where that was not recorded.")
    ]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency
    channel: Annotated[str, Meta(description="The sales channel; empty: the public.")]
    created_at_ms: Millis
    expires_at_ms: Annotated[int | None, Meta(description="A pending booking ends then, unless it is confirmed.")]


class Allocation(_Document, frozen=True):
    """Seats that are kept in the same way, for the same reason, since the same request."""

    channel: KeptFor
    seats: SeatLabels
    places: PlacesOfAreas
    reason: str
    by: Annotated[str, Meta(description="The user who said so.")]
    since: Moment
    release_at: Annotated[Moment | None, Meta(description="They are opened then; null: not by themselves.")]


class Allocations(_Document, frozen=True):
    """All seats that the house keeps, the longest kept first."""

    allocations: tuple[Allocation, ...]


class AllocationEntry(_Document, frozen=True):
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


class AllocationsChanged(_Document, frozen=True):
    """What a request changed."""

    entries: Annotated[tuple[AllocationEntry, ...], Meta(description="Of the log; none for what was so already.")]
    notes: Annotated[tuple[str, ...], Meta(description="What you may not have meant, such as half a sofa.")]


class AllocationLog(_Document, frozen=True):
    """A page of the log, newest first."""

    entries: tuple[AllocationEntry, ...]
    next: Annotated[str | None, Meta(description="Ask again with `after` set to this; null at the end.")]


class ImportedLayout(_Document, frozen=True):
    """A layout that is stored now."""

    hash: LayoutHash
    name: str
    format: Annotated[str, Meta(description="The format that was recognised.")]
    seats: int
    categories: dict[str, int]
    groups: int
    notes: Annotated[tuple[str, ...], Meta(description="What the importer wants you to know.")]


class Live(_Document, frozen=True):
    """The process answers."""

    live: bool


class Ready(_Document, frozen=True):
    """Whether this instance can serve, and what each part says: `ok`, or what is wrong."""

    ready: bool
    checks: dict[str, str]
