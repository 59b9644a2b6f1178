"""How soon a room may deliver again: at once, unless its deliveries take more than their share of the process.

Merging the changes of a while into one frame saves system calls, and costs the viewers that while. So a room merges
only once its deliveries are expensive. Each delivery puts the room into debt by several times the processor time that
it took, and the debt goes down as time passes. While it is below `BURST_S`, changes are delivered at once, however slow
the machine is: what a slow machine needs for twenty viewers is far from a share that anybody would miss. Above, the
room waits until it owes no more than that, within the bounds of the settings; this is its tick.

What counts is processor time: a delivery is no more expensive because other programs interrupted it. The scheme is the
generic cell rate algorithm (ITU-T I.371), with what a delivery costs instead of cells.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns, thread_time_ns

from seatserver.config import Settings

ROOM_SHARE = 1 / 20
"""Of the process's time, for the deliveries of one room. A room whose single delivery costs more than the longest tick
pays for takes more all the same."""
ALL_SHARE = 1 / 4
"""For those of all rooms; with more rooms in debt than that is enough for, each has less than `ROOM_SHARE`."""
BURST_S = 0.05
"""A room with smaller debts delivers at once."""

Clock = Callable[[], int]
"""Nanoseconds since some moment."""


class Pacing:
    """What the rooms of one process share. ``clock`` is time that passes; ``spent``, what the thread has had of it."""

    def __init__(
        self,
        settings: Settings,
        *,
        burst_s: float = BURST_S,
        clock: Clock = perf_counter_ns,
        spent: Clock = thread_time_ns,
    ) -> None:
        self.clock = clock
        self.spent = spent
        self.burst_ns = round(burst_s * 1e9)
        self.least_ns = settings.tick_ms * 1_000_000
        self.most_ns = settings.tick_most_ms * 1_000_000
        self.in_debt = 0
        """How many rooms there are that have debts."""

    @property
    def debt_per_cost(self) -> float:
        """What a room owes for each unit of time that a delivery takes."""
        return max(1 / ROOM_SHARE, self.in_debt / ALL_SHARE)


class Pace:
    """One room's debts."""

    __slots__ = ("_is_counted", "_pacing", "_paid_at_ns")

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._paid_at_ns = 0
        self._is_counted = False

    def spend(self, cost_ns: int) -> float:
        """Note what a delivery has cost. Returns how long the next one has to be after its start, in seconds."""
        pacing, now_ns = self._pacing, self._pacing.clock()
        if not self._is_counted:
            self._is_counted = True
            pacing.in_debt += 1
        debt_ns = max(0, self._paid_at_ns - now_ns) + round(cost_ns * pacing.debt_per_cost)
        debt_ns = min(debt_ns, pacing.burst_ns + pacing.most_ns)
        self._paid_at_ns = now_ns + debt_ns
        too_much_ns = debt_ns - pacing.burst_ns
        if too_much_ns <= 0:
            return 0.0
        return min(max(too_much_ns, pacing.least_ns), pacing.most_ns) / 1e9

    def settle(self) -> float:
        """How long the debts will last, in seconds. With 0.0 there are none left, and the room counts no more."""
        left_ns = self._paid_at_ns - self._pacing.clock()
        if left_ns > 0:
            return left_ns / 1e9
        self.forgive()
        return 0.0

    def forgive(self) -> None:
        """The room owes nothing any more: it is closed."""
        self._paid_at_ns = 0
        if self._is_counted:
            self._is_counted = False
            self._pacing.in_debt -= 1
