"""Postgres dies, stands still, is full, is migrated, is set back, or loses the answer to a COMMIT, while people buy."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from seatserver import database
from seatserver.embedded import binaries
from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check
from tests.faults.site import SHOWTIME, Site, keeping, kill, opened
from tests.faults.users import Mix, users
from tests.integration.server import eventually

A_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{newest}"

def upgrade():
    op.add_column("booked_seats", sa.Column("note", sa.Text))
    op.add_column("bookings", sa.Column("note", sa.Text))
    op.execute("SELECT pg_sleep(0.3)")
"""


@pytest.mark.long
async def test_fault_11_kill_9_of_postgres_and_a_restart(site: Site, report: Report) -> None:
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        for _ in range(2):
            report.hit(await load.busy(len(load.promises.confirmed) + 5))
            kill(site.postgres.pid)
            await load.run_for(site.rng.uniform(0, 0.5))
            await site.start_postgres()
            await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load)


@pytest.mark.long
async def test_fault_12_postgres_stands_still(site: Site, report: Report) -> None:
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        report.hit(await load.busy(5))
        async with site.standing_still(site.postgres):
            await load.run_for(4)
            given_up = await load.until(lambda: load.errors["unavailable"] or load.errors["outcome_unknown"])
            assert given_up, "nobody waits for ever"
        await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load)


@pytest.mark.long
async def test_fault_13_the_answer_to_commit_is_cut_off(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        await site.add_servers(2, proxied=True)
        await lost_answers_to_commit(site, report)


async def lost_answers_to_commit(site: Site, report: Report) -> None:
    """Nobody knows then whether it was written; it is found out."""
    async with users(site, 10, Mix(book=50, pay=40, release=5, extend=5, abandon=0)) as load:
        report.loads.append(load)
        load.start()
        await load.busy(3)
        for round_ in range(12):
            for server in site.servers:
                assert server.to_postgres is not None
                before = server.to_postgres.lost
                server.to_postgres.lose_answer_to, server.to_postgres.lose_times = b"COMMIT", 1 + round_ % 3
                await load.run_for(0.1)
                await load.until(partial(server.to_postgres.has_lost, before), 5.0)
                server.to_postgres.lose_answer_to = None
                if lost := server.to_postgres.lost - before:
                    report.hit(lost, lost)
        assert report.faults > 10
        await report.serves_again(site)
        await load.end()
        await check(site, load, linearizable=True)


@pytest.mark.long
@pytest.mark.parametrize("why", ["all connections wait for a lock", "no connection is to be had"])
async def test_fault_23_the_database_pool_is_exhausted(open_site: OpenSite, report: Report, why: str) -> None:
    async with open_site(SEATSERVER_DATABASE_POOL_SIZE="2") as site:
        await site.add_servers(2)
        async with users(site, 12) as load:
            report.loads.append(load)
            load.start()
            report.hit(await load.busy(5))
            async with site.sql() as sql:
                if why == "all connections wait for a lock":
                    async with sql.transaction():
                        await sql.execute("SELECT 1 FROM showtimes WHERE id = $1 FOR UPDATE", SHOWTIME)
                        await load.run_for(3)
                        assert await load.until(lambda: load.errors["unavailable"]), "nobody waits for ever"
                else:
                    name = site.database_url.rpartition("/")[2]
                    await sql.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 1")
                    await sql.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                    await load.run_for(3)
                    assert await load.until(lambda: load.errors["unavailable"]), "nobody waits for ever"
                    await sql.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            await report.serves_again(site)
            await load.end()
            await check(site, load)


# ---------------------------------------------------------------- what an operator does


@pytest.mark.long
async def test_fault_27_a_migration_under_load(
    site: Site, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It adds columns to the tables that are written to, and keeps everybody out of one of them for a while."""
    shutil.copytree(database.migrations_path(), tmp_path / "migrations")
    newest = database.revisions()[0]
    (tmp_path / "migrations" / "versions" / "9999_a_column.py").write_text(A_MIGRATION.format(newest=newest))
    monkeypatch.setattr(database, "migrations_path", lambda: tmp_path / "migrations")
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        report.hit(await load.busy(5))
        before = len(load.history.steps)
        applied = await site.keeper.apart(lambda: database.upgrade(site.database_url))
        assert applied == ["9999"]
        assert len(load.history.steps) > before, "people went on meanwhile"
        await report.serves_again(site)
        await load.run_for(1)
        await load.end()
        await check(site, load, repairs=False)


@pytest.mark.long
async def test_fault_28_the_database_is_restored_from_a_backup(site: Site, report: Report) -> None:
    """It knows nothing of what happened since; Redis, which does, has to follow, and so has everybody who looks."""
    programs, backup = binaries.postgres_folder(), site.folder / "backup"
    if not (programs / "pg_restore").exists():
        pytest.skip("this Postgres comes without pg_dump and pg_restore")

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    name = site.database_url.rpartition("/")[2]
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        await load.busy(10)
        known = copy.deepcopy(load.promises)
        await site.keeper.apart(lambda: run(programs / "pg_dump", "-Fc", "-f", backup, site.database_url))
        await load.busy(len(load.promises.confirmed) + 10)
        epochs = {room.room.epoch for room in load.rooms}
        # Beside the old one first: nobody may meet half a database.
        await site.keeper.execute(f"CREATE DATABASE {name}_restored")
        restored = site.keeper.url_of(f"{name}_restored")
        await site.keeper.apart(lambda: run(programs / "pg_restore", "--no-owner", "-d", restored, backup))
        report.hit(await load.busy())
        await site.keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        # Nobody can hold an operator to what was said since the backup.
        load.promises.forget(load.promises.since(known))
        load.till.forget()
        await site.keeper.execute(f"ALTER DATABASE {name}_restored RENAME TO {name}")
        await report.serves_again(site)
        await load.run_for(1)
        await load.end()
        await check(site, load)
        assert all(room.room.epoch not in epochs for room in load.rooms), "every viewer has a new epoch"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may mount: elsewhere this row is not looked at."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,mode=755", "none", folder], capture_output=True)
    if mounting.returncode:
        pytest.skip(f"this machine lets us mount nothing: {mounting.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.long
async def test_fault_24_the_disk_under_postgres_is_full(
    report: Report, seed: int, tmp_path: Path, small_disk: Path
) -> None:
    with keeping(tmp_path, small_disk) as keeper:
        async with opened(keeper, seed) as site:
            await site.add_servers(2)
            async with users(site, 10) as load:
                report.loads.append(load)
                load.start()
                await load.busy(5)
                ballast = small_disk / "ballast"
                await keeper.apart(lambda: fill(ballast))
                await eventually(lambda: bool(load.errors["unavailable"] or load.errors["outcome_unknown"]))
                report.hit(await load.busy(0, 1))
                await load.run_for(2)
                ballast.unlink()
                if not site.postgres_alive:
                    await site.start_postgres()
                await report.serves_again(site)
                await load.run_for(0.5)
                await load.end()
                await check(site, load)


def fill(ballast: Path) -> None:
    """Write until there is no room for a single byte more."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
