"""Broken builds: each breaks one rule that the protocol rests on, and the suite must notice each of them.

The scenarios are those of the fault tests, on servers that are started from `tests.faults.builds`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from tests.faults import invariants
from tests.faults.builds import MUTANTS
from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check
from tests.faults.site import Site
from tests.faults.test_payments import HURRIED, reaper_against_payments
from tests.faults.test_postgres import lost_answers_to_commit
from tests.faults.test_redis import lost_answers_to_holds, lost_messages
from tests.faults.test_rivals import PATIENT, overlapping_baskets
from tests.faults.users import Mix, users

pytestmark = pytest.mark.long

GOES = 3
"""Some builds go wrong only when two things meet; an evening may pass without that."""

ENOUGH_BOOKED = 20

Scenario = Callable[[Site, Report], Awaitable[None]]


async def an_evening_without_faults(site: Site, report: Report) -> None:
    """Nobody has to repair anything when nothing breaks."""
    async with users(site, 10, Mix(pause_s=0.005, cancel=1.0, blind=0.5)) as load:
        report.loads.append(load)
        load.start()
        await load.run_for(4)
        await load.busy(ENOUGH_BOOKED, 0)
        await load.end()
        await check(site, load, linearizable=True, repairs=False)


async def all_servers_die(site: Site, report: Report) -> None:
    """In the same moment, and come back."""
    async with users(site, 10) as load:
        report.loads.append(load)
        load.start()
        for _ in range(3):
            report.hit(await load.busy(len(load.promises.confirmed) + 5))
            await asyncio.gather(*(server.kill() for server in site.servers))
            await asyncio.gather(*(server.start() for server in site.servers))
        await load.run_for(0.5)
        await load.end()
        await check(site, load)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken build may never come to rest."""
    monkeypatch.setattr(invariants, "REST_S", 10.0)


async def test_all_servers_die_at_once(site: Site, report: Report) -> None:
    await all_servers_die(site, report)


async def test_an_evening_without_faults_needs_no_repair(site: Site, report: Report) -> None:
    await an_evening_without_faults(site, report)
    assert report.loads[0].history.count("book") >= ENOUGH_BOOKED


# Mutant → the scenario that shows it, how the servers are started, and which promise it breaks.
CAUGHT: dict[str, tuple[Scenario, dict[str, str], str]] = {
    "no_unique_index": (overlapping_baskets, PATIENT, "I1"),
    "trust_redis": (overlapping_baskets, PATIENT, "I1|I2|I7|booking_state"),
    "acknowledge_early": (all_servers_die, {}, "I2"),
    "release_before_void": (reaper_against_payments, HURRIED, "I1|I3|I5"),
    "no_version_check": (an_evening_without_faults, {}, "I5|I6"),
    "blind_retry": (lost_answers_to_commit, {}, "I2"),
    "hold_without_replay": (lost_answers_to_holds, {}, "I6"),
    "unsorted_seats": (overlapping_baskets, PATIENT, "I9|unavailable"),
}


def test_every_mutant_has_a_scenario_that_shows_it() -> None:
    assert {*CAUGHT, "no_gap_check"} == set(MUTANTS)


@pytest.mark.parametrize("mutant", CAUGHT)
async def test_a_broken_build_is_caught(open_site: OpenSite, report: Report, mutant: str) -> None:
    scenario, variables, promise = CAUGHT[mutant]
    for _ in range(GOES):
        async with open_site(**variables) as site:
            await site.add_servers(2, proxied=True, build=mutant)
            try:
                await scenario(site, report)
            except AssertionError as caught:
                assert re.search(promise, str(caught)), caught
                report.notes.append(f"caught: {str(caught).splitlines()[0][:100]}")
                return
    pytest.fail(f"{GOES} evenings with this build, and nobody noticed")


async def test_a_build_that_heeds_no_gaps_is_caught(open_site: OpenSite, report: Report) -> None:
    async with open_site() as site:
        with pytest.raises(AssertionError, match="I5"):
            await lost_messages(site, report, build="no_gap_check")
