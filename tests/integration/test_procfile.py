"""The Procfile starts under a Procfile runner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from seatserver.config import Settings
from tests.conftest import TOKEN_SECRET
from tests.integration.test_demo import environment
from tests.ports import fresh_port
from tests.waiting import PATIENCE_S

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def procfile_environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """With a `seatserver` command on the PATH, whether the package is installed or not."""
    command = tmp_path / "seatserver"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m seatserver "$@"\n')
    command.chmod(0o755)
    return environment(
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        SEATSERVER_TOKEN_SECRET=TOKEN_SECRET,
        SEATSERVER_HOST="127.0.0.1",
    )


def honcho(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "honcho", "--procfile", str(REPOSITORY / "Procfile"), *arguments]


def test_release_migrates_then_web_and_worker_serve_until_told_to_stop(
    procfile_environment: dict[str, str], tmp_path: Path
) -> None:
    release = subprocess.run(
        honcho("start", "release"), env=procfile_environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert release.returncode == 0, release.stdout + release.stderr

    port = fresh_port()
    log = tmp_path / "log"
    with log.open("wb") as output:
        runner = subprocess.Popen(
            honcho("start", "--port", str(port), "web", "worker"),
            env=procfile_environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (_is_ready(port) and '"working"' in log.read_text()):
            assert runner.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        runner.send_signal(signal.SIGTERM)
        runner.wait(PATIENCE_S)
    finally:
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
            runner.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/health/ready").status_code == 200
    except httpx.TransportError:
        return False
