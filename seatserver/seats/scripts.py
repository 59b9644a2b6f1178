"""The Lua verbs: put together, sent, and their answers unpacked.

A script is ``lua/prelude.lua`` and the file of its verb. A line ``-- include: NAME`` in them stands for the text of
a file of ``lua/parts/``, so each script has only the functions that it uses, where it uses them. It is called by its
hash. If Redis does not know that (a restart, SCRIPT FLUSH), the first caller sends the full text.
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from seatserver.config import Settings
from seatserver.errors import Unavailable
from seatserver.redis_io.client import cannot_serve
from seatserver.redis_io.pipeline import Pipeline

VERBS = (
    "hold", "release", "extend", "pin", "handover", "apply", "keep", "sweep", "load", "snapshot", "holds", "cooling",
)  # fmt: skip
INCLUDE = re.compile(r"^ *-- include: (\w+)\n", re.MULTILINE)


def _text(name: str) -> str:
    """A file of ``lua/`` without its comments, and with the parts that it includes."""
    lines = (files("seatserver.seats") / "lua" / f"{name}.lua").read_text("utf-8").splitlines(keepends=True)
    code = [line for line in lines if not line.lstrip().startswith("--") or INCLUDE.match(line)]
    return INCLUDE.sub(lambda found: _text(f"parts/{found[1]}"), "".join(code))


class Script:
    """One verb: its source, and the hash that Redis knows it by."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.source = _text("prelude") + _text(verb)
        # Redis names a script by the SHA-1 of its text; nothing here is a secret.
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """Calls verbs on Redis; `call` answers the decoded MessagePack array."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._pipeline = Pipeline(redis, settings)
        self._scripts = {verb: Script(verb) for verb in VERBS}
        # Scripts whose whole text is on its way to Redis.
        self._on_their_way: set[str] = set()
        self._decode = msgspec.msgpack.Decoder().decode

    async def call(self, verb: str, key: str, *arguments: str | int) -> list[Any]:
        """Run a verb on one showtime's keys.

        Raises `Unavailable` when Redis does not answer in time (the command may have run all the same) and `Busy` when
        too many commands wait already. A caller who is cancelled leaves the command to run to its end: every verb is
        safe to run unseen or twice.
        """
        script = self._scripts[verb]
        try:
            try:
                reply: bytes = await self._pipeline.send("EVALSHA", script.sha, 1, key, *arguments)
            except NoScriptError:
                reply = await self._call_whole(script, key, arguments)
        except Exception as error:
            if cannot_serve(error):
                raise Unavailable("Redis") from None
            raise
        answer: list[Any] = self._decode(reply)
        return answer

    async def close(self) -> None:
        """Wait for what is under way; calls that still wait are refused."""
        await self._pipeline.close()

    async def _call_whole(self, script: Script, key: str, arguments: tuple[str | int, ...]) -> bytes:
        """Run a script that Redis does not know: that call did not run. Only the first of a rush brings the text; on
        one connection the others come after it, so their hashes mean something again."""
        while script.sha in self._on_their_way:
            try:
                reply: bytes = await self._pipeline.send("EVALSHA", script.sha, 1, key, *arguments)
                return reply
            except NoScriptError:
                continue  # forgotten once more
        self._on_their_way.add(script.sha)
        try:
            reply = await self._pipeline.send("EVAL", script.source, 1, key, *arguments)
            return reply
        finally:
            self._on_their_way.discard(script.sha)
