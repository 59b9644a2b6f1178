"""The attackers of `loadtests.attack`: a process that attacks servers from one address for some seconds.

It prints a line when it is ready, and in the end how much it tried and how much of that it got, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from seatserver.wire.codec import SUBPROTOCOL_JSON

GUEST = "POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Forwarded-For: {}\r\n\r\n"
CONNECTIONS, BOTS, SILENT = 8, 31, 500
CREATED = b"HTTP/1.1 201"
PIECE = b"a" * 65_536
GONE = (OSError, asyncio.IncompleteReadError, WebSocketException)


@dataclass
class Order:
    """What to attack, and until when."""

    showtime: str
    address: str
    """Where all of them come from. Each attack has another one, with a share of its own."""
    urls: list[str]
    ends_at: float = 0.0
    tried: int = 0
    got: int = 0

    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends_at

    def at(self, number: int) -> tuple[str, int]:
        """Host and port of the server for the attacker with this number."""
        parts = urlsplit(self.urls[number % len(self.urls)])
        return parts.hostname or "", parts.port or 80


async def guests(order: Order, number: int) -> None:
    """Make guests as fast as they are answered."""
    while order.goes_on():
        with suppress(*GONE):
            reader, writer = await asyncio.open_connection(*order.at(number))
            while order.goes_on():
                order.tried += 1
                made, _ = await _posted(order, reader, writer)
                order.got += made
            writer.close()


async def cycles(order: Order, number: int) -> None:
    """Hold and release a pair of seats as fast as it is answered."""
    async with await _bot(order, number) as socket:
        while order.goes_on():
            order.tried += 1
            hold_id = str(uuid4())
            answer = await asked(socket, {"type": "hold", "hold_id": hold_id, "seats": (2 * number, 2 * number + 1)})
            if answer["type"] == "held":
                order.got += 1
                await asked(socket, {"type": "release", "hold_id": hold_id})


async def hoarding(order: Order, number: int) -> None:
    """Hold as many seats as one guest may, and try again and again."""
    async with await _bot(order, number) as socket:
        held = False
        while order.goes_on():
            if not held:
                order.tried += 1
                seats = tuple(range(number * 8, number * 8 + 8))
                answer = await asked(socket, {"type": "hold", "hold_id": str(uuid4()), "seats": seats})
                held = answer["type"] == "held"
                order.got += len(seats) if held else 0
            await asyncio.sleep(0.05)


async def heads(order: Order, number: int) -> None:
    """Send heads without end. What is got is those of which 8 MiB were taken, more than systems buffer."""
    while order.goes_on():
        order.tried += 1
        with suppress(*GONE):
            _, writer = await asyncio.open_connection(*order.at(number))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            for _ in range(128):
                writer.write(PIECE)
                await writer.drain()
            order.got += 1
            writer.transport.abort()


async def silence(order: Order, number: int) -> None:
    """Open a connection and say half a line. What is got is those that are still open in the end."""
    order.tried += 1
    with suppress(*GONE):
        reader, writer = await asyncio.open_connection(*order.at(number))
        writer.write(b"GET / HT")
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, order.ends_at - time.monotonic())):
                await reader.read()
                return
        order.got += 1
        writer.transport.abort()


ATTACKS: dict[str, tuple[int, Callable[[Order, int], Awaitable[None]]]] = {
    "guests": (CONNECTIONS, guests),
    "cycles": (BOTS, cycles),
    "hoarding": (BOTS, hoarding),
    "heads": (CONNECTIONS, heads),
    "silence": (SILENT, silence),
}
"""By name: how many at once, and what each does."""


async def _posted(order: Order, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bool, bytes]:
    """Ask for a guest; whether there is one, and the body."""
    writer.write(GUEST.format(order.address).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])
    return head.startswith(CREATED), await reader.readexactly(size)


async def _bot(order: Order, number: int) -> ClientConnection:
    """A guest's socket."""
    host, port = order.at(number)
    reader, writer = await asyncio.open_connection(host, port)
    _, body = await _posted(order, reader, writer)
    writer.close()
    return await entered(f"http://{host}:{port}", order.showtime, order.address, json.loads(body)["token"])


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


async def main(name: str, showtime: str, seconds: str, *urls: str) -> None:
    """Attack; then say how it went."""
    address = f"203.0.113.{list(ATTACKS).index(name) + 1}"
    order = Order(showtime, address, list(urls), time.monotonic() + float(seconds))
    count, attack = ATTACKS[name]
    print("ready", flush=True)
    await asyncio.gather(*(attack(order, number) for number in range(count)))
    print(json.dumps({"tried": order.tried, "got": order.got}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
