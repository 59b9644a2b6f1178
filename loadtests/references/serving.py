"""What the references share: a socket on a free port, the line that announces it, and commands from standard input."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

BACKLOG = 4096


def listener() -> socket.socket:
    """A socket that listens on a free port of 127.0.0.1."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(BACKLOG)
    return made


def announce(listening: socket.socket) -> None:
    """Print our address, which the parent process waits for."""
    print(json.dumps({"event": "serving", "url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)


def on_line(hear: Callable[[str], None]) -> None:
    """Call ``hear`` with every line of standard input, in the running event loop."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        line = sys.stdin.readline()
        if line:
            hear(line.rstrip("\n"))
        else:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, read)


def run(app: ASGIApp) -> None:
    """Serve an ASGI application under uvicorn as it comes: uvloop, httptools, its default WebSocket protocol."""
    with listener() as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", backlog=BACKLOG))
        announce(listening)
        server.run(sockets=[listening])
