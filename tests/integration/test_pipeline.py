"""The connection that all calls share: over every kind of address, through losses, and always the right answer."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import math
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hiredis
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from seatserver import config
from seatserver.embedded.binaries import redis_program
from seatserver.errors import Busy, Unavailable
from seatserver.redis_io import pipeline as module
from seatserver.redis_io.client import connect
from seatserver.redis_io.pipeline import CALL_S, CHUNK, Pipeline
from tests.integration.bench import until
from tests.integration.proxy import proxied

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@asynccontextmanager
async def piped(url: str, **overrides: int) -> AsyncIterator[tuple[Pipeline, Redis]]:
    settings = config.load({}, redis_url=url, **overrides)
    redis = connect(settings)
    pipeline = Pipeline(redis, settings)
    try:
        yield pipeline, redis
    finally:
        await pipeline.close()
        await redis.aclose()


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


async def talk(url: str) -> dict[str, str]:
    """Ask a lot, each time for the right answer; what Redis knows of the connection."""
    async with piped(url) as (pipeline, _):
        for batch in (1, 500):
            asked = [pipeline.send("ECHO", f"{number} " * 50) for number in range(batch)]
            assert await asyncio.gather(*asked) == [b"%d " % number * 50 for number in range(batch)]
        large = "x" * 1_000_000
        assert await pipeline.send("ECHO", large) == large.encode()
        clients = await pipeline.send("CLIENT", "LIST")
        [ours] = [line for line in clients.decode().splitlines() if "cmd=client" in line]
        return dict(field.split("=", 1) for field in ours.split())


# ---------------------------------------------------------------- every kind of address


@pytest.mark.parametrize("loop", LOOPS)
def test_user_password_database_and_client_name_are_set(redis_url: str, loop: Callable[[], Any]) -> None:
    async def main() -> None:
        async with piped(redis_url) as (pipeline, _):
            await pipeline.send("ACL", "SETUSER", "till", "on", ">a/pass@word", "~*", "&*", "+@all")
        place = urlsplit(redis_url).netloc.rpartition("@")[2]
        known = await talk(f"redis://till:a%2Fpass%40word@{place}/3")
        assert (known["user"], known["db"], known["name"]) == ("till", "3", "seatserver")

    run(loop, main())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_unix_socket_works(tmp_path: Path, loop: Callable[[], Any]) -> None:
    path = tmp_path / "redis.sock"
    server = subprocess.Popen(
        [redis_program(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )

    async def main() -> None:
        await until(path.exists, "Redis has made its socket")
        await talk(f"unix://{path}")

    try:
        run(loop, main())
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_works(redis_url: str, tmp_path: Path, loop: Callable[[], Any]) -> None:
    certificate, key = self_signed(tmp_path)

    async def main() -> None:
        target = urlsplit(redis_url)

        async def serve(near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
            far_reader, far = await asyncio.open_connection(target.hostname, target.port)
            await asyncio.gather(pump(near_reader, far), pump(far_reader, near))

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        known = await talk(f"rediss://:{target.password}@127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
        assert known["name"] == "seatserver"
        server.close()
        # What the server still has open ends with its peers.
        await until(lambda: len(asyncio.all_tasks()) == 1, "the server has nothing left to forward")

    run(loop, main())


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a Redis of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


async def test_a_wrong_password_raises_unavailable_without_being_shown(redis_url: str) -> None:
    place = urlsplit(redis_url).netloc.rpartition("@")[2]
    async with piped(f"redis://:hidden@{place}/0") as (pipeline, _):
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await pipeline.send("PING")
            assert "hidden" not in str(caught.value)


# ---------------------------------------------------------------- one connection


async def test_a_thousand_calls_need_one_connection_and_no_task(redis_url: str) -> None:
    async with piped(redis_url) as (pipeline, _):
        await pipeline.send("PING")
        before = asyncio.all_tasks()
        asked = [pipeline.send("ECHO", number) for number in range(1000)]
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert [int(answer) for answer in await asyncio.gather(*asked)] == list(range(1000))
        clients = (await pipeline.send("CLIENT", "LIST")).splitlines()
        assert len([line for line in clients if b"name=seatserver " in line]) == 1


async def test_a_redis_error_is_raised_only_to_its_caller(redis_url: str) -> None:
    async with piped(redis_url) as (pipeline, _):
        answers = await asyncio.gather(
            pipeline.send("ECHO", 1), pipeline.send("GET"), pipeline.send("ECHO", 2), return_exceptions=True
        )
        assert (answers[0], answers[2]) == (b"1", b"2")
        assert isinstance(answers[1], ResponseError)


async def test_a_cancelled_callers_answer_goes_to_nobody_else(redis_url: str) -> None:
    async with piped(redis_url) as (pipeline, _):
        await pipeline.send("PING")
        for pauses in range(4):
            asked = [pipeline.send("ECHO", number) for number in range(10)]
            for _ in range(pauses):
                await asyncio.sleep(0)
            for future in asked[::2]:
                future.cancel()
            assert [int(await future) for future in asked[1::2]] == [1, 3, 5, 7, 9]


async def test_calls_wait_while_redis_reads_nothing_and_none_is_lost(redis_url: str) -> None:
    async with (
        proxied(redis_url) as (proxy, url),
        piped(url, redis_timeout_ms=20_000, answer_ms=30_000, checkout_ms=60_000) as (pipeline, _),
    ):
        await pipeline.send("PING")
        proxy.freeze()
        asked: list[asyncio.Future[bytes]] = []
        # The system's buffers may grow meanwhile and take some of those that waited.
        while pipeline.waiting < 4:
            asked.append(pipeline.send("ECHO", f"{len(asked)} {'x' * 1_000_000}"))
            await asyncio.sleep(0)
        assert pipeline.connected and pipeline.under_way <= CHUNK, "so many may be under way to any Redis that reads"
        proxy.thaw()
        answers = await asyncio.gather(*asked)
        assert [int(answer.split()[0]) for answer in answers] == list(range(len(asked)))


async def test_calls_are_sent_in_chunks_to_a_redis_nearby(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_S", math.inf)  # next to which any way is short, however slow the machine
    async with proxied(redis_url) as (proxy, url), piped(url) as (pipeline, _):
        await pipeline.send("PING")
        proxy.freeze()
        asked = [pipeline.send("ECHO", number) for number in range(5 * CHUNK)]
        await asyncio.sleep(0)
        assert (pipeline.under_way, pipeline.waiting) == (2 * CHUNK, 3 * CHUNK)
        proxy.thaw()
        assert [int(answer) for answer in await asyncio.gather(*asked)] == list(range(5 * CHUNK))


async def test_waiting_and_sent_calls_share_one_bound(redis_url: str) -> None:
    async with proxied(redis_url) as (proxy, url), piped(url, redis_queue_commands=5) as (pipeline, _):
        await pipeline.send("PING")
        proxy.freeze()
        asked = [pipeline.send("ECHO", number) for number in range(3)]
        await asyncio.sleep(0)
        asked += [pipeline.send("ECHO", number) for number in (3, 4)]
        with pytest.raises(Busy):
            pipeline.send("ECHO", 5)
        proxy.thaw()
        assert len(await asyncio.gather(*asked)) == 5
        assert await pipeline.send("ECHO", 6) == b"6"


# ---------------------------------------------------------------- losses


async def test_a_connection_that_redis_closed_is_replaced_when_it_is_needed(redis_url: str) -> None:
    async with piped(redis_url) as (pipeline, redis):
        for _ in range(3):
            assert await pipeline.send("ECHO", 1) == b"1"
            await redis.client_kill_filter(_type="normal", skipme=True)
            await until(lambda: not pipeline.connected, "the loss is noticed")
        assert await pipeline.send("ECHO", 2) == b"2"


@asynccontextmanager
async def answering(answer: Callable[[], bytes | None]) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that says OK to a connection's set-up, and to ECHO what ``answer`` says; None: it hangs up. Its URL,
    and the number of calls that each connection brought."""
    brought: list[int] = []
    is_open: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        number = len(brought)
        brought.append(0)
        is_open.append(True)
        said: bytes | None = b""
        while said is not None and (data := await reader.read(65_536)):
            parser.feed(data)
            while said is not None and (command := parser.gets()):
                said = b"+OK\r\n"
                if command[0] == b"ECHO":
                    brought[number] += 1
                    said = answer()
                writer.write(said or b"")
        writer.transport.abort()
        is_open[number] = False

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", brought
    finally:
        server.close()
        await until(lambda: not any(is_open), "nobody is connected any more")


async def test_more_calls_are_sent_at_once_over_a_slow_link() -> None:
    """This Redis answers no call before it has all of them."""
    expected = 5 * CHUNK
    unanswered = 0

    def answer() -> bytes:
        nonlocal unanswered
        unanswered += 1
        if unanswered < expected:
            return b""
        time.sleep(0.05)  # a long way
        unanswered = 0
        return b"+far\r\n" * expected

    async with answering(answer) as (url, brought), piped(url) as (pipeline, _):
        # Of a new connection nobody knows yet how long the way is.
        assert await asyncio.gather(*(pipeline.send("ECHO", 1) for _ in range(expected))) == [b"far"] * expected
        expected = CHUNK + round(0.04 / CALL_S)
        assert await asyncio.gather(*(pipeline.send("ECHO", 2) for _ in range(expected))) == [b"far"] * expected
        assert brought == [5 * CHUNK + expected]


@pytest.mark.parametrize("nonsense", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_call_that_loses_its_answer_twice_raises_unavailable(nonsense: bytes | None) -> None:
    async with answering(lambda: nonsense) as (url, brought), piped(url) as (pipeline, _):
        outcomes = await asyncio.gather(*(pipeline.send("ECHO", 1) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert len({id(outcome) for outcome in outcomes}) == 3, "each caller has an error of its own"
        assert len(brought) == 2


async def test_a_call_that_loses_its_answer_once_is_repeated_and_answered() -> None:
    answers: list[bytes | None] = [b"+1\r\n", None, b"+1\r\n", b"+2\r\n", b"+3\r\n"]
    async with answering(lambda: answers.pop(0)) as (url, brought), piped(url) as (pipeline, _):
        assert await pipeline.send("ECHO", 1) == b"1"
        assert await asyncio.gather(*(pipeline.send("ECHO", number) for number in (1, 2, 3))) == [b"1", b"2", b"3"]
        assert brought == [2, 3]


async def test_an_unexpected_extra_answer_closes_the_connection() -> None:
    answers = [b"+1\r\n+2\r\n", b"+2\r\n", b"+3\r\n"]
    async with answering(lambda: answers.pop(0)) as (url, brought), piped(url) as (pipeline, _):
        assert await pipeline.send("ECHO", 1) == b"1"
        await until(lambda: not pipeline.connected, "the connection is given up")
        assert await pipeline.send("ECHO", 2) == b"2"
        assert brought == [1, 1]


async def test_no_call_waits_past_the_timeout_and_a_silent_connection_is_dropped(redis_url: str) -> None:
    async with proxied(redis_url) as (proxy, url), piped(url, redis_timeout_ms=600) as (pipeline, _):
        await pipeline.send("PING")
        proxy.freeze()
        for _ in range(3):  # the first on the old connection, the others while none can be made
            with pytest.raises(Unavailable):
                await pipeline.send("ECHO", 1)
        proxy.thaw()

        async def is_back() -> bool:
            try:
                return bool(await pipeline.send("ECHO", 2) == b"2")
            except Unavailable:
                return False

        await until(is_back, "Redis is asked over a new connection")


async def test_closing_waits_for_running_calls_and_leaves_no_connection(redis_url: str) -> None:
    async with piped(redis_url) as (pipeline, redis):
        await pipeline.send("PING")
        under_way = pipeline.send("ECHO", 1)
        await asyncio.sleep(0)
        waits = pipeline.send("ECHO", 2)
        await pipeline.close()
        assert await under_way == b"1"
        with pytest.raises(Unavailable):
            await waits
        with pytest.raises(Unavailable):
            pipeline.send("ECHO", 3)

        async def alone() -> bool:
            return len([client for client in await redis.client_list() if client["name"] == "seatserver"]) == 1

        await until(alone, "only the one who asks is connected")
