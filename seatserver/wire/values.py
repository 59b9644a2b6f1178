"""What messages are made of: numbers with their limits, and the Structs inside of messages.

Those that clients send refuse fields that they do not have; those that only the server sends may gain fields.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.seatmaps.search.score import Breakdown
from seatserver.seats.states import BookingStatus

MAX_SEATS_PER_COMMAND = 500

Ref = Annotated[int, Meta(ge=0, le=2**53 - 1, description="Chosen by the client, repeated in the reply.")]
SeatIndex = Annotated[int, Meta(ge=0, lt=2**20, description="Index into the layout's seats.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, server clock.")]
Seats = Annotated[tuple[SeatIndex, ...], Meta(min_length=1, max_length=MAX_SEATS_PER_COMMAND)]
SomeSeats = Annotated[tuple[SeatIndex, ...], Meta(max_length=MAX_SEATS_PER_COMMAND)]
AreaIndex = Annotated[int, Meta(ge=0, lt=2**10, description="Index into the layout's general areas.")]
People = Annotated[int, Meta(ge=1, le=MAX_SEATS_PER_COMMAND)]
TicketKey = Annotated[str, Meta(max_length=64, description="Key of one of the showtime's ticket types.")]


# ---------------------------------------------------------------- of clients


class Resume(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where a returning client stopped."""

    epoch: str
    version: Annotated[int, Meta(ge=0)]


class Places(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """``count`` places of one general-admission area, all with one type of ticket (the first, if none is named)."""

    area: AreaIndex
    count: People
    ticket: TicketKey | None = None


AreaPlaces = Annotated[tuple[Places, ...], Meta(max_length=50)]


# ---------------------------------------------------------------- of the server


class TicketLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ticket: of a seat, or of a place in a general-admission area; its type's key and its price in minor units."""

    seat: int | None = None
    area: int | None = None
    ticket: str
    price_minor: int


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold or booking contains and what it costs; the prices stay as they were when the hold was made.

    ``areas`` are pairs of a general-admission area and a number of places. ``total_minor`` is the sum of ``lines`` and
    ``fees_minor``.
    """

    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...]
    lines: tuple[TicketLine, ...]
    fees_minor: int
    total_minor: int
    currency: str
    currency_digits: int


class HoldView(Basket, frozen=True, kw_only=True):
    """An active hold of this user; ``wheelchairs`` and ``stranded`` are as when it was made.

    ``latest_deadline_ms`` is as in `Held`.
    """

    hold_id: UUID
    deadline_ms: Millis
    latest_deadline_ms: Millis = 0
    wheelchairs: int = 0
    stranded: tuple[int, ...] = ()


class OwnBooking(Basket, frozen=True, kw_only=True):
    """A booking of this user; a ``pending`` one expires at ``expires_at_ms`` unless it is paid.

    ``reference`` is for people: eight characters in two groups, printed on the ticket too. Bookings from before prices
    were recorded for each ticket have no ``lines``. ``ticket_url`` is the path of the ticket's page on this server. It
    opens in any browser; it is None where the server has no secret to sign it with.
    """

    booking_id: UUID
    reference: str = ""
    status: BookingStatus
    expires_at_ms: Millis | None = None
    ticket_url: str | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What this server allows. ``concierge_chars`` is the longest question to the concierge; 0: it has none.

    ``concierge_model`` is whether a language model answers there, which is sent the questions. Tell the visitor so.
    ``voice_s`` is the longest spoken question that this server itself hears, in seconds; 0: it hears none.
    ``concierge_log_days`` is for how many days questions are kept of visitors who agree; 0: none are.
    """

    seats_per_user: int
    hold_ms: int
    hold_total_ms: int
    heartbeat_ms: int
    message_bytes: int
    concierge_chars: int = 0
    concierge_model: bool = False
    voice_s: int = 0
    concierge_log_days: int = 0


class SeatOffer(msgspec.Struct, frozen=True, kw_only=True):
    """One offer: ``parts`` are groups of seats side by side, ``cost`` is in seat pitches for each person.

    A lower cost is better, and ``breakdown`` explains it. ``alone`` people would sit alone; ``stranded`` seats would be
    left over in gaps too small to sell.
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
