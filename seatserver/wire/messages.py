"""The public wire contract, version 1: every message of the socket as a tagged Struct.

A message is one JSON text (`seatmap.v1+json`) or one MessagePack map (`seatmap.v1+msgpack`) with a ``type``. The server
refuses fields that it does not know, so that a misspelt one is noticed; a client passes over them, since messages of
the server may gain fields, and clients of an earlier release go on. Seats and general-admission areas are indexes into
the layout that `Welcome.layout` names; states are the numbers of `seatserver.seats.states.SeatState`. Every command
carries a ``ref`` chosen by the client, which the reply repeats. Times are milliseconds since the epoch on the server's
clock; ``server_ms`` lets a client work out how far its own clock is off.

`/asyncapi.json` is made from these Structs. This module is pure.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.errors import Refusal
from seatserver.seatmaps.search.score import MAX_PARTY, Breakdown, Weights
from seatserver.seats.states import BookingStatus

SUBPROTOCOL_JSON = "seatmap.v1+json"
SUBPROTOCOL_MSGPACK = "seatmap.v1+msgpack"
MAX_SEATS_PER_COMMAND = 500

Ref = Annotated[int, Meta(ge=0, le=2**53 - 1, description="Chosen by the client, repeated in the reply.")]
SeatIndex = Annotated[int, Meta(ge=0, lt=2**20, description="Index into the layout's seats.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, server clock.")]
Seats = Annotated[tuple[SeatIndex, ...], Meta(min_length=1, max_length=MAX_SEATS_PER_COMMAND)]
SomeSeats = Annotated[tuple[SeatIndex, ...], Meta(max_length=MAX_SEATS_PER_COMMAND)]
AreaIndex = Annotated[int, Meta(ge=0, lt=2**10, description="Index into the layout's general areas.")]
People = Annotated[int, Meta(ge=1, le=MAX_SEATS_PER_COMMAND)]
TicketKey = Annotated[str, Meta(max_length=64, description="Key of one of the showtime's ticket types.")]


class _Message(msgspec.Struct, tag_field="type", tag=str.lower, frozen=True, kw_only=True):
    pass


# ---------------------------------------------------------------- client → server


class _Command(_Message, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


class Resume(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where a returning client stopped."""

    epoch: str
    version: Annotated[int, Meta(ge=0)]


class Hello(_Command, frozen=True, kw_only=True):
    """First message, due within 5 s: who is there, and where it stopped last time.

    Send it again at any time to hand in a fresh token or to ask for what was missed.
    """

    ref: Ref = 0
    token: str | None = None
    ticket: str | None = None
    resume: Resume | None = None


class Places(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """``count`` places of one general-admission area, all with one type of ticket (the first, if none is named)."""

    area: AreaIndex
    count: People
    ticket: TicketKey | None = None


AreaPlaces = Annotated[tuple[Places, ...], Meta(max_length=50)]


class Hold(_Command, frozen=True, kw_only=True):
    """Hold all these seats, and places of general-admission areas, or nothing.

    ``hold_id`` is made by the client: repeating the message is safe. It stands for this request, and is booked as a
    whole. A basket that changes is a new hold that ``replaces`` the old one in the same step: it keeps the seats that
    both have and gives the others back, or, refused, leaves the old one as it was. After the end of the sale it may
    keep what the old one has, all or less, and take nothing more. ``tickets`` are types of ticket in
    the order of ``seats``; without them every seat is sold as the first type. ``wheelchairs``: so many of the party
    come with one. With ``or_nearest``, seats that are lost are made good with the nearest equal ones, in the same
    reply, which names those lost.
    """

    ref: Ref
    hold_id: UUID
    seats: SomeSeats = ()
    areas: AreaPlaces = ()
    tickets: Annotated[tuple[TicketKey, ...], Meta(max_length=MAX_SEATS_PER_COMMAND)] | None = None
    wheelchairs: Annotated[int, Meta(ge=0, le=50)] = 0
    replaces: UUID | None = None
    or_nearest: bool = False


class Release(_Command, frozen=True, kw_only=True):
    """Give back a hold: all of it, or only ``seats``, as far as the rest may stand by itself."""

    ref: Ref
    hold_id: UUID
    seats: Seats | None = None


class Extend(_Command, frozen=True, kw_only=True):
    """Ask for more time; the server caps the total age of a hold, and how long one lasts past the end of the sale."""

    ref: Ref
    hold_id: UUID


class _Search(_Command, frozen=True, kw_only=True):
    """What a party wishes: how many (``count``), or how many of each type of ticket (``tickets``), and where.

    ``categories`` and ``areas`` (their names in the layout) limit the search; empty: anywhere. ``wheelchairs``: so many
    of the party come with one, and the others sit beside them. A party that cannot sit together is split across
    neighbouring rows unless ``split`` is false. ``weights`` say what good seats are.
    """

    ref: Ref
    count: Annotated[int, Meta(ge=1, le=MAX_PARTY)] | None = None
    tickets: Annotated[dict[TicketKey, Annotated[int, Meta(ge=1, le=MAX_PARTY)]], Meta(max_length=20)] | None = None
    categories: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    areas: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    wheelchairs: Annotated[int, Meta(ge=0, le=MAX_PARTY)] = 0
    split: bool = True
    weights: Weights = Weights()


class Best(_Search, frozen=True, kw_only=True):
    """Find the best seats for a party and hold them, in one round trip; `Held` says why these.

    A search that loses seats to somebody faster goes on with the room as it is then, and `Held.lost` names them.
    """

    hold_id: UUID
    replaces: UUID | None = None


class Offers(_Search, frozen=True, kw_only=True):
    """What `Best` would choose from: the best offers, ranked and explained. Holds nothing."""

    limit: Annotated[int, Meta(ge=1, le=20)] = 5


class Book(_Command, frozen=True, kw_only=True):
    """Turn a hold into a booking: at once, or (``pay_later``) as a pending claim that a payment confirms."""

    ref: Ref
    hold_id: UUID
    pay_later: bool = False


class ClientBeat(_Command, tag="beat", frozen=True, kw_only=True):
    """A sign of life; the server answers with its own, whatever this one carries besides ``ref``."""

    ref: Ref = 0
    epoch: str = ""
    version: int = 0
    server_ms: Millis = 0


# ---------------------------------------------------------------- server → client


class Beat(_Message, frozen=True, kw_only=True):
    """A sign of life, and how a client notices what it missed: this is where the room is.

    The server says it when it has had nothing else to say for `Limits.heartbeat_ms`, and in answer to a client's.
    """

    ref: Ref = 0
    epoch: str = ""
    version: int = 0
    server_ms: Millis = 0


class TicketLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ticket: of a seat, or of a place in a general-admission area; its type's key and its price in minor units."""

    seat: int | None = None
    area: int | None = None
    ticket: str
    price_minor: int


class _Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold holds and what it costs; the prices stay those of the moment when it was made.

    ``areas`` are pairs of a general-admission area and a number of places. ``total_minor`` is all ``lines`` and
    ``fees_minor``.
    """

    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...]
    lines: tuple[TicketLine, ...]
    fees_minor: int
    total_minor: int
    currency: str
    currency_digits: int


class HoldView(_Basket, frozen=True, kw_only=True):
    """A hold of this user that is alive; ``wheelchairs`` and ``stranded`` as when it was made.

    ``latest_deadline_ms`` as in `Held`.
    """

    hold_id: UUID
    deadline_ms: Millis
    latest_deadline_ms: Millis = 0
    wheelchairs: int = 0
    stranded: tuple[int, ...] = ()


class OwnBooking(_Basket, frozen=True, kw_only=True):
    """A booking of this user; a ``pending`` one ends at ``expires_at_ms`` unless it is paid.

    ``reference`` is what people call it: eight characters in two groups, on the ticket too. Bookings from before prices
    were recorded for each ticket have no ``lines``. ``ticket_url`` is the path of the ticket's page on this server and
    opens it in any browser; None where the server has no secret to sign it with.
    """

    booking_id: UUID
    reference: str = ""
    status: BookingStatus
    expires_at_ms: Millis | None = None
    ticket_url: str | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What this server allows."""

    seats_per_user: int
    hold_ms: int
    hold_total_ms: int
    heartbeat_ms: int
    message_bytes: int


class Welcome(_Message, frozen=True, kw_only=True):
    """The answer to `Hello`. A snapshot or the missed deltas follow.

    ``bookings`` are this user's for this showtime that are pending or confirmed, pending ones first, then the newest
    first, at most 20: ``GET /api/v1/bookings`` lists all. None means that they cannot be read now: what was told before
    stands.
    """

    ref: Ref
    showtime: str
    layout: str
    epoch: str
    version: int
    server_ms: Millis
    user: str
    scopes: tuple[str, ...]
    holds: tuple[HoldView, ...]
    limits: Limits
    on_sale_at_ms: Millis
    sale_ends_at_ms: Millis
    bookings: tuple[OwnBooking, ...] | None = None


class Snapshot(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """The whole room: ``states`` has one digit per seat, in layout order.

    ``areas`` has the number of free places of each general-admission area; it is left out where there are none.
    """

    epoch: str
    version: int
    states: str
    areas: tuple[int, ...] = ()


class Delta(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """What changed after ``from`` up to ``version``: pairs of seat and new state, last write per seat.

    ``areas`` are pairs of a general-admission area and its free places now; left out where none changed. Apply it when
    ``from <= yours < version``; drop it when ``version <= yours``; else say `Hello` with `Resume`.
    """

    epoch: str
    from_: int = msgspec.field(name="from")
    version: int
    changes: tuple[tuple[int, int], ...]
    areas: tuple[tuple[int, int], ...] = ()


class Held(_Message, _Basket, frozen=True, kw_only=True):
    """The hold is yours until ``deadline_ms``; also the answer to `Extend` and `Best`.

    What was held before the sale ended may be booked until then. `Extend` brings the deadline no further than
    ``latest_deadline_ms``: when the two are equal there is no more time to be had. 0: the server did not say.
    ``lost`` names seats that the request wanted, or the search had found, and that the hold has not, with the reason.
    ``stranded`` are seats that this choice leaves over alone (where the house warns, or where there was no other way).
    ``cost`` and ``breakdown`` say how good the seats are, in seat pitches for each person, lower is better.
    """

    ref: Ref
    hold_id: UUID
    deadline_ms: Millis
    latest_deadline_ms: Millis = 0
    lost: tuple[tuple[int, Refusal], ...] = ()
    stranded: tuple[int, ...] = ()
    cost: float | None = None
    breakdown: Breakdown = {}


class SeatOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer: ``parts`` are the seats that are side by side, ``cost`` is in seat pitches for each person.

    Lower is better; ``breakdown`` explains it. ``alone`` people would sit alone, ``stranded`` seats be left over.
    """

    seats: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    cost: float
    breakdown: Breakdown
    alone: int
    stranded: tuple[int, ...]
    total_minor: int
    currency: str
    currency_digits: int


class Offered(_Message, frozen=True, kw_only=True):
    """The answer to `Offers`, the best first; they may be gone any moment."""

    ref: Ref
    offers: tuple[SeatOffer, ...]


class Refused(_Message, frozen=True, kw_only=True):
    """Nothing was done: every seat that failed, with its reason.

    ``held``, ``sold``, ``blocked``, ``allocated`` (kept for another sales channel): what it is. ``cooling``: this user,
    or a guest of the same network, has held it for `Limits.hold_total_ms` in all; ``retry_at_ms`` are pairs of such a
    seat and the time when it may be tried again, if nobody else takes it meanwhile. ``limit``: the user
    would hold too many. ``group``: it goes only together with the rest of its group. ``companion``: it goes only with
    its wheelchair place. ``wheelchair``: it is kept for those who need it. ``gap``: the choice would leave the seats of
    ``stranded`` over alone. ``fix`` is the nearest choice that the house rules let pass. ``areas`` are general
    areas with the reason (``full``: not so many places are left, or ``cooling`` or ``limit``) and how many places they
    have left; ``areas_retry_at_ms`` are pairs of an area that is ``cooling`` and the time, likewise.
    """

    ref: Ref
    hold_id: UUID
    seats: tuple[tuple[int, Refusal], ...]
    areas: tuple[tuple[int, Refusal, int], ...] = ()
    stranded: tuple[int, ...] = ()
    fix: tuple[int, ...] = ()
    retry_at_ms: tuple[tuple[int, Millis], ...] = ()
    areas_retry_at_ms: tuple[tuple[int, Millis], ...] = ()


class Released(_Message, frozen=True, kw_only=True):
    """These seats, and so many places of these areas, are given back."""

    ref: Ref
    hold_id: UUID
    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...] = ()


class Expired(_Message, frozen=True, kw_only=True):
    """A hold of this user ended without its doing.

    Its time ran out, a booking came first (``sold``), or the house took its seats back (``blocked``).
    """

    hold_id: UUID
    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...] = ()
    reason: Literal["expired", "sold", "blocked"]


class Elsewhere(_Message, frozen=True, kw_only=True):
    """Your holds have changed through another socket of yours: say `Hello` again to learn them."""

    hold_id: UUID


class Booked(_Message, OwnBooking, frozen=True, kw_only=True):
    """A booking of this user as it is now. ``ref`` is 0 when it was made, paid or cancelled elsewhere."""

    ref: Ref


class Error(_Message, frozen=True, kw_only=True):
    """The command was not carried out. ``code`` is stable; ``retryable`` says whether the same again can help."""

    ref: Ref
    code: str
    message: str
    retryable: bool
    facts: dict[str, object] = {}


class Bye(_Message, frozen=True, kw_only=True):
    """The last message before the server closes: why, and when to come back (-1: don't)."""

    code: int
    reason: str
    reconnect_after_ms: int


ClientMessage = Hello | Hold | Release | Extend | Best | Offers | Book | ClientBeat
ServerMessage = (
    Welcome | Snapshot | Delta | Held | Offered | Refused | Released | Expired | Elsewhere | Booked | Error | Beat | Bye
)


class Close:
    """Close codes. 4000–4099: do not reconnect. 4100–4199: back off. 4200–4299: reconnect now."""

    INTERNAL = 1011
    GOING_AWAY = 1012  # RFC 6455 registry: service restart
    TOO_BIG = 1009
    BAD_TOKEN = 4001
    FORBIDDEN = 4003
    NO_SHOWTIME = 4004
    NO_HELLO = 4008
    BAD_MESSAGES = 4010
    TOO_MANY_SOCKETS = 4100
    SLOW = 4101
    UNAVAILABLE = 4102
    LATE_HELLO = 4103
    TOKEN_EXPIRED = 4200
