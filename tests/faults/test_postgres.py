"""Postgres dies, stands still, is full, is migrated, is set back, or loses the answer to a COMMIT, while people buy."""

from __future__ import annotations

import pytest

from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check
from tests.faults.site import SHOWTIME, Site, kill
from tests.faults.users import Mix, users


async def test_row_11_kill_9_of_postgres_and_a_restart(site: Site, report: Report) -> None:
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


async def test_row_12_postgres_stands_still(site: Site, report: Report) -> None:
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        report.hit(await load.busy(5))
        async with site.standing_still(site.postgres):
            await load.run_for(4)
            assert load.errors["unavailable"] or load.errors["outcome_unknown"], "nobody waits for ever"
        await report.serves_again(site)
        await load.run_for(0.5)
        await load.end()
        await check(site, load)


async def test_row_13_the_answer_to_commit_is_cut_off(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        await site.add_servers(2, proxied=True)
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
                    server.to_postgres.lose_answer_to = None
                    if lost := server.to_postgres.lost - before:
                        report.hit(lost, lost)
            assert report.faults > 10
            await report.serves_again(site)
            await load.end()
            await check(site, load, linearizable=True)


@pytest.mark.parametrize("why", ["all connections wait for a lock", "no connection is to be had"])
async def test_row_23_the_database_pool_is_exhausted(open_site: OpenSite, report: Report, why: str) -> None:
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
                else:
                    name = site.database_url.rpartition("/")[2]
                    await sql.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 1")
                    await sql.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                    await load.run_for(3)
                    await sql.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            assert load.errors["unavailable"], "nobody waits for ever"
            await report.serves_again(site)
            await load.end()
            await check(site, load)
