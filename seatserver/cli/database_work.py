"""What commands have in common that work on the database themselves, with the parts of a server that serves nobody."""

from __future__ import annotations

import argparse
import asyncio

from seatserver import config
from seatserver.cli.serve import required
from seatserver.times import moment_of


def run(args: argparse.Namespace) -> int:
    """Do ``args.act``. Raises `BadRequest`, `Conflict`, `NotFound`, `StartError` or `Unavailable`."""
    asyncio.run(_act(args))
    return 0


async def _act(args: argparse.Namespace) -> None:
    from seatserver import logs
    from seatserver.server import Server

    settings = required(config.load())
    logs.configure(settings)
    server = Server(settings)
    try:
        await server.database.check_migrated()
        await args.act(server, args)
    finally:
        await server.close_connections()


def shown(ms: int) -> str:
    """A time, in ms since the epoch, as a command prints it."""
    return f"{moment_of(ms):%Y-%m-%d %H:%M} UTC"
