"""What the store of seats is asked, and what it answers: holds, whole rooms, conditions of a hold.

`seatserver.seats.store` has the verbs that take and return these.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from seatserver.errors import Refusal


class Ownership(msgspec.Struct, frozen=True):
    """What Postgres knows of a showtime at one moment; Redis is loaded from it.

    ``seq`` is the number of the last change. ``taken`` maps booked seats to CLAIMED or SOLD. ``kept`` maps seats to the
    sales channel that the house keeps them for (empty: blocked for everybody). Redis may forget the showtime at
    ``ends_ms``.
    """

    seq: int
    taken: dict[int, int]
    ends_ms: int
    seat_count: int
    kept: dict[int, str] = {}


class HeldSeats(msgspec.Struct, frozen=True):
    """A living hold. ``fence`` grows with every hold of the showtime. ``terms`` were agreed when it was made.

    ``asked`` is the request that made it (`Conditions.asked`). ``total_age_ends_ms`` is when it reaches its total age,
    past which no extension goes (``oldest`` in the scripts).
    """

    hold_id: UUID
    seats: tuple[int, ...]
    deadline_ms: int
    fence: int = 0
    terms: str = ""
    channel: str = ""
    asked: str = ""
    total_age_ends_ms: int = 0


class View(msgspec.Struct, frozen=True):
    """A whole room at one version. ``next_due_ms`` is the time until its next deadline, None if nothing is held.

    ``states`` has one byte per place. ``kept`` is as in `Ownership`.
    """

    epoch: str
    version: int
    pgseq: int
    states: bytes
    next_due_ms: int | None
    kept: dict[int, str] = {}


class AreaWish(msgspec.Struct, frozen=True):
    """``count`` of the ``places`` of a general-admission area; the search begins at ``start``."""

    places: range
    start: int
    count: int


class Judged(msgspec.Struct, frozen=True):
    """How the house rules judged a choice, and what that relied on, for the script to check.

    ``refused`` maps seats to the rule that they break. ``guards`` are pairs of a seat and whether it was free. ``room``
    is ``epoch:version`` if the whole room must be unchanged.
    """

    refused: dict[int, Refusal] = {}
    guards: tuple[tuple[int, bool], ...] = ()
    room: str = ""


NOTHING_JUDGED = Judged()
NO_END_MS = 2**53 - 1
"""Later than any deadline, and exact in Lua."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold has besides its seats: places of ``areas``, the buyer's ``channel``, the hold that it ``replaces``.

    ``asked`` is the whole request as a text, by default its seats. The same id with the same text is a repeated request
    and gets the same answer. ``terms`` are kept with the hold and returned with every answer. The hold's deadline is
    not after ``latest_ms``. With ``no_new_seats``, for the time after the sale, only seats of ``replaces`` may be held.
    ``network`` is the guest's network (`seatserver.access.networks`), empty for everybody else.
    """

    areas: tuple[AreaWish, ...] = ()
    channel: str = ""
    asked: str | None = None
    judged: Judged = NOTHING_JUDGED
    replaces: UUID | None = None
    terms: str = ""
    latest_ms: int = NO_END_MS
    no_new_seats: bool = False
    network: str = ""


UNCONDITIONAL = Conditions()


class RoomMoved(Exception):
    """The room has changed since the rules were judged. ``states`` are the seats that differ, as they are now.

    Seats that the asker may take count as FREE. If ``states`` is empty, the whole room has to be read again.
    """

    def __init__(self, states: dict[int, int]) -> None:
        super().__init__("the room has moved on")
        self.states = states


class Applied(msgspec.Struct, frozen=True):
    """The answer to `SeatStore.apply`. ``gap``: Redis lacks changes before this one, so it was not applied."""

    pgseq: int
    gap: bool
