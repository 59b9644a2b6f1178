"""What is said on the concierge's socket, ``/ws/concierge/{showtime_id}``: one conversation about one showtime.

It is a socket of its own, so that nothing of it stands in the way of a room's frames. Seats that a visitor holds here
are told to the visitor's other sockets as `Elsewhere`, as any change is. Every answer is a series of messages that
repeat the ``ref`` of the question and end with `Done`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.wire import story
from seatserver.wire.declarations import Command, Message, Told, WhenLate
from seatserver.wire.from_server import Bye, Error
from seatserver.wire.values import Ref, SeatOffer, TicketKey

MOST_CHARS = 1000
"""Of a question, whatever the settings allow."""
OFFERS = 3
"""How many offers an answer has at most."""

Said = Annotated[str, Meta(max_length=MOST_CHARS)]


class _Asked(Message, forbid_unknown_fields=True, frozen=True, kw_only=True):
    declared: ClassVar[Command]


class _Answered(Message, frozen=True, kw_only=True):
    declared: ClassVar[Told]


class Suggestion(SeatOffer, frozen=True, kw_only=True):
    """One offer for what was asked: the seats with the `tickets` for them, in the same order, and the reason in words.

    To hold it yourself, send `Hold` with these seats, tickets and wheelchairs on the room's socket.
    """

    tickets: tuple[TicketKey, ...]
    wheelchairs: int = 0
    reason: str


class Ready(_Answered, frozen=True, kw_only=True):
    """The answer to `Begin`. ``may_hold`` says whether the token allows holding seats."""

    declared = Told(
        example={"ref": 1, "user": story.GUEST, "may_hold": True, "chars": 500, "turns": 50, "model": False}
    )

    ref: Ref
    user: str
    may_hold: bool
    chars: Annotated[int, Meta(description="The longest question, in characters.")]
    turns: Annotated[int, Meta(description="How many questions this conversation has left.")]
    model: Annotated[
        bool, Meta(description="Whether a language model answers, which is sent the questions. Tell the visitor so.")
    ] = False
    voice_s: Annotated[int, Meta(description="The longest spoken question, in seconds; 0: none is heard.")] = 0
    log_days: Annotated[
        int,
        Meta(description="For how many days what is asked and answered is kept if the visitor agrees; 0: not."),
    ] = 0
    logged: Annotated[bool, Meta(description="Whether they are kept from now on.")] = False


class Forgotten(_Answered, frozen=True, kw_only=True):
    """The answer to `Forget`: so many questions, with their answers, are deleted."""

    declared = Told(example={"ref": 6, "deleted": 3})

    ref: Ref
    deleted: int


class Listening(_Answered, frozen=True, kw_only=True):
    """The answer to `Speak`: send the sound. What is said aloud comes in binary frames after it, as 24 kHz PCM.

    They belong to the answer of the last text message before them.
    """

    declared = Told(example={"ref": 5})

    ref: Ref


class Heard(_Answered, frozen=True, kw_only=True):
    """All that has been understood so far of what the visitor says."""

    declared = Told(example={"ref": 5, "text": "Two seats in the"})

    ref: Ref
    text: str


class Quiet(_Answered, frozen=True, kw_only=True):
    """Stop playing what is said aloud; no more of it comes. The text of the answer still holds."""

    declared = Told(example={"ref": 5})

    ref: Ref


class Words(_Answered, frozen=True, kw_only=True):
    """The next piece of the answer's text. Plain text: show it as it is, never as markup."""

    declared = Told(example={"ref": 2, "text": "For two, in the middle. "})

    ref: Ref
    text: str


class Suggestions(_Answered, frozen=True, kw_only=True):
    """The offers that the answer speaks of, the best first. They replace earlier ones, and hold nothing."""

    declared = Told(
        example={
            "ref": 2,
            "offers": (
                Suggestion(
                    **{name: getattr(story.OFFER, name) for name in SeatOffer.__struct_fields__},
                    tickets=("adult", "adult"),
                    reason="Row B, seats 1 and 2 – side by side, 2nd row of 2, about two seats from the best view.",
                ),
            ),
        }
    )

    ref: Ref
    offers: tuple[Suggestion, ...]


class Done(_Answered, frozen=True, kw_only=True):
    """The answer is complete, or was stopped. ``held`` is the hold that it made, if it made one.

    ``leftover`` are the words that were not understood. ``turns`` is how many questions are left.
    After the last one the server says bye; the next question begins another conversation.
    """

    declared = Told(example={"ref": 2, "turns": 49, "leftover": ("romantic",)})

    ref: Ref
    turns: int
    stopped: bool = False
    held: UUID | None = None
    leftover: tuple[str, ...] = ()


class Begin(_Asked, frozen=True, kw_only=True):
    """The first message, due within `SEATSERVER_HELLO_MS`: who is there, and the language of the answers.

    Send it again with a fresh token before the old one expires. Questions may be in English or German either way.

    ``log`` says that the visitor agrees: what they write from now on and the answers are kept for the days that `Ready`
    names, redacted. Ask the visitor, and never for them. Without it, also in a later `Begin`, nothing is kept.
    """

    declared = Command(
        answers=(Ready, Error),
        scope="watch",
        action="talking to the concierge",
        by_itself=True,
        example={"ref": 1, "token": "eyJhbGciOi…", "lang": "en"},
    )

    ref: Ref = 0
    token: str | None = None
    ticket: str | None = None
    lang: Literal["en", "de"] = "en"
    log: bool = False


class Ask(_Asked, frozen=True, kw_only=True):
    """Ask something. A question that is still being answered is stopped first.

    ``people`` is how many come if the text does not say so. Holding seats needs the scope ``hold``; booking them is not
    possible here.
    """

    declared = Command(
        answers=(Done, Words, Suggestions, Error),
        scope="watch",
        action="talking to the concierge",
        when_late=WhenLate.GIVE_UP,
        example={"ref": 2, "text": "Two seats in the middle, please", "people": 2},
    )

    ref: Ref
    text: Said
    people: Annotated[int, Meta(ge=1, le=50)] | None = None


class Stop(_Asked, frozen=True, kw_only=True):
    """Stop the answer that is being given; its `Done` says that it was stopped. Without one, nothing happens.

    Like every message, it counts in the user's share of commands, and is refused with `too_many` beyond it.

    A hold that is being made at this moment is made, and the answer says so.
    """

    declared = Command(answers=(Done, Error), scope="", when_late=WhenLate.GIVE_UP, by_itself=True, example={"ref": 3})

    ref: Ref


class Forget(_Asked, frozen=True, kw_only=True):
    """Delete all that is kept of this user's questions, at all showtimes. An answer that is being given is stopped.

    Nothing more of this conversation is kept until the visitor agrees again, in another `Begin`. Other conversations
    that they have open go on being kept if they agreed there.
    """

    declared = Command(answers=(Forgotten, Error), scope="watch", action="deleting what is kept", example={"ref": 6})

    ref: Ref


class Speak(_Asked, frozen=True, kw_only=True):
    """Begin to ask aloud. A question that is still being answered is stopped first, also in the middle of a word.

    Then send the sound as binary frames: 16-bit PCM, little-endian, 16 kHz, one channel; at most
    `SEATSERVER_MESSAGE_BYTES` each, and best a tenth of a second. A frame that is shorter than 320 bytes, or belongs to
    no question, counts in the user's share of commands. `Spoken` ends the question, and so does its longest time
    (`voice_s`). The sound goes to a language model, and is never stored. What it understands is asked as with `Ask`.
    """

    declared = Command(
        answers=(Done, Listening, Heard, Words, Suggestions, Quiet, Error),
        scope="watch",
        action="talking to the concierge",
        when_late=WhenLate.GIVE_UP,
        example={"ref": 5, "people": 2},
    )

    ref: Ref
    people: Annotated[int, Meta(ge=1, le=50)] | None = None


class Spoken(_Asked, frozen=True, kw_only=True):
    """The visitor has finished speaking. Nothing answers it but the answer to `Speak`."""

    declared = Command(answers=(Error,), scope="", when_late=WhenLate.GIVE_UP, by_itself=True, example={"ref": 6})

    ref: Ref


ConciergeCommand = Begin | Ask | Stop | Forget | Speak | Spoken
ConciergeMessage = Ready | Forgotten | Listening | Heard | Words | Suggestions | Quiet | Done | Error | Bye


def examples() -> dict[type[msgspec.Struct], msgspec.Struct]:
    """The example of each type of message that only this socket has."""
    asked = (Begin, Ask, Stop, Forget, Speak, Spoken)
    told = (Ready, Forgotten, Listening, Heard, Words, Suggestions, Quiet, Done)
    return {kind: kind(**kind.declared.example) for kind in (*asked, *told)}
