"""Whatever outsiders send, and however often, the log grows by one line a minute per kind, without a traceback."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import structlog

from seatserver import logs
from seatserver.log_limits import Limiter
from tests.integration.server import SHOWTIME, Instance, eventually
from tests.waiting import PATIENCE_S

TIMES = 4
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(line: str = f"GET /ws/showtimes/{SHOWTIME} HTTP/1.1", **changes: str | None) -> bytes:
    """A handshake, with other headers (None: without it)."""
    headers = {"Host": "x", **UPGRADE, **{name.replace("_", "-"): value for name, value in changes.items()}}
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"{line}\r\n{told}\r\n".encode("latin-1")


def frame(opcode: int, data: bytes, *, fin: bool = True, masked: bool = True, rsv: int = 0, says: int = -1) -> bytes:
    """A WebSocket frame; ``says`` is the length that it claims to have."""
    size = len(data) if says < 0 else says
    mask = 0x80 if masked else 0
    first = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head = first + bytes([mask | size])
    elif size < 65_536:
        head = first + bytes([mask | 126]) + struct.pack("!H", size)
    else:
        head = first + bytes([mask | 127]) + struct.pack("!Q", size)
    return head + bytes(4 if masked else 0) + data


PLAIN = dict.fromkeys(("Upgrade", "Connection", "Sec_WebSocket_Key", "Sec_WebSocket_Version", "Sec-WebSocket-Key"))
HTTP = [
    b"\xff\xfe\x00 nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a plain port
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
    b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /api/v1/showtimes HTTP/1.1\r\nHost: \xff\r\nOrigin: \xff\r\nAuthorization: Bearer \xff\r\n\r\n",
    b"GET /api/v1/showtimes?\xff=%ff HTTP/1.1\r\nHost: [::1\r\nOrigin: http://[::1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \xff,,,nonsense\r\nX-Forwarded-Proto: \xff\r\n\r\n",
    b"GET /static/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/bookings/%00 HTTP/1.1\r\nHost: x\r\nAuthorization: Booking \xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA:" + b"x" * 200_000 + b"\r\n\r\n",
]
HANDSHAKES = [
    request(Sec_WebSocket_Version="7"),
    request(Sec_WebSocket_Key="short"),
    request(Sec_WebSocket_Protocol="\xff"),
    request(Sec_WebSocket_Protocol=",,"),
    request(Sec_WebSocket_Extensions=";;;,,,"),
    request(Origin="http://[::1"),
    request(Origin="https://elsewhere.example"),
    request(Authorization="Bearer \xff"),
    request(Upgrade="websocket, h2c"),
    request(f"POST /ws/showtimes/{SHOWTIME} HTTP/1.1"),
    request(f"GET /ws/showtimes/{SHOWTIME} HTTP/1.0"),
    request("GET /ws/showtimes/\xff HTTP/1.1"),
    request("GET /ws/showtimes/%ff%00 HTTP/1.1"),
    request("GET /ws/elsewhere HTTP/1.1"),
    request(X="y" * 20_000),
]
FRAMES = [
    frame(1, b"\xff\xfe"),
    frame(1, b"\xff", fin=False) + frame(0, b"\xfe"),
    frame(1, b"\xff") + frame(8, b""),
    frame(1, b"{}", masked=False),
    frame(3, b"x"),
    frame(9, b"x" * 126),
    frame(9, b"x", fin=False),
    frame(0, b"x"),
    frame(1, b"a", fin=False) + frame(1, b"b"),
    frame(8, b"\x03"),
    frame(8, struct.pack("!H", 1005)),
    frame(8, struct.pack("!H", 1000) + b"\xff"),
    frame(8, b"") + frame(1, b"after"),
    frame(1, b"{}", rsv=4),
    frame(1, b"", says=2**63 - 1),
    frame(1, b"", says=2**64 - 1),
    frame(1, b"x" * 100_000),
    frame(2, b"\xc1" * 10),
    frame(1, b"[" * 4000),
    frame(1, b"x" * 500)[:100],
    b"\x81",
    b"\x81\xff\x00\x00",
    b"\x88\x82\x00",
    b"GET / HTTP/1.1\r\n\r\n",
]


@pytest.fixture
def log(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is logged, as JSON."""
    root, stream = logging.getLogger(), io.StringIO()
    kept = root.handlers[:], root.level
    monkeypatch.setattr(logs, "limiter", Limiter())
    logs.configure(settings, stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:], root.level = kept[0], kept[1]


async def send(server: Instance, *pieces: bytes, aborts: bool = False) -> None:
    """Connect, send pieces (each but the last is answered first), and leave."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for number, piece in enumerate(pieces):
            writer.write(piece)
            if number < len(pieces) - 1 or not aborts:
                async with asyncio.timeout(PATIENCE_S):
                    if number == len(pieces) - 1:
                        writer.write_eof()
                        while await reader.read(65_536):
                            pass
                    else:
                        await reader.readuntil(b"\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError):
        pass  # it was thrown out
    finally:
        if aborts:
            writer.transport.abort()
        writer.close()


def check(told: list[dict[str, Any]]) -> None:
    """At most a line of each kind, and none with a traceback."""
    assert [line for line in told if "exception" in line] == []
    repeated = {kind: count for kind, count in Counter(line["event"] for line in told).items() if count > 1}
    assert repeated == {}


@pytest.mark.parametrize("aborts", [False, True], ids=["leaves", "aborts"])
async def test_malformed_requests_and_frames_log_one_line_per_kind(
    server: Instance, log: Callable[[], list[dict[str, Any]]], aborts: bool
) -> None:
    for _ in range(TIMES):
        for piece in (*HTTP, *HANDSHAKES):
            await send(server, piece, aborts=aborts)
        for piece in FRAMES:
            await send(server, request(), piece, aborts=aborts)
    await eventually(lambda: server.gauge("sockets") == 0)
    check(log())


async def test_frames_sent_before_the_handshake_ends_wait_for_it(
    server: Instance, log: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvicorn parses them at once, and cannot say what is wrong with them: an `AssertionError` for each."""
    address = urlsplit(server.url)
    knocks, come_in = 0, asyncio.Event()

    async def take() -> None:
        nonlocal knocks
        knocks += 1
        await come_in.wait()

    monkeypatch.setattr(server.core.broadcaster.handshakes, "acquire", take)
    opened = []
    for piece in FRAMES:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        opened.append((reader, writer))
        writer.write(request())
        await eventually(lambda: knocks == len(opened))
        writer.write(piece)
    connections: set[Any] = server.uvicorn.server_state.connections
    # Each has got its frame, keeps it, and reads no more.
    await eventually(lambda: not any(one.transport.is_reading() for one in connections))
    come_in.set()
    for reader, writer in opened:
        assert b" 101 " in await asyncio.wait_for(reader.readline(), PATIENCE_S)
        writer.transport.abort()
    await eventually(lambda: server.gauge("sockets") == 0)
    check(log())


async def test_requests_while_redis_is_down_log_one_line(
    server: Instance, log: Callable[[], list[dict[str, Any]]]
) -> None:
    await server.core.store.close()
    async with httpx.AsyncClient(base_url=server.url) as http:
        for _ in range(5):
            answer = await http.get(f"/api/v1/showtimes/{SHOWTIME}/availability")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert [line["code"] for line in log() if line["event"] == "request failed"] == ["unavailable"]
