"""One network cannot take all connections of a server, nor all its handshakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from tests.integration.conftest import MakeServer
from tests.integration.server import JSON, Instance, eventually
from tests.integration.test_heads import HANDSHAKE, Peer, peer_of
from tests.waiting import PATIENCE_S

BOT, HOME, OFFICE = "203.0.113.66", "198.51.100.7", "192.0.2.40"
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def peer_from(server: Instance, address: str) -> AsyncIterator[Peer]:
    """A connection that comes from an address, as our proxy announces it."""
    family, own = ("TCP6", "2001:db8::1") if ":" in address else ("TCP4", "192.0.2.1")
    async with peer_of(server) as peer:
        await peer.send(f"PROXY {family} {address} {own} 4711 443\r\n".encode())
        yield peer


async def answer(peer: Peer) -> tuple[int, bytes]:
    """The status and head of an answer."""
    async with asyncio.timeout(PATIENCE_S):
        head = await peer.reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1]), head


async def live(peer: Peer) -> tuple[int, bytes]:
    """The status and head of an answer to a request."""
    await peer.send(LIVE)
    return await answer(peer)


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    return await make_server(
        proxy_protocol=True,
        network_connections=4,
        keep_alive_ms=60_000,
        hello_ms=60_000,  # sockets stay without a word, however slow the machine
        unlimited=(f"{OFFICE}/32",),
    )


async def test_a_network_has_only_so_many_connections_and_others_do_not_notice(server: Instance) -> None:
    share = server.core.shares.of_network(BOT)
    assert share is not None
    async with AsyncExitStack() as stack:
        for _ in range(3):
            peer = await stack.enter_async_context(peer_from(server, BOT))
            assert (await live(peer))[0] == 200
        socket = await stack.enter_async_context(peer_from(server, BOT))
        await socket.send(HANDSHAKE + f"Sec-WebSocket-Protocol: {JSON}\r\n\r\n".encode())
        assert await socket.status() == 101, "a socket is a connection too"
        for _ in range(3):
            async with peer_from(server, BOT) as one_too_many:
                status, head = await answer(one_too_many)
                assert status == 503
                assert b"Retry-After: 2\r\n" in head
        for address, times in ((HOME, 1), (OFFICE, 12)):
            for _ in range(times):
                assert (await live(await stack.enter_async_context(peer_from(server, address))))[0] == 200
        assert server.core.metrics.turned_away.totals() == {"connections": 3}
        assert server.core.shares.pushing() == {"203.0.113.0/24": 3}
        assert share.connections == 4
    await eventually(lambda: share.connections == 0)
    async with peer_from(server, BOT) as peer:
        assert (await live(peer))[0] == 200, "those that were closed are given back"


async def test_an_ipv6_household_is_one_network_whatever_its_addresses(server: Instance) -> None:
    async with AsyncExitStack() as stack:
        for number in range(4):
            peer = await stack.enter_async_context(peer_from(server, f"2001:db8:0:1::{number}"))
            assert (await live(peer))[0] == 200
        async with peer_from(server, "2001:db8:0:1:ffff::9") as peer:
            assert (await answer(peer))[0] == 503
        async with peer_from(server, "2001:db8:0:2::1") as peer:
            assert (await live(peer))[0] == 200


async def test_connections_of_a_proxy_that_names_its_clients_in_a_header_are_not_counted(
    make_server: MakeServer,
) -> None:
    server = await make_server(network_connections=2, network_sockets=1, unlimited=())
    async with AsyncExitStack() as stack:
        for _ in range(6):
            peer = await stack.enter_async_context(peer_of(server))
            assert (await live(peer))[0] == 200


async def test_handshakes_of_one_network_do_not_fill_the_queue_of_all(make_server: MakeServer) -> None:
    server = await make_server(network_handshakes=2, handshakes=1000)
    queue = server.core.broadcaster.handshakes
    share = server.core.shares.of_network(BOT)
    assert share is not None

    async def come(http: httpx.AsyncClient, address: str) -> int:
        headers = {
            "X-Forwarded-For": address,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": JSON,
        }
        path = server.address().split("/", 3)[3]
        answer = await http.send(http.build_request("GET", path, headers=headers), stream=True)
        await answer.aclose()
        return answer.status_code

    statuses: list[int] = []

    async def flood_until_refused() -> bool:
        coming = asyncio.gather(*(come(http, BOT) for _ in range(40)))
        while not coming.done():
            assert share.handshakes <= 2
            assert queue.waiting <= 2 + 1
            await asyncio.sleep(0)
        statuses.extend(await coming)
        return 503 in statuses

    # Of one client, because each makes itself what TLS needs, which takes longer than all that is tested here.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=server.url, verify=False, timeout=PATIENCE_S, limits=limits) as http:
        await eventually(flood_until_refused)
        assert set(statuses) == {101, 503}
        assert await come(http, HOME) == 101
    assert server.core.metrics.turned_away.totals() == {"handshakes": statuses.count(503)}
    await eventually(lambda: share.handshakes == 0)
