"""Behind a pooler in transaction mode, where every transaction may run in another Postgres session."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from seatserver.config import Settings
from seatserver.database import Database, connect_once, upgrade
from seatserver.doctor import Doctor
from seatserver.embedded import EmbeddedPostgres
from seatserver.errors import OutcomeUnknown, StartError, Unavailable
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.server import Server
from tests.conftest import drop, execute, url_of
from tests.integration.pooler import PgBouncer
from tests.integration.server import check_books, eventually, hold, opened, put_on_sale, rows

ARENA = "arena"
BUYERS, BOOKINGS = 100, 3
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
MY_LOCKS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
def pooler(database_url: str, tmp_path: Path) -> Iterator[PgBouncer]:
    with PgBouncer(tmp_path / "pgbouncer", database_url) as running:
        yield running


@pytest.fixture
def pooled(settings: Settings, pooler: PgBouncer) -> Settings:
    """Settings of a server whose address of Postgres is the pooler's; it has time."""
    return dataclasses.replace(
        settings,
        database_url=pooler.url,
        relay_ms=50,
        reap_ms=50,
        database_pool_wait_ms=60_000,
        answer_ms=120_000,
        checkout_ms=600_000,
        hold_ms=600_000,
    )


def arena() -> SeatMap:
    """A seat for every booking."""
    seats = [
        Seat(row=str(row), number=str(number), x=number, y=row, category="standard")
        for row in range(1, BOOKINGS + 1)
        for number in range(1, BUYERS + 1)
    ]
    category = Category(key="standard", name="Standard", color="#0072b2")
    return SeatMap.build(name="Arena", categories=[category], screen=Screen(x=50, y=-2, width=8), seats=seats)


async def sell_the_arena(core: Server) -> None:
    layout = await core.catalog.put_layout(arena())
    await put_on_sale(core.catalog, ARENA, layout_hash=layout, tariff=Tariff.flat("EUR", {"standard": 1000}))


async def test_a_hundred_buyers_with_three_bookings_each_all_book_once(pooled: Settings) -> None:
    async with opened(pooled) as core:
        assert core.database.behind_pooler
        await sell_the_arena(core)

        async def buy(buyer: int) -> None:
            for number in range(BOOKINGS):
                hold_id = await hold(core, f"buyer-{buyer}", number * BUYERS + buyer, showtime=ARENA)
                pay_later = number == 1
                booking = await core.checkout.book(ARENA, hold_id, f"buyer-{buyer}", pay_later=pay_later)
                if pay_later:
                    booking = await core.checkout.confirm(hold_id)
                assert booking.status == "confirmed"

        await asyncio.gather(*(buy(buyer) for buyer in range(BUYERS)))
        await check_books(core)
        sold = await rows(core, "SELECT count(*), count(DISTINCT seat) FROM booked_seats WHERE released_at IS NULL")
        assert [tuple(row) for row in sold] == [(BUYERS * BOOKINGS, BUYERS * BOOKINGS)]
        await eventually(lambda: no_changes_wait(core))


async def no_changes_wait(core: Server) -> bool:
    """What the relay has brought is deleted, though a pooler's transaction must be committed for that."""
    return await rows(core, "SELECT 1 FROM outbox") == []


def has_grown_to(confirmed: set[int], enough: int) -> bool:
    return len(confirmed) >= enough


async def test_a_pooler_that_dies_under_load_costs_no_booking_and_sells_nothing_twice(
    pooled: Settings, pooler: PgBouncer
) -> None:
    async with opened(pooled) as core:
        await sell_the_arena(core)
        confirmed: set[int] = set()

        async def buy(seat: int) -> None:
            hold_id = await hold(core, f"buyer-{seat}", seat, showtime=ARENA)
            while seat not in confirmed:
                with suppress(Unavailable, OutcomeUnknown):
                    await core.checkout.book(ARENA, hold_id, f"buyer-{seat}", pay_later=False)
                    confirmed.add(seat)
                await asyncio.sleep(0.02)

        buying = asyncio.gather(*(buy(seat) for seat in range(BUYERS)))
        for enough in (10, 40):
            await eventually(partial(has_grown_to, confirmed, enough))
            await asyncio.to_thread(pooler.kill)
            await asyncio.to_thread(pooler.start)
        async with asyncio.timeout(120):
            await buying
        await check_books(core)
        sold = await rows(core, "SELECT seat FROM booked_seats WHERE released_at IS NULL ORDER BY seat")
        assert [row.seat for row in sold] == list(range(BUYERS))


async def test_time_limits_apply_in_every_transaction_and_stay_in_no_session(
    pooled: Settings, pooler: PgBouncer
) -> None:
    database = Database(dataclasses.replace(pooled, database_statement_ms=300, database_lock_ms=100))
    try:
        for _ in range(6):  # more often than the pooler has sessions
            for transaction in (database.transaction(), database.reading(), database.reading(snapshot=True)):
                async with transaction as connection:
                    found = [await connection.scalar(sa.text(f"SHOW {name}")) for name in LIMITS]
                    assert found == ["300ms", "100ms", "5min"]
        for transaction in (database.transaction(), database.reading(), database.reading(snapshot=True)):
            with pytest.raises(Unavailable):
                async with transaction as connection:
                    await connection.execute(sa.text("SELECT pg_sleep(60)"))
    finally:
        await database.close()
    stranger = await asyncpg.connect(pooler.url, statement_cache_size=0)
    for _ in range(6):
        async with stranger.transaction():
            assert [await stranger.fetchval(f"SHOW {name}") for name in LIMITS] == ["0", "0", "0"]
    await stranger.close()


async def test_an_idle_transaction_loses_its_locks(pooled: Settings) -> None:
    lock = sa.text("LOCK TABLE theatres IN ACCESS EXCLUSIVE MODE")
    database = Database(dataclasses.replace(pooled, database_statement_ms=20, database_lock_ms=10_000, checkout_ms=300))
    patient = Database(pooled)
    try:
        with pytest.raises(Unavailable):
            async with database.transaction() as connection:
                await connection.execute(lock)
                async with patient.transaction() as rival:
                    await rival.execute(lock)
                await connection.execute(sa.text("SELECT 1"))
    finally:
        await database.close()
        await patient.close()


async def test_two_processes_started_together_migrate_once_and_leave_no_lock(
    postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    execute(postgres_server.url, "CREATE DATABASE migrated_through_a_pooler")
    behind = url_of(postgres_server, "migrated_through_a_pooler")
    with PgBouncer(tmp_path / "pgbouncer", behind) as pooler, ThreadPoolExecutor(3) as threads:
        runs = [asyncio.wrap_future(threads.submit(upgrade, pooler.url)) for _ in range(3)]
        applied = sorted(await asyncio.gather(*runs))
        assert applied[:2] == [[], []]
        assert len(applied[2]) > 2
        async with connect_once(behind) as connection:
            assert await connection.scalar(sa.text(MY_LOCKS)) == 0
            assert await connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == applied[2][-1]
    drop(postgres_server, "migrated_through_a_pooler")


async def test_the_doctor_reports_a_pooler(pooled: Settings) -> None:
    async with opened(pooled) as core:
        findings = await Doctor(core).examine()
        assert [finding for finding in findings if finding.verdict == "wrong"] == []
        [postgres] = [finding.says for finding in findings if finding.about == "Postgres"]
        assert "behind a pooler in transaction mode" in postgres


async def test_without_a_pooler_the_session_has_the_limits_and_nothing_is_reported(settings: Settings) -> None:
    database = Database(settings)
    await database.ping()
    assert not database.behind_pooler
    async with database.transaction() as connection:
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT id FROM theatres'"
        for _ in range(3):
            await connection.execute(sa.text("SELECT id FROM theatres"))
        assert await connection.scalar(sa.text(prepared)) == 1, "statements are prepared once a session"
    await database.close()


@pytest.mark.parametrize(("setting", "is_behind"), [("yes", True), ("no", False)])
async def test_the_setting_wins_over_the_detection(settings: Settings, setting: str, is_behind: bool) -> None:
    database = Database(dataclasses.replace(settings, database_pooler=setting))
    async with database.reading() as connection:
        assert await connection.scalar(sa.text("SHOW statement_timeout")) == "5s"
    assert database.behind_pooler is is_behind
    await database.close()


@pytest.mark.parametrize(("hint", "is_behind"), [("pgbouncer=true", True), ("pgbouncer=false&sslmode=disable", False)])
async def test_the_pooler_hint_of_other_clients_in_the_url_is_understood(
    settings: Settings, hint: str, is_behind: bool
) -> None:
    database = Database(dataclasses.replace(settings, database_url=f"{settings.database_url}?{hint}"))
    await database.ping()
    assert database.behind_pooler is is_behind
    await database.close()


async def test_a_pooler_despite_the_setting_is_reported_with_its_setting(pooled: Settings) -> None:
    """Two connections take turns with few sessions; what one prepared, the other meets."""
    server = Server(dataclasses.replace(pooled, database_pooler="no"))
    with pytest.raises(StartError, match="SEATSERVER_DATABASE_POOLER=yes"):
        for _ in range(20):
            told = await asyncio.gather(*(server.check() for _ in range(4)), return_exceptions=True)
            for error in filter(None, told):
                raise error
    await server.close_connections()


def test_a_poolers_own_error_is_reported_at_the_start(pooled: Settings) -> None:
    environment = {**os.environ, "REDIS_URL": pooled.redis_url}
    for more, said in (("?search_path=other", "unsupported startup parameter: search_path"),):
        environment["DATABASE_URL"] = pooled.database_url + more
        for command in ("serve", "migrate"):
            ran = subprocess.run(
                [sys.executable, "-m", "seatserver", command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (ran.returncode != 0, said in ran.stderr, "does not answer" in ran.stderr) == (True, True, False), (
                ran
            )
            assert len(ran.stderr.strip().splitlines()) == 1
