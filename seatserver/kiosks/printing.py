"""Printing tickets at kiosks: of what was paid there, or is shown to it, and what is on the paper."""

from __future__ import annotations

from uuid import UUID

import msgspec

from seatserver.access.admission import AdmissionCodes
from seatserver.bookings.records import Records
from seatserver.catalog.catalog import Catalog
from seatserver.config import Settings
from seatserver.errors import Conflict, NotFound
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.print_jobs import Job, JobStatus, PrintJobs
from seatserver.kiosks.receipts import Language, Receipt, picture, receipt_of


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and the paper as a picture where the printer is simulated."""

    job: Job
    picture: str | None


class Printing:
    """The tickets of all kiosks, on paper."""

    def __init__(
        self, settings: Settings, jobs: PrintJobs, records: Records, catalog: Catalog, codes: AdmissionCodes
    ) -> None:
        self._kind = settings.kiosk_printer
        self._jobs = jobs
        self._records = records
        self._catalog = catalog
        self._codes = codes

    async def ask(self, kiosk: Kiosk, booking_id: UUID, copy: int, language: Language, *, again: bool) -> Printed:
        """Print a copy of a booking's ticket at this kiosk. Repeating it prints no other.

        Whoever is there may have it, as was checked before: they paid for it, or have its code. ``again`` prints it
        after all if that has failed. Raises `Conflict` where there is no printer, and what `PrintJobs.ask` raises.
        """
        if self._kind == "none":
            raise Conflict("kiosks have no printer: set SEATSERVER_KIOSK_PRINTER")
        begins: JobStatus = "printed" if self._kind == "simulated" else "asked"
        job = await self._jobs.ask(kiosk.id, booking_id, copy, language, begins, again=again)
        return Printed(job=job, picture=picture(await self.read(job)) if self._kind == "simulated" else None)

    async def next_copy(self, kiosk: Kiosk, booking_id: UUID) -> int | None:
        """Which copy to ask for at this kiosk, or None if there are as many as there may be."""
        return await self._jobs.next_copy(kiosk.id, booking_id)

    async def read(self, job: Job) -> Receipt:
        """What is on the paper. Raises `NotFound` for a booking that is no longer confirmed."""
        booking = await self._records.find(job.booking_id)
        if booking is None or booking.status != "confirmed":
            raise NotFound("confirmed booking", str(job.booking_id))
        showtime = await self._catalog.showtime(booking.showtime_id)
        theatres = await self._catalog.theatres()
        timezone = next(one.timezone for one, _ in theatres if one.id == showtime.theatre_id)
        return receipt_of(booking, showtime, timezone, self._codes.write(booking.id), job.copy, job.language)
