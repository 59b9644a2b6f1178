"""The promises I1 to I9, looked at from outside: Postgres' rows, Redis' keys, every user's map, the processes.

Nothing here asks the product for its opinion, except over its public doors. `settled` waits until a site has come to
rest after its load has ended, and `check` then names everything that is not as it was promised.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import httpx
import redis.exceptions

from seatserver.client import Disconnected, RemoteError, SeatClient
from seatserver.errors import SeatsRefused
from tests.faults.linearizability import actions_of, ends_of, explain
from tests.faults.site import NEWCOMERS, SHOWTIME, Server, Site
from tests.faults.users import FollowedRoom, Load
from tests.integration.server import BROKEN_BOOKINGS, DOUBLE_SOLD
from tests.waiting import slowness

KEY = f"seats:{{{SHOWTIME}}}:"
STATE_OF = {"pending": 2, "confirmed": 3}
COUNTED = {0: "free", 1: "held", 2: "claimed", 3: "sold", 4: "blocked"}
REST_S = 90.0
"""No hold, claim or payment of these tests lasts longer than 3 s: what is not at rest after so long never will be."""
SERVING_AGAIN_S = 15.0
"""Three times what the product promises."""
DATABASE_POOL, REDIS_POOL = 10, 8
MOST_TOLD = 15
CUT_OFF = ("timeout graceful shutdown exceeded",)
"""uvicorn says so of viewers who take nothing, as an error, when their time is over."""
HARMLESS = (
    "Redis repaired from Postgres",
    "room differs from Redis",
)


@dataclass
class Redis:
    """A room as its keys are."""

    epoch: str
    version: int
    pgseq: int
    taken: dict[int, int]
    held: dict[int, str]
    problems: list[str] = field(default_factory=list)

    def states(self, seats: int) -> bytes:
        """What viewers should see."""
        return bytes(self.taken.get(seat, 1 if seat in self.held else 0) for seat in range(seats))


async def redis_of(site: Site) -> Redis | None:
    """Read every key of the showtime; None while Redis does not know it. ``problems`` are contradictions in it."""
    async with site.keys() as keys:
        async with keys.pipeline(transaction=True) as all_at_once:
            for call, name in (("hgetall", "meta"), ("hgetall", "taken"), ("hgetall", "owner")):
                getattr(all_at_once, call)(KEY + name)
            all_at_once.zrange(KEY + "due", 0, -1)
            meta, taken, owner, due = await all_at_once.execute()
        if not meta:
            return None
        found = Redis(
            epoch=meta["epoch"],
            version=int(meta["version"]),
            pgseq=int(meta["pgseq"]),
            taken={int(seat): int(state) for seat, state in taken.items()},
            held={int(seat): whose[:36] for seat, whose in owner.items()},
        )
        if set(owner) != set(due):
            found.problems.append(f"I7: owners of {sorted(owner)} and deadlines of {sorted(due)}")
        if both := set(found.taken) & set(found.held):
            found.problems.append(f"I7: seats {sorted(both)} are held and taken at once")
        if int(meta["taken"]) != len(taken):
            found.problems.append("I7: :taken has another size than :meta says")
        return found


async def truth_of(site: Site) -> tuple[int, dict[int, int], int, int]:
    """From Postgres: the showtime's seq, its taken seats, pending bookings, rows that wait in the outbox."""
    async with site.sql() as sql:
        async with sql.transaction(isolation="repeatable_read", readonly=True):
            seq = await sql.fetchval("SELECT seq FROM showtimes WHERE id = $1", SHOWTIME)
            rows = await sql.fetch(
                "SELECT s.seat, b.status FROM booked_seats s JOIN bookings b ON b.id = s.booking_id "
                "WHERE s.showtime_id = $1 AND s.released_at IS NULL",
                SHOWTIME,
            )
            pending = await sql.fetchval("SELECT count(*) FROM bookings WHERE status = 'pending'")
            waiting = await sql.fetchval("SELECT count(*) FROM outbox")
    return seq, {row["seat"]: STATE_OF.get(row["status"], -1) for row in rows}, pending, waiting


async def at_rest(site: Site, load: Load | None) -> str:
    """Empty when nothing is under way any more and everybody sees the same, else what is missing."""
    try:
        seq, taken, pending, waiting = await truth_of(site)
        room = await redis_of(site)
    except (asyncpg.PostgresError, OSError, redis.exceptions.RedisError) as error:
        return f"I9: {type(error).__name__}: {error}"
    if pending or waiting:
        return f"I4: {pending} pending bookings, {waiting} rows in the outbox"
    if room is None:
        return "" if not taken else "I5: Redis does not know the showtime"
    if room.held:
        return f"I4: seats {sorted(room.held)} are still held"
    if room.pgseq != seq or room.taken != taken:
        wrong = {seat for seat in {*room.taken, *taken} if room.taken.get(seat) != taken.get(seat)}
        return f"I5: Redis is at change {room.pgseq} of {seq}, seats {sorted(wrong)} differ"
    for one in load.rooms if load is not None else []:
        seen = one.room
        if (seen.epoch, seen.version, bytes(seen.states)) != (room.epoch, room.version, room.states(site.seats)):
            wrong = {at for at, state in enumerate(room.states(site.seats)) if seen.states[at] != state}
            return f"I5: a user sees {seen.epoch}:{seen.version}, not {room.epoch}:{room.version}; {sorted(wrong)}"
    return ""


async def settled(site: Site, load: Load | None) -> list[str]:
    """Wait until the site is at rest; what is not, when it never is."""
    ends_at = time.monotonic() + REST_S
    missing = await at_rest(site, load)
    while missing and time.monotonic() < ends_at:
        await asyncio.sleep(0.1)
        missing = await at_rest(site, load)
    return [missing] if missing else []


async def check(site: Site, load: Load | None, *, linearizable: bool = False, repairs: bool = True) -> None:
    """Wait for rest, then hold the site to its promises. The load has ended.

    ``linearizable``: I6 too, for a Redis that stayed up. Without ``repairs`` nobody may have had to repair Redis.
    """
    problems = await settled(site, load)
    problems += await books(site)
    room = await redis_of(site)
    problems += room.problems if room is not None else []
    problems += await doors_agree(site)
    problems += logged(site, repairs=repairs)
    problems += await sessions(site)
    if load is not None:
        problems += await promises_kept(site, load)
        problems += money(load, await statuses(site))
        problems += one_story(load.rooms)
        if linearizable:
            problems += orders(load, range(site.seats))
    assert not problems, "\n".join([*problems[:MOST_TOLD], f"({len(problems)} in all)"])


# ---------------------------------------------------------------- Postgres


async def books(site: Site) -> list[str]:
    """I1, I7: one owner a seat, whole bookings, and changes numbered without gaps in the order of their commits."""
    problems = []
    async with site.sql() as sql:
        doubles = await sql.fetch(DOUBLE_SOLD)
        broken = await sql.fetch(BROKEN_BOOKINGS)
        ledger = await sql.fetch("SELECT seq, booking_id, state, seats FROM faults_ledger ORDER BY at")
        seq, taken, _, _ = await truth_of(site)
    if doubles:
        problems.append(f"I1: sold twice: {[row['seat'] for row in doubles]}")
    if broken:
        problems.append(f"I1: bookings that are not whole: {[(str(row['id']), row['status']) for row in broken]}")
    numbers = [row["seq"] for row in ledger]
    if numbers != sorted(numbers) or len(set(numbers)) != len(numbers) or numbers[-1:] not in ([], [seq]):
        problems.append(f"I5: changes are not numbered in order: {numbers}, the showtime is at {seq}")
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        problems.append(f"I5: changes are numbered with gaps: {numbers}")
    replayed: dict[int, int] = {}
    for row in ledger:
        replayed.update(dict.fromkeys(row["seats"], row["state"]))
    if {seat: state for seat, state in replayed.items() if state} != taken:
        problems.append("I7: the changes, one after the other, do not lead to the seats as they are")
    return problems


async def statuses(site: Site) -> dict[UUID, str]:
    """Every booking's status."""
    async with site.sql() as sql:
        return {UUID(str(row["id"])): row["status"] for row in await sql.fetch("SELECT id, status FROM bookings")}


async def promises_kept(site: Site, load: Load) -> list[str]:
    """I2: everything that a user was told of a booking is so."""
    promises, problems = load.promises, []
    async with site.sql() as sql:
        rows = await sql.fetch(
            "SELECT b.id, b.status, array_agg(s.seat ORDER BY s.seat) FILTER (WHERE s.released_at IS NULL) AS seats "
            "FROM bookings b LEFT JOIN booked_seats s ON s.booking_id = b.id GROUP BY b.id"
        )
    known = {UUID(str(row["id"])): (row["status"], tuple(row["seats"] or ())) for row in rows}
    for booking_id, seats in promises.confirmed.items():
        status, live = known.get(booking_id, ("nowhere", ()))
        if booking_id in promises.cancelling:
            if status not in ("confirmed", "cancelled"):
                problems.append(f"I2: {booking_id} was acknowledged, then cancelled, and is {status}")
        elif status != "confirmed" or live != seats:
            problems.append(f"I2: {booking_id} was acknowledged with {seats} and is {status} with {live}")
    for booking_id in promises.cancelled:
        if known.get(booking_id, ("nowhere", ()))[0] not in ("cancelled", "expired"):
            problems.append(f"I2: the end of {booking_id} was acknowledged and it is {known.get(booking_id)}")
    for booking_id in promises.refused:
        if known.get(booking_id, ("nowhere", ()))[0] in STATE_OF:
            problems.append(f"I2: the buyer of {booking_id} was told no, and it is {known[booking_id]}")
    return problems


def money(load: Load, known: dict[UUID, str]) -> list[str]:
    """I3: captured at most once, and either confirmed or given back."""
    till, problems = load.till, []
    for booking_id, times in till.captured.items():
        status, back = known.get(booking_id, "nowhere"), till.refunded[booking_id]
        if times > 1 or back > 1:
            problems.append(f"I3: {booking_id} was captured {times} times and refunded {back} times")
        # Whoever cancels what was confirmed settles that with the seller, not here.
        stands = status == "confirmed" or (status == "cancelled" and booking_id in load.promises.confirmed)
        if stands == bool(back):
            problems.append(f"I3: {booking_id} is {status}, captured, and refunded {back} times")
    return problems


# ---------------------------------------------------------------- what users saw


def one_story(rooms: Iterable[FollowedRoom]) -> list[str]:
    """I5: versions never go back within an epoch, and a version is the same room for everybody."""
    problems, shown = [], dict[tuple[str, int], int]()
    for number, room in enumerate(rooms):
        latest: dict[str, int] = {}
        epochs: list[str] = []
        for epoch, version, digest in room.seen:
            if version < latest.get(epoch, 0):
                problems.append(f"I5: user {number} saw version {version} after {latest[epoch]} in epoch {epoch}")
            latest[epoch] = version
            if epochs[-1:] != [epoch]:
                if epoch in epochs:
                    problems.append(f"I5: user {number} came back to epoch {epoch}")
                epochs.append(epoch)
            if shown.setdefault((epoch, version), digest) != digest:
                problems.append(f"I5: users saw two different rooms at {epoch}:{version}")
    return problems[:10]


def orders(load: Load, seats: Iterable[int]) -> list[str]:
    """I6: what users were told of each seat could have happened in some order."""
    settings, problems = load.site.settings, []
    ends = ends_of(load.history.steps, settings.claim_ms)
    for seat in seats:
        actions = actions_of(load.history.steps, seat, settings.hold_ms, settings.hold_replay_ms)
        unexplained = explain(actions, ends)
        if unexplained is not None:
            began = unexplained[0].called_ms
            story = [
                f"    {a.kind}{'?' if a.perhaps else ''} {a.hold[:8]} {a.called_ms - began:.1f} to "
                f"{a.answered_ms - began:.1f} ms, until {a.until_ms - began if a.until_ms else 0:.0f}"
                for a in unexplained[-12:]
            ]
            holds = {action.hold for action in unexplained[-12:]}
            asked = [
                f"    asked: {s.verb} {str(s.hold_id)[:8]} by {s.user} {s.called_ms - began:.1f} to "
                f"{s.answered_ms - began:.1f} ms: {s.outcome} {s.code}"
                for s in load.history.steps
                if str(s.hold_id) in holds
            ]
            problems.append("\n".join([f"I6: nothing explains what users were told of seat {seat}:", *story, *asked]))
    return problems


async def doors_agree(site: Site) -> list[str]:
    """I5, I7: every server's REST interface counts what Redis has, and every seat is counted once."""
    problems: list[str] = []
    async with httpx.AsyncClient(timeout=5.0, headers={"Authorization": f"Bearer {site.token('looks')}"}) as http:
        for server in site.servers:
            if not server.alive:
                continue
            answer = (await http.get(f"{server.url}/api/v1/showtimes/{SHOWTIME}/availability")).json()
            room = await redis_of(site)
            states = room.states(site.seats) if room is not None else b""
            total = {COUNTED[state]: states.count(state) for state in COUNTED}
            if {name: answer["total"][name] for name in total} != total or sum(answer["total"].values()) != site.seats:
                problems.append(f"I5: {server.name} counts {answer['total']}, Redis has {total}")
            if room is not None and (answer["epoch"], answer["version"]) != (room.epoch, room.version):
                problems.append(f"I5: {server.name} is at {answer['version']}, Redis at {room.version}")
    return problems


# ---------------------------------------------------------------- the processes


async def sessions(site: Site) -> list[str]:
    """I8: no transaction is left open, and no server has more connections than its pools."""
    living = [server for server in site.servers if server.alive]
    problems: list[str] = []
    ends_at = time.monotonic() + 10
    while True:
        async with site.sql() as sql:
            states = Counter(
                row["state"]
                for row in await sql.fetch(
                    "SELECT state FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'seatserver'"
                )
            )
        async with site.keys() as keys:
            clients = [client for client in await keys.client_list() if client["name"] == "seatserver"]
        problems = []
        if any(state not in ("idle", "active") for state in states):
            problems.append(f"I8: database sessions are left as {dict(states)}")
        if states.total() > DATABASE_POOL * len(living):
            problems.append(f"I8: {states.total()} database sessions for {len(living)} servers")
        if len(clients) > (REDIS_POOL + 2) * len(living):
            problems.append(f"I8: {len(clients)} Redis clients for {len(living)} servers")
        if not problems or time.monotonic() > ends_at:
            return problems
        await asyncio.sleep(0.2)


class Descriptors:
    """I8: how many files and sockets the servers have open, before and after."""

    def __init__(self, site: Site) -> None:
        self._before = {server.name: server.descriptors() for server in site.servers}
        self._site = site

    async def check(self) -> None:
        """Without users a server needs what its pools need, and nothing else."""
        ends_at = time.monotonic() + 10
        while True:
            more = {
                server.name: server.descriptors() - self._before[server.name]
                for server in self._site.servers
                if server.alive
            }
            if all(count <= DATABASE_POOL + REDIS_POOL + 4 for count in more.values()):
                return
            assert time.monotonic() < ends_at, f"I8: descriptors more than before: {more}"
            await asyncio.sleep(0.2)


def logged(site: Site, *, repairs: bool = True) -> list[str]:
    """No server met what it does not know."""
    problems = []
    for server in site.servers:
        for line in server.lines():
            if any(str(line.get("event")).endswith(known) for known in CUT_OFF):
                continue
            if line.get("level") in ("error", "critical") or "Traceback" in str(line):
                problems.append(f"{server.name} logged: {str(line)[-1500:]}")
            elif not repairs and line.get("event") in HARMLESS:
                problems.append(f"I5: {server.name} had to repair what nobody broke: {line}")
    return problems[:5]


async def serves_again(site: Site, servers: Iterable[Server] | None = None) -> float:
    """I9: wait until each server holds and books for a newcomer again; how long that took, in seconds."""
    started = time.monotonic()
    await asyncio.gather(*(_served(site, server) for server in servers or site.servers))
    took_s = time.monotonic() - started
    assert took_s < SERVING_AGAIN_S * slowness(), f"I9: serving again took {took_s:.1f} s"
    return took_s


async def _served(site: Site, server: Server) -> None:
    ends_at = time.monotonic() + REST_S
    tries: list[str] = []
    while time.monotonic() < ends_at:
        try:
            await _buy_and_cancel(site, server)
            return
        except (RemoteError, SeatsRefused, Disconnected, TimeoutError, OSError, httpx.HTTPError) as error:
            tries.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(0.1)
    raise AssertionError(f"I9: {server.name} does not serve: {tries[-3:]}")


async def _buy_and_cancel(site: Site, server: Server) -> None:
    ready = 200
    async with SeatClient(server.url, token=site.token(f"newcomer-{uuid4()}"), timeout_s=3.0) as client:
        async with asyncio.timeout(5.0), client.room(SHOWTIME) as room:
            held = await room.hold(_some_free(room.room.states, site.rng.randrange))
            booking = await room.book(held.hold_id)
            assert booking.status == "confirmed"
        await client.call("POST", f"/bookings/{booking.booking_id}/cancel")
        try:
            await client.call("GET", "/health/ready")
        except RemoteError:
            ready = 503
    if ready != 200:
        raise RemoteError("not_ready", "it sells, and says that it is not ready", retryable=True)


def _some_free(states: bytes | bytearray, choose: Callable[[int], int]) -> int:
    free = [seat for seat in range(len(states) - NEWCOMERS, len(states)) if states[seat] == 0]
    if not free:
        raise RemoteError("full", "no seat is free at the moment", retryable=True)
    return free[choose(len(free))]
