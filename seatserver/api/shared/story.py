"""The small story that all examples tell: a guest holds and books the two sofa seats of a studio.

Only plain values and the hall are here. The examples are instances of the schemas, beside the schemas.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from seatserver.pricing.tariff import Fees, TicketType
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap

HOLD_ID = UUID("6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11")
NOW_MS = 1_893_499_200_000  # 2030-01-01 12:00 UTC
DEADLINE_MS = NOW_MS + 300_000
EPOCH = "k3vq81x"
GUEST = "guest:Tb0yW3mQ"
STARTS = datetime(2030, 1, 1, 19, 30, tzinfo=UTC)
OPENS = datetime(2025, 12, 1, 9, 0, tzinfo=UTC)  # past: the sale is open for whoever tries the examples
ENDS = datetime(2030, 1, 1, 19, 45, tzinfo=UTC)
ADDRESS = "Kantstraße 12a, 10623 Berlin"
REFERENCE = "MADQ KJN9"
TICKET_URL = f"/bookings/{HOLD_ID}#key=mzxw6ytboi3gk5dfon2c4ylsmvwg64tq"

HALL = SeatMap.build(
    name="Studio",
    categories=[
        Category(key="standard", name="Standard", color="#0072b2"),
        Category(key="sofa", name="Sofa for two", color="#cc79a7"),
    ],
    screen=Screen(x=1.5, y=-3, width=5),
    seats=[
        Seat(row="A", number="1", x=0, y=0, category="standard"),
        Seat(row="A", number="2", x=1, y=0, category="standard", kind=SeatKind.WHEELCHAIR),
        Seat(row="B", number="1", x=0, y=1.2, category="sofa", kind=SeatKind.SOFA_LEFT),
        Seat(row="B", number="2", x=1, y=1.2, category="sofa", kind=SeatKind.SOFA_RIGHT),
    ],
    groups=[(2, 3)],
)
SOFA = (2, 3)
TICKET_TYPES = (
    TicketType(key="adult", name="Adult", prices={"standard": 1150, "sofa": 1400}),
    TicketType(key="child", name="Child", prices={"standard": 750}, only_with=("adult",), per_companion=3),
)
FEES = Fees(per_booking_minor=50)
