"""One delivery: news of a room on its way to all its viewers, one frame for each encoding in use.

What happens in the room meanwhile would wait for a delivery of its own. So a delivery takes it up, as long as it has
served less than half of its viewers: the others get one frame that brings them all of it, and those served before get
the rest at the end. What is counted are the viewers that there were when it began. So it ends, however much happens
and whoever comes: after half of them it takes up nothing, and nobody is served more than twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from seatserver.live.broadcast.news import Frames
from seatserver.live.broadcast.recipients import RecipientList
from seatserver.live.broadcast.scheduler import clock_ns
from seatserver.rooms.room import Change, merge
from seatserver.wire.codec import Codec
from seatserver.wire.frames import Frame


class Delivery:
    """Frames that bring all viewers of a room up to ``mark``.

    ``change`` is what the frames say if they are deltas; a delivery of other frames takes up nothing. All its frames
    are made at the same moment, so they show the room at the same version.
    """

    def __init__(
        self,
        kind: str,
        mark: int,
        frames: Frames,
        recipients: Mapping[Codec, RecipientList],
        change: Change | None = None,
    ) -> None:
        self.kind = kind
        self.mark = mark
        self.sent = 0
        self.since_ms = 0
        """When the first of the changes that it brings was made, by Redis' clock; 0: not known."""
        self.started_ns = clock_ns()
        self._first_mark = mark
        self._frames = frames
        self._change = change
        # What was taken up: it leads on from `_first_mark`.
        self._rest: Change | None = None
        self._rest_frames: Frames = {}
        # A beat brings nothing new, so it also goes to viewers who are up to date.
        below = mark + 1 if kind == "beat" else mark
        for codec, frame in frames.items():
            recipients[codec].start(frame, mark, below)
        self._recipients = recipients
        self._turns = deque(recipients.values())
        self._half = sum(one.first_left for one in self._turns) / 2

    def frame_for(self, codec: Codec, seen: int) -> Frame:
        """What brings a viewer who has seen less than ``mark`` up to it."""
        frames = self._rest_frames if seen >= self._first_mark else self._frames
        return frames[codec]

    @property
    def may_take_up(self) -> bool:
        """Whether it can still bring what happens now."""
        return self._change is not None and sum(one.served for one in self._turns) < self._half

    def take_up(self, news: Change, mark: int, encode: Callable[[Change], Frames]) -> None:
        """Bring ``news`` too, which leads on from ``mark`` to a newer one. ``encode`` makes the frames of a change."""
        assert self._change is not None, "only changes can be added to"
        self.mark = mark
        self._change = merge((self._change, news))
        self._rest = news if self._rest is None else merge((self._rest, news))
        self._frames, self._rest_frames = encode(self._change), encode(self._rest)
        for codec, recipients in self._recipients.items():
            recipients.take_up(self._frames[codec], self._rest_frames[codec], mark)
            if recipients not in self._turns:
                self._turns.append(recipients)  # the first viewers of an encoding came meanwhile

    def advance(self, until_ns: int) -> bool:
        """Serve viewers until all are served or the time is over. Returns whether all are served."""
        while (recipients := self._next()) is not None:
            self.sent += recipients.serve(until_ns)
            self._turns.remove(recipients)
            self._turns.append(recipients)
            if clock_ns() >= until_ns:
                break
        if self._next() is not None:
            return False
        for recipients in self._turns:
            recipients.finish()
        return True

    def _next(self) -> RecipientList | None:
        """Whose turn it is: nobody is served again before everybody has been served."""
        for recipients in self._turns:
            if recipients.first_left:
                return recipients
        for recipients in self._turns:
            if recipients.again_left:
                return recipients
        return None

    def abandon(self) -> None:
        """Stop here: nobody else is served."""
        for recipients in self._turns:
            recipients.abandon()
