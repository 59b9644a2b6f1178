"""Strangers at the door: what they send costs the others nothing, and does not let them in."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.faults.conftest import OpenSite, Report
from tests.faults.invariants import check
from tests.faults.raw import enter, knock
from tests.faults.site import SECRET, Server, Site
from tests.faults.users import Mix, users
from tests.integration.server import LIVES_S, Wire, eventually
from tests.support.lab import rss_kib

READERS = 1000
MIB = 1024
MOST_FOR_READERS_KIB = 250 * MIB
MOST_FOR_FLOODS_KIB = 60 * MIB
MASK = b"\0\0\0\0"


@pytest.mark.long
async def test_fault_21_a_thousand_slow_readers_cost_bounded_memory(open_site: OpenSite, report: Report) -> None:
    async with open_site(SEATSERVER_SOCKETS_PER_USER="2000", SEATSERVER_IDLE_MS="60000") as site:
        [server] = await site.add_servers(1)
        async with users(site, 8) as load, AsyncExitStack() as stack:
            report.loads.append(load)
            for at in range(0, READERS, 50):
                await asyncio.gather(*(reads_nothing(stack, site, server) for _ in range(at, at + 50)))
            before = rss_kib(server.pid)
            load.start()
            report.hit(await load.busy(3), READERS)
            await load.run_for(5)
            await report.serves_again(site)
            grown = rss_kib(server.pid) - before
            report.notes.append(f"memory +{grown // MIB} MiB")
            assert grown < MOST_FOR_READERS_KIB
            await load.end()
            await check(site, load, linearizable=True, repairs=False)


async def reads_nothing(stack: AsyncExitStack, site: Site, server: Server) -> None:
    """A viewer who has hardly a buffer and stops reading after the first snapshot."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", server.port))
    viewer = await enter(stack, site, server, "slow", sock=plain)
    viewer.connection.transport.pause_reading()


@pytest.mark.long
async def test_fault_21_floods_of_bytes_are_cut_off(site: Site, report: Report) -> None:
    """Frames of 16 MB, a message in 100,000 empty fragments, and what a decompressor would choke on."""
    bomb = b"\xc1\xfe" + struct.pack("!H", 1000) + MASK + b"\0" * 1000
    fragments = b"\x01\x80" + MASK + (b"\x00\x80" + MASK) * 100_000
    frame = b"\x82\xff" + struct.pack("!Q", 16 << 20) + MASK
    floods = [(frame, b"\0" * (16 << 20), 1009), (fragments, b"", 1009), (bomb, b"", 1002)]
    async with users(site, 8, Mix(pause_s=0.05)) as load:
        report.loads.append(load)
        load.start()
        before = {server.name: rss_kib(server.pid) for server in site.servers}
        for _ in range(5):
            for begin, rest, expected in floods:
                report.hit(await load.busy(0, 1), 2)
                for server in site.servers:
                    async with AsyncExitStack() as stack:
                        offered = "deflate" if expected == 1002 else None
                        wire = await enter(stack, site, server, "stranger", compression=offered)
                        assert not wire.connection.protocol.extensions, "nothing is ever decompressed"
                        code = await flooded(wire, begin + rest)
                        assert code in (expected, 1006), "closed with a reason, or cut off while it still sent"
        await report.serves_again(site)
        for server in site.servers:
            grown = rss_kib(server.pid) - before[server.name]
            report.notes.append(f"memory +{grown // MIB} MiB")
            assert grown < MOST_FOR_FLOODS_KIB
        await load.end()
        await check(site, load, linearizable=True, repairs=False)


async def flooded(wire: Wire, data: bytes) -> int:
    """Send it all, past the library; the close code."""
    wire.connection.transport.write(data)
    try:
        async with asyncio.timeout(20):
            while True:
                await wire.connection.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006


def forged(**changes: Any) -> str:
    """A token that is right but for ``changes``; ``alg``, ``key`` and ``kid`` are not claims."""
    now = int(time.time())
    key, algorithm = changes.pop("key", SECRET), changes.pop("alg", "HS256")
    headers = {"kid": changes.pop("kid")} if "kid" in changes else None
    claims = {"iss": "seatserver", "aud": "seatserver", "sub": "eve", "iat": now, "exp": now + 60, "scope": "hold book"}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: forged(alg="none", key=None),
    "another algorithm": lambda: forged(alg="HS512"),
    "another key": lambda: forged(key="a secret that nobody here knows, and as long as the one that counts"),
    "another audience": lambda: forged(aud="elsewhere"),
    "another issuer": lambda: forged(iss="elsewhere"),
    "expired": lambda: forged(exp=int(time.time()) - 3600),
    "no expiry": lambda: forged(exp=None),
    "nobody": lambda: forged(sub=None),
    "not a token": lambda: "a.b.c",
    "cut short": lambda: forged()[:-10],
}


@pytest.mark.long
async def test_fault_26_bad_tokens_and_origins_are_refused_and_closed(open_site: OpenSite, report: Report) -> None:
    async with open_site(SEATSERVER_TOKEN_LEEWAY_S="0") as site:
        await site.add_servers(2)
        async with users(site, 6, Mix(pause_s=0.05)) as load:
            report.loads.append(load)
            load.start()
            for server in site.servers:
                for name, make in BAD_TOKENS.items():
                    report.hit(await load.busy(0, 1))
                    async with AsyncExitStack() as stack:
                        wire = await knock(stack, server, make())
                        await wire.send("hello", ref=1, token=wire.token)
                        code, words = await wire.last_words()
                        assert code == 4001, name
                        assert [(word["type"], word["code"]) for word in words][:1] == [("error", "unauthorized")], name
                report.hit(await load.busy(0, 1))
                with pytest.raises(InvalidStatus) as refused:
                    async with AsyncExitStack() as stack:
                        await knock(stack, server, site.token("eve"), origin="https://evil.example")
                assert refused.value.response.status_code == 403
            await tokens_run_out(site, report)
            await load.end()
            await check(site, load, linearizable=True, repairs=False)


async def tokens_run_out(site: Site, report: Report) -> None:
    """In the middle of a socket: it is closed, unless it hands in another one before."""
    async with AsyncExitStack() as stack:
        for lifetime_s in LIVES_S:
            idle = await knock(stack, site.servers[0], site.token("idle", lifetime_s=lifetime_s))
            busy = await knock(stack, site.servers[1], site.token("busy", lifetime_s=lifetime_s))
            with suppress(ConnectionClosed):  # on a machine that is slower than that
                for wire in (idle, busy):
                    await wire.hello()
                    await wire.until("snapshot")
                await busy.hello(token=site.token("busy", lifetime_s=600))
                break
        else:
            raise AssertionError("nobody was let in")
        report.hit(1)
        code, words = await idle.last_words()
        assert code == 4200
        assert words[-1]["type"] == "bye"
        assert (await busy.ask("beat"))["type"] == "beat"
        seen: list[str] = []

        async def refused() -> bool:
            """Whoever comes with the old one again is not let in."""
            async with AsyncExitStack() as inner:
                wire = await knock(inner, site.servers[0], idle.token)
                await wire.send("hello", ref=1, token=wire.token)
                seen.append(str((await wire.last_words())[0]))
            return seen[-1] == "4001"

        await eventually(refused)
