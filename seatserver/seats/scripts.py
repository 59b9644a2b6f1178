"""The Lua verbs, loaded once and called in batches.

A script is one file of ``lua/`` with ``prelude.lua`` before it. Calls made in one tick of the event loop travel as one
pipeline; while as many pipelines are under way as the settings allow, further calls wait and make the next batch
larger. The queue is bounded. A caller that is cancelled leaves its command to run to its end: every verb is safe to
run unseen or twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from seatserver.config import Settings
from seatserver.errors import Busy, Unavailable
from seatserver.seats.connection import cannot_serve

VERBS = ("hold", "release", "extend", "pin", "apply", "keep", "sweep", "load", "snapshot", "holds")


class Script:
    """One verb: its source and the hash that Redis knows it by."""

    def __init__(self, verb: str) -> None:
        folder = files("seatserver.seats") / "lua"
        self.verb = verb
        self.source = (folder / "prelude.lua").read_text("utf-8") + (folder / f"{verb}.lua").read_text("utf-8")
        # Redis names a script by the SHA-1 of its text; nothing here is a secret.
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class _Call:
    __slots__ = ("arguments", "future", "key", "script")

    def __init__(self, script: Script, key: str, arguments: Sequence[str | int], future: asyncio.Future[Any]) -> None:
        self.script, self.key, self.arguments, self.future = script, key, arguments, future


class Scripts:
    """Calls verbs on Redis; `call` answers the decoded MessagePack array."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._scripts = {verb: Script(verb) for verb in VERBS}
        self._timeout_s = settings.redis_timeout_ms / 1000
        self._batch = settings.redis_batch_commands
        self._lanes = settings.redis_connections
        self._longest_queue = settings.redis_queue_commands
        self._waiting: deque[_Call] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._flush_due = False

    async def call(self, verb: str, key: str, *arguments: str | int) -> list[Any]:
        """Run a verb on one showtime's keys.

        Raises `Unavailable` when Redis does not answer in time (the command may have run all the same) and `Busy` when
        too many commands wait already.
        """
        if len(self._waiting) >= self._longest_queue:
            raise Busy("the queue to Redis")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Call(self._scripts[verb], key, arguments, future))
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)
        reply: list[Any] = msgspec.msgpack.decode(await future)
        return reply

    async def close(self) -> None:
        """Wait for what is under way; calls that still wait are refused."""
        for call in self._waiting:
            if not call.future.done():
                call.future.set_exception(Unavailable("Redis"))
        self._waiting.clear()
        if self._sending:
            await asyncio.wait(self._sending)

    def _flush(self) -> None:
        self._flush_due = False
        while self._waiting and len(self._sending) < self._lanes:
            calls = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            task = asyncio.get_running_loop().create_task(self._send(calls))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if self._waiting and not self._flush_due:
            self._flush()

    async def _send(self, calls: list[_Call]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                replies = await self._evaluate(calls)
        except BaseException as error:
            # Out of reach, cancelled at shutdown, or a bug: no caller may be left waiting.
            replies = [error if isinstance(error, Exception) else TimeoutError()] * len(calls)
        for call, reply in zip(calls, replies, strict=True):
            if call.future.done():
                continue  # the caller went away
            if isinstance(reply, Exception) and cannot_serve(reply):
                # One for each: callers who share an exception would add to each other's tracebacks.
                call.future.set_exception(Unavailable("Redis"))
            elif isinstance(reply, Exception):
                call.future.set_exception(reply)
            else:
                call.future.set_result(reply)

    async def _evaluate(self, calls: list[_Call]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(call.script.sha, 1, call.key, *call.arguments)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        # After a restart or SCRIPT FLUSH a hash means nothing. Those commands did not run: send them again, each script
        # whole where it comes first, for Redis knows it from there on.
        missing = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:
            pipeline, whole = self._redis.pipeline(transaction=False), set()
            for index in missing:
                call = calls[index]
                if call.script.sha in whole:
                    pipeline.evalsha(call.script.sha, 1, call.key, *call.arguments)
                else:
                    whole.add(call.script.sha)
                    pipeline.eval(call.script.source, 1, call.key, *call.arguments)
            for index, reply in zip(missing, await pipeline.execute(raise_on_error=False), strict=True):
                replies[index] = reply
        return replies
