"""From a hold to a booking, and from there to its end.

A checkout pins the hold in Redis, writes one Postgres transaction, and only then acknowledges the booking; the relay
brings the result to every viewer. The booking's id is the hold's id, so a request that is repeated after a lost reply
or a crash meets the same row and gets the same answer. The transaction is shielded: a client that disconnects neither
cancels it nor leaves it half done. After an error at COMMIT nobody knows the outcome. The step is then done again: the
database makes the second run wait for the first, and it sees the result.

A booking is written in one step (paid at once) or as a pending claim that a payment confirms before its deadline.
`reap` ends the claims that nobody paid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.bookings.admissions import is_admitted
from seatserver.bookings.allocations import kept_against
from seatserver.bookings.records import STATE_OF_STATUS, Booking, Records, booking_of
from seatserver.bookings.seat_changes import Relay, append_changes
from seatserver.bookings.tables import booked_seats, bookings
from seatserver.catalog.catalog import Catalog, Showtime
from seatserver.config import Clock, Settings
from seatserver.database import CommitUnknown, Database
from seatserver.errors import (
    BookingState,
    HoldConflict,
    HoldGone,
    NotFound,
    OutcomeUnknown,
    SeatsRefused,
    Unavailable,
)
from seatserver.holding.deadlines import latest_deadline_ms
from seatserver.holding.terms import placed, terms_of
from seatserver.metrics import Metrics
from seatserver.seats.model import NO_END_MS, HeldSeats
from seatserver.seats.states import BookingStatus, SeatState
from seatserver.seats.store import SeatStore
from seatserver.times import moment_of

log = structlog.get_logger(__name__)

COMMIT_TRIES = 3
REAP_AT_ONCE = 200


class Checkout:
    """Writes bookings. Repeating a public step gives the same answer."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        catalog: Catalog,
        store: SeatStore,
        records: Records,
        relay: Relay,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._catalog = catalog
        self._store = store
        self._records = records
        self._relay = relay
        self._metrics = metrics
        self._clock = clock
        self._writing: set[asyncio.Task[Booking]] = set()

    async def book(self, showtime_id: str, hold_id: UUID, user_id: str, *, pay_later: bool) -> Booking:
        """Turn a hold into a booking: confirmed, or with ``pay_later`` pending until it is paid.

        A hold made before the end of the sale may be booked until its own deadline.

        Raises `HoldGone` if the hold is not this user's (any more) and no booking of the user has its id,
        `SeatsRefused` if Postgres knows another owner, `OutcomeUnknown`, and `Unavailable`.
        """
        showtime = await self._catalog.showtime(showtime_id)
        pinned_at = asyncio.get_running_loop().time()
        try:
            held = await self._pin(showtime, hold_id, user_id)
        except HoldGone:
            known = await self._records.find(hold_id)
            if known is None:
                raise
            return _same_request(known, showtime_id, user_id, pay_later)
        request = _BookingRequest(showtime, held, user_id, pay_later, pinned_at)
        return await self._write(hold_id, lambda: self._write_booking(request))

    async def get(self, booking_id: UUID) -> Booking:
        """The booking as it is now. Raises `NotFound`."""
        return await self._records.get(booking_id)

    async def confirm(self, booking_id: UUID) -> Booking:
        """Mark a pending booking as paid. Raises `NotFound`, and `BookingState` if it was cancelled or has expired.

        After its deadline the booking counts as expired, whether or not the reaper has ended it yet.
        """
        return await self._write(booking_id, lambda: self._move(booking_id, "confirmed", ("pending",)))

    async def cancel(self, booking_id: UUID, *, only_pending: bool = False) -> Booking:
        """End a pending or confirmed booking and free its seats. A booking that has ended already is returned as it is.

        With ``only_pending``, a booking that has been paid meanwhile raises `BookingState`.
        """
        allowed = ("pending",) if only_pending else ("pending", "confirmed")
        return await self._write(booking_id, lambda: self._move(booking_id, "cancelled", allowed))

    async def reap(self) -> int:
        """End pending bookings past their deadline, and return how many. Several instances may do so at once."""
        for reaped in range(REAP_AT_ONCE):
            try:
                booking = await self._reap_one()
            except CommitUnknown:
                # Either it is done and the relay finds it, or the next run does it.
                log.warning("outcome of COMMIT unknown, trying again at the next run")
                return reaped
            if booking is None:
                return reaped
            self._moved(booking)
            self._relay.notify(booking.showtime_id)
        return REAP_AT_ONCE

    async def _reap_one(self) -> Booking | None:
        async with self._database.transaction() as connection:
            overdue = (
                sa.select(bookings)
                .where(bookings.c.status == "pending", bookings.c.expires_at < sa.func.now())
                .order_by(bookings.c.expires_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = (await connection.execute(overdue)).one_or_none()
            return None if row is None else await self._end(connection, booking_of(row), "expired")

    @property
    def is_writing(self) -> bool:
        """Whether a booking is being written, for a caller who waits for it or not."""
        return bool(self._writing)

    async def close(self, grace_s: float) -> None:
        """Wait ``grace_s`` for bookings being written, then cancel them: nobody was told that those are booked."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=grace_s)
        for task in self._writing:
            task.cancel()
        if self._writing:
            await asyncio.wait(self._writing, timeout=grace_s)

    # ------------------------------------------------------------ writing

    async def _pin(self, showtime: Showtime, hold_id: UUID, user_id: str) -> HeldSeats:
        latest_ms = latest_deadline_ms(showtime, self._settings.hold_ms, NO_END_MS)
        return await self._store.pin(showtime.id, hold_id, user_id, latest_ms=latest_ms)

    async def _write(self, booking_id: UUID, step: Callable[[], Awaitable[Booking]]) -> Booking:
        """Run a step to its end, even if the caller is cancelled. Raises `OutcomeUnknown` if it takes too long."""
        task = asyncio.get_running_loop().create_task(self._until_known(booking_id, step))
        self._writing.add(task)
        task.add_done_callback(self._written)
        try:
            async with asyncio.timeout(self._settings.answer_ms / 1000):
                return await asyncio.shield(task)
        except TimeoutError:
            raise OutcomeUnknown(str(booking_id)) from None

    def _written(self, task: asyncio.Task[Booking]) -> None:
        self._writing.discard(task)
        if not task.cancelled() and task.exception() is None:
            self._relay.notify(task.result().showtime_id)

    async def _until_known(self, booking_id: UUID, step: Callable[[], Awaitable[Booking]]) -> Booking:
        unknown = False
        for _ in range(COMMIT_TRIES):
            try:
                return await step()
            except CommitUnknown:
                unknown = True
                log.warning("outcome of COMMIT unknown, doing the step again", booking=str(booking_id))
            except Unavailable:
                if not unknown:
                    raise
                await asyncio.sleep(0.2)
        raise OutcomeUnknown(str(booking_id))

    async def _write_booking(self, request: _BookingRequest) -> Booking:
        try:
            async with self._database.transaction() as connection:
                row = (await connection.execute(self._insert_booking(request))).one_or_none()
                if row is None:
                    mine = sa.select(bookings).where(bookings.c.id == request.hold_id)
                    known = booking_of((await connection.execute(mine)).one())
                    return _same_request(known, request.showtime.id, request.user_id, request.pay_later)
                await self._see_that_it_is_pinned(request)
                booking = booking_of(row)
                await _take_seats(connection, booking)
                await _to_outbox(connection, booking)
                # The house may have kept them since they were held; only under the lock taken above is that certain.
                if lost := await kept_against(connection, booking.showtime_id, booking.seats, booking.channel):
                    raise SeatsRefused(lost)
        except SeatsRefused:
            # Redis gave us these seats, so it is out of date.
            self._relay.notify(request.showtime.id)
            repair = self._store.load(request.showtime.id, "repair")
            await _quietly(repair)
            raise
        return self._moved(booking)

    async def _see_that_it_is_pinned(self, request: _BookingRequest) -> None:
        """Pin the hold again if the last pin is long ago: the process was paused, or a COMMIT's outcome was unknown.

        Meanwhile another instance may have told the buyer that the hold is gone. The rest of the transaction takes no
        longer than half a pin (`Settings.transaction_ms`), so it ends before the pin does. Raises `HoldGone`.
        """
        clock = asyncio.get_running_loop().time
        while (clock() - request.pinned_at) * 1000 > self._settings.checkout_ms - self._settings.transaction_ms:
            request.pinned_at = clock()
            held = await self._pin(request.showtime, request.hold_id, request.user_id)
            if tuple(sorted(held.seats)) != request.seats:
                raise HoldGone(str(request.hold_id), "it was changed while it was booked")

    def _insert_booking(self, request: _BookingRequest) -> Any:
        now = self._clock()
        deadline = moment_of(now) + timedelta(milliseconds=self._settings.claim_ms)
        return (
            insert(bookings)
            .values(
                id=request.hold_id,
                showtime_id=request.showtime.id,
                user_id=request.user_id,
                status="pending" if request.pay_later else "confirmed",
                seats=list(request.seats),
                lines=msgspec.to_builtins(request.quote.lines),
                fees_minor=request.quote.fees_minor,
                total_minor=request.quote.total_minor,
                currency=request.quote.currency,
                channel=request.channel,
                expires_at=deadline if request.pay_later else None,
                ended_at=None if request.pay_later else sa.func.now(),
            )
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(bookings)
        )

    async def _move(self, booking_id: UUID, status: BookingStatus, allowed: tuple[str, ...]) -> Booking:
        async with self._database.transaction() as connection:
            overdue = (bookings.c.expires_at <= sa.func.now()).label("overdue")
            locked = sa.select(bookings, overdue).where(bookings.c.id == booking_id).with_for_update()
            row = (await connection.execute(locked)).one_or_none()
            if row is None:
                raise NotFound("booking", str(booking_id))
            booking = booking_of(row)
            if booking.status == status or (status == "cancelled" and booking.status == "expired"):
                return booking  # a repeated request, or the seats are free already
            if booking.status not in allowed:
                raise BookingState(str(booking_id), booking.status, status)
            if status == "cancelled" and await is_admitted(connection, booking_id):
                raise BookingState(str(booking_id), "admitted", status)
            is_late = status == "confirmed" and row.overdue
            booking = await self._end(connection, booking, "expired" if is_late else status)
        self._moved(booking)
        if is_late:
            self._relay.notify(booking.showtime_id)
            raise BookingState(str(booking_id), booking.status, status)
        return booking

    def _moved(self, booking: Booking) -> Booking:
        """Count a booking whose change is committed."""
        self._metrics.bookings.labels(booking.status).inc()
        return booking

    async def _end(self, connection: AsyncConnection, booking: Booking, status: BookingStatus) -> Booking:
        """Move a locked booking to its next status, free its seats if it ends, and write to the outbox."""
        change = (
            sa.update(bookings)
            .where(bookings.c.id == booking.id)
            .values(status=status, expires_at=None, ended_at=sa.func.now())
            .returning(bookings)
        )
        moved = booking_of((await connection.execute(change)).one())
        if status not in STATE_OF_STATUS:
            await connection.execute(
                sa.update(booked_seats).where(booked_seats.c.booking_id == booking.id).values(released_at=sa.func.now())
            )
        await _to_outbox(connection, moved)
        return moved


class _BookingRequest:
    """What is booked. ``pinned_at`` is not later than the pin: it is read before the call, by the loop's clock."""

    __slots__ = ("channel", "hold_id", "pay_later", "pinned_at", "quote", "seats", "showtime", "user_id")

    def __init__(self, showtime: Showtime, held: HeldSeats, user_id: str, pay_later: bool, pinned_at: float) -> None:
        # Sorted, so that two overlapping baskets lock their seats in the same order and cannot deadlock.
        self.seats = tuple(sorted(held.seats))
        # The price when the seats were held, whatever the tariff says now.
        self.quote = placed(terms_of(held, showtime).quote, showtime.seat_map, self.seats)
        self.hold_id, self.channel = held.hold_id, held.channel
        self.showtime, self.user_id, self.pay_later = showtime, user_id, pay_later
        self.pinned_at = pinned_at


async def _take_seats(connection: AsyncConnection, booking: Booking) -> None:
    rows = [{"booking_id": booking.id, "seat": seat, "showtime_id": booking.showtime_id} for seat in booking.seats]
    taking = insert(booked_seats).values(rows).on_conflict_do_nothing().returning(booked_seats.c.seat)
    got = set((await connection.scalars(taking)).all())
    if lost := [seat for seat in booking.seats if seat not in got]:
        raise SeatsRefused({seat: "sold" for seat in lost})  # rolls back


async def _to_outbox(connection: AsyncConnection, booking: Booking) -> None:
    """Number the change and leave it for the relay. It comes last: see `append_changes`."""
    change = {
        "booking_id": booking.id,
        "user_id": booking.user_id,
        "state": int(STATE_OF_STATUS.get(booking.status, SeatState.FREE)),
        "seats": list(booking.seats),
    }
    await append_changes(connection, booking.showtime_id, [change], ever_booked=sa.true())


def _same_request(known: Booking, showtime_id: str, user_id: str, pay_later: bool) -> Booking:
    if known.showtime_id != showtime_id or known.user_id != user_id:
        raise HoldConflict(str(known.id), "this id belongs to another booking")
    if known.status == "pending" and not pay_later:
        # Not the same request: the answer to it would be a confirmed booking.
        raise BookingState(str(known.id), known.status, "booked in one step; confirm or cancel it")
    return known


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        log.warning("Redis not repaired yet", error=str(error))
