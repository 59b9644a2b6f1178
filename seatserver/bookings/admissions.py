"""Letting people in: each ticket once, whichever door scans it.

A booking is admitted by a *scan*. The scanner makes the scan's id before it asks. Postgres decides: the booking's row
is locked while its status is checked, and a partial unique index allows a booking one admission that is not undone.
If two doors scan the same code at once, one lets the guest in and the other is told when and where that was. A scanner
that lost its answer repeats the request with the same scan id and gets the same answer. Staff may undo a scan. The row
stays, with who undid it and when, and another scan may admit the booking again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.bookings.records import Booking, booking_of
from seatserver.bookings.tables import admissions, bookings
from seatserver.database import CommitUnknown, Database
from seatserver.errors import Conflict, NotFound, OutcomeUnknown, Unavailable
from seatserver.times import millis_of

log = structlog.get_logger(__name__)

TRIES = 3

Problem = Literal["pending", "cancelled", "expired", "other_showtime", "already_admitted", "undone"]
"""Why a scan lets nobody in: the booking's status, another showtime, an earlier scan, or this scan was undone."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A scanner's request: its own id for this scan, the booking, and the door's name (may be empty).

    ``showtime_id`` is set if the door belongs to one showtime.
    """

    scan_id: UUID
    booking_id: UUID
    door: str = ""
    showtime_id: str | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A scan that let people in; times in ms since the epoch. ``undone_by`` and ``undone_at_ms`` are set together."""

    scan_id: UUID
    booking_id: UUID
    door: str
    admitted_by: str
    admitted_at_ms: int
    undone_by: str | None = None
    undone_at_ms: int | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a scan. ``admission`` is this scan's own, or with ``already_admitted`` the earlier one."""

    booking: Booking
    problem: Problem | None
    admission: Admission | None


class Admissions:
    """Admits bookings, and undoes admissions. Repeating a step gives the same answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, scan: Scan, user_id: str) -> Outcome:
        """Admit the booking, unless it has been admitted before.

        Raises `NotFound` if there is no such booking, `Conflict` if the scan's id was used for another one,
        `OutcomeUnknown` (repeat the same scan), and `Unavailable`.
        """
        unknown = False
        for _ in range(TRIES):
            try:
                async with self._database.transaction() as connection:
                    return await self._admit(connection, scan, user_id)
            except CommitUnknown:
                unknown = True
            except Unavailable:
                if not unknown:
                    raise
        raise OutcomeUnknown(str(scan.booking_id))

    async def undo(self, scan_id: UUID, user_id: str) -> Admission:
        """Undo a scan, so that another scan may admit its booking. Raises `NotFound`, `OutcomeUnknown`."""
        for _ in range(TRIES):
            with suppress(CommitUnknown):
                async with self._database.transaction() as connection:
                    return await self._undo(connection, scan_id, user_id)
        raise OutcomeUnknown(str(scan_id))

    async def standing(self, booking_id: UUID) -> Admission | None:
        """The booking's admission that is not undone, if there is one."""
        async with self._database.reading() as connection:
            return await _standing(connection, booking_id)

    async def _undo(self, connection: AsyncConnection, scan_id: UUID, user_id: str) -> Admission:
        # Lock the booking first, as `_admit` does, so that a scan comes either before or after its undoing.
        of_scan = sa.select(admissions.c.booking_id).where(admissions.c.scan_id == scan_id).scalar_subquery()
        await connection.execute(sa.select(bookings.c.id).where(bookings.c.id == of_scan).with_for_update())
        undone = (
            sa.update(admissions)
            .where(admissions.c.scan_id == scan_id, admissions.c.undone_at.is_(None))
            .values(undone_at=sa.func.now(), undone_by=user_id)
            .returning(admissions.c.booking_id)
        )
        changed = (await connection.execute(undone)).one_or_none()
        admission = await _scanned(connection, scan_id)
        if admission is None:
            raise NotFound("admission", str(scan_id))
        if changed is not None:
            booking, door = str(admission.booking_id), admission.door
            log.info("admission undone", booking=booking, scan=str(scan_id), door=door, by=user_id)
        return admission

    async def _admit(self, connection: AsyncConnection, scan: Scan, user_id: str) -> Outcome:
        # Locked: a booking that is being cancelled is admitted before the cancellation or not at all.
        found = sa.select(bookings).where(bookings.c.id == scan.booking_id).with_for_update()
        row = (await connection.execute(found)).one_or_none()
        if row is None:
            raise NotFound("booking", str(scan.booking_id))
        booking = booking_of(row)
        before = await _scanned(connection, scan.scan_id)
        if before is not None:
            if before.booking_id != scan.booking_id:
                raise Conflict(f"scan {scan.scan_id} was used for another ticket: give each scan its own id")
            problem: Problem | None = "undone" if before.undone_at_ms is not None else None
            return Outcome(booking=booking, problem=problem, admission=before)
        if booking.status != "confirmed":
            return Outcome(booking=booking, problem=cast(Problem, booking.status), admission=None)
        if scan.showtime_id not in (None, booking.showtime_id):
            return Outcome(booking=booking, problem="other_showtime", admission=None)
        written = (
            insert(admissions)
            .values(scan_id=scan.scan_id, booking_id=booking.id, door=scan.door, admitted_by=user_id)
            .on_conflict_do_nothing()
            .returning(*admissions.c)
        )
        admitted = (await connection.execute(written)).one_or_none()
        if admitted is not None:
            return Outcome(booking=booking, problem=None, admission=_admission_of(admitted))
        standing = await _standing(connection, booking.id)
        if standing is None:  # another booking used the same scan id at the same moment
            raise Conflict(f"scan {scan.scan_id} was used for another ticket: give each scan its own id")
        return Outcome(booking=booking, problem="already_admitted", admission=standing)


async def is_admitted(connection: AsyncConnection, booking_id: UUID) -> bool:
    """Whether the booking has been admitted. Call it with the booking's row locked."""
    return await _standing(connection, booking_id) is not None


async def _scanned(connection: AsyncConnection, scan_id: UUID) -> Admission | None:
    row = (await connection.execute(sa.select(admissions).where(admissions.c.scan_id == scan_id))).one_or_none()
    return None if row is None else _admission_of(row)


async def _standing(connection: AsyncConnection, booking_id: UUID) -> Admission | None:
    query = sa.select(admissions).where(admissions.c.booking_id == booking_id, admissions.c.undone_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _admission_of(row)


def _admission_of(row: sa.Row[Any]) -> Admission:
    return Admission(
        scan_id=row.scan_id,
        booking_id=row.booking_id,
        door=row.door,
        admitted_by=row.admitted_by,
        admitted_at_ms=millis_of(row.admitted_at),
        undone_by=row.undone_by,
        undone_at_ms=None if row.undone_at is None else millis_of(row.undone_at),
    )
