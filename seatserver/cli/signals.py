"""Ctrl-C, `kill` and a closed terminal, as one orderly end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked the process to end. No error: not even a broad ``except Exception`` may keep it."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Inside, the first signal raises `Stopped` where the main thread is, and further ones wait for the clean-up.

    While uvicorn serves it handles SIGINT and SIGTERM itself and sends itself the same signal again when it has
    finished, which is `Stopped` then. It knows no SIGHUP: that one is handed on as SIGTERM.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and signal.getsignal(signal.SIGTERM) is not stop:
            signal.raise_signal(signal.SIGTERM)
            return
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped

    for number in SIGNALS:
        if not (number == signal.SIGHUP and before[number] == signal.SIG_IGN):  # nohup
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
