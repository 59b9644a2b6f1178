"""The kind of server that most projects write: Starlette and redis-py, neither clever nor careless.

A hold is ``SET NX PX`` for each seat; a change is published; every process listens and sends it to each socket of the
room in a loop. It has no tokens, no versions and no snapshots, so it does less than ours. REDIS_URL says where Redis
is.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from loadtests.references import serving
from loadtests.references.seat_locks import FREE, HELD, SeatLocks

CHANNEL = "plain-updates:"


class PlainServer:
    """Rooms of sockets, and one Redis."""

    def __init__(self, redis_url: str) -> None:
        self.locks = SeatLocks(redis_url)
        self.redis = self.locks.redis
        self.rooms: dict[str, set[WebSocket]] = defaultdict(set)

    async def talk(self, socket: WebSocket) -> None:
        """One socket from its beginning to its end."""
        room, user = socket.path_params["room"], socket.query_params["user"]
        await socket.accept()
        self.rooms[room].add(socket)
        try:
            await socket.send_json({"type": "joined"})
            while True:
                message = await socket.receive_json()
                if message["type"] == "hold":
                    await self.hold(socket, room, user, message)
                else:
                    await self.release(socket, room, user, message)
        except WebSocketDisconnect:
            pass
        finally:
            self.rooms[room].discard(socket)

    async def hold(self, socket: WebSocket, room: str, user: str, message: dict[str, Any]) -> None:
        """All these seats or none."""
        seats = message["seats"]
        if not await self.locks.hold(room, user, seats):
            await socket.send_json({"type": "refused", "ref": message["ref"]})
            return
        await self.publish(room, seats, HELD)
        await socket.send_json({"type": "held", "ref": message["ref"], "seats": seats})

    async def release(self, socket: WebSocket, room: str, user: str, message: dict[str, Any]) -> None:
        """Give back what is the user's."""
        freed = await self.locks.release(room, user, message["seats"])
        await self.publish(room, freed, FREE)
        await socket.send_json({"type": "released", "ref": message["ref"], "seats": freed})

    async def publish(self, room: str, seats: list[int], state: int) -> None:
        """Tell every process."""
        update = {"type": "update", "changes": [[seat, state] for seat in seats]}
        await self.redis.publish(CHANNEL + room, json.dumps(update))

    async def listen(self) -> None:
        """Tell every socket."""
        async with self.redis.pubsub() as pubsub:
            await pubsub.psubscribe(CHANNEL + "*")
            async for message in pubsub.listen():
                if message["type"] != "pmessage":
                    continue
                room = message["channel"].removeprefix(CHANNEL)
                update = json.loads(message["data"])
                for socket in list(self.rooms[room]):
                    try:
                        await socket.send_json(update)
                    except (WebSocketDisconnect, RuntimeError):
                        self.rooms[room].discard(socket)


def application(server: PlainServer) -> Starlette:
    """The ASGI application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        listening = asyncio.create_task(server.listen())
        yield
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await server.redis.aclose()

    return Starlette(routes=[WebSocketRoute("/ws/{room}", server.talk)], lifespan=lifespan)


if __name__ == "__main__":
    serving.run(application(PlainServer(os.environ["REDIS_URL"])))
