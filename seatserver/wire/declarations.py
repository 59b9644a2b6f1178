"""What each message declares beside its fields, once: the documents, the server and both clients follow from it.

A message of a client has a `Command` as its ``declared``, a message of the server a `Told`. How to add a message is in
`.github/CONTRIBUTING.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec


class Message(msgspec.Struct, tag_field="type", tag=str.lower, frozen=True, kw_only=True):
    """Every message; its ``type`` on the wire is the name of its class in small letters, unless it says otherwise."""


Fields = Mapping[str, Any]
"""The fields of an example, by their names in Python."""


class WhenLate(StrEnum):
    """What a client does with a command that has had no answer for long, for example because its connection broke.

    Every command may be sent again under the same ``ref`` and ``hold_id``: the server answers as it did before.
    """

    KEEP_ASKING = "keep asking"
    """Send it until it is answered."""

    GIVE_UP = "give up"
    """Send it no more, because by now it would surprise the user."""

    ASK_IF_SENT = "ask if sent"
    """It may have been carried out, so ask until that is known; give up one that was never sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A message of clients."""

    answers: tuple[type[msgspec.Struct], ...]
    """What may answer it, the success first. Every answer repeats its ``ref``."""

    example: Fields

    scope: str | Callable[[Any], str]
    """What its token must allow, or what tells that of a message. Empty: whoever may watch may send it. It has no
    default, so that nobody forgets to think of it."""

    action: str = ""
    """What the scope is for, as an error names it: "holding seats"."""

    when_late: WhenLate = WhenLate.KEEP_ASKING

    changes_holds: bool = False
    """Whether it makes or changes a hold; then the user's other sockets are told `Elsewhere`, and this one is not."""

    by_itself: bool = False
    """Whether a client sends it by itself, to keep its connection, so that its user needs no method for it."""

    def scope_of(self, message: Message) -> str:
        """What the token must allow for this message; empty when every viewer may send it."""
        return self.scope if isinstance(self.scope, str) else self.scope(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A message of the server."""

    example: Fields

    unasked: bool = False
    """Whether the server also sends it of its own accord."""


def name_of(kind: type[msgspec.Struct]) -> str:
    """A message's ``type`` on the wire."""
    return str(kind.__struct_config__.tag)
