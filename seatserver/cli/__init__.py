"""The command line. Each command is a module with `add`, which registers its arguments, and `run`.

What a command needs is imported when it runs, so that `seatserver --help` answers at once. Errors of the house are one
line on standard error; exit codes are 0, 1 (it failed) and 2 (wrong usage or a wrong setting).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence

import seatserver
from seatserver.cli import concierge, demo, doctor, key, kiosk, seatmap, serve, settings, token, user
from seatserver.errors import ConfigError, SeatServerError

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no ellipsis gets a question mark
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except ConfigError as error:
        return _failed(error.message, WRONG_USAGE)
    except SeatServerError as error:
        return _failed(error.message, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads our output any more (`seatserver settings | head`). Nothing may write to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if os.environ.get("SEATSERVER_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exc()
        kind = type(error).__name__
        return _failed(f"internal error: {kind}: {error} (SEATSERVER_LOG_LEVEL=debug shows where)", FAILED)


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    made = argparse.ArgumentParser(prog="seatserver", description="A real-time seat-map server for cinemas.")
    made.add_argument("--version", action="version", version=f"seatserver {seatserver.__version__}")
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    modules = (demo, serve, settings, doctor, seatmap, token, key, user, kiosk, concierge)
    for module in modules:
        module.add(commands)
    return made


def _failed(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"seatserver: {line}", file=sys.stderr)
    return code
