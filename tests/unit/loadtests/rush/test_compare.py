"""Comparing runs: a real change is seen, noise is not, and what cannot be compared is refused."""

from __future__ import annotations

import msgspec
import pytest

from loadtests.rush.compare import compare
from loadtests.rush.latency import Stopwatch
from loadtests.rush.result import Result
from seatserver.errors import StartError
from tests.unit.loadtests.rush.results import account, made, noted


def run(latency_ms: float, **changes: object) -> Result:
    return made(noted(latency_ms), **changes)  # type: ignore[arg-type]


def with_one_bad_second() -> Result:
    """Like `run(5)`, but for one second in which everything took fifty times as long."""
    watch = Stopwatch(0.0, 1.0)
    for second in range(10):
        for part in range(20):
            at = second + part / 20
            took = 0.005 * (1 + (part % 5) / 10) * (50 if second == 4 else 1)
            watch.answered("hold", at - took, at - took, at)
    return made(noted(times=watch.times()))


def test_twice_as_slow_is_slower() -> None:
    found = compare(run(5), run(10))
    assert (found.word, found.code) == ("slower", 99)
    assert all(1.9 < change.ratio < 2.1 for change in found.changes)


def test_twice_as_fast_is_faster_and_no_failure() -> None:
    found = compare(run(10), run(5))
    assert (found.word, found.code) == ("faster", 0)


def test_the_same_run_is_the_same() -> None:
    assert compare(run(5), run(5)).word == "same"


def test_less_than_machines_differ_is_noise() -> None:
    assert compare(run(5), run(5.8)).word == "same"


def test_one_bad_second_is_noise() -> None:
    assert compare(run(5), with_one_bad_second()).word == "same"


def test_more_runs_of_the_base_raise_the_floor() -> None:
    assert compare(run(5), run(8)).word == "slower"
    found = compare(run(5), run(8), again=[run(9)])
    assert found.word == "same"
    assert found.floor > 1.7


def test_a_wrong_run_is_wrong_however_fast() -> None:
    found = compare(run(5), made(noted(1.0), account("3330")))
    assert (found.word, found.code) == ("wrong", 4)


def test_a_slow_generator_compares_nothing() -> None:
    watch = Stopwatch(0.0, 1.0)
    for second in range(10):
        watch.sent(0.0, 0.0, 3.0)
        watch.answered("hold", second, second, second + 0.5)
    assert compare(run(5), made(noted(times=watch.times()))).code == 3


def test_other_scenarios_and_short_runs_cannot_be_compared() -> None:
    other = run(5, people=3)
    with pytest.raises(StartError, match="cannot be compared"):
        compare(run(5), other)
    short = made(noted(seconds=2))
    with pytest.raises(StartError, match="cannot be compared"):
        compare(short, short)


def test_a_comparison_can_be_written_down() -> None:
    found = compare(run(5), run(10))
    assert msgspec.json.decode(msgspec.json.encode(found))["word"] == "slower"
