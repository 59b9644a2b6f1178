"""What can be done for one visitor at one showtime: search, hold, change, release; and what was offered last.

Whatever understands the visitor, the parser or a model, works at this desk. `Holding` finds the seats, as it does for
everybody else, and the room's own commands hold them, under the visitor's own token, scope and shares. Nothing here can
book. Errors are raised, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec

from seatserver.access.tokens import Identity
from seatserver.catalog.showtime import Showtime
from seatserver.concierge.plans import Plan, plans, tickets_of
from seatserver.concierge.reasons import Reasons, reasons_of
from seatserver.concierge.wishes.model import Wish
from seatserver.errors import BadRequest, HoldGone, SeatsRefused
from seatserver.holding.requests import Buyer, PartyWish, nothing_together
from seatserver.holding.room_view import RoomView
from seatserver.holding.terms import terms_of
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.commands import COMMANDS, CommandContext, LiveServices, buyer_of
from seatserver.pricing.tariff import Quote
from seatserver.rooms.hub import Hub
from seatserver.seatmaps.search.score import Offer
from seatserver.seatmaps.search.score import Wish as SearchWish
from seatserver.seats.model import HeldSeats, View
from seatserver.tasks import to_the_end
from seatserver.wire.concierge import OFFERS
from seatserver.wire.from_client import Hold, Release
from seatserver.wire.values import Places

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class DeskServices:
    """What a desk needs from the rest of the server. Holds are made by the room's own commands, with ``live``."""

    hub: Hub
    live: LiveServices


class Found(msgspec.Struct, frozen=True):
    """An offer with its price, its reasons, and how many wheelchairs the party has."""

    offer: Offer
    quote: Quote
    reasons: Reasons
    wheelchairs: int

    @property
    def tickets(self) -> tuple[str, ...]:
        """The key of each seat's ticket, in the order of the seats."""
        ticket_of = {line.place: line.ticket for line in self.quote.lines}
        return tuple(ticket_of[seat] for seat in self.offer.seats)


def places_without_numbers(held: HeldSeats, showtime: Showtime) -> tuple[Places, ...]:
    """The places of general areas that are held, with their tickets."""
    seat_map = showtime.seat_map
    lines = terms_of(held, showtime).quote.lines if seat_map.general_areas else ()
    found = Counter((area, line.ticket) for line in lines if (area := seat_map.area_of(line.place)) is not None)
    return tuple(Places(area=area, count=count, ticket=ticket) for (area, ticket), count in found.items())


class Desk:
    """One visitor's desk. ``wish`` and ``offers`` are the last ones; ``held`` is the hold that this answer made."""

    def __init__(
        self, services: DeskServices, showtime: Showtime, identity: Identity, allowance: Allowance, network: str
    ) -> None:
        """``allowance`` is what the socket may ask for, ``network`` a name for a guest's network, not an address."""
        self.showtime = showtime
        self.identity = identity
        self.wish = Wish()
        self.offers: list[Found] = []
        self.held: UUID | None = None
        self.has_acted = False
        """Whether this answer has held or released anything."""
        self._services = services
        self._allowance = allowance
        self._network = network
        self._seen: set[int] = set()
        self._plan: Plan | None = None
        """The search that found the offers."""

    async def begin(self) -> None:
        """Begin an answer: look at the showtime again, whose prices and sale times may have changed.

        Raises `NotFound` and `Unavailable`.
        """
        self.held, self.has_acted = None, False
        self.showtime = await self._services.live.catalog.showtime(self.showtime.id)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Work that takes longer than the event loop may stop, in the visitor's turn among the searches."""
        return await self._services.live.holding.searches.run(
            work, user=self.identity.user_id, room=self.showtime.id, network=self._buyer.network
        )

    async def states(self) -> bytes:
        """The state of each place, as this instance sees the room."""
        showtime = self.showtime
        return (await self._services.hub.states(showtime.id, showtime.seat_map.place_count))[2]

    # ------------------------------------------------------------ finding

    async def find(self, wish: Wish) -> list[Found]:
        """The best offers for the wish, or for as much of it as can be had. They replace the earlier ones.

        Raises `NobodyComes`, `TooDear`, `TicketsRefused`, `BadRequest`, `NotOnSale`, and `NoSeatsTogether` if there are
        none; then there are no offers.
        """
        self.wish, self.offers, self._seen, self._plan = wish, [], set(), None
        showtime = self.showtime
        showtime.check_on_sale(self._services.live.clock())
        remaining = plans(wish, showtime)
        first: Plan | None = None
        while (plan := await self.in_thread(partial(next, remaining, None))) is not None:
            first = first or plan
            if found := await self._search(plan, wish):
                self.offers = found
                return found
        assert first is not None, "there is always a plan"
        raise nothing_together(first.party.wish_in(showtime), showtime.seat_map)

    async def find_others(self) -> list[Found] | None:
        """The next best offers, without the seats that were offered already; None if nothing has been offered yet.

        If there are none, the earlier ones stay.
        """
        if self._plan is None:
            return None
        others = await self._search(self._plan, self.wish, frozenset(self._seen))
        self.offers = others or self.offers
        return others

    async def _search(self, plan: Plan, wish: Wish, besides: frozenset[int] = frozenset()) -> list[Found]:
        """The best offers of one plan, without the seats ``besides``. Remembers the plan if there are any."""
        showtime, services = self.showtime, self._services
        showtime.check_on_sale(services.live.clock())
        found = await services.live.holding.offers(
            showtime, self._buyer, plan.party, await self._view(), OFFERS, without=plan.without | besides
        )
        if found:
            self._plan = plan
        self._seen.update(seat for offer, _ in found for seat in offer.seats)
        return [
            Found(offer, quote, reasons_of(offer, quote, wish, showtime, plan.given_up), wish.wheelchairs)
            for offer, quote in found
        ]

    async def _view(self) -> RoomView:
        showtime = self.showtime
        epoch, version, states = await self._services.hub.states(showtime.id, showtime.seat_map.place_count)
        return RoomView(View(epoch, version, 0, states, None))

    # ------------------------------------------------------------ holding

    @property
    def _buyer(self) -> Buyer:
        return buyer_of(self.identity, self._network, self._services.live.settings)

    async def hold(self, found: Found) -> None:
        """Hold an offer in place of what the visitor holds here. Raises `Forbidden`, and `SeatsRefused`.

        Once begun it is done to its end, even if the answer is stopped: the seats are the visitor's then.
        """
        self.identity.require("hold", "holding seats")
        try:
            await to_the_end(self._hold(found))
        except SeatsRefused as error:
            for reason in error.reasons.values():
                self._services.live.metrics.refusals.labels(reason).inc()
            raise

    async def change_tickets(self, tickets: dict[str, int]) -> Quote:
        """Keep the seats that are held and change their tickets: so many of each type, the usual one for the rest.

        Returns the new price. Raises `Forbidden`, `TicketsRefused`, and `BadRequest` if nothing is held or there are
        more tickets than seats.
        """
        self.identity.require("hold", "holding seats")
        held = await self.holding()
        if held is None:
            raise BadRequest("nothing is held here")
        seats = [seat for seat in held.seats if seat < len(self.showtime.seat_map.seats)]
        try:
            wish = Wish(people=len(seats), tickets=tickets)
        except ValueError as error:
            raise BadRequest(str(error), "tickets") from None
        party = PartyWish(wish=SearchWish(count=len(seats)), tickets=tickets_of(wish, self.showtime))
        party.wish_in(self.showtime)  # refuses tickets that this showtime does not have
        quote = party.priced(self.showtime, seats)
        ticket_of = {line.place: line.ticket for line in quote.lines}
        wheelchairs = terms_of(held, self.showtime).wheelchairs
        await to_the_end(self._hold_instead(seats, [ticket_of[seat] for seat in seats], wheelchairs, held))
        return quote

    async def holding(self) -> HeldSeats | None:
        """What the visitor holds here."""
        living = await self._services.live.store.holds_of(self.showtime.id, self.identity.user_id)
        return living[-1] if living else None

    async def _hold(self, found: Found) -> None:
        await self._hold_instead(found.offer.seats, found.tickets, found.wheelchairs, await self.holding())

    async def _hold_instead(
        self, seats: Sequence[int], tickets: Sequence[str], wheelchairs: int, held: HeldSeats | None
    ) -> None:
        """Hold these seats in place of those of the last hold, of which only the places without numbers are kept."""
        hold_id = uuid4()
        asked = Hold(
            ref=0, hold_id=hold_id, seats=tuple(seats), tickets=tuple(tickets), wheelchairs=wheelchairs,
            areas=() if held is None else places_without_numbers(held, self.showtime),
            replaces=None if held is None else held.hold_id,
        )  # fmt: skip
        await self._command(asked)
        self.held, self.has_acted = hold_id, True

    async def release(self) -> bool:
        """Give back all that the visitor holds here; whether there was anything. Raises `Forbidden`."""
        self.identity.require("hold", "holding seats")
        living = await self._services.live.store.holds_of(self.showtime.id, self.identity.user_id)
        for held in living:
            try:
                await self._command(Release(ref=0, hold_id=held.hold_id))
            except HoldGone:
                continue  # it ended just now
            self.has_acted = True
        return bool(living)

    async def _command(self, message: Hold | Release) -> None:
        """Carry out a command of the room, exactly as if the visitor's map had sent it, and within the same shares."""
        live, showtime = self._services.live, self.showtime
        audience = await live.broadcaster.join(showtime.id, showtime.seat_map)
        try:
            at = CommandContext(
                services=live, showtime=showtime, identity=self.identity, buyer=self._buyer, audience=audience
            )
            await self._allowance.carry_out(COMMANDS[type(message)], at, message)
        finally:
            live.broadcaster.leave(audience)
