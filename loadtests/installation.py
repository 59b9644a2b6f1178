"""A whole installation to load: embedded Postgres and Redis in a temporary folder, and servers in their own processes.

The servers are started as an operator would, with ``python -m seatserver serve``, so that what is measured is what is
shipped. Everything ends with the ``with`` block.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from seatserver import config, database
from seatserver.access.tokens import Tokens
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Showtime
from seatserver.demo import offer
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis


class Installation:
    """What a load test needs to know: the servers' URLs, a showtime on sale, and tokens for any number of users."""

    def __init__(self, urls: list[str], showtime: Showtime, settings: config.Settings) -> None:
        self.urls = urls
        self.showtime = showtime
        self._tokens = Tokens(settings)

    def token(self, user: str) -> str:
        """A token that may watch, hold and book."""
        return self._tokens.mint(user, ("watch", "hold", "book"), 3600)


@contextmanager
def installation(servers: int = 1, **variables: str) -> Iterator[Installation]:
    """Start everything; ``variables`` go into the servers' environment."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        postgres, redis = EmbeddedPostgres(Path(folder) / "postgres"), EmbeddedRedis(Path(folder) / "redis")
        for server in (postgres, redis):
            running.callback(server.stop)
            server.start()
        environ = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "SEATSERVER_TOKEN_SECRET": secrets.token_urlsafe(32),
            "SEATSERVER_LOG_FORMAT": "json",
            "PORT": "0",
            **variables,
        }
        settings = config.load(environ)
        database.upgrade(settings.database_url)
        showtime = asyncio.run(_offer(settings))
        urls = [running.enter_context(_server(environ)) for _ in range(servers)]
        yield Installation(urls, showtime, settings)


async def _offer(settings: config.Settings) -> Showtime:
    pool = database.Database(settings)
    try:
        showtimes = await offer.load(Catalog(pool), datetime.now(UTC).astimezone())
    finally:
        await pool.close()
    return max(showtimes, key=lambda showtime: (len(showtime.seat_map.seats), showtime.starts_at_ms))


@contextmanager
def _server(environ: dict[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "seatserver", "serve"],
        env={**os.environ, **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if '"serving"' in line:
                yield json.loads(line)["url"]
                return
        raise RuntimeError("the server ended before it was ready")
    finally:
        process.terminate()
        process.wait()
