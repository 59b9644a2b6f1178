"""The process that talks to the model: ``python -m seatserver.concierge.model.asking``, started by `process`.

Its standard input is a socket to the server. There it is told the key and the address, then what to ask; the pieces of
all answers go back there. google-genai reads each piece into objects of its own, which takes longer than everything the
server does with it; here that holds up nobody. It ends with the server, whatever the server died of.
"""

from __future__ import annotations

import asyncio
import ctypes
import resource
import signal
import socket
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec

from seatserver.concierge.gemini import Gemini
from seatserver.concierge.model.messages import (
    MOST_ASKED_BYTES,
    MOST_TOLD_BYTES,
    Ask,
    BadFrame,
    Beat,
    Chunk,
    Command,
    Ended,
    Failed,
    Kind,
    Reply,
    Setup,
    Stop,
    Usage,
    frame_of,
    next_of,
)

BEAT_S = 1.0
PR_SET_PDEATHSIG = 1
COMMANDS = msgspec.msgpack.Decoder(Command)
UNREADABLE = "MALFORMED_RESPONSE"
"""A finish reason of Gemini's; here also of a piece that cannot be passed on."""


class Asking:
    """Asks what the server wants to know, any number of questions at a time."""

    def __init__(self, gemini: Gemini, writer: asyncio.StreamWriter) -> None:
        self._gemini = gemini
        self._writer = writer
        self._answers: dict[int, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Do what the server says, until it has gone. Raises `BadFrame`."""
        beating = asyncio.get_running_loop().create_task(self._beat())
        try:
            while (found := await next_of(reader, COMMANDS, MOST_ASKED_BYTES)) is not None:
                match found[0]:
                    case Ask() as asked:
                        answer = asyncio.get_running_loop().create_task(self._answer(asked))
                        self._answers[asked.number] = answer
                        answer.add_done_callback(partial(self._forget, asked.number))
                    case Stop(number):
                        if (stopped := self._answers.get(number)) is not None:
                            stopped.cancel()
        finally:
            beating.cancel()

    def _forget(self, number: int, answer: object) -> None:
        del self._answers[number]

    async def _beat(self) -> None:
        while True:
            await self._tell(Beat())
            await asyncio.sleep(BEAT_S)

    async def _tell(self, reply: Reply) -> None:
        """Send a reply; wait while the server reads nothing, and let the model wait too. Raises `BadFrame`."""
        self._writer.write(frame_of(reply, MOST_TOLD_BYTES))
        await self._writer.drain()

    async def _answer(self, asked: Ask) -> None:
        try:
            stream: Any = await self._gemini.aio.models.generate_content_stream(
                model=self._gemini.model,
                contents=[_content_of(one) for one in asked.contents],
                config=_config_of(asked),
            )
            async with aclosing(stream):
                async for chunk in stream:
                    await self._pass_on(asked.number, chunk)
            last: Reply = Ended(asked.number)
        except Exception as error:
            last = failure_of(asked.number, error)
        await self._tell(last)

    async def _pass_on(self, number: int, chunk: Any) -> None:
        told = chunk_of(number, chunk)
        try:
            await self._tell(told)
        except BadFrame:
            await self._tell(Chunk(number, [], UNREADABLE, told.usage))


def _content_of(content: dict[str, Any]) -> Any:
    from google.genai import types

    return types.Content.model_validate(content)


def _config_of(asked: Ask) -> Any:
    from google.genai import types

    return types.GenerateContentConfig(
        system_instruction=asked.instructions,
        max_output_tokens=asked.most_tokens,
        candidate_count=1,
        temperature=0.2,
        tools=[types.Tool(function_declarations=[types.FunctionDeclaration(**tool) for tool in asked.tools])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        # Every request must be counted, also one that goes on with a long answer.
        automatic_continuation=False,
    )


def chunk_of(number: int, chunk: Any) -> Chunk:
    """What google-genai made of a piece, in plain data."""
    usage = _usage_of(chunk.usage_metadata)
    if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None:
        return Chunk(number, [], "SAFETY", usage)
    candidate = chunk.candidates[0] if chunk.candidates else None
    if candidate is None:
        return Chunk(number, [], usage=usage)
    parts = candidate.content.parts if candidate.content is not None else None
    stopped = str(candidate.finish_reason.value) if candidate.finish_reason else ""
    return Chunk(number, [_part_of(part) for part in parts or ()], stopped, usage)


def _part_of(part: Any) -> dict[str, Any]:
    plain: dict[str, Any] = part.model_dump(exclude_none=True)
    if "text" in plain:  # half a character is none
        plain["text"] = plain["text"].encode(errors="ignore").decode()
    return plain


def _usage_of(usage: Any) -> Usage | None:
    if usage is None:
        return None
    read = usage.prompt_token_count or 0
    written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Usage(
        read + (usage.tool_use_prompt_token_count or 0) if read else 0,
        written if usage.total_token_count else None,
    )


def failure_of(number: int, error: Exception) -> Failed:
    """What an error of the client means. Its text may quote what was said, so only its kind is told."""
    import httpx
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        problem = str(error.status or "")[:100]
        return Failed(number, "refused", problem, error.code, _retry_after_s(error))
    kind: Kind = "broken"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        kind = "slow"
    elif isinstance(error, httpx.ConnectError):
        kind = "unreachable"
    return Failed(number, kind, type(error).__name__)


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


def _end_with_the_server() -> None:
    """Let the kernel kill this process when the server dies, even while this one is stopped.

    An init that stops the server may send SIGTERM to all of its processes: the server still needs this one then.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    except (OSError, AttributeError):
        pass  # no Linux: the end of the socket says so, as soon as this process runs


def _limit_memory(most_bytes: int) -> None:
    """What a model sends without end fails an answer, in the worst case this process, but nothing else here."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


async def main() -> None:
    """Serve the server at standard input until it has gone."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=0))
    found = await next_of(reader, COMMANDS, MOST_ASKED_BYTES)
    if found is None or not isinstance(found[0], Setup):
        return
    _limit_memory(found[0].most_bytes)
    await Asking(Gemini(found[0].access), writer).serve(reader)


if __name__ == "__main__":
    _end_with_the_server()
    try:
        asyncio.new_event_loop().run_until_complete(main())
    finally:
        signal.raise_signal(signal.SIGKILL)  # no answer is waited for: nobody is there to hear it
