"""What users asked for and what they were told: the record that the checks of a fault test rest on.

Each `Step` is one request of one user, from the moment when it was made to the moment when its answer was there, in ms
of the wall clock. A request without an answer may have happened or not, at any time after it was made; it stays open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Verb = Literal["hold", "release", "extend", "book", "confirm", "cancel"]
Outcome = Literal["open", "ok", "refused", "gone", "error"]
"""``gone``: the hold is over. ``error``: nothing that says for certain whether it happened."""


def now_ms() -> float:
    """The wall clock, as Redis on the same machine reads it."""
    return time.time_ns() / 1_000_000


@dataclass(slots=True)
class Step:
    """One request. ``reasons`` are the seats that a refusal named; ``deadline_ms`` is what an answer promised."""

    verb: Verb
    user: str
    hold_id: UUID
    seats: tuple[int, ...]
    called_ms: float
    answered_ms: float = float("inf")
    outcome: Outcome = "open"
    code: str = ""
    reasons: dict[int, str] = field(default_factory=dict)
    deadline_ms: float = 0.0
    pending: bool = False

    @property
    def may_have_happened(self) -> bool:
        """Nobody knows."""
        return self.outcome in ("open", "error")


class History:
    """All steps, in the order in which they were called."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextmanager
    def step(self, verb: Verb, user: str, hold_id: UUID, seats: tuple[int, ...]) -> Iterator[Step]:
        """Around a request: whatever ends it, its end is recorded. The caller writes down the outcome."""
        step = Step(verb, user, hold_id, seats, now_ms())
        self.steps.append(step)
        yield step
        # An exception on the way leaves the step open: its answer, if there ever is one, was heard by nobody.
        if step.outcome != "open":
            step.answered_ms = now_ms()

    def in_flight(self) -> list[Step]:
        """Requests that wait for their answer now. Those that were given up are open too; ask while the load runs."""
        return [step for step in self.steps if step.outcome == "open"]

    def count(self, verb: Verb, outcome: Outcome = "ok") -> int:
        """How many requests of a kind ended so."""
        return sum(step.verb == verb and step.outcome == outcome for step in self.steps)
