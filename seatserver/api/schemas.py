"""The REST interface's documents: what requests carry and what answers look like.

Requests refuse unknown fields, so that a misspelt one is noticed. Points in the calendar (a film's start) are RFC 3339
texts; deadlines and other clock readings are milliseconds since the epoch, named ``…_ms``; money is in the currency's
minor unit. `openapi.json` is made from these Structs.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.access.admission import KEY_PATTERN
from seatserver.access.guests import MAX_RENEWAL_CHARS
from seatserver.bookings.own import LISTED
from seatserver.catalog.catalog import PAGE_LIMIT
from seatserver.catalog.showtime import ID_PATTERN, MAX_ADDRESS, MAX_TITLE
from seatserver.seatmaps.model import MAX_LABEL, MAX_NAME, SeatMap
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
from seatserver.seatmaps.score import MAX_PARTY, Breakdown, Weights

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="Letters, digits, '-' and '_'; chosen by whoever creates it.")]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
Address = Annotated[
    str, Meta(max_length=MAX_ADDRESS, description="One line, for tickets and calendars; empty where it isn't known.")
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, server clock.")]
Currency = Annotated[str, Meta(pattern=CURRENCY_PATTERN, description="ISO 4217 code.")]
CurrencyDigits = Annotated[
    int, Meta(ge=0, le=4, description="Minor digits of the currency: amounts are in units of 1 / 10^digits.")
]
Cursor = Annotated[str, Meta(max_length=100)]
SeatName = Annotated[
    Annotated[int, Meta(ge=0)] | Annotated[str, Meta(max_length=2 * MAX_LABEL + 1)],
    Meta(description="The seat's index in the layout, or its label (C-7)."),
]
LayoutHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="The layout's content hash.")]


MAX_COUNTED = 100
STATUS_PATTERN = "^(pending|confirmed|cancelled|expired)$"


class Document(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What all of them are."""


# ---------------------------------------------------------------- requests


class ShowtimeQuery(Document, frozen=True):
    """Which showtimes to list."""

    theatre: Annotated[Id | None, Meta(description="Only this theatre's.")] = None
    from_: Annotated[Moment | None, Meta(description="Only those that start then or later.")] = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[Moment | None, Meta(description="Only those that start before.")] = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT, description="Most showtimes in the answer.")] = 50
    after: Annotated[Cursor | None, Meta(description="`next` of the page before.")] = None


class CountsQuery(Document, frozen=True):
    """Which showtimes to count."""

    showtimes: Annotated[
        str, Meta(max_length=8000, description=f"Ids with commas between them, at most {MAX_COUNTED}.")
    ]


class BookingsQuery(Document, frozen=True):
    """Which of your bookings to list."""

    showtime: Annotated[Id | None, Meta(description="Only those of this showtime.")] = None
    status: Annotated[
        Annotated[str, Meta(pattern=STATUS_PATTERN)] | None, Meta(description="Only those that stand so.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=LISTED, description="Most bookings in the answer.")] = 20
    after: Annotated[Cursor | None, Meta(description="`next` of the page before.")] = None


class LayoutQuery(Document, frozen=True):
    """How to import a layout."""

    name: Annotated[str, Meta(max_length=MAX_TITLE, description="Replaces the file's own name.")] = ""


class TicketWish(Document, frozen=True):
    """One ticket: for a seat, or for any place of a general area."""

    seat: SeatName | None = None
    area: Annotated[Annotated[str, Meta(max_length=MAX_NAME)] | None, Meta(description="The general area's key.")] = (
        None
    )
    ticket: Annotated[
        Annotated[str, Meta(max_length=MAX_KEY)] | None,
        Meta(description="The ticket type's key; null: the first type that is sold there."),
    ] = None


class AskQuote(Document, frozen=True):
    """Tickets that somebody thinks of buying together."""

    tickets: Annotated[tuple[TicketWish, ...], Meta(min_length=1, max_length=MAX_TICKETS)]


class AskOffers(Document, frozen=True):
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


class NewBooking(Document, frozen=True):
    """Book what this hold holds. Repeating the request gives the same booking."""

    showtime_id: Id
    hold_id: UUID
    pay_later: Annotated[
        bool, Meta(description="Make a pending booking, which a payment confirms before its deadline.")
    ] = False


class RenewGuest(Document, frozen=True):
    """The renewal that came with a guest's token."""

    renewal: Annotated[str, Meta(max_length=MAX_RENEWAL_CHARS)]


class AskAdmission(Document, frozen=True):
    """A ticket's code as it was scanned or typed, and the showtime of the door that is asking, if it is one's door."""

    code: Annotated[str, Meta(max_length=200, description="Capitals or not, with blanks and hyphens or without.")]
    showtime_id: Id | None = None


class AskAdmit(Document, frozen=True):
    """Let in whoever brings this ticket. Repeating the request with the same `scan_id` gives the same answer."""

    code: Annotated[str, Meta(max_length=200, description="As it was scanned or typed.")]
    scan_id: Annotated[UUID, Meta(description="Made by the scanner, a new one for each scan.")]
    door: Annotated[
        str, Meta(max_length=80, description="The door's name, to be told when the ticket comes again.")
    ] = ""
    showtime_id: Annotated[Id | None, Meta(description="Let in for this showtime only.")] = None


class AskUndo(Document, frozen=True):
    """Take back an admission: the scan that let people in by mistake."""

    scan_id: UUID


class PutTheatre(Document, frozen=True):
    """A theatre."""

    name: Name
    timezone: Annotated[str, Meta(max_length=64, description="IANA name, such as Europe/Berlin.")]
    address: Address = ""


class PutAuditorium(Document, frozen=True):
    """An auditorium of a theatre."""

    theatre_id: Id
    name: Name


class PutShowtime(Document, frozen=True):
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


# ---------------------------------------------------------------- answers


class Layout(Document, frozen=True):
    """A hall and its hash. Never changes: keep it for ever."""

    hash: LayoutHash
    map: SeatMap


class AuditoriumView(Document, frozen=True):
    """An auditorium."""

    id: Id
    name: Name


class TheatreView(Document, frozen=True):
    """A theatre and its auditoriums."""

    id: Id
    name: Name
    timezone: str
    address: Address
    auditoriums: tuple[AuditoriumView, ...]


class Theatres(Document, frozen=True):
    """All theatres."""

    theatres: tuple[TheatreView, ...]


class ShowtimeView(Document, frozen=True):
    """A showtime; its hall is the layout of this hash, its seats' states come from the socket."""

    id: Id
    title: str
    theatre_id: Id
    theatre_name: str
    theatre_address: Address
    auditorium_id: Id
    auditorium_name: str
    starts_at: Moment
    on_sale_at: Moment
    sale_ends_at: Moment
    currency: Currency
    currency_digits: CurrencyDigits
    prices: Annotated[Prices, Meta(description="What a place of each category costs whoever names no ticket type.")]
    ticket_types: tuple[TicketType, ...]
    fees: Fees
    rules: Rules
    layout_hash: LayoutHash


class Showtimes(Document, frozen=True):
    """A page of showtimes by their start."""

    showtimes: tuple[ShowtimeView, ...]
    next: Annotated[str | None, Meta(description="Ask again with `after` set to this; null at the end.")]


class Counts(Document, frozen=True):
    """Seats in each state."""

    free: int = 0
    held: int = 0
    claimed: int = 0
    sold: int = 0
    blocked: int = 0
    allocated: Annotated[int, Meta(description="Kept for another sales channel.")] = 0


class Availability(Document, frozen=True):
    """How many seats are in which state, as of this version of the room."""

    showtime_id: Id
    epoch: str
    version: int
    total: Counts
    categories: Annotated[dict[str, Counts], Meta(description="The same for each category key of the layout.")]
    areas: Annotated[dict[str, Counts], Meta(description="The same for each general area's key.")]


class ShowtimeCounts(Document, frozen=True):
    """How many of a showtime's places are in which state."""

    showtime_id: Id
    total: Counts


class CountedShowtimes(Document, frozen=True):
    """Counts in the order that was asked for; of an id that nothing has there is none."""

    showtimes: tuple[ShowtimeCounts, ...]


class Guest(Document, frozen=True):
    """A guest's token, and what its browser may exchange for the next one of the same guest."""

    token: str
    user_id: str
    scopes: tuple[str, ...]
    expires_at_ms: Millis
    renewal: Annotated[
        str | None,
        Meta(description="For `POST /api/v1/guests/renew`, as often as needed; null: this guest ends with the token."),
    ]
    renewal_expires_at_ms: Annotated[int | None, Meta(description="When the renewal ends. It never moves.")]


class Ticket(Document, frozen=True):
    """Opens one socket, once: for `ticket` in the socket's first message."""

    ticket: str
    expires_at_ms: Millis


class NamedSeat(Document, frozen=True):
    """A seat by its index in the layout and by the label on the ticket."""

    index: int
    label: str


class TicketLine(Document, frozen=True):
    """One ticket: its place by index and by the label that is printed on it, its type's key and its price."""

    index: int
    label: str
    ticket: str
    price_minor: Price


class QuoteView(Document, frozen=True):
    """What tickets cost together: the sum of their prices, and fees."""

    lines: tuple[TicketLine, ...]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency
    currency_digits: CurrencyDigits


class OfferView(Document, frozen=True):
    """Seats for a party. `cost` says how good they are, in seat pitches per person; less is better."""

    seats: Annotated[tuple[NamedSeat, ...], Meta(description="Front row first, each row from left to right.")]
    parts: Annotated[
        tuple[tuple[int, ...], ...], Meta(description="The same seats' indexes: each part sits side by side.")
    ]
    cost: Annotated[float, Meta(description="The sum of `breakdown`.")]
    breakdown: Breakdown
    alone: Annotated[int, Meta(description="How many people would sit alone.")]
    stranded: Annotated[tuple[NamedSeat, ...], Meta(description="Seats that would be left over, too few to be wanted.")]
    price: QuoteView


class RankedOffers(Document, frozen=True):
    """The best offers, the best first; no two share a seat. Empty: the party cannot sit together now."""

    offers: tuple[OfferView, ...]


class BookingView(Document, frozen=True):
    """A booking as it is now."""

    id: Annotated[UUID, Meta(description="The hold's id.")]
    showtime_id: Id
    user_id: Annotated[str | None, Meta(description="Who booked; null for whoever reads with the booking's key.")]
    reference: Annotated[
        str,
        Meta(
            pattern="^[0-9A-HJKMNP-TV-Z]{4} [0-9A-HJKMNP-TV-Z]{4}$",
            description="What people call it: the same on the ticket, in mails and at the door. It opens nothing.",
        ),
    ]
    status: Annotated[str, Meta(pattern=STATUS_PATTERN)]
    seats: tuple[NamedSeat, ...]
    lines: Annotated[
        tuple[TicketLine, ...], Meta(description="What each seat cost; empty where that was not recorded.")
    ]
    fees_minor: int
    total_minor: Annotated[int, Meta(description="Prices and fees.")]
    currency: Currency
    currency_digits: CurrencyDigits
    channel: Annotated[str, Meta(description="The sales channel; empty: the public.")]
    created_at_ms: Millis
    expires_at_ms: Annotated[int | None, Meta(description="A pending booking ends then, unless it is confirmed.")]
    ticket_url: Annotated[
        Annotated[str, Meta(pattern=f"#key={KEY_PATTERN}$")] | None,
        Meta(
            description="The ticket's page on this server, for any browser: its path, and the booking's key behind "
            "`#key=`. Told to whoever booked, and to a payment service in the answer to its confirmation; else null, "
            "and where the server has no secret to sign with.",
        ),
    ]


class OwnBookings(Document, frozen=True):
    """A page of your bookings, the newest first, and the showtimes that they are for."""

    bookings: tuple[BookingView, ...]
    showtimes: tuple[ShowtimeView, ...]
    next: Annotated[str | None, Meta(description="Ask again with `after` set to this; null at the end.")]


class Admission(Document, frozen=True):
    """What a ticket carries for the usher. The same for a booking every time, so printing again replaces nothing."""

    booking_id: UUID
    code: Annotated[str, Meta(pattern="^[A-Z2-7]{48}$", description="The booking's number, signed; for a QR code.")]


class AdmissionCheck(Document, frozen=True):
    """Whom to let in: `good` says whether, `problem` why not, and the rest what was booked, as it is now."""

    good: bool
    problem: Annotated[
        Annotated[str, Meta(pattern="^(pending|cancelled|expired|other_showtime|already_admitted)$")] | None,
        Meta(
            description="The booking's status where that is not confirmed, that it is for another showtime, or that "
            "somebody was let in with it."
        ),
    ]
    admitted_at_ms: Annotated[int | None, Meta(description="When somebody was let in with it, and where: `door`.")]
    door: Annotated[str | None, Meta(description="The door's name as its scanner told it; may be empty.")]
    booking: BookingView
    showtime: ShowtimeView


class AdmissionRecord(Document, frozen=True):
    """One scan that let people in, and who has taken it back since, if anybody has."""

    scan_id: UUID
    booking_id: UUID
    door: str
    admitted_at_ms: Millis
    admitted_by: Annotated[str, Meta(description="The user of the scanner's token.")]
    undone_at_ms: int | None
    undone_by: str | None


class AdmitAnswer(Document, frozen=True):
    """Whether to let in whoever brought the ticket: `admitted`, by this scan and by no other."""

    admitted: bool
    problem: Annotated[
        Annotated[str, Meta(pattern="^(pending|cancelled|expired|other_showtime|already_admitted|undone)$")] | None,
        Meta(
            description="Why not: the booking's status where that is not confirmed, another showtime, another scan "
            "that came before (`admission` says when and at which door), or that this very scan was taken back."
        ),
    ]
    admission: Annotated[AdmissionRecord | None, Meta(description="This scan's, or the one that came before it.")]
    booking: BookingView
    showtime: ShowtimeView


class ImportedLayout(Document, frozen=True):
    """A layout that is stored now."""

    hash: LayoutHash
    name: str
    format: Annotated[str, Meta(description="The format that was recognised.")]
    seats: Annotated[int, Meta(description="Numbered seats.")]
    areas: Annotated[dict[str, int], Meta(description="General area's key to its capacity.")]
    categories: Annotated[dict[str, int], Meta(description="Category key to its seats and places.")]
    groups: int
    notes: Annotated[tuple[str, ...], Meta(description="What the importer wants you to know.")]


class Live(Document, frozen=True):
    """The process answers."""

    live: bool


class Ready(Document, frozen=True):
    """Whether this instance can serve, and what each part says: `ok`, or what is wrong."""

    ready: bool
    checks: dict[str, str]
