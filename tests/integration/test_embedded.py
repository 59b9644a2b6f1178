"""The embedded servers keep their data, recover by themselves, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from seatserver.embedded import DataFolder, EmbeddedPostgres, EmbeddedRedis, EmbeddedServers, process
from seatserver.errors import StartError
from tests.conftest import execute, in_thread
from tests.waiting import PATIENCE_S

PARENT = """
import sys, time
from pathlib import Path
from seatserver.embedded import DataFolder, EmbeddedServers

folder = DataFolder(Path(sys.argv[1]))
with folder.locked(), EmbeddedServers(folder, lambda step: None) as servers:
    print(servers.postgres.pid, servers.redis.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def postgres(data: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data)
    yield server
    server.stop()


@pytest.fixture
def redis(data: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(data)
    yield server
    server.stop()


def ask(url: str, question: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return in_thread(run())


def is_gone(pid: int) -> bool:
    """Ended, or a zombie that whoever adopted it has not buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not all(is_gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still alive: {[pid for pid in pids if not is_gone(pid)]}"
        time.sleep(0.02)


def test_data_survives_a_stop_and_a_start(postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    postgres.start()
    redis.start()
    urls = postgres.url, redis.url
    execute(postgres.url, "CREATE TABLE kept AS SELECT 7 AS seven")
    with redis_client.Redis.from_url(redis.url) as connection:
        connection.set("kept", "7")
    postgres.stop()
    redis.stop()

    postgres.start()
    redis.start()
    assert (postgres.url, redis.url) == urls, "a second instance finds them where they were"
    assert ask(postgres.url, "SELECT seven FROM kept") == 7
    with redis_client.Redis.from_url(redis.url) as connection:
        assert connection.get("kept") == b"7"


def test_postgres_is_durable_and_requires_the_password(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    assert ask(postgres.url, "SHOW fsync") == "on"
    assert ask(postgres.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    address = f"127.0.0.1:{postgres.port}/seatserver"
    for credentials in ("seatserver:wrong@", "seatserver@", "postgres@"):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            ask(f"postgresql://{credentials}{address}", "SELECT 1")


def test_redis_requires_its_password(redis: EmbeddedRedis) -> None:
    redis.start()
    with (
        redis_client.Redis(port=redis.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis_client.AuthenticationError),
    ):
        stranger.ping()


def test_only_their_owner_can_read_the_secrets(data: Path, postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    postgres.start()
    redis.start()
    for path in (data / "settings.json", data / "redis" / "redis.conf", data / "postgres"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_servers_start_again_after_kill_9(postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
    postgres.start()
    redis.start()
    execute(postgres.url, "CREATE TABLE kept AS SELECT 7 AS seven")
    for pid in (postgres.pid, redis.pid):
        os.kill(pid, signal.SIGKILL)
    postgres.start()
    redis.start()
    assert ask(postgres.url, "SELECT seven FROM kept") == 7


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_server_left_by_an_earlier_run_is_stopped_before_the_next_starts(data: Path, is_stopped: bool) -> None:
    earlier = EmbeddedPostgres(data), EmbeddedRedis(data)
    later = EmbeddedPostgres(data), EmbeddedRedis(data)
    try:
        for server in earlier:
            server.start()
            if is_stopped:
                os.kill(server.pid, signal.SIGSTOP)
        for server in later:
            server.start()
        assert ask(later[0].url, "SELECT 1") == 1
        wait_until_gone(*(server.pid for server in earlier))
    finally:
        for server in (*earlier, *later):
            server.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "kill"])
def test_no_server_outlives_its_parent(data: Path, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, data], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            pids = [int(word) for word in parent.stdout.readline().split()]
            assert len(pids) == 2
        finally:
            parent.send_signal(number)
    wait_until_gone(*pids)
    folder = DataFolder(data)
    with folder.locked(), EmbeddedServers(folder, lambda step: None) as servers:
        assert ask(servers.postgres.url, "SELECT 1") == 1


def test_redis_starts_with_a_torn_append_only_file(data: Path, redis: EmbeddedRedis) -> None:
    redis.start()
    with redis_client.Redis.from_url(redis.url) as connection:
        for number in range(100):
            connection.set(f"key{number}", "x" * 100)
    redis.stop()
    [written] = [path for path in (data / "redis").rglob("*.aof") if path.stat().st_size > 1000]
    with written.open("rb+") as file:
        file.truncate(written.stat().st_size - 17)
    redis.start()
    with redis_client.Redis.from_url(redis.url) as connection:
        assert connection.dbsize() == 99


def test_a_half_created_database_is_created_again(data: Path, postgres: EmbeddedPostgres) -> None:
    DataFolder(data).create()
    half_made = data / "postgres.new" / "base"
    half_made.mkdir(parents=True)
    (half_made / "1").write_text("half")
    postgres.start()
    assert ask(postgres.url, "SELECT 1") == 1
    assert not (data / "postgres.new").exists()


def test_a_folder_of_another_postgres_version_is_refused(data: Path, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    (data / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartError, match=r"written by Postgres 9 and this is Postgres .*--fresh"):
        postgres.start()


def test_a_taken_port_is_replaced_by_another(data: Path, redis: EmbeddedRedis, postgres: EmbeddedPostgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        taken = [first.getsockname()[1], second.getsockname()[1]]
        folder = DataFolder(data)
        folder.create()
        folder.remember(redis={"port": taken[0], "password": "word"})
        redis.start()
        postgres.port = taken[1]
        postgres.start()
        assert redis.port not in taken
        assert postgres.port not in taken


def test_long_paths_with_spaces_and_quotes_work(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / 'a hall\'s "data"' / ("long " * 20).strip() / ("longer " * 20).strip() / "data")
    with folder.locked(), EmbeddedServers(folder, lambda step: None) as servers:
        assert ask(servers.postgres.url, "SELECT 1") == 1
        with redis_client.Redis.from_url(servers.redis.url) as connection:
            assert connection.ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has powers to give up")
def test_servers_started_by_root_do_not_run_as_root_and_work_in_a_private_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = DataFolder(tmp_path / "data")
    with folder.locked(), EmbeddedServers(folder, lambda step: None) as servers:
        for pid in (servers.postgres.pid, servers.redis.pid):
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert (tmp_path / "data").stat().st_uid == 0


def test_a_server_that_dies_at_its_start_is_explained_in_one_line(data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho some chatter\necho the disk is made of cheese\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(StartError, match=r"Redis did not start: .*the disk is made of cheese") as caught:
        EmbeddedRedis(data, broken).start()
    assert "\n" not in str(caught.value)
    assert process.find("redis-server", str(data / "redis" / "redis.conf")) == []


def test_a_missing_program_is_one_clear_error(data: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot run .*nowhere: No such file"):
        EmbeddedRedis(data, tmp_path / "nowhere").start()
