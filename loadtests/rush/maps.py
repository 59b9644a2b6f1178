"""The maps on the viewers' screens, kept so that ten thousand viewers cost one process little.

All viewers of a room get the same frames. So a map is a shared value: whoever has the same snapshot and then gets the
same changes has the same `Map`, made once. A viewer only points at its map, and taking a change is one look-up. That is
exact, because a map depends on nothing but what the viewer was sent, and each viewer's own frames decide where it is.

A version of a room is one map, whoever looks. If two viewers have different maps at one version, the server told
somebody something wrong; the `Atlas` notes that at once, with the seats that differ.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from loadtests.rush.latency import now
from seatserver.wire import from_server
from seatserver.wire.reading import Reader

REMEMBERED = 512
"""Different frames whose messages are kept."""
NOTED = 20
"""Disagreements that are noted in full."""


class Map:
    """One version of a room: a digit for every seat, and the free places of every area. ``born``: when it was made."""

    __slots__ = ("__weakref__", "areas", "born", "epoch", "following", "states", "version")

    def __init__(self, epoch: str, version: int, states: bytes, areas: tuple[int, ...]) -> None:
        self.epoch, self.version, self.states, self.areas = epoch, version, states, areas
        self.born = now()
        self.following: dict[bytes, Map] = {}

    @property
    def at(self) -> tuple[str, int]:
        """Which version this is."""
        return self.epoch, self.version


class Atlas:
    """The maps of one showtime that the viewers of this process have."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[tuple[str, int], Map] = WeakValueDictionary()
        self._messages: dict[bytes, from_server.ServerMessage | None] = {}
        self._read = Reader("msgpack").read
        self.disagreements = 0
        self.examples: list[str] = []

    def message(self, frame: bytes) -> from_server.ServerMessage | None:
        """What a frame says; None for a kind of message that we do not know. Raises `msgspec.DecodeError`."""
        try:
            return self._messages[frame]
        except KeyError:
            pass
        message = self._read(frame)
        if isinstance(message, from_server.Delta | from_server.Snapshot):  # what many viewers get
            if len(self._messages) >= REMEMBERED:
                self._messages.clear()
            self._messages[frame] = message
        return message

    def of_snapshot(self, snapshot: from_server.Snapshot) -> Map:
        """The map that a snapshot shows."""
        return self._one(Map(snapshot.epoch, snapshot.version, snapshot.states.encode(), tuple(snapshot.areas)))

    def after(self, before: Map, delta: from_server.Delta, frame: bytes) -> Map | None:
        """The map after a change: the same one if the change is known already, None if earlier changes are missing."""
        following = before.following.get(frame)
        if following is not None:
            return following
        if delta.epoch != before.epoch or delta.from_ > before.version:
            return None
        if delta.version <= before.version:
            return before
        states, areas = bytearray(before.states), list(before.areas)
        for seat, state in delta.changes:
            states[seat] = 48 + state
        for area, free in delta.areas:
            areas[area] = free
        after = self._one(Map(delta.epoch, delta.version, bytes(states), tuple(areas)))
        before.following[frame] = after
        return after

    def _one(self, found: Map) -> Map:
        known = self._known.get(found.at)
        if known is None:
            self._known[found.at] = found
        elif known.states == found.states and known.areas == found.areas:
            return known
        else:
            self.disagreements += 1
            if len(self.examples) < NOTED:
                self.examples.append(f"version {found.version}: {difference(known, found)}")
        return found


def difference(one: Map, other: Map) -> str:
    """Where two maps differ, in one line."""
    seats = [
        f"seat {seat} is {chr(ours)} and {chr(theirs)}"
        for seat, (ours, theirs) in enumerate(zip(one.states, other.states, strict=False))
        if ours != theirs
    ]
    seats += [
        f"area {area} has {ours} and {theirs} free places"
        for area, (ours, theirs) in enumerate(zip(one.areas, other.areas, strict=False))
        if ours != theirs
    ]
    if not seats:
        return f"{len(one.states)} and {len(other.states)} seats"
    return ", ".join(seats[:5]) + (f" and {len(seats) - 5} more" if len(seats) > 5 else "")
