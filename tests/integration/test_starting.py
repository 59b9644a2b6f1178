"""A start waits for a Postgres or Redis that is not up yet, but not for errors that waiting cannot fix."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from seatserver.config import Settings
from seatserver.embedded.binaries import redis_program
from seatserver.errors import NotThereYet
from seatserver.starting import once_there
from tests.integration.proxy import proxied
from tests.integration.server import opened
from tests.integration.test_demo import run, running
from tests.integration.test_server import as_environment
from tests.waiting import PATIENCE_S

NOWHERE = "redis://127.0.0.1:1/0"
COMMANDS = {
    "serve": ["serve", "--port", "0"],
    "workers": ["serve", "--port", "0", "--workers", "2"],
    "worker": ["worker"],
}
commands = pytest.mark.parametrize("command", COMMANDS)
WAITING = r"does not answer at (?:REDIS|DATABASE)_URL"


@commands
def test_a_start_waits_for_redis_and_continues_when_it_answers(
    settings: Settings, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "redis.sock"
    env = as_environment(settings, REDIS_URL=f"unix://{path}", SEATSERVER_START_WAIT_S="600")
    with running(*COMMANDS[command], log=tmp_path / "log", env=env) as server:
        server.until(WAITING)
        redis = subprocess.Popen(
            [redis_program(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
            stdout=subprocess.DEVNULL,
        )
        try:
            server.until(r'"working"|"url": ?"http://')
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE_S) == 0, server.output
        finally:
            redis.terminate()
            redis.wait()
    assert server.output.count("does not answer at REDIS_URL") <= 2, "said once by each process"


async def test_a_start_waits_for_postgres_and_continues_when_it_answers(settings: Settings, tmp_path: Path) -> None:
    async with opened(settings):
        pass
    target = urlsplit(settings.database_url)
    async with proxied(settings.database_url) as (proxy, url):
        proxy.refuses = True
        env = as_environment(settings, DATABASE_URL=url, SEATSERVER_START_WAIT_S="600")
        with running("serve", "--port", "0", log=tmp_path / "log", env=env) as server:
            await asyncio.to_thread(server.until, WAITING)
            proxy.refuses = False
            await asyncio.to_thread(server.until, r'"url": ?"http://')
    assert target.password is None or target.password not in server.output


@commands
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_the_waiting_at_once(
    settings: Settings, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    env = as_environment(settings, REDIS_URL=NOWHERE, SEATSERVER_START_WAIT_S="3600")
    with running(*COMMANDS[command], log=tmp_path / "log", env=env) as server:
        server.until(WAITING)
        server.process.send_signal(number)
        assert server.process.wait(PATIENCE_S) == 0, server.output
    assert "Traceback" not in server.output


@pytest.mark.parametrize("command", [*COMMANDS.values(), ["migrate"]], ids=" ".join)
def test_a_start_that_waited_in_vain_fails_with_one_line(settings: Settings, command: list[str]) -> None:
    variable, url = ("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/db")
    answer = run(*command, env=as_environment(settings, SEATSERVER_START_WAIT_S="1", **{variable: url}))
    assert answer.returncode == 1
    *waiting, last = answer.stderr.splitlines()
    assert re.fullmatch(r"seatserver: Postgres does not answer at DATABASE_URL.*", last)
    assert waiting and all("waiting" in line for line in waiting), answer.stderr
    assert "hidden" not in answer.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["worker"], ["migrate"]], ids=" ".join)
@pytest.mark.parametrize("wrong", ["password", "database", "user"])
def test_errors_that_waiting_cannot_fix_are_reported_at_once(
    settings: Settings, command: list[str], wrong: str
) -> None:
    parts = urlsplit(settings.database_url)
    address = parts.netloc.rpartition("@")[2]
    url = {
        "password": f"postgresql://{parts.username}:wrong@{address}{parts.path}",
        "user": f"postgresql://nobody:wrong@{address}{parts.path}",
        "database": f"postgresql://{parts.netloc}/nowhere",
    }[wrong]
    answer = run(*command, env=as_environment(settings, DATABASE_URL=url, SEATSERVER_START_WAIT_S="3600"))
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1 and "waiting" not in answer.stderr, answer.stderr


async def test_waiting_returns_the_answer_and_raises_permanent_errors() -> None:
    tries: Iterator[int | NotThereYet] = iter([NotThereYet("not yet"), NotThereYet("not yet"), 7])

    async def ask() -> int:
        answer = next(tries)
        if isinstance(answer, NotThereYet):
            raise answer
        return answer

    assert await once_there(ask, 3600) == 7

    async def never() -> None:
        raise NotThereYet("not yet")

    with pytest.raises(NotThereYet):
        await once_there(never, 0)
