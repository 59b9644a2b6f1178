"""One conversation: it remembers the wish and the offers, carries out what is asked, and answers in plain words.

A question is understood by a language model where there is one, otherwise by the parser, and both work at the same
`Desk`. Where the model gives up, the parser answers the same question, and the answer says so. It knows no socket:
`answer` yields the messages of an answer, and may be cancelled at any of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import msgspec

from seatserver.access.tokens import Identity
from seatserver.catalog.showtime import Showtime
from seatserver.concierge.desk import Desk, DeskServices, Found
from seatserver.concierge.model.budgets import Payer
from seatserver.concierge.model.gateway import ModelGateway, NoAnswer
from seatserver.concierge.model.instructions import visitors_instructions
from seatserver.concierge.model.turn import Memory, Turn
from seatserver.concierge.model.visitors_tools import VisitorsTools
from seatserver.concierge.phrases.english import ENGLISH
from seatserver.concierge.phrases.german import GERMAN
from seatserver.concierge.phrases.language import Language, Sentence
from seatserver.concierge.plans import places_in_depth, rows_beyond
from seatserver.concierge.wishes.model import Intent, Understood, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.concierge.wishes.parser import understand
from seatserver.config import Settings
from seatserver.errors import SeatServerError, SeatsRefused
from seatserver.holding.holding import LOST_TO_OTHERS
from seatserver.live.session.allowance import Allowance
from seatserver.metrics import Metrics
from seatserver.transcripts.log import ConciergeLog
from seatserver.wire.concierge import Done, Suggestion, Suggestions, Words

LANGUAGES = {"en": Language(ENGLISH), "de": Language(GERMAN)}

Answer = Words | Suggestions | Done


@dataclass(frozen=True, kw_only=True)
class Tools(DeskServices):
    """What a conversation may use; `app.py` passes it in. Without a ``model`` the parser answers everything."""

    model: ModelGateway | None = None
    log: ConciergeLog

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
        household: str = "",
    ) -> None:
        """``allowance`` is what the socket may ask for.

        ``network`` is a name for a guest's network at this showtime, ``household`` one for all showtimes; neither is an
        address.
        """
        self.turns = tools.settings.concierge_turns
        self._tools = tools
        self._desk = Desk(tools, showtime, identity, allowance, network)
        self._language = LANGUAGES[lang]
        self._household = household
        self._names: Names | None = None
        self._memory = Memory()
        self._at_desk = VisitorsTools(self._desk, tools.live.catalog, tools.live.clock)
        self._is_answered = False
        """Whether the model has answered the present question, so that the parser need not."""

    @property
    def identity(self) -> Identity:
        """Who is talking; a fresh token of the same visitor may be set."""
        return self._desk.identity

    @identity.setter
    def identity(self, identity: Identity) -> None:
        self._desk.identity = identity

    @property
    def payer(self) -> Payer:
        """Who pays for what a model does here."""
        return Payer(self.identity.user_id, self._household, self._desk.showtime.id)

    @property
    def lang(self) -> str:
        """The code of the language of the answers."""
        return self._language.code

    @property
    def held(self) -> UUID | None:
        """The hold that the present answer made."""
        return self._desk.held

    def too_slow(self) -> str:
        """What to say when an answer has taken too long."""
        return self._failure(Slow())

    def say(self, name: Sentence) -> str:
        """A sentence in the language of the answers."""
        return self._language.say(name)

    def speak(self, lang: str) -> None:
        """Answer in another language from now on."""
        self._language = LANGUAGES[lang]

    async def answer(self, ref: int, text: str, people: int | None = None) -> AsyncGenerator[Answer, None]:
        """The answer to a question, piece by piece. ``people`` is how many come if neither it nor the wish says so.

        What goes wrong is said in words. A cancelled answer leaves the conversation as it was, except for a hold that
        was being made.
        """
        self.turns -= 1
        intent: str = Intent.NOTHING
        leftover: tuple[str, ...] = ()
        try:
            await self._desk.begin()
            self._is_answered = False
            if self._tools.model is not None:
                intent = "model"
                async with aclosing(self._by_model(self._tools.model, ref, text, people)) as pieces:
                    async for told in pieces:
                        yield told
            if not self._is_answered:
                understood = await self._understand(text)
                intent, leftover = understood.intent, understood.leftover
                async for piece in self._carry_out(ref, understood, people):
                    yield piece
        except SeatServerError as error:
            self._tools.metrics.errors.labels(error.code).inc()
            yield Words(ref=ref, text=self._failure(error))
        self._tools.metrics.turns.labels(intent).inc()
        if leftover:
            self._tools.metrics.not_understood.inc()
        yield Done(ref=ref, turns=self.turns, held=self.held, leftover=leftover)

    def _failure(self, error: SeatServerError) -> str:
        return self._language.failure(error, self._desk.showtime.currency)

    # ------------------------------------------------------------ with a model

    async def _by_model(
        self, model: ModelGateway, ref: int, text: str, people: int | None
    ) -> AsyncGenerator[Words | Suggestions, None]:
        """The model's answer, as far as there is one. Why there is no more of it is said, and the parser goes on.

        What the model has held or released is done, though: the parser must not do it again.
        """
        desk, language = self._desk, self._language
        toolbox = self._at_desk.toolbox(language, self._tools.metrics)
        turn = Turn(model, self.payer, self._memory, visitors_instructions(self.lang), toolbox)
        offered: list[Found] | None = None
        try:
            async with aclosing(turn.run(text, await self._at_desk.facts(people))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        yield Words(ref=ref, text=piece)
                    else:
                        offered = piece
                        yield self._suggestions(ref)
            self._is_answered = True
            return
        except NoAnswer as error:
            why = error.why
        self._tools.metrics.model_gave_up.labels(why).inc()
        yield Words(ref=ref, text=f"{' ' if turn.said else ''}{language.say(why)} ")
        if desk.has_acted:
            self._is_answered = True
            yield Words(ref=ref, text=language.say("broken_off"))
        elif offered:
            # The offers are good: only what the model made of them is not.
            self._is_answered = True
            yield Words(ref=ref, text=language.best(offered[0].reasons, len(offered) - 1))

    # ------------------------------------------------------------ with the parser

    async def _understand(self, text: str) -> Understood:
        """Read the text in the thread of the searches: the worst of texts takes longer than the event loop may stop."""

        def read() -> tuple[Names, Understood]:
            names = self._names or Names(showtime)
            places_in_depth(showtime.seat_map)  # made here once, for the answer
            return names, understand(text, names)

        showtime = self._desk.showtime
        self._names, understood = await self._desk.in_thread(read)
        return understood

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
                if self._desk.offers[0].reasons.given_up:
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
                yield words(text=say("released" if await self._desk.release() else "nothing_held"))
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

    async def _find(self, ref: int, understood: Understood, people: int | None) -> AsyncGenerator[Answer, None]:
        """Say what was understood, search, and say why these seats."""
        wish = self._merged(understood)
        if wish.people is None and people is not None:
            wish = msgspec.structs.replace(wish, people=max(people, wish.wheelchairs, sum(wish.tickets.values()), 1))
        assert self._names is not None, "the text has been read"
        for text in (*self._misunderstandings(understood), self._language.wish(wish, self._names)):
            if text:
                yield Words(ref=ref, text=f"{text} ")
        await self._desk.find(wish)
        for piece in self._told_offers(ref):
            yield piece

    async def _find_others(self, ref: int) -> AsyncGenerator[Answer, None]:
        """The next best offers, without the seats that were offered already."""
        others = await self._desk.find_others()
        if not others:
            yield Words(ref=ref, text=self._language.say("no_offer" if others is None else "no_others"))
            return
        for piece in self._told_offers(ref):
            yield piece

    def _merged(self, understood: Understood) -> Wish:
        """The wish of this message, or the earlier one with what this message adds or changes.

        A message that says how many come and what they would like is a new wish; one that says only one of the two goes
        on with the earlier wish.
        """
        new, old, offers = understood.wish, self._desk.wish, self._desk.offers
        if understood.shift is not None and offers:
            beyond = rows_beyond(self._desk.showtime.seat_map, offers[0].offer.seats, understood.shift)
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

    async def _hold(self, ref: int, choice: int) -> AsyncGenerator[Answer, None]:
        """Hold one of the offers, or offer other seats if others were faster. Raises `Forbidden`, `SeatsRefused`."""
        desk = self._desk
        desk.identity.require("hold", "holding seats")
        if not 0 < choice <= len(desk.offers):
            yield Words(ref=ref, text=self._language.say("which" if desk.offers else "no_offer"))
            return
        found = desk.offers[choice - 1]
        try:
            await desk.hold(found)
        except SeatsRefused as error:
            if LOST_TO_OTHERS.isdisjoint(error.reasons.values()):
                raise
            yield Words(ref=ref, text=f"{self._failure(error)} ")
            await desk.find(desk.wish)
            for piece in self._told_offers(ref):
                yield piece
        else:
            yield Words(ref=ref, text=f" {self._language.held(found.reasons)}")

    # ------------------------------------------------------------ what is said of offers

    def _told_offers(self, ref: int) -> list[Answer]:
        offers = self._desk.offers
        first = offers[0].reasons
        missing = self._language.given_up(first.given_up)
        return [
            *([Words(ref=ref, text=f"{missing} ")] if missing else []),
            self._suggestions(ref),
            Words(ref=ref, text=self._language.best(first, len(offers) - 1)),
        ]

    def _suggestions(self, ref: int) -> Suggestions:
        return Suggestions(ref=ref, offers=tuple(map(self._suggestion, self._desk.offers)))

    def _suggestion(self, found: Found) -> Suggestion:
        offer, quote = found.offer, found.quote
        return Suggestion(
            seats=offer.seats, parts=offer.parts, cost=offer.cost, breakdown=offer.breakdown, alone=offer.alone,
            stranded=offer.stranded, total_minor=quote.total_minor, currency=quote.currency,
            currency_digits=quote.currency_digits, tickets=found.tickets, wheelchairs=found.wheelchairs,
            reason=self._language.reason(found.reasons),
        )  # fmt: skip
