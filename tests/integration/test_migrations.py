"""The migrations: they make exactly the tables of the code, once, whoever starts them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import seatserver.bookings.tables
import seatserver.catalog.tables  # noqa: F401 - both register their tables in the metadata
from seatserver import config
from seatserver.database import Database, connect_once, metadata, migrations_path, upgrade
from seatserver.embedded import EmbeddedPostgres
from seatserver.errors import StartError
from tests.conftest import drop, execute, url_of


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database without any table."""
    execute(postgres_server.url, "CREATE DATABASE never_migrated")
    yield url_of(postgres_server, "never_migrated")
    drop(postgres_server, "never_migrated")


async def test_the_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    def differences(connection: sa.Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with connect_once(database_url) as connection:
        assert await connection.run_sync(differences) == []


async def test_checks_of_the_code_are_in_the_database(database_url: str) -> None:
    # Alembic compares no CHECK constraints.
    expected = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    async with connect_once(database_url) as connection:
        found = set((await connection.scalars(sa.text("SELECT conname FROM pg_constraint WHERE contype = 'c'"))).all())
    assert {name for name in found if name.startswith("ck_")} == expected


def test_two_who_start_together_migrate_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(upgrade, [empty_database] * 4))
    newest = sorted(file.name.partition("_")[0] for file in (migrations_path() / "versions").glob("[0-9]*.py"))
    assert sorted(applied) == [[], [], [], newest]


async def test_an_old_database_stops_the_start_with_the_command_that_mends_it(empty_database: str) -> None:
    database = Database(config.load({}, database_url=empty_database))
    with pytest.raises(StartError, match="run `seatserver migrate`"):
        await database.check_migrated()
    await asyncio.to_thread(upgrade, empty_database)
    await database.check_migrated()
    await database.close()


def test_a_database_of_a_newer_version_is_one_clear_line(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match=r"9999.*a newer one"):
        upgrade(database_url)


async def test_a_server_tells_a_database_of_a_newer_version_from_an_old_one(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    database = Database(config.load({}, database_url=database_url))
    with pytest.raises(StartError, match=r"9999.*newer"):
        await database.check_migrated()
    await database.close()


def test_a_server_that_is_away_is_one_clear_line() -> None:
    with pytest.raises(StartError, match="does not answer at DATABASE_URL") as caught:
        upgrade("postgresql://someone:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)
