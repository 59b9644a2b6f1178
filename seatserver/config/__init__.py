"""The settings: `table` declares them, `reading` takes them from the environment, `checks` refuses what does not fit.

`load` raises `ConfigError` with one line that names the variable. Limits that depend on each other are checked too, so
a bad combination stops the start rather than a night's sale.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from seatserver.config.reading import load
from seatserver.config.table import Row, Settings, markdown, rows

__all__ = ["SCOPES", "Clock", "Row", "Settings", "load", "markdown", "rows", "wall_clock"]

SCOPES = ("watch", "hold", "claim", "book", "settle", "admit", "admin")

Clock = Callable[[], int]
"""Milliseconds since the epoch. Passed in wherever a rule depends on the time."""


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
