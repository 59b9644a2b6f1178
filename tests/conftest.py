"""Fixtures of all tests: one real Postgres and one real Redis per run, a fresh database for each test that asks.

A database is copied from a migrated template, which takes some milliseconds; Redis is flushed instead. Set
``TEST_REDIS_SERVER`` to the path of a redis-server to run the tests against that one.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
import shutil
import signal
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import hypothesis
import pytest
import redis as redis_client
import structlog

from seatserver import config, database
from seatserver.config import Settings
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from tests import progress, sampling, waiting
from tests.support.lab import BROWSERS

WORKERS = 6
"""Most processes that share the tests; each has a Postgres and a Redis of its own. With ``-n 0`` there are none."""
TEMPLATE = "seatserver_template"
TOKEN_SECRET = "a secret of the tests, long enough for HS256"

LONGER = (
    "tests/browser/",
    "tests/faults/",
    *(
        f"tests/integration/test_{name}.py"
        for name in (
            "allocations",
            "client_js_coming_back",
            "client_js_network",
            "client_js_strangers",
            "database",
            "demo",
            "doctor",
            "embedded",
            "goodbye",
            "holding_abuse",
            "server",
            "lines",
            "loadtests",
            "ops",
            "procfile",
            "relay",
            "searches",
            "seatmap_command",
            "two_instances",
            "workers",
        )
    ),
    "tests/unit/loadtests/test_best.py",
)
"""What starts whole programs and browsers, breaks them or sets races: a newcomer's first run has a taste of it."""
EVEN_SO = (
    "tests/browser/test_seat_map.py::test_a_click_in_one_window_shows_in_the_other",
    "tests/integration/test_demo.py::test_the_demo_sells_a_seat_and_remembers_it_after_kill_9",
    "tests/integration/test_demo.py::test_the_demo_stops_cleanly_and_leaves_nothing_running[SIGINT]",
    "tests/integration/test_demo.py::test_a_full_hall_does_not_keep_the_visitors_out_of_others",
    "tests/integration/test_embedded.py::test_servers_start_again_after_kill_9",
    "tests/integration/test_two_instances.py::test_a_seat_requested_on_two_instances_at_once_goes_to_exactly_one",
)

Result = TypeVar("Result")

# A slow machine is no failure; a failing example prints how to replay it.
hypothesis.settings.register_profile("seatserver", deadline=None, print_blob=True)
hypothesis.settings.load_profile("seatserver")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A plain ``pytest`` uses all cores; CI has time, and whoever names tests or looks into one wants order."""
    if hasattr(config, "workerinput"):
        return  # one of them
    asked = config.option
    if _is_whole(config) and not (asked.usepdb or asked.collectonly or os.environ.get("CI")):
        if asked.numprocesses is None:
            asked.numprocesses = min((os.cpu_count() or 1) + 1, WORKERS)
        if not asked.verbose:
            config.pluginmanager.register(progress.Progress(config), "progress")


def _is_whole(config: pytest.Config) -> bool:
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS


def pytest_configure(config: pytest.Config) -> None:
    """Commands under test hear Ctrl-C, also where a shell runs the tests in the background and lets them ignore it.

    ``SAMPLE`` chooses among the variants of long tests.
    """
    if seed := os.environ.get("SAMPLE"):
        config.pluginmanager.register(sampling.Sample(seed), "sample")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before ``-m`` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `long` run where CI is set, where ``-m`` says which to run, and where they are named one by one.

    In a run of everything the modules of `LONGER` count as marked too. Every asynchronous test has an end.
    """
    for item in items:
        _bound(item)
        if (_is_whole(config) or config.option.markexpr) and _is_longer(item.nodeid):
            item.add_marker("long")
    if os.environ.get("CI") or config.option.markexpr or any("::" in argument for argument in config.args):
        return
    if longer := [item for item in items if item.get_closest_marker("long")]:
        config.hook.pytest_deselected(items=longer)
        items[:] = [item for item in items if item not in longer]


def _is_longer(nodeid: str) -> bool:
    path, _, name = nodeid.partition("::")
    return path.startswith(LONGER) and not (f"{path}::{name}").startswith(EVEN_SO)


def _bound(item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function):
        return
    if (inner := getattr(item.obj, "hypothesis", None)) is not None:  # each example has the time of a test
        if inspect.iscoroutinefunction(inner.inner_test) and not hasattr(inner.inner_test, "__wrapped__"):
            inner.inner_test = waiting.bounded(inner.inner_test)
    elif inspect.iscoroutinefunction(item.obj):
        item.obj = waiting.bounded(item.obj)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command under test sets the logs of the whole process; the next test must not inherit its level and stream."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres for this run. A test that kills it starts it again."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis for this run. A test that kills it starts it again."""
    binary = os.environ.get("TEST_REDIS_SERVER")
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis") / "data", Path(binary) if binary else None)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all migrations and no rows, for ``CREATE DATABASE … TEMPLATE``."""
    execute(postgres_server.url, f"CREATE DATABASE {TEMPLATE}")
    database.upgrade(url_of(postgres_server, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated, empty database."""
    name = f"test_{next(_NUMBERS)}"
    execute(postgres_server.url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield url_of(postgres_server, name)
    if not _runs(postgres_server.pid):  # a test that killed it has failed before it started it again
        postgres_server.start()
    drop(postgres_server, name)


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The URL of an empty Redis."""
    if not _runs(redis_server.pid):
        redis_server.start()
    with redis_client.Redis.from_url(redis_server.url) as connection:
        connection.flushall()
    return redis_server.url


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings of a server with guests; `dataclasses.replace` or `config.load({}, …)` makes others."""
    return settings_for(database_url, redis_url)


def settings_for(database_url: str, redis_url: str) -> Settings:
    """The same on any database, for fixtures that last longer than one test."""
    return config.load(
        {},
        database_url=database_url,
        redis_url=redis_url,
        token_secret=TOKEN_SECRET,
        guest_scopes=("watch", "hold", "book"),
        unlimited=("127.0.0.0/8", "::1"),  # all tests come from here; those about limits say so
        port=0,
        redis_timeout_ms=6000,  # a slow machine is not a Redis that has gone; tests about that have limits of their own
    )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser. Without one the test is skipped; where CI is set, it fails."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    reason = f"no browser on this machine ({', '.join(BROWSERS)})"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI requires one")
    pytest.skip(reason)


_NUMBERS = itertools.count(1)


def url_of(server: EmbeddedPostgres, name: str) -> str:
    """The URL of the database ``name`` on ``server``."""
    return f"{server.url.rpartition('/')[0]}/{name}"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def drop(server: EmbeddedPostgres, name: str) -> None:
    """Drop a database, whoever is still connected; an autovacuum, which only a superuser may end, gets its time."""
    for tries_left in reversed(range(50)):
        try:
            return execute(server.url, f"DROP DATABASE {name} WITH (FORCE)")
        except asyncpg.InsufficientPrivilegeError:
            if not tries_left:
                raise
            time.sleep(0.1)


def execute(url: str, statement: str) -> None:
    """Run one statement outside a transaction."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    in_thread(run())


def in_thread(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end on an event loop of its own, whatever loop the test runs on."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
