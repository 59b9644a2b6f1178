"""A long evening: people buy, and every few seconds something breaks.

    python -m tests.faults.soak --minutes 10 [--seed N]

It goes in chapters of about a minute. At the end of each the load ends, everything has to come to rest, and every
promise is checked; some chapters leave Redis alone, so that each seat's history can be checked too. Prints what was
injected, what that hit in flight, how much was sold, and how long it took until every server sold again. Exits with 1
at the first promise that is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from seatserver.seats.scripts import Script
from tests.faults.invariants import Descriptors, check, promises_kept, serves_again
from tests.faults.site import SHOWTIME, Server, Site, keeping, kill, opened
from tests.faults.users import Load, Mix, users
from tests.integration.proxy import Proxy
from tests.support.lab import rss_kib

CHAPTER_S = 60.0
PROMISED_S = 5.0
"""Every server sells again so soon after a fault has ended."""
MOST_MEMORY_KIB = 300 * 1024
USERS = 12
MIX = Mix(cancel=1.0, pause_s=0.05)


@dataclass
class Tally:
    """What happened."""

    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    requests: int = 0
    bookings: int = 0
    acknowledged: int = 0
    chapters: int = 0
    linearizable: int = 0
    serving_s: list[float] = field(default_factory=list)

    def text(self) -> str:
        """One paragraph."""
        slowest = max(self.serving_s, default=0.0)
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.faults.total()} faults ({kinds})\n"
            f"{self.in_flight} requests in flight when they struck, {self.requests} requests in all\n"
            f"{self.bookings} bookings, {self.acknowledged} acknowledged as paid, none lost, none doubled, "
            f"no seat stuck, in {self.chapters} chapters, {self.linearizable} of them with every seat's history\n"
            f"serving again within {slowest:.1f} s at most "
            f"({sum(took <= PROMISED_S for took in self.serving_s)} of {len(self.serving_s)} within {PROMISED_S:g} s)"
        )


class Mischief:
    """Every fault as a coroutine that returns when the fault has ended."""

    def __init__(self, site: Site, load: Load, rng: random.Random) -> None:
        self._site, self._load, self._rng = site, load, rng

    def all(self, *, redis_stays: bool) -> list[Callable[[], Awaitable[None]]]:
        """What may be chosen from."""
        mild: list[Callable[[], Awaitable[None]]] = [
            self.kill_a_server,
            self.restart_a_server,
            self.stop_a_server,
            self.lose_answers_to_commit,
            self.lose_answers_of_a_script,
            self.cut_connections,
            self.kill_the_feeds,
            self.forget_the_scripts,
            self.drop_all_sockets,
            self.lock_the_showtime,
            self.delay,
        ]
        return (
            mild
            if redis_stays
            else [
                *mild,
                self.kill_redis,
                self.empty_redis,
                self.flush_redis,
                self.stop_redis,
                self.kill_postgres,
                self.stop_postgres,
                self.partition,
            ]
        )

    def _server(self) -> Server:
        return self._rng.choice(self._site.servers)

    def _proxy(self, server: Server) -> Proxy:
        proxy = self._rng.choice((server.to_redis, server.to_postgres))
        assert proxy is not None
        return proxy

    async def _a_while(self, at_most_s: float) -> None:
        await self._load.run_for(self._rng.uniform(0, at_most_s))

    async def kill_a_server(self) -> None:
        server = self._server()
        await server.kill()
        await self._a_while(0.5)
        await server.start()

    async def restart_a_server(self) -> None:
        server = self._server()
        await server.stop()
        await server.start()

    async def stop_a_server(self) -> None:
        async with self._site.standing_still(self._server()):
            await self._a_while(4)

    async def kill_redis(self) -> None:
        kill(self._site.redis.pid)
        await self._a_while(0.5)
        await self._site.start_redis()

    async def empty_redis(self) -> None:
        kill(self._site.redis.pid)
        await self._site.start_redis(remembers=False)

    async def flush_redis(self) -> None:
        async with self._site.keys() as keys:
            await keys.flushall()

    async def forget_the_scripts(self) -> None:
        async with self._site.keys() as keys:
            await keys.script_flush()

    async def kill_the_feeds(self) -> None:
        async with self._site.keys() as keys:
            await keys.client_kill_filter(_type="pubsub")

    async def stop_redis(self) -> None:
        async with self._site.standing_still(self._site.redis):
            await self._a_while(3)

    async def kill_postgres(self) -> None:
        kill(self._site.postgres.pid)
        await self._a_while(0.5)
        await self._site.start_postgres()

    async def stop_postgres(self) -> None:
        async with self._site.standing_still(self._site.postgres):
            await self._a_while(3)

    async def cut_connections(self) -> None:
        for _ in range(5):
            self._proxy(self._server()).cut_all()
            await self._a_while(0.1)

    async def partition(self) -> None:
        proxy = self._proxy(self._server())
        proxy.freeze()
        await self._a_while(3)
        proxy.thaw()

    async def delay(self) -> None:
        proxy = self._proxy(self._server())
        proxy.delay_s = 0.05
        await self._a_while(2)
        proxy.delay_s = 0.0

    async def lose_answers_to_commit(self) -> None:
        proxy = self._server().to_postgres
        assert proxy is not None
        proxy.lose_answer_to, proxy.lose_times = b"COMMIT", 3
        await self._a_while(1)
        proxy.lose_answer_to = None

    async def lose_answers_of_a_script(self) -> None:
        proxy = self._server().to_redis
        assert proxy is not None
        verb = self._rng.choice(("hold", "pin", "release", "extend", "apply", "sweep"))
        proxy.lose_answer_to, proxy.lose_times = Script(verb).sha.encode(), 3
        await self._a_while(1)
        proxy.lose_answer_to = None

    async def drop_all_sockets(self) -> None:
        for room in self._load.rooms:
            room.drop()

    async def lock_the_showtime(self) -> None:
        async with self._site.sql() as sql, sql.transaction():
            await sql.execute("SELECT 1 FROM showtimes WHERE id = $1 FOR UPDATE", SHOWTIME)
            await self._a_while(1)


async def chapter(site: Site, tally: Tally, seconds: float, *, redis_stays: bool) -> Load:
    """People buy for so long, while things break; then everything is looked at."""
    async with users(site, USERS, MIX) as load:
        load.start()
        mischief = Mischief(site, load, site.rng)
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            await load.run_for(site.rng.uniform(0.3, 2.0))
            fault = site.rng.choice(mischief.all(redis_stays=redis_stays))
            name = fault.__name__.replace("_", " ")
            tally.in_flight += await load.busy(0, 1)
            tally.faults[name] += 1
            await fault()
            tally.serving_s.append(await serves_again(site))
            print(f"  {name}: serving again after {tally.serving_s[-1]:.2f} s", flush=True)
        await load.end()
        await check(site, load, linearizable=redis_stays)
    tally.requests += len(load.history.steps)
    tally.bookings += load.history.count("book")
    tally.acknowledged += len(load.promises.confirmed)
    tally.chapters += 1
    tally.linearizable += redis_stays
    return load


async def soak(folder: Path, minutes: float, seed: int) -> Tally:
    """The whole evening."""
    tally, loads = Tally(), []
    with keeping(folder) as keeper:
        async with opened(keeper, seed) as site:
            await site.add_servers(2, proxied=True)
            descriptors = Descriptors(site)
            ends_at = time.monotonic() + minutes * 60
            while (left_s := ends_at - time.monotonic()) > 0:
                redis_stays = tally.chapters % 3 == 2
                print(f"chapter {tally.chapters + 1}{', Redis and Postgres are left alone' * redis_stays}", flush=True)
                loads.append(await chapter(site, tally, min(CHAPTER_S, left_s), redis_stays=redis_stays))
                await descriptors.check()
                for server in site.servers:
                    assert rss_kib(server.pid) < MOST_MEMORY_KIB, "I8: memory grows"
            for load in loads:
                assert (problems := await promises_kept(site, load)) == [], problems
    return tally


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description="People buy while things break.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 10**9), help="replay a run")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # everything that was started ends with us
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            tally = asyncio.run(soak(Path(folder), args.minutes, args.seed))
        except AssertionError as error:
            print(f"broken, with seed {args.seed}:\n{error}", file=sys.stderr)
            return 1
    print(tally.text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
