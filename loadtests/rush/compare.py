"""Is one run slower than another, or is that noise? Compares two results of the same scenario.

Two things make runs differ by chance. Within a run a few bad seconds move a percentile. So the same seconds of both
runs are drawn again and again, in blocks, because a bad second rarely comes alone; a difference counts only if 95 %
of the draws agree on its direction (a paired block bootstrap). And a whole run may be slower, because the machine was
busy: one run says nothing about that. So a difference also has to be larger than a floor, by default 1.25 ×. With
more runs of the base (``--base-again``) the floor is what the base itself differs by, if that is more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from loadtests.rush.result import Result
from loadtests.rush.scenario import Thresholds
from seatserver.errors import StartError

if TYPE_CHECKING:
    import numpy as np

FLOOR = 1.25
DRAWS = 1000
BLOCK = 3
SURE = 0.95
FEWEST_WINDOWS = 5
SEED = 1
PERCENTILES = (50.0, 90.0, 99.0)

Word = Literal["slower", "faster", "same", "wrong", "saturated"]
CODES: dict[Word, int] = {"same": 0, "faster": 0, "slower": 99, "saturated": 3, "wrong": 4}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How one latency changed: ``ratio`` is new by base, with the bounds that 95 % of the draws are within."""

    name: str
    base_ms: float
    new_ms: float
    ratio: float
    least: float
    most: float
    word: Word


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on two runs, and why."""

    word: Word
    floor: float
    changes: tuple[Change, ...]
    sentences: tuple[str, ...]

    @property
    def code(self) -> int:
        """The process's exit code."""
        return CODES[self.word]


def compare(base: Result, new: Result, again: Sequence[Result] = (), floor: float = FLOOR) -> Comparison:
    """Compare two runs of one scenario. Raises `StartError` if they are none."""
    for other in (new, *again):
        _check_comparable(base, other)
    if new.verdict.wrong:
        codes = ", ".join(wrong.code for wrong in new.verdict.wrong)
        return Comparison(word="wrong", floor=floor, changes=(), sentences=(f"The new run is wrong: {codes}.",))
    if slow := [one.name for one in (base, new, *again) if one.verdict.saturated]:
        said = f"In {len(slow)} of the runs the generator was the bottleneck. That cannot be compared."
        return Comparison(word="saturated", floor=floor, changes=(), sentences=(said,))
    sentences = []
    if base.seed != new.seed:
        sentences.append("The seeds differ, so other people came at other times.")
    floors = [floor] + [_spread(base, other) for other in again]
    if max(floors) > floor:
        sentences.append(f"Runs of the base alone differ by {max(floors):.2f} ×, so less than that is noise.")
    changes = tuple(_changes(base, new, max(floors)))
    words = {change.word for change in changes}
    word: Word = "slower" if "slower" in words else "faster" if "faster" in words else "same"
    return Comparison(word=word, floor=round(max(floors), 3), changes=changes, sentences=tuple(sentences))


def _check_comparable(base: Result, other: Result) -> None:
    same = Thresholds()
    ours, theirs = (msgspec.structs.replace(one.scenario, thresholds=same) for one in (base, other))
    if ours != theirs or base.people != other.people:
        raise StartError("these runs cannot be compared: scenario and number of people must be the same")
    for one in (base, other):
        if len(one.notes.times.windows) < FEWEST_WINDOWS:
            raise StartError(f"a run of fewer than {FEWEST_WINDOWS} seconds with answers cannot be compared")


def _changes(base: Result, new: Result, floor: float) -> list[Change]:
    import numpy as np

    ours, theirs, values = _counts(base, new)
    drawn = _draws(len(ours))
    found = []
    for percentile in PERCENTILES:
        before = _percentile(ours.sum(axis=0), values, percentile)
        after = _percentile(theirs.sum(axis=0), values, percentile)
        ratios = [
            _percentile(theirs[rows].sum(axis=0), values, percentile)
            / _percentile(ours[rows].sum(axis=0), values, percentile)
            for rows in drawn
        ]
        least, most = np.quantile(ratios, [(1 - SURE) / 2, (1 + SURE) / 2])
        found.append(
            Change(
                name=f"p{percentile:g}",
                base_ms=round(before / 1000, 3),
                new_ms=round(after / 1000, 3),
                ratio=round(after / before, 3),
                least=round(float(least), 3),
                most=round(float(most), 3),
                word=_word(after / before, float(least), float(most), floor),
            )
        )
    return found


def _word(ratio: float, least: float, most: float, floor: float) -> Word:
    if least > 1 and ratio > floor:
        return "slower"
    if most < 1 and ratio < 1 / floor:
        return "faster"
    return "same"


def _spread(base: Result, other: Result) -> float:
    """By how much two runs of the same thing differ: the largest ratio of their percentiles, either way."""
    ours, theirs, values = _counts(base, other)
    ratios = [
        _percentile(theirs.sum(axis=0), values, percentile) / _percentile(ours.sum(axis=0), values, percentile)
        for percentile in PERCENTILES
    ]
    return max(math.exp(abs(math.log(ratio))) for ratio in ratios)


def _counts(base: Result, new: Result) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """For both runs a row for each window and a column for each latency that occurs; and those latencies, in µs."""
    import numpy as np

    found = []
    for one in (base, new):
        windows = one.notes.times.windows
        found.append(
            {
                number: {item.value_iterated_to: item.count_at_value_iterated_to for item in recorded}
                for number, window in windows.items()
                for recorded in [window.corrected.decode().get_recorded_iterator()]
            }
        )
    numbers = sorted(set(found[0]) | set(found[1]))
    values = sorted({value for run in found for window in run.values() for value in window})
    column = {value: at for at, value in enumerate(values)}
    matrices = []
    for run in found:
        matrix = np.zeros((len(numbers), len(values)), dtype=np.int64)
        for row, number in enumerate(numbers):
            for value, count in run.get(number, {}).items():
                matrix[row, column[value]] += count
        matrices.append(matrix)
    return matrices[0], matrices[1], np.array(values, dtype=np.float64)


def _draws(windows: int) -> list[Any]:
    """Rows to take, again and again: blocks of neighbours, as many rows as there are. The same for every comparison."""
    import numpy as np

    chance = np.random.default_rng(SEED)
    blocks = -(-windows // BLOCK)
    found = []
    for _ in range(DRAWS):
        starts = chance.integers(0, max(1, windows - BLOCK + 1), size=blocks)
        rows = (starts[:, None] + np.arange(BLOCK)).ravel()[:windows]
        found.append(np.minimum(rows, windows - 1))
    return found


def _percentile(counts: Any, values: Any, percentile: float) -> float:
    """A latency in µs that so many per cent do not exceed; 1 if nothing was counted."""
    import numpy as np

    total = counts.sum()
    if not total:
        return 1.0
    at = int(np.searchsorted(np.cumsum(counts), math.ceil(total * percentile / 100)))
    return float(values[min(at, len(values) - 1)])
