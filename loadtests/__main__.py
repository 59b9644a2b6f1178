"""``python -m loadtests NAME``: one load test by name.

Each but `rush` starts an installation of its own. Each prints tables or, with ``--json``, one JSON object. An error is
one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from loadtests import (
    attack,
    baselines,
    best,
    concierge,
    drawing,
    expiry,
    fanout,
    generator_limit,
    holds,
    hot_room,
    idle,
    refusals,
    scaling,
    scripts,
    viewers,
)
from loadtests.rush import command as rush
from seatserver.errors import SeatServerError

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one load test and return the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests",
        description="Load tests. Each starts all the servers it needs; `rush` may also go to yours.",
    )
    tests = parser.add_subparsers(required=True, metavar="NAME", dest="test")
    for test in (
        rush,
        hot_room,
        fanout,
        holds,
        refusals,
        scripts,
        viewers,
        idle,
        expiry,
        attack,
        scaling,
        best,
        concierge,
        drawing,
        generator_limit,
    ):
        test.add(tests)
    args = parser.parse_args(argv)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        baselines.check(args)
        result: int = args.run(args)
    except SeatServerError as error:
        return _failed(error.message)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("SEATSERVER_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exc()
        return _failed(f"{type(error).__name__}: {error} (SEATSERVER_LOG_LEVEL=debug shows where)")
    finally:
        signal.signal(signal.SIGTERM, before)
    return result


def _failed(message: str) -> int:
    print(f"loadtests: {' '.join(message.split())}", file=sys.stderr)
    return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
