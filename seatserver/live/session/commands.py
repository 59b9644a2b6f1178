"""What a client may ask for once it has said hello: one function for each command.

A command gets the `CommandContext` (who asks, about which showtime) and the message. It returns the reply or raises one
of `seatserver.errors`, which the session sends to the client. The session has checked the scope that the message
declares. Who gets a seat is not decided here but in `seatserver.seats.store` and `seatserver.bookings.checkout`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from seatserver.access.admission import BookingKeys
from seatserver.access.credentials import Credentials
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import Shares
from seatserver.access.tokens import Identity
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.own import OwnBookings
from seatserver.bookings.records import Booking
from seatserver.catalog.catalog import Catalog, Showtime
from seatserver.config import Clock, Settings
from seatserver.errors import SeatsRefused, Unavailable, UnknownSeat
from seatserver.holding.deadlines import latest_deadline_ms
from seatserver.holding.holding import Holding
from seatserver.holding.requests import AreaTickets, Buyer, PartyWish, Selection
from seatserver.holding.room_view import RoomView
from seatserver.live import views
from seatserver.live.broadcast.audience import Audience
from seatserver.live.broadcast.broadcaster import Broadcaster
from seatserver.metrics import Metrics
from seatserver.seats.model import NO_END_MS, HeldSeats, View
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore
from seatserver.wire import from_client, from_server, values
from seatserver.wire.declarations import Command, name_of

READS_OF_OWN = 3


@dataclass(frozen=True, kw_only=True)
class LiveServices:
    """What a session needs from the rest of the server; `app.py` passes it in."""

    settings: Settings
    catalog: Catalog
    store: SeatStore
    holding: Holding
    checkout: Checkout
    own_bookings: OwnBookings
    credentials: Credentials
    networks: NetworkNames
    shares: Shares
    booking_keys: BookingKeys
    broadcaster: Broadcaster
    metrics: Metrics
    clock: Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandContext:
    """Who asks, and about which showtime; made by hello. ``buyer`` is the user as holds know them."""

    services: LiveServices
    showtime: Showtime
    identity: Identity
    buyer: Buyer
    audience: Audience

    def latest_deadline_ms(self, showtime: Showtime) -> int:
        """The latest deadline that a hold of this user for the showtime may have."""
        return latest_deadline_ms(showtime, self.services.settings.hold_ms, self.buyer.until_ms)

    def held(self, ref: int, hold: HeldSeats, showtime: Showtime) -> from_server.Held:
        """The message that answers a command with this hold."""
        return views.held(ref, hold, showtime, self.latest_deadline_ms(showtime))

    def room_view(self, replaces: UUID | None = None) -> RoomView:
        """The room as this instance knows it now, to judge a wish by."""
        return RoomView(self._room_now(), now=self._room_now, in_flight=self.audience.in_flight, replaces=replaces)

    def _room_now(self) -> View | None:
        """The room as this instance knows it; None when its last viewer has left."""
        if self.audience.live is None:
            return None
        room = self.audience.room
        return View(room.epoch, room.version, 0, bytes(room.states), None)

    def count(self, held: HeldSeats) -> None:
        """Count a new hold in the metrics and the demand for its seats."""
        self.services.metrics.holds.inc()
        self.audience.demand.hold(held.seats)

    async def showtime_now(self) -> Showtime:
        """The showtime as it is now: sale times and prices may have changed since hello."""
        return await self.services.catalog.showtime(self.showtime.id)


def buyer_of(who: Identity, network: str, settings: Settings) -> Buyer:
    """The user as holds know them. ``network`` is a name for a guest's network, not an address."""
    if not who.is_guest:
        return Buyer(who.user_id, who.channel)
    # Guests who can renew their token keep access to what they hold.
    until_ms = NO_END_MS if settings.guest_renewal_s else who.expires_at_ms
    return Buyer(who.user_id, who.channel, until_ms, network)


async def own_bookings(services: LiveServices, audience: Audience, user_id: str) -> list[Booking] | None:
    """The user's bookings here that have not ended, or None where they cannot be read now.

    The user is not in the audience yet, so news of a booking that arrives while this reads would reach nobody. In that
    case it reads again.
    """
    room = audience.room
    found: list[Booking] = []
    for _ in range(READS_OF_OWN):
        if SeatState.CLAIMED not in room.states and SeatState.SOLD not in room.states:
            return []  # nothing is booked yet, so Postgres need not be asked
        news = audience.booking_news
        try:
            found = await services.own_bookings.of(user_id, audience.showtime_id)
        except Unavailable:
            return None
        if audience.booking_news == news:
            break
    return found


def welcome(
    at: CommandContext, ref: int, holds: Iterable[HeldSeats], bookings: Sequence[Booking] | None
) -> from_server.Welcome:
    """The answer to hello. ``bookings`` is None where they cannot be read now."""
    room, settings = at.audience.room, at.services.settings
    latest_ms = at.latest_deadline_ms(at.showtime)
    booked = {booking.id for booking in bookings or ()}
    return from_server.Welcome(
        ref=ref,
        showtime=at.showtime.id,
        layout=at.showtime.layout_hash,
        epoch=room.epoch,
        version=room.version,
        server_ms=at.services.clock(),
        user=at.identity.user_id,
        scopes=tuple(sorted(at.identity.scopes)),
        # The holds were read before the bookings: those that have been booked since are left out.
        holds=tuple(views.hold_view(hold, at.showtime, latest_ms) for hold in holds if hold.hold_id not in booked),
        limits=values.Limits(
            seats_per_user=settings.seats_per_user,
            hold_ms=settings.hold_ms,
            hold_total_ms=settings.hold_total_ms,
            heartbeat_ms=settings.heartbeat_ms,
            message_bytes=settings.message_bytes,
            concierge_chars=settings.concierge_chars if settings.concierge else 0,
            concierge_model=settings.concierge and settings.gemini_api_key != "",
            voice_s=settings.hears_s,
            concierge_log_days=0 if at.identity.is_at_kiosk else settings.kept_days,
        ),
        on_sale_at_ms=at.showtime.on_sale_at_ms,
        sale_ends_at_ms=at.showtime.sale_ends_at_ms,
        bookings=None
        if bookings is None
        else tuple(views.own_booking(one, at.showtime.seat_map, at.services.booking_keys) for one in bookings),
    )


async def hold(at: CommandContext, asked: from_client.Hold) -> from_server.ServerMessage:
    """Hold all these seats or none; with ``or_nearest``, the nearest equal ones for those that are lost."""
    showtime = await at.showtime_now()
    selection = Selection(
        # A seat named twice counts once, unless tickets are named: they are in the order of the seats.
        seats=tuple(asked.seats if asked.tickets is not None else sorted(set(asked.seats))),
        areas=tuple(AreaTickets(places.area, places.count, places.ticket) for places in asked.areas),
        tickets=asked.tickets,
        wheelchairs=asked.wheelchairs,
        or_nearest=asked.or_nearest,
    )
    held = await at.services.holding.hold(showtime, at.buyer, asked.hold_id, selection, at.room_view(asked.replaces))
    at.count(held)
    return at.held(asked.ref, held, showtime)


async def release(at: CommandContext, asked: from_client.Release) -> from_server.ServerMessage:
    """Give back a hold, or some of its seats."""
    seat_map = at.showtime.seat_map
    if asked.seats is not None and (unknown := seat_map.unknown(asked.seats)):
        raise UnknownSeat(unknown, len(seat_map.seats))
    if asked.seats is None:
        freed = await at.services.store.release(at.showtime.id, asked.hold_id, at.identity.user_id)
    else:
        showtime = await at.showtime_now()
        freed = await at.services.holding.release(showtime, at.buyer, asked.hold_id, asked.seats, at.room_view())
    seats, areas = views.split_places(freed, seat_map)
    return from_server.Released(ref=asked.ref, hold_id=asked.hold_id, seats=seats, areas=areas)


async def extend(at: CommandContext, asked: from_client.Extend) -> from_server.ServerMessage:
    """Give a hold more time, also after the end of the sale, up to the latest deadline."""
    showtime = await at.showtime_now()
    held = await at.services.store.extend(
        showtime.id, asked.hold_id, at.identity.user_id, latest_ms=at.latest_deadline_ms(showtime)
    )
    return at.held(asked.ref, held, showtime)


async def best(at: CommandContext, asked: from_client.Best) -> from_server.ServerMessage:
    """Find the best seats and hold them."""
    showtime = await at.showtime_now()
    party = PartyWish.of(asked)
    held = await at.services.holding.best(showtime, at.buyer, asked.hold_id, party, at.room_view(asked.replaces))
    at.count(held)
    return at.held(asked.ref, held, showtime)


async def offers(at: CommandContext, asked: from_client.Offers) -> from_server.ServerMessage:
    """Find the best offers and hold nothing."""
    showtime = await at.showtime_now()
    showtime.check_on_sale(at.services.clock())
    found = await at.services.holding.offers(showtime, at.buyer, PartyWish.of(asked), at.room_view(), asked.limit)
    return from_server.Offered(
        ref=asked.ref,
        offers=tuple(
            values.SeatOffer(
                seats=offer.seats,
                parts=offer.parts,
                cost=offer.cost,
                breakdown=offer.breakdown,
                alone=offer.alone,
                stranded=offer.stranded,
                total_minor=quote.total_minor,
                currency=quote.currency,
                currency_digits=quote.currency_digits,
            )
            for offer, quote in found
        ),
    )


def refused(ref: int, hold_id: UUID, error: SeatsRefused, at: CommandContext | None) -> from_server.Refused:
    """The message that says why a hold or booking was refused."""
    assert at is not None, "nothing is refused before hello"
    room, seat_map = at.audience.room, at.showtime.seat_map
    reasons, again = sorted(error.reasons.items()), sorted(error.retry_at_ms.items())
    message = from_server.Refused(
        ref=ref,
        hold_id=hold_id,
        seats=tuple(reasons),
        stranded=error.stranded,
        fix=error.fix,
        retry_at_ms=tuple(again),
    )
    if not seat_map.general_areas:
        return message
    areas = {area: why for place, why in reasons if (area := seat_map.area_of(place)) is not None}
    places = [(seat_map.area_of(place), place, when) for place, when in again]
    return msgspec.structs.replace(
        message,
        seats=tuple((seat, reason) for seat, reason in reasons if seat < len(seat_map.seats)),
        areas=tuple((area, why, room.remaining(area)) for area, why in sorted(areas.items())),
        retry_at_ms=tuple((place, when) for area, place, when in places if area is None),
        areas_retry_at_ms=tuple((area, when) for area, _, when in places if area is not None),
    )


async def book(at: CommandContext, asked: from_client.Book) -> from_server.ServerMessage:
    """Turn a hold into a booking."""
    booking = await at.services.checkout.book(
        at.showtime.id, asked.hold_id, at.identity.user_id, pay_later=asked.pay_later
    )
    return views.booked(booking, at.showtime.seat_map, at.services.booking_keys, asked.ref)


async def beat(at: CommandContext, asked: from_client.ClientBeat) -> from_server.ServerMessage:
    """Answer a sign of life with the room's version."""
    room = at.audience.room
    return from_server.Beat(ref=asked.ref, epoch=room.epoch, version=room.version, server_ms=at.services.clock())


CarryOut = Callable[[CommandContext, Any], Awaitable[from_server.ServerMessage]]

CARRIED_OUT_BY: dict[type[Any], CarryOut] = {
    from_client.Hold: hold,
    from_client.Release: release,
    from_client.Extend: extend,
    from_client.Best: best,
    from_client.Offers: offers,
    from_client.Book: book,
    from_client.ClientBeat: beat,
}
"""What carries out each message but hello, which the session does itself."""


@dataclass(frozen=True, slots=True)
class ServedCommand:
    """What the session looks up for a message: its name, what it declares, and what carries it out."""

    name: str
    declared: Command
    carry_out: CarryOut


COMMANDS = {kind: ServedCommand(name_of(kind), kind.declared, CARRIED_OUT_BY[kind]) for kind in CARRIED_OUT_BY}
