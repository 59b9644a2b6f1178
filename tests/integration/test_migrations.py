"""The migrations create exactly the tables in the code, once, however many processes start them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

import seatserver.access.tables
import seatserver.accounts.tables
import seatserver.bookings.tables
import seatserver.catalog.tables
import seatserver.kiosks.tables
import seatserver.transcripts.tables  # noqa: F401 - all register their tables in the metadata
from seatserver import config
from seatserver.database import Database, connect_once, metadata, migrations_path, upgrade
from seatserver.embedded import EmbeddedPostgres
from seatserver.errors import StartError
from tests.conftest import drop, execute, in_thread, url_of


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database without any table."""
    execute(postgres_server.url, "CREATE DATABASE never_migrated")
    yield url_of(postgres_server, "never_migrated")
    drop(postgres_server, "never_migrated")


async def test_the_migrations_create_exactly_the_tables_in_the_code(database_url: str) -> None:
    def differences(connection: sa.Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with connect_once(database_url) as connection:
        assert await connection.run_sync(differences) == []


async def test_check_constraints_of_the_code_are_in_the_database(database_url: str) -> None:
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


def test_two_processes_started_together_migrate_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(upgrade, [empty_database] * 4))
    newest = sorted(file.name.partition("_")[0] for file in (migrations_path() / "versions").glob("[0-9]*.py"))
    assert sorted(applied) == [[], [], [], newest]


async def test_an_old_database_stops_the_start_with_the_command_that_upgrades_it(empty_database: str) -> None:
    database = Database(config.load({}, database_url=empty_database))
    with pytest.raises(StartError, match="run `seatserver migrate`"):
        await database.check_migrated()
    await asyncio.to_thread(upgrade, empty_database)
    await database.check_migrated()
    await database.close()


def test_a_newer_database_is_refused_in_one_clear_line(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match=r"9999.*a newer one"):
        upgrade(database_url)


async def test_a_server_distinguishes_a_newer_database_from_an_older_one(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
    database = Database(config.load({}, database_url=database_url))
    with pytest.raises(StartError, match=r"9999.*newer"):
        await database.check_migrated()
    await database.close()


def test_an_unreachable_database_is_reported_in_one_clear_line() -> None:
    with pytest.raises(StartError, match="does not answer at DATABASE_URL") as caught:
        upgrade("postgresql://someone:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


def migrate(database_url: str, step: Callable[[Config], None]) -> None:
    """Run one of alembic's commands, as a developer would."""

    def run(connection: sa.Connection) -> None:
        script = Config()
        script.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
        script.attributes["connection"] = connection
        step(script)

    async def connected() -> None:
        async with connect_once(database_url) as connection:
            await connection.run_sync(run)

    in_thread(connected())


def fetch(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""

    async def run() -> list[tuple[Any, ...]]:
        async with connect_once(database_url) as connection:
            return [tuple(row) for row in (await connection.execute(sa.text(query))).all()]

    return in_thread(run())


AT_0001 = (
    "INSERT INTO theatres VALUES ('odeon', 'Odeon', 'UTC')",
    "INSERT INTO auditoriums VALUES ('studio', 'odeon', 'Studio')",
    "INSERT INTO seat_maps VALUES ('abc', 'Studio', '{}', 4)",
    "INSERT INTO showtimes VALUES ('tonight', 'studio', 'abc', 'The Long Take', '2030-01-01', '2029-12-01',"
    """ '2030-01-02', 'EUR', '{"standard": 1150, "sofa": 1400}', '{3}', 2)""",
    "INSERT INTO bookings VALUES ('00000000-0000-0000-0000-000000000007', 'tonight', 'ann', 'confirmed',"
    " '{0, 1}', 2300, 'EUR')",
)


def test_a_database_of_the_first_migration_keeps_its_data(empty_database: str) -> None:
    migrate(empty_database, lambda script: command.upgrade(script, "0001"))
    for statement in AT_0001:
        execute(empty_database, statement)
    migrate(empty_database, lambda script: command.upgrade(script, "0002"))
    prices = {"standard": 1150, "sofa": 1400}
    assert fetch(empty_database, "SELECT tariff, rules, currency, seq FROM showtimes") == [
        ({"ticket_types": [{"key": "standard", "name": "Standard", "prices": prices}], "fees": {}}, {}, "EUR", 2)
    ]
    assert fetch(empty_database, "SELECT lines, fees_minor, total_minor, channel FROM bookings") == [([], 0, 2300, "")]
    migrate(empty_database, lambda script: command.downgrade(script, "0001"))
    assert fetch(empty_database, "SELECT prices, currency FROM showtimes") == [(prices, "EUR")]
    assert fetch(empty_database, "SELECT total_minor FROM bookings") == [(2300,)]


def test_a_downgrade_keeps_prices_without_a_ticket_type(empty_database: str) -> None:
    migrate(empty_database, lambda script: command.upgrade(script, "0001"))
    for statement in AT_0001:
        execute(empty_database, statement)
    migrate(empty_database, lambda script: command.upgrade(script, "0002"))
    tariff = {
        "ticket_types": [
            {"key": "adult", "name": "Adult", "prices": {"standard": 1200}},
            {"key": "pair", "name": "Pair", "prices": {"standard": 1, "sofa": 1500}},
        ]
    }
    execute(empty_database, f"UPDATE showtimes SET tariff = '{json.dumps(tariff)}'")
    migrate(empty_database, lambda script: command.downgrade(script, "0001"))
    assert fetch(empty_database, "SELECT prices FROM showtimes") == [({"standard": 1200, "sofa": 1500},)]


def test_blocked_seats_migrate_to_kept_seats_with_a_log_entry_and_back(empty_database: str) -> None:
    migrate(empty_database, lambda script: command.upgrade(script, "0001"))
    untouched = "INSERT INTO showtimes VALUES ('later', 'studio', 'abc', 'Late', '2030-01-01', '2029-12-01',"
    for statement in (*AT_0001, f"""{untouched} '2030-01-02', 'EUR', '{{"standard": 1150}}', '{{}}', 0)"""):
        execute(empty_database, statement)
    migrate(empty_database, lambda script: command.upgrade(script, "0003"))
    of_kept = "SELECT showtime_id, seat, channel, reason, kept_by, release_at FROM kept_seats"
    assert fetch(empty_database, of_kept) == [("tonight", 3, None, "house seats", "migration", None)]
    assert fetch(empty_database, "SELECT showtime_id, seq, action, seats, reason FROM seat_log") == [
        ("tonight", 2, "block", [3], "house seats")
    ]
    assert fetch(empty_database, "SELECT id, ever_booked FROM showtimes ORDER BY id") == [
        ("later", False),
        ("tonight", True),
    ]
    for seat, channel in ((1, "'kiosk'"), (2, "NULL")):
        kept = f"'tonight', {seat}, {channel}, 'for the door', 'boss'"
        execute(empty_database, f"INSERT INTO kept_seats (showtime_id, seat, channel, reason, kept_by) VALUES ({kept})")
    migrate(empty_database, lambda script: command.downgrade(script, "0002"))
    assert fetch(empty_database, "SELECT blocked FROM showtimes ORDER BY id") == [([],), ([1, 2, 3],)]


def test_the_way_back_before_card_readers_is_refused_while_payments_go_on_and_leads_there_and_back(
    empty_database: str,
) -> None:
    migrate(empty_database, lambda script: command.upgrade(script, "head"))
    kiosk, payment = (f"'00000000-0000-0000-0000-00000000000{number}'" for number in (1, 2))
    for statement in (
        "INSERT INTO theatres VALUES ('odeon', 'Odeon', 'UTC')",
        "INSERT INTO kiosks (id, key_hash, code, code_ends_at, theatre_id, enrolled_at) VALUES"
        f" ({kiosk}, '', '', now(), 'odeon', now())",
        "INSERT INTO kiosk_payments (booking_id, kiosk_id, showtime_id, status, deadline_at) VALUES"
        f" ({payment}, {kiosk}, 'tonight', 'open', now())",
        "INSERT INTO stripe_payments (id, reader, amount_minor, currency, attempt, tries, ended, voided) VALUES"
        f" ({payment}, 'tmr_1', 100, 'EUR', 1, 0, false, false)",
    ):
        execute(empty_database, statement)
    with pytest.raises(RuntimeError, match="1 payments at Stripe's card readers go on"):
        migrate(empty_database, lambda script: command.downgrade(script, "0011"))
    assert fetch(empty_database, "SELECT reader FROM stripe_payments") == [("tmr_1",)], "nothing has changed"
    execute(empty_database, "UPDATE kiosk_payments SET status = 'paid', ended_at = now()")
    migrate(empty_database, lambda script: command.downgrade(script, "0011"))
    migrate(empty_database, lambda script: command.upgrade(script, "head"))
    assert fetch(empty_database, "SELECT theatre_id, ticket_reader FROM kiosks") == [("odeon", "none")]
