"""Limit how often an outsider can make the server log the same line: once a minute, with a count.

Anyone who can reach the port can send garbage, cut a frame short or send requests while Redis is down, as often as they
like. A line for each would fill the disk and hide what matters. So lines that outsiders can cause are written once a
minute for each kind. The next line of a kind says how many were left out since the last one; `Limiter.overdue` returns
the counts of kinds without a next line. Kinds are never made from outside data, and their number is bounded anyway:
beyond it, all new ones share one kind.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from types import TracebackType

EVERY_S = 60.0
MOST_KINDS = 256
OTHERS = "other lines"
# Libraries put addresses and sizes into their messages before they reach us.
VARIABLE = re.compile(r"<[^>]*>?|0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"")
LONGEST_KIND = 160


class Limiter:
    """Counts lines by kind. Thread-safe."""

    def __init__(
        self, every_s: float = EVERY_S, most_kinds: int = MOST_KINDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._every_s, self._most_kinds, self._clock = every_s, most_kinds, clock
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}  # when its last line was written, how many were left out since

    def admit(self, kind: str) -> int | None:
        """How many lines of this kind were left out since the last one, or None if this one is to be left out."""
        now = self._clock()
        with self._lock:
            if kind not in self._kinds and len(self._kinds) >= self._most_kinds:
                self._forget(now)
                if len(self._kinds) >= self._most_kinds:
                    kind = OTHERS
            written_at, left_out = self._kinds.get(kind, (-self._every_s, 0))
            if now - written_at < self._every_s and kind in self._kinds:
                self._kinds[kind] = written_at, left_out + 1
                return None
            self._kinds[kind] = now, 0
            return left_out

    def overdue(self, *, at_once: bool = False) -> dict[str, int]:
        """Kinds whose left-out lines are a minute old (``at_once``: any), with their counts, which start again at 0."""
        now = self._clock()
        with self._lock:
            told = {
                kind: left_out
                for kind, (written_at, left_out) in self._kinds.items()
                if left_out and (at_once or now - written_at >= self._every_s)
            }
            self._kinds.update(dict.fromkeys(told, (now, 0)))
            return told

    def _forget(self, now: float) -> None:
        """Drop the kinds with nothing left to report."""
        for kind, (written_at, left_out) in list(self._kinds.items()):
            if not left_out and now - written_at >= self._every_s:
                del self._kinds[kind]


def kind_of(*words: object, error: BaseException | None = None) -> str:
    """The kind of a line: its words without numbers and quotations, the error, and where it was raised."""
    text = " ".join(VARIABLE.sub("…", str(word).splitlines()[0] if str(word) else "") for word in words)
    return (
        f"{text[:LONGEST_KIND]} {type(error).__name__}{_place(error.__traceback__)}" if error else text[:LONGEST_KIND]
    )


def _place(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
