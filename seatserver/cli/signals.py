"""Ctrl-C, `kill` and a closed terminal, as one orderly end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 5.0


class Stopped(KeyboardInterrupt):
    """Somebody asked the process to end.

    A KeyboardInterrupt, because that is what event loops let pass: they keep any other exception in the task where it
    happened to strike.
    """


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Inside, a signal raises `Stopped` where the main thread is. The clean-up that follows is not interrupted again,
    unless somebody insists after `AGAIN_S`.

    While uvicorn serves it handles SIGINT and SIGTERM itself and sends itself the same signal again when it has
    finished, which is `Stopped` then. It knows no SIGHUP: that one is handed on as SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    raised_at = -AGAIN_S

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal raised_at
        if number == signal.SIGHUP and signal.getsignal(signal.SIGTERM) is not stop:
            signal.raise_signal(signal.SIGTERM)
        elif time.monotonic() - raised_at >= AGAIN_S:
            raised_at = time.monotonic()
            raise Stopped

    for number in SIGNALS:
        if not (number == signal.SIGHUP and before[number] == signal.SIG_IGN):  # nohup
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
