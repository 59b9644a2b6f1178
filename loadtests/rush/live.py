"""How a run is going: on a terminal, a table that is redrawn about once a second; elsewhere, one line each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from loadtests.rush.scenario import Scenario

ROWS = (
    ("people", "arrived", ",.0f"),
    ("sockets open", "sockets", ",.0f"),
    ("holds", "held", ",.0f"),
    ("bookings", "booked", ",.0f"),
    ("refused", "refused", ",.0f"),
    ("errors", "errors", ",.0f"),
    ("connections lost", "lost", ",.0f"),
    ("messages", "messages", ",.0f"),
    ("hold p99 so far, ms", "hold_p99_ms", ",.1f"),
    ("generator late p99, ms", "lag_p99_ms", ",.1f"),
)


@contextmanager
def watching(scenario: Scenario, *, quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Shows figures as long as it is open. Yields what takes them."""
    if quiet:
        yield lambda figures: None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Announcement(console.print)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as shown:
        yield lambda figures: shown.update(_table(scenario, figures))


class _Announcement:
    """Says once that the doors are open, where nobody could watch a table."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False

    def __call__(self, figures: dict[str, Any]) -> None:
        if not self._said:
            self._said = True
            self._say(f"The doors are open for {figures['seconds']:.0f} s. Ctrl-C closes them and still reports.")


def _table(scenario: Scenario, figures: dict[str, Any]) -> Any:
    from rich.table import Table

    elapsed = min(figures["elapsed_s"], figures["seconds"])
    state = "the doors have closed" if figures["closed"] else f"{max(0.0, elapsed):.0f} of {figures['seconds']:.0f} s"
    table = Table(title=f"{scenario.title}: {state}", caption="Ctrl-C closes the doors and still reports")
    table.add_column("")
    table.add_column("now", justify="right")
    for name, key, form in ROWS:
        value = figures.get(key)
        table.add_row(name, "–" if value is None else format(value, form))
    return table
