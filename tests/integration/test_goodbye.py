"""Why the server ends a socket: it reads too slowly, it answers no ping, or the server stops."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from websockets.exceptions import InvalidStatus

from seatserver.config import Settings
from seatserver.live.session import leave
from seatserver.live.transport.uvicorn_connection import UvicornConnection
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.server import MSGPACK, SEATS, Instance, Wire, eventually, put_on_sale, serving
from tests.waiting import PATIENCE_S, within

MANY = tuple(range(20))
SMALL_BUFFER = 4096


@asynccontextmanager
async def asleep(server: Instance, user: str = "sleeper") -> AsyncIterator[Wire]:
    """A socket in the room that hardly has a buffer, and reads nothing until its transport is told to."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    plain.setblocking(False)
    host, port = server.url.removeprefix("http://").split(":")
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    async with server.watcher(user, MSGPACK, sock=plain, max_queue=None, close_timeout=0.1) as wire:
        wire.connection.transport.pause_reading()
        yield wire


def reader(server: Instance, user: str = "quick") -> AbstractAsyncContextManager[Wire]:
    """A socket in the room that takes everything at once, read or not."""
    return server.watcher(user, max_queue=None)


async def make_noise(wire: Wire, enough: Callable[[], bool]) -> int:
    """Hold and release until it is enough; the room's version afterwards."""
    async with within("enough noise"):
        while not enough():
            held = await wire.hold(*MANY)
            await wire.ask("release", hold_id=held["hold_id"])
    return int((await wire.ask("beat"))["version"])


async def test_a_slow_reader_gets_one_snapshot_and_delays_nobody_else(
    make_server: MakeServer,
) -> None:
    server = await make_server(send_buffer=SMALL_BUFFER, outbox_bytes=4096, tick_ms=0, seats_per_user=28)
    async with asleep(server) as slow, server.watcher("busy") as busy, reader(server) as quick:
        [sleeper] = server.core.sessions.of_user("sleeper")
        await make_noise(busy, lambda: sleeper.owes_snapshot)
        version = await make_noise(busy, lambda: True)

        slow.connection.transport.resume_reading()
        first = slow.log[-1]["version"]
        snapshot = await slow.until("snapshot")
        skipped = [message for message in slow.log if message["type"] == "delta" and message["version"] > first]
        assert len(skipped) < snapshot["version"] - first, "what waited was dropped"
        while (await slow.ask("beat"))["version"] < version:
            pass
        assert snapshot["version"] <= version
        assert len(snapshot["states"]) == SEATS

        seen = quick.log[-1]["version"]
        while seen < version:
            delta = await quick.until("delta")
            assert delta["from"] == seen, "the quick one misses nothing"
            seen = delta["version"]


async def test_a_client_that_never_reads_is_closed(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave, "CLOSE_S", 0.1)
    monkeypatch.setattr(UvicornConnection, "linger_s", 0.1)
    server = await make_server(send_buffer=SMALL_BUFFER, outbox_bytes=4096, tick_ms=0, seats_per_user=28, slow_ms=200)
    async with asleep(server), asleep(server), server.watcher("busy") as busy:
        assert len(server.uvicorn.server_state.connections) == 3
        await make_noise(busy, lambda: server.gauge("sockets") == 1)
        # Not only the session: the connection and what it had buffered are gone too.
        await eventually(lambda: len(server.uvicorn.server_state.connections) == 1)
        closed = server.core.metrics.registry.get_sample_value("seatserver_closed_total", {"code": "4101"})
        assert closed == 2


async def test_a_client_that_sends_commands_and_reads_no_replies_is_closed(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leave, "CLOSE_S", 0.1)
    monkeypatch.setattr(UvicornConnection, "linger_s", 0.1)
    server = await make_server(send_buffer=SMALL_BUFFER, slow_ms=200)

    async def ask_on(wire: Wire) -> None:
        try:
            while True:
                await wire.send("hello")
        except OSError:
            pass
        except Exception as error:
            assert type(error).__name__.startswith("ConnectionClosed"), error

    async with asleep(server) as wire, server.watcher("ann") as ann:
        asking = asyncio.create_task(ask_on(wire))
        await eventually(lambda: server.gauge("sockets") == 1)
        await eventually(lambda: len(server.uvicorn.server_state.connections) == 1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert (await ann.ask("beat"))["type"] == "beat"


async def test_a_client_that_answers_no_ping_is_closed(make_server: MakeServer) -> None:
    server = await make_server(heartbeat_ms=500, idle_ms=2000)
    async with server.watcher("ann") as ann, asleep(server):
        await eventually(lambda: server.gauge("sockets") == 1)
        assert (await ann.ask("beat"))["type"] == "beat"


@pytest.mark.parametrize("half_closed", [False, True])
async def test_a_client_that_is_gone_is_forgotten_even_with_messages_waiting(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch, half_closed: bool
) -> None:
    monkeypatch.setattr(UvicornConnection, "linger_s", 0.1)
    pace = {"heartbeat_ms": 60_000, "idle_ms": 120_000} if half_closed else {"heartbeat_ms": 2000, "idle_ms": 5000}
    server = await make_server(send_buffer=SMALL_BUFFER, tick_ms=0, tick_most_ms=0, seats_per_user=28, **pace)
    async with asleep(server) as slow, server.watcher("busy") as busy:
        [sleeper] = server.core.sessions.of_user("sleeper")
        line: Any = sleeper.connection
        waiting = 0

        def enough() -> bool:
            nonlocal waiting
            if server.core.broadcaster.services.sockets_of("sleeper") == 0:
                return True  # forgotten already, on a slow machine
            waiting = line.transport.get_write_buffer_size()
            assert not line.behind
            return bool(waiting > 6 * SMALL_BUFFER)

        await make_noise(busy, enough)
        assert waiting
        if half_closed:
            slow.connection.transport.write_eof()
        await eventually(lambda: server.core.broadcaster.services.sockets_of("sleeper") == 0)
        assert server.gauge("sockets") == 1


# ---------------------------------------------------------------- the server goes


async def test_a_stopping_server_says_bye_to_everyone_with_a_time_to_reconnect(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.watcher("ann") as ann, server.watcher("bob", MSGPACK) as bob, server.socket("silent") as silent:
        server.uvicorn.should_exit = True
        pauses = set()
        for wire in (ann, bob, silent):
            code, words = await wire.last_words()
            assert code == 1012
            assert (words[-1]["type"], words[-1]["code"]) == ("bye", 1012)
            pauses.add(words[-1]["reconnect_after_ms"])
        assert all(100 <= pause < 5000 for pause in pauses)
        assert len(pauses) > 1, "not all at once"


async def test_a_stopping_server_finishes_running_commands_and_accepts_nobody(make_server: MakeServer) -> None:
    server = await make_server()
    hold_id = str(uuid4())
    lock = sa.text("SELECT 1 FROM showtimes FOR UPDATE")
    async with server.watcher("ann") as ann, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        await ann.ask("hold", hold_id=hold_id, seats=[1])
        async with server.core.database.transaction() as connection:
            await connection.execute(lock)
            await ann.send("book", ref=9, hold_id=hold_id)
            await eventually(lambda: server.core.checkout.is_writing)
            draining = asyncio.create_task(server.core.sessions.drain())
            await eventually(lambda: server.core.sessions.draining)
            with pytest.raises(InvalidStatus) as caught:
                async with server.socket("late"):
                    pass
            assert caught.value.response.status_code == 503
            assert (await http.get("/api/v1/health/ready")).status_code == 503
            assert not draining.done()
        code, words = await ann.last_words()
        await draining
    assert code == 1012
    words = [word for word in words if word["type"] != "delta"]
    assert [(word["type"], word.get("ref")) for word in words] == [("booked", 9), ("bye", None)]


async def test_a_server_stops_although_a_closing_client_has_unread_data(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UvicornConnection, "linger_s", PATIENCE_S)
    server = await make_server(send_buffer=SMALL_BUFFER, tick_ms=0, tick_most_ms=0, seats_per_user=28, shutdown_ms=2000)
    async with asleep(server) as slow, server.watcher("busy") as busy:
        [sleeper] = server.core.sessions.of_user("sleeper")
        line: Any = sleeper.connection
        await make_noise(busy, lambda: line.transport.get_write_buffer_size() > 6 * SMALL_BUFFER)
        del sleeper
        slow.connection.protocol.send_close(1000)
        slow.connection.transport.write(b"".join(slow.connection.protocol.data_to_send()))
        await eventually(lambda: server.gauge("sockets") == 1)
        assert line in server.uvicorn.server_state.connections
        server.uvicorn.should_exit = True
        code, words = await busy.last_words()
        assert (code, words[-1]["type"]) == (1012, "bye")
        await eventually(lambda: not any(one.is_serving() for one in server.uvicorn.servers))


async def test_a_booking_without_a_waiting_client_is_finished_before_the_server_stops(brisk: Settings) -> None:
    hold_id = uuid4()
    async with serving(brisk) as server:
        await put_on_sale(server.core.catalog)
        async with server.core.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes FOR UPDATE"))
            async with server.watcher("ann") as ann:
                await ann.ask("hold", hold_id=str(hold_id), seats=[1])
                await ann.send("book", ref=9, hold_id=str(hold_id))
                await eventually(lambda: server.core.checkout.is_writing)
            server.uvicorn.should_exit = True
            await eventually(lambda: server.core.sessions.draining)
    async with serving(brisk) as server:
        assert (await server.core.checkout.get(hold_id)).status == "confirmed"


async def test_a_server_stops_although_a_viewer_is_asleep_and_postgres_is_silent(
    brisk: Settings, database_url: str
) -> None:
    async with proxied(database_url) as (proxy, url), asyncio.timeout(PATIENCE_S):
        hurried = dataclasses.replace(
            brisk,
            database_url=url,
            database_statement_ms=400,
            database_lock_ms=200,
            shutdown_ms=1000,
            outbox_bytes=4096,
            tick_ms=0,
            seats_per_user=28,
        )
        async with serving(hurried, send_buffer=SMALL_BUFFER) as server:
            await put_on_sale(server.core.catalog)
            async with asleep(server), server.watcher("busy") as busy:
                [sleeper] = server.core.sessions.of_user("sleeper")
                await make_noise(busy, lambda: sleeper.owes_snapshot)
                held = await busy.hold(*MANY)
                proxy.freeze()
                await busy.send("book", ref=9, hold_id=held["hold_id"])
                await eventually(lambda: server.core.checkout.is_writing)
                server.uvicorn.should_exit = True
                await eventually(lambda: not server.uvicorn.server_state.connections)
