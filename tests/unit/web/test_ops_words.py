"""The operator's live view has words for all that can go wrong."""

from __future__ import annotations

import json
import subprocess
from typing import Any, get_args

import msgspec
import pytest

from seatserver import errors
from seatserver.api.interface import EXAMPLES
from seatserver.api.resources.operations.figures import house_now
from seatserver.api.resources.operations.schemas import HouseNow
from seatserver.operations.instance_reports import ReceivedReport, Report
from tests.javascript import NODE, WEB


def run(code: str, *values: Any) -> Any:
    """What an expression gives, with the page's words at hand and the values in ``given``."""
    module = (WEB / "pages" / "ops" / "words.js").as_uri()
    program = f"""
        globalThis.document = {{ documentElement: {{ lang: "en" }} }};
        const words = await import({json.dumps(module)}), given = {json.dumps(values)};
        console.log(JSON.stringify({code}));
    """
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def codes(kind: type[errors.SeatServerError]) -> set[str]:
    return {kind.code}.union(*map(codes, kind.__subclasses__()))


def test_every_refusal_and_every_error_has_words_of_its_own() -> None:
    nothing_a_client_sees = {"config", "start", "bad_seat_map", "conflict", "bad_ticket", "origin_refused"}
    refusals = dict.fromkeys(get_args(errors.Refusal), 1)
    told = dict.fromkeys(sorted(codes(errors.SeatServerError) - nothing_a_client_sees - {"seats_refused"}), 1)
    found = run("words.reasonsOf(given[0])", {"refusals": refusals, "errors": told})
    said = [words for words, _ in found]
    assert len(set(said)) == len(refusals) + len(told)
    plain = {name.replace("_", " ") for name in (*refusals, *told)}
    assert plain & set(said) == set(), "these have no words"


def live(**fields: Any) -> dict[str, Any]:
    """The live view as the page gets it. ``fields`` are those of its only process' report."""
    well = {"postgres_ms": 1.0, "redis_ms": 1.0, "feed": True}
    report = Report(id="a", name="web-1", release="1", started_ms=0, **{**well, **fields})
    found: dict[str, Any] = msgspec.to_builtins(
        house_now([ReceivedReport(report, 0)], at_ms=60_000, whole=True, rooms=1)
    )
    return found


def alerts(live: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["tone"], one["text"]) for one in run("words.alertsOf(given[0])", live)]


def test_when_all_is_well_it_says_so() -> None:
    assert alerts(live()) == [("good", "All is well.")]
    assert alerts(msgspec.to_builtins(EXAMPLES[HouseNow])) == [("good", "All is well.")]


@pytest.mark.parametrize(
    ("fields", "tone", "said"),
    [
        ({"postgres_ms": None}, "bad", "nobody can book"),
        ({"redis_ms": None}, "bad", "nobody can hold seats"),
        ({"feed": False}, "bad", "out of date"),
        ({"catching_up": 2}, "warn", "2 seat maps missed changes"),
        ({"draining": True}, "warn", "closing down"),
        ({"loop": [(0.2, 9), (0.5, 1)]}, "warn", "too much to do"),
        ({"propagation": [(1.0, 5)]}, "warn", "screens late"),
        ({"expiry": [(5.0, 5)]}, "warn", "come back late"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_well_is_said_in_words(fields: dict[str, Any], tone: str, said: str) -> None:
    [(found, text)] = alerts(live(**fields))
    assert found == tone
    assert said in text


def test_a_process_that_has_just_started_worries_nobody() -> None:
    young = live(postgres_ms=None, redis_ms=None, feed=False)
    young["instances"][0]["started_at_ms"] = young["at_ms"] - 1000
    assert alerts(young) == [("good", "All is well.")]


def test_figures_of_one_process_only_are_called_so() -> None:
    alone = {**live(redis_ms=None), "whole": False}
    assert alerts(alone) == [
        ("bad", "Redis does not answer: nobody can hold seats. These figures are of one server only.")
    ]
