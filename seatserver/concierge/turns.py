"""How many questions a minute may be asked, by each user, by all guests of a network, and about each showtime.

It counts in windows of one minute, in this process only. Asking again a moment later always helps, so a refusal is
`Busy`. Holds and other commands on the map are not counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from seatserver.config import Settings
from seatserver.errors import Busy

WINDOW_S = 60.0


class TurnLimits:
    """The questions of the present minute. ``now_s`` is a clock that never goes back."""

    def __init__(self, settings: Settings, now_s: Callable[[], float]) -> None:
        self._settings = settings
        self._now_s = now_s
        self._window = 0
        self._asked: Counter[tuple[str, str]] = Counter()

    def take(self, *, user: str, network: str, showtime: str) -> None:
        """Count one question. Raises `Busy`, and counts nothing, if one of the three has asked too much.

        ``network`` is that of a guest; empty for everybody else. ``showtime`` is empty for staff, who ask about all.
        """
        window = int(self._now_s() // WINDOW_S)
        if window != self._window:
            self._window = window
            self._asked.clear()
        settings = self._settings
        asked = {("user", user): settings.concierge_user_turns}
        if showtime:
            asked["showtime", showtime] = settings.concierge_showtime_turns
        if network:
            # A household or a school has several visitors.
            asked["network", network] = 4 * settings.concierge_user_turns
        if any(self._asked[key] >= most for key, most in asked.items()):
            raise Busy("the concierge", "has been asked too much")
        self._asked.update(asked.keys())
