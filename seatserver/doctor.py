"""Examines a running installation from the outside, and says what is wrong and how to fix it.

`Doctor.examine` asks Postgres and Redis and compares them. It changes nothing, and a server that it cannot reach is a
finding, not an error. `Doctor.repair` does what the duties of a healthy installation would do anyway: end overdue
bookings and holds, open seats whose time is over, bring changes to Redis, and load into Redis what Postgres knows.
Postgres is never changed to match Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seatserver import descriptors, exposure
from seatserver.bookings.audit import LATE_S, BookingAudit
from seatserver.config import wall_clock
from seatserver.database import why_away
from seatserver.errors import NotFound, SeatServerError, StartError, Unavailable
from seatserver.seats.audit import SeatAudit
from seatserver.seats.states import SeatState
from seatserver.server import Server

SKEW_MS = 1000
"""Deadlines are in Redis' time and are shown by the server's clock: a larger difference is visible in a countdown."""
LATE_OUTBOX_S = 5.0
SLOW_FEED_MS = 500.0
SHOWTIMES_AT_MOST = 2000
OLDEST_POSTGRES = 15
OLDEST_REDIS = (6, 2)

Verdict = Literal["ok", "warning", "wrong"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check. ``mend`` says what to do; it is empty if all is well."""

    verdict: Verdict
    about: str
    says: str
    mend: str = ""


class Doctor:
    """One examination of the installation that a server's settings name."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._bookings = BookingAudit(server.database)
        self._seats = SeatAudit(server.redis)

    async def examine(self) -> list[Finding]:
        """Run all checks, in order. Whatever is wrong with an installation becomes a finding; nothing is raised."""
        findings = [
            self._open_files(),
            *self._open_doors(),
            *await self._guarded("Postgres", "check DATABASE_URL, and that Postgres is running", self._postgres),
            *await self._guarded("Redis", "check REDIS_URL, and that Redis is running", self._redis),
        ]
        if any(finding.verdict == "wrong" and finding.about in ("Postgres", "Redis") for finding in findings):
            return findings
        for about, look in (("Feed", self._feed), ("Clocks", self._clocks), ("Bookings", self._sales)):
            findings += await self._guarded(about, "run this again when Postgres and Redis answer", look)
        findings += await self._guarded("Outbox", "run this again when Postgres answers", self._outbox)
        findings += await self._guarded("Showtimes", "run this again when Postgres and Redis answer", self._showtimes)
        return findings

    async def repair(self) -> list[str]:
        """Do what the duties would do, and answer what was done, in sentences. Raises `Unavailable`."""
        server, done = self._server, []
        if reaped := await server.checkout.reap():
            done.append(f"ended {reaped} pending bookings past their deadline")
        if released := await server.allocations.release_due():
            done.append(f"opened {released} kept seats whose time was over")
        if waiting := (await self._bookings.waiting()).rows:
            await server.relay.poll()
            await server.relay.close()
            left = (await self._bookings.waiting()).rows
            done.append(f"brought {waiting - left} of {waiting} changes to Redis")
        for showtime_id in await server.reconciler.known_showtimes():
            await server.store.sweep(showtime_id, load=False)
            # A showtime that is behind is loaded only when it is found behind a second time.
            if await server.reconciler.repair(showtime_id) or await server.reconciler.repair(showtime_id):
                done.append(f"{showtime_id}: loaded from Postgres into Redis")
        return done

    # ------------------------------------------------------------ the checks

    async def _guarded(self, about: str, mend: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        try:
            return await look()
        except SeatServerError as error:
            return [Finding(verdict="wrong", about=about, says=error.message, mend=mend)]

    def _open_files(self) -> Finding:
        """By the limit of this process; a server started elsewhere may have another one."""
        settings = self._server.settings
        if shortage := descriptors.share(settings).shortage(settings):
            mend = "raise it where the server is started, or lower SEATSERVER_SOCKETS"
            verdict: Verdict = "warning" if descriptors.share(settings).is_much_less(settings) else "ok"
            return Finding(verdict=verdict, about="Open files", says=f"started here, {shortage}", mend=mend)
        says = f"enough for {settings.sockets} sockets, if it is started as this command was"
        return Finding(verdict="ok", about="Open files", says=says)

    def _open_doors(self) -> list[Finding]:
        found = exposure.exposures(self._server.settings)
        return [Finding(verdict="warning", about="Access", says=one.says, mend=one.mend) for one in found] or [
            Finding(verdict="ok", about="Access", says="nothing is open that need not be")
        ]

    async def _postgres(self) -> list[Finding]:
        try:
            await self._server.database.ping()
        except Unavailable as error:
            raise StartError(why_away(error)) from None
        version, _ = await self._bookings.facts()
        if int(version.split(".")[0]) < OLDEST_POSTGRES:
            mend = f"move to Postgres {OLDEST_POSTGRES} or newer"
            return [Finding(verdict="wrong", about="Postgres", says=f"is version {version}", mend=mend)]
        await self._server.database.check_migrated()
        says = f"version {version}, at the newest migration"
        if self._server.database.behind_pooler:
            says += ", behind a pooler in transaction mode (SEATSERVER_DATABASE_POOLER)"
        return [Finding(verdict="ok", about="Postgres", says=says)]

    async def _redis(self) -> list[Finding]:
        facts = await self._seats.facts()
        found = []
        numbers = tuple(int(part) for part in facts.version.split(".")[:2] if part.isdigit())
        if numbers and numbers < OLDEST_REDIS:
            found.append(("wrong", f"is version {facts.version}", "move to Redis 6.2 or newer, or to Valkey"))
        if facts.role not in ("master", "?"):
            found.append(("wrong", f"is a {facts.role}, which takes no writes", "let REDIS_URL name the primary"))
        if facts.policy not in ("noeviction", None):
            found.append(
                ("wrong", f"discards keys when memory is full ({facts.policy})", "set maxmemory-policy noeviction")
            )
        if facts.aof is False:
            found.append(("warning", "keeps nothing across a restart: holds would end early", "set appendonly yes"))
        if not found:
            return [Finding(verdict="ok", about="Redis", says=f"version {facts.version}, keeps its data")]
        return [Finding(verdict=verdict, about="Redis", says=says, mend=mend) for verdict, says, mend in found]  # type: ignore[arg-type]  # the tuples above

    async def _feed(self) -> list[Finding]:
        took_ms = await self._seats.round_trip_ms()
        if took_ms is None:
            mend = "check that this user may use pub/sub and that nothing on the way drops it"
            return [Finding(verdict="wrong", about="Feed", says="a message does not come back over pub/sub", mend=mend)]
        if took_ms > SLOW_FEED_MS:
            mend = "check whether Redis or the network is overloaded"
            return [Finding(verdict="warning", about="Feed", says=f"a message took {took_ms:.0f} ms", mend=mend)]
        return [Finding(verdict="ok", about="Feed", says=f"a message came back after {took_ms:.1f} ms")]

    async def _clocks(self) -> list[Finding]:
        found, offsets = [], {}
        for name, ask in (("Redis", self._redis_clock), ("Postgres", self._postgres_clock)):
            before = wall_clock()
            theirs = await ask()
            offsets[name] = theirs - (before + wall_clock()) // 2
        for name, offset in offsets.items():
            if abs(offset) > SKEW_MS:
                ahead = "ahead of" if offset > 0 else "behind"
                says = f"{name}'s clock is {abs(offset) / 1000:.1f} s {ahead} this machine's"
                found.append(Finding(verdict="wrong", about="Clocks", says=says, mend="synchronise them (NTP)"))
        if found:
            return found
        widest = max(abs(offset) for offset in offsets.values())
        return [Finding(verdict="ok", about="Clocks", says=f"differ by at most {widest} ms")]

    async def _redis_clock(self) -> int:
        return (await self._seats.facts()).clock_ms

    async def _postgres_clock(self) -> int:
        return (await self._bookings.facts())[1]

    async def _sales(self) -> list[Finding]:
        found = []
        for showtime_id, seat in await self._bookings.sold_twice():
            says = f"seat {seat} of {showtime_id} has two owners"
            mend = "check that the index uq_booked_seats_live exists, and cancel one of the bookings"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=mend))
        for booking_id in await self._bookings.torn():
            says = f"booking {booking_id} does not have exactly its seats"
            mend = "compare its rows in booked_seats with bookings.seats; something other than the server wrote there"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=mend))
        runs = "check that a `seatserver worker`, or a web process with duties, is running; --repair"
        if late := await self._bookings.late_claims():
            says = f"{late} pending bookings are more than {LATE_S} s past their deadline"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=f"{runs} ends them"))
        if late := await self._bookings.late_releases():
            says = f"{late} kept seats should have been opened more than {LATE_S} s ago"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=f"{runs} opens them"))
        return found or [Finding(verdict="ok", about="Bookings", says="no seat has two owners, no claim is overdue")]

    async def _outbox(self) -> list[Finding]:
        waiting = await self._bookings.waiting()
        if waiting.oldest_s > LATE_OUTBOX_S:
            says = f"{waiting.rows} changes wait for Redis, the oldest for {waiting.oldest_s:.0f} s"
            mend = "check that a `seatserver worker`, or a web process with duties, is running; --repair brings them"
            return [Finding(verdict="wrong", about="Outbox", says=says, mend=mend)]
        return [Finding(verdict="ok", about="Outbox", says=f"{waiting.rows} changes on their way")]

    async def _showtimes(self) -> list[Finding]:
        showtimes = await self._server.reconciler.known_showtimes()
        found: list[Finding] = []
        for showtime_id in showtimes[:SHOWTIMES_AT_MOST]:
            try:
                found += await self._showtime(showtime_id)
            except NotFound:
                continue  # taken out of the programme meanwhile
        return found or [
            Finding(verdict="ok", about="Showtimes", says=f"{len(showtimes)} in Redis, all equal to Postgres")
        ]

    async def _showtime(self, showtime_id: str) -> list[Finding]:
        difference = await self._difference(showtime_id)
        if difference:
            await asyncio.sleep(1)  # a booking may be on its way right now
            difference = await self._difference(showtime_id)
        ownership = await self._server.records.load_ownership(showtime_id)
        problems = await self._seats.problems(showtime_id, ownership.seat_count)
        mend = "the reconcile duty repairs it; --repair does so now"
        return [
            Finding(verdict="wrong", about=showtime_id, says=says, mend=mend)
            for says in [*problems, *([difference] if difference else [])]
        ]

    async def _difference(self, showtime_id: str) -> str:
        """How Redis differs from Postgres; empty if it does not, or if Redis knows something newer."""
        ownership = await self._server.records.load_ownership(showtime_id)
        view = await self._server.store.snapshot(showtime_id, ownership.seat_count)
        if view.pgseq < ownership.seq:
            return f"Redis is at change {view.pgseq}, Postgres at {ownership.seq}"
        shown = {seat: state for seat, state in enumerate(view.states) if state in (SeatState.CLAIMED, SeatState.SOLD)}
        if view.pgseq == ownership.seq and (shown != ownership.taken or view.kept != ownership.kept):
            wrong = sorted(
                set(shown.items()) ^ set(ownership.taken.items()) | set(view.kept.items()) ^ set(ownership.kept.items())
            )
            return f"seats that differ from Postgres: {len({seat for seat, _ in wrong})}"
        return ""
