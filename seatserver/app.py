"""The one place where everything is wired together.

`House` makes every part of a process and knows the order in which they start and stop. `create_app` is the ASGI
application; `serve` runs it under uvicorn with our settings until a signal; `work` runs only the background duties.
Read `House.__init__` from top to bottom to see who knows whom.
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

from seatserver import config, listening, logs
from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.access.tickets import Tickets
from seatserver.access.tokens import Tokens
from seatserver.api import needs as api
from seatserver.api.problems import exception_handlers, handle
from seatserver.api.routes import cross_origin, rest_routes
from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.outbox import Relay
from seatserver.bookings.reconcile import Reconciler
from seatserver.bookings.records import Records
from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings
from seatserver.database import NOT_THERE, Database
from seatserver.errors import SeatServerError, StartError, Unavailable
from seatserver.garbage import Collector
from seatserver.live import baskets
from seatserver.live import commands as live
from seatserver.live.drain import Door
from seatserver.live.endpoint import Sockets
from seatserver.live.fanout import Fanout
from seatserver.live.figures import Figures
from seatserver.live.messages import Booked
from seatserver.live.protocol import SocketProtocol
from seatserver.loop import LoopWatch
from seatserver.metrics import Metrics
from seatserver.seats import connection
from seatserver.seats.board import Board
from seatserver.seats.counts import Counts
from seatserver.seats.feed import Feed
from seatserver.seats.holding import Holding
from seatserver.seats.hub import Hub
from seatserver.seats.store import SeatStore
from seatserver.tasks import Tasks, heed_cancel
from seatserver.web.routes import missing_page, web_routes
from seatserver.worker import Worker

log = structlog.get_logger(__name__)

# A frame this much over the limit is not read at all: the protocol closes with 1009. Below it we explain first.
FRAME_BYTES_FACTOR = 16
BACKLOG = 4096

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class House:
    """Every part of one process. ``async with`` it: entering starts the background tasks, leaving ends them all."""

    def __init__(self, settings: Settings, clock: Clock = wall_clock) -> None:
        """``clock`` decides what is on sale and when a payment is late; deadlines of holds are by Redis' clock."""
        self.settings = settings
        self.metrics = Metrics()
        self.redis = connection.connect(settings)
        self.database = Database(settings)
        self.tokens = Tokens(settings)
        self.tickets = Tickets(settings, self.redis)
        self.booking_keys = BookingKeys(settings)
        self.catalog = Catalog(self.database)
        self.records = Records(self.database, clock)
        self.store = SeatStore(self.redis, settings, self.records.ground)
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
        self.allocations = Allocations(self.database, self.catalog, clock, self.relay.kick)
        self.reconciler = Reconciler(self.records, self.store, self.relay)
        self.fanout = Fanout(self.hub, settings, self.metrics, wall_clock, self._read_booking)
        self.worker = Worker(
            settings=settings,
            store=self.store,
            checkout=self.checkout,
            allocations=self.allocations,
            relay=self.relay,
            reconciler=self.reconciler,
            metrics=self.metrics,
        )
        self.door = Door(settings, self.metrics)
        self.loop_watch = LoopWatch(settings, self.metrics)
        self.figures = Figures(
            metrics=self.metrics,
            fanout=self.fanout,
            board=Board(self.redis),
            clock=wall_clock,
            ping_database=self.database.ping,
            is_feed_healthy=lambda: self.feed.healthy,
            is_draining=lambda: self.door.draining,
        )
        self._tasks = Tasks()

    async def __aenter__(self) -> Self:
        try:
            await self.check()
            heed_cancel()
        except BaseException:
            await self.close_connections()
            raise
        self.loop_watch.start()
        self._tasks.spawn(self.hub.run(), "hub")
        self._tasks.spawn(self.fanout.run(), "beats")
        self._tasks.spawn(self.figures.run(), "figures")
        if self.settings.duties:
            self._tasks.spawn(self.worker.run(), "duties")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        # What is being written finishes first; then what feeds on it; the connections last.
        await self.checkout.close(grace_s=self.settings.shutdown_ms / 4000)
        await self._tasks.close()
        await self.figures.close()
        await self.relay.close()
        await self.fanout.close()
        await self.hub.close()
        await self.close_connections()
        self.loop_watch.close()

    async def check(self) -> None:
        """Raise `StartError` with one clear line when this process could not work."""
        try:
            await self.database.ping()
            await self.database.check_migrated()
        except Unavailable:
            raise StartError(NOT_THERE) from None
        await connection.check(self.redis)

    async def ready(self) -> dict[str, str | None]:
        """Each part that is needed to serve, with None or what is wrong with it."""
        return {
            "postgres": await _problem(self.database.ping()),
            "redis": await _problem(self._ping_redis()),
            "feed": None if self.feed.healthy else "the probe over Redis pub/sub does not come back",
            "server": "draining" if self.door.draining else None,
        }

    async def _ping_redis(self) -> None:
        try:
            await self.redis.ping()
        except connection.UNAVAILABLE:
            raise Unavailable("Redis") from None

    async def _read_booking(self, booking_id: UUID) -> Booked | None:
        booking = await self.records.find(booking_id)
        if booking is None:
            return None
        return baskets.booked(booking, (await self.catalog.showtime(booking.showtime_id)).seat_map, self.booking_keys)

    async def close_connections(self) -> None:
        """Let go of Postgres and Redis; for a house that was never entered."""
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


def build_app(house: House, lifespan: Lifespan | None = None) -> ASGIApp:
    """The ASGI application of a house; whoever opens the house runs it meanwhile."""
    rest = api.Needs(
        settings=house.settings,
        catalog=house.catalog,
        hub=house.hub,
        counts=Counts(house.hub),
        holding=house.holding,
        checkout=house.checkout,
        allocations=house.allocations,
        tokens=house.tokens,
        tickets=house.tickets,
        admission_codes=AdmissionCodes(house.settings),
        booking_keys=house.booking_keys,
        figures=house.figures,
        ready=house.ready,
        metrics_text=house.metrics.text,
        clock=wall_clock,
    )
    sockets = live.Needs(
        settings=house.settings,
        catalog=house.catalog,
        store=house.store,
        holding=house.holding,
        checkout=house.checkout,
        tokens=house.tokens,
        tickets=house.tickets,
        booking_keys=house.booking_keys,
        fanout=house.fanout,
        metrics=house.metrics,
        clock=wall_clock,
    )
    pages = Starlette(
        routes=[*rest_routes(rest), *web_routes(house.settings)],
        middleware=cross_origin(house.settings),
        exception_handlers={**exception_handlers(), 404: missing_page(house.settings, handle)},
        lifespan=lifespan,
    )
    # A path with a slash too many is not found, like any other wrong path.
    pages.router.redirect_slashes = False
    return Sockets(sockets, house.door, pages)


def create_app() -> ASGIApp:
    """For any ASGI server: ``seatserver.app:create_app`` as a factory. Settings come from the environment."""
    settings = config.load()
    logs.configure(settings)
    house = House(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with house:
            yield
            await house.door.drain()

    return build_app(house, lifespan)


def serve(settings: Settings, on_ready: Callable[[str], None] | None = None, *, shares_port: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then go in good order. ``on_ready`` is told the address once it listens.

    Raises `StartError` when the address cannot be had or a dependency does not answer.
    """
    logs.configure(settings)
    with listening.listen(settings, shares_port=shares_port) as listener, _Signals() as signals:
        _run(_serve(settings, listener, signals, on_ready))


def work(settings: Settings) -> None:
    """Run the background duties until SIGINT or SIGTERM. Raises `StartError`."""
    logs.configure(settings)
    _run(_work(settings))


async def _serve(
    settings: Settings, listener: socket.socket, signals: _Signals, on_ready: Callable[[str], None] | None
) -> None:
    async with House(settings) as house:
        server = make_server(house, on_ready)
        if not signals.heard:
            signals.tell = server.handle_exit
            with Collector():
                await server.serve([listener])


def make_server(house: House, on_ready: Callable[[str], None] | None = None) -> uvicorn.Server:
    """The server of a house, with our settings; ``serve([listener])`` it while the house is open."""
    settings = house.settings
    limits = uvicorn.Config(
        build_app(house),
        ws=SocketProtocol,
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
    return _Server(limits, house, on_ready or (lambda url: log.info("serving", url=url)))


class _Server(uvicorn.Server):
    """uvicorn that says when it listens, and says goodbye to sockets in slices before it closes them."""

    def __init__(self, settings: uvicorn.Config, house: House, on_ready: Callable[[str], None]) -> None:
        super().__init__(settings)
        self._house = house
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._on_ready(listening.url_of(self._house.settings, sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._house.door.drain()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing: see `_Signals`."""
        yield


class _Signals:
    """SIGINT and SIGTERM, from before the house opens until it has closed.

    uvicorn would listen to them only while it serves, and then raise them again, which ends the process before the
    house is closed. A handler that was there before us is told at the end; without one `serve` returns.
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
    async with House(settings) as house:
        log.info("working", duties="expiry, relay, reap, release, reconcile")
        duties = None if settings.duties else asyncio.create_task(house.worker.run())
        await stop.wait()
        if duties is not None:
            duties.cancel()
            await asyncio.gather(duties, return_exceptions=True)


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
