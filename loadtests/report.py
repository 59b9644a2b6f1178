"""What all load tests share: common options, and output as one JSON object or as tables.

Each report begins with the Python it ran on (`loadtests.interpreter`).
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from loadtests import interpreter
from loadtests.installation import Installation, installation

Result = dict[str, Any]
Measure = Callable[[Installation, argparse.Namespace], Result]
Show = Callable[[Result], None]


def options(parser: argparse.ArgumentParser, *, repeats: int) -> None:
    """The options that every benchmark has."""
    parser.add_argument(
        "--repeats", type=at_least(1), default=repeats, help=f"turns to take the median of (default {repeats})"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--database-url", default="", help="an empty Postgres to use instead of one of our own")
    parser.add_argument("--redis-url", default="", help="an empty Redis to use instead of one of our own")


def at_least(least: int) -> Callable[[str], int]:
    """A whole number from the command line that is not too small."""

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and int(text) >= least:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least {least}")

    return parse


def sizes(least: int) -> Callable[[str], list[int]]:
    """Whole numbers with commas between them."""
    one = at_least(least)
    return lambda text: [one(part) for part in text.split(",")]


def seconds(text: str) -> float:
    """A time from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, more than 0 and at most 3600")
    return value


def run(args: argparse.Namespace, measure: Measure, show: Show) -> int:
    """Measure on a fresh installation and report. The exit code is 1 if something that was due did not arrive."""
    gc.disable()  # otherwise our own garbage collection among ten thousand sockets would be measured as the server's
    try:
        with installation(database_url=args.database_url, redis_url=args.redis_url) as place:
            result = measure(place, args)
    finally:
        gc.enable()
    tell(result, show, as_json=args.json)
    if result.get("complete", True):
        return 0
    print("loadtests: some updates that were due did not arrive", file=sys.stderr)
    return 1


def tell(result: Result, show: Show, *, as_json: bool) -> None:
    """Print a result below the Python that it was measured on, with a warning if that makes it worthless."""
    build = interpreter.ours()
    if as_json:
        print(json.dumps(_without_nan({"interpreter": build.facts(), **result}), allow_nan=False))
        return
    print(build)
    if build.warning:
        print(f"Warning: {build.warning}")
    print()
    show(result)


def _without_nan(value: Any) -> Any:
    """The same with null for what could not be measured, because JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print aligned columns: text to the left, numbers to the right."""
    texts = [[cell(value) for value in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(heads, *texts, strict=True)]
    numeric = [all(isinstance(row[at], int | float | None) for row in rows) for at in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        placed = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(placed).rstrip()

    print(line(heads))
    print("  ".join("-" * width for width in widths))
    for row in texts:
        print(line(row))


def cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
