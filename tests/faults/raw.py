"""A plain socket in the room, for users who do what the Python client would never do, and for many of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast

from websockets.asyncio.client import connect

from tests.faults.site import SHOWTIME, Server, Site
from tests.integration.server import JSON, MSGPACK, Wire
from tests.waiting import PATIENCE_S


async def enter(stack: AsyncExitStack, site: Site, server: Server, user: str, **more: Any) -> Wire:
    """Say hello and take the snapshot; ``more`` goes to `websockets`. Raises `ConnectionClosed`."""
    wire = await knock(stack, server, site.token(user), encoding=(JSON, MSGPACK)[site.rng.random() < 0.5], **more)
    await wire.hello()
    await wire.until("snapshot")
    return wire


async def knock(stack: AsyncExitStack, server: Server, token: str, *, encoding: str = JSON, **more: Any) -> Wire:
    """A socket that has said nothing yet. Raises `InvalidStatus`."""
    address = f"ws{server.url.removeprefix('http')}/ws/showtimes/{SHOWTIME}"
    how = {"compression": None, "max_size": None, "proxy": None, "open_timeout": PATIENCE_S, **more}
    connection = await stack.enter_async_context(connect(address, subprotocols=[cast(Any, encoding)], **how))
    # Whoever reads no more cannot say goodbye either.
    stack.callback(connection.transport.abort)
    return Wire(connection, token)


async def answer_to(wire: Wire, ref: int) -> dict[str, Any]:
    """The reply to a command that was sent before."""
    while (message := await wire.next()).get("ref") != ref:
        pass
    return message
