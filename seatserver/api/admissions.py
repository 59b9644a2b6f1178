"""Handlers of tickets at the door: the code that a ticket carries, its picture, and what an usher does with it.

A code is a key to whoever asks with scope settle or admit, and tells nobody else anything; so it travels in bodies and
pictures only, never in an address that a log would keep.
"""

from __future__ import annotations

import asyncio
import io

from starlette.responses import Response

from seatserver.api import schemas
from seatserver.api.bookings import booking_view, visible_booking
from seatserver.api.offer import showtime_view
from seatserver.api.shared.endpoint import Call
from seatserver.api.shared.problems import HEADERS
from seatserver.bookings.admissions import Admission, Scan
from seatserver.errors import BadTicket, BookingState, NotFound

QUIET_MODULES = 4  # ISO/IEC 18004, section 6.3.8: a scanner needs so much white around the code


async def get_admission(call: Call) -> schemas.Admission:
    """The code on the ticket."""
    booking = await visible_booking(call)
    if booking.status != "confirmed":
        raise BookingState(str(booking.id), booking.status, "admitted")
    return schemas.Admission(booking_id=booking.id, code=call.needs.admission_codes.write(booking.id))


async def draw_admission(call: Call) -> Response:
    """The code as a picture. Always black on white: scanners do not read it the other way round."""
    admission = await get_admission(call)
    drawn = await asyncio.to_thread(_qr_code, admission.code)
    return Response(drawn, headers=HEADERS, media_type="image/svg+xml")


async def check_admission(call: Call) -> schemas.AdmissionCheck:
    """What an usher learns of a code."""
    body: schemas.AskAdmission = call.body
    if not call.identity.may("settle"):
        call.identity.require("admit", "checking a ticket")
    booking_id = call.needs.admission_codes.read(body.code)
    try:
        booking = await call.needs.checkout.get(booking_id)
    except NotFound:
        raise BadTicket from None  # signed here, but for other data
    problem: str | None = None if booking.status == "confirmed" else booking.status
    if problem is None and body.showtime_id not in (None, booking.showtime_id):
        problem = "other_showtime"
    standing = await call.needs.admissions.standing(booking_id)
    if problem is None and standing is not None:
        problem = "already_admitted"
    return schemas.AdmissionCheck(
        good=problem is None,
        problem=problem,
        admitted_at_ms=None if standing is None else standing.admitted_at_ms,
        door=None if standing is None else standing.door,
        booking=await booking_view(call, booking, link=False),
        showtime=showtime_view(await call.needs.catalog.showtime(booking.showtime_id)),
    )


async def admit(call: Call) -> schemas.AdmitAnswer:
    """Let in whoever brings this ticket, once."""
    body: schemas.AskAdmit = call.body
    scan = Scan(
        scan_id=body.scan_id,
        booking_id=call.needs.admission_codes.read(body.code),
        door=body.door,
        showtime_id=body.showtime_id,
    )
    try:
        outcome = await call.needs.admissions.admit(scan, call.identity.user_id)
    except NotFound:
        raise BadTicket from None  # signed here, but for other data
    return schemas.AdmitAnswer(
        admitted=outcome.problem is None,
        problem=outcome.problem,
        admission=None if outcome.admission is None else _record(outcome.admission),
        booking=await booking_view(call, outcome.booking, link=False),
        showtime=showtime_view(await call.needs.catalog.showtime(outcome.booking.showtime_id)),
    )


async def undo_admission(call: Call) -> schemas.AdmissionRecord:
    """Take back a scan."""
    body: schemas.AskUndo = call.body
    return _record(await call.needs.admissions.undo(body.scan_id, call.identity.user_id))


def _record(admission: Admission) -> schemas.AdmissionRecord:
    return schemas.AdmissionRecord(
        scan_id=admission.scan_id,
        booking_id=admission.booking_id,
        door=admission.door,
        admitted_at_ms=admission.admitted_at_ms,
        admitted_by=admission.admitted_by,
        undone_at_ms=admission.undone_at_ms,
        undone_by=admission.undone_by,
    )


def _qr_code(code: str) -> bytes:
    import segno  # only whoever asks for a ticket pays for it

    drawn = io.BytesIO()
    # Level M, or better where it costs no bigger picture: a folded ticket may lose 15 % of its code.
    picture = segno.make(code, error="m", micro=False)
    picture.save(drawn, kind="svg", border=QUIET_MODULES, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return drawn.getvalue()
