"""Several workers behind one port, as an operator runs them: real processes, killed and stopped from outside."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from seatserver.cli import workers
from seatserver.client import LiveRoom, SeatClient
from seatserver.config import Settings
from seatserver.errors import StartError
from seatserver.seats.states import SeatState
from seatserver.wire.from_server import Bye
from tests.integration.server import SHOWTIME, eventually, opened
from tests.integration.test_demo import Running, run, running
from tests.integration.test_embedded import wait_until_gone
from tests.integration.test_server import as_environment
from tests.support.lab import cpu_s, rss_kib
from tests.waiting import PATIENCE_S

WORKERS = 2
SERVE = ["serve", "--port", "0", "--workers", str(WORKERS)]
IMPATIENT = [
    sys.executable,
    "-c",
    "import sys; from seatserver.cli import main, workers; workers.LONGEST_SILENCE = 2; sys.exit(main(sys.argv[1:]))",
]
"""The command, with a supervisor that does not wait half a minute for a silent worker."""
SERVING = r'"url": ?"(http://[^"]+)", "workers": 2'


@pytest.fixture
async def on_sale(settings: Settings) -> Settings:
    async with opened(settings):
        return settings


@pytest.fixture
def server(on_sale: Settings, tmp_path: Path) -> Iterator[Running]:
    """A supervisor with its workers, all of them listening."""
    with running(*SERVE, log=tmp_path / "log", env=as_environment(on_sale)) as supervisor:
        supervisor.until(SERVING)
        yield supervisor


def url(server: Running) -> str:
    return server.until(SERVING).group(1)


def workers_of(server: Running) -> list[int]:
    return server.family()[1:]


async def rooms(stack: AsyncExitStack, server: Running, count: int) -> list[LiveRoom]:
    """So many guests in the room; the kernel decides which worker each of them gets."""
    entered = []
    for _ in range(count):
        client = await stack.enter_async_context(SeatClient(url(server)))
        entered.append(await stack.enter_async_context(client.room(SHOWTIME)))
    return entered


async def ended(server: Running) -> int:
    return await asyncio.to_thread(server.process.wait, PATIENCE_S)


async def test_all_workers_serve_the_same_rooms_behind_one_port(server: Running) -> None:
    assert len(workers_of(server)) == WORKERS
    assert server.output.count('"serving"') == 1, "it is said once, when all listen"
    async with AsyncExitStack() as stack:
        people = await rooms(stack, server, 4)
        while len(sockets_by_process(server)) < WORKERS:
            people += await rooms(stack, server, 4)  # until the kernel has given each worker some
        held = await people[0].hold(1)
        for person in people:
            await person.until(lambda room: room.state(1) == SeatState.HELD)
        await people[0].book(held.hold_id)
        for person in people:
            await person.until(lambda room: room.state(1) == SeatState.SOLD)


def sockets_by_process(server: Running) -> list[int]:
    """How many sockets of the port each worker has that serves somebody; the first of all listens."""
    port = int(url(server).rpartition(":")[2])
    ours = {
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if int(fields[1].rpartition(":")[2], 16) == port
    }
    counts = []
    for pid in workers_of(server):
        links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
        counts.append(len(ours & {link[8:-1] for link in links if link.startswith("socket:")}))
    assert all(counts), "each has its own listening socket"
    return [count for count in counts if count > 1]


async def test_every_worker_reports_the_sum_of_all_metrics(server: Running) -> None:
    async with AsyncExitStack() as stack:
        people = await rooms(stack, server, 8)
        await asyncio.gather(*(person.hold(seat) for seat, person in enumerate(people)))

        async def metric(name: str) -> float:
            return await figure(server, f"seatserver_{name}")

        async def all_are_counted() -> bool:
            """A command is counted when it is answered, a moment after the answer has left."""
            return await metric(r'command_seconds_count\{command="hold"\}') == 8

        await eventually(all_are_counted)
        for _ in range(6):
            assert await metric("sockets") == 8
            assert await all_are_counted()

        [killed, _] = workers_of(server)
        os.kill(killed, signal.SIGKILL)
        server.until("worker died")

        async def whole_again() -> bool:
            try:
                is_whole = len(workers_of(server)) == WORKERS and await metric("sockets") == 8
                return is_whole and await all_are_counted()
            except httpx.TransportError:
                return False

        await eventually(whole_again)  # viewers have come back, what was counted stays counted


async def test_cpu_and_memory_of_all_workers_are_added_up(server: Running) -> None:
    first, second = workers_of(server)
    both = rss_kib(first) + rss_kib(second)
    # Memory only grows at first, and each worker says anew every half a second how much it has.
    await eventually(lambda: says(server, "process_resident_memory_bytes", both * 1024 * 0.9))
    await eventually(lambda: says(server, "process_cpu_seconds_total", cpu_s(first) * 0.9 + cpu_s(second) * 0.9))
    assert await figure(server, "process_open_fds") > 0

    counted = await figure(server, "process_cpu_seconds_total")
    os.kill(first, signal.SIGKILL)
    server.until("worker died")
    await eventually(lambda: len(workers_of(server)) == WORKERS and first not in workers_of(server))
    await eventually(lambda: says(server, "process_cpu_seconds_total", counted))


async def figure(server: Running, name: str) -> float:
    """One figure of the metrics, from whichever worker the kernel chooses."""
    async with httpx.AsyncClient(base_url=url(server), trust_env=False) as http:  # a connection of its own
        text = (await http.get("/api/v1/metrics")).text
    return float(re.findall(rf"^{name} (.*)$", text, re.MULTILINE)[0])


async def says(server: Running, name: str, at_least: float) -> bool:
    try:
        return await figure(server, name) >= at_least
    except httpx.TransportError:
        return False


async def test_a_killed_worker_is_replaced_and_the_others_keep_serving(server: Running) -> None:
    async with AsyncExitStack() as stack:
        people = await rooms(stack, server, 6)
        before = workers_of(server)
        os.kill(before[0], signal.SIGKILL)
        await eventually(lambda: len(workers_of(server)) == WORKERS and before[0] not in workers_of(server))
        held = await people[0].hold(5)
        for person in people:
            await person.until(lambda room: room.state(5) == SeatState.HELD, PATIENCE_S)
        assert (await people[0].book(held.hold_id)).status == "confirmed"
        assert before[1] in workers_of(server)


@pytest.mark.long
async def test_a_hanging_worker_is_replaced(on_sale: Settings, tmp_path: Path) -> None:
    with running(*SERVE, log=tmp_path / "log", env=as_environment(on_sale), program=IMPATIENT) as server:
        server.until(SERVING)
        *_, hung = workers_of(server)
        os.kill(hung, signal.SIGSTOP)
        server.until("its event loop stands still")
        await eventually(lambda: len(workers_of(server)) == WORKERS and hung not in workers_of(server))
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0, server.output
    wait_until_gone(hung)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
async def test_a_signal_reaches_all_workers_and_they_stop_cleanly(server: Running, number: signal.Signals) -> None:
    family = server.family()
    async with AsyncExitStack() as stack:
        people = await rooms(stack, server, 6)
        server.process.send_signal(number)
        for person in people:
            await person.until(lambda room: any(isinstance(notice, Bye) for notice in room.notices), PATIENCE_S)
    assert await ended(server) == 0, server.output
    wait_until_gone(*family)
    assert "died" not in server.output and "Traceback" not in server.output


def test_workers_stop_when_their_supervisor_is_killed_and_leave_nothing(server: Running) -> None:
    family = server.family()
    folder = dict(
        line.split("=", 1) for line in Path(f"/proc/{family[1]}/environ").read_text().split("\0") if "=" in line
    )["PROMETHEUS_MULTIPROC_DIR"]
    assert Path(folder).is_dir()
    server.process.kill()
    wait_until_gone(*family)
    assert not Path(folder).exists()


def test_a_supervisor_stopped_while_its_workers_start_leaves_nothing(on_sale: Settings, tmp_path: Path) -> None:
    with running(*SERVE, log=tmp_path / "log", env=as_environment(on_sale)) as server:
        family: list[int] = []
        while len(family) < 1 + WORKERS:
            assert server.process.poll() is None, server.output
            family = server.family()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE_S) == 0, server.output
        wait_until_gone(*family)
        assert "Traceback" not in server.output


# ---------------------------------------------------------------- what cannot work


def test_workers_that_fail_to_start_say_why_in_one_line(on_sale: Settings) -> None:
    nowhere = as_environment(on_sale, REDIS_URL="redis://:hidden@127.0.0.1:1/0", SEATSERVER_START_WAIT_S="0")
    answer = run(*SERVE, env=nowhere)
    assert answer.returncode == 1
    assert re.fullmatch(r"seatserver: Redis does not answer at REDIS_URL.*\n", answer.stderr), answer.stderr
    wrong = as_environment(on_sale, SEATSERVER_TOKEN_PUBLIC_KEY_FILE="/nowhere.pem")
    answer = run(*SERVE, env=wrong)
    assert answer.returncode == 2
    assert re.fullmatch(r"seatserver: SEATSERVER_TOKEN_PUBLIC_KEY_FILE .*\n", answer.stderr), answer.stderr


def test_a_port_used_by_other_programs_is_not_shared(server: Running, on_sale: Settings) -> None:
    port = url(server).rpartition(":")[2]
    for arguments in (["serve", "--port", port], ["serve", "--port", port, "--workers", "2"]):
        answer = run(*arguments, env=as_environment(on_sale))
        assert answer.returncode == 1
        assert re.fullmatch(rf"seatserver: cannot listen on 127\.0\.0\.1:{port}: .*\n", answer.stderr), answer.stderr


def test_workers_that_keep_dying_at_their_start_end_the_supervisor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE_S", 0.01)
    with pytest.raises(StartError, match="die at their start again and again: exit code 3"):
        workers.supervise(free_port(settings), [sys.executable, "-c", "raise SystemExit(3)"])
    assert capfd.readouterr().err.count("worker died") < workers.STARTS * WORKERS


def test_a_system_without_shared_ports_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(StartError, match="SO_REUSEPORT, which this system does not have"):
        workers.supervise(free_port(settings))


def free_port(settings: Settings) -> Settings:
    return replace(settings, port=0, workers=WORKERS)
