"""`websockets.broadcast`, on uvloop: every line of standard input goes to everybody who is connected."""

from __future__ import annotations

import asyncio

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from loadtests.references import serving
from loadtests.references.starlette_loop import HELLO


async def _watch(connection: ServerConnection) -> None:
    await connection.send(HELLO)
    await connection.wait_closed()


async def main() -> None:
    """Serve until ended."""
    with serving.listener() as listening:
        async with serve(_watch, sock=listening) as server:
            serving.on_line(lambda line: broadcast(server.connections, line))
            serving.announce(listening)
            await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main())
