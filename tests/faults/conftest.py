"""Fixtures of the fault tests: one Postgres for all of them, a `Site` for each, and what each row has to tell.

``FAULT_SEED=N`` replays the choices of a run: who does what, which fault hits when. The seed of every test is printed
with the table at the end, which counts the faults injected, the requests that they hit in flight, and the bookings.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults import site as sites
from tests.faults.history import History
from tests.faults.invariants import Descriptors, serves_again
from tests.faults.site import Keeper, Site, keeping
from tests.faults.users import Load

OpenSite = Callable[..., AbstractAsyncContextManager[Site]]


@dataclass
class Report:
    """What one test counted."""

    name: str
    seed: int
    faults: int = 0
    in_flight: int = 0
    serving_s: list[float] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    bookings: int = 0
    notes: list[str] = field(default_factory=list)

    def hit(self, in_flight: int, faults: int = 1) -> None:
        """A fault struck while so many requests were under way. There must have been some."""
        assert in_flight > 0, "the fault hit nothing in flight"
        self.faults += faults
        self.in_flight += in_flight

    async def serves_again(self, site: Site, *servers: sites.Server) -> None:
        """I9, and how long it took."""
        self.serving_s.append(await serves_again(site, servers or None))

    def line(self) -> str:
        """For the table."""
        histories = [*self.histories, *(load.history for load in self.loads)]
        bookings = self.bookings + sum(history.count("book") for history in histories)
        requests = sum(len(history.steps) for history in histories)
        again = f"{max(self.serving_s):4.1f} s" if self.serving_s else "   -  "
        return (
            f"{self.name:<78.78} seed {self.seed:<10} faults {self.faults:>4}  in flight {self.in_flight:>5}  "
            f"requests {requests:>6}  bookings {bookings:>5}  serving again {again}  {' '.join(self.notes)}"
        )


_REPORTS = pytest.StashKey[list[Report]]()


@pytest.fixture(scope="session")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """The Postgres of the fault tests."""
    with keeping(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture
def seed() -> int:
    """``FAULT_SEED``, or another one each time."""
    return int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1, 10**9))


@pytest.fixture
def report(request: pytest.FixtureRequest, seed: int) -> Report:
    """What this test has to tell."""
    made = Report(request.node.name, seed)
    print(f"FAULT_SEED={seed}")
    request.config.stash.setdefault(_REPORTS, []).append(made)
    return made


@pytest.fixture
async def open_site(keeper: Keeper, seed: int) -> AsyncIterator[OpenSite]:
    """Opens sites with settings of a test's own."""

    def open_one(**how: Any) -> AbstractAsyncContextManager[Site]:
        binary = os.environ.get("TEST_REDIS_SERVER")
        how.setdefault("redis_binary", Path(binary) if binary else None)
        return sites.opened(keeper, seed, **how)

    yield open_one


@pytest.fixture
async def site(open_site: OpenSite) -> AsyncIterator[Site]:
    """An installation with two servers; afterwards they have nothing open that they should not."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(open_site())
        await made.add_servers(2)
        descriptors = Descriptors(made)
        yield made
        await descriptors.check()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What every row counted."""
    reports = config.stash.get(_REPORTS, [])
    if reports:
        terminalreporter.section("faults")
        for one in reports:
            terminalreporter.write_line(one.line())
