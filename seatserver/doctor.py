"""Looks a running installation over from the outside, says what is wrong and how to mend it.

`examine` asks Postgres and Redis and compares them; it changes nothing, and what it cannot reach is a finding, not an
error. With ``repair`` it does what the duties of a healthy installation would do anyway: reap, release, relay, sweep,
and take over in Redis what Postgres knows. Postgres is never touched to please Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from seatserver import descriptors
from seatserver.app import Server
from seatserver.bookings.audit import LATE_S, BookingAudit
from seatserver.config import wall_clock
from seatserver.database import why_away
from seatserver.errors import NotFound, SeatServerError, StartError, Unavailable
from seatserver.seats.audit import SeatAudit
from seatserver.seats.states import SeatState

SKEW_MS = 1000
"""Deadlines are told in Redis' time and shown in the server's: more than this is seen in a countdown."""
LATE_OUTBOX_S = 5.0
SLOW_FEED_MS = 500.0
SHOWTIMES_AT_MOST = 2000
OLDEST_POSTGRES = 15
OLDEST_REDIS = (6, 2)

Verdict = Literal["ok", "warning", "wrong"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. ``mend`` says what to do, empty when all is well."""

    verdict: Verdict
    about: str
    says: str
    mend: str = ""


class Doctor:
    """One examination of the installation that a house's settings name."""

    def __init__(self, house: Server) -> None:
        self._house = house
        self._bookings = BookingAudit(house.database)
        self._seats = SeatAudit(house.redis)

    async def examine(self) -> list[Finding]:
        """Everything, in order; raises nothing that an installation could cause."""
        findings = [
            self._open_files(),
            *await self._guarded("Postgres", "is DATABASE_URL right, and does it run?", self._postgres),
            *await self._guarded("Redis", "is REDIS_URL right, and does it run?", self._redis),
        ]
        if any(finding.verdict == "wrong" and finding.about in ("Postgres", "Redis") for finding in findings):
            return findings
        for about, look in (("Feed", self._feed), ("Clocks", self._clocks), ("Bookings", self._sales)):
            findings += await self._guarded(about, "look again when Postgres and Redis answer", look)
        findings += await self._guarded("Outbox", "look again when Postgres answers", self._outbox)
        findings += await self._guarded("Showtimes", "look again when Postgres and Redis answer", self._showtimes)
        return findings

    async def repair(self) -> list[str]:
        """Do what the duties would do; what was done, in sentences. Raises `Unavailable`."""
        house, done = self._house, []
        if reaped := await house.checkout.reap():
            done.append(f"ended {reaped} pending bookings past their deadline")
        if released := await house.allocations.release_due():
            done.append(f"opened {released} kept seats whose time was over")
        if waiting := (await self._bookings.waiting()).rows:
            await house.relay.poll()
            await house.relay.close()
            left = (await self._bookings.waiting()).rows
            done.append(f"brought {waiting - left} of {waiting} changes to Redis")
        for showtime_id in await house.reconciler.known_showtimes():
            await house.store.sweep(showtime_id, load=False)
            # A showtime that is behind is taken over when it is found behind a second time.
            if await house.reconciler.repair(showtime_id) or await house.reconciler.repair(showtime_id):
                done.append(f"{showtime_id}: Redis took over what Postgres knows")
        return done

    # ------------------------------------------------------------ what is looked at

    async def _guarded(self, about: str, mend: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        try:
            return await look()
        except SeatServerError as error:
            return [Finding(verdict="wrong", about=about, says=error.message, mend=mend)]

    def _open_files(self) -> Finding:
        """By the limit of whoever asks, which a server that is started elsewhere need not have."""
        settings = self._house.settings
        if shortage := descriptors.share(settings).shortage(settings):
            mend = "raise it where the server is started, or lower SEATSERVER_SOCKETS"
            verdict: Verdict = "warning" if descriptors.share(settings).is_much_less(settings) else "ok"
            return Finding(verdict=verdict, about="Open files", says=f"started here, {shortage}", mend=mend)
        says = f"enough for {settings.sockets} sockets, if it is started as this command was"
        return Finding(verdict="ok", about="Open files", says=says)

    async def _postgres(self) -> list[Finding]:
        try:
            await self._house.database.ping()
        except Unavailable as error:
            raise StartError(why_away(error)) from None
        version, _ = await self._bookings.facts()
        if int(version.split(".")[0]) < OLDEST_POSTGRES:
            mend = f"move to Postgres {OLDEST_POSTGRES} or newer"
            return [Finding(verdict="wrong", about="Postgres", says=f"is version {version}", mend=mend)]
        await self._house.database.check_migrated()
        says = f"version {version}, at the newest migration"
        if self._house.database.behind_pooler:
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
                ("wrong", f"throws keys away when memory is full ({facts.policy})", "set maxmemory-policy noeviction")
            )
        if facts.aof is False:
            found.append(("warning", "keeps nothing over a restart: holds would end early", "set appendonly yes"))
        if not found:
            return [Finding(verdict="ok", about="Redis", says=f"version {facts.version}, keeps what it is told")]
        return [Finding(verdict=verdict, about="Redis", says=says, mend=mend) for verdict, says, mend in found]  # type: ignore[arg-type]  # the tuples above

    async def _feed(self) -> list[Finding]:
        took_ms = await self._seats.round_trip_ms()
        if took_ms is None:
            mend = "see that pub/sub is allowed for this user and that nothing on the way drops it"
            return [Finding(verdict="wrong", about="Feed", says="a message does not come back over pub/sub", mend=mend)]
        if took_ms > SLOW_FEED_MS:
            mend = "see whether Redis or the network is overloaded"
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
            mend = "see that the index uq_booked_seats_live stands, and cancel one of the bookings"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=mend))
        for booking_id in await self._bookings.torn():
            says = f"booking {booking_id} has not exactly its seats"
            mend = "compare its rows in booked_seats with bookings.seats; something wrote around the server"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=mend))
        runs = "see that a `seatserver worker`, or a web process with duties, runs; --repair"
        if late := await self._bookings.late_claims():
            says = f"{late} pending bookings are more than {LATE_S} s past their deadline"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=f"{runs} ends them"))
        if late := await self._bookings.late_releases():
            says = f"{late} kept seats should have been opened more than {LATE_S} s ago"
            found.append(Finding(verdict="wrong", about="Bookings", says=says, mend=f"{runs} opens them"))
        return found or [Finding(verdict="ok", about="Bookings", says="every seat has one owner, no claim is stuck")]

    async def _outbox(self) -> list[Finding]:
        waiting = await self._bookings.waiting()
        if waiting.oldest_s > LATE_OUTBOX_S:
            says = f"{waiting.rows} changes wait for Redis, the oldest for {waiting.oldest_s:.0f} s"
            mend = "see that a `seatserver worker`, or a web process with duties, runs; --repair brings them"
            return [Finding(verdict="wrong", about="Outbox", says=says, mend=mend)]
        return [Finding(verdict="ok", about="Outbox", says=f"{waiting.rows} changes on their way")]

    async def _showtimes(self) -> list[Finding]:
        showtimes = await self._house.reconciler.known_showtimes()
        found: list[Finding] = []
        for showtime_id in showtimes[:SHOWTIMES_AT_MOST]:
            try:
                found += await self._showtime(showtime_id)
            except NotFound:
                continue  # taken out of the programme meanwhile
        return found or [
            Finding(verdict="ok", about="Showtimes", says=f"{len(showtimes)} in Redis, all as Postgres has them")
        ]

    async def _showtime(self, showtime_id: str) -> list[Finding]:
        difference = await self._difference(showtime_id)
        if difference:
            await asyncio.sleep(1)  # a booking may be on its way this very moment
            difference = await self._difference(showtime_id)
        ground = await self._house.records.load_ownership(showtime_id)
        problems = await self._seats.problems(showtime_id, ground.seat_count)
        mend = "the reconcile duty repairs it; --repair does so now"
        return [
            Finding(verdict="wrong", about=showtime_id, says=says, mend=mend)
            for says in [*problems, *([difference] if difference else [])]
        ]

    async def _difference(self, showtime_id: str) -> str:
        """How Redis differs from Postgres; empty when it does not, or when something newer is under way."""
        ground = await self._house.records.load_ownership(showtime_id)
        view = await self._house.store.snapshot(showtime_id, ground.seat_count)
        if view.pgseq < ground.seq:
            return f"Redis is at change {view.pgseq}, Postgres at {ground.seq}"
        shown = {seat: state for seat, state in enumerate(view.states) if state in (SeatState.CLAIMED, SeatState.SOLD)}
        if view.pgseq == ground.seq and (shown != ground.taken or view.kept != ground.kept):
            wrong = sorted(
                set(shown.items()) ^ set(ground.taken.items()) | set(view.kept.items()) ^ set(ground.kept.items())
            )
            return f"{len({seat for seat, _ in wrong})} seats are not shown as Postgres has them"
        return ""
