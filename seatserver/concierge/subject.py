"""What a conversation is about, and what its socket needs of it: visitors ask about one showtime, staff about all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from seatserver.access.tokens import Identity


class Answering(Protocol):
    """A conversation, as its socket needs it: `Conversation` with visitors, or another one with staff."""

    turns: int
    identity: Identity

    @property
    def held(self) -> UUID | None:
        """The hold that the present answer made."""

    def too_slow(self) -> str:
        """What to say when an answer has taken too long."""

    def speak(self, lang: str) -> None:
        """Answer in another language from now on."""

    def answer(self, ref: int, text: str, people: int | None = None) -> AsyncGenerator[Any, None]:
        """The messages of an answer, which may be cancelled at any of them."""


class Subject(NamedTuple):
    """What a socket's conversation is about.

    ``showtime_id`` is empty if it is about all of them. ``scope`` is what a token needs, and ``action`` says for what.
    ``open`` begins the conversation for a user in a language. ``may_hear`` is whether questions may be spoken.
    """

    showtime_id: str
    scope: str
    action: str
    open: Callable[[Identity, str], Awaitable[Answering]]
    may_hear: bool
