"""One error tree.

Every error that a user may see is one class here: a stable ``code``, whether trying again can help
(``retryable``), an HTTP status, and facts as fields from which its text is built. Rooms below raise them; each edge
(REST, socket, command line) maps them once and never parses a message. Anything else that escapes is a bug, shown to
the user as `internal` without its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

Refusal = Literal[
    "held", "sold", "blocked", "allocated", "full", "cooling", "limit", "group", "companion", "wheelchair", "gap"
]
"""Why a seat is refused: what it is (``allocated``: kept for another sales channel; ``full``: an area has not so many
places left), that the same person has held it for long (``cooling``: `seatserver.seats.holders`), that the user would
hold too many (``limit``), or the house rule that it breaks (`seatmaps.rules`)."""
TicketRule = Literal["unknown", "category", "at_most", "only_with", "per_companion"]


class SeatServerError(Exception):
    """The root: code, retryable, status, facts."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class ConfigError(SeatServerError):
    """A setting is wrong; stops the start with one line."""

    code, status = "config", 500

    def __init__(self, variable: str, found: str, expected: str) -> None:
        super().__init__(f"{variable} {found}: {expected}", variable=variable)


class StartError(SeatServerError):
    """A part that the process needs cannot be started or reached; one line that says how to mend it."""

    code = "start"


class NotThereYet(StartError):
    """A server that the process needs does not answer. It may come up: a start waits for it."""


class BadSeatMap(SeatServerError):
    """A seat map or its file is wrong. ``place`` says where in the file, as a path such as ``Areas[2].Rows[4]``."""

    code, status = "bad_seat_map", 422

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem, place=place)
        self.place = place
        self.problem = problem


class BadRequest(SeatServerError):
    """The request is not of the documented form; ``where`` names the field."""

    code, status = "bad_request", 400

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message, where=where)


class TooLarge(SeatServerError):
    """A message or body is over its limit."""

    code, status = "too_large", 413

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(f"{what} is larger than {limit_bytes} bytes", limit_bytes=limit_bytes)


class NotFound(SeatServerError):
    """No such showtime, layout, booking …; ``kind`` is the noun."""

    code, status = "not_found", 404

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"there is no {kind} {identifier!r}", kind=kind, id=identifier)


class Conflict(SeatServerError):
    """What is asked contradicts what is stored, for example another layout for a showtime that has bookings."""

    code, status = "conflict", 409


class BadTicket(SeatServerError):
    """The code is not on any ticket of this server: misread, forged, or of another house."""

    code, status = "bad_ticket", 422

    def __init__(self) -> None:
        super().__init__("this is no ticket of this server: it was misread, or somebody else made it")


class OriginRefused(SeatServerError):
    """A web page of an origin that may not use this server has asked.

    Its visitors may read the message; which settings allow an origin is a fact, for whoever makes the page.
    """

    code, status = "origin_refused", 403

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"pages of {origin[:200]} may not use this server",
            origin=origin[:200],
            settings=["SEATSERVER_ALLOWED_ORIGINS", "SEATSERVER_PUBLIC_URL"],
        )


class UnknownSeat(SeatServerError):
    """A seat index is outside the layout."""

    code, status = "unknown_seat", 422

    def __init__(self, seats: list[int], seat_count: int) -> None:
        there = f"seats 0 to {seat_count - 1}" if seat_count else "no numbered seats"
        super().__init__(f"no such seat: {seats}; this layout has {there}", seats=seats)


class Unauthorized(SeatServerError):
    """No token, or one that does not hold."""

    code, status = "unauthorized", 401

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class Forbidden(SeatServerError):
    """The token holds but its scopes do not reach that far."""

    code, status = "forbidden", 403

    def __init__(self, scope: str, action: str) -> None:
        super().__init__(f"{action} needs the scope {scope!r}", scope=scope)


class NotOnSale(SeatServerError):
    """The showtime's sale has not begun or has ended; times in milliseconds since the epoch."""

    code, status = "not_on_sale", 409

    def __init__(self, problem: str, on_sale_at_ms: int, sale_ends_at_ms: int) -> None:
        super().__init__(problem, on_sale_at_ms=on_sale_at_ms, sale_ends_at_ms=sale_ends_at_ms)


class SeatsRefused(SeatServerError):
    """Some seats cannot be had: every one of them is named with its reason.

    ``reasons`` maps each seat's index to its reason. Where a house rule refuses, ``stranded`` are the seats that would
    be left over alone, and ``fix`` is the nearest choice that the rule lets pass, empty when there is none. ``areas``
    maps the key of each general area that is refused to the reason and to how many of its places are left.
    ``labels`` maps seats to what people call them, where people read this. ``retry_at_ms`` maps what is ``cooling`` to
    when the same person may have it again (ms since the epoch), if nobody else takes it meanwhile.
    """

    code, status = "seats_refused", 409

    def __init__(
        self,
        reasons: Mapping[int, Refusal],
        *,
        areas: Mapping[str, tuple[Refusal, int]] | None = None,
        stranded: Sequence[int] = (),
        fix: Sequence[int] = (),
        labels: Mapping[int, str] | None = None,
        retry_at_ms: Mapping[int, int] | None = None,
    ) -> None:
        labels, self.areas = labels or {}, dict(areas or {})
        named = [f"{labels.get(seat, seat)} {reason}" for seat, reason in sorted(reasons.items())]
        named += [f"{key} {reason} ({left} left)" for key, (reason, left) in self.areas.items()]
        facts: dict[str, Any] = {"seats": [[seat, reason] for seat, reason in sorted(reasons.items())]}
        if areas:
            facts["areas"] = {key: list(why) for key, why in areas.items()}
        if retry_at_ms:
            facts["retry_at_ms"] = [[seat, when] for seat, when in sorted(retry_at_ms.items())]
        if stranded:
            facts["stranded"] = list(stranded)
        if fix:
            facts["fix"] = list(fix)
        instead = f"; possible instead: {', '.join(str(labels.get(seat, seat)) for seat in fix)}" if fix else ""
        super().__init__(f"refused: {', '.join(named)}{instead}", **facts)
        self.reasons, self.stranded, self.fix = reasons, tuple(stranded), tuple(fix)
        self.retry_at_ms = dict(retry_at_ms or {})


class TicketsRefused(SeatServerError):
    """These tickets are not to be had, or not together. The text names the ticket and says what would mend it.

    ``ticket`` is the ticket type's key; ``rule`` says what stands against it: ``unknown`` (there is no such type),
    ``category`` (not sold for that place), ``at_most``, ``only_with`` or ``per_companion``.
    """

    code, status = "tickets_refused", 409

    def __init__(self, problem: str, ticket: str, rule: TicketRule, **facts: Any) -> None:
        super().__init__(problem, ticket=ticket, rule=rule, **facts)
        self.ticket, self.rule = ticket, rule


class NoSeatsTogether(SeatServerError):
    """No row has so many free seats side by side, and no rows have them near each other.

    ``groups_of``, where the number can never be had there: seats are sold only so many at a time, as sofas are.
    """

    code, status = "no_seats_together", 409

    def __init__(self, count: int, groups_of: int | None = None) -> None:
        problem = "there is no free seat" if count == 1 else f"there are no {count} free seats together"
        facts = {"count": count}
        if groups_of is not None:
            problem += f": seats there go only in groups of {groups_of}"
            facts["groups_of"] = groups_of
        super().__init__(problem, **facts)


class HoldGone(SeatServerError):
    """The hold does not exist any more, or never did: expired, released, or another user's."""

    code, status = "hold_gone", 409

    def __init__(self, hold_id: str, problem: str) -> None:
        super().__init__(f"hold {hold_id}: {problem}", hold_id=hold_id)


class HoldConflict(SeatServerError):
    """The hold id was used before with other seats, or belongs to someone else."""

    code, status = "hold_conflict", 409

    def __init__(self, hold_id: str, problem: str) -> None:
        super().__init__(f"hold {hold_id}: {problem}", hold_id=hold_id)


class HoldPinned(SeatServerError):
    """The hold's booking is being written: it cannot be given back until ``until_ms``."""

    code, retryable, status = "hold_pinned", True, 409

    def __init__(self, hold_id: str, until_ms: int) -> None:
        super().__init__(f"hold {hold_id}: its booking is being written", hold_id=hold_id, until_ms=until_ms)


class BookingState(SeatServerError):
    """The booking is in a state that does not allow the step; ``status`` is what it is now."""

    code, status = "booking_state", 409

    def __init__(self, booking_id: str, now: str, wanted: str) -> None:
        super().__init__(
            f"booking {booking_id} is {now}: it cannot be {wanted}", booking_id=booking_id, booking_status=now
        )


class Unavailable(SeatServerError):
    """A dependency does not answer in time; nothing was acknowledged, try again."""

    code, retryable, status = "unavailable", True, 503

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not answer; try again shortly", dependency=what)


class OutcomeUnknown(SeatServerError):
    """The connection broke at COMMIT and the booking could not be read again yet: repeat the same request."""

    code, retryable, status = "outcome_unknown", True, 503

    def __init__(self, booking_id: str) -> None:
        super().__init__(
            f"the outcome of booking {booking_id} is not known yet; repeat the same request", booking_id=booking_id
        )


class Busy(SeatServerError):
    """Too much is going on: a bounded queue is full, or something changes faster than it can be followed."""

    code, retryable, status = "busy", True, 503

    def __init__(self, what: str, problem: str = "is full") -> None:
        super().__init__(f"{what} {problem}; try again shortly", what=what)
