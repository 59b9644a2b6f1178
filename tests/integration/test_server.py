"""How a server starts and stops: at any moment, gracefully, and with one clear line if it cannot start."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.types import ASGIApp, Message

from seatserver.app import create_app
from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.errors import StartError
from seatserver.server import Server
from seatserver.wire.from_server import Bye
from tests.conftest import execute
from tests.integration.proxy import proxied
from tests.integration.server import SHOWTIME, eventually, opened, serving
from tests.integration.test_demo import environment, run, running
from tests.waiting import PATIENCE_S


def as_environment(settings: Settings, **more: str) -> dict[str, str]:
    own = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SEATSERVER_TOKEN_SECRET": settings.token_secret,
        "SEATSERVER_GUEST_SCOPES": "watch,hold,book",
        "SEATSERVER_UNLIMITED": ",".join(settings.unlimited),
    }
    return environment(**{**own, **more})


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_missing_dependency_is_reported_in_one_clear_line(settings: Settings, command: str) -> None:
    arguments = ["serve", "--port", "0"] if command == "serve" else ["worker"]
    for variable, url, line in (
        ("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/db", "Postgres does not answer at DATABASE_URL"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0", "Redis does not answer at REDIS_URL"),
    ):
        answer = run(*arguments, env=as_environment(settings, SEATSERVER_START_WAIT_S="0", **{variable: url}))
        assert answer.returncode == 1
        assert re.fullmatch(rf"seatserver: {line}.*\n", answer.stderr), answer.stderr
        assert "hidden" not in answer.stderr


def test_a_database_without_migrations_is_reported_in_one_clear_line(settings: Settings) -> None:
    execute(settings.database_url, "DROP TABLE alembic_version")
    answer = run("serve", "--port", "0", env=as_environment(settings))
    assert answer.returncode == 1
    assert re.fullmatch(r"seatserver: the database is at migration none, .*`seatserver migrate`\n", answer.stderr)


def test_a_taken_port_is_reported_in_one_clear_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run("serve", "--port", str(port), env=as_environment(settings))
    assert answer.returncode == 1
    assert re.fullmatch(rf"seatserver: cannot listen on 127\.0\.0\.1:{port}: .* --port\n", answer.stderr)


async def test_a_server_that_cannot_start_leaves_nothing_open(settings: Settings) -> None:
    nowhere = dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0")
    before = len(asyncio.all_tasks())
    with pytest.raises(StartError, match="Redis does not answer"):
        async with Server(nowhere):
            raise AssertionError("it is open")
    await eventually(lambda: len(asyncio.all_tasks()) == before)


async def test_a_server_may_be_stopped_at_any_moment_of_its_start(brisk: Settings) -> None:
    before = len(asyncio.all_tasks())
    for steps in range(40):
        async with asyncio.timeout(PATIENCE_S):
            async with Server(brisk):
                for _ in range(steps):
                    await asyncio.sleep(0)
            await eventually(lambda: len(asyncio.all_tasks()) == before)


async def test_starting_may_be_cancelled_at_any_moment(brisk: Settings) -> None:
    async def live() -> None:
        async with Server(brisk):
            await asyncio.sleep(3600)

    before = len(asyncio.all_tasks())
    for steps in range(40):
        task = asyncio.create_task(live())
        for _ in range(steps * 3):
            await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await eventually(lambda: len(asyncio.all_tasks()) == before)


async def test_a_server_stops_although_redis_is_silent(brisk: Settings) -> None:
    async with proxied(brisk.redis_url) as (proxy, url), asyncio.timeout(PATIENCE_S):
        async with serving(dataclasses.replace(brisk, redis_url=url, redis_timeout_ms=300)) as server:
            await eventually(lambda: server.core.feed.healthy)
            proxy.freeze()
            await asyncio.sleep(0.1)


async def test_readiness_says_what_is_missing(brisk: Settings) -> None:
    quick = dataclasses.replace(brisk, probe_ms=50, probe_lost_ms=300, redis_timeout_ms=1000)
    async with proxied(brisk.redis_url) as (proxy, url):
        async with opened(dataclasses.replace(quick, redis_url=url)) as core:
            await eventually(lambda: core.feed.healthy)
            assert set((await core.ready()).values()) == {None}
            proxy.freeze()
            await eventually(lambda: not core.feed.healthy)
            problems = await core.ready()
            assert {part for part, problem in problems.items() if problem} == {"redis", "feed"}
            proxy.cut_all()
            proxy.thaw()
            await eventually(lambda: core.feed.healthy)
            assert set((await core.ready()).values()) == {None}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_serve_stops_gracefully_with_viewers_in_a_room(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    async with opened(settings):
        pass  # on sale
    with running("serve", "--port", "0", log=tmp_path / "log", env=as_environment(settings)) as server:
        url = server.until(r'"url": ?"(http://[^"]+)"').group(1)
        async with SeatClient(url) as client, client.room(SHOWTIME) as room:
            await room.book((await room.hold(1)).hold_id)
            server.process.send_signal(number)
            await room.until(lambda one: any(isinstance(notice, Bye) for notice in one.notices))
        assert await asyncio.to_thread(server.process.wait, PATIENCE_S) == 0, server.output
    for line in server.output.splitlines():
        assert json.loads(line)["level"] in ("info", "debug"), line


@asynccontextmanager
async def lifespan_of(app: ASGIApp) -> AsyncIterator[None]:
    """Start and stop an application as a server does."""
    said: asyncio.Queue[str] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        said.put_nowait(message["type"])

    running = asyncio.create_task(cast(Any, app({"type": "lifespan", "asgi": {"version": "3.0"}}, heard.get, send)))
    heard.put_nowait({"type": "lifespan.startup"})
    assert await said.get() == "lifespan.startup.complete"
    yield
    heard.put_nowait({"type": "lifespan.shutdown"})
    assert await said.get() == "lifespan.shutdown.complete"
    await running


async def test_any_asgi_server_can_run_the_application(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    app = create_app()
    async with lifespan_of(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            assert (await http.get("/api/v1/health/live")).status_code == 200

            async def is_ready() -> bool:
                return (await http.get("/api/v1/health/ready")).status_code == 200

            await eventually(is_ready)
