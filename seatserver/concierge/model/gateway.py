"""The one way to the model in a process: whether it may be asked, one request at a time, and what that has cost.

`ModelGateway.begin` charges a question, and `ask` streams one request of it. `end` settles it, in the background,
whatever became of the visitor. `charge` and `settle` do the same for a spoken question, which another model hears: so
it does not count as one of the answers under way, and says nothing about whether this model works. `NoAnswer` is
raised with a reason if something goes wrong; the caller then answers without the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Literal, NamedTuple

import httpx
from redis.asyncio import Redis

from seatserver import logs
from seatserver.concierge.gemini import Gemini
from seatserver.concierge.model.breaker import Breaker
from seatserver.concierge.model.budgets import Budgets, Charge, Payer, Spent
from seatserver.config import Clock, Settings
from seatserver.errors import Unavailable
from seatserver.metrics import Metrics
from seatserver.tasks import Tasks

log = logs.from_outside(__name__)

OUTPUT_TOKENS = 2048
"""Most of one request's answer, with what the model thinks."""
LEAST_OUTPUT_TOKENS = 128
FINAL = (401, 403, 404, 429)
"""Status codes that the next request would get too: a key or model that is wrong, too many requests."""
SETTLE_TRIES, SETTLE_PAUSE_S = 3, 0.5

Why = Literal["budget", "busy", "away", "slow", "stopped", "confused", "unfounded"]
"""Why there is no answer of the model: too much is spent; it gives too many answers already; it cannot be reached, or
broke off; it took too long; it must not answer this; it does not make itself clear; it said what cannot be checked."""


class NoAnswer(Exception):
    """The model does not answer."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Piece(NamedTuple):
    """A chunk of the model's answer: its ``parts`` as they came, and why it stopped, if it did."""

    parts: Sequence[Any]
    stopped: str = ""


class Question:
    """One visitor's question: what it was charged, what it has cost so far, and how long it may take."""

    def __init__(self, charge: Charge, deadline: float, tokens: int) -> None:
        self.charge = charge
        self.deadline = deadline
        """On the event loop's clock."""
        self.left = tokens
        """The tokens that it may still cost."""
        self.is_trial = False
        """Whether it is to show that the model works again."""
        self.input = self.output = 0
        self.known_bytes = self.known_tokens = 0
        """How many bytes the last request had, and how many tokens these were."""


class ModelGateway:
    """The model of this process."""

    def __init__(self, settings: Settings, gemini: Gemini, redis: Redis, metrics: Metrics, clock: Clock) -> None:
        self.settings = settings
        self.budgets = Budgets(settings, redis, clock)
        self.breaker = Breaker(settings.gemini_pause_ms / 1000, time.monotonic)
        self._gemini = gemini
        self._metrics = metrics
        self._tasks = Tasks()
        self._answering = 0

    async def begin(self, payer: Payer) -> Question:
        """Charge a question. Raises `NoAnswer`. Whoever begins one must `end` it."""
        if self._answering >= self.settings.gemini_answers:
            raise NoAnswer("busy")
        if not self.breaker.admit():
            raise NoAnswer("away")
        is_trial = self.breaker.is_open
        self._answering += 1
        try:
            question = await self.charge(payer)
        except BaseException:
            self._answering -= 1
            if is_trial:
                self.breaker.left()
            raise
        question.is_trial = is_trial
        return question

    async def charge(self, payer: Payer) -> Question:
        """Charge what is asked of another model. Raises `NoAnswer`. Whoever does must `settle` it."""
        try:
            charge = await self.budgets.charge(payer)
        except Unavailable:
            raise NoAnswer("away") from None
        if charge is None:
            raise NoAnswer("budget")
        deadline = asyncio.get_running_loop().time() + self.settings.gemini_turn_ms / 1000
        return Question(charge, deadline, self.budgets.most().tokens)

    def end(self, question: Question) -> None:
        """Settle what it has cost, in the background."""
        self._answering -= 1
        if question.is_trial:
            self.breaker.left()
        self.settle(question)

    def settle(self, question: Question) -> None:
        """Let what was charged cost what it did cost, in the background."""
        settings = self.settings
        money = question.input * settings.gemini_input_cents + question.output * settings.gemini_output_cents
        self._metrics.model_tokens.labels("input").inc(question.input)
        self._metrics.model_tokens.labels("output").inc(question.output)
        self._metrics.model_money.inc(money)
        self._tasks.spawn(self._settle(question.charge, Spent(question.input + question.output, money)), "settle")

    async def _settle(self, charge: Charge, spent: Spent) -> None:
        for tries in range(SETTLE_TRIES):
            try:
                return await self.budgets.settle(charge, spent)
            except Unavailable:
                await asyncio.sleep(SETTLE_PAUSE_S * (tries + 1))
        log.warning("a question to the model stays charged with the most it could cost")

    async def ask(
        self, question: Question, contents: Sequence[Any], instructions: str, tools: Sequence[dict[str, Any]]
    ) -> AsyncGenerator[Piece, None]:
        """One request and its answer, chunk by chunk. Raises `NoAnswer`."""
        from google.genai import types

        size = _bytes_of(contents, instructions, tools)
        # No token is shorter than a byte, and what was sent before is counted already.
        prompt = question.known_tokens + max(0, size - question.known_bytes) if question.known_tokens else size
        output = min(OUTPUT_TOKENS, question.left - prompt)
        if output < LEAST_OUTPUT_TOKENS:
            raise NoAnswer("confused")  # this question has used up what one may; the budgets have more
        config = types.GenerateContentConfig(
            system_instruction=instructions,
            max_output_tokens=output,
            candidate_count=1,
            temperature=0.2,
            tools=[types.Tool(function_declarations=[types.FunctionDeclaration(**tool) for tool in tools])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            # Every request must be counted here, also one that goes on with a long answer.
            automatic_continuation=False,
        )
        meter = _Meter(prompt, output)
        try:
            stream = await self._gemini.aio.models.generate_content_stream(
                model=self._gemini.model, contents=list(contents), config=config
            )
            async with aclosing(_patient(stream, question.deadline, self.settings.gemini_quiet_ms / 1000)) as chunks:
                async for chunk in chunks:
                    meter.read(chunk.usage_metadata)
                    piece = _piece(chunk)
                    if piece.stopped:
                        meter.complete()
                        self.breaker.worked()
                        question.is_trial = False
                    yield piece
            if not meter.is_complete:
                raise ConnectionError("the connection ended in an orderly way, the answer did not")
        except NoAnswer:
            raise
        except Exception as error:
            question.is_trial = False
            raise self._failed(error, meter) from error
        finally:
            question.input += meter.input
            question.output += meter.output
            question.left -= meter.input + meter.output
            question.known_bytes, question.known_tokens = size, meter.input

    def _failed(self, error: Exception, meter: _Meter) -> NoAnswer:
        """What an error of the client means. Tells the breaker."""
        from google.genai.errors import APIError

        if isinstance(error, TimeoutError | httpx.TimeoutException):
            self.breaker.failed()
            return NoAnswer("slow")
        if isinstance(error, APIError):
            meter.refused()
            self.breaker.failed(at_once=error.code in FINAL, retry_after_s=_retry_after_s(error))
            log.warning("the model refuses", code=error.code, status=error.status)
        else:
            if isinstance(error, httpx.ConnectError):
                meter.refused()
            self.breaker.failed()
            log.warning("the model does not answer", problem=type(error).__name__)
        return NoAnswer("away")

    async def close(self, grace_s: float) -> None:
        """Settle what is to be settled, and close the connections."""
        await self._tasks.close(grace_s)
        await self._gemini.close()


class _Meter:
    """What one request has cost: the most it can, until the model says what it did."""

    def __init__(self, prompt: int, output: int) -> None:
        self.input, self.output = prompt, output
        self.is_complete = False
        self._said: int | None = None
        self._has_begun = False

    def read(self, usage: Any) -> None:
        """Note what a chunk says."""
        self._has_begun = True
        if usage is None:
            return
        if usage.prompt_token_count:
            self.input = usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0)
        if usage.total_token_count:
            self._said = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)

    def complete(self) -> None:
        """The answer has come to its end: what it says of its length holds."""
        self.is_complete = True
        if self._said is not None:
            self.output = self._said

    def refused(self) -> None:
        """Nothing was answered at all, so nothing is paid for."""
        if not self._has_begun:
            self.input = self.output = 0


async def _patient(stream: Any, deadline: float, quiet_s: float) -> AsyncGenerator[Any, None]:
    """The chunks of a stream. Raises `TimeoutError` if one does not come in time."""
    loop = asyncio.get_running_loop()
    async with aclosing(stream):
        while True:
            try:
                async with asyncio.timeout_at(min(deadline, loop.time() + quiet_s)):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            yield chunk


def _piece(chunk: Any) -> Piece:
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None:
        return Piece((), "SAFETY")
    candidate = chunk.candidates[0] if chunk.candidates else None
    if candidate is None:
        return Piece(())
    parts = candidate.content.parts if candidate.content is not None else None
    return Piece(tuple(parts or ()), str(candidate.finish_reason.value) if candidate.finish_reason else "")


def _bytes_of(contents: Sequence[Any], instructions: str, tools: Sequence[dict[str, Any]]) -> int:
    said = sum(len(one.model_dump_json(exclude_none=True).encode()) for one in contents)
    return said + len(instructions.encode()) + len(repr(tools).encode())


def _retry_after_s(error: Any) -> float:
    """How long the model asks to be left alone."""
    details = error.details.get("error", {}).get("details", ()) if isinstance(error.details, dict) else ()
    for detail in details if isinstance(details, list) else ():
        text = str(detail.get("retryDelay", "")) if isinstance(detail, dict) else ""
        if text.endswith("s"):
            try:
                return float(text[:-1])
            except ValueError:
                return 0.0
    return 0.0
