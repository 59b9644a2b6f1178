"""A small hall with everything that the rules can apply to, and a showtime in it.

Row A: a wheelchair place, two companion seats, five seats. Rows B and C: eight seats each. Row D: two sofas. On the
lawn: ten beanbags.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from seatserver.client import LiveRoom, SeatClient
from seatserver.pricing.tariff import Fees, Tariff, TicketType
from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatKind, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from tests.integration.server import ALL_SCOPES, Instance, put_on_sale

LOUNGE = "lounge"
WHEELCHAIR, COMPANIONS = 0, (1, 2)
ROW_B, ROW_C = range(8, 16), range(16, 24)
SOFA = (24, 25)
SEATS = 28
LAWN = 0
BEANBAGS = 10
ENFORCED = Rules(gap=GapRule(mode="enforce"))
WARNED = Rules(gap=GapRule(mode="warn"))
TARIFF = Tariff(
    currency="EUR",
    ticket_types=(
        TicketType(key="adult", name="Adult", prices={"standard": 1000, "sofa": 1600, "lawn": 700}),
        TicketType(
            key="child", name="Child", prices={"standard": 600, "lawn": 400}, only_with=("adult",), per_companion=2
        ),
    ),
    fees=Fees(per_ticket_minor=50),
)


def lounge() -> SeatMap:
    kinds = {0: SeatKind.WHEELCHAIR, 1: SeatKind.COMPANION, 2: SeatKind.COMPANION}
    seats = [
        Seat(
            row=row,
            number=str(number + 1),
            x=number,
            y=depth,
            category="standard",
            kind=kinds.get(number, SeatKind.STANDARD) if row == "A" else SeatKind.STANDARD,
        )
        for depth, row in enumerate("ABC", start=3)
        for number in range(8)
    ]
    sofas = [
        Seat(
            row="D",
            number=str(number + 1),
            x=number + 2,
            y=6,
            category="sofa",
            kind=SeatKind.SOFA_RIGHT if number % 2 else SeatKind.SOFA_LEFT,
        )
        for number in range(4)
    ]
    lawn = GeneralArea(key="lawn", name="Lawn", category="lawn", capacity=BEANBAGS, x=3.5, y=1, width=6, height=1)
    return SeatMap.build(
        name="Lounge",
        categories=[
            Category(key="standard", name="Standard", color="#0072b2"),
            Category(key="sofa", name="Sofa", color="#cc79a7"),
            Category(key="lawn", name="Lawn", color="#009e73"),
        ],
        screen=Screen(x=3.5, y=0, width=8),
        seats=[*seats, *sofas],
        groups=[SOFA, (26, 27)],
        general_areas=[lawn],
    )


async def open_lounge(server: Instance, rules: Rules = ENFORCED, **changes: Any) -> None:
    """Put the lounge on sale; ``changes`` are fields of the showtime's draft."""
    catalog = server.core.catalog
    given: dict[str, Any] = {"layout_hash": await catalog.put_layout(lounge()), "rules": rules, "tariff": TARIFF}
    await put_on_sale(catalog, LOUNGE, **{**given, **changes})


@asynccontextmanager
async def visitor(server: Instance, user: str, channel: str = "") -> AsyncIterator[LiveRoom]:
    """A user of the Python client in the lounge."""
    token = server.core.tokens.mint(user, ALL_SCOPES, 600, channel)
    async with SeatClient(server.url, token=token) as client, client.room(LOUNGE) as room:
        yield room
