"""Fixtures: `server` is a running server, `make_server` makes more on the same data, `core` is one without a port."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from seatserver.access import shares
from seatserver.config import Settings
from seatserver.server import Server
from tests.integration.server import Instance, block_from_the_start, opened, put_on_sale, serving

MakeServer = Callable[..., Awaitable[Instance]]


@pytest.fixture
def brisk(settings: Settings) -> Settings:
    """Everything that is done from time to time is done often."""
    return dataclasses.replace(
        settings, relay_ms=50, reap_ms=50, reconcile_ms=200, verify_ms=200, sweep_ms=200, probe_ms=100
    )


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, nobody gets anything back of their share meanwhile."""
    now = time.monotonic()
    monkeypatch.setattr(shares, "time", SimpleNamespace(monotonic=lambda: now))


@pytest.fixture
async def make_server(brisk: Settings) -> AsyncIterator[MakeServer]:
    """Starts a server; takes settings that differ. The showtime is on sale from the first one on."""
    async with AsyncExitStack() as running:

        async def make(*, send_buffer: int = 0, options: Mapping[str, Any] | None = None, **changes: Any) -> Instance:
            changed = dataclasses.replace(brisk, **changes)
            made = await running.enter_async_context(serving(changed, send_buffer=send_buffer, options=options))
            await put_on_sale(made.core.catalog)
            await block_from_the_start(made.core)
            return made

        yield make


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    """A server with brisk settings."""
    return await make_server()


@pytest.fixture
async def core(brisk: Settings) -> AsyncIterator[Server]:
    """A server without a port and without background duties: the relay runs only when a booking is written.

    It waits long for its turn at Postgres, because many tests ask for more at once than a slow machine can do in 3 s.
    """
    async with opened(dataclasses.replace(brisk, duties=False, database_pool_wait_ms=15_000, answer_ms=25_000)) as made:
        yield made
