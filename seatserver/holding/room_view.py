"""The room as one request for seats sees it.

It begins with the room as this instance knows it, without asking Redis. A search for seats may wait for its turn; it
then looks at what the room has become (`renew`). If the hold's script says that some seats differ, that is noted here,
and the choice is judged again (`seatserver.holding.holding`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from seatserver.errors import SeatsRefused
from seatserver.holding.requests import AreaTickets
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.judge import Verdict
from seatserver.seats.model import AreaWish, Judged, View
from seatserver.seats.states import SeatState


class RoomView:
    """The room as one request sees it: first as this instance knows it, then corrected by what the script said.

    ``seen`` is the room to begin with; None reads it from Redis. ``now`` tells what this instance knows at any later
    moment, or None where it knows the room no more. ``in_flight`` are seats that other requests on this instance are
    about to hold. ``replaces`` is the hold that the new one replaces. ``cooling`` are free seats that this buyer has
    had for too long and must leave to others for a while. ``refused`` are seats that, as the script said, others have.
    ``states`` is one byte a place, where FREE means that the buyer may take it, and ``position`` is the
    ``epoch:version`` of that; both are set when the room is looked at.
    """

    def __init__(
        self,
        seen: View | None = None,
        *,
        now: Callable[[], View | None] | None = None,
        in_flight: set[int] | None = None,
        replaces: UUID | None = None,
    ) -> None:
        self.seen = seen
        self.in_flight: set[int] = set() if in_flight is None else in_flight
        self.replaces = replaces
        self.cooling: set[int] = set()
        self.refused: set[int] = set()
        self.states = bytearray()
        self.position = ""
        self._now = now
        self._shown: View | None = None

    def show(self, room: View, *, alike: bool) -> None:
        """Look at the room as it was then. ``alike``: what is free is free for this buyer as for everybody."""
        self.states = bytearray(room.states)
        self.position = f"{room.epoch}:{room.version}"
        self._shown = room if alike else None

    def renew(self) -> None:
        """Look at what the room has become meanwhile, if this instance has heard of any change since."""
        room = self._now() if self._now is not None and self._shown is not None else None
        if room is not None and self._shown is not None:
            if room.epoch == self._shown.epoch and room.version > self._shown.version:
                self.show(room, alike=True)

    def note_cooling(self, error: SeatsRefused) -> None:
        """Avoid the seats that were refused as cooling."""
        self.cooling.update(seat for seat, why in error.reasons.items() if why == "cooling")

    def forget(self) -> None:
        """Read the room from Redis the next time."""
        self.seen = None
        self.refused.clear()

    def area_wishes(self, seat_map: SeatMap, areas: Sequence[AreaTickets]) -> tuple[AreaWish, ...]:
        """How many places of each general area are wanted, and where its free ones begin."""
        if not areas:
            return ()
        counts: dict[int, int] = {}
        for wish in areas:
            counts[wish.area] = counts.get(wish.area, 0) + wish.count
        found = []
        for area, count in sorted(counts.items()):
            places = seat_map.places_of(area)
            free = self.states.find(SeatState.FREE, places.start, places.stop)
            found.append(AreaWish(places, max(free, places.start), count))
        return tuple(found)

    def judged(self, verdict: Verdict) -> Judged:
        """The verdict with what it relied on, for the script to check."""
        return Judged(verdict.reasons, verdict.guards, self.position if verdict.whole_room else "")
