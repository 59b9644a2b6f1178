"""Who is in a room, in delivery order: one `RecipientList` for each encoding; its viewers share their frames.

Serving thousands of sockets takes one system call each. Looking at each session first would take half as long again,
because its data is spread over memory. So the list keeps one number for each viewer, side by side: the descriptor of a
socket with nothing waiting, which the frame is written to at once. `NO_FD` stands for everybody else (who is behind,
has bytes waiting, speaks TLS, runs on another server, or was just shown the room separately); they are looked at one by
one. Whoever changes a connection's state tells the list.

The mark says how much a viewer has seen; see `seatserver.live.broadcast.audience`. For viewers on the fast path it is
not stored: it follows from how far the delivery has come. A delivery passes over the list once. If it takes up newer
changes on its way, those who were served before get them in a second pass.
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

    def tell_changed(self, hold_id: str) -> None:
        """The user has made, changed or released this hold: tell the viewer, unless it was this socket's command."""


class Stretch:
    """The places of a list that are yet to be served with a frame: from ``next`` up to ``end``."""

    __slots__ = ("end", "frame", "next")

    def __init__(self, frame: Frame | None = None, start: int = 0, end: int = 0) -> None:
        self.frame = frame
        self.next = start
        self.end = end

    @property
    def left(self) -> int:
        """How many places are left."""
        return self.end - self.next


class RecipientList:
    """The viewers of one room and one encoding, and how far a delivery has come among them.

    A list begins with viewers who have been shown the room up to ``mark``.
    """

    def __init__(self, mark: int, write_to_each: WriteToEach) -> None:
        self._write_to_each = write_to_each
        self._viewers: list[Viewer | None] = []
        self._descriptors = array("i")
        self._gone = 0
        # Everybody had seen at least `_done` before the delivery under way. It brought `_first_mark` when it began, and
        # brings `_mark` now, to those who have seen less than `_below`. Without a delivery the first three are equal.
        self._done = self._first_mark = self._mark = self._below = mark
        self._first = Stretch()
        self._again = Stretch()  # those whom the first pass has served with something older than `_mark`

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

    def skip(self, mark: int) -> None:
        """Everybody has been shown the room up to ``mark`` separately, so no delivery needs to bring it."""
        self._done = self._first_mark = self._mark = mark
        for viewer in self._viewers:
            if viewer is not None:
                self.note(viewer, mark)

    def note(self, viewer: Viewer, mark: int) -> None:
        """The viewer was shown the room up to ``mark`` separately: a frame that brings nothing newer skips it."""
        viewer.seen = mark
        self._place(viewer)

    def _passed(self, at: int) -> int:
        """The mark that deliveries have brought to this position in the list, or an earlier one.

        It is never older than what the next frame for this position leads on from.
        """
        if at >= self._first.next:
            return self._done
        return self._first_mark if self._again.next <= at < self._again.end else self._mark

    def _place(self, viewer: Viewer) -> None:
        """Put it on the fast path, if it has a descriptor and the deliveries have shown it all that it has seen."""
        at = viewer.slot
        self._descriptors[at] = viewer.descriptor if viewer.seen == self._passed(at) else NO_FD

    # ------------------------------------------------------------ a delivery

    @property
    def first_left(self) -> int:
        """How many places the first pass has not come to yet."""
        return self._first.left

    @property
    def again_left(self) -> int:
        """How many places have been served, and are to be served again."""
        return self._again.left

    @property
    def served(self) -> int:
        """How many places the first pass has served."""
        return self._first.next

    def start(self, frame: Frame, mark: int, below: int) -> None:
        """Begin to deliver a frame to all who have seen less than ``below``; it brings them up to ``mark``."""
        if self._done >= below:
            return  # the list began when all this had happened: there is nobody to serve
        if self._gone > len(self):
            self._close_ranks()
        self._first_mark, self._mark, self._below = mark, mark, below
        self._first = Stretch(frame, 0, len(self._viewers))

    def take_up(self, frame: Frame, rest: Frame, mark: int) -> None:
        """Bring a newer ``mark``: with ``frame`` to those yet to be served, and with ``rest`` to those served already.

        ``rest`` leads on from the mark that the delivery brought when it began.
        """
        if not self._first.end:  # the list had nobody to serve until now
            self.start(frame, mark, mark)
            return
        served = self._first.next
        self._first = Stretch(frame, served, len(self._viewers))
        self._again = Stretch(rest, 0, served)
        self._mark = self._below = mark

    def finish(self) -> None:
        """The delivery is over: everybody has what it brought."""
        self._done = self._mark
        self.abandon()

    def abandon(self) -> None:
        """Stop the delivery under way: nobody has more for certain than before it."""
        self._first_mark = self._mark = self._done
        self._first = Stretch()
        self._again = Stretch()

    def serve(self, until_ns: int) -> int:
        """Serve viewers until the pass is over or the time is. Returns how many frames were sent."""
        stretch = self._first if self._first.left else self._again
        frame, sent = stretch.frame, 0
        assert frame is not None, "a delivery was started"
        while stretch.next < stretch.end:
            start = stretch.next
            stretch.next = min(start + CHUNK, stretch.end)
            write = self._write_to_each if stretch.next - start >= MIN_BATCH else write_to_each
            unsent = write(self._descriptors[start : stretch.next], frame.wire)
            sent += stretch.next - start - len(unsent)
            for at, written in unsent:
                sent += self._look_at(start + at, frame, written)
            if clock_ns() >= until_ns:
                break
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
