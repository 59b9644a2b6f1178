"""What has happened in a room and waits to be delivered: merged, and as frames, when somebody needs that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seatserver.rooms.room import Change, Room, merge
from seatserver.wire.codec import Codec
from seatserver.wire.frames import Frame
from seatserver.wire.from_server import Delta, Snapshot

Frames = Mapping[Codec, Frame]
"""The same message in several encodings."""


class News:
    """Consecutive changes of a room, the last of which made the room what it is now."""

    __slots__ = ("_changes", "_frames", "_merged", "since_ms")

    def __init__(self) -> None:
        self.since_ms = 0
        """When the first change was made, by Redis' clock; 0: not known."""
        self._changes: list[Change] = []
        self._merged: Change | None = None
        self._frames: dict[Codec, Frame] = {}

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, change: Change, made_ms: int) -> None:
        """Add the room's latest change."""
        if not self._changes:
            self.since_ms = made_ms
        self._changes.append(change)
        self._merged = None
        self._frames.clear()

    @property
    def merged(self) -> Change:
        """All changes as one; there must be one at least."""
        if self._merged is None:
            self._merged = merge(self._changes)
        return self._merged

    def frame(self, codec: Codec, room: Room) -> Frame:
        """All changes as a frame, which is made once."""
        frame = self._frames.get(codec)
        if frame is None:
            frame = self._frames[codec] = codec.encode(delta_of(self.merged, room))
        return frame


def frames_of(change: Change, room: Room, codecs: Iterable[Codec]) -> Frames:
    """A change, after which the room is as it is now, as a frame for each encoding."""
    delta = delta_of(change, room)
    return {codec: codec.encode(delta) for codec in codecs}


def delta_of(change: Change, room: Room) -> Delta:
    """A change, after which the room is as it is now, as the wire shows it."""
    return Delta(
        epoch=change.epoch,
        from_=change.from_version,
        version=change.version,
        changes=tuple(pair for pair in change.seats if pair[0] < room.seat_count) if room.areas else change.seats,
        areas=tuple((area, room.remaining(area)) for area in room.areas_of(change)),
    )


def snapshot_of(room: Room) -> Snapshot:
    """The room as the wire shows it."""
    return Snapshot(
        epoch=room.epoch,
        version=room.version,
        states=room.snapshot(),
        areas=tuple(room.remaining(area) for area in range(len(room.areas))),
    )
