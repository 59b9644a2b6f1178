"""A complete installation for a load test: Postgres, Redis, halls of any size on sale, and server processes.

Postgres and Redis are embedded ones in a temporary folder, unless others are named. The servers are started as an
operator would, with ``python -m seatserver serve``, so the shipped product is measured, including authentication, feed
and versions. Everything ends with the ``with`` block.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from loadtests.children import Running, running
from seatserver import config, database
from seatserver.access.tokens import Tokens
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Auditorium, Showtime, ShowtimeDraft, Theatre
from seatserver.demo import programme
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap

THEATRE = AUDITORIUM = "loadtests"
CATEGORY = "standard"
HOUR_MS = 3_600_000
TOKEN_S = 24 * 3600

Found = TypeVar("Found")


class Installation:
    """What a load test needs to know: servers, showtimes on sale, and tokens for any number of users."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.folder = folder
        self.environ = environ
        self.settings = config.load(environ)
        self.urls: list[str] = []
        self._tokens = Tokens(self.settings)
        self._numbers = itertools.count(1)
        # Postgres may be a lasting one, in which earlier runs have left their showtimes.
        self._run = secrets.token_hex(4)

    def demo_showtime(self) -> Showtime:
        """Load the demo theatre; the last showtime of its largest hall."""
        showtimes = asyncio.run(programme.load(self.settings, programme.local_now()))
        return max(showtimes, key=lambda one: (len(one.seat_map.seats), one.starts_at_ms))

    def token(self, user: str) -> str:
        """A token that may watch, hold and book."""
        return self._tokens.mint(user, ("watch", "hold", "book"), TOKEN_S)

    def rooms(self, count: int, seats: int) -> list[str]:
        """Put ``count`` new showtimes on sale, in a hall of so many free seats; their ids."""
        ids = [f"load-{self._run}-{next(self._numbers)}" for _ in range(count)]

        async def put(catalog: Catalog) -> None:
            await catalog.put_theatre(Theatre(id=THEATRE, name="Load tests", timezone="UTC"))
            await catalog.put_auditorium(Auditorium(id=AUDITORIUM, theatre_id=THEATRE, name="Load tests"))
            layout_hash = await catalog.put_layout(hall(seats))
            for showtime_id in ids:
                await catalog.put_showtime(_draft(showtime_id, layout_hash))

        self._in_catalog(put)
        return ids

    def serve(self, **variables: str) -> AbstractContextManager[Running]:
        """A server of its own; ``variables`` go into its environment."""
        return running("server", "seatserver", "serve", folder=self.folder, environ={**self.environ, **variables})

    def _in_catalog(self, work: Callable[[Catalog], Awaitable[Found]]) -> Found:
        async def run() -> Found:
            pool = database.Database(self.settings)
            try:
                return await work(Catalog(pool))
            finally:
                await pool.close()

        return asyncio.run(run())


@contextmanager
def installation(
    servers: int = 0, *, database_url: str = "", redis_url: str = "", **variables: str
) -> Iterator[Installation]:
    """Start everything, with so many servers from the beginning; ``variables`` go into their environment.

    Without a ``database_url`` or a ``redis_url`` a Postgres or a Redis of our own is started.
    """
    with tempfile.TemporaryDirectory(prefix="loadtests-") as folder, ExitStack() as stack:
        postgres, redis = EmbeddedPostgres(Path(folder) / "postgres"), EmbeddedRedis(Path(folder) / "redis")
        if not database_url:
            stack.callback(postgres.stop)
            postgres.start()
        if not redis_url:
            stack.callback(redis.stop)
            redis.start()
        environ = {
            "DATABASE_URL": database_url or postgres.url,
            "REDIS_URL": redis_url or redis.url,
            "SEATSERVER_TOKEN_SECRET": secrets.token_urlsafe(32),
            "SEATSERVER_UNLIMITED": "127.0.0.0/8",  # everybody comes from here
            "SEATSERVER_LOG_FORMAT": "json",
            "PORT": "0",
            **variables,
        }
        database.upgrade(environ["DATABASE_URL"])
        place = Installation(environ, Path(folder))
        place.urls += [stack.enter_context(place.serve()).url for _ in range(servers)]
        yield place


def hall(seats: int) -> SeatMap:
    """A plain hall of so many seats: rows of up to a hundred, no aisles, one category."""
    a_row = min(100, max(1, round(seats**0.5)))
    return SeatMap.build(
        name=f"A hall of {seats}",
        categories=[Category(key=CATEGORY, name="Standard", color="#0072b2")],
        screen=Screen(x=a_row / 2, y=-3, width=max(4.0, a_row * 0.8)),
        seats=[
            Seat(row=f"R{at // a_row + 1}", number=str(at % a_row + 1), x=at % a_row, y=at // a_row, category=CATEGORY)
            for at in range(seats)
        ],
    )


def _draft(showtime_id: str, layout_hash: str) -> ShowtimeDraft:
    now_ms = time.time_ns() // 1_000_000
    return ShowtimeDraft(
        id=showtime_id,
        auditorium_id=AUDITORIUM,
        layout_hash=layout_hash,
        title="Load tests",
        starts_at_ms=now_ms + 12 * HOUR_MS,
        on_sale_at_ms=now_ms - HOUR_MS,
        sale_ends_at_ms=now_ms + 12 * HOUR_MS,
        tariff=Tariff.flat("EUR", {CATEGORY: 1000}),
    )
