"""``python -m loadtests NAME``: one load test by name; each prints a table and, with ``--json``, one JSON object."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from loadtests import expiry, fanout, holds, idle, rush, scaling, viewers
from seatserver.errors import SeatServerError

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run one load test. What it cannot do is one line on standard error."""
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    tests = parser.add_subparsers(required=True, metavar="NAME")
    for test in (rush, fanout, holds, viewers, idle, expiry, scaling):
        test.add(tests)
    args = parser.parse_args(argv)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        result: int = args.run(args)
    except SeatServerError as error:
        print(f"loadtests: {' '.join(error.message.split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return result


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
