"""The public wire contract, version 1: every message of the socket as a tagged Struct.

A message is one JSON text (`seatmap.v1+json`) or one MessagePack map (`seatmap.v1+msgpack`) with a ``type``. Unknown
fields are refused. Seats are indexes into the layout that `Welcome.layout` names; states are the numbers of
`seatserver.seats.states.SeatState`. Every command carries a ``ref`` chosen by the client, which the reply repeats.
Times are milliseconds since the epoch on the server's clock; ``server_ms`` lets a client work out how far its own
clock is off.

`/asyncapi.json` is made from these Structs. This module is pure.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.errors import Refusal
from seatserver.seats.states import BookingStatus

SUBPROTOCOL_JSON = "seatmap.v1+json"
SUBPROTOCOL_MSGPACK = "seatmap.v1+msgpack"
MAX_SEATS_PER_COMMAND = 500

Ref = Annotated[int, Meta(ge=0, le=2**53 - 1, description="Chosen by the client, repeated in the reply.")]
SeatIndex = Annotated[int, Meta(ge=0, lt=2**20, description="Index into the layout's seats.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, server clock.")]
Seats = Annotated[tuple[SeatIndex, ...], Meta(min_length=1, max_length=MAX_SEATS_PER_COMMAND)]


class _Message(msgspec.Struct, tag_field="type", tag=str.lower, forbid_unknown_fields=True, frozen=True, kw_only=True):
    pass


# ---------------------------------------------------------------- client → server


class Resume(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where a returning client stopped."""

    epoch: str
    version: Annotated[int, Meta(ge=0)]


class Hello(_Message, frozen=True, kw_only=True):
    """First message, due within 5 s: who is there, and where it stopped last time.

    Send it again at any time to hand in a fresh token or to ask for what was missed.
    """

    ref: Ref = 0
    token: str | None = None
    ticket: str | None = None
    resume: Resume | None = None


class Hold(_Message, frozen=True, kw_only=True):
    """Hold all these seats or none.

    ``hold_id`` is made by the client: repeating the message is safe. It stands for these seats; more seats are a hold
    of their own, with another id, and every hold is booked by itself.
    """

    ref: Ref
    hold_id: UUID
    seats: Seats


class Release(_Message, frozen=True, kw_only=True):
    """Give back a hold: all of it, or only ``seats``."""

    ref: Ref
    hold_id: UUID
    seats: Seats | None = None


class Extend(_Message, frozen=True, kw_only=True):
    """Ask for more time; the server caps the total age of a hold."""

    ref: Ref
    hold_id: UUID


class Best(_Message, frozen=True, kw_only=True):
    """Find the best ``count`` seats together and hold them, in one round trip."""

    ref: Ref
    hold_id: UUID
    count: Annotated[int, Meta(ge=1, le=50)]
    category: str | None = None


class Book(_Message, frozen=True, kw_only=True):
    """Turn a hold into a booking: at once, or (``pay_later``) as a pending claim that a payment confirms."""

    ref: Ref
    hold_id: UUID
    pay_later: bool = False


class Beat(_Message, frozen=True, kw_only=True):
    """A sign of life, and how a client notices what it missed: the server's carries epoch and version.

    The server says it when it has had nothing else to say for `Limits.heartbeat_ms`, and in answer to a client's.
    """

    ref: Ref = 0
    epoch: str = ""
    version: int = 0
    server_ms: Millis = 0


# ---------------------------------------------------------------- server → client


class HoldView(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A hold of this user that is alive."""

    hold_id: UUID
    seats: tuple[int, ...]
    deadline_ms: Millis


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What this server allows."""

    seats_per_user: int
    hold_ms: int
    hold_total_ms: int
    heartbeat_ms: int
    message_bytes: int


class Welcome(_Message, frozen=True, kw_only=True):
    """The answer to `Hello`. A snapshot or the missed deltas follow."""

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


class Snapshot(_Message, frozen=True, kw_only=True):
    """The whole room: ``states`` has one digit per seat, in layout order."""

    epoch: str
    version: int
    states: str


class Delta(_Message, frozen=True, kw_only=True):
    """What changed after ``from`` up to ``version``: pairs of seat and new state, last write per seat.

    Apply it when ``from <= yours < version``; drop it when ``version <= yours``; else say `Hello` with `Resume`.
    """

    epoch: str
    from_: int = msgspec.field(name="from")
    version: int
    changes: tuple[tuple[int, int], ...]


class Held(_Message, frozen=True, kw_only=True):
    """The hold is yours until ``deadline_ms``; also the answer to `Extend` and `Best`."""

    ref: Ref
    hold_id: UUID
    seats: tuple[int, ...]
    deadline_ms: Millis
    total_minor: int
    currency: str


class Refused(_Message, frozen=True, kw_only=True):
    """Nothing was done: every seat that failed, with its reason.

    ``group``: these seats go only together with the rest of their group. ``limit``: the user would hold too many.
    """

    ref: Ref
    hold_id: UUID
    seats: tuple[tuple[int, Refusal], ...]


class Released(_Message, frozen=True, kw_only=True):
    """These seats are given back."""

    ref: Ref
    hold_id: UUID
    seats: tuple[int, ...]


class Expired(_Message, frozen=True, kw_only=True):
    """A hold of this user ended without its doing: time ran out, or (``reason`` sold) a booking came first."""

    hold_id: UUID
    seats: tuple[int, ...]
    reason: Literal["expired", "sold"]


class Booked(_Message, frozen=True, kw_only=True):
    """A booking of this user as it is now. ``ref`` is 0 when a payment or cancellation came in elsewhere."""

    ref: Ref
    booking_id: UUID
    status: BookingStatus
    seats: tuple[int, ...]
    total_minor: int
    currency: str
    expires_at_ms: Millis | None = None


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


ClientMessage = Hello | Hold | Release | Extend | Best | Book | Beat
ServerMessage = Welcome | Snapshot | Delta | Held | Refused | Released | Expired | Booked | Error | Beat | Bye


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
