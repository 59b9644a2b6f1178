"""A connection that ends just before something is written to it: under uvloop the write raises a `RuntimeError`.

Each test closes a real transport of uvloop at exactly that moment. It has to look like any other loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio.connection as redis_py
import sqlalchemy as sa
import structlog
import uvloop
from redis.asyncio import Redis

from seatserver import config
from seatserver.config import Settings
from seatserver.database import CommitUnknown, Database
from seatserver.errors import Unavailable
from seatserver.redis_io.client import connect
from seatserver.redis_io.pipeline import Pipeline
from seatserver.rooms.feed import Feed
from seatserver.transports import is_closed_transport
from tests.integration.bench import until

Moment = Callable[[Any, Awaitable[None]], Coroutine[Any, Any, None]]


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


async def closed(transport: Any) -> None:
    """End the connection, and wait until uvloop refuses to write to it."""
    transport.abort()
    for _ in range(100):
        await asyncio.sleep(0)
        try:
            transport.write(b"x")
        except RuntimeError as error:
            assert is_closed_transport(error), error
            return
    raise AssertionError("uvloop goes on writing to a closed transport")


async def before_the_set_up(connection: Any, set_up: Awaitable[None]) -> None:
    await closed(connection._writer.transport)
    await set_up


async def after_the_set_up(connection: Any, set_up: Awaitable[None]) -> None:
    await set_up
    await closed(connection._writer.transport)


def closes_once(redis: Redis, moment: Moment) -> None:
    """The next connection that ``redis`` makes ends at this moment."""
    kwargs = redis.connection_pool.connection_kwargs

    async def set_up(connection: Any) -> None:
        proper = redis_py.AbstractConnection.on_connect(connection)
        # redis-py tries the set-up of a connection twice.
        await (moment(connection, proper) if kwargs.pop("redis_connect_func", None) else proper)

    kwargs["redis_connect_func"] = set_up


def transports_of(redis: Redis) -> list[Any]:
    """The transport of every connection that ``redis`` makes from now on, in their order."""
    made: list[Any] = []

    async def set_up(connection: Any) -> None:
        await redis_py.AbstractConnection.on_connect(connection)
        made.append(connection._writer.transport)

    redis.connection_pool.connection_kwargs["redis_connect_func"] = set_up
    return made


@asynccontextmanager
async def client(url: str, **overrides: int) -> AsyncIterator[tuple[Redis, Settings]]:
    settings = config.load({}, redis_url=url, **overrides)
    redis = connect(settings)
    try:
        yield redis, settings
    finally:
        await redis.aclose()


@asynccontextmanager
async def piped(redis: Redis, settings: Settings) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(redis, settings)
    try:
        yield pipeline
    finally:
        await pipeline.close()


@asynccontextmanager
async def following(redis: Redis, settings: Settings) -> AsyncIterator[Feed]:
    feed = Feed(redis, settings, lambda showtime, message: None, lambda: None)
    listening = asyncio.create_task(feed.run())
    try:
        await until(lambda: feed.healthy, "the feed follows")
        yield feed
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


MOMENTS = pytest.mark.parametrize("moment", [before_the_set_up, after_the_set_up], ids=lambda moment: moment.__name__)


@MOMENTS
def test_a_call_on_a_closing_connection_is_answered_or_unavailable_at_once(redis_url: str, moment: Moment) -> None:
    async def main() -> None:
        # So long that nobody can wait for the watch to find out.
        patient = {"redis_timeout_ms": 60_000, "hold_replay_ms": 100_000, "answer_ms": 70_000, "checkout_ms": 600_000}
        async with client(redis_url, **patient) as (redis, settings), piped(redis, settings) as pipeline:
            closes_once(redis, moment)
            with structlog.testing.capture_logs() as logged:
                first = asyncio.wait_for(pipeline.send("ECHO", 1), 20)
                outcomes = await asyncio.gather(first, return_exceptions=True)
                assert outcomes[0] == b"1" or isinstance(outcomes[0], Unavailable), outcomes
                assert await asyncio.wait_for(pipeline.send("ECHO", 2), 20) == b"2"
            assert {line["event"] for line in logged} <= {"Redis cannot be reached"}

    run(main())


@MOMENTS
def test_the_feed_recovers_when_its_connection_ends_while_connecting(redis_url: str, moment: Moment) -> None:
    async def main() -> None:
        async with client(redis_url, probe_lost_ms=60_000) as (redis, settings):
            closes_once(redis, moment)
            with structlog.testing.capture_logs() as logged:
                async with following(redis, settings):
                    pass
            assert {line["event"] for line in logged} <= {"feed lost"}

    run(main())


def test_subscribing_while_the_feed_is_disconnected_succeeds(redis_url: str) -> None:
    async def main() -> None:
        async with client(redis_url) as (redis, settings):
            transports = transports_of(redis)
            async with following(redis, settings) as feed:
                await closed(transports[0])
                # The feed's task has not had its turn yet, so both are written to the closed link.
                await asyncio.gather(feed.subscribe("show"), feed.subscribe("other"))

    run(main())


def test_calls_written_to_a_closed_link_are_sent_over_the_next_one(redis_url: str) -> None:
    async def main() -> None:
        async with client(redis_url) as (redis, settings):
            transports = transports_of(redis)
            async with piped(redis, settings) as pipeline:
                await pipeline.send("PING")
                [transport] = transports
                transport.set_protocol(asyncio.Protocol())  # the link will not hear of the end
                await closed(transport)
                asked = [pipeline.send("ECHO", number) for number in range(100)]
                assert [int(answer) for answer in await asyncio.gather(*asked)] == list(range(100))

    run(main())


@pytest.mark.parametrize("moment", [None, before_the_set_up, after_the_set_up])
def test_a_command_of_the_client_is_repeated_over_a_new_connection(redis_url: str, moment: Moment | None) -> None:
    async def main() -> None:
        async with client(redis_url) as (redis, _):
            if moment is None:
                transports = transports_of(redis)
                await redis.ping()
                [transport] = transports
                await closed(transport)
            else:
                closes_once(redis, moment)
            assert await redis.ping()

    run(main())


def test_an_unrelated_runtime_error_is_not_treated_as_a_lost_connection(redis_url: str) -> None:
    def fail(data: bytes) -> None:
        raise RuntimeError("a mistake")

    async def mistaken(connection: Any, set_up: Awaitable[None]) -> None:
        await set_up
        connection._writer.writelines = fail

    async def main() -> None:
        async with client(redis_url) as (redis, _):
            closes_once(redis, mistaken)
            with pytest.raises(RuntimeError, match="a mistake"):
                await redis.ping()

    run(main())


async def unnoticed_end(connection: Any) -> None:
    """Postgres' connection has ended, and asyncpg has not been told."""
    transport = (await connection.get_raw_connection()).driver_connection._transport
    transport.set_protocol(asyncio.Protocol())
    await closed(transport)


def test_a_statement_on_a_closed_connection_to_postgres_is_unavailable_and_the_next_one_works(
    settings: Settings,
) -> None:
    async def main() -> None:
        database = Database(settings)
        with pytest.raises(Unavailable):
            async with database.reading() as connection:
                await unnoticed_end(connection)
                await connection.execute(sa.text("SELECT 1"))
        await database.ping()
        await database.close()

    run(main())


def test_a_commit_on_a_closed_connection_to_postgres_has_an_unknown_outcome(settings: Settings) -> None:
    async def main() -> None:
        database = Database(settings)
        with pytest.raises(CommitUnknown):
            async with database.transaction() as connection:
                await connection.execute(sa.text("SELECT 1"))
                await unnoticed_end(connection)
        await database.ping()
        await database.close()

    run(main())
