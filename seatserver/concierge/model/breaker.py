"""A circuit breaker: a model that does not answer is left alone for a while, so that it costs few visitors their time.

After `FAILURES` in a row it is not asked for a while. Then one question is tried; if that works, all are asked again.
"""

from __future__ import annotations

from collections.abc import Callable

FAILURES = 3
"""So many in a row are no accident."""
LONGEST_PAUSE_S = 600.0


class Breaker:
    """Whether the model may be asked. ``now_s`` is a clock that never goes back."""

    def __init__(self, pause_s: float, now_s: Callable[[], float]) -> None:
        self._pause_s = pause_s
        self._now_s = now_s
        self._failures = 0
        self._closed_until = 0.0
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether the model failed so often that it is being left alone."""
        return self._failures >= FAILURES

    def admit(self) -> bool:
        """Whether a visitor may be sent to the model, who then reports `worked` or `failed`.

        While it `is_open`, whoever is admitted is the only trial, and must report `left` where it is neither.
        """
        if not self.is_open:
            return True
        if self._is_trying or self._now_s() < self._closed_until:
            return False
        self._is_trying = True
        return True

    def worked(self) -> None:
        """The model answered."""
        self._failures, self._is_trying = 0, False

    def left(self) -> None:
        """The trial ended before it showed whether the model works."""
        self._is_trying = False

    def failed(self, *, at_once: bool = False, retry_after_s: float = 0.0) -> None:
        """The model did not answer. ``at_once``: one such failure is enough, because the next would be the same."""
        self._failures = max(self._failures + 1, FAILURES if at_once else 0)
        self._is_trying = False
        if self.is_open:
            self._closed_until = self._now_s() + min(max(self._pause_s, retry_after_s), LONGEST_PAUSE_S)
