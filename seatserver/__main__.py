"""``python -m seatserver`` is the same as ``seatserver``."""

from __future__ import annotations

import signal


def program() -> int:
    """The whole process, from its first moment on; its exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Python would raise an exception, which gets lost where it comes in the middle of an import. Until a command
        # has something to clean up, and sees to it itself, Ctrl-C may end the process as it stands.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from seatserver.cli import main

    return main()


if __name__ == "__main__":
    raise SystemExit(program())
