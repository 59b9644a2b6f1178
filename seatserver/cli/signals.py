"""Turns Ctrl-C, `kill` and a closed terminal into one orderly end."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 5.0


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end."""


@contextmanager
def ending_in_order() -> Iterator[Callable[[], bool]]:
    """Inside, a signal raises `Stopped` where the main thread is. The clean-up that follows is not interrupted again,
    unless somebody insists after `AGAIN_S`.

    There are places where an exception out of nowhere does harm or gets lost: inside an event loop, and (Python drops
    it there) in a weak reference's callback, of which importing a module has many. So nothing is raised while an
    event loop runs, and the block gets a function that tells whether the end was asked for: call it between steps.

    While uvicorn serves it handles SIGINT and SIGTERM itself. It knows no SIGHUP: that one is handed on as SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    hook = sys.unraisablehook
    asked_at: float | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at
        if number == signal.SIGHUP and signal.getsignal(signal.SIGTERM) is not stop:
            signal.raise_signal(signal.SIGTERM)
            return
        now = time.monotonic()
        insists = asked_at is not None and now - asked_at >= AGAIN_S
        if insists or (asked_at is None and not _in_event_loop()):
            asked_at = now
            raise Stopped
        asked_at = now if asked_at is None else asked_at

    def dropped(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, Stopped):
            hook(unraisable)

    sys.unraisablehook = dropped
    for number in SIGNALS:
        if not (number == signal.SIGHUP and before[number] == signal.SIG_IGN):  # nohup
            signal.signal(number, stop)
    try:
        yield lambda: asked_at is not None
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def hang_up_ends() -> None:
    """Let a closed terminal end the process as `kill` does; for servers that have nothing to clean up."""
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))
