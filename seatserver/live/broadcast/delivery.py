"""One delivery: a frame for each encoding in use, on its way to all viewers of a room."""

from __future__ import annotations

from seatserver.live.broadcast.recipients import RecipientList
from seatserver.live.broadcast.scheduler import clock_ns
from seatserver.wire.codec import Codec
from seatserver.wire.frames import Frame


class Delivery:
    """A frame for each encoding on its way to the viewers."""

    __slots__ = ("_left", "frames", "kind", "mark", "sent", "since_ms", "started_ns")

    def __init__(
        self, kind: str, mark: int, frames: dict[Codec, Frame], recipients: dict[Codec, RecipientList]
    ) -> None:
        self.kind = kind
        self.mark = mark
        self.frames = frames
        self.sent = 0
        self.since_ms = 0
        """When the first of the changes that it brings was made, by Redis' clock; 0: not known."""
        self.started_ns = clock_ns()
        self._left = [recipients[codec] for codec in frames]
        # A beat brings nothing new, so it also goes to viewers who are up to date.
        below = mark + 1 if kind == "beat" else mark
        for codec, frame in frames.items():
            recipients[codec].start(frame, mark, below)

    def advance(self, until_ns: int) -> bool:
        """Serve viewers until all are served or the time is over. Returns whether all are served."""
        while self._left:
            self.sent += self._left[-1].serve(until_ns)
            if self._left[-1].is_served:
                self._left.pop()
            if clock_ns() >= until_ns:
                break
        return not self._left

    def abandon(self) -> None:
        """Stop here: nobody else is served."""
        for recipients in self._left:
            recipients.abandon()
        self._left.clear()
