"""What each script of a hold's life costs Redis, by Redis' own clock: plain cases, refusals, and what is rare.

No server takes part: a `SeatStore` calls its scripts on one Redis, in batches of calls of a kind, and Redis says how
many microseconds it spent in each batch (``INFO commandstats``). That leaves out the network and the reading of
commands. Other processes can only add to it, so the lower quartile of all batches and turns is reported. The holds are
of two seats each, over so many rooms.

``--against`` names another checkout of this project, say one of an older commit. Its scripts take turns with ours on
the same Redis, in rooms of their own, called by our store.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from redis.asyncio import Redis

from loadtests import report
from loadtests.installation import Installation
from loadtests.meters import percentile, ratio
from seatserver.config import Settings
from seatserver.errors import SeatsRefused, StartError
from seatserver.seats import scripts as seats_scripts
from seatserver.seats.model import AreaWish, Conditions, Judged, Ownership, RoomMoved
from seatserver.seats.scripts import VERBS, Script
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore

HALL = 8000
DAY_MS = 86_400_000
SOLD = tuple(range(7000, 7050))
"""Booked before, in every room."""
GUARDS = tuple((seat, True) for seat in (7500, 7501, 7502, 7503))
AREA = range(7600, 7800)
TERMS = '{"quote":{"lines":[{"place":100,"price":1200},{"place":101,"price":1200}],"total":2400,"currency":"EUR"}}'
ASKED = "0123456789abcdef0123456789abcdef"
SHORT_MS = 200
BATCH = 24
"""As many calls as the pipeline sends at once."""
PRINT_SCRIPTS = """
import json
from seatserver.seats.scripts import VERBS, Script
print(json.dumps({verb: Script(verb).source for verb in VERBS}))
"""
SUM = "hold + release"

Calls = list[Coroutine[Any, Any, Any]]


class Text(Script):
    """A script of this checkout or of another one, as its text."""

    def __init__(self, verb: str, source: str) -> None:
        self.verb, self.source = verb, source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("scripts", help="Redis' time in each script: holds, releases, refusals, bookings, expiry")
    parser.add_argument("--rooms", type=report.at_least(1), default=64, help="rooms to spread over (default 64)")
    parser.add_argument("--calls", type=report.at_least(1), default=256, help="calls of a kind in a turn (default 256)")
    parser.add_argument("--against", type=Path, help="another checkout, whose scripts take turns with ours")
    report.options(parser, repeats=7)
    parser.set_defaults(run=lambda args: report.run(args, measure, _show))


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """The microseconds of each case, by the scripts of this checkout and of the other."""
    versions = {"before": _scripts_of(args.against)} if args.against else {}
    versions["now"] = {verb: Script(verb) for verb in VERBS}
    batches: dict[str, dict[str, list[float]]] = {name: {} for name in versions}
    for turn in range(args.repeats):
        # Whoever comes second finds a larger Redis, so they take turns at that too.
        for name in sorted(versions, reverse=turn % 2 == 1):
            asyncio.run(_play(place.settings, versions[name], args.rooms, args.calls, batches[name]))
    cases = {case: {name: percentile(found[case], 0.25) for name, found in batches.items()} for case in batches["now"]}
    cases[SUM] = {name: cases["hold"][name] + cases["release"][name] for name in versions}
    return {"rooms": args.rooms, "calls": args.calls, "turns": args.repeats, "us_per_call": cases}


def _scripts_of(checkout: Path) -> dict[str, Script]:
    try:
        said = subprocess.run(
            [sys.executable, "-c", PRINT_SCRIPTS], cwd=checkout, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartError(f"{checkout}: expected another checkout of this project ({error})") from None
    return {verb: Text(verb, source) for verb, source in json.loads(said.stdout).items()}


@asynccontextmanager
async def _open(settings: Settings, scripts: dict[str, Script]) -> AsyncIterator[tuple[Redis, SeatStore, SeatStore]]:
    """A connection, a store, and a store whose holds are short; both call these scripts."""

    async def load_ownership(showtime_id: str) -> Ownership:
        taken = dict.fromkeys(SOLD, int(SeatState.SOLD))
        return Ownership(1, taken, time.time_ns() // 1_000_000 + DAY_MS, HALL, {})

    # Each has its seats again and again, which must not count as too long.
    patient = replace(settings, redis_queue_commands=100_000, hold_total_ms=DAY_MS)
    redis = Redis.from_url(settings.redis_url)
    with patch.object(seats_scripts, "Script", scripts.__getitem__):
        stores = [SeatStore(redis, one, load_ownership) for one in (patient, replace(patient, hold_ms=SHORT_MS))]
    try:
        for script in scripts.values():
            await redis.script_load(script.source)
        yield redis, stores[0], stores[1]
    finally:
        for store in stores:
            await store.close()
        await redis.aclose()


async def _play(
    settings: Settings, scripts: dict[str, Script], rooms: int, count: int, batches: dict[str, list[float]]
) -> None:
    """One turn: every case, in rooms that are new. Adds the µs a call of each batch to ``batches``."""
    async with _open(settings, scripts) as (redis, store, short):
        await redis.flushdb()
        stage = Stage(store, short, [f"room-{number}" for number in range(rooms)], count, settings.seats_per_user)
        for room in stage.rooms:
            await store.load(room)
        async for name, expected, calls in stage.scenes():
            for first in range(0, len(calls), BATCH):
                batch, before = calls[first : first + BATCH], await _spent_us(redis)
                outcomes = await asyncio.gather(*batch, return_exceptions=True)
                batches.setdefault(name, []).append((await _spent_us(redis) - before) / len(batch))
                for outcome in outcomes:
                    if not isinstance(outcome, expected):
                        raise StartError(f"{name}: expected {expected.__name__}, got {outcome!r}")


async def _spent_us(redis: Redis) -> int:
    said = await redis.info("commandstats")
    return int(said.get("cmdstat_evalsha", {}).get("usec", 0))


class Stage:
    """Who calls what. Client n has a room, two seats of it, and a user's name of its own."""

    def __init__(self, store: SeatStore, short: SeatStore, rooms: Sequence[str], count: int, most: int) -> None:
        self.store, self.short, self.rooms, self.count, self.most = store, short, rooms, count, most
        self.seq = {room: 1 for room in rooms}

    def room(self, n: int) -> str:
        return self.rooms[n % len(self.rooms)]

    def seats(self, n: int, first: int = 0) -> list[int]:
        at = first + 2 * (n // len(self.rooms))
        return [at, at + 1]

    def holds(
        self, ids: list[UUID], user: str = "user", *, first: int = 0, seats: list[int] | None = None, **more: Any
    ) -> Calls:
        conditions = Conditions(asked=ASKED, terms=TERMS, **more)
        return [
            self.store.hold(
                self.room(n), one, f"{user}-{n}", self.seats(n, first) if seats is None else seats, conditions
            )
            for n, one in enumerate(ids)
        ]

    def releases(self, ids: list[UUID]) -> Calls:
        return [self.store.release(self.room(n), one, f"user-{n}") for n, one in enumerate(ids)]

    def ids(self) -> list[UUID]:
        return [uuid4() for _ in range(self.count)]

    def changes(self, ids: list[UUID], state: SeatState, first: int) -> Calls:
        calls: Calls = []
        for n, one in enumerate(ids):
            self.seq[self.room(n)] += 1
            seq = self.seq[self.room(n)]
            calls.append(self.store.apply(self.room(n), seq, state, one, f"user-{n}", self.seats(n, first)))
        return calls

    async def scenes(self) -> AsyncIterator[tuple[str, type, Calls]]:
        """Cases in their order: a name, what each call has to bring, and the calls."""
        ids = self.ids()
        yield "first hold", object, self.holds(ids)
        yield "first release", tuple, self.releases(ids)
        ids = self.ids()
        yield "hold", object, self.holds(ids)
        yield "hold: repeated", object, self.holds(ids)
        yield "refused: held", SeatsRefused, self.holds(self.ids(), "rival")
        yield "refused: sold", SeatsRefused, self.holds(self.ids(), "rival", seats=[SOLD[0], SOLD[1]])
        many = list(range(5000, 5000 + self.most))
        yield "refused: limit", SeatsRefused, self.holds(self.ids(), seats=many)
        moved = Judged(guards=((SOLD[0], True), *GUARDS))
        yield (
            "refused: rules rely on what has changed",
            RoomMoved,
            self.holds(self.ids(), "rival", first=4000, judged=moved),
        )
        yield "extend", object, [self.store.extend(self.room(n), one, f"user-{n}") for n, one in enumerate(ids)]
        yield "holds of a user", tuple, [self.store.holds_of(self.room(n), f"user-{n}") for n in range(self.count)]
        yield "snapshot", object, [self.store.snapshot(self.room(n), HALL) for n in range(self.count)]
        yield "sweep, nothing due", int, [self.store.sweep(self.room(n)) for n in range(self.count)]
        yield "release", tuple, self.releases(ids)
        yield "release: repeated", tuple, self.releases(ids)
        ids, others = self.ids(), self.ids()
        yield "hold, four guards", object, self.holds(ids, judged=Judged(guards=GUARDS))
        calls: Calls = []
        for n, (one, other) in enumerate(zip(ids, others, strict=True)):
            kept, _ = self.seats(n)
            conditions = Conditions(asked=ASKED, terms=TERMS, replaces=one)
            calls.append(self.store.hold(self.room(n), other, f"user-{n}", [kept, 4000 + kept], conditions))
        yield "hold, replaces another", object, calls
        yield (
            "release: one of two seats",
            tuple,
            [self.store.release(self.room(n), one, f"user-{n}", [self.seats(n)[0]]) for n, one in enumerate(others)],
        )
        ids = self.ids()
        yield "hold, to be booked", object, self.holds(ids, first=2000)
        yield "pin", object, [self.store.pin(self.room(n), one, f"user-{n}") for n, one in enumerate(ids)]
        yield "claim", object, self.changes(ids, SeatState.CLAIMED, 2000)
        yield "confirm", object, self.changes(ids, SeatState.SOLD, 2000)
        yield "cancel", object, self.changes(ids, SeatState.FREE, 2000)
        area = (AreaWish(AREA, AREA[0], 2),)
        # The last of many in a room has to look past the places of the others.
        yield (
            "hold, two places of an area",
            object,
            self.holds(self.ids()[: 50 * len(self.rooms)], seats=[], areas=area),
        )
        for room in self.rooms:
            await self.short.sweep(room)
        for n in range(self.count):
            await self.short.hold(self.room(n), uuid4(), f"brief-{n}", self.seats(n, 3000))
        await asyncio.sleep(2 * SHORT_MS / 1000)
        yield "sweep, all of a room's brief holds due", object, [_none(self.short.sweep(room)) for room in self.rooms]


async def _none(work: Awaitable[Any]) -> Any:
    """What came of it; a room in which nothing is held any more says None."""
    return await work or 0


def _show(result: report.Result) -> None:
    print(
        f"Redis' time per call in µs, by INFO commandstats: {result['calls']:,} calls over {result['rooms']:,} rooms, "
        f"lower quartile of the batches of {result['turns']} turns\n"
    )
    rows = []
    for case, us in result["us_per_call"].items():
        row = [case, *(us[name] for name in us)]
        rows.append([*row, ratio(us["now"], us["before"])] if "before" in us else row)
    has_two = any("before" in us for us in result["us_per_call"].values())
    report.table(["script", "before", "now", "ratio"] if has_two else ["script", "now"], rows)
