"""A peer in Python: python-socketio with its Redis manager, which tells the sockets of a room on every process.

It holds seats as the plain server does, and talks as the Socket.IO peer in Node does. REDIS_URL says where Redis is.
"""

from __future__ import annotations

import os
from typing import Any

import socketio

from loadtests.references import serving
from loadtests.references.seat_locks import FREE, HELD, SeatLocks


def application(redis_url: str) -> Any:
    """The ASGI application."""
    locks = SeatLocks(redis_url)
    manager = socketio.AsyncRedisManager(redis_url)
    server = socketio.AsyncServer(async_mode="asgi", client_manager=manager, transports=["websocket"])

    async def tell(room: str, seats: list[int], state: int) -> None:
        await server.emit("update", {"changes": [[seat, state] for seat in seats]}, room=room)

    @server.event  # type: ignore[untyped-decorator]  # the library leaves it unannotated
    async def connect(sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
        await server.save_session(sid, auth)
        await server.enter_room(sid, auth["room"])
        await server.emit("joined", {}, to=sid)

    @server.event  # type: ignore[untyped-decorator]  # the same
    async def hold(sid: str, message: dict[str, Any]) -> None:
        who = await server.get_session(sid)
        seats = message["seats"]
        if await locks.hold(who["room"], who["user"], seats):
            await tell(who["room"], seats, HELD)
            await server.emit("held", {"ref": message["ref"], "seats": seats}, to=sid)
        else:
            await server.emit("refused", {"ref": message["ref"]}, to=sid)

    @server.event  # type: ignore[untyped-decorator]  # the same
    async def release(sid: str, message: dict[str, Any]) -> None:
        who = await server.get_session(sid)
        freed = await locks.release(who["room"], who["user"], message["seats"])
        if not freed:
            await server.emit("refused", {"ref": message["ref"]}, to=sid)
            return
        await tell(who["room"], freed, FREE)
        await server.emit("released", {"ref": message["ref"], "seats": freed}, to=sid)

    return socketio.ASGIApp(server)


if __name__ == "__main__":
    serving.run(application(os.environ["REDIS_URL"]))
