"""A whole installation of real processes, and a handle on each of them to break it by.

A `Keeper` has the one Postgres of a run, with a database for each `Site`. A site has a Redis of its own, perhaps a
replica, and servers started as an operator would, each behind TCP proxies where a test asks for them. Everything ends
with its ``with`` block, whatever was killed, stopped or frozen meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec
from redis.asyncio import Redis

from seatserver import config, database
from seatserver.access.tokens import Tokens
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Auditorium, ShowtimeDraft, Theatre
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from seatserver.pricing.tariff import Tariff
from tests.integration.proxy import Proxy, through
from tests.ports import fresh_port
from tests.support.lab import CATEGORY, Running, hall, running

SHOWTIME = "tonight"
SEATS = 40
NEWCOMERS = 12
"""So many seats, the last ones, are for those who only look whether a server sells."""
SECRET = "a secret of the fault tests, long enough for every algorithm that somebody may try"
ROOT = Path(__file__).parents[2]
TEMPLATE = "faults_template"
HOUR_MS = 3_600_000
SYNCED_S = 60.0

# Short deadlines, and everything that is done from time to time is done often: a fault and its end fit into seconds.
BRISK = {
    "SEATSERVER_DATABASE_STATEMENT_MS": "500",
    "SEATSERVER_DATABASE_LOCK_MS": "400",
    "SEATSERVER_DATABASE_POOL_WAIT_MS": "1000",
    "SEATSERVER_REDIS_TIMEOUT_MS": "500",
    "SEATSERVER_HOLD_MS": "1500",
    # So long that nobody reaches it: the history takes a hold whose answer was lost to have lasted its whole time.
    "SEATSERVER_HOLD_TOTAL_MS": "30000",
    "SEATSERVER_HOLD_PAUSE_MS": "1000",
    "SEATSERVER_HOLD_REPLAY_MS": "5000",
    "SEATSERVER_CHECKOUT_MS": "2600",
    "SEATSERVER_ANSWER_MS": "2200",
    "SEATSERVER_CLAIM_MS": "1500",
    "SEATSERVER_SEATS_PER_USER": "8",
    "SEATSERVER_HEARTBEAT_MS": "500",
    "SEATSERVER_IDLE_MS": "20000",
    "SEATSERVER_PROBE_MS": "200",
    "SEATSERVER_PROBE_LOST_MS": "1500",
    "SEATSERVER_VERIFY_MS": "300",
    "SEATSERVER_RELAY_MS": "100",
    "SEATSERVER_REAP_MS": "100",
    "SEATSERVER_RECONCILE_MS": "500",
    "SEATSERVER_SWEEP_MS": "300",
    "SEATSERVER_SHUTDOWN_MS": "3000",
    "SEATSERVER_LOG_FORMAT": "json",
}

# A record of every change in its order of commit, beside the product's own tables: what the outbox forgets it keeps.
LEDGER = """
    CREATE TABLE faults_ledger (
        at bigserial PRIMARY KEY, showtime_id text, seq bigint, booking_id uuid, state smallint, seats int[]
    );
    CREATE FUNCTION faults_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO faults_ledger (showtime_id, seq, booking_id, state, seats)
        VALUES (NEW.showtime_id, NEW.seq, NEW.booking_id, NEW.state, NEW.seats);
        RETURN NULL;
    END $$;
    CREATE TRIGGER faults_record AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION faults_record();
"""

Result = TypeVar("Result")


class Keeper:
    """The Postgres of a run, and the threads that children are started from: they live as long as these threads."""

    def __init__(self, folder: Path, disk: Path, threads: ThreadPoolExecutor) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(disk / "postgres")
        self._threads = threads
        self._numbers = itertools.count(1)

    async def apart(self, work: Callable[[], Result]) -> Result:
        """Do something slow beside the event loop, in which proxies and users go on."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def prepare(self) -> None:
        """Make the database that all others are copied from."""
        await self.apart(self.postgres.start)
        connection = await asyncpg.connect(self.postgres.url)
        try:
            await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        finally:
            await connection.close()
        url = self.url_of(TEMPLATE)
        await self.apart(lambda: database.upgrade(url))
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(LEDGER)
        finally:
            await connection.close()

    def url_of(self, name: str) -> str:
        """The URL of a database."""
        return f"{self.postgres.url.rpartition('/')[0]}/{name}"

    def number(self) -> int:
        """Another one each time."""
        return next(self._numbers)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The URL of a fresh database."""
        name = f"site_{self.number()}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        try:
            yield self.url_of(name)
        finally:
            _signal(self.postgres.pid, signal.SIGCONT)
            await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def execute(self, statement: str) -> None:
        """Run one statement outside any of the sites' databases."""
        for tries_left in reversed(range(50)):
            try:
                connection = await asyncpg.connect(self.postgres.url, timeout=5)
                try:
                    await connection.execute(statement)
                finally:
                    await connection.close()
                return
            except (asyncpg.PostgresError, OSError):
                # An autovacuum that only a superuser may end, or a server that recovers.
                if not tries_left:
                    raise
                await asyncio.sleep(0.1)


@contextmanager
def keeping(folder: Path, disk: Path | None = None) -> Iterator[Keeper]:
    """A keeper whose Postgres runs, with its files on ``disk``; nothing of it is left afterwards."""
    with ExitStack() as stack:
        threads = ThreadPoolExecutor(8, "keeper")
        stack.callback(threads.shutdown)
        keeper = Keeper(folder, disk or folder, threads)
        # In one of the threads: the children of a thread that ends, end.
        stack.callback(lambda: threads.submit(keeper.postgres.stop).result())
        # An event loop of its own: pytest may have one already.
        threads.submit(asyncio.run, keeper.prepare()).result()
        yield keeper


class Server:
    """One server process. It keeps its port, so that whoever was connected finds it again.

    ``build`` names one of `tests.faults.builds`, empty for the product as it is; it is heeded at the next start.
    """

    def __init__(self, keeper: Keeper, name: str, port: int, folder: Path, environ: dict[str, str]) -> None:
        self.name, self.port, self.environ = name, port, environ
        self.build = ""
        self.url = f"http://127.0.0.1:{port}"
        self.to_postgres: Proxy | None = None
        self.to_redis: Proxy | None = None
        self.logs: list[Path] = []
        self.starts = 0
        self._keeper, self._folder = keeper, folder
        self._process: AbstractContextManager[Running] | None = None
        self._running: Running | None = None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._running is not None, "it was never started"
        return self._running.pid

    async def start(self, **variables: str) -> None:
        """Start it; returns when it listens."""
        module, *arguments = ("tests.faults.builds", self.build) if self.build else ("seatserver",)
        environ = {**self.environ, **variables}
        self._process = running(self.name, module, *arguments, "serve", folder=self._folder, environ=environ)
        self._running = await self._keeper.apart(self._process.__enter__)
        self.logs.append(self._running.log)
        self.starts += 1

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._running is not None and _is_alive(self._running.pid)

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped, and waits for SIGCONT."""
        return _state_of(self.pid) == "T"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    async def bury(self) -> None:
        """Wait for the end of a process that was killed or exited by itself."""
        if self._process is not None:
            while self.alive:  # noqa: ASYNC110 - another process's end has no event
                await asyncio.sleep(0.01)
            process, self._process, self._running = self._process, None, None
            await self._keeper.apart(lambda: process.__exit__(None, None, None))

    async def kill(self) -> None:
        """``kill -9``."""
        if self._running is not None:
            _signal(self.pid, signal.SIGKILL)
        await self.bury()

    async def stop(self) -> float:
        """Ask it to end, and wait; how long that took, in seconds."""
        started = time.monotonic()
        process, self._process = self._process, None
        if process is not None:
            await self._keeper.apart(lambda: process.__exit__(None, None, None))
        self._running = None
        return time.monotonic() - started

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it has logged, in all its lives."""
        for log in self.logs:
            for line in log.read_text(errors="replace").splitlines():
                try:
                    yield msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.DecodeError:
                    yield {"level": "error", "event": line}  # not of ours: a traceback

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Site:
    """One installation, with its showtime on sale."""

    def __init__(self, keeper: Keeper, database_url: str, redis: EmbeddedRedis, folder: Path, seed: int) -> None:
        self.keeper, self.database_url, self.redis, self.folder, self.seed = keeper, database_url, redis, folder, seed
        self.rng = random.Random(seed)
        self.environ = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis.url,
            "SEATSERVER_TOKEN_SECRET": SECRET,
            "SEATSERVER_UNLIMITED": "127.0.0.0/8",
            "PYTHONPATH": str(ROOT),
            **BRISK,
        }
        self.redis_url = redis.url
        """The way to the Redis that is in charge."""
        self.redis_binary: Path | None = None
        """What a second Redis runs too: an older one could not read what the first one sends it."""
        self.servers: list[Server] = []
        self.seats = SEATS
        self.to_redis: Proxy | None = None
        self._stack = AsyncExitStack()

    @property
    def settings(self) -> config.Settings:
        """What the servers are told, without proxies."""
        return config.load({name: value for name, value in self.environ.items() if name != "PYTHONPATH"})

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The Postgres that all sites share."""
        return self.keeper.postgres

    @property
    def postgres_alive(self) -> bool:
        """Whether it runs."""
        return _is_alive(self.postgres.pid)

    def token(self, user: str, *scopes: str, lifetime_s: int = 3600) -> str:
        """A token; by default one that may watch, hold and book."""
        return Tokens(self.settings).mint(user, scopes or ("watch", "hold", "book"), lifetime_s)

    async def add_server(self, *, proxied: bool = False, build: str = "", **variables: str) -> Server:
        """Start another server; ``proxied``: it reaches Postgres and Redis only through proxies of its own."""
        environ = {**self.environ, **variables, "PORT": str(fresh_port())}
        server = Server(self.keeper, f"server-{len(self.servers)}", int(environ["PORT"]), self.folder, environ)
        server.build = build
        if proxied:
            server.to_postgres = await self._proxy_before(environ, "DATABASE_URL")
            server.to_redis = await self._proxy_before(environ, "REDIS_URL")
        self._stack.push_async_callback(server.kill)
        self.servers.append(server)
        await server.start()
        return server

    async def add_servers(self, count: int = 2, **how: Any) -> list[Server]:
        """Several at once."""
        return list(await asyncio.gather(*(self.add_server(**how) for _ in range(count))))

    async def _proxy_before(self, environ: dict[str, str], variable: str) -> Proxy:
        parts = urlsplit(environ[variable])
        proxy = Proxy(parts.hostname or "", parts.port or 0, random.Random(self.seed))
        await self._stack.enter_async_context(proxy.listening())
        environ[variable] = through(environ[variable], proxy)
        return proxy

    async def put_proxy_before_redis(self) -> Proxy:
        """One way to Redis for all servers that are added from now on, which may lead elsewhere later."""
        self.to_redis = await self._proxy_before(self.environ, "REDIS_URL")
        return self.to_redis

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection to Postgres that knows nothing of the product."""
        connection = await asyncpg.connect(self.database_url, timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    @asynccontextmanager
    async def keys(self) -> AsyncIterator[Redis]:
        """A connection to the Redis that is in charge; replies are text."""
        async with Redis.from_url(self.redis_url, decode_responses=True, socket_timeout=10) as connection:
            yield connection

    async def start_redis(self, *, remembers: bool = True) -> None:
        """Start it again after it was killed; its port and password stay. Unless it ``remembers``, it is empty."""
        if not remembers:
            for path in (self.folder / "redis" / "redis").glob("appendonly*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        await self.keeper.apart(self.redis.start)

    async def start_postgres(self) -> None:
        """Start it again after it was killed."""
        await self.keeper.apart(self.postgres.start)

    @asynccontextmanager
    async def standing_still(self, process: EmbeddedPostgres | EmbeddedRedis | Server) -> AsyncIterator[None]:
        """SIGSTOP, and for Postgres to all its sessions too; SIGCONT at the end."""
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in family:
                _signal(pid, signal.SIGCONT)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[EmbeddedRedis]:
        """A second Redis that follows the first; it takes the same password."""
        second = EmbeddedRedis(self.folder / "replica", self.redis_binary)
        await self.keeper.apart(second.start)
        try:
            password = urlsplit(self.redis.url).password or ""
            async with Redis.from_url(second.url, decode_responses=True) as connection:
                await connection.config_set("masterauth", password)
                await connection.replicaof("127.0.0.1", self.redis.port)
                async with asyncio.timeout(SYNCED_S):
                    while (await connection.info("replication"))["master_link_status"] != "up":  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            yield second
        finally:
            _signal(second.pid, signal.SIGCONT)
            await self.keeper.apart(second.stop)

    async def promote(self, replica: EmbeddedRedis) -> None:
        """From now on ``replica`` is in charge, with what it knows."""
        async with Redis.from_url(replica.url, decode_responses=True) as connection:
            await connection.replicaof("NO", "ONE")
            await connection.config_set("requirepass", urlsplit(self.redis.url).password or "")
        self.redis_url = f"{self.redis.url.rpartition(':')[0]}:{replica.port}/0"

    async def open(self, seats: int = SEATS) -> None:
        """Put the showtime on sale, in a hall of so many seats."""
        self.seats = seats
        pool = database.Database(self.settings)
        try:
            catalog = Catalog(pool)
            await catalog.put_theatre(Theatre(id="rex", name="Rex", timezone="UTC"))
            await catalog.put_auditorium(Auditorium(id="one", theatre_id="rex", name="One"))
            now_ms = time.time_ns() // 1_000_000
            draft = ShowtimeDraft(
                id=SHOWTIME,
                auditorium_id="one",
                layout_hash=await catalog.put_layout(hall(seats)),
                title="Faults",
                starts_at_ms=now_ms + 12 * HOUR_MS,
                on_sale_at_ms=now_ms - HOUR_MS,
                sale_ends_at_ms=now_ms + 12 * HOUR_MS,
                tariff=Tariff.flat("EUR", {CATEGORY: 1000}),
            )
            await catalog.put_showtime(draft)
        finally:
            await pool.close()

    async def close(self) -> None:
        """Everything that was started here, ends."""
        await self._stack.aclose()


@asynccontextmanager
async def opened(
    keeper: Keeper, seed: int, *, seats: int = SEATS, redis_binary: Path | None = None, **variables: str
) -> AsyncIterator[Site]:
    """A site on a database of its own; ``variables`` go into the environment of its servers."""
    folder = keeper.folder / f"site-{keeper.number()}"
    folder.mkdir()
    async with keeper.database() as database_url:
        redis = EmbeddedRedis(folder / "redis", redis_binary)
        await keeper.apart(redis.start)
        try:
            site = Site(keeper, database_url, redis, folder, seed)
            site.environ.update(variables)
            site.redis_binary = redis_binary
            try:
                await site.open(seats)
                yield site
            finally:
                _signal(keeper.postgres.pid, signal.SIGCONT)
                if not _is_alive(keeper.postgres.pid):
                    await site.start_postgres()
                await site.close()
        finally:
            _signal(redis.pid, signal.SIGCONT)
            await keeper.apart(redis.stop)


def _children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_children(child)]
    return found


def kill(pid: int) -> None:
    """``kill -9``; returns when it runs no more."""
    _signal(pid, signal.SIGKILL)
    while _is_alive(pid):
        time.sleep(0.001)


def _signal(pid: int, number: signal.Signals) -> None:
    if pid and _is_alive(pid):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be buried does not."""
    return _state_of(pid) not in ("", "Z", "X")


def _state_of(pid: int) -> str:
    """As in ps(1); empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
