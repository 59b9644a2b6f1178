"""The attackers of `loadtests.attack`: a process that attacks servers from one or more addresses for some seconds.

It prints a line when it is ready, and in the end how much it tried and how much of that it got, as JSON. Each attacker
tries at least once, however slow the machine is.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from seatserver.wire.codec import SUBPROTOCOL_JSON

GUEST = "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Forwarded-For: {}\r\n\r\n"
CONNECTIONS, BOTS, SILENT = 8, 31, 1000
CREATED = b"HTTP/1.1 201"
PIECE = b"a" * 65_536
FIELDS = b"".join(b"X-%d: a\r\n" % number for number in range(5000))
PIECES = 128
HALVES = (b"", b"GET / HT", b"GET /ws/showtimes/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
"""What silent connections say: nothing, half a line, half a handshake."""
LOOPBACK = 250
AGAIN_S = 0.5
"""After this long somebody who was refused tries again."""
GRACE_S = 60.0
"""So long the last ones may take to end."""
GONE = (OSError, asyncio.IncompleteReadError, WebSocketException)


@dataclass
class Order:
    """What to attack, and until when."""

    showtime: str
    addresses: list[str]
    """Where they come from. Each attack has others, with shares of their own."""
    seats: int
    """They take seats below this number only; the others are the honest buyers'."""
    urls: list[str]
    ends_at: float = 0.0
    tried: int = 0
    got: int = 0

    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends_at

    def tries(self) -> Iterator[None]:
        """Again and again while there is time left, but once in any case."""
        yield
        while self.goes_on():
            yield

    def at(self, number: int) -> tuple[str, int]:
        """Host and port of the server for the attacker with this number."""
        parts = urlsplit(self.urls[number % len(self.urls)])
        return parts.hostname or "", parts.port or 80

    def address(self, number: int) -> str:
        """Where the attacker with this number comes from."""
        return self.addresses[number % len(self.addresses)]

    async def connect(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that names no client, so the servers see an address of this machine that is no proxy's."""
        source = f"127.0.0.{2 + number % min(len(self.addresses), LOOPBACK)}"
        return await asyncio.open_connection(*self.at(number), local_addr=(source, 0))

    def seats_of(self, number: int, count: int) -> tuple[int, ...]:
        """So many seats for the attacker with this number."""
        first = number % (self.seats // count) * count
        return tuple(range(first, first + count))


async def guests(order: Order, number: int) -> None:
    """Make guests as fast as they are answered."""
    for _ in order.tries():
        with suppress(*GONE):
            reader, writer = await asyncio.open_connection(*order.at(number))
            for _ in order.tries():
                order.tried += 1
                made, _body = await _posted(order.address(number), reader, writer)
                order.got += made
            writer.close()


async def cycles(order: Order, number: int) -> None:
    """Hold and release a pair of seats as fast as it is answered."""

    async def play(socket: ClientConnection) -> None:
        for _ in order.tries():
            order.tried += 1
            hold_id = str(uuid4())
            hold = {"type": "hold", "hold_id": hold_id, "seats": order.seats_of(number, 2)}
            if (await asked(socket, hold))["type"] == "held":
                order.got += 1
                await asked(socket, {"type": "release", "hold_id": hold_id})

    await _with_sockets(order, number, play)


async def hoarding(order: Order, number: int) -> None:
    """Hold as many seats as one guest may, and try again and again."""
    seats = order.seats_of(number, 8)

    async def play(socket: ClientConnection) -> None:
        held = False
        for _ in order.tries():
            if not held:
                order.tried += 1
                answer = await asked(socket, {"type": "hold", "hold_id": str(uuid4()), "seats": seats})
                held = answer["type"] == "held"
                order.got += len(seats) if held else 0
            await asyncio.sleep(0.05)

    await _with_sockets(order, number, play)


async def handshakes(order: Order, number: int) -> None:
    """Open sockets and say hello with a token that is none. What is got is those that were opened."""
    host, port = order.at(number)
    for _ in order.tries():
        order.tried += 1
        with suppress(*GONE):
            socket = await entered(f"http://{host}:{port}", order.showtime, order.address(number), "none")
            order.got += 1
            await socket.wait_closed()


async def heads(order: Order, number: int) -> None:
    """Send heads whose one field never ends. What is got is those of which 8 MiB were taken, more than is buffered."""
    await _endless(order, number, b"X: ", PIECE)


async def fields(order: Order, number: int) -> None:
    """Send heads with ever more small fields; otherwise the same."""
    await _endless(order, number, b"", FIELDS)


async def _endless(order: Order, number: int, begin: bytes, piece: bytes) -> None:
    for _ in order.tries():
        order.tried += 1
        with suppress(*GONE):
            _, writer = await order.connect(number)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + begin)
            for _ in range(PIECES * len(PIECE) // len(piece)):
                writer.write(piece)
                await writer.drain()
            order.got += 1
            writer.transport.abort()


async def silence(order: Order, number: int) -> None:
    """Open a connection and say little; open another one if it is closed. What is got is those open in the end."""
    for _ in order.tries():
        order.tried += 1
        with suppress(*GONE):
            reader, writer = await order.connect(number)
            writer.write(HALVES[number % len(HALVES)])
            try:
                async with asyncio.timeout(max(0.0, order.ends_at - time.monotonic())):
                    await reader.read()
            except TimeoutError:
                order.got += 1
            writer.transport.abort()
        await asyncio.sleep(min(AGAIN_S, max(0.0, order.ends_at - time.monotonic())))


ATTACKS: dict[str, tuple[int, Callable[[Order, int], Awaitable[None]]]] = {
    "guests": (CONNECTIONS, guests),
    "cycles": (BOTS, cycles),
    "hoarding": (BOTS, hoarding),
    "handshakes": (CONNECTIONS, handshakes),
    "heads": (CONNECTIONS, heads),
    "fields": (CONNECTIONS, fields),
    "silence": (SILENT, silence),
}
"""By name: how many at once with a strength of 1, and what each does."""


async def _posted(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bool, bytes]:
    """Ask for a guest; whether there is one, and the body."""
    writer.write(GUEST.format(address).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])
    return head.startswith(CREATED), await reader.readexactly(size)


async def _with_sockets(order: Order, number: int, play: Callable[[ClientConnection], Awaitable[None]]) -> None:
    """Play with a guest's socket, and with another one whenever it is closed, or a while after it was refused."""
    host, port = order.at(number)
    address, token = order.address(number), ""
    for _ in order.tries():
        with suppress(*GONE):
            if not token:
                reader, writer = await asyncio.open_connection(host, port)
                is_made, body = await _posted(address, reader, writer)
                writer.close()
                token = json.loads(body)["token"] if is_made else ""
            if token:
                async with await entered(f"http://{host}:{port}", order.showtime, address, token) as socket:
                    await play(socket)
        if order.goes_on():
            await asyncio.sleep(AGAIN_S)


async def entered(url: str, showtime: str, address: str, token: str) -> ClientConnection:
    """A guest's socket into a showtime, from this address, that has said hello."""
    socket = await connect(
        f"ws{url.removeprefix('http')}/ws/showtimes/{showtime}",
        subprotocols=[cast(Any, SUBPROTOCOL_JSON)],
        additional_headers={"X-Forwarded-For": address},
        compression=None,
        proxy=None,
    )
    await socket.send(json.dumps({"type": "hello", "ref": 1, "token": token}))
    return socket


async def asked(socket: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    """Send a command and wait for its answer; one at a time."""
    await socket.send(json.dumps({**message, "ref": 2}))
    while True:
        answer: dict[str, Any] = json.loads(await socket.recv())
        if answer.get("ref") == 2:
            return answer


async def main(
    name: str, showtime: str, seconds: str, strength: str, addresses: str, nice: str, seats: str, *urls: str
) -> None:
    """Attack; then say how it went."""
    os.nice(int(nice))
    network = f"203.{list(ATTACKS).index(name) + 1}"
    named = [f"{network}.{number // 250 % 250}.{number % 250 + 1}" for number in range(int(addresses))]
    order = Order(showtime, named, int(seats), list(urls), time.monotonic() + float(seconds))
    count, attack = ATTACKS[name]
    print("ready", flush=True)
    tasks = [asyncio.ensure_future(attack(order, number)) for number in range(count * int(strength))]
    _, late = await asyncio.wait(tasks, timeout=float(seconds) + GRACE_S)
    for task in late:  # they wait for an answer
        task.cancel()
    failed = [error for error in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(error, Exception)]
    if failed:
        raise failed[0]
    print(json.dumps({"tried": order.tried, "got": order.got}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
