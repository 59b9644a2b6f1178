"""The small story that all examples tell: a guest holds and books the two sofa seats of a studio.

Only plain values and the hall are here. The examples are instances of the schemas, beside the schemas.
"""

from __future__ import annotations

from datetime import UTC, datetime

from seatserver.pricing.tariff import Fees, TicketType
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from seatserver.wire.story import EPOCH, GUEST, HOLD_ID, NOW_MS, REFERENCE, TICKET_URL

__all__ = ["EPOCH", "GUEST", "HOLD_ID", "NOW_MS", "REFERENCE", "TICKET_URL"]  # the same as in the socket's examples

STARTS = datetime(2030, 1, 1, 19, 30, tzinfo=UTC)
OPENS = datetime(2025, 12, 1, 9, 0, tzinfo=UTC)  # past: the sale is open for whoever tries the examples
ENDS = datetime(2030, 1, 1, 19, 45, tzinfo=UTC)
ADDRESS = "Kantstraße 12a, 10623 Berlin"

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
POSTER = "5f1d7a84db00d2fce00b31a7fc73224f"
TICKET_TYPES = (
    TicketType(key="adult", name="Adult", prices={"standard": 1150, "sofa": 1400}),
    TicketType(key="child", name="Child", prices={"standard": 750}, only_with=("adult",), per_companion=3),
)
FEES = Fees(per_booking_minor=50)
