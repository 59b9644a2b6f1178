"""The story that the examples of both documents tell: a guest holds and books two sofa seats of a studio."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from seatserver.wire.values import HoldView, OwnBooking, SeatOffer, TicketLine

HOLD_ID = UUID("6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11")
NOW_MS = 1_893_499_200_000  # 2030-01-01 12:00 UTC
DEADLINE_MS = NOW_MS + 300_000
LATEST_DEADLINE_MS = DEADLINE_MS + 600_000
EPOCH = "k3vq81x"
GUEST = "guest:Tb0yW3mQ"
LAYOUT = "f355fdd62767be6ee4b06c4948468a98"  # the studio's hash; a test compares it with the hall
REFERENCE = "MADQ KJN9"
TICKET_URL = f"/bookings/{HOLD_ID}#key=mzxw6ytboi3gk5dfon2c4ylsmvwg64tq"

BASKET: dict[str, Any] = {
    "seats": (2, 3),
    "areas": (),
    "lines": tuple(TicketLine(seat=seat, ticket="adult", price_minor=1400) for seat in (2, 3)),
    "fees_minor": 0,
    "total_minor": 2800,
    "currency": "EUR",
    "currency_digits": 2,
}
HOLD = HoldView(hold_id=HOLD_ID, deadline_ms=DEADLINE_MS, latest_deadline_ms=LATEST_DEADLINE_MS, **BASKET)
PENDING = OwnBooking(
    booking_id=UUID(int=HOLD_ID.int + 1),
    reference="1CPT EETD",
    status="pending",
    expires_at_ms=DEADLINE_MS,
    **{**BASKET, "seats": (0,), "lines": (TicketLine(seat=0, ticket="adult", price_minor=1150),)},
)
OFFER = SeatOffer(
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
