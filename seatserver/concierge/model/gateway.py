"""The one way to the model in a process: whether it may be asked, one request at a time, and what that has cost.

`ModelGateway.begin` charges a question, and `ask` streams one request of it. `end` settles it, in the background,
whatever became of the visitor. `charge_spoken` and `settle` do the same for a spoken question, which another model
hears: so it does not count as one of the answers under way, and says nothing about whether this model works. `NoAnswer`
is raised with a reason if something goes wrong; the caller then answers without the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis

from seatserver import logs
from seatserver.concierge.model.breaker import Breaker
from seatserver.concierge.model.budgets import Budgets, Charge, Payer, Prices, Spent, spoken_prices, written_prices
from seatserver.concierge.model.messages import Chunk, Failed, Usage
from seatserver.concierge.model.process import ModelFailed, ModelProcess
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


class Question:
    """One visitor's question: what it was charged, what it has cost so far, and how long it may take."""

    def __init__(self, charge: Charge, deadline: float, tokens: int, prices: Prices) -> None:
        self.charge = charge
        self.prices = prices
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

    def __init__(self, settings: Settings, process: ModelProcess, redis: Redis, metrics: Metrics, clock: Clock) -> None:
        self.settings = settings
        self.budgets = Budgets(settings, redis, clock)
        self.breaker = Breaker(settings.gemini_pause_ms / 1000, time.monotonic)
        self.process = process
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
            self.process.start()
            question = await self._charge(payer, self.budgets.most(), written_prices(self.settings))
        except BaseException:
            self._answering -= 1
            if is_trial:
                self.breaker.left()
            raise
        question.is_trial = is_trial
        return question

    async def charge_spoken(self, payer: Payer) -> Question:
        """Charge what another model hears and says, at its prices. Raises `NoAnswer`. Whoever does must `settle` it."""
        return await self._charge(payer, self.budgets.most_spoken(), spoken_prices(self.settings))

    async def _charge(self, payer: Payer, most: Spent, prices: Prices) -> Question:
        try:
            charge = await self.budgets.charge(payer, most)
        except Unavailable:
            raise NoAnswer("away") from None
        if charge is None:
            raise NoAnswer("budget")
        deadline = asyncio.get_running_loop().time() + self.settings.gemini_turn_ms / 1000
        return Question(charge, deadline, most.tokens, prices)

    def end(self, question: Question) -> None:
        """Settle what it has cost, in the background."""
        self._answering -= 1
        if question.is_trial:
            self.breaker.left()
        self.settle(question)

    def settle(self, question: Question) -> None:
        """Let what was charged cost what it did cost, in the background."""
        money = question.prices.of(question.input, question.output)
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
        self, question: Question, contents: list[dict[str, Any]], instructions: str, tools: list[dict[str, Any]]
    ) -> AsyncGenerator[Chunk, None]:
        """One request and its answer, chunk by chunk. Raises `NoAnswer`."""
        size = _bytes_of(contents, instructions, tools)
        # No token is shorter than a byte, and what was sent before is counted already.
        prompt = question.known_tokens + max(0, size - question.known_bytes) if question.known_tokens else size
        output = min(OUTPUT_TOKENS, question.left - prompt)
        if output < LEAST_OUTPUT_TOKENS:
            raise NoAnswer("confused")  # this question has used up what one may; the budgets have more
        meter = _Meter()
        try:
            await self._ready(question)
            meter.asks(prompt, output)
            stream = self.process.ask(contents, instructions, tools, output)
            async with aclosing(_patient(stream, question.deadline, self.settings.gemini_quiet_ms / 1000)) as chunks:
                async for chunk in chunks:
                    meter.read(chunk.usage)
                    if chunk.stopped:
                        meter.complete()
                        self.breaker.worked()
                        question.is_trial = False
                    yield chunk
            if not meter.is_complete:
                raise ModelFailed(Failed(0, "broken", "the connection ended in good order, the answer did not"))
        except (ModelFailed, TimeoutError) as error:
            question.is_trial = False
            raise self._failed(error, meter) from error
        finally:
            question.input += meter.input
            question.output += meter.output
            question.left -= meter.input + meter.output
            question.known_bytes, question.known_tokens = size, meter.input

    async def _ready(self, question: Question) -> None:
        """Wait for the process that talks to the model, which the first question starts. Raises as `ask` of it."""
        try:
            async with asyncio.timeout_at(question.deadline):
                await self.process.ready()
        except TimeoutError:
            raise ModelFailed(Failed(0, "unreachable", "its process does not start in time")) from None

    def _failed(self, error: ModelFailed | TimeoutError, meter: _Meter) -> NoAnswer:
        """What an error means. Tells the breaker."""
        if isinstance(error, TimeoutError) or error.why.kind == "slow":
            self.breaker.failed()
            return NoAnswer("slow")
        why = error.why
        if why.kind in ("refused", "unreachable"):
            meter.refused()
        self.breaker.failed(at_once=why.code in FINAL, retry_after_s=why.retry_after_s)
        if why.kind == "refused":
            log.warning("the model refuses", code=why.code, status=why.problem)
        else:
            log.warning("the model does not answer", problem=why.problem or why.kind)
        return NoAnswer("away")

    async def close(self, grace_s: float) -> None:
        """Settle what is to be settled, and end the process that talks to the model."""
        await self._tasks.close(grace_s)
        await self.process.close()


class _Meter:
    """What one request has cost: nothing before it is made, then the most it can, until the model says what it did."""

    def __init__(self) -> None:
        self.input = self.output = 0
        self.is_complete = False
        self._said: int | None = None
        self._has_begun = False

    def asks(self, prompt: int, output: int) -> None:
        """The request is made; it can cost so many tokens."""
        self.input, self.output = prompt, output

    def read(self, usage: Usage | None) -> None:
        """Note what a chunk says."""
        self._has_begun = True
        if usage is None:
            return
        if usage.input:
            self.input = usage.input
        if usage.output is not None:
            self._said = usage.output

    def complete(self) -> None:
        """The answer has come to its end: what it says of its length holds."""
        self.is_complete = True
        if self._said is not None:
            self.output = self._said

    def refused(self) -> None:
        """Nothing was answered at all, so nothing is paid for."""
        if not self._has_begun:
            self.input = self.output = 0


async def _patient(stream: AsyncGenerator[Chunk, None], deadline: float, quiet_s: float) -> AsyncGenerator[Chunk, None]:
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


def _bytes_of(contents: Sequence[Any], instructions: str, tools: Sequence[dict[str, Any]]) -> int:
    said = len(msgspec.json.encode(contents))
    return said + len(instructions.encode()) + len(repr(tools).encode())
