"""One conversation: it remembers the wish and the offers, carries out what is asked, and answers in plain words.

A question is understood by the parser; the seats come from `Holding`, as those of every other door. So a visitor can
have no more here than on the map: what is held is held under the visitor's own token, scope and limits, and nothing can
be booked. It knows no socket: `answer` yields the messages of an answer, and may be cancelled at any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

import msgspec

from seatserver.access.tokens import Identity
from seatserver.catalog.showtime import Showtime
from seatserver.concierge.phrases.english import ENGLISH
from seatserver.concierge.phrases.german import GERMAN
from seatserver.concierge.phrases.language import Language
from seatserver.concierge.plans import Plan, places_in_depth, plans, rows_beyond
from seatserver.concierge.reasons import Reasons, reasons_of
from seatserver.concierge.wishes.model import Intent, Understood, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.concierge.wishes.parser import understand
from seatserver.config import Settings
from seatserver.errors import HoldGone, SeatServerError, SeatsRefused
from seatserver.holding.holding import LOST_TO_OTHERS
from seatserver.holding.requests import Buyer, nothing_together
from seatserver.holding.room_view import RoomView
from seatserver.holding.terms import terms_of
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.commands import COMMANDS, CommandContext, LiveServices, buyer_of
from seatserver.metrics import Metrics
from seatserver.pricing.tariff import Quote
from seatserver.rooms.hub import Hub
from seatserver.seatmaps.search.score import Offer
from seatserver.seats.store import HeldSeats, View
from seatserver.tasks import to_the_end
from seatserver.wire.concierge import OFFERS, Done, Suggestion, Suggestions, Words
from seatserver.wire.from_client import Hold, Release
from seatserver.wire.values import Places

LANGUAGES = {"en": Language(ENGLISH), "de": Language(GERMAN)}

Answer = Words | Suggestions | Done
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a conversation may use; `app.py` passes it in. Holds are made by the room's own commands, with ``live``."""

    hub: Hub
    live: LiveServices

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self.live.settings

    @property
    def metrics(self) -> Metrics:
        """The metrics of this process."""
        return self.live.metrics


class Slow(SeatServerError):
    """The answer took too long."""

    code, retryable, status = "slow", True, 503

    def __init__(self) -> None:
        super().__init__("the answer took too long")


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


class Conversation:
    """What one visitor and the concierge have said about one showtime."""

    def __init__(
        self,
        tools: Tools,
        showtime: Showtime,
        identity: Identity,
        lang: str,
        allowance: Allowance,
        network: str = "",
    ) -> None:
        """``allowance`` is what the socket may ask for, ``network`` a name for a guest's network, not an address."""
        self.identity = identity
        self.held: UUID | None = None
        """The hold that the present answer made."""
        self.turns = tools.settings.concierge_turns
        self._tools = tools
        self._showtime = showtime
        self._language = LANGUAGES[lang]
        self._allowance = allowance
        self._network = network
        self._names: Names | None = None
        self._wish = Wish()
        self._offers: list[Found] = []
        self._seen: set[int] = set()
        self._plan: Plan | None = None
        """The search that found the offers."""

    def too_slow(self) -> str:
        """What to say when an answer has taken too long."""
        return self._language.failure(Slow(), self._showtime.currency)

    def speak(self, lang: str) -> None:
        """Answer in another language from now on."""
        self._language = LANGUAGES[lang]

    async def answer(self, ref: int, text: str, people: int | None = None) -> AsyncGenerator[Answer, None]:
        """The answer to a question, piece by piece. ``people`` is how many come if neither it nor the wish says so.

        What goes wrong is said in words. A cancelled answer leaves the conversation as it was, except for a hold that
        was being made.
        """
        tools = self._tools
        self.turns -= 1
        self.held = None
        understood = Understood(intent=Intent.NOTHING)
        try:
            self._showtime = await tools.live.catalog.showtime(self._showtime.id)
            understood = await self._understand(text)
            async for piece in self._carry_out(ref, understood, people):
                yield piece
        except SeatServerError as error:
            tools.metrics.errors.labels(error.code).inc()
            yield Words(ref=ref, text=self._language.failure(error, self._showtime.currency))
        tools.metrics.turns.labels(understood.intent).inc()
        if understood.leftover:
            tools.metrics.not_understood.inc()
        yield Done(ref=ref, turns=self.turns, held=self.held, leftover=understood.leftover)

    async def _understand(self, text: str) -> Understood:
        """Read the text in the thread of the searches: the worst of texts takes longer than the event loop may stop."""

        def read() -> tuple[Names, Understood]:
            names = self._names or Names(showtime)
            places_in_depth(showtime.seat_map)  # made here once, for the answer
            return names, understand(text, names)

        showtime = self._showtime
        self._names, understood = await self._in_thread(read)
        return understood

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Work that takes longer than the event loop may stop, in the visitor's turn among the searches."""
        return await self._tools.live.holding.searches.run(
            work, user=self.identity.user_id, room=self._showtime.id, network=self._buyer.network
        )

    async def _carry_out(self, ref: int, understood: Understood, people: int | None) -> AsyncGenerator[Answer, None]:
        words = partial(Words, ref=ref)
        say = self._language.say
        match understood.intent:
            case Intent.FIND:
                async for piece in self._find(ref, understood, people):
                    yield piece
            case Intent.HOLD if not understood.wish.is_empty:
                async for piece in self._find(ref, understood, people):
                    yield piece
                if self._offers[0].reasons.given_up:
                    yield words(text=f" {say('not_held')}")
                    return
                async for piece in self._hold(ref, 1):
                    yield piece
            case Intent.HOLD:
                async for piece in self._hold(ref, understood.choice or 1):
                    yield piece
            case Intent.OTHERS:
                async for piece in self._find_others(ref):
                    yield piece
            case Intent.RELEASE:
                yield words(text=await self._release())
            case Intent.BOOK | Intent.HELP:
                yield words(text=say("book" if understood.intent is Intent.BOOK else "help"))
            case _:
                yield words(text=say("nothing"))
        if understood.intent not in (Intent.FIND, Intent.HOLD):
            for text in self._misunderstandings(understood):
                yield words(text=f" {text}")

    def _misunderstandings(self, understood: Understood) -> list[str]:
        language = self._language
        return [
            text for text in (language.doubts(understood.doubts), language.not_understood(understood.leftover)) if text
        ]

    # ------------------------------------------------------------ finding

    async def _find(self, ref: int, understood: Understood, people: int | None) -> AsyncGenerator[Answer, None]:
        """Say what was understood, search, and say why these seats."""
        wish = self._merged(understood)
        if wish.people is None and people is not None:
            wish = msgspec.structs.replace(wish, people=max(people, wish.wheelchairs, sum(wish.tickets.values()), 1))
        self._wish, self._offers, self._seen, self._plan = wish, [], set(), None
        assert self._names is not None, "the text has been read"
        for text in (*self._misunderstandings(understood), self._language.wish(wish, self._names)):
            if text:
                yield Words(ref=ref, text=f"{text} ")
        self._offers = await self._search(wish)
        async for piece in self._tell_offers(ref):
            yield piece

    async def _find_others(self, ref: int) -> AsyncGenerator[Answer, None]:
        """The next best offers, without the seats that were offered already."""
        if self._plan is None:
            yield Words(ref=ref, text=self._language.say("no_offer"))
            return
        others = await self._search_one(self._plan, self._wish, frozenset(self._seen))
        if not others:
            yield Words(ref=ref, text=self._language.say("no_others"))
            return
        self._offers = others
        async for piece in self._tell_offers(ref):
            yield piece

    def _merged(self, understood: Understood) -> Wish:
        """The wish of this message, or the earlier one with what this message adds or changes.

        A message that says how many come and what they would like is a new wish; one that says only one of the two goes
        on with the earlier wish.
        """
        new, old = understood.wish, self._wish
        if understood.shift is not None and self._offers:
            beyond = rows_beyond(self._showtime.seat_map, self._offers[0].offer.seats, understood.shift)
            new = msgspec.structs.replace(new, rows=beyond)
            old = msgspec.structs.replace(old, depth=None, avoid=())
        said = {name: value for name in new.__struct_fields__ if (value := getattr(new, name)) != getattr(Wish(), name)}
        if {"people"} < said.keys() or old.is_empty:
            return new
        if "people" in said:  # "make it five": the same, for another number
            said.setdefault("tickets", {})
            said["wheelchairs"] = min(old.wheelchairs, new.people or 0)
        elif old.people is not None and new.wheelchairs > old.people:
            said["people"] = new.wheelchairs
        if said.keys() & {"depth", "avoid", "rows"}:
            old = msgspec.structs.replace(old, depth=None, avoid=(), rows=())
        return msgspec.structs.replace(old, **said)

    async def _search(self, wish: Wish) -> list[Found]:
        """The best offers for the wish, or for as much of it as can be had.

        Raises `NobodyComes`, `TooDear`, `TicketsRefused`, `NotOnSale`, and `NoSeatsTogether` if there are none.
        """
        showtime = self._showtime
        showtime.check_on_sale(self._tools.live.clock())
        remaining = plans(wish, showtime)
        first: Plan | None = None
        while (plan := await self._in_thread(partial(next, remaining, None))) is not None:
            first = first or plan
            if found := await self._search_one(plan, wish):
                return found
        assert first is not None, "there is always a plan"
        raise nothing_together(first.party.wish_in(showtime), showtime.seat_map)

    async def _search_one(self, plan: Plan, wish: Wish, besides: frozenset[int] = frozenset()) -> list[Found]:
        """The best offers of one plan, without the seats ``besides``. Remembers the plan if there are any."""
        showtime = self._showtime
        showtime.check_on_sale(self._tools.live.clock())
        found = await self._tools.live.holding.offers(
            showtime, self._buyer, plan.party, await self._view(), OFFERS, without=plan.without | besides
        )
        if found:
            self._plan = plan
        self._seen.update(seat for offer, _ in found for seat in offer.seats)
        return [
            Found(offer, quote, reasons_of(offer, quote, wish, showtime, plan.given_up), wish.wheelchairs)
            for offer, quote in found
        ]

    async def _tell_offers(self, ref: int) -> AsyncGenerator[Answer, None]:
        first = self._offers[0].reasons
        if missing := self._language.given_up(first.given_up):
            yield Words(ref=ref, text=f"{missing} ")
        yield Suggestions(ref=ref, offers=tuple(map(self._suggestion, self._offers)))
        yield Words(ref=ref, text=self._language.best(first, len(self._offers) - 1))

    def _suggestion(self, found: Found) -> Suggestion:
        offer, quote = found.offer, found.quote
        return Suggestion(
            seats=offer.seats, parts=offer.parts, cost=offer.cost, breakdown=offer.breakdown, alone=offer.alone,
            stranded=offer.stranded, total_minor=quote.total_minor, currency=quote.currency,
            currency_digits=quote.currency_digits, tickets=found.tickets, wheelchairs=found.wheelchairs,
            reason=self._language.reason(found.reasons),
        )  # fmt: skip

    async def _view(self) -> RoomView:
        showtime = self._showtime
        epoch, version, states = await self._tools.hub.states(showtime.id, showtime.seat_map.place_count)
        return RoomView(View(epoch, version, 0, states, None))

    # ------------------------------------------------------------ holding

    @property
    def _buyer(self) -> Buyer:
        return buyer_of(self.identity, self._network, self._tools.settings)

    async def _hold(self, ref: int, choice: int) -> AsyncGenerator[Answer, None]:
        """Hold one of the offers in place of what the visitor holds here. Raises `Forbidden`, and `SeatsRefused`.

        Once begun it is done to its end, even if the answer is stopped: the seats are the visitor's then. If others
        were faster, other seats are offered.
        """
        self.identity.require("hold", "holding seats")
        if not 0 < choice <= len(self._offers):
            yield Words(ref=ref, text=self._language.say("which" if self._offers else "no_offer"))
            return
        found, hold_id = self._offers[choice - 1], uuid4()
        try:
            await to_the_end(self._make_hold(found, hold_id))
        except SeatsRefused as error:
            for reason in error.reasons.values():
                self._tools.metrics.refusals.labels(reason).inc()
            if LOST_TO_OTHERS.isdisjoint(error.reasons.values()):
                raise
            yield Words(ref=ref, text=f"{self._language.failure(error, self._showtime.currency)} ")
            self._offers = await self._search(self._wish)
            async for piece in self._tell_offers(ref):
                yield piece
        else:
            yield Words(ref=ref, text=f" {self._language.held(found.reasons)}")

    async def _make_hold(self, found: Found, hold_id: UUID) -> None:
        """Hold these seats in place of those of the last hold, of which only the places without numbers are kept."""
        living = await self._tools.live.store.holds_of(self._showtime.id, self.identity.user_id)
        asked = Hold(
            ref=0,
            hold_id=hold_id,
            seats=found.offer.seats,
            areas=places_without_numbers(living[-1], self._showtime) if living else (),
            tickets=found.tickets,
            wheelchairs=found.wheelchairs,
            replaces=living[-1].hold_id if living else None,
        )
        await self._command(asked)
        self.held = hold_id

    async def _release(self) -> str:
        """Give back all that the visitor holds here."""
        self.identity.require("hold", "holding seats")
        living = await self._tools.live.store.holds_of(self._showtime.id, self.identity.user_id)
        for held in living:
            try:
                await self._command(Release(ref=0, hold_id=held.hold_id))
            except HoldGone:
                continue  # it ended just now
        return self._language.say("released" if living else "nothing_held")

    async def _command(self, message: Hold | Release) -> None:
        """Carry out a command of the room, exactly as if the visitor's map had sent it, and within the same shares."""
        live, showtime = self._tools.live, self._showtime
        audience = await live.broadcaster.join(showtime.id, showtime.seat_map)
        try:
            at = CommandContext(
                services=live, showtime=showtime, identity=self.identity, buyer=self._buyer, audience=audience
            )
            await self._allowance.carry_out(COMMANDS[type(message)], at, message)
        finally:
            live.broadcaster.leave(audience)
