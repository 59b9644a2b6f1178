"""Baselines of all load tests, in one place: ``.baselines/TEST/NAME.json`` in the working directory.

Figures depend on the machine, so a baseline belongs to the machine that measured it and not into a repository.
``--save-baseline NAME`` writes one, ``--baseline NAME`` compares a later run with it, and `compare` does so with any
two files. A rush compares its latencies window by window (`loadtests.rush.compare`). A benchmark has medians only: a
difference counts if it is larger than 1.25 ×, or than what runs of the base themselves differ by.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from loadtests.measured import Figure, Measured
from seatserver.errors import StartError

FOLDER = Path(".baselines")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
FLOOR = 1.25
MEASURED = (0, 99)
"""Exit codes of runs whose figures are worth something, however slow."""
NOT_COMPARED = ("repeats",)
"""Options that make a run more exact, and no other one."""

Word = Literal["slower", "faster", "same"]
CODES: dict[Word, int] = {"same": 0, "faster": 0, "slower": 99}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How one figure changed: ``ratio`` is new by base, ``floor`` what counts as noise."""

    name: str
    unit: str
    base: float
    new: float
    ratio: float
    floor: float
    word: Word


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on two runs of one benchmark, and why."""

    word: Word
    changes: tuple[Change, ...]
    sentences: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The process's exit code: 99 if something became slower."""
        return CODES[self.word]


def options(parser: argparse.ArgumentParser) -> None:
    """The options of a load test that can have baselines."""
    parser.add_argument("--save-baseline", type=_name, metavar="NAME", help=f"keep the result in {FOLDER}/ as NAME")
    parser.add_argument("--baseline", type=_name, metavar="NAME", help="compare with that one; exit code 99 if slower")


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected letters, digits, dots, dashes and underscores")
    return text


def path_of(args: argparse.Namespace, name: str) -> Path:
    """Where the baseline of a load test, with the options of its command, is. Each scenario of a rush has its own."""
    test = f"{args.test}-{Path(args.scenario).stem}" if hasattr(args, "scenario") else args.test
    return FOLDER / test / f"{name}.json"


def path_to_keep(args: argparse.Namespace, code: int) -> Path | None:
    """Where to keep the result of a run that ended with this exit code; None if nobody asked for that.

    Nor is a result kept that is worth nothing, which would replace a good one; that is said. One that is only slower
    than something is kept.
    """
    if not args.save_baseline:
        return None
    path = path_of(args, args.save_baseline)
    if code not in MEASURED:
        print(f"loadtests: not kept as {path}, because the run ended with exit code {code}", file=sys.stderr)
        return None
    return path


def check(args: argparse.Namespace) -> None:
    """Raise `StartError`, before anything is measured, if the baseline to compare with is not there."""
    name = getattr(args, "baseline", None)
    if name and not (path := path_of(args, name)).is_file():
        raise StartError(f"there is no baseline {path}: run this once with --save-baseline {name}")


def compare(base: Measured, new: Measured, again: Sequence[Measured] = ()) -> Comparison:
    """Compare two runs of one benchmark. Raises `StartError` if they are none."""
    for other in (new, *again):
        if (base.name, _options(base)) != (other.name, _options(other)):
            raise StartError("these runs cannot be compared: test and options must be the same")
    sentences = []
    if base.machine != new.machine:
        sentences.append("The machines differ: only figures of one machine can be compared.")
    if base.interpreter != new.interpreter:
        sentences.append("The Pythons differ.")
    before, after = _judged(base), _judged(new)
    floors = {name: _floor(name, before[name], again) for name in before}
    changes = tuple(_change(before[name], after[name], floors[name]) for name in before if name in after)
    words = {change.word for change in changes}
    word: Word = "slower" if "slower" in words else "faster" if "faster" in words else "same"
    return Comparison(word=word, changes=changes, sentences=tuple(sentences))


def _options(found: Measured) -> dict[str, object]:
    return {name: value for name, value in found.options.items() if name not in NOT_COMPARED}


def _judged(found: Measured) -> dict[str, Figure]:
    return {figure.name: figure for figure in found.figures if figure.better and figure.value > 0}


def _floor(name: str, base: Figure, again: Sequence[Measured]) -> float:
    """What counts as noise: the usual, or the most by which runs of the base differ, if that is more."""
    others = [_judged(one)[name].value for one in again if name in _judged(one)]
    return max([FLOOR, *(math.exp(abs(math.log(other / base.value))) for other in others)])


def _change(base: Figure, new: Figure, floor: float) -> Change:
    ratio = new.value / base.value
    worse = ratio if base.better == "less" else 1 / ratio
    word: Word = "slower" if worse > floor else "faster" if worse < 1 / floor else "same"
    return Change(
        name=base.name,
        unit=base.unit,
        base=base.value,
        new=new.value,
        ratio=round(ratio, 3),
        floor=round(floor, 3),
        word=word,
    )
