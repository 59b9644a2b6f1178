"""Exit codes: what is wrong comes first, then the generator, then thresholds; nothing is a footnote."""

from __future__ import annotations

import msgspec

from loadtests.rush.latency import Stopwatch
from loadtests.rush.notes import Notes, together
from loadtests.rush.result import merge
from tests.unit.loadtests.rush.results import SCENARIO, account, made, noted


def slow_generator() -> Notes:
    watch = Stopwatch(0.0, 1.0)
    watch.sent(0.0, 0.0, 3.0)
    return noted(times=watch.times())


def test_a_good_run_passes() -> None:
    assert made().verdict.code == 0


def test_a_missed_threshold_is_99() -> None:
    receipts = noted().receipts[:1]
    verdict = made(noted(receipts=receipts), account("3300")).verdict
    assert verdict.code == 99
    assert [missed.name for missed in verdict.missed] == ["sold_out"]


def test_a_late_answer_misses_a_threshold_unless_times_do_not_count() -> None:
    thresholds = msgspec.structs.replace(SCENARIO.thresholds, hold_p99_ms=2.0)
    scenario = msgspec.structs.replace(SCENARIO, thresholds=thresholds)
    assert made(scenario=scenario).verdict.code == 99
    assert made(scenario=scenario, times_count=False).verdict.code == 0


def test_fewer_sockets_than_asked_for_is_99() -> None:
    verdict = made(noted(sockets_open=2)).verdict
    assert (verdict.code, verdict.missed[0].name) == (99, "sockets")


def test_a_connection_that_was_lost_is_99() -> None:
    assert made(noted(losses={"closed with 1011": 1})).verdict.code == 99


def test_a_slow_generator_gives_no_verdict() -> None:
    verdict = made(slow_generator()).verdict
    assert verdict.code == 3
    assert verdict.saturated


def test_wrong_is_wrong_however_slow_the_generator_was() -> None:
    assert made(slow_generator(), account("3330")).verdict.code == 4


def test_an_interrupted_run_says_so_unless_something_is_wrong() -> None:
    assert made(noted(interrupted=True)).verdict.code == 130
    assert made(noted(interrupted=True), account("3330")).verdict.code == 4


def test_parts_of_a_run_are_judged_as_one() -> None:
    halves = [
        made(noted(receipts=noted().receipts[half : half + 1]), part=half + 1, parts=2, people=4) for half in (0, 1)
    ]
    assert all(half.verdict.word == "part" for half in halves), "each alone cannot explain the other's seats"
    whole = merge(halves)
    assert whole.verdict.code == 0
    assert whole.notes.sockets_open == 6
    assert whole.notes.seconds[0].asked == 40


def test_the_notes_of_one_are_those_of_all() -> None:
    notes = noted()
    assert together([notes]) is notes
