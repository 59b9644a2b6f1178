"""The posters of films, in Postgres: pictures that showtimes name by the hash of their content.

A film has no row of its own here, only the title of its showtimes. So a poster belongs to any number of showtimes, and
browsers load it once for all of them. Posters that no showtime has are deleted a day after their upload, which leaves
whoever uploads one the time to use it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.catalog.pictures import Poster, poster_from
from seatserver.catalog.showtime import is_id
from seatserver.catalog.tables import posters, showtimes
from seatserver.database import Database
from seatserver.errors import BadRequest, NotFound
from seatserver.shared_reads import SharedReads

KEPT_UNUSED = timedelta(days=1)
POSTER_TTL_S = 60.0
"""How long an instance may still show a poster that was deleted."""
POSTERS_KEPT = 64
"""In memory. One has about 100 KB, at most a few times as much."""


class Posters:
    """Reads and writes posters. ``clock`` counts seconds; it only decides when to read again."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._pictures: SharedReads[str, bytes] = SharedReads(size=POSTERS_KEPT, ttl_s=POSTER_TTL_S, clock=clock)
        self._making = asyncio.Lock()

    async def add(self, file: bytes) -> Poster:
        """Make a poster of a picture and store it. Repeating that is harmless. Raises `BadRequest`, `Unavailable`."""
        # A large picture takes a second and much memory, so they are made one at a time, and not on the event loop.
        async with self._making:
            poster = await asyncio.to_thread(poster_from, file)
        await self.put(poster)
        return poster

    async def put(self, poster: Poster) -> None:
        """Store a poster, for another day if no showtime has it. Raises `Unavailable`."""
        stored = insert(posters).values(hash=poster.hash, content=poster.content)
        renewed = stored.on_conflict_do_update(index_elements=["hash"], set_={"uploaded_at": sa.func.now()})

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(renewed)
            await delete_unused(connection)

        await self._database.write(write)

    async def picture(self, poster_hash: str) -> bytes:
        """The poster as WebP. Raises `NotFound`, `Unavailable`."""
        if not is_id(poster_hash):
            raise NotFound("poster", poster_hash[:80])
        return await self._pictures.get(poster_hash, lambda: self._read(poster_hash))

    async def _read(self, poster_hash: str) -> bytes:
        async with self._database.reading() as connection:
            content = await connection.scalar(sa.select(posters.c.content).where(posters.c.hash == poster_hash))
        if content is None:
            raise NotFound("poster", poster_hash)
        return bytes(content)


async def require_poster(connection: AsyncConnection, poster_hash: str) -> None:
    """Keep others from deleting this poster until the transaction ends. Raises `BadRequest` if it is not there."""
    query = sa.select(posters.c.hash).where(posters.c.hash == poster_hash)
    if await connection.scalar(query.with_for_update(read=True, key_share=True)) is None:
        raise BadRequest(f"there is no poster {poster_hash!r}: upload it first", "poster_hash")


async def delete_unused(connection: AsyncConnection) -> None:
    """Delete the posters that no showtime has, unless they are new."""
    is_unused = ~sa.exists().where(showtimes.c.poster_hash == posters.c.hash)
    is_old = posters.c.uploaded_at < sa.func.now() - KEPT_UNUSED
    # Those that somebody is about to use are locked, and passed over: nobody waits here, so there is no deadlock.
    query = sa.select(posters.c.hash).where(is_old, is_unused).with_for_update(skip_locked=True)
    found = list(await connection.scalars(query))
    if found:
        # Somebody may have begun to use one after the question was asked and before it was locked. Now nobody can.
        await connection.execute(sa.delete(posters).where(posters.c.hash.in_(found), is_unused))
