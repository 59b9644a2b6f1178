"""The one place where everything is wired together.

`Server` makes every part of a process and knows the order in which they start and stop. `create_app` is the ASGI
application; `serve` runs it under uvicorn with our settings until a signal; `work` runs only the background duties.
Read `Server.__init__` from top to bottom to see who knows whom.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import FrameType
from typing import Any, Self
from uuid import UUID

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.types import ASGIApp

from seatserver import config, descriptors, listening, logs
from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.access.guests import Guests
from seatserver.access.networks import NetworkNames
from seatserver.access.tickets import Tickets
from seatserver.access.tokens import Tokens
from seatserver.api.routes import cross_origin, rest_routes
from seatserver.api.shared import services as api
from seatserver.api.shared.answers import SharedAnswers
from seatserver.api.shared.problems import exception_handlers, handle
from seatserver.bookings.admissions import Admissions
from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.own import OwnBookings
from seatserver.bookings.reconcile import Reconciler
from seatserver.bookings.records import Records
from seatserver.bookings.seat_changes import Relay
from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings
from seatserver.database import Database, away_at_start
from seatserver.errors import SeatServerError, Unavailable
from seatserver.garbage import Collector
from seatserver.holding.holding import Holding
from seatserver.live import views
from seatserver.live.broadcast.broadcaster import Broadcaster
from seatserver.live.broadcast.services import BroadcastServices
from seatserver.live.session import commands as live
from seatserver.live.session.endpoint import Sockets
from seatserver.live.session.registry import SessionRegistry
from seatserver.live.transport.uvicorn_connection import UvicornConnection
from seatserver.live.transport.uvicorn_http import bounded
from seatserver.loop import LoopWatch
from seatserver.metrics import Metrics
from seatserver.operations.instance_reports import InstanceReports
from seatserver.operations.report_store import ReportStore
from seatserver.redis_io import client as redis_client
from seatserver.rooms.counts import Counts
from seatserver.rooms.feed import Feed
from seatserver.rooms.hub import Hub
from seatserver.seats.store import SeatStore
from seatserver.starting import once_there
from seatserver.tasks import Tasks, raise_if_cancelled
from seatserver.web.routes import missing_page, web_routes
from seatserver.wire.from_server import Booked
from seatserver.worker import Worker

log = structlog.get_logger(__name__)

# A frame this much over the limit is not read at all: the protocol closes with 1009. Below it we explain first.
FRAME_BYTES_FACTOR = 16
BACKLOG = 4096

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Server:
    """Every part of one process. ``async with`` it: entering starts the background tasks, leaving ends them all."""

    def __init__(self, settings: Settings, clock: Clock = wall_clock) -> None:
        """``clock`` decides what is on sale and when a payment is late; deadlines of holds are by Redis' clock."""
        self.settings = settings
        self.metrics = Metrics()
        self.redis = redis_client.connect(settings)
        self.database = Database(settings)
        self.tokens = Tokens(settings)
        self.tickets = Tickets(settings, self.redis)
        self.booking_keys = BookingKeys(settings)
        self.catalog = Catalog(self.database)
        self.records = Records(self.database, clock)
        self.own_bookings = OwnBookings(self.database)
        self.store = SeatStore(self.redis, settings, self.records.load_ownership)
        self.hub = Hub(self.store, settings)
        self.feed = Feed(self.redis, settings, self.hub.received, self.hub.restored)
        self.hub.attach(self.feed)
        self.holding = Holding(self.store, settings, clock)
        self.relay = Relay(self.database, self.store)
        self.checkout = Checkout(
            settings=settings,
            database=self.database,
            catalog=self.catalog,
            store=self.store,
            records=self.records,
            relay=self.relay,
            metrics=self.metrics,
            clock=clock,
        )
        self.allocations = Allocations(self.database, self.catalog, clock, self.relay.notify)
        self.reconciler = Reconciler(self.records, self.store, self.relay)
        self.broadcaster = Broadcaster(self.hub, BroadcastServices(settings, self.metrics, clock, self._read_booking))
        self.worker = Worker(
            settings=settings,
            store=self.store,
            checkout=self.checkout,
            allocations=self.allocations,
            relay=self.relay,
            reconciler=self.reconciler,
            metrics=self.metrics,
        )
        self.share = descriptors.share(settings)
        self.sessions = SessionRegistry(settings, self.metrics, self.share.sockets)
        self.loop_watch = LoopWatch(settings, self.metrics)
        self.reports = InstanceReports(
            metrics=self.metrics,
            broadcaster=self.broadcaster,
            board=ReportStore(self.redis),
            clock=wall_clock,
            ping_database=self.database.ping,
            is_feed_healthy=lambda: self.feed.healthy,
            is_draining=lambda: self.sessions.draining,
        )
        self._tasks = Tasks()

    async def __aenter__(self) -> Self:
        try:
            await self.check()
            raise_if_cancelled()
        except BaseException:
            await self.close_connections()
            raise
        if shortage := self.share.shortage(self.settings):
            tell = log.warning if self.share.is_much_less(self.settings) else log.info
            tell("fewer sockets than the settings say", problem=shortage)
        self.loop_watch.start()
        self._tasks.spawn(self.hub.run(), "hub")
        self._tasks.spawn(self.broadcaster.run(), "beats")
        self._tasks.spawn(self.reports.run(), "reports")
        self._tasks.spawn(logs.tell_counts(), "counts of the log")
        if self.settings.duties:
            self._tasks.spawn(self.worker.run(), "duties")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        # What is being written finishes first; then what feeds on it; the connections last.
        await self.checkout.close(grace_s=self.settings.shutdown_ms / 4000)
        await self._tasks.close()
        await self.reports.close()
        await self.own_bookings.close()
        await self.relay.close()
        await self.broadcaster.close()
        await self.hub.close()
        await self.close_connections()
        self.loop_watch.close()

    async def check(self) -> None:
        """Raise `StartError` with one clear line when this process could not work, `NotThereYet` when it may soon."""
        try:
            await self.database.ping()
            await self.database.check_migrated()
        except Unavailable as error:
            raise away_at_start(error) from None
        await redis_client.check(self.redis)

    async def is_there_before(self, stop: asyncio.Event) -> bool:
        """Wait until Postgres and Redis answer, for as long as the settings say; False when ``stop`` was set first.

        Closes the connections unless it answers True. Raises `StartError`.
        """
        waiting = asyncio.create_task(once_there(self.check, self.settings.start_wait_s))
        stopping = asyncio.create_task(stop.wait())
        there = False
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                await waiting
                there = True
            return there
        finally:
            for task in (waiting, stopping):
                task.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)
            if not there:
                await self.close_connections()

    async def ready(self) -> dict[str, str | None]:
        """Each part that is needed to serve, with None or what is wrong with it."""
        return {
            "postgres": await _problem(self.database.ping()),
            "redis": await _problem(self._ping_redis()),
            "feed": None if self.feed.healthy else "the probe over Redis pub/sub does not come back",
            "server": "draining" if self.sessions.draining else None,
        }

    async def _ping_redis(self) -> None:
        try:
            await self.redis.ping()
        except redis_client.UNAVAILABLE:
            raise Unavailable("Redis") from None

    async def _read_booking(self, booking_id: UUID) -> Booked | None:
        booking = await self.records.find(booking_id)
        if booking is None:
            return None
        return views.booked(booking, (await self.catalog.showtime(booking.showtime_id)).seat_map, self.booking_keys)

    async def has_showtime(self, showtime_id: str) -> bool:
        """Whether there is such a showtime. Raises `Unavailable`."""
        return await self.catalog.existing([showtime_id]) != []

    async def close_connections(self) -> None:
        """Let go of Postgres and Redis; also for a server that was never entered."""
        self.holding.close()
        await self.store.close()
        await self.database.close()
        await self.redis.aclose()


async def _problem(check: Coroutine[Any, Any, None]) -> str | None:
    try:
        await check
    except SeatServerError as error:
        return error.message
    return None


def build_app(server: Server, lifespan: Lifespan | None = None) -> ASGIApp:
    """The ASGI application of a server that is entered and left elsewhere."""
    networks = NetworkNames(server.settings)
    rest = api.ApiServices(
        settings=server.settings,
        catalog=server.catalog,
        hub=server.hub,
        counts=Counts(server.hub),
        holding=server.holding,
        checkout=server.checkout,
        own_bookings=server.own_bookings,
        allocations=server.allocations,
        tokens=server.tokens,
        guests=Guests(server.settings, server.tokens),
        networks=networks,
        tickets=server.tickets,
        admissions=Admissions(server.database),
        admission_codes=AdmissionCodes(server.settings),
        booking_keys=server.booking_keys,
        reports=server.reports,
        shared_answers=SharedAnswers(),
        ready=server.ready,
        metrics_text=server.metrics.text,
        clock=wall_clock,
    )
    sockets = live.LiveServices(
        settings=server.settings,
        catalog=server.catalog,
        store=server.store,
        holding=server.holding,
        checkout=server.checkout,
        own_bookings=server.own_bookings,
        tokens=server.tokens,
        tickets=server.tickets,
        networks=networks,
        booking_keys=server.booking_keys,
        broadcaster=server.broadcaster,
        metrics=server.metrics,
        clock=wall_clock,
    )
    pages = Starlette(
        routes=[*rest_routes(rest), *web_routes(server.settings, server.has_showtime)],
        middleware=cross_origin(server.settings),
        exception_handlers={**exception_handlers(), 404: missing_page(server.settings, handle)},
        lifespan=lifespan,
    )
    # A path with a slash too many is not found, like any other wrong path.
    pages.router.redirect_slashes = False
    return Sockets(sockets, server.sessions, pages)


def create_app() -> ASGIApp:
    """For any ASGI server: ``seatserver.app:create_app`` as a factory. Settings come from the environment."""
    settings = config.load()
    logs.configure(settings)
    descriptors.raise_limit(settings)
    server = Server(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Without waiting for Postgres and Redis: other servers heed no signal before this is done.
        async with server:
            yield
            await server.sessions.drain()

    return build_app(server, lifespan)


def serve(settings: Settings, on_ready: Callable[[str], None] | None = None, *, shares_port: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then go in good order. ``on_ready`` is told the address once it listens.

    Raises `StartError` when the address cannot be had or a dependency does not answer.
    """
    logs.configure(settings)
    descriptors.raise_limit(settings)
    with listening.listen(settings, shares_port=shares_port) as listener, _Signals() as signals:
        _run(_serve(settings, listener, signals, on_ready))


def work(settings: Settings) -> None:
    """Run the background duties until SIGINT or SIGTERM. Raises `StartError`."""
    logs.configure(settings)
    _run(_work(settings))


async def _serve(
    settings: Settings, listener: socket.socket, signals: _Signals, on_ready: Callable[[str], None] | None
) -> None:
    server, stop, loop = Server(settings), asyncio.Event(), asyncio.get_running_loop()

    def give_up(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    signals.tell = give_up
    if signals.heard or not await server.is_there_before(stop):
        return
    async with server:
        http = make_server(server, on_ready)
        if not signals.heard:
            signals.tell = http.handle_exit
            with Collector():
                await http.serve([listener])


def make_server(server: Server, on_ready: Callable[[str], None] | None = None) -> uvicorn.Server:
    """uvicorn with our settings; run ``serve([listener])`` while ``server`` is entered."""
    settings = server.settings
    limits = uvicorn.Config(
        build_app(server),
        http=bounded(server.share.connections),
        ws=UvicornConnection,
        ws_max_size=settings.message_bytes * FRAME_BYTES_FACTOR,
        ws_ping_interval=settings.heartbeat_ms / 1000,
        ws_ping_timeout=settings.idle_ms / 1000,
        # 18.8 KiB a connection without it, 53 KiB with; frames are small.
        ws_per_message_deflate=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        # A shutdown's time: half for the goodbye, a quarter for requests, a quarter for what is being written.
        timeout_graceful_shutdown=max(1, settings.shutdown_ms // 4000),
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
    return _Server(limits, server, on_ready or (lambda url: log.info("serving", url=url)))


class _Server(uvicorn.Server):
    """uvicorn that says when it listens, and says goodbye to sockets in slices before it closes them."""

    def __init__(self, settings: uvicorn.Config, server: Server, on_ready: Callable[[str], None]) -> None:
        super().__init__(settings)
        self._seat_server = server
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._on_ready(listening.url_of(self._seat_server.settings, sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._seat_server.sessions.drain()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: see `_Signals`."""
        yield


class _Signals:
    """SIGINT and SIGTERM, from before the server starts until it has stopped.

    uvicorn would listen to them only while it serves, and then raise them again, which ends the process before the
    server has stopped. A handler that was there before us is told at the end; without one `serve` returns.
    """

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.tell: Callable[[int, FrameType | None], None] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others cannot listen
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self.heard[-1:]:
            handler = self._before[number]
            if callable(handler) and handler is not signal.default_int_handler:
                handler(number, None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard.append(number)
        if self.tell is not None:
            self.tell(number, frame)


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(settings)
    if not await server.is_there_before(stop):
        return
    async with server:
        log.info("working", duties="expiry, relay, reap, release, reconcile")
        duties = None if settings.duties else asyncio.create_task(server.worker.run())
        await stop.wait()
        if duties is not None:
            duties.cancel()
            await asyncio.gather(duties, return_exceptions=True)


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
