"""Broken builds of the server: the product with one thing about it changed, in a process of its own.

    python -m tests.faults.builds NAME serve

`STEPS` are builds that exit, as by ``kill -9``, when they come to a step of a booking for the nth time (``FAULT_NTH``),
`PAUSES` such as stop there, as by SIGSTOP. `MUTANTS` break one rule that the protocol rests on; the fault suite has to
notice each of them. Nothing in the product knows of any of this.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import hashlib
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from seatserver import cli, database
from seatserver.bookings import checkout
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.records import Booking, booking_of
from seatserver.bookings.tables import booked_seats, bookings
from seatserver.database import Database
from seatserver.errors import SeatsRefused
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seats import scripts
from seatserver.seats.store import SeatStore

KILLED = 137
Step = Callable[..., Awaitable[Any]]

# ---------------------------------------------------------------- exit at a step


def _exit() -> None:
    os._exit(KILLED)


def comes_to(owner: Any, name: str, *, after: bool, then: Callable[[], None]) -> Callable[[], None]:
    """A build that does something before or after the nth run of a function."""

    def patch() -> None:
        original: Step = getattr(owner, name)
        left = int(os.environ.get("FAULT_NTH", "1"))

        def come_by() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                then()

        @functools.wraps(original)
        async def patched(*arguments: Any, **named: Any) -> Any:
            if not after:
                come_by()
            result = await original(*arguments, **named)
            if after:
                come_by()
            return result

        setattr(owner, name, patched)

    return patch


exits = functools.partial(comes_to, then=_exit)

STEPS: dict[str, Callable[[], None]] = {
    "held": exits(SeatStore, "hold", after=True),
    "before the pin": exits(SeatStore, "pin", after=False),
    "pinned": exits(SeatStore, "pin", after=True),
    "booking written": exits(checkout, "_take_seats", after=False),
    "seats written": exits(checkout, "_take_seats", after=True),
    "outbox written": exits(checkout, "_to_outbox", after=True),
    "end written": exits(Checkout, "_end", after=True),
    "before COMMIT": exits(database, "_commit", after=False),
    "committed": exits(database, "_commit", after=True),
    "acknowledged": exits(SeatStore, "apply", after=False),
    "applied": exits(SeatStore, "apply", after=True),
    "reaped": exits(Checkout, "_reap_one", after=True),
}


def _stand_still() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _stands_still_before_the_commit_of_a_booking() -> None:
    """Once. The duties commit too, on whichever server has them: at one of theirs nothing is to be seen."""
    has_written = contextvars.ContextVar("has_written", default=False)
    write, commit = checkout._to_outbox, database._commit
    is_due = True

    async def to_outbox(*arguments: Any, **named: Any) -> None:
        await write(*arguments, **named)
        has_written.set(True)

    async def committing(connection: Any) -> None:
        nonlocal is_due
        if is_due and has_written.get():
            is_due = False
            _stand_still()
        await commit(connection)

    checkout._to_outbox, database._commit = to_outbox, committing


PAUSES: dict[str, Callable[[], None]] = {
    f"stands still: {name}": comes_to(owner, function, after=after, then=_stand_still)
    for name, owner, function, after in (
        ("pinned", SeatStore, "pin", True),
        ("before the transaction", checkout, "_take_seats", False),
    )
} | {"stands still: before COMMIT": _stands_still_before_the_commit_of_a_booking}

# ---------------------------------------------------------------- mutants


def no_unique_index() -> None:
    """Two live rows of one seat may be written."""
    check_migrated = Database.check_migrated

    async def drop_first(self: Database) -> None:
        await check_migrated(self)
        async with self.transaction() as connection:
            await connection.execute(sa.text("DROP INDEX IF EXISTS uq_booked_seats_live"))

    Database.check_migrated = drop_first  # type: ignore[method-assign]


def trust_redis() -> None:
    """The lock in Redis is proof enough: Postgres is told who owns a seat, and not asked."""
    take_seats = checkout._take_seats

    async def take_them(connection: Any, booking: Booking) -> None:
        try:
            await take_seats(connection, booking)
        except SeatsRefused as error:
            rival = sa.update(booked_seats).where(
                booked_seats.c.showtime_id == booking.showtime_id, booked_seats.c.seat.in_(error.reasons)
            )
            await connection.execute(rival.values(released_at=sa.func.now()))
            await take_seats(connection, msgspec.structs.replace(booking, seats=tuple(error.reasons)))

    checkout._take_seats = take_them


def acknowledge_early() -> None:
    """The buyer is told before the transaction is committed."""
    until_known = Checkout._until_known

    async def tell_first(self: Checkout, booking_id: Any, step: Any) -> Booking:
        claim = next(
            (cell.cell_contents for cell in step.__closure__ or () if hasattr(cell.cell_contents, "quote")), None
        )
        if claim is None or claim.pay_later:
            return await until_known(self, booking_id, step)

        async def write() -> None:
            await asyncio.sleep(0.1)
            await until_known(self, booking_id, step)

        self._background = [*getattr(self, "_background", []), asyncio.create_task(write())]  # type: ignore[attr-defined]
        return Booking(
            id=booking_id,
            showtime_id=claim.showtime.id,
            user_id=claim.user_id,
            status="confirmed",
            seats=claim.seats,
            lines=claim.quote.lines,
            fees_minor=claim.quote.fees_minor,
            total_minor=claim.quote.total_minor,
            currency=claim.quote.currency,
            created_at_ms=0,
        )

    Checkout._until_known = tell_first  # type: ignore[method-assign]


def release_before_void() -> None:
    """The reaper frees the seats and ends the booking afterwards; a payment that comes in between is taken."""

    async def reap_one(self: Checkout) -> Booking | None:
        overdue = (
            sa.select(bookings)
            .where(bookings.c.status == "pending", bookings.c.expires_at < datetime.now(UTC))
            .limit(1)
        )
        async with self._database.transaction() as connection:
            row = (await connection.execute(overdue)).one_or_none()
            if row is None:
                return None
            free = sa.update(booked_seats).where(booked_seats.c.booking_id == row.id)
            await connection.execute(free.values(released_at=sa.func.now()))
        await asyncio.sleep(0.05)
        async with self._database.transaction() as connection:
            again = sa.select(bookings).where(bookings.c.id == row.id, bookings.c.status == "pending")
            pending = (await connection.execute(again.with_for_update())).one_or_none()
            return None if pending is None else await self._end(connection, booking_of(pending), "expired")

    Checkout._reap_one = reap_one  # type: ignore[method-assign]
    in_time = Checkout._move

    async def move(self: Checkout, booking_id: Any, status: Any, allowed: Any) -> Booking:
        if status == "confirmed":
            # The guard of the real build looks at the deadline too: without that, the order does matter.
            async with self._database.transaction() as connection:
                later = sa.update(bookings).where(bookings.c.id == booking_id, bookings.c.status == "pending")
                await connection.execute(later.values(expires_at=sa.func.now() + sa.text("interval '1 minute'")))
        return await in_time(self, booking_id, status, allowed)

    Checkout._move = move  # type: ignore[method-assign]


def no_version_check() -> None:
    """Changes of Postgres are applied to Redis in whatever order they come, and as often."""
    _rewrite("no_version_check")
    send, last = SeatStore.apply, list[Any]()

    async def and_the_one_before(self: SeatStore, *arguments: Any) -> Any:
        # However slow the machine: without the check, each change is undone by the one before it.
        before, last[:] = last[:], [arguments]
        applied = await send(self, *arguments)
        for repeated in before:
            await send(self, *repeated)
        return applied

    SeatStore.apply = and_the_one_before  # type: ignore[assignment, method-assign]


def blind_retry() -> None:
    """A repeated booking takes the row that the first try may have left for somebody else's."""
    once, tried = Checkout._write_booking, set[Any]()

    async def write_booking(self: Checkout, request: Any) -> Booking:
        if request in tried:
            raise SeatsRefused(dict.fromkeys(request.seats, "sold"))
        tried.add(request)
        return await once(self, request)

    Checkout._write_booking = write_booking  # type: ignore[method-assign]


def hold_without_replay() -> None:
    """A hold that is asked for again is a new one, and finds its seats held."""
    _rewrite("hold_without_replay")


def unsorted_seats() -> None:
    """The seats of a basket are written in any order."""
    original = checkout._BookingRequest.__init__

    def shuffled(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.seats = tuple(random.sample(self.seats, len(self.seats)))

    checkout._BookingRequest.__init__ = shuffled  # type: ignore[method-assign]


def no_gap_check() -> None:
    """A room takes every change that comes, whatever it follows."""
    original = Room.apply

    def apply(self: Room, change: Change) -> Applied:
        if change.epoch == self.epoch and change.from_version > self.version:
            change = Change(change.epoch, self.version, change.version, change.seats)
        return original(self, change)

    Room.apply = apply  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        no_unique_index,
        trust_redis,
        acknowledge_early,
        release_before_void,
        no_version_check,
        blind_retry,
        hold_without_replay,
        unsorted_seats,
        no_gap_check,
    )
}


REWRITTEN: dict[str, tuple[str, dict[str, str]]] = {
    "no_version_check": (
        "apply",
        dict.fromkeys(("if seq <= pgseq then", "if seq > pgseq + 1 then"), "if false then"),
    ),
    "hold_without_replay": ("hold", {"if call('EXISTS', HOLD) == 1 then": "if false then"}),
}
"""Mutants that change a script: which, and what stands there instead of what."""


class RewrittenScript(scripts.Script):
    """A script as a build has it."""

    def __init__(self, verb: str, build: str) -> None:
        super().__init__(verb)
        which, texts = REWRITTEN.get(build, ("", {}))
        if which == verb:
            for old, new in texts.items():
                assert old in self.source, f"{verb}.lua has changed: {old!r}"
                self.source = self.source.replace(old, new)
            self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


def _rewrite(build: str) -> None:
    scripts.Script = functools.partial(RewrittenScript, build=build)  # type: ignore[assignment, misc]


if __name__ == "__main__":
    {**STEPS, **PAUSES, **MUTANTS}[sys.argv[1]]()
    raise SystemExit(cli.main(sys.argv[2:]))
