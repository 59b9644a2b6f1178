"""Clients who ask without a pause, each as soon as it is answered: for the benchmarks of holds and of refusals."""

from __future__ import annotations

import time
from collections.abc import Sequence

from loadtests.crowd import Crowd
from loadtests.systems import Holder
from seatserver.errors import StartError

LAST_S = 10.0
"""Longest wait for the last answers."""


class Asker:
    """One client. A kind of asker says in `begin` what it asks, and begins again when it is answered and `going`."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.asked_at = 0.0
        self.going = True

    @property
    def idle(self) -> bool:
        """Whether no answer is due."""
        return not self.holder.busy

    def begin(self) -> None:
        """Ask."""
        raise NotImplementedError


def keep_asking(crowd: Crowd, askers: Sequence[Asker], seconds: float, name: str) -> None:
    """Let them all ask for so long, and wait for the last answers.

    Raises `StartError` if the system called ``name`` owes an answer then.
    """
    ends_at = time.perf_counter() + seconds
    for asker in askers:
        asker.going = True
        asker.begin()
    while time.perf_counter() < ends_at:
        crowd.pump(0.01)
    for asker in askers:
        asker.going = False
    if not crowd.until(lambda: all(asker.idle for asker in askers), LAST_S):
        raise StartError(f"{name} left a command unanswered for {LAST_S:g} s")
