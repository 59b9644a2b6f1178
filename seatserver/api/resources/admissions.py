"""Tickets at the door: the code on a ticket, its picture, and what an usher does with it.

A code is useful only to callers with scope settle or admit, and tells nobody else anything. It travels in bodies and
pictures only, never in an address that ends up in a log.
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from msgspec import Meta
from starlette.responses import Response

from seatserver import qr
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import ANY_TOKEN, Call, Resource
from seatserver.api.shared.fields import Document, Id, Millis
from seatserver.api.shared.problems import HEADERS
from seatserver.api.views import bookings, showtimes
from seatserver.api.views.bookings import BookingView, booking_view, visible_booking
from seatserver.api.views.showtimes import ShowtimeView, showtime_view
from seatserver.bookings import admissions as door
from seatserver.errors import BadTicket, BookingState, Conflict, NotFound, OutcomeUnknown


class AskAdmission(Document, frozen=True):
    """The code of a ticket and, if you ask for one showtime's door, the showtime."""

    code: Annotated[
        str,
        Meta(max_length=200, description="As scanned or typed. Upper or lower case; spaces and hyphens are ignored."),
    ]
    showtime_id: Id | None = None


class AskAdmit(Document, frozen=True):
    """The ticket to admit. Repeating the request with the same `scan_id` gives the same answer."""

    code: Annotated[str, Meta(max_length=200, description="As scanned or typed.")]
    scan_id: Annotated[UUID, Meta(description="Made by the scanner, a new one for each scan.")]
    door: Annotated[
        str, Meta(max_length=80, description="The door's name. Anybody who scans the ticket again is told this name.")
    ] = ""
    showtime_id: Annotated[Id | None, Meta(description="Admit for this showtime only.")] = None


class AskUndo(Document, frozen=True):
    """The scan that admitted somebody by mistake."""

    scan_id: UUID


class Admission(Document, frozen=True):
    """What the ticket carries for the usher. A booking's code never changes, so it may be printed again."""

    booking_id: UUID
    code: Annotated[str, Meta(pattern="^[A-Z2-7]{48}$", description="The booking's id, signed. Show it as a QR code.")]


class AdmissionCheck(Document, frozen=True):
    """Whether the ticket is good, if not why (`problem`), and its booking as it is now."""

    good: bool
    problem: Annotated[
        Annotated[str, Meta(pattern="^(pending|cancelled|expired|other_showtime|already_admitted)$")] | None,
        Meta(
            description="The status of a booking that is not confirmed, `other_showtime` if it is for another one, or "
            "`already_admitted` if somebody was let in with this ticket."
        ),
    ]
    admitted_at_ms: Annotated[int | None, Meta(description="When somebody was let in with this ticket.")]
    door: Annotated[str | None, Meta(description="At which door, as its scanner named it. May be empty.")]
    booking: BookingView
    showtime: ShowtimeView


class AdmissionRecord(Document, frozen=True):
    """A scan that let somebody in, and who undid it, if anybody did."""

    scan_id: UUID
    booking_id: UUID
    door: str
    admitted_at_ms: Millis
    admitted_by: Annotated[str, Meta(description="The user of the scanner's token.")]
    undone_at_ms: int | None
    undone_by: str | None


class AdmitAnswer(Document, frozen=True):
    """Whether to let the visitor in. Of all scans of a ticket only one is `admitted`."""

    admitted: bool
    problem: Annotated[
        Annotated[str, Meta(pattern="^(pending|cancelled|expired|other_showtime|already_admitted|undone)$")] | None,
        Meta(
            description="Why not: the status of a booking that is not confirmed, `other_showtime` if it is for another "
            "one, `already_admitted` by an earlier scan (`admission` says when and where), or `undone` if this very "
            "scan was undone."
        ),
    ]
    admission: Annotated[AdmissionRecord | None, Meta(description="This scan, or the earlier one that admitted.")]
    booking: BookingView
    showtime: ShowtimeView


CODE = "AFXRYHA6RJJEUU45BQGS6232J4I2UNSOPPH2QGS7DDBJY2TY"
SCAN_ID = UUID("0c9f4c1e-6f0b-4b52-9a3e-0d5c3f1c7a10")
SCAN = AdmissionRecord(
    scan_id=SCAN_ID,
    booking_id=story.HOLD_ID,
    door="North",
    admitted_at_ms=story.NOW_MS,
    admitted_by="scanner-2",
    undone_at_ms=None,
    undone_by=None,
)
RESOURCE = Resource(
    __name__,
    tag="bookings",
    examples=(
        Admission(booking_id=story.HOLD_ID, code=CODE),
        AskAdmission(code=CODE, showtime_id="tonight"),
        AdmissionCheck(
            good=True,
            problem=None,
            admitted_at_ms=None,
            door=None,
            booking=bookings.EXAMPLE,
            showtime=showtimes.EXAMPLE,
        ),
        AskAdmit(code=CODE, scan_id=SCAN_ID, door="North", showtime_id="tonight"),
        AdmitAnswer(admitted=True, problem=None, admission=SCAN, booking=bookings.EXAMPLE, showtime=showtimes.EXAMPLE),
        AskUndo(scan_id=SCAN_ID),
        SCAN,
    ),
)


@RESOURCE.get(
    "/bookings/{booking_id}/admission",
    scope=ANY_TOKEN,
    takes_key=True,
    refusals=(NotFound, BookingState, Conflict),
)
async def get_admission(call: Call) -> Admission:
    """Get the code on the ticket of a confirmed booking: your own, by its key, or any with scope settle."""
    booking = await visible_booking(call)
    if booking.status != "confirmed":
        raise BookingState(str(booking.id), booking.status, "admitted")
    return Admission(booking_id=booking.id, code=call.services.admission_codes.write(booking.id))


@RESOURCE.get(
    "/bookings/{booking_id}/admission.svg",
    scope=ANY_TOKEN,
    takes_key=True,
    answer=str,
    media_type="image/svg+xml",
    refusals=(NotFound, BookingState, Conflict),
)
async def draw_admission(call: Call) -> Response:
    """Get the same code as a QR code, black on white."""
    admission = await get_admission(call)
    drawn = await asyncio.to_thread(qr.drawn, admission.code)
    return Response(drawn, headers=HEADERS, media_type="image/svg+xml")


@RESOURCE.post("/admissions/check", scope=ANY_TOKEN, refusals=(BadTicket,))
async def check_admission(call: Call, body: AskAdmission) -> AdmissionCheck:
    """Check a ticket (scope settle or admit): whether it is good, for which showtime and seats. Changes nothing."""
    if not call.identity.may("settle"):
        call.identity.require("admit", "checking a ticket")
    booking_id = call.services.admission_codes.read(body.code)
    try:
        booking = await call.services.checkout.get(booking_id)
    except NotFound:
        raise BadTicket from None  # signed here, but its booking is not in this database
    problem: str | None = None if booking.status == "confirmed" else booking.status
    if problem is None and body.showtime_id not in (None, booking.showtime_id):
        problem = "other_showtime"
    standing = await call.services.admissions.standing(booking_id)
    if problem is None and standing is not None:
        problem = "already_admitted"
    return AdmissionCheck(
        good=problem is None,
        problem=problem,
        admitted_at_ms=None if standing is None else standing.admitted_at_ms,
        door=None if standing is None else standing.door,
        booking=await booking_view(call, booking, link=False),
        showtime=showtime_view(await call.services.catalog.showtime(booking.showtime_id)),
    )


@RESOURCE.post("/admissions/admit", scope="admit", refusals=(BadTicket, Conflict, OutcomeUnknown))
async def admit(call: Call, body: AskAdmit) -> AdmitAnswer:
    """Admit the visitor with this ticket. A ticket admits once, however many doors scan it."""
    scan = door.Scan(
        scan_id=body.scan_id,
        booking_id=call.services.admission_codes.read(body.code),
        door=body.door,
        showtime_id=body.showtime_id,
    )
    try:
        outcome = await call.services.admissions.admit(scan, call.identity.user_id)
    except NotFound:
        raise BadTicket from None  # signed here, but its booking is not in this database
    return AdmitAnswer(
        admitted=outcome.problem is None,
        problem=outcome.problem,
        admission=None if outcome.admission is None else _record(outcome.admission),
        booking=await booking_view(call, outcome.booking, link=False),
        showtime=showtime_view(await call.services.catalog.showtime(outcome.booking.showtime_id)),
    )


@RESOURCE.post("/admissions/undo", scope="admit", refusals=(NotFound, OutcomeUnknown))
async def undo_admission(call: Call, body: AskUndo) -> AdmissionRecord:
    """Undo a scan, so that the ticket admits once more. Who did that is recorded."""
    return _record(await call.services.admissions.undo(body.scan_id, call.identity.user_id))


def _record(admission: door.Admission) -> AdmissionRecord:
    return AdmissionRecord(
        scan_id=admission.scan_id,
        booking_id=admission.booking_id,
        door=admission.door,
        admitted_at_ms=admission.admitted_at_ms,
        admitted_by=admission.admitted_by,
        undone_at_ms=admission.undone_at_ms,
        undone_by=admission.undone_by,
    )
