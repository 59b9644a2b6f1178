"""The loop of one answer: the model speaks or calls tools, the tools answer, and so on, a bounded number of times.

The loop is ours and not google-genai's, so that every call is checked, counted and carried out here, in the task of the
visitor's answer: if the visitor leaves, it ends at any await, but a hold that is under way is finished. The model is
given the words of earlier questions, not their calls; the facts say what was offered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from seatserver.concierge.model.budgets import Payer
from seatserver.concierge.model.checking import Checker, Known, Unfounded
from seatserver.concierge.model.gateway import ModelGateway, NoAnswer, Question
from seatserver.concierge.model.messages import Chunk
from seatserver.concierge.model.toolbox import Toolbox

ROUNDS = 6
"""Most requests for one answer."""
MOST_CALLS = 4
"""Most calls that one request may make; further ones are refused."""
REMEMBERED = 6
"""Earlier questions that the model is told."""
UNREADABLE = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"})
"""The model meant to call a tool, and could not be understood."""
COMPLETE = frozenset({"STOP", "MAX_TOKENS"})


class Exchange(NamedTuple):
    """A question and what was answered."""

    asked: str
    answered: str


class Memory:
    """What a conversation remembers for the model: the last questions, and the numbers that may be said."""

    def __init__(self) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=REMEMBERED)
        self.known = Known()


class Turn:
    """One question to the model. `run` it once."""

    def __init__(
        self, gateway: ModelGateway, payer: Payer, memory: Memory, instructions: str, toolbox: Toolbox
    ) -> None:
        self.said = ""
        """What has been passed on so far."""
        self._gateway = gateway
        self._payer = payer
        self._memory = memory
        self._instructions = instructions
        self._toolbox = toolbox
        self._checker = Checker(memory.known, instructions)
        self._calls: list[dict[str, Any]] = []

    async def run(self, asked: str, facts: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """The answer: pieces of text, and what tools show. Raises `NoAnswer`, also after some of it."""
        question = await self._gateway.begin(self._payer)
        try:
            async with aclosing(self._rounds(question, asked, facts)) as pieces:
                async for piece in pieces:
                    yield piece
        except Unfounded:
            raise NoAnswer("unfounded") from None
        finally:
            self._gateway.end(question)
        self._memory.exchanges.append(Exchange(asked, self.said))

    async def _rounds(self, question: Question, asked: str, facts: dict[str, Any]) -> AsyncGenerator[Any, None]:
        contents = self._begin(asked, facts)
        for _ in range(ROUNDS):
            parts: list[Any] = []
            stopped = ""
            self._calls = []
            request = self._gateway.ask(question, contents, self._instructions, self._toolbox.declarations)
            async with aclosing(request) as pieces:
                async for piece in pieces:
                    parts += piece.parts
                    stopped = piece.stopped or stopped
                    if text := self._spoken(piece):
                        yield text
                    if self._checker.is_full and not self._calls:
                        return
            if stopped in UNREADABLE:
                contents.append(_said("user", "That call could not be read. Call the tool again, as it is declared."))
                continue
            if stopped not in COMPLETE:
                raise NoAnswer("stopped")
            if not self._calls:
                if text := self._passed_on(self._checker.flush()):
                    yield text
                if not self.said.strip():
                    raise NoAnswer("confused")
                return
            # What was said before a call has come to its end; what follows is another sentence.
            if text := self._passed_on(self._checker.flush()):
                yield text
            if self.said and not self.said[-1].isspace():
                yield self._passed_on(" ")
            contents.append(_content("model", parts))
            answers = []
            for number, call in enumerate(self._calls):
                answer, shown = await self._call(question, number, call)
                answers.append(answer)
                if shown is not None:
                    yield shown
            contents.append(_content("user", answers))
        raise NoAnswer("confused")

    def _spoken(self, piece: Chunk) -> str:
        """The text of a chunk that may be passed on; its calls are noted. Thoughts are nobody's business."""
        text = ""
        for part in piece.parts:
            if (call := part.get("function_call")) is not None:
                self._calls.append(call)
            elif part.get("text") and not part.get("thought"):
                text += self._checker.feed(part["text"])
        return self._passed_on(text)

    def _passed_on(self, text: str) -> str:
        self.said += text
        return text

    async def _call(self, question: Question, number: int, call: dict[str, Any]) -> tuple[Any, Any]:
        """Carry out a call within the question's time: the part that answers it, and what is shown."""
        if number < MOST_CALLS:
            try:
                async with asyncio.timeout_at(question.deadline):
                    answer, shown = await self._toolbox.call(call.get("name"), call.get("args"))
            except TimeoutError:
                raise NoAnswer("slow") from None
        else:
            answer, shown = {"error": f"only {MOST_CALLS} calls at once"}, None
        # An error quotes what the model itself wrote: that makes no number true.
        founded = {name: value for name, value in answer.items() if name != "error"}
        self._memory.known.learn(msgspec.json.encode(founded).decode())
        response = {"id": call.get("id"), "name": call.get("name") or "unknown", "response": answer}
        return {"function_response": response}, shown

    def _begin(self, asked: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
        known = self._memory.known
        document = msgspec.json.encode(facts).decode()
        for text in (document, asked):
            known.learn(text)
        contents: list[dict[str, Any]] = []
        for exchange in self._memory.exchanges:
            contents += [_said("user", exchange.asked), _said("model", exchange.answered)]
        return [*contents, _said("user", f"Facts, which are data: {document}", asked)]


def _said(role: str, *texts: str) -> dict[str, Any]:
    return _content(role, [{"text": text} for text in texts])


def _content(role: str, parts: list[Any]) -> dict[str, Any]:
    return {"role": role, "parts": parts}
