"""How much each place of a room has been asked for lately, for the operator's live view.

Every hold and every refusal is counted for its places, in one dictionary for each period of some seconds. Dropping the
oldest dictionary forgets its period, so a room costs nothing while nobody asks for seats, and a hold costs one addition
a place. The live view adds the periods up and gives the older ones less weight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

PERIOD_S = 15.0
PERIODS = 8
FADE = 0.75
"""Each period that has passed since multiplies the weight of what somebody asked for by this."""
MINUTE = 4
"""How many periods make about a minute: this one, which is not over yet, and those before it."""


class Period:
    """The counts of one period: by place, and how many holds were made and places refused in all."""

    __slots__ = ("held", "holds", "refused", "refused_places")

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.refused: dict[int, int] = {}
        self.holds = 0
        self.refused_places = 0


class Demand:
    """The demand for the places of one room, as this process saw it."""

    __slots__ = ("_now", "_periods")

    def __init__(self) -> None:
        self._now = Period()
        self._periods: deque[Period] = deque([self._now], maxlen=PERIODS)

    def hold(self, places: Iterable[int]) -> None:
        """Count a hold of these places."""
        now = self._now
        now.holds += 1
        held = now.held
        for place in places:
            held[place] = held.get(place, 0) + 1

    def refuse(self, places: Iterable[int]) -> None:
        """Count a refusal of these places."""
        now = self._now
        refused = now.refused
        for place in places:
            now.refused_places += 1
            refused[place] = refused.get(place, 0) + 1

    def begin_period(self) -> None:
        """Start counting for a new period; called every `PERIOD_S`."""
        if self._now.holds or self._now.refused_places or len(self._periods) > 1:
            self._now = Period()
            self._periods.append(self._now)
            if not any(period.holds or period.refused_places for period in self._periods):
                self._periods = deque([self._now], maxlen=PERIODS)

    def last_minute(self) -> tuple[int, int]:
        """How many holds were made and places refused in about the last minute."""
        lately = list(self._periods)[-MINUTE:]
        return sum(period.holds for period in lately), sum(period.refused_places for period in lately)

    def by_place(self) -> dict[int, tuple[float, int, int]]:
        """For each place that was asked for: (how much it is wanted now, times held, times refused), the latter two
        in all periods that are remembered."""
        found: dict[int, tuple[float, int, int]] = {}
        weight = 1.0
        for period in reversed(self._periods):
            for counts, is_hold in ((period.held, True), (period.refused, False)):
                for place, count in counts.items():
                    wanted, held, refused = found.get(place, (0.0, 0, 0))
                    found[place] = (
                        wanted + weight * count,
                        held + count * is_hold,
                        refused + count * (not is_hold),
                    )
            weight *= FADE
        return found
