"""An example of every message of the socket. An instance that does not fit its type cannot be written.

They tell the story of `shared/story.py`. The examples of REST stand beside its schemas, in `resources`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from seatserver.api.shared.story import (
    DEADLINE_MS,
    EPOCH,
    GUEST,
    HALL,
    HOLD_ID,
    NOW_MS,
    REFERENCE,
    TICKET_URL,
)
from seatserver.wire import messages

_BASKET: dict[str, Any] = {
    "seats": (2, 3),
    "areas": (),
    "lines": tuple(messages.TicketLine(seat=seat, ticket="adult", price_minor=1400) for seat in (2, 3)),
    "fees_minor": 0,
    "total_minor": 2800,
    "currency": "EUR",
    "currency_digits": 2,
}
_MINE = messages.HoldView(hold_id=HOLD_ID, deadline_ms=DEADLINE_MS, latest_deadline_ms=DEADLINE_MS + 600_000, **_BASKET)
_PENDING = messages.OwnBooking(
    booking_id=UUID(int=HOLD_ID.int + 1),
    reference="1CPT EETD",
    status="pending",
    expires_at_ms=DEADLINE_MS,
    **{**_BASKET, "seats": (0,), "lines": (messages.TicketLine(seat=0, ticket="adult", price_minor=1150),)},
)
_OFFER = messages.SeatOffer(
    seats=(2, 3),
    parts=((2, 3),),
    cost=2.5,
    breakdown={"distance": 2.0, "centre": 0.5},
    alone=0,
    stranded=(),
    total_minor=2800,
    currency="EUR",
    currency_digits=2,
)

MESSAGES: tuple[msgspec.Struct, ...] = (
    messages.Hello(ref=1, token="eyJhbGciOi…", resume=messages.Resume(epoch=EPOCH, version=38)),
    messages.Hold(ref=2, hold_id=HOLD_ID, seats=(2, 3)),
    messages.Release(ref=3, hold_id=HOLD_ID),
    messages.Extend(ref=4, hold_id=HOLD_ID),
    messages.Best(ref=5, hold_id=HOLD_ID, tickets={"adult": 2}, categories=("sofa",)),
    messages.Offers(ref=8, count=2, limit=3),
    messages.Book(ref=6, hold_id=HOLD_ID),
    messages.ClientBeat(ref=7),
    messages.Beat(ref=7, epoch=EPOCH, version=41, server_ms=NOW_MS),
    messages.Welcome(
        ref=1,
        showtime="tonight",
        layout=HALL.content_hash,
        epoch=EPOCH,
        version=40,
        server_ms=NOW_MS,
        user=GUEST,
        scopes=("book", "hold", "watch"),
        holds=(_MINE,),
        limits=messages.Limits(
            seats_per_user=10,
            hold_ms=300_000,
            hold_total_ms=900_000,
            heartbeat_ms=15_000,
            message_bytes=4096,
        ),
        on_sale_at_ms=NOW_MS - 1_000_000,
        sale_ends_at_ms=NOW_MS + 1_000_000,
        bookings=(_PENDING,),
    ),
    messages.Snapshot(epoch=EPOCH, version=40, states="0400"),
    messages.Delta(epoch=EPOCH, from_=40, version=41, changes=((2, 1), (3, 1))),
    messages.Held(ref=2, hold_id=HOLD_ID, deadline_ms=DEADLINE_MS, latest_deadline_ms=DEADLINE_MS + 600_000, **_BASKET),
    messages.Offered(ref=8, offers=(_OFFER,)),
    messages.Refused(ref=2, hold_id=HOLD_ID, seats=((2, "sold"), (3, "sold"))),
    messages.Released(ref=3, hold_id=HOLD_ID, seats=(2, 3)),
    messages.Expired(hold_id=HOLD_ID, seats=(2, 3), reason="expired"),
    messages.Elsewhere(hold_id=HOLD_ID),
    messages.Booked(
        ref=6, booking_id=HOLD_ID, reference=REFERENCE, status="confirmed", ticket_url=TICKET_URL, **_BASKET
    ),
    messages.Error(
        ref=4,
        code="hold_gone",
        message=f"hold {HOLD_ID}: it has ended",
        retryable=False,
        facts={"hold_id": str(HOLD_ID)},
    ),
    messages.Bye(code=messages.Close.GOING_AWAY, reason="the server restarts", reconnect_after_ms=1500),
)


def examples() -> dict[type, msgspec.Struct]:
    """The example of each type of message."""
    return {type(instance): instance for instance in MESSAGES}
