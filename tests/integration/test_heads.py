"""Heads of requests that never end, and connections that say nothing: each is refused, and nobody else notices."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, eventually
from tests.waiting import PATIENCE_S

PIECE = b"a" * 65_536
MIB = 1 << 20
HANDSHAKE = (
    f"GET /ws/showtimes/{SHOWTIME} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
).encode()
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/guests/renew HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Peer:
    """A client that writes bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes:
        """Everything until the server closes; what came before a reset is lost."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def status(self) -> int:
        """The status of the next answer, whose body is left unread."""
        async with asyncio.timeout(PATIENCE_S):
            return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])


@asynccontextmanager
async def peer_of(server: Instance, *, takes: int = 0) -> AsyncIterator[Peer]:
    """A connection to the server; ``takes`` bounds what the system keeps of its answers."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    plain = socket.socket()
    if takes:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain, limit=max(takes, 65_536))
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


async def sent_until_closed(peer: Peer, pieces: Iterator[bytes]) -> int:
    """Send pieces until the server closes; how many bytes it took."""
    sent = 0
    try:
        for piece in pieces:
            await peer.send(piece)
            sent += len(piece)
    except (ConnectionResetError, BrokenPipeError):
        pass
    return sent


def endless(start: bytes, piece: bytes, most: int = 64 * MIB) -> Iterator[bytes]:
    yield start
    for _ in range(most // len(piece)):
        yield piece


def resident_bytes() -> int:
    """This process's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


FLOODS = {
    "one header": (LIVE + b"X: ", PIECE),
    "one header's name": (LIVE, PIECE),
    "many headers": (LIVE, b"".join(b"X-%d: y\r\n" % number for number in range(5000))),
    "the address": (b"GET /", PIECE),
    "a handshake": (HANDSHAKE + b"X: ", PIECE),
    "trailers": (POST + b"2\r\n{}\r\n0\r\nX: ", PIECE),
    "a chunk's extension": (POST + b"2;", PIECE),
}


@pytest.fixture(params=["httptools", "h11"])
async def server(request: pytest.FixtureRequest, make_server: MakeServer) -> Instance:
    return await make_server(options={} if request.param == "httptools" else {"http": request.param})


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_head_without_end_is_cut_off_early(server: Instance, kind: str) -> None:
    async with peer_of(server) as peer:
        # What both systems keep between them comes on top of what the server read.
        assert await sent_until_closed(peer, endless(*FLOODS[kind])) < 32 * MIB


@pytest.mark.parametrize("kind", ["one header", "many headers", "a handshake"])
async def test_floods_of_heads_stop_nobody_and_leave_no_memory_behind(make_server: MakeServer, kind: str) -> None:
    server = await make_server()

    async def flood() -> None:
        async with peer_of(server) as peer:
            await sent_until_closed(peer, endless(*FLOODS[kind], 4 * MIB))

    await asyncio.gather(*(flood() for _ in range(4)))
    before = resident_bytes()
    async with httpx.AsyncClient(base_url=server.url) as http:
        for _ in range(5):
            flooding = asyncio.gather(*(flood() for _ in range(16)))
            while not flooding.done():
                assert (await http.get("/api/v1/health/live", timeout=PATIENCE_S)).status_code == 200
            await flooding
    assert resident_bytes() - before < 16 * MIB


async def test_a_head_over_its_limits_is_answered_431_and_one_within_them_is_served(server: Instance) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http:
        wide = {f"X-{number}": "y" for number in range(90)}
        assert (await http.get("/api/v1/health/live", headers=wide)).status_code == 200
        wide |= {f"Y-{number}": "y" for number in range(20)}
        assert (await http.get("/api/v1/health/live", headers=wide)).status_code == 431
        for size, status in ((32_000, 200), (33_000, 431)):
            answer = await http.get("/api/v1/health/live", headers={"X": "a" * size})
            assert answer.status_code == status
    # As every refusal: whoever reads the problem of another one can read this one.
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "head_too_large"
    async with peer_of(server) as peer:
        await peer.send(HANDSHAKE + b"".join(b"X-%d: y\r\n" % number for number in range(110)) + b"\r\n")
        assert (await peer.answer()).split()[1] == b"431"


async def test_bytes_of_a_head_count_not_those_of_the_body_before_it(make_server: MakeServer) -> None:
    server = await make_server(head_bytes=4096)
    async with peer_of(server) as peer:
        for _ in range(3):
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) for _ in range(20))
            await peer.send(POST + chunks + b"0\r\n\r\n" + LIVE + b"X: " + b"a" * 3000 + b"\r\n\r\n")
            head = await peer.reader.readuntil(b"\r\n\r\n")
            assert head.split()[1] == b"400"
            await peer.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            assert await peer.status() == 200
            await peer.reader.readexactly(len(b'{"live":true}'))


async def test_small_chunks_of_a_long_body_are_no_flood(make_server: MakeServer) -> None:
    server = await make_server(head_bytes=2048)
    async with peer_of(server) as peer:
        await peer.send(POST + b"1\r\n \r\n" * 4000 + b"2\r\n{}\r\n0\r\n\r\n")
        assert await peer.status() == 400, "the body was read as a whole: it lacks a field"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HT", LIVE, HANDSHAKE, b"\r\n", LIVE + b"\r\n", LIVE + b"\r\n" + b"GET /"],
    ids=["nothing", "half a line", "half a head", "half a handshake", "an empty line", "one request", "one and a half"],
)
async def test_a_connection_that_falls_silent_is_closed(make_server: MakeServer, beginning: bytes) -> None:
    server = await make_server(head_ms=1000, keep_alive_ms=200)
    async with peer_of(server) as peer:
        await peer.send(beginning)
        answer = await peer.answer()
        if beginning in (b"", b"\r\n"):
            assert answer == b""
        elif beginning.startswith(LIVE + b"\r\n"):
            assert answer.startswith(b"HTTP/1.1 200 ")
        else:
            assert answer.startswith(b"HTTP/1.1 408 ")
    await eventually(lambda: not server.uvicorn.server_state.connections)


async def test_an_answered_connection_is_kept_for_its_own_time_and_an_empty_line_does_not_lengthen_it(
    make_server: MakeServer,
) -> None:
    server = await make_server(head_ms=1000, keep_alive_ms=60_000)
    async with peer_of(server) as peer:
        for _ in range(2):
            await peer.send(LIVE + b"\r\n")
            assert await peer.status() == 200
            await asyncio.sleep(1.5)
        await peer.send(b"\r\n")
        await peer.answer()
    await eventually(lambda: not server.uvicorn.server_state.connections)


async def test_trailers_are_no_headers(make_server: MakeServer) -> None:
    """Behind a proxy whoever sends the body would say in them where the request comes from."""
    server = await make_server(operators=("10.9.9.9",), metrics="operators")
    metrics = b"GET /api/v1/metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    forged = b"X-Forwarded-For: 10.9.9.9\r\n"
    for head, trailers, status in ((b"", b"", 401), (forged, b"", 200), (b"", forged, 401)):
        async with peer_of(server) as peer:
            await peer.send(metrics + head + b"\r\n0\r\n" + trailers + b"\r\n")
            assert await peer.status() == status


async def test_a_head_that_trickles_is_late_too(make_server: MakeServer) -> None:
    server = await make_server(head_ms=300, keep_alive_ms=100)
    async with peer_of(server) as peer:
        await sent_until_closed(peer, trickle := iter([LIVE]))
        assert not list(trickle)
        answer = asyncio.create_task(peer.answer())
        while not answer.done():
            peer.writer.write(b"X")
            await asyncio.sleep(0.02)
        assert (await answer).split()[1:2] in ([b"408"], [])


async def test_a_slow_answer_is_not_a_late_head(make_server: MakeServer) -> None:
    server = await make_server(head_ms=1000)
    async with peer_of(server) as peer:
        body = b'{"renewal": "x"}'
        await peer.send(b"POST /api/v1/guests/renew HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(1.5)  # long enough for a deadline that would still be running
        await peer.send(body)
        assert await peer.status() == 401


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux gives up a peer that takes nothing")
async def test_a_peer_that_takes_nothing_of_its_answer_is_given_up(make_server: MakeServer) -> None:
    server = await make_server(heartbeat_ms=100, idle_ms=300, send_buffer=4096)
    async with peer_of(server, takes=4096) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport for reading too
        await peer.send((b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n") * 4)
        await eventually(lambda: bool(server.uvicorn.server_state.connections))
        await eventually(lambda: not server.uvicorn.server_state.connections)


async def test_every_refusal_is_counted(make_server: MakeServer) -> None:
    server = await make_server(head_ms=200)
    async with peer_of(server) as loud, peer_of(server) as silent:
        await sent_until_closed(loud, endless(*FLOODS["one header"], MIB))
        await silent.answer()
    turned_away = server.core.metrics.turned_away.totals()
    assert turned_away.get("head_too_large") == 1
    assert turned_away.get("head_late") == 1
