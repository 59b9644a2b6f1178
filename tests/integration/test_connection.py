"""How Redis is reached, and what an operator is told when it is not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis as redis_client

from seatserver import config
from seatserver.config import Settings
from seatserver.embedded import EmbeddedRedis
from seatserver.embedded.binaries import redis_program
from seatserver.errors import ConfigError, StartError
from seatserver.redis_io.client import check, connect


def reaching(url: str) -> Settings:
    return config.load({}, redis_url=url)


async def refusal(url: str) -> str:
    redis = connect(reaching(url))
    try:
        with pytest.raises(StartError) as caught:
            await check(redis)
        return caught.value.message
    finally:
        await redis.aclose()


@pytest.fixture
def unix_socket(tmp_path: Path) -> Iterator[Path]:
    """A Redis that listens on a Unix socket only."""
    path = tmp_path / "redis.sock"
    server = subprocess.Popen(
        [redis_program(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with suppress(redis_client.ConnectionError), redis_client.Redis(unix_socket_path=str(path)) as connection:
                connection.ping()
                break
            time.sleep(0.05)
        yield path
    finally:
        server.terminate()
        server.wait()


async def test_redis_can_be_reached_over_a_unix_socket(unix_socket: Path) -> None:
    redis = connect(reaching(f"unix://{unix_socket}"))
    await check(redis)
    await redis.aclose()


@pytest.mark.parametrize("wrong", ["?no_such_parameter=secret", "?socket_timeout=secret"])
def test_a_wrong_url_parameter_stops_the_start_without_showing_the_url(wrong: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL cannot be read") as caught:
        connect(reaching(f"redis://:hidden@127.0.0.1:6379/0{wrong}"))
    assert "secret" not in str(caught.value) and "hidden" not in str(caught.value)


async def test_a_wrong_password_a_wrong_database_and_an_unreachable_server_are_distinguished(
    redis_server: EmbeddedRedis,
) -> None:
    address = redis_server.url.rpartition("@")[2].partition("/")[0]
    assert "password" in await refusal(f"redis://:wrong@{address}/0")
    assert "out of range" in await refusal(redis_server.url.rpartition("/")[0] + "/99999")
    assert "does not answer" in await refusal("redis://127.0.0.1:1/0")
