"""One process from its start to the signal that ends it.

`serve` runs a server and its doors (`app.py`) under uvicorn; `work` runs only the background duties. Both wait for
Postgres and Redis, and both stop gracefully at SIGINT or SIGTERM, at whatever moment the signal comes.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

import structlog
import uvicorn
import uvloop

from seatserver import descriptors, exposure, listening, logs
from seatserver.api.shared.problems import problem_of
from seatserver.app import build_app
from seatserver.config import Settings
from seatserver.garbage import Collector
from seatserver.live.transport.arrivals import Arrivals
from seatserver.live.transport.uvicorn_connection import UvicornConnection
from seatserver.live.transport.uvicorn_http import HttpLimits, bounded
from seatserver.server import Server
from seatserver.starting import once_there

log = structlog.get_logger(__name__)

FRAME_BYTES_FACTOR = 16
"""A frame this many times larger than the limit is not read: the socket closes with 1009. Smaller ones get an error."""
BACKLOG = 4096


def serve(settings: Settings, on_ready: Callable[[str], None] | None = None, *, shares_port: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then stop gracefully. ``on_ready`` gets the address when the server listens.

    Raises `StartError` if the address cannot be used or a dependency does not answer.
    """
    logs.configure(settings)
    descriptors.raise_limit(settings)
    for open_door in exposure.exposures(settings):
        log.warning("open to everybody", problem=open_door.says, mend=open_door.mend)
    with listening.listen(settings, shares_port=shares_port) as listener, Signals() as signals:
        _run(_serve(settings, listener, signals, on_ready))


def work(settings: Settings) -> None:
    """Run the background duties until SIGINT or SIGTERM. Raises `StartError`."""
    logs.configure(settings)
    _run(_work(settings))


async def _serve(
    settings: Settings, listener: socket.socket, signals: Signals, on_ready: Callable[[str], None] | None
) -> None:
    server, stop, loop = Server(settings), asyncio.Event(), asyncio.get_running_loop()

    def give_up(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    signals.tell = give_up
    if signals.heard or not await reachable(server, stop):
        return
    async with server:
        http = make_server(server, on_ready)
        if not signals.heard:
            signals.tell = http.handle_exit
            with Collector():
                await http.serve([listener])


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Server(settings)
    if not await reachable(server, stop):
        return
    async with server:
        log.info("working", duties="expiry, relay, reap, release, reconcile")
        duties = None if settings.duties else asyncio.create_task(server.worker.run())
        await stop.wait()
        if duties is not None:
            duties.cancel()
            await asyncio.gather(duties, return_exceptions=True)


async def reachable(server: Server, stop: asyncio.Event) -> bool:
    """Wait until Postgres and Redis answer, for as long as the settings say; False if ``stop`` was set first.

    Raises `StartError`. Closes the server's connections unless it answers True.
    """
    waiting = asyncio.create_task(once_there(server.check, server.settings.start_wait_s))
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
            await server.close_connections()


def make_server(server: Server, on_ready: Callable[[str], None] | None = None) -> uvicorn.Server:
    """uvicorn with our settings. Call its ``serve([listener])`` while ``server`` is entered."""
    settings = server.settings
    http = HttpLimits(
        arrivals=Arrivals(settings, server.shares),
        connections=server.share.connections,
        head_bytes=settings.head_bytes,
        head_fields=settings.head_fields,
        head_s=settings.head_ms / 1000,
        refused=lambda reason: server.metrics.turned_away.labels(reason).inc(),
        problem_of=lambda error: problem_of(error, "a head"),
    )
    limits = uvicorn.Config(
        build_app(server),
        http=bounded(http),
        ws=UvicornConnection,
        ws_max_size=settings.message_bytes * FRAME_BYTES_FACTOR,
        ws_ping_interval=settings.heartbeat_ms / 1000,
        ws_ping_timeout=settings.idle_ms / 1000,
        # Compression costs 34 KiB more a connection (53 instead of 18.8), and frames are small.
        ws_per_message_deflate=False,
        timeout_keep_alive=settings.keep_alive_ms / 1000,  # type: ignore[arg-type]  # handed to the loop as it is
        proxy_headers=False,  # the gate reads them
        # Half of the time for a shutdown is for saying goodbye to sockets, a quarter for requests that are being
        # answered, and a quarter for bookings that are being written.
        timeout_graceful_shutdown=max(1, settings.shutdown_ms // 4000),
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
    return UvicornServer(limits, server, on_ready or (lambda url: log.info("serving", url=url)))


class UvicornServer(uvicorn.Server):
    """uvicorn that calls ``on_ready`` when it listens, and says goodbye to all sockets before it shuts down."""

    def __init__(self, settings: uvicorn.Config, server: Server, on_ready: Callable[[str], None]) -> None:
        super().__init__(settings)
        self._seat_server = server
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._on_ready(listening.url_of(self._seat_server.settings, sockets[0]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._seat_server.drain()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to `Signals`."""
        yield


class Signals:
    """Listens to SIGINT and SIGTERM from before the server starts until it has stopped.

    uvicorn listens only while it serves, and raises the signal again afterwards. That would end the process before the
    server has stopped. Here an earlier handler of the signal is called at the end. If there was none, `serve` returns.
    """

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.tell: Callable[[int, FrameType | None], None] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # other threads cannot listen
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


def _run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
