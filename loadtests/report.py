"""What all load tests share: common options, and output as one JSON object (`loadtests.measured`) or as tables.

Each report begins with the Python it ran on (`loadtests.interpreter`), and can be a baseline (`loadtests.baselines`).
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from loadtests import baselines, interpreter, measured
from loadtests.installation import Installation, installation

Result = dict[str, Any]
Measure = Callable[[Installation, argparse.Namespace], Result]
Show = Callable[[Result], None]


def options(parser: argparse.ArgumentParser, *, repeats: int) -> None:
    """The options that every benchmark has."""
    parser.add_argument(
        "--repeats", type=at_least(1), default=repeats, help=f"turns to take the median of (default {repeats})"
    )
    output_options(parser)
    parser.add_argument("--database-url", default="", help="an empty Postgres to use instead of one of our own")
    parser.add_argument("--redis-url", default="", help="an empty Redis to use instead of one of our own")


def output_options(parser: argparse.ArgumentParser) -> None:
    """What becomes of a benchmark's result."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    baselines.options(parser)


def at_least(least: int, most: float = math.inf) -> Callable[[str], int]:
    """A whole number from the command line that is not too small, and not too large."""
    expected = f"of at least {least}" if most == math.inf else f"from {least} to {most}"

    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number {expected}")

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
    return tell(
        args, result, show, wrong="" if result.get("complete", True) else "some updates that were due did not arrive"
    )


def tell(args: argparse.Namespace, result: Result, show: Show, *, wrong: str = "") -> int:
    """Print a result, keep it as a baseline or compare it with one; 99 if it is slower than that, else 0.

    ``wrong`` says why the result is worth nothing; then it is not kept, and the exit code is 1. Tables come below the
    Python that they were measured on, with a warning if that makes them worthless.
    """
    ignored = ("test", "run", "json", "out", "database_url", "redis_url", "save_baseline", "baseline")
    options = {name: value for name, value in vars(args).items() if name not in ignored}
    found = measured.measured(args.test, options, result)
    if args.json:
        print(measured.encoded(found).decode())
    else:
        build = interpreter.ours()
        print(build)
        if build.warning:
            print(f"Warning: {build.warning}")
        print()
        show(result)
    code = 0
    if args.baseline:
        comparison = baselines.compare(measured.read(baselines.path_of(args, args.baseline)), found)
        show_comparison(comparison, sys.stderr if args.json else sys.stdout)
        code = comparison.code
    if wrong:
        print(f"loadtests: {wrong}", file=sys.stderr)
        code = 1
    if (path := baselines.path_to_keep(args, code)) is not None:
        measured.write(found, path)
    return code


def show_comparison(found: baselines.Comparison, out: TextIO) -> None:
    """Print the figures that changed by more than noise, and the verdict."""
    changed = [change for change in found.changes if change.word != "same"]
    print(
        f"\nCompared with the baseline: {found.word}. {len(changed)} of {len(found.changes)} figures differ.", file=out
    )
    for sentence in found.sentences:
        print(sentence, file=out)
    if changed:
        rows = [(one.name, one.base, one.new, one.unit, one.ratio, one.floor, one.word) for one in changed]
        print(file=out)
        table(("figure", "base", "new", "", "new / base", "noise up to", ""), rows, out)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], out: TextIO | None = None) -> None:
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

    print(line(heads), file=out)
    print("  ".join("-" * width for width in widths), file=out)
    for row in texts:
        print(line(row), file=out)


def columns(heads: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a table of results: ``heads`` has the key of each column with its head."""
    table(list(heads.values()), [[row[key] for key in heads] for row in rows])


def cell(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
