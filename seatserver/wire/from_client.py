"""What clients say on a socket: every message as a Struct that declares all about it.

The server refuses fields that it does not know, so that a misspelt one is noticed. What carries a message out is in
`seatserver.live.session.commands`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from seatserver.seatmaps.search.score import MAX_PARTY, Weights
from seatserver.wire import story
from seatserver.wire.declarations import Command, Message, WhenLate
from seatserver.wire.from_server import Beat, Booked, Error, Held, Offered, Refused, Released, Welcome
from seatserver.wire.values import MAX_SEATS_PER_COMMAND, AreaPlaces, Millis, Ref, Resume, Seats, SomeSeats, TicketKey


class _Command(Message, forbid_unknown_fields=True, frozen=True, kw_only=True):
    declared: ClassVar[Command]


class Hello(_Command, frozen=True, kw_only=True):
    """The first message, due within `SEATSERVER_HELLO_MS` (5 s by default): who is there, and where it stopped.

    Send it again at any time to hand in a new token or to ask for what was missed. That counts as a command.
    """

    declared = Command(
        answers=(Welcome, Error),
        scope="watch",
        action="watching a room",
        by_itself=True,
        example={"ref": 1, "token": "eyJhbGciOi…", "resume": Resume(epoch=story.EPOCH, version=38)},
    )

    ref: Ref = 0
    token: str | None = None
    ticket: str | None = None
    resume: Resume | None = None


class Hold(_Command, frozen=True, kw_only=True):
    """Hold all these seats, and places of general-admission areas, or nothing.

    ``hold_id`` is made by the client and names this request, so repeating the message is safe. A hold is booked as a
    whole. To change a basket, send a new hold that ``replaces`` the old one in the same step: it keeps the seats that
    both have and gives the others back; if it is refused, the old hold stays as it was. After the end of the sale it
    may keep all or some of what the old one has, and take nothing more. ``tickets`` are ticket types in the order of
    ``seats``; without them every seat is sold as the first type. ``wheelchairs``: how many of the party use one. With
    ``or_nearest``, seats that are lost are replaced by the nearest equal ones, and the reply names those lost.
    """

    declared = Command(
        answers=(Held, Refused, Error),
        scope="hold",
        action="holding seats",
        when_late=WhenLate.GIVE_UP,
        changes_holds=True,
        example={"ref": 2, "hold_id": story.HOLD_ID, "seats": (2, 3)},
    )

    ref: Ref
    hold_id: UUID
    seats: SomeSeats = ()
    areas: AreaPlaces = ()
    tickets: Annotated[tuple[TicketKey, ...], Meta(max_length=MAX_SEATS_PER_COMMAND)] | None = None
    wheelchairs: Annotated[int, Meta(ge=0, le=50)] = 0
    replaces: UUID | None = None
    or_nearest: bool = False


class Release(_Command, frozen=True, kw_only=True):
    """Give back a hold: all of it, or only ``seats``, as far as the rules allow the rest to stay."""

    declared = Command(
        answers=(Released, Refused, Error),
        scope="hold",
        action="releasing seats",
        changes_holds=True,
        example={"ref": 3, "hold_id": story.HOLD_ID},
    )

    ref: Ref
    hold_id: UUID
    seats: Seats | None = None


class Extend(_Command, frozen=True, kw_only=True):
    """Ask for more time. The server limits a hold's total age, and how long one lasts past the end of the sale."""

    declared = Command(
        answers=(Held, Error), scope="hold", action="extending a hold", example={"ref": 4, "hold_id": story.HOLD_ID}
    )

    ref: Ref
    hold_id: UUID


class _Search(_Command, frozen=True, kw_only=True):
    """What a party wishes: how many seats (``count``), or how many of each ticket type (``tickets``), and where.

    ``categories`` and ``areas`` (their names in the layout) limit the search; empty: anywhere. ``wheelchairs``: how
    many of the party use one; the others sit beside them. A party that cannot sit together is split across neighbouring
    rows unless ``split`` is false. ``weights`` say what makes seats good.
    """

    ref: Ref
    count: Annotated[int, Meta(ge=1, le=MAX_PARTY)] | None = None
    tickets: Annotated[dict[TicketKey, Annotated[int, Meta(ge=1, le=MAX_PARTY)]], Meta(max_length=20)] | None = None
    categories: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    areas: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    wheelchairs: Annotated[int, Meta(ge=0, le=MAX_PARTY)] = 0
    split: bool = True
    weights: Weights = Weights()


class Best(_Search, frozen=True, kw_only=True):
    """Find the best seats for a party and hold them, in one round trip; `Held` says why these.

    A search that loses seats to somebody faster goes on with the room as it is then, and `Held.lost` names them.
    """

    declared = Command(
        answers=(Held, Refused, Error),
        scope="hold",
        action="holding seats",
        when_late=WhenLate.GIVE_UP,
        changes_holds=True,
        example={"ref": 5, "hold_id": story.HOLD_ID, "tickets": {"adult": 2}, "categories": ("sofa",)},
    )

    hold_id: UUID
    replaces: UUID | None = None


class Offers(_Search, frozen=True, kw_only=True):
    """Show what `Best` would choose from: the best offers, ranked and explained. Holds nothing."""

    declared = Command(
        answers=(Offered, Error), scope="", when_late=WhenLate.GIVE_UP, example={"ref": 8, "count": 2, "limit": 3}
    )

    limit: Annotated[int, Meta(ge=1, le=20)] = 5


class Book(_Command, frozen=True, kw_only=True):
    """Turn a hold into a booking: at once, or (``pay_later``) as a pending one that a payment confirms."""

    declared = Command(
        answers=(Booked, Refused, Error),
        scope=lambda book: "claim" if book.pay_later else "book",
        action="booking",
        when_late=WhenLate.ASK_IF_SENT,
        example={"ref": 6, "hold_id": story.HOLD_ID},
    )

    ref: Ref
    hold_id: UUID
    pay_later: bool = False


class ClientBeat(_Command, tag="beat", frozen=True, kw_only=True):
    """A sign of life; the server answers with its own. Nothing in it counts but ``ref``."""

    declared = Command(answers=(Beat,), scope="", by_itself=True, example={"ref": 7})

    ref: Ref = 0
    epoch: str = ""
    version: int = 0
    server_ms: Millis = 0


ClientMessage = Hello | Hold | Release | Extend | Best | Offers | Book | ClientBeat
