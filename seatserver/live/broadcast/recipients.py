"""Who is in a room, in delivery order: one `RecipientList` for each encoding; its viewers share their frames.

Serving thousands of sockets takes one system call each. Looking at each session first would take half as long again,
because its data is spread over memory. So the list keeps one number for each viewer, side by side: the descriptor of a
socket with nothing waiting, which the frame is written to at once. `NO_FD` stands for everybody else (who is behind,
has bytes waiting, speaks TLS, runs on another server, or was just shown the room separately); they are looked at one by
one. Whoever changes a connection's state tells the list.

The mark says how much a viewer has seen; see `seatserver.live.broadcast.audience`. For viewers on the fast path it is
not stored: it follows from how far the delivery has come.
"""

from __future__ import annotations

from array import array
from typing import Protocol

from seatserver import logs
from seatserver.live.broadcast.io_uring import BATCH, MIN_BATCH, NO_FD, WriteToEach, write_to_each
from seatserver.live.broadcast.scheduler import clock_ns
from seatserver.wire.codec import Codec
from seatserver.wire.frames import Frame
from seatserver.wire.from_server import ServerMessage

log = logs.from_outside(__name__)

CHUNK = BATCH
"""How many viewers are served between two looks at the clock."""

FEW = 8
"""If there are at most this many viewers, each is checked before a delivery, which may turn out not to be needed."""


class Viewer(Protocol):
    """A session as its room sees it."""

    codec: Codec
    user_id: str
    slot: int
    """Index in the list, maintained by the list; -1 outside."""
    seen: int
    """The mark up to which it has been shown the room, as far as frames were sent to it individually."""

    @property
    def descriptor(self) -> int:
        """The descriptor that a frame may be written to at once, or `NO_FD`."""

    def show(self, frame: Frame, mark: int) -> bool:
        """Send a frame that brings the viewer up to ``mark``. Returns whether it was sent.

        A viewer who is behind does not get it, and gets a snapshot once it has caught up.
        """

    def finish(self, frame: Frame, sent: int, mark: int) -> None:
        """Send the rest of a frame after ``sent`` bytes of it were written to the descriptor."""

    def tell(self, message: ServerMessage) -> None:
        """Send a message to this viewer only."""


class RecipientList:
    """The viewers of one room and one encoding, and how far a frame has come among them."""

    def __init__(self, mark: int, write_to_each: WriteToEach) -> None:
        self._write_to_each = write_to_each
        self._viewers: list[Viewer | None] = []
        self._descriptors = array("i")
        self._gone = 0
        # The mark of the last delivery.
        self._done = mark
        # The delivery under way: those from `_next` to `_end` are yet to be served.
        self._frame: Frame | None = None
        self._mark = self._below = self._next = self._end = 0

    def __len__(self) -> int:
        return len(self._viewers) - self._gone

    # ------------------------------------------------------------ coming and going

    def add(self, viewer: Viewer, mark: int) -> None:
        """Add a viewer who has seen the room up to ``mark``; a delivery under way leaves it out."""
        viewer.slot, viewer.seen = len(self._viewers), mark
        self._viewers.append(viewer)
        self._descriptors.append(NO_FD)
        self._place(viewer)

    def remove(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._viewers[viewer.slot] = None
        self._descriptors[viewer.slot] = NO_FD
        viewer.slot = -1
        self._gone += 1

    def redirect(self, viewer: Viewer) -> None:
        """The viewer's descriptor has changed."""
        viewer.seen = self.seen_by(viewer)
        self._place(viewer)

    # ------------------------------------------------------------ what each has seen

    def seen_by(self, viewer: Viewer) -> int:
        """The mark up to which the viewer has been shown the room."""
        at = viewer.slot
        return viewer.seen if self._descriptors[at] == NO_FD else self._passed(at)

    def has_seen(self, mark: int) -> bool:
        """Whether everybody has been shown the room up to ``mark``.

        Always false for more than a `FEW`: sending is quicker than checking.
        """
        return len(self._viewers) <= FEW and all(
            viewer is None or self.seen_by(viewer) == mark for viewer in self._viewers
        )

    def note(self, viewer: Viewer, mark: int) -> None:
        """The viewer was shown the room up to ``mark`` separately: a frame that brings nothing newer skips it."""
        viewer.seen = mark
        self._place(viewer)

    def _passed(self, at: int) -> int:
        """The mark that deliveries have brought to this position in the list."""
        return self._mark if at < self._next else self._done

    def _place(self, viewer: Viewer) -> None:
        """Put it on the fast path, if it has a descriptor and has seen exactly what the deliveries have shown."""
        at = viewer.slot
        self._descriptors[at] = viewer.descriptor if viewer.seen == self._passed(at) else NO_FD

    # ------------------------------------------------------------ a delivery

    def start(self, frame: Frame, mark: int, below: int) -> None:
        """Begin to deliver a frame to all who have seen less than ``below``; it brings them up to ``mark``."""
        if self._gone > len(self):
            self._close_ranks()
        self._frame, self._mark, self._below = frame, mark, below
        self._next, self._end = 0, len(self._viewers)

    def abandon(self) -> None:
        """Stop the delivery under way; a newer one follows for those who were not served."""
        self._next = self._end = 0

    @property
    def is_served(self) -> bool:
        """Whether the delivery is over."""
        return self._next == self._end

    def serve(self, until_ns: int) -> int:
        """Serve viewers until all are served or the time is over. Returns how many frames were sent."""
        frame, sent = self._frame, 0
        assert frame is not None, "a delivery was started"
        while self._next < self._end:
            start, self._next = self._next, min(self._next + CHUNK, self._end)
            write = self._write_to_each if self._next - start >= MIN_BATCH else write_to_each
            unsent = write(self._descriptors[start : self._next], frame.wire)
            sent += self._next - start - len(unsent)
            for at, written in unsent:
                sent += self._look_at(start + at, frame, written)
            if clock_ns() >= until_ns:
                break
        if self._next == self._end:
            self._done = self._mark
            self._next = self._end = 0
        return sent

    def _look_at(self, at: int, frame: Frame, written: int) -> bool:
        """Serve a viewer who is not on the fast path. Returns whether the frame was sent."""
        viewer = self._viewers[at]
        if viewer is None:
            return False
        shown = False
        try:
            if written != NO_FD:
                viewer.finish(frame, written, self._mark)
                shown = True
            elif viewer.seen < self._below:
                shown = viewer.show(frame, self._mark)
        except Exception:
            # One socket that fails must not cost the others their frame.
            log.exception("a viewer could not be served", user=viewer.user_id)
        self._place(viewer)
        return shown

    def _close_ranks(self) -> None:
        stay = [viewer for viewer in self._viewers if viewer is not None]
        self._descriptors = array("i", [self._descriptors[viewer.slot] for viewer in stay])
        for at, viewer in enumerate(stay):
            viewer.slot = at
        self._viewers, self._gone = [*stay], 0
