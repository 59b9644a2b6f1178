"""All errors that a user may see, one class each.

A class has a stable ``code``, says whether trying again can help (``retryable``), and has an HTTP status. The facts of
an instance are data for programs, and its message is built from them. Lower layers raise these errors. REST, the socket
and the command line each show them in one place, and never parse a message. Any other exception is a bug, shown to the
user as `internal` without its text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

Refusal = Literal[
    "held", "sold", "blocked", "allocated", "full", "cooling", "limit", "group", "companion", "wheelchair", "gap"
]
"""Why a seat is refused. The first four are seat states; ``allocated``: it is kept for another sales channel. ``full``:
an area has too few places left. ``cooling``: the same person held it for too long (`seatserver.seats.holders`).
``limit``: the user would hold too many. The others are the rules of the showtime (`seatmaps.rules`)."""
TicketRule = Literal["unknown", "category", "at_most", "only_with", "per_companion"]


class SeatServerError(Exception):
    """The base of all errors: code, retryable, status and facts."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class ConfigError(SeatServerError):
    """A setting is wrong. The process does not start and prints one line."""

    code, status = "config", 500

    def __init__(self, variable: str, found: str, expected: str) -> None:
        super().__init__(f"{variable} {found}: {expected}", variable=variable)


class StartError(SeatServerError):
    """Something that the process needs cannot be started or reached. The text is one line that says how to fix it."""

    code = "start"


class NotThereYet(StartError):
    """A server that the process needs does not answer yet. It may come up, so a starting process waits for it."""


class BadSeatMap(SeatServerError):
    """A seat map is wrong. ``place`` says where in its file, as a path such as ``Areas[2].Rows[4]``."""

    code, status = "bad_seat_map", 422

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem, place=place)
        self.place = place
        self.problem = problem


class BadRequest(SeatServerError):
    """The request does not have the documented form. ``where`` names the field."""

    code, status = "bad_request", 400

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message, where=where)


class TooLarge(SeatServerError):
    """A message or a body is larger than its limit."""

    code, status = "too_large", 413

    def __init__(self, what: str, limit_bytes: int) -> None:
        super().__init__(f"{what} is larger than {limit_bytes} bytes", limit_bytes=limit_bytes)


class HeadTooLarge(SeatServerError):
    """The head of a request, its address and header fields, is larger than its limits."""

    code, status = "head_too_large", 431

    def __init__(self, limit_bytes: int, limit_fields: int) -> None:
        super().__init__(
            f"the head of a request may have {limit_bytes} bytes and {limit_fields} fields",
            limit_bytes=limit_bytes,
            limit_fields=limit_fields,
        )


class WrongHost(SeatServerError):
    """The request was sent to a name that is not this server's."""

    code, status = "wrong_host", 421

    def __init__(self, host: str) -> None:
        super().__init__(f"this server is not {host[:200]!r}", settings=["SEATSERVER_PUBLIC_URL", "SEATSERVER_HOSTS"])


class TooMany(SeatServerError):
    """A user or a network takes more than its share of the server. ``retry_after_ms`` says when to try again."""

    code, retryable, status = "too_many", True, 429

    def __init__(self, what: str, retry_after_s: float) -> None:
        retry_after_ms = max(1, math.ceil(retry_after_s * 1000))
        super().__init__(
            f"too many {what} from you or from your network; try again in {math.ceil(retry_after_ms / 1000)} s",
            what=what,
            retry_after_ms=retry_after_ms,
        )


class ProofRequired(SeatServerError):
    """Very many want to be guests: solve ``challenge`` and send it back, or come later (``retry_after_ms``)."""

    code, retryable, status = "proof_required", True, 428

    def __init__(self, challenge: Mapping[str, object], retry_after_s: float) -> None:
        super().__init__(
            "very many come at once: solve the challenge for a guest's token, or try again later",
            challenge=challenge,
            retry_after_ms=math.ceil(retry_after_s * 1000),
        )


class NotFound(SeatServerError):
    """There is no such showtime, layout, booking and so on. ``kind`` says which."""

    code, status = "not_found", 404

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"there is no {kind} {identifier!r}", kind=kind, id=identifier)


class Conflict(SeatServerError):
    """The request contradicts what is stored, such as another layout for a showtime that has bookings."""

    code, status = "conflict", 409


class BadTicket(SeatServerError):
    """This server did not issue the code: it was misread or forged, or another server issued it."""

    code, status = "bad_ticket", 422

    def __init__(self) -> None:
        super().__init__("this code was not issued by this server; scan the ticket again")


class OriginRefused(SeatServerError):
    """The request comes from a web page whose origin may not use this server.

    Visitors of the page may read the message. The settings that allow an origin are a fact, for the page's developer.
    """

    code, status = "origin_refused", 403

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"pages of {origin[:200]} may not use this server",
            origin=origin[:200],
            settings=["SEATSERVER_ALLOWED_ORIGINS", "SEATSERVER_PUBLIC_URL"],
        )


class NotOurPage(OriginRefused):
    """Only our own pages may ask this, and the request does not come from one: a cookie may be used by mistake."""

    def __init__(self, origin: str | None) -> None:
        super().__init__(origin or "no origin")
        self.message = f"only this server's own pages may ask this, and {origin or 'a program'} is none"[:250]
        self.facts["settings"] = ["SEATSERVER_PUBLIC_URL"]


class UnknownSeat(SeatServerError):
    """The layout has no seat with this index."""

    code, status = "unknown_seat", 422

    def __init__(self, seats: list[int], seat_count: int) -> None:
        there = f"seats 0 to {seat_count - 1}" if seat_count else "no numbered seats"
        super().__init__(f"no such seat: {seats}; this layout has {there}", seats=seats)


class Unauthorized(SeatServerError):
    """There is no token, or it is not valid."""

    code, status = "unauthorized", 401

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class Revoked(Unauthorized):
    """The token or key was revoked, or everything that its user had."""

    code = "revoked"

    def __init__(self) -> None:
        super().__init__("this token or key was revoked; it will not be accepted again")


class SignInRefused(SeatServerError):
    """E-mail and password do not match, or a passkey is unknown. It does not say whether the user exists."""

    code, status = "sign_in_refused", 401

    def __init__(self, problem: str = "e-mail and password do not match") -> None:
        super().__init__(problem)


class OpenIdRefused(SeatServerError):
    """Nobody is signed in by the OpenID provider's answer. ``reason`` says why.

    ``again``: the answer was late, used or not for this browser. ``email``: the provider confirms no e-mail of this
    person. ``unknown``: nobody here has that e-mail.
    """

    code, status = "openid_refused", 401

    def __init__(self, reason: Literal["again", "email", "unknown"]) -> None:
        super().__init__(f"{OPENID_REFUSALS[reason]}; or sign in in another way", reason=reason)


OPENID_REFUSALS = {
    "again": "the provider's answer is not valid, not for this browser, or not any more: begin again",
    "email": "the provider does not confirm an e-mail of this person: confirm it there",
    "unknown": "nobody here has the e-mail that the provider confirms: ask an administrator",
}


class ProviderAway(SeatServerError):
    """The OpenID provider does not answer, or not as it should. Other ways to sign in work."""

    code, retryable, status = "provider_away", True, 503

    def __init__(self) -> None:
        super().__init__("the OpenID provider does not answer as it should; sign in in another way, or try again later")


class AccountDisabled(SeatServerError):
    """The user has proved who they are, but an administrator has disabled their account."""

    code, status = "account_disabled", 403

    def __init__(self) -> None:
        super().__init__("this account was disabled; an administrator can enable it again")


class SessionEnded(SeatServerError):
    """The session of a signed-in user is over: it expired, was ended, or never existed."""

    code, status = "session_ended", 401

    def __init__(self) -> None:
        super().__init__("you are no longer signed in: sign in again")


class Forbidden(SeatServerError):
    """The token is valid, but does not have the scope that this needs."""

    code, status = "forbidden", 403

    def __init__(self, scope: str, action: str) -> None:
        super().__init__(f"{action} needs the scope {scope!r}", scope=scope)


class NotWithKey(Forbidden):
    """An API key may not do this, whatever its scopes: it needs a token."""

    def __init__(self, action: str) -> None:
        super().__init__("admin", action)
        self.message = f"{action} needs a token with the scope 'admin', not a key"


class NotOnSale(SeatServerError):
    """The showtime's sale has not begun, or has ended. Times are in milliseconds since the epoch."""

    code, status = "not_on_sale", 409

    def __init__(self, problem: str, on_sale_at_ms: int, sale_ends_at_ms: int) -> None:
        super().__init__(problem, on_sale_at_ms=on_sale_at_ms, sale_ends_at_ms=sale_ends_at_ms)


class SeatsRefused(SeatServerError):
    """Some seats cannot be held or booked. Each of them is named with its reason.

    ``reasons`` maps the index of each refused seat to its reason. If a rule refuses, ``stranded`` are the seats that
    would be left over alone, and ``fix`` is the nearest choice that the rule allows, empty if there is none. ``areas``
    maps the key of each refused general area to the reason and to how many of its places are left. ``labels`` maps
    seats to the names that people use, for texts that people read. ``retry_at_ms`` maps each seat that is ``cooling``
    to the time when the same person may take it again (ms since the epoch), unless somebody else does.
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
        in_order = sorted(reasons.items())
        named = [f"{labels.get(seat, seat)} {reason}" for seat, reason in in_order]
        named += [f"{key} {reason} ({left} left)" for key, (reason, left) in self.areas.items()]
        facts: dict[str, Any] = {"seats": [[seat, reason] for seat, reason in in_order]}
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
    """These tickets are not sold, or not together. The text names the ticket and says what to change.

    ``ticket`` is the key of the ticket type. ``rule`` is what it breaks: ``unknown`` (there is no such type),
    ``category`` (not sold for that place), ``at_most``, ``only_with`` or ``per_companion``.
    """

    code, status = "tickets_refused", 409

    def __init__(self, problem: str, ticket: str, rule: TicketRule, **facts: Any) -> None:
        super().__init__(problem, ticket=ticket, rule=rule, **facts)
        self.ticket, self.rule = ticket, rule


class NoSeatsTogether(SeatServerError):
    """There are not that many free seats side by side, nor in rows near each other.

    ``groups_of`` is set if no such number is ever sold there, because seats are sold only in groups, such as sofas.
    """

    code, status = "no_seats_together", 409

    def __init__(self, count: int, groups_of: int | None = None) -> None:
        problem = "there is no free seat" if count == 1 else f"there are no {count} free seats together"
        facts = {"count": count}
        if groups_of is not None:
            problem += f": seats there are sold only in groups of {groups_of}"
            facts["groups_of"] = groups_of
        super().__init__(problem, **facts)


class HoldGone(SeatServerError):
    """The user does not have this hold, or no longer has it. The message says why.

    It never existed, or belongs to somebody else; or it has ended: it expired or was released, became a booking, was
    replaced by another hold, or lost its seats to a booking or to the house.
    """

    code, status = "hold_gone", 409

    def __init__(self, hold_id: str, problem: str) -> None:
        super().__init__(f"hold {hold_id}: {problem}", hold_id=hold_id)


class HoldConflict(SeatServerError):
    """The id of the hold was used before, with other seats or by another user."""

    code, status = "hold_conflict", 409

    def __init__(self, hold_id: str, problem: str) -> None:
        super().__init__(f"hold {hold_id}: {problem}", hold_id=hold_id)


class HoldPinned(SeatServerError):
    """The hold is being booked, so it cannot be released before ``until_ms``."""

    code, retryable, status = "hold_pinned", True, 409

    def __init__(self, hold_id: str, until_ms: int) -> None:
        super().__init__(f"hold {hold_id}: its booking is being written", hold_id=hold_id, until_ms=until_ms)


class HandOffRefused(SeatServerError):
    """A kiosk's seats cannot be taken over with this code. The fact ``reason`` says why.

    ``over``: the code is too old, or none of this server's. ``taken``: another phone was faster. ``paying``: they are
    being paid for at the kiosk, or have been. ``ended``: they are not held any more. ``limit``: together with what the
    user holds already they would be too many.
    """

    code, status = "handoff_refused", 409

    def __init__(self, reason: HandOffReason) -> None:
        super().__init__(f"the seats cannot be taken over: {_NO_HAND_OFF[reason]}", reason=reason)


HandOffReason = Literal["over", "taken", "paying", "ended", "limit"]
_NO_HAND_OFF: dict[HandOffReason, str] = {
    "over": "the code is too old; have the kiosk show a new one",
    "taken": "another phone has them",
    "paying": "they are being paid for at the kiosk",
    "ended": "they are not held any more",
    "limit": "you would hold too many; release others first",
}


class TicketRefused(SeatServerError):
    """A ticket that is shown to a kiosk is good, but not to be printed there. The fact ``reason`` says why.

    ``elsewhere``: it is for another theatre. ``over``: its showtime is over.
    """

    code, status = "ticket_refused", 409

    def __init__(self, reason: Literal["elsewhere", "over"]) -> None:
        why = {"elsewhere": "it is for another theatre", "over": "its showtime is over"}[reason]
        super().__init__(f"this ticket is not printed here: {why}", reason=reason)


class BookingState(SeatServerError):
    """The booking's status does not allow this. The fact ``booking_status`` is its status now."""

    code, status = "booking_state", 409

    def __init__(self, booking_id: str, now: str, wanted: str) -> None:
        super().__init__(
            f"booking {booking_id} is {now}: it cannot be {wanted}", booking_id=booking_id, booking_status=now
        )


class Unavailable(SeatServerError):
    """Postgres or Redis did not answer in time. Nothing was acknowledged; try again."""

    code, retryable, status = "unavailable", True, 503

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not answer; try again shortly", dependency=what)


class OutcomeUnknown(SeatServerError):
    """It is not known whether a booking was made, confirmed or cancelled. Repeat the request to learn that.

    The answer to the COMMIT was lost, or nothing was certain within `SEATSERVER_ANSWER_MS`.
    """

    code, retryable, status = "outcome_unknown", True, 503

    def __init__(self, booking_id: str) -> None:
        super().__init__(
            f"it is not known yet whether booking {booking_id} was written; repeat the same request",
            booking_id=booking_id,
        )


class Busy(SeatServerError):
    """The server has too much to do: a queue is full, or something changes too fast to follow. Try again."""

    code, retryable, status = "busy", True, 503

    def __init__(self, what: str, problem: str = "is full") -> None:
        super().__init__(f"{what} {problem}; try again shortly", what=what)
