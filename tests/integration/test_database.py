"""Postgres through `seatserver.database`: what is written, what is rolled back, and what a fault looks like."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa

from seatserver.config import Settings
from seatserver.database import CommitUnknown, Database, upgrade
from seatserver.errors import ConfigError, StartError, Unavailable
from tests.conftest import execute
from tests.integration.proxy import proxied
from tests.integration.server import eventually

INSERT = sa.text("INSERT INTO theatres (id, name, timezone) VALUES (:id, 'Odeon', 'UTC')")
IDS = sa.text("SELECT id FROM theatres ORDER BY id")
SESSIONS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
OPEN_TRANSACTIONS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def impatient(settings: Settings) -> Settings:
    """Short limits, a pool of two."""
    return dataclasses.replace(
        settings, database_pool_size=2, database_pool_wait_ms=100, database_statement_ms=400, database_lock_ms=100
    )


@pytest.fixture
async def database(impatient: Settings) -> AsyncIterator[Database]:
    made = Database(impatient)
    yield made
    await made.close()


async def ids(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.scalars(IDS)).all())


async def test_a_transaction_commits_when_its_block_ends(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(INSERT, {"id": "one"})
        assert await ids(database) == []
    assert await ids(database) == ["one"]


async def test_an_error_in_the_block_rolls_back_and_is_raised_unchanged(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute(INSERT, {"id": "one"})
            raise ZeroDivisionError
    assert await ids(database) == []


async def test_a_violated_constraint_is_raised_as_an_integrity_error(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(INSERT, {"id": "one"})
            await connection.execute(INSERT, {"id": "one"})
    assert await ids(database) == []


@pytest.mark.parametrize("where", ["between statements", "in a statement"])
async def test_a_cancelled_transaction_rolls_back_and_leaks_no_connection(database: Database, where: str) -> None:
    async def write(written: asyncio.Event) -> None:
        async with database.transaction() as connection:
            await connection.execute(INSERT, {"id": "one"})
            written.set()
            if where == "between statements":
                await asyncio.Event().wait()
            await connection.execute(sa.text("SELECT pg_sleep(0.3)"))

    for _ in range(10):  # far more often than the pool has connections
        written = asyncio.Event()
        task = asyncio.create_task(write(written))
        await written.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await ids(database) == []
    async with database.reading() as connection:
        assert await connection.scalar(OPEN_TRANSACTIONS) == 0
        assert await connection.scalar(SESSIONS) <= 2


@pytest.mark.parametrize("turns", range(1, 6))
async def test_closing_goes_on_to_the_end_and_says_nothing_when_it_is_cancelled(
    impatient: Settings, caplog: pytest.LogCaptureFixture, turns: int
) -> None:
    database = Database(impatient)
    async with database.reading(), database.reading() as connection:
        await connection.scalar(sa.text("SELECT 1"))
    closing = asyncio.create_task(database.close())
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("sqlalchemy")] == []
    other = Database(impatient)
    async with other.reading() as connection:

        async def is_alone() -> bool:
            return bool(await connection.scalar(SESSIONS) == 1)

        await eventually(is_alone)
    await other.close()


async def test_a_cancelled_wait_for_a_connection_leaks_none(database: Database) -> None:
    async with database.transaction(), database.transaction():
        waiting = asyncio.create_task(ids(database))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with database.transaction(), database.transaction() as connection:
        await connection.execute(INSERT, {"id": "one"})
    assert await ids(database) == ["one"]


async def test_an_exhausted_pool_raises_unavailable_and_recovers(database: Database) -> None:
    async with database.transaction(), database.transaction():
        with pytest.raises(Unavailable):
            await ids(database)
    assert await ids(database) == []


async def test_a_statement_over_its_time_limit_raises_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.execute(sa.text("SELECT pg_sleep(10)"))
    assert await ids(database) == []


async def test_a_lock_that_is_not_released_raises_unavailable(database: Database) -> None:
    lock = sa.text("LOCK TABLE theatres IN ACCESS EXCLUSIVE MODE")
    async with database.transaction() as connection:
        await connection.execute(lock)
        with pytest.raises(Unavailable):
            async with database.transaction() as other:
                await other.execute(lock)


@pytest.mark.parametrize("where", ["between statements", "in the middle of one"])
async def test_a_process_paused_in_a_transaction_loses_its_locks(impatient: Settings, where: str) -> None:
    """As with SIGSTOP: the server hears nothing more, and the connection stays."""
    lock = sa.text("LOCK TABLE theatres IN ACCESS EXCLUSIVE MODE")
    made, got_it = Database(dataclasses.replace(impatient, checkout_ms=300)), False
    try:
        with pytest.raises(Unavailable):
            async with made.transaction() as connection:
                await connection.execute(lock)
                if where == "in the middle of one":
                    raw = (await connection.get_raw_connection()).driver_connection
                    assert raw is not None
                    # What asyncpg does first with a statement that it does not know yet.
                    await raw.prepare("SELECT 1 FROM theatres")
                await asyncio.sleep(1.0)
                async with made.transaction() as rival:
                    await rival.execute(lock)
                    got_it = True
                await connection.execute(IDS)
        assert got_it
    finally:
        await made.close()


async def test_connections_closed_by_the_server_are_replaced_silently(database: Database, database_url: str) -> None:
    async with database.reading() as connection:
        wire = (await connection.get_raw_connection()).driver_connection
    assert wire is not None
    execute(
        database_url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seatserver'"
    )
    await eventually(wire.is_closed, "the news that the connection is closed")
    assert await ids(database) == []


async def test_a_connection_that_dies_in_use_raises_unavailable_and_the_next_works(
    database: Database, database_url: str
) -> None:
    with pytest.raises(Unavailable):
        async with database.transaction() as connection:
            await connection.execute(INSERT, {"id": "one"})
            own = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
            execute(database_url, f"SELECT pg_terminate_backend({own})")
            await connection.execute(INSERT, {"id": "two"})
    assert await ids(database) == []


async def test_a_connection_that_dies_during_its_set_up_raises_unavailable(
    impatient: Settings, database_url: str
) -> None:
    """As when Postgres is restarted under load: whatever step it dies in, and however asyncpg says so."""
    end_them = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    patient, failed = dataclasses.replace(impatient, database_pool_size=6), 0
    rival = await asyncpg.connect(database_url, server_settings={"application_name": "rival"})
    try:
        for rounds in range(30):
            database = Database(patient)
            reads = [asyncio.create_task(ids(database)) for _ in range(6)]
            await asyncio.sleep(0.001 * rounds)
            for _ in range(4):
                await rival.execute(f"{end_them} AND application_name = 'seatserver'")
            for outcome in await asyncio.gather(*reads, return_exceptions=True):
                assert outcome == [] or isinstance(outcome, Unavailable), repr(outcome)
                failed += outcome != []
            await database.close()
    finally:
        await rival.close()
    assert failed, "some were hit"


async def test_a_lost_commit_answer_raises_outcome_unknown_and_can_be_looked_up(
    impatient: Settings, database: Database, database_url: str
) -> None:
    async with proxied(database_url) as (proxy, url):
        through = Database(dataclasses.replace(impatient, database_url=url))
        proxy.lose_answer_to = b"COMMIT"
        with pytest.raises(CommitUnknown):
            async with through.transaction() as connection:
                await connection.execute(INSERT, {"id": "one"})
        assert proxy.lost == 1
        assert await ids(through) == ["one"], "the server had committed"
        await through.close()
    assert await ids(database) == ["one"]


@pytest.mark.parametrize("ending", [pytest.param("patience ends", marks=pytest.mark.long), "cancelled"])
async def test_silence_at_commit_raises_outcome_unknown_and_spoils_no_connection(
    impatient: Settings, database_url: str, ending: str
) -> None:
    async with proxied(database_url) as (proxy, url):
        through = Database(dataclasses.replace(impatient, database_url=url))

        async def write(number: int) -> None:
            async with through.transaction() as connection:
                await connection.execute(INSERT, {"id": f"id-{number}"})
                proxy.freeze()

        async with asyncio.timeout(60):
            for number in range(3):  # more often than the pool has connections
                writing = asyncio.create_task(write(number))
                if ending == "cancelled":
                    await asyncio.sleep(0.1)
                    writing.cancel()
                    await asyncio.sleep(0.05)
                    proxy.thaw()
                with pytest.raises(CommitUnknown if ending == "patience ends" else asyncio.CancelledError):
                    await writing
                proxy.thaw()
                async with through.transaction() as one, through.transaction() as other:
                    assert await one.scalar(sa.text("SELECT 1")) == await other.scalar(sa.text("SELECT 1"))
        await through.close()


async def test_a_constraint_violated_at_commit_is_not_an_unknown_outcome(database: Database) -> None:
    deferred = sa.text(
        "ALTER TABLE auditoriums ADD CONSTRAINT late FOREIGN KEY (theatre_id) REFERENCES theatres DEFERRABLE"
        " INITIALLY DEFERRED, DROP CONSTRAINT fk_auditoriums_theatre_id_theatres"
    )
    async with database.transaction() as connection:
        await connection.execute(deferred)
    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(sa.text("INSERT INTO auditoriums VALUES ('a', 'nowhere', 'One')"))


async def test_a_silent_server_raises_unavailable_within_the_limit(impatient: Settings, database_url: str) -> None:
    async with proxied(database_url) as (proxy, url):
        through = Database(dataclasses.replace(impatient, database_url=url))
        await ids(through)
        proxy.freeze()
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await ids(through)
        proxy.thaw()
        assert await ids(through) == []
        await through.close()


async def test_an_unreachable_server_raises_unavailable(impatient: Settings) -> None:
    nowhere = Database(dataclasses.replace(impatient, database_url="postgresql://u:secret@127.0.0.1:1/db"))
    with pytest.raises(Unavailable) as caught:
        await nowhere.ping()
    assert "secret" not in str(caught.value)
    await nowhere.close()


async def test_a_missing_database_stops_the_start_with_one_clear_line(impatient: Settings) -> None:
    url = impatient.database_url.rpartition("/")[0] + "/nope"
    database = Database(dataclasses.replace(impatient, database_url=url))
    with pytest.raises(StartError, match='database "nope" does not exist'):
        await database.ping()
    await database.close()


@pytest.mark.parametrize(
    "url",
    ["", "postgresql://u:secret@host:port/db", "postgresql://u:secret@[::1/db", "postgresql://u:secret@h:99999/d"],
)
def test_an_unreadable_url_is_reported_with_its_setting_but_not_its_password(impatient: Settings, url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL") as caught:
        Database(dataclasses.replace(impatient, database_url=url))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("parameter", ["sslmode=perhaps", "sslmode=require&sslrootcert=/nowhere", "port=x"])
async def test_an_unusable_parameter_is_reported_with_its_setting_but_no_password(
    impatient: Settings, parameter: str
) -> None:
    url = f"postgresql://u:secret@127.0.0.1:1/db?{parameter}"
    with pytest.raises((ConfigError, Unavailable)) as caught:
        await Database(dataclasses.replace(impatient, database_url=url)).ping()
    assert "secret" not in str(caught.value)


async def test_an_impossible_host_name_is_a_wrong_setting(impatient: Settings) -> None:
    url = f"postgresql://u:secret@{'h' * 70}.example/db"
    with pytest.raises(ConfigError, match="DATABASE_URL cannot be used"):
        await Database(dataclasses.replace(impatient, database_url=url)).ping()
    with pytest.raises(ConfigError, match="DATABASE_URL cannot be used"):
        await asyncio.to_thread(upgrade, url)


async def test_an_error_shows_none_of_its_statements_values(database: Database) -> None:
    with pytest.raises(sa.exc.ProgrammingError) as caught:
        async with database.reading() as connection:
            await connection.execute(sa.text("SELECT :secret FROM nowhere"), {"secret": "hunter2"})
    assert "hunter2" not in str(caught.value)


async def test_a_snapshot_reads_one_moment_and_cannot_write(database: Database) -> None:
    async with database.reading(snapshot=True) as connection:
        assert list((await connection.scalars(IDS)).all()) == []
        async with database.transaction() as writer:
            await writer.execute(INSERT, {"id": "one"})
        assert list((await connection.scalars(IDS)).all()) == []
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            async with connection.begin_nested():
                await connection.execute(INSERT, {"id": "two"})
    assert await ids(database) == ["one"]


async def test_urls_work_in_every_usual_form(impatient: Settings) -> None:
    plain = impatient.database_url
    for url in (
        plain.replace("postgresql://", "postgres://"),
        plain.replace("postgresql://", "postgresql+asyncpg://"),
        f"{plain}?sslmode=disable",
        plain.replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:"),
    ):
        database = Database(dataclasses.replace(impatient, database_url=url))
        await database.ping()
        await database.close()


async def test_the_time_limits_are_set_on_the_server(database: Database, impatient: Settings) -> None:
    async with database.reading() as connection:
        for name, expected in (("statement_timeout", "400ms"), ("lock_timeout", "100ms"), ("TimeZone", "UTC")):
            assert await connection.scalar(sa.text(f"SHOW {name}")) == expected


async def test_a_migration_that_invalidates_a_prepared_statement_costs_one_retry(
    database: Database, database_url: str
) -> None:
    every = sa.text("SELECT * FROM theatres")
    for _ in range(3):
        async with database.reading() as connection:
            await connection.execute(every)
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE theatres ADD COLUMN stars integer")
    await connection.close()
    for attempt in range(3):
        try:
            async with database.reading() as reader:
                await reader.execute(every)
            break
        except Unavailable:
            assert attempt < 2
