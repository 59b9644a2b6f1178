"""Tickets that were bought elsewhere and are shown to a kiosk: which of them it may print.

What is shown is the code for the entrance (`seatserver.access.admission`): the booking's id and this server's
signature. Whoever has it could walk in with it, so they may have it on paper. Nothing that is easier to come by does:
neither the booking's id nor its number for people.

| the booking                                   | the answer                          |
| --------------------------------------------- | ----------------------------------- |
| of this kiosk's theatre, paid, not over       | its ticket                          |
| cancelled, expired or not paid                | `BookingState`, with its status     |
| of another theatre                            | `TicketRefused`, ``elsewhere``      |
| of a film that began `OVER_AFTER` ago         | `TicketRefused`, ``over``           |
| none that this server knows                   | `BadTicket`; too many: `TooMany`    |
"""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from seatserver.access.admission import AdmissionCodes
from seatserver.access.shares import MINUTE_S, Bucket
from seatserver.bookings.records import Booking, Records
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Showtime
from seatserver.config import Clock
from seatserver.errors import BadTicket, BookingState, Conflict, TicketRefused, TooMany
from seatserver.kiosks.kiosk import Kiosk

WRONG_PER_MIN = 20
"""Most codes of no ticket that one kiosk may show a minute, at each process. People misread theirs now and then; nobody
tries twenty."""
OVER_AFTER = timedelta(hours=4)
"""How long after its beginning a showtime is over: few last longer, and nobody is let in after that."""


class ShownTickets:
    """What kiosks are shown. Every method raises `Unavailable` if Postgres does not answer."""

    def __init__(self, codes: AdmissionCodes, records: Records, catalog: Catalog, clock: Clock) -> None:
        self._codes = codes
        self._records = records
        self._catalog = catalog
        self._clock = clock
        self._wrong: dict[UUID, Bucket] = {}

    async def read(self, kiosk: Kiosk, code: str) -> tuple[Booking, Showtime]:
        """The booking of a code that is shown to this kiosk.

        Raises `Conflict` while the kiosk is locked, `TooMany` after too many wrong codes, and what the table says.
        """
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        booking = await self._booking(kiosk, code)
        showtime = await self._catalog.showtime(booking.showtime_id)
        if showtime.theatre_id != kiosk.theatre_id:
            raise TicketRefused("elsewhere")
        if booking.status != "confirmed":
            raise BookingState(str(booking.id), booking.status, "printed")
        if showtime.starts_at_ms + OVER_AFTER / timedelta(milliseconds=1) <= self._clock():
            raise TicketRefused("over")
        return booking, showtime

    async def _booking(self, kiosk: Kiosk, code: str) -> Booking:
        wrong = self._wrong.setdefault(kiosk.id, Bucket(WRONG_PER_MIN / MINUTE_S, WRONG_PER_MIN))
        if wait_s := wrong.wait_s(time.monotonic()):
            raise TooMany("codes of no ticket", wait_s)
        try:
            booking = await self._records.find(self._codes.read(code))
        except BadTicket:
            booking = None
        if booking is None:  # or signed here, but not in this database
            wrong.take(time.monotonic())
            raise BadTicket
        return booking
