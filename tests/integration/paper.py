"""A receipt printer on the network that speaks the documented part of ESC/POS, and shows what is on its paper."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

CUT = b"\x1dV\x00"
CAUSE, PAPER = b"\x10\x04\x02", b"\x10\x04\x04"
FIXED = 0x12
STATES: dict[str, tuple[int, int]] = {
    "ok": (FIXED, FIXED),
    "low": (FIXED, FIXED | 0x0C),
    "out": (FIXED | 0x20, FIXED | 0x60),
    "open": (FIXED | 0x04, FIXED),
    "jammed": (FIXED | 0x40, FIXED),
}


class PaperPrinter:
    """The printer. A job is on paper when it is cut."""

    def __init__(self) -> None:
        self.name = ""
        self.state: Literal["ok", "low", "out", "open", "jammed"] = "ok"
        self.papers: list[bytes] = []
        self.connections = 0
        """How many are open. What somebody who was killed had sent is on the paper when theirs has ended."""
        self.kills: Literal["", "first byte", "cut"] = ""
        """When the process with the printer (``victim``) is killed, once."""
        self.victim: int | None = None
        self.ends_after: int | None = None
        """How many papers are left on the roll."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        waiting = b""
        self.connections += 1
        try:
            while received := await reader.read(4096):
                waiting += received
                for question, answer in ((CAUSE, 0), (PAPER, 1)):
                    if question in waiting:
                        waiting = waiting.replace(question, b"")
                        writer.write(bytes([STATES[self.state][answer]]))
                if waiting:
                    self._kill("first byte")
                while CUT in waiting:
                    paper, _, waiting = waiting.partition(CUT)
                    self.papers.append(paper)
                    if self.ends_after is not None and len(self.papers) >= self.ends_after:
                        self.state = "out"
                    self._kill("cut")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.connections -= 1
            writer.close()

    def _kill(self, when: str) -> None:
        if self.kills == when and self.victim is not None:
            self.kills = ""
            os.kill(self.victim, signal.SIGKILL)


@asynccontextmanager
async def paper_printer() -> AsyncIterator[PaperPrinter]:
    """A printer that is switched on."""
    printer = PaperPrinter()
    server = await asyncio.start_server(printer.serve, "127.0.0.1", 0)
    printer.name = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield printer
    finally:
        server.close()
