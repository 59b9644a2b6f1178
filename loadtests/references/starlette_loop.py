"""Starlette's usual way to send to everyone: ``for socket in sockets: await socket.send_text(text)``.

It is also the reference for idle sockets: it accepts every client, sends one word and waits. Every line of standard
input goes to all clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from loadtests.references import serving

HELLO = '"hello"'


def application() -> Starlette:
    """The whole of it."""
    sockets: set[WebSocket] = set()
    sending: set[asyncio.Task[None]] = set()

    async def watch(socket: WebSocket) -> None:
        await socket.accept()
        sockets.add(socket)
        try:
            await socket.send_text(HELLO)
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            sockets.discard(socket)

    async def tell_all(text: str) -> None:
        for socket in list(sockets):
            await socket.send_text(text)

    def hear(line: str) -> None:
        task = asyncio.get_running_loop().create_task(tell_all(line))
        sending.add(task)
        task.add_done_callback(sending.discard)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        serving.on_line(hear)
        yield

    return Starlette(routes=[WebSocketRoute("/", watch)], lifespan=lifespan)


if __name__ == "__main__":
    serving.run(application())
