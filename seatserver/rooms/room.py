"""One room: what every viewer of a showtime sees, as a state machine.

A room is (epoch, version, one state per place): first the numbered seats, then the places of general-admission areas.
`apply` takes the changes of the feed in order and notices gaps. `since` gives a returning viewer the changes it missed,
or says that only a snapshot will do; the number of remembered changes is bounded. `hub.py` feeds rooms, and
`seatserver.live` shows them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Sequence
from enum import Enum
from itertools import islice

import msgspec

from seatserver.seats.states import SeatState

_STATES = frozenset(map(int, SeatState))


class Change(msgspec.Struct, frozen=True):
    """What changed after ``from_version``, up to ``version``: pairs of seat and state; a seat's last one counts."""

    epoch: str
    from_version: int
    version: int
    seats: tuple[tuple[int, int], ...]


class Applied(Enum):
    """What a change did to the room."""

    YES = "yes"
    KNOWN = "known"
    GAP = "gap"


class Room:
    """The state of one showtime's places: ``states`` has a byte per seat, then one per place of the ``areas``.

    ``history`` is how many of the last changes are kept for `since`.
    """

    def __init__(
        self, seat_count: int, history: int, areas: Sequence[range] = (), *, known_states: Container[int] = _STATES
    ) -> None:
        self.epoch = ""
        self.version = 0
        self.seat_count = seat_count
        self.areas = tuple(areas)
        self.states = bytearray(seat_count + sum(map(len, areas)))
        self._history: deque[Change] = deque(maxlen=history)
        self._known_states = known_states

    def reset(self, epoch: str, version: int, states: bytes) -> None:
        """Take over a snapshot. Unless it equals the present state, earlier changes are forgotten."""
        if len(states) != len(self.states):
            raise ValueError(f"expected {len(self.states)} states, got {len(states)}")
        if epoch == self.epoch and version == self.version and states == self.states:
            return
        self.epoch, self.version = epoch, version
        self.states[:] = states
        self._history.clear()

    def apply(self, change: Change) -> Applied:
        """Bring the room to ``change.version``. A change that does not fit is refused as a gap and changes nothing.

        It does not fit if versions before it are missing, or if it names a seat or a state that does not exist here.
        """
        if change.epoch != self.epoch or change.from_version > self.version:
            return Applied.GAP
        if change.version <= self.version:
            return Applied.KNOWN
        count, known = len(self.states), self._known_states
        if not all(0 <= seat < count and state in known for seat, state in change.seats):
            return Applied.GAP
        for seat, state in change.seats:
            self.states[seat] = state
        self.version = change.version
        self._history.append(change)
        return Applied.YES

    def snapshot(self) -> str:
        """The states as the wire shows them: one digit per seat."""
        return self.states[: self.seat_count].translate(_DIGITS).decode("ascii")

    def remaining(self, area: int) -> int:
        """How many places of a general-admission area are free."""
        places = self.areas[area]
        return self.states.count(SeatState.FREE, places.start, places.stop)

    def areas_of(self, change: Change) -> tuple[int, ...]:
        """The areas in which a place changed, in order."""
        if not self.areas:
            return ()
        places = [place for place, _ in change.seats if place >= self.seat_count]
        return tuple(area for area, those in enumerate(self.areas) if any(place in those for place in places))

    def since(self, epoch: str, version: int) -> Change | None:
        """All changes after ``version`` merged into one, or None if only a snapshot will do.

        A viewer who is up to date gets a change without seats.
        """
        if epoch != self.epoch or version > self.version:
            return None
        if version == self.version:
            return Change(epoch, version, version, ())
        missed = 0
        for change in reversed(self._history):
            missed += 1
            if change.from_version == version:
                return merge(islice(self._history, len(self._history) - missed, None))
            if change.from_version < version:
                # The version is inside a gap that was closed by comparing snapshots. A seat that changed and changed
                # back there is missing in the difference, but a viewer of another instance may have seen it changed.
                return None
        return None


def merge(changes: Iterable[Change]) -> Change:
    """Merge consecutive changes of one epoch, at least one; for each seat the last one counts."""
    every = tuple(changes)
    states: dict[int, int] = {}
    for change in every:
        states.update(change.seats)
    return Change(every[-1].epoch, every[0].from_version, every[-1].version, tuple(states.items()))


_DIGITS = bytes(range(48, 58)) + bytes(246)
