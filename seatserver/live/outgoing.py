"""What one socket still has to be told: a bounded queue that never lets a slow viewer cost the others.

Replies and private messages are kept in order and are never dropped. Frames of the room are shared objects; when too
many wait, they are all replaced by one mark, and the writer then sends a fresh snapshot instead. A socket that lets too
many replies pile up is closed.
"""

from __future__ import annotations

import asyncio
from collections import deque

from seatserver.live.codec import Frame


class Overrun(Exception):
    """The viewer takes its own replies too slowly."""


class Ended(Exception):
    """Nothing more comes."""


class Outgoing:
    """The queue between a session and its writer. ``limit`` counts frames of each kind."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # (frame, whether it belongs to the room)
        self._waiting: deque[tuple[Frame, bool]] = deque()
        self._room_frames = 0
        self._stale = False
        self._ended = False
        self._overrun = False
        self._something = asyncio.Event()

    def tell(self, frame: Frame) -> None:
        """Queue a private frame."""
        if len(self._waiting) - self._room_frames >= self._limit:
            self._overrun = True
        else:
            self._waiting.append((frame, False))
        self._something.set()

    def show(self, frame: Frame) -> None:
        """Queue a frame of the room, or mark the viewer as behind when too many wait."""
        if self._stale:
            return
        if self._room_frames >= self._limit:
            self.lapse()
            return
        self._waiting.append((frame, True))
        self._room_frames += 1
        self._something.set()

    def lapse(self) -> None:
        """Forget the room's waiting frames: a snapshot is due."""
        self._waiting = deque(item for item in self._waiting if not item[1])
        self._room_frames = 0
        self._stale = True
        self._something.set()

    def end(self) -> None:
        """Nothing more comes; the writer stops when it has sent what waits."""
        self._ended = True
        self._something.set()

    async def next(self) -> Frame | None:
        """The next frame, or None when a snapshot is due, which the writer makes itself.

        Raises `Overrun`, and `Ended` when all is sent after `end`.
        """
        while True:
            if self._overrun:
                raise Overrun
            if self._waiting:
                frame, of_room = self._waiting.popleft()
                self._room_frames -= of_room
                return frame
            if self._stale:
                self._stale = False
                return None
            if self._ended:
                raise Ended
            self._something.clear()
            await self._something.wait()
