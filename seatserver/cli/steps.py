"""Shows what a long command is doing: a spinner and ticks on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status


class Steps:
    """Shows each step when it begins, which ends the one before. A context manager: its exit ends the last step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._step = ""
        self._began = 0.0

    def say(self, step: str) -> None:
        """Begin a step, such as ``Starting Postgres``."""
        self.done()
        self._step, self._began = step, time.monotonic()
        if self._console.is_terminal:
            self._status = self._console.status(f"{step} …")
            self._status.start()
        else:
            self._console.print(f"{step} …", highlight=False, soft_wrap=True)

    def done(self) -> None:
        """End the last step."""
        self._end("[green]✓[/]")

    def _end(self, mark: str) -> None:
        if self._status is None:
            return
        self._status.stop()
        self._status = None
        took_s = time.monotonic() - self._began
        self._console.print(f"{mark} {self._step} [dim]{took_s:.1f} s[/]", highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end("[green]✓[/]" if kind is None else "[red]✗[/]")
