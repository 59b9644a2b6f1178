"""What the REST interface needs from the rest of the house, as types; `app.py` hands it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings


class IdentityLike(Protocol):
    """Who calls. See `seatserver.access.tokens.Identity`."""

    @property
    def user_id(self) -> str: ...
    @property
    def scopes(self) -> frozenset[str]: ...
    @property
    def expires_at_ms(self) -> int: ...
    def require(self, scope: str, action: str) -> None:
        """Raise `Forbidden` when the scope is missing."""


class TokensLike(Protocol):
    """See `seatserver.access.tokens.Tokens`."""

    async def verify(self, token: str) -> IdentityLike: ...
    def guest(self) -> tuple[str, IdentityLike]: ...


class TicketsLike(Protocol):
    """See `seatserver.access.tickets.Tickets`."""

    async def issue(self, identity: IdentityLike) -> str: ...


class StatesLike(Protocol):
    """See `seatserver.seats.hub.Hub`."""

    async def states(self, showtime_id: str, seat_count: int) -> tuple[str, int, bytes]:
        """(epoch, version, one `SeatState` per seat)."""


class BookingLike(Protocol):
    """See `seatserver.bookings.checkout.Booking`."""

    @property
    def id(self) -> UUID: ...
    @property
    def showtime_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def seats(self) -> tuple[int, ...]: ...
    @property
    def total_minor(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def created_at_ms(self) -> int: ...
    @property
    def expires_at_ms(self) -> int | None: ...


class CheckoutLike(Protocol):
    """See `seatserver.bookings.checkout.Checkout`."""

    async def book(self, showtime_id: str, hold_id: UUID, user_id: str, *, pay_later: bool) -> BookingLike: ...
    async def get(self, booking_id: UUID) -> BookingLike: ...
    async def confirm(self, booking_id: UUID) -> BookingLike: ...
    async def cancel(self, booking_id: UUID) -> BookingLike: ...


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Handed to every handler. ``ready`` maps each part to None or to what is wrong with it."""

    settings: Settings
    catalog: Catalog
    hub: StatesLike
    checkout: CheckoutLike
    tokens: TokensLike
    tickets: TicketsLike
    ready: Callable[[], Awaitable[dict[str, str | None]]]
    metrics_text: Callable[[], bytes]
    clock: Clock
