"""Few open files: the sockets that fit are served, the others are told to retry, and health checks are answered."""

from __future__ import annotations

import asyncio
import resource
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from seatserver import config, descriptors
from seatserver.config import Settings
from seatserver.errors import StartError
from tests.integration.conftest import MakeServer
from tests.integration.server import JSON, SHOWTIME, Instance, opened
from tests.integration.test_demo import run, running
from tests.integration.test_server import as_environment

FILES = 256
prlimit = shutil.which("prlimit")
needs_prlimit = pytest.mark.skipif(prlimit is None, reason="util-linux is not installed")


def limited(soft: int, hard: int) -> list[str]:
    """Starts a command that may open so many files."""
    return [str(prlimit), f"--nofile={soft}:{hard}"]


async def knock(stack: AsyncExitStack, url: str, count: int) -> tuple[int, list[InvalidStatus]]:
    """So many sockets, one after the other; how many got in, and what the others were told."""
    inside, refused = 0, []
    address = f"ws{url.removeprefix('http')}/ws/showtimes/{SHOWTIME}"
    for _ in range(count):
        try:
            await stack.enter_async_context(connect(address, subprotocols=[JSON], proxy=None, compression=None))  # type: ignore[list-item]  # plain text
            inside += 1
        except InvalidStatus as error:
            refused.append(error)
    return inside, refused


@needs_prlimit
async def test_with_few_open_files_health_answers_and_excess_clients_are_told_to_retry(
    settings: Settings, tmp_path: Path
) -> None:
    async with opened(settings):
        pass
    share_of_sockets = FILES - settings.database_pool_size - settings.redis_connections - 2 - descriptors.OWN
    share_of_sockets -= descriptors.REQUESTS
    env = as_environment(settings, SEATSERVER_HELLO_MS="60000")
    with running("serve", "--port", "0", log=tmp_path / "log", env=env, under=limited(FILES, FILES)) as server:
        url = (await asyncio.to_thread(server.until, r'"url": ?"(http://[^"]+)"')).group(1)
        async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=url) as http:
            inside, refused = await knock(stack, url, FILES)
            assert inside == share_of_sockets
            for error in refused:
                assert error.response.status_code == 503
                assert int(error.response.headers["Retry-After"]) > 0
            assert (await http.get("/api/v1/health/live")).status_code == 200
            assert (await http.get("/api/v1/health/ready")).status_code == 200
            # Connections that say nothing take what is left for requests, and no more.
            silent = [await asyncio.open_connection(*url.removeprefix("http://").split(":")) for _ in range(FILES)]
            told = [await asyncio.wait_for(reader.readline(), 20) for reader, _ in silent[-50:]]
            assert all(line.startswith(b"HTTP/1.1 503 ") for line in told)
            for _, writer in silent:
                writer.transport.abort()
    assert f"may open {FILES} files, which is enough for {share_of_sockets} sockets" in server.output
    for event in ("socket refused", "connection refused"):
        assert server.output.count(f'"event": "{event}"') == 1, event
    assert "Traceback" not in server.output


@needs_prlimit
def test_the_open_file_limit_is_raised_as_far_as_the_system_allows(settings: Settings, tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    env = as_environment(settings, SEATSERVER_SOCKETS="500")
    with running("serve", "--port", "0", log=tmp_path / "log", env=env, under=limited(FILES, hard)) as server:
        server.until(r'"url": ?"(http://[^"]+)"')
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
        assert int(line.split()[3]) == descriptors.needed(config.load({}, sockets=500))
    assert "fewer sockets" not in server.output


@needs_prlimit
def test_an_unusable_open_file_limit_is_one_clear_line(settings: Settings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resource, "getrlimit", lambda which: (80, 80))
        with pytest.raises(StartError, match=r"may open only 80 files: .* 93 to serve at all"):
            descriptors.share(config.load({}))


async def test_a_client_over_the_socket_limit_is_told_to_retry(make_server: MakeServer) -> None:
    server: Instance = await make_server(sockets=1)
    async with AsyncExitStack() as stack:
        inside, refused = await knock(stack, server.url, 3)
    assert (inside, [error.response.status_code for error in refused]) == (1, [503, 503])


@needs_prlimit
def test_doctor_reports_a_too_low_open_file_limit(settings: Settings) -> None:
    import subprocess
    import sys

    command = [*limited(FILES, FILES), sys.executable, "-m", "seatserver", "doctor"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, env=as_environment(settings))
    assert f"may open {FILES} files" in answer.stdout
    assert "lower SEATSERVER_SOCKETS" in answer.stdout
    assert run("doctor", env=as_environment(settings, SEATSERVER_SOCKETS="100")).stdout.count("enough for 100") == 1
