"""Behind a proxy that forwards bytes: who is asking, and that nobody else can say it."""

from __future__ import annotations

import struct

import pytest

from tests.integration.conftest import MakeServer
from tests.integration.server import JSON, Instance, eventually
from tests.integration.test_heads import HANDSHAKE, Peer, peer_of

BOT, HOME = "203.0.113.66", "198.51.100.7"
RENEW = (
    b"POST /api/v1/guests/renew HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n%s\r\n"
    b'{"renewal":"x"}'
)
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


def line(address: str) -> bytes:
    return f"PROXY TCP4 {address} 192.0.2.1 4711 443\r\n".encode()


def binary(address: str) -> bytes:
    client = bytes(map(int, address.split(".")))
    return b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack("!H4s4sHH", 12, client, b"\xc0\x00\x02\x01", 4711, 443)


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    return await make_server(proxy_protocol=True, network_writes_per_min=2)


async def status(server: Instance, *sent: bytes) -> int:
    async with peer_of(server) as peer:
        for piece in sent:
            await peer.send(piece)
        return await peer.status()


@pytest.mark.usefixtures("stopped_clock")
async def test_the_announced_address_is_whose_share_is_taken(server: Instance) -> None:
    ask = RENEW % b""
    assert [await status(server, line(BOT) + ask) for _ in range(3)] == [401, 401, 429]
    assert await status(server, binary(BOT) + ask) == 429, "in either version"
    assert await status(server, line(HOME) + ask) == 401
    claims = RENEW % f"X-Forwarded-For: {HOME}\r\n".encode()
    assert await status(server, line(BOT) + claims) == 429, "a client's own header does not count"
    assert server.core.shares.pushing() == {"203.0.113.0/24": 3}


@pytest.mark.usefixtures("stopped_clock")
async def test_an_announced_proxy_of_ours_may_name_its_client_in_a_header(make_server: MakeServer) -> None:
    server = await make_server(
        proxy_protocol=True, network_writes_per_min=2, trusted_proxies=("127.0.0.1", "192.0.2.80")
    )
    via = line("192.0.2.80") + RENEW % f"X-Forwarded-For: {BOT}\r\n".encode()
    assert [await status(server, via) for _ in range(3)] == [401, 401, 429]


async def test_a_head_may_arrive_byte_by_byte_and_a_proxys_own_checks_are_served(server: Instance) -> None:
    assert await status(server, *(bytes([byte]) for byte in line(HOME)), LIVE) == 200
    assert await status(server, LOCAL + LIVE) == 200


async def test_a_socket_comes_from_the_announced_address(server: Instance) -> None:
    async with peer_of(server) as peer:
        await peer.send(line(BOT) + HANDSHAKE + f"Sec-WebSocket-Protocol: {JSON}\r\n\r\n".encode())
        assert await peer.status() == 101
        share = server.core.shares.of_network(BOT)
        assert share is not None
        await eventually(lambda: share.sockets == 1)
    await eventually(lambda: share.sockets == 0)


@pytest.mark.parametrize(
    "start",
    [LIVE, HANDSHAKE, b"\x16\x03\x01\x02\x00\x01", b"PROXY UNKNOWN\r\n" + LIVE, b"PROXY TCP4 nonsense\r\n" + LIVE],
    ids=["request", "handshake", "tls", "unknown", "nonsense"],
)
async def test_a_connection_that_begins_otherwise_is_closed_without_an_answer(server: Instance, start: bytes) -> None:
    async with peer_of(server) as peer:
        await peer.send(start)
        assert await peer.answer() == b""
    assert server.core.metrics.turned_away.totals() == {"unannounced": 1}


async def test_only_a_configured_proxy_may_announce(make_server: MakeServer) -> None:
    server = await make_server(proxy_protocol=True, trusted_proxies=("192.0.2.80",))
    async with peer_of(server) as peer:
        assert await answer_to(peer, line(HOME) + LIVE) == b""
    assert server.core.metrics.turned_away.totals() == {"unannounced": 1}


async def test_a_head_that_does_not_end_is_given_up(make_server: MakeServer) -> None:
    server = await make_server(proxy_protocol=True, head_ms=200)
    async with peer_of(server) as peer:
        await peer.send(b"PROXY TCP4 ")
        assert await peer.answer() == b""
    assert server.core.metrics.turned_away.totals() == {"head_late": 1}


async def test_without_the_setting_a_head_is_a_bad_request(make_server: MakeServer) -> None:
    server = await make_server()
    assert await status(server, line(HOME) + LIVE) == 400


async def answer_to(peer: Peer, data: bytes) -> bytes:
    try:
        await peer.send(data)
    except (ConnectionResetError, BrokenPipeError):
        return b""
    return await peer.answer()
