"""What a client may ask for once it has said hello: one function per command.

Each function takes the `Place` (who asks, about which showtime) and the message, and answers the reply, or raises one
of `seatserver.errors`, which the session tells the client. The session decides nothing; neither does this module
decide who gets a seat: `seatserver.seats.store` and `seatserver.bookings.checkout` do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from seatserver.access.tickets import Tickets
from seatserver.access.tokens import Identity, Tokens
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.records import Booking
from seatserver.catalog.catalog import Catalog, Showtime
from seatserver.config import Clock, Settings
from seatserver.errors import BadRequest, HoldConflict, NoSeatsTogether, SeatServerError, SeatsRefused, UnknownSeat
from seatserver.live import messages as wire
from seatserver.live.fanout import Audience, Fanout
from seatserver.metrics import Metrics
from seatserver.seatmaps.best import best_together
from seatserver.seats.states import SeatState
from seatserver.seats.store import HeldSeats, SeatStore

BEST_TRIES = 8


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a session needs from the rest of the house; `app.py` hands it in."""

    settings: Settings
    catalog: Catalog
    store: SeatStore
    checkout: Checkout
    tokens: Tokens
    tickets: Tickets
    fanout: Fanout
    metrics: Metrics
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Place:
    """Who asks, and about what; made by hello."""

    needs: Needs
    showtime: Showtime
    identity: Identity
    audience: Audience

    async def on_sale(self) -> Showtime:
        """The showtime as it is now (sale times and prices may have changed since hello). Raises `NotOnSale`."""
        current = await self.needs.catalog.showtime(self.showtime.id)
        current.check_on_sale(self.needs.clock())
        return current


def welcome(at: Place, ref: int, holds: Iterable[HeldSeats]) -> wire.Welcome:
    """The answer to hello."""
    room, settings = at.audience.room, at.needs.settings
    return wire.Welcome(
        ref=ref,
        showtime=at.showtime.id,
        layout=at.showtime.layout_hash,
        epoch=room.epoch,
        version=room.version,
        server_ms=at.needs.clock(),
        user=at.identity.user_id,
        scopes=tuple(sorted(at.identity.scopes)),
        holds=tuple(
            wire.HoldView(hold_id=hold.hold_id, seats=hold.seats, deadline_ms=hold.deadline_ms) for hold in holds
        ),
        limits=wire.Limits(
            seats_per_user=settings.seats_per_user,
            hold_ms=settings.hold_ms,
            hold_total_ms=settings.hold_total_ms,
            heartbeat_ms=settings.heartbeat_ms,
            message_bytes=settings.message_bytes,
        ),
        on_sale_at_ms=at.showtime.on_sale_at_ms,
        sale_ends_at_ms=at.showtime.sale_ends_at_ms,
    )


async def hold(at: Place, asked: wire.Hold) -> wire.ServerMessage:
    """All these seats or none."""
    at.identity.require("hold", "holding seats")
    _check_known(at, asked.seats)
    showtime = await at.on_sale()
    torn = showtime.seat_map.torn_groups(asked.seats)
    held = await at.needs.store.hold(showtime.id, asked.hold_id, at.identity.user_id, asked.seats, torn)
    return _held(asked.ref, held, showtime)


def _check_known(at: Place, seats: Iterable[int]) -> None:
    seat_map = at.showtime.seat_map
    if unknown := seat_map.unknown(seats):
        raise UnknownSeat(unknown, len(seat_map.seats))


async def release(at: Place, asked: wire.Release) -> wire.ServerMessage:
    """Give back a hold or whole groups of it."""
    at.identity.require("hold", "releasing seats")
    if asked.seats is not None:
        _check_known(at, asked.seats)
        if torn := at.showtime.seat_map.torn_groups(asked.seats):
            raise SeatsRefused({seat: "group" for seat in torn})
    freed = await at.needs.store.release(at.showtime.id, asked.hold_id, at.identity.user_id, asked.seats)
    return wire.Released(ref=asked.ref, hold_id=asked.hold_id, seats=freed)


async def extend(at: Place, asked: wire.Extend) -> wire.ServerMessage:
    """More time."""
    at.identity.require("hold", "extending a hold")
    held = await at.needs.store.extend(at.showtime.id, asked.hold_id, at.identity.user_id)
    return _held(asked.ref, held, at.showtime)


async def best(at: Place, asked: wire.Best) -> wire.ServerMessage:
    """Find and hold; a seat lost to a rival in between counts as taken, and the search goes on."""
    at.identity.require("hold", "holding seats")
    showtime = await at.on_sale()
    keys = sorted(category.key for category in showtime.seat_map.categories)
    if asked.category is not None and asked.category not in keys:
        raise BadRequest(f"there is no category {asked.category!r}; this layout has {', '.join(keys)}", "category")
    failure: SeatServerError = NoSeatsTogether(asked.count)
    lost: set[int] = set()
    sought = at.audience.sought
    for tries_left in reversed(range(BEST_TRIES)):
        seats = _best_seats(at, asked, lost)
        if seats is None:
            break
        sought.update(seats)
        try:
            held = await at.needs.store.hold(showtime.id, asked.hold_id, at.identity.user_id, seats)
            return _held(asked.ref, held, showtime)
        except HoldConflict as error:
            failure = error
            break
        except SeatsRefused as error:
            if not tries_left or "limit" in error.reasons.values():
                raise
            lost.update(error.reasons)
        finally:
            sought.difference_update(seats)
    # Repeated: the first run may have held other seats under this id, perhaps the last ones.
    for known in await at.needs.store.holds_of(showtime.id, at.identity.user_id):
        if known.hold_id == asked.hold_id:
            return _held(asked.ref, known, showtime)
    raise failure


def _best_seats(at: Place, asked: wire.Best, lost: Iterable[int]) -> tuple[int, ...] | None:
    """The best free seats; those that another `best` is trying to hold only when there are no others."""
    states = bytearray(at.audience.room.states)
    for seat in lost:
        states[seat] = SeatState.HELD
    others = bytearray(states)
    for seat in at.audience.sought:
        others[seat] = SeatState.HELD
    for view in (others, states):
        seats = best_together(at.showtime.seat_map, bytes(view), asked.count, category=asked.category)
        if seats is not None:
            return seats
    return None


async def book(at: Place, asked: wire.Book) -> wire.ServerMessage:
    """Turn a hold into a booking."""
    at.identity.require("claim" if asked.pay_later else "book", "booking")
    booking = await at.needs.checkout.book(
        at.showtime.id, asked.hold_id, at.identity.user_id, pay_later=asked.pay_later
    )
    return booked(booking, asked.ref)


async def beat(at: Place, asked: wire.Beat) -> wire.ServerMessage:
    """Alive, and at which version."""
    at.audience.flush()
    room = at.audience.room
    return wire.Beat(ref=asked.ref, epoch=room.epoch, version=room.version, server_ms=at.needs.clock())


Command = Callable[[Place, Any], Awaitable[wire.ServerMessage]]

COMMANDS: dict[type, Command] = {
    wire.Hold: hold,
    wire.Release: release,
    wire.Extend: extend,
    wire.Best: best,
    wire.Book: book,
    wire.Beat: beat,
}
"""Message → what carries it out."""


def booked(booking: Booking, ref: int = 0) -> wire.Booked:
    """A booking as its owner is told about it."""
    return wire.Booked(
        ref=ref,
        booking_id=booking.id,
        status=booking.status,
        seats=booking.seats,
        total_minor=booking.total_minor,
        currency=booking.currency,
        expires_at_ms=booking.expires_at_ms,
    )


def _held(ref: int, held: HeldSeats, showtime: Showtime) -> wire.Held:
    return wire.Held(
        ref=ref,
        hold_id=held.hold_id,
        seats=held.seats,
        deadline_ms=held.deadline_ms,
        total_minor=showtime.price_of(held.seats),
        currency=showtime.currency,
    )
