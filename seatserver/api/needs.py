"""What the REST interface needs from the rest of the house; `app.py` hands it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.access.tickets import Tickets
from seatserver.access.tokens import Tokens
from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings
from seatserver.live.figures import Figures
from seatserver.seats.counts import Counts
from seatserver.seats.holding import Holding
from seatserver.seats.hub import Hub


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Handed to every handler. ``ready`` maps each part to None or to what is wrong with it."""

    settings: Settings
    catalog: Catalog
    hub: Hub
    counts: Counts
    holding: Holding
    checkout: Checkout
    allocations: Allocations
    tokens: Tokens
    tickets: Tickets
    admission_codes: AdmissionCodes
    booking_keys: BookingKeys
    figures: Figures
    ready: Callable[[], Awaitable[dict[str, str | None]]]
    metrics_text: Callable[[], bytes]
    clock: Clock
