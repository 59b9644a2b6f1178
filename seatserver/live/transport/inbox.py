"""The messages of one socket that wait for its session.

It stands in for uvicorn's `asyncio.Queue`, at a tenth of its memory. It has one reader, and no bound of its own:
`UvicornConnection` stops reading from the peer before it grows long.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Inbox:
    """Takes the place of the `asyncio.Queue` in uvicorn's protocol class; ``events`` are the messages, oldest first."""

    __slots__ = ("_loop", "_reader", "events")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.events: list[Any] = []
        self._loop = loop
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Whether no message waits."""
        return not self.events

    def qsize(self) -> int:
        """How many messages wait."""
        return len(self.events)

    def put_nowait(self, event: Any) -> None:
        """Add a message."""
        self.events.append(event)
        self.wake()

    async def get(self) -> Any:
        """Take the oldest message, as soon as there is one."""
        while not self.events:
            await self.wait()
        return self.events.pop(0)

    async def wait(self) -> None:
        """Wait for `wake`."""
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def wake(self) -> None:
        """End the reader's `wait`; it looks again."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
