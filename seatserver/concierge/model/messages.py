"""What the server and the process that talks to the model say to each other: MessagePack on a pair of sockets.

A frame is its length in four bytes, then one of these Structs. Contents and parts have Gemini's own fields, in
snake_case; what the model signed goes back as it came. Neither side takes a frame that is longer than it may be.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, TypeVar

import msgspec

from seatserver.concierge.gemini import Access

MOST_ASKED_BYTES = 16 * 1024 * 1024
"""Far more than the longest question: what a request may cost bounds its length."""
MOST_TOLD_BYTES = 1024 * 1024
"""Longest reply. A whole answer has far less."""
LENGTH_BYTES = 4

Kind = Literal["slow", "refused", "unreachable", "broken", "lost"]
"""Why there is no more of an answer: it took too long; the model refuses; there is no way to it; it makes no sense, or
broke off; the process that talks to it has ended."""


class Setup(msgspec.Struct, frozen=True, tag=True):
    """The first frame of the server: how the model is reached."""

    access: Access
    most_bytes: int
    """Most memory of the process."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """One request. Its ``number`` is in everything that is said of it."""

    number: int
    contents: list[Any]
    instructions: str
    tools: list[dict[str, Any]]
    most_tokens: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Nobody listens to this answer any more. Nothing more comes of it but what is under way."""

    number: int


class Usage(msgspec.Struct, frozen=True):
    """What the model says it took: tokens read, and those written once it knows."""

    input: int = 0
    output: int | None = None


class Chunk(msgspec.Struct, frozen=True, tag=True):
    """A piece of an answer, why the model stopped, if it did, and what it has taken so far, where it says so."""

    number: int
    parts: list[dict[str, Any]]
    stopped: str = ""
    usage: Usage | None = None


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The connection has ended in good order; whether the answer has, its last chunk says."""

    number: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """There is no more of this answer."""

    number: int
    kind: Kind
    problem: str = ""
    code: int = 0
    """Of HTTP, if the model ``refused``."""
    retry_after_s: float = 0.0


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The process is there. The first one says that it may be asked."""


Command = Setup | Ask | Stop
Reply = Chunk | Ended | Failed | Beat
Message = TypeVar("Message")


class BadFrame(Exception):
    """The other side says what cannot be read; nothing after it can be."""


def frame_of(message: Command | Reply, most_bytes: int) -> bytes:
    """A message as it is sent. Raises `BadFrame` if it cannot be."""
    try:
        payload = msgspec.msgpack.encode(message)
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise BadFrame(f"it cannot be written: {type(error).__name__}") from None
    if len(payload) > most_bytes:
        raise BadFrame(f"it has {len(payload)} bytes: expected at most {most_bytes}")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


async def next_of(
    reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[Message], most_bytes: int
) -> tuple[Message, int] | None:
    """The next message and its size, or None when the other side has gone. Raises `BadFrame`.

    Whoever cancels it must read nothing more.
    """
    try:
        size = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if size > most_bytes:
            raise BadFrame(f"a frame has {size} bytes: expected at most {most_bytes}")
        return decoder.decode(await reader.readexactly(size)), size
    except (asyncio.IncompleteReadError, OSError):
        return None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadFrame(f"a frame cannot be read: {type(error).__name__}") from None
