"""What the server says on a socket: every message as a Struct that declares all about it.

Clients pass over fields and messages that they do not know (`seatserver.wire.reading`), so both may be added. Most
messages answer a command and repeat its ``ref``; those that are ``unasked`` also come by themselves.
"""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from seatserver.errors import Refusal
from seatserver.seatmaps.search.score import Breakdown
from seatserver.wire import story
from seatserver.wire.closing import Close
from seatserver.wire.declarations import Message, Told
from seatserver.wire.values import Basket, HoldView, Limits, Millis, OwnBooking, Ref, SeatOffer


class _Told(Message, frozen=True, kw_only=True):
    declared: ClassVar[Told]


class Welcome(_Told, frozen=True, kw_only=True):
    """The answer to `Hello`. A snapshot or the missed deltas follow.

    ``bookings`` are this user's pending and confirmed ones for this showtime, pending ones first, then the newest
    first, at most 20; ``GET /api/v1/bookings`` lists all. None means that they cannot be read now: keep what you were
    told before.
    """

    declared = Told(
        example={
            "ref": 1,
            "showtime": "tonight",
            "layout": story.LAYOUT,
            "epoch": story.EPOCH,
            "version": 40,
            "server_ms": story.NOW_MS,
            "user": story.GUEST,
            "scopes": ("book", "hold", "watch"),
            "holds": (story.HOLD,),
            "limits": Limits(
                seats_per_user=10,
                hold_ms=300_000,
                hold_total_ms=900_000,
                heartbeat_ms=15_000,
                message_bytes=4096,
                concierge_chars=500,
                voice_s=30,
            ),
            "on_sale_at_ms": story.NOW_MS - 1_000_000,
            "sale_ends_at_ms": story.NOW_MS + 1_000_000,
            "bookings": (story.PENDING,),
        }
    )

    ref: Ref
    showtime: str
    layout: str
    epoch: str
    version: int
    server_ms: Millis
    user: str
    scopes: tuple[str, ...]
    holds: tuple[HoldView, ...]
    limits: Limits
    on_sale_at_ms: Millis
    sale_ends_at_ms: Millis
    bookings: tuple[OwnBooking, ...] | None = None


class Snapshot(_Told, frozen=True, kw_only=True, omit_defaults=True):
    """The whole room: ``states`` has one digit for each seat, in layout order.

    ``areas`` has the number of free places of each general-admission area; it is omitted where there are none.
    """

    declared = Told(unasked=True, example={"epoch": story.EPOCH, "version": 40, "states": "0400"})

    epoch: str
    version: int
    states: str
    areas: tuple[int, ...] = ()


class Delta(_Told, frozen=True, kw_only=True, omit_defaults=True):
    """What changed after ``from`` up to ``version``: pairs of a seat and its new state, each seat once.

    ``areas`` are pairs of a general-admission area and its number of free places now; omitted where none changed. Apply
    it when ``from <= yours < version``, drop it when ``version <= yours``, and otherwise say `Hello` with `Resume`.
    """

    declared = Told(
        unasked=True, example={"epoch": story.EPOCH, "from_": 40, "version": 41, "changes": ((2, 1), (3, 1))}
    )

    epoch: str
    from_: int = msgspec.field(name="from")
    version: int
    changes: tuple[tuple[int, int], ...]
    areas: tuple[tuple[int, int], ...] = ()


class Held(_Told, Basket, frozen=True, kw_only=True):
    """The hold is yours until ``deadline_ms``. Answers `Hold`, `Best` and `Extend`.

    What was held before the sale ended may be booked until the deadline. `Extend` moves the deadline to
    ``latest_deadline_ms`` at most; when the two are equal, there is no more time. 0: the server did not say.
    ``lost`` are seats that were asked for or found but are not part of the hold, each with the reason.
    ``stranded`` are seats that this choice leaves over in gaps too small to sell (the rules only warn, or nothing else
    was possible).
    ``cost`` and ``breakdown`` say how good the seats are, in seat pitches for each person; lower is better.
    """

    declared = Told(
        example={
            "ref": 2,
            "hold_id": story.HOLD_ID,
            "deadline_ms": story.DEADLINE_MS,
            "latest_deadline_ms": story.LATEST_DEADLINE_MS,
            **story.BASKET,
        }
    )

    ref: Ref
    hold_id: UUID
    deadline_ms: Millis
    latest_deadline_ms: Millis = 0
    lost: tuple[tuple[int, Refusal], ...] = ()
    stranded: tuple[int, ...] = ()
    cost: float | None = None
    breakdown: Breakdown = msgspec.field(default_factory=dict)


class Offered(_Told, frozen=True, kw_only=True):
    """The answer to `Offers`, the best offer first. Nothing is held, so an offer may be gone a moment later."""

    declared = Told(example={"ref": 8, "offers": (story.OFFER,)})

    ref: Ref
    offers: tuple[SeatOffer, ...]


class Refused(_Told, frozen=True, kw_only=True):
    """Nothing was done: every seat that cannot be had, with its reason.

    ``held``, ``sold``, ``blocked``, ``allocated`` (kept for another sales channel): its state. ``cooling``: this user,
    or a guest of the same network, has held it for `Limits.hold_total_ms` in all; ``retry_at_ms`` are pairs of such a
    seat and the time when it may be tried again, if nobody else takes it meanwhile. ``limit``: the user would hold too
    many. ``group``: it is sold only with the rest of its group. ``companion``: it is sold only with its wheelchair
    place. ``wheelchair``: it is kept for those who need it. ``gap``: the choice would leave over the seats of
    ``stranded``, in gaps too small to sell. ``fix`` is the nearest choice that the rules allow. ``areas`` are
    general-admission areas, each with the reason (``full``: fewer places are left than asked for; ``cooling``;
    ``limit``) and how many places it has left; ``areas_retry_at_ms`` are pairs of an area that is ``cooling`` and the
    time when it may be tried again.
    """

    declared = Told(example={"ref": 2, "hold_id": story.HOLD_ID, "seats": ((2, "sold"), (3, "sold"))})

    ref: Ref
    hold_id: UUID
    seats: tuple[tuple[int, Refusal], ...]
    areas: tuple[tuple[int, Refusal, int], ...] = ()
    stranded: tuple[int, ...] = ()
    fix: tuple[int, ...] = ()
    retry_at_ms: tuple[tuple[int, Millis], ...] = ()
    areas_retry_at_ms: tuple[tuple[int, Millis], ...] = ()


class Released(_Told, frozen=True, kw_only=True):
    """The answer to `Release`: these seats, and so many places of these areas, are free again."""

    declared = Told(example={"ref": 3, "hold_id": story.HOLD_ID, "seats": (2, 3)})

    ref: Ref
    hold_id: UUID
    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...] = ()


class Expired(_Told, frozen=True, kw_only=True):
    """A hold of this user ended without its doing.

    Its time ran out (``expired``), a booking took the seats first (``sold``), or they were blocked (``blocked``).
    """

    declared = Told(unasked=True, example={"hold_id": story.HOLD_ID, "seats": (2, 3), "reason": "expired"})

    hold_id: UUID
    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...] = ()
    reason: Literal["expired", "sold", "blocked"]


class Elsewhere(_Told, frozen=True, kw_only=True):
    """Another socket of yours changed your holds: say `Hello` again to learn them."""

    declared = Told(unasked=True, example={"hold_id": story.HOLD_ID})

    hold_id: UUID


class Booked(_Told, OwnBooking, frozen=True, kw_only=True):
    """A booking of this user as it is now. ``ref`` is 0 when it was made, paid or cancelled elsewhere."""

    declared = Told(
        unasked=True,
        example={
            "ref": 6,
            "booking_id": story.HOLD_ID,
            "reference": story.REFERENCE,
            "status": "confirmed",
            "ticket_url": story.TICKET_URL,
            **story.BASKET,
        },
    )

    ref: Ref


class Error(_Told, frozen=True, kw_only=True):
    """The command failed. ``code`` is stable; ``retryable`` says whether sending the same again can help."""

    declared = Told(
        unasked=True,
        example={
            "ref": 4,
            "code": "hold_gone",
            "message": f"hold {story.HOLD_ID}: it has ended",
            "retryable": False,
            "facts": {"hold_id": str(story.HOLD_ID)},
        },
    )

    ref: Ref
    code: str
    message: str
    retryable: bool
    facts: dict[str, object] = msgspec.field(default_factory=dict)


class Beat(_Told, frozen=True, kw_only=True):
    """A sign of life, and the room's version, from which a client learns whether it missed anything.

    The server looks every `Limits.heartbeat_ms` and sends it if nothing was sent to the whole room for half of that;
    answers to single sockets do not count. It also answers a client's own.
    """

    declared = Told(unasked=True, example={"ref": 7, "epoch": story.EPOCH, "version": 41, "server_ms": story.NOW_MS})

    ref: Ref = 0
    epoch: str = ""
    version: int = 0
    server_ms: Millis = 0


class Bye(_Told, frozen=True, kw_only=True):
    """The last message before the server closes: why, and when to come back (-1: do not)."""

    declared = Told(
        unasked=True,
        example={"code": Close.GOING_AWAY, "reason": "the server restarts", "reconnect_after_ms": 1500},
    )

    code: int
    reason: str
    reconnect_after_ms: int


ServerMessage = (
    Welcome | Snapshot | Delta | Held | Offered | Refused | Released | Expired | Elsewhere | Booked | Error | Beat | Bye
)
