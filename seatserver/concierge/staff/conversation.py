"""What one member of staff asks about the live figures, and the answers.

As with visitors, a model answers where there is one, and otherwise the rules; where the model gives up, the rules
answer the same question, and the answer says so. Nothing is remembered but the last questions, for the model.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from seatserver.access.tokens import Identity
from seatserver.concierge.conversation import LANGUAGES, Slow, Tools
from seatserver.concierge.model.budgets import Payer
from seatserver.concierge.model.gateway import ModelGateway, NoAnswer
from seatserver.concierge.model.instructions import staff_instructions
from seatserver.concierge.model.turn import Memory, Turn
from seatserver.concierge.staff.english import ENGLISH
from seatserver.concierge.staff.figures import Figures
from seatserver.concierge.staff.german import GERMAN
from seatserver.concierge.staff.questions import Question, understand
from seatserver.concierge.staff.tools import StaffTools
from seatserver.concierge.staff.wording import Wording
from seatserver.errors import SeatServerError
from seatserver.times import moment_of
from seatserver.wire.concierge import Done, Words

WORDINGS = {"en": Wording(ENGLISH), "de": Wording(GERMAN)}


class StaffConversation:
    """One conversation. It holds nothing, and can change nothing."""

    held = None

    def __init__(self, tools: Tools, figures: Figures, identity: Identity, lang: str) -> None:
        self.turns = tools.settings.concierge_turns
        self.identity = identity
        self._tools = tools
        self._figures = figures
        self._lang = lang
        self._memory = Memory()
        self._looking = StaffTools(figures)
        self._is_answered = False
        """Whether the model has answered the present question, so that the rules need not."""

    def too_slow(self) -> str:
        """What to say when an answer has taken too long."""
        return self._wording.failure(Slow())

    def speak(self, lang: str) -> None:
        """Answer in another language from now on."""
        self._lang = lang

    @property
    def _wording(self) -> Wording:
        return WORDINGS[self._lang]

    async def answer(self, ref: int, text: str, people: int | None = None) -> AsyncGenerator[Words | Done, None]:
        """The answer to a question, piece by piece. What goes wrong is said in words. ``people`` means nothing here."""
        self.turns -= 1
        intent: str = "staff_model"
        leftover: tuple[str, ...] = ()
        self._is_answered = False
        try:
            if self._tools.model is not None:
                async with aclosing(self._by_model(self._tools.model, text)) as pieces:
                    async for piece in pieces:
                        yield Words(ref=ref, text=piece)
            if not self._is_answered:
                asked = understand(text, await self._figures.names())
                intent, leftover = f"staff_{asked.kind}", asked.leftover
                yield Words(ref=ref, text=await self._told(asked))
        except SeatServerError as error:
            self._tools.metrics.errors.labels(error.code).inc()
            yield Words(ref=ref, text=self._wording.failure(error))
        self._tools.metrics.turns.labels(intent).inc()
        if leftover:
            self._tools.metrics.not_understood.inc()
        yield Done(ref=ref, turns=self.turns, leftover=leftover)

    async def _by_model(self, model: ModelGateway, text: str) -> AsyncGenerator[str, None]:
        """The model's answer, as far as there is one, and then why there is no more of it."""
        toolbox = self._looking.toolbox(self._wording, self._tools.metrics)
        payer = Payer(self.identity.user_id, household="", showtime="")
        turn = Turn(model, payer, self._memory, staff_instructions(self._lang), toolbox)
        today = moment_of(self._tools.live.clock())
        try:
            async with aclosing(turn.run(text, {"utc_now": f"{today:%Y-%m-%d %H:%M}"})) as pieces:
                async for piece in pieces:
                    yield piece
            self._is_answered = True
            return
        except NoAnswer as error:
            why = error.why
        self._tools.metrics.model_gave_up.labels(why).inc()
        yield f"{' ' if turn.said else ''}{LANGUAGES[self._lang].say(why)}\n"

    async def _told(self, asked: Question) -> str:
        """The answer by rules: first what was not understood."""
        wording = self._wording
        doubts = "" if asked.kind == "nothing" else wording.not_understood(asked.leftover)
        return f"{doubts}\n{await self._figures_for(asked)}" if doubts else await self._figures_for(asked)

    async def _figures_for(self, asked: Question) -> str:
        wording, figures = self._wording, self._figures
        match asked.kind:
            case "pace":
                return wording.paces(asked, await figures.paces(asked.where))
            case "showtimes":
                return wording.showtimes(await figures.showings(asked.where, asked.order))
            case "sales":
                return wording.sold(await figures.sold(asked.unit, asked.count))
            case "refusals":
                return wording.refusals(await figures.refusals())
            case "kiosks":
                return wording.kiosks(await figures.kiosk_states())
            case "health":
                return wording.health(await figures.health())
            case "help":
                return wording.help()
            case "nothing":
                return wording.nothing()
