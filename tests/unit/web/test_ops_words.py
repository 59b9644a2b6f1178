"""The operators' live view has a text for everything that can go wrong."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from seatserver import errors
from seatserver.access.shares import Limited
from seatserver.api.interface import EXAMPLES
from seatserver.api.resources.operations.figures import house_now
from seatserver.api.resources.operations.schemas import HouseNow
from seatserver.operations.instance_reports import ReceivedReport, Report
from tests.javascript import WEB, printed

AT_THE_GATE = {"head_too_large", "wrong_host"}
AT_THE_CONNECTION = {"too_many", "unannounced", "head_late"}
TURNED_AWAY = {*get_args(Limited), *AT_THE_CONNECTION, *AT_THE_GATE, "full", "storm", "unauthorized", "forbidden"}


def run(code: str, *values: Any) -> Any:
    """The value of a JavaScript expression; ``words`` is the page's module, ``given`` has the values."""
    module = (WEB / "pages" / "ops" / "words.js").as_uri()
    program = f"""
        globalThis.document = {{ documentElement: {{ lang: "en" }} }};
        const words = await import({json.dumps(module)}), given = {json.dumps(values)};
        console.log(JSON.stringify({code}));
    """
    return printed(program)


def codes(kind: type[errors.SeatServerError]) -> set[str]:
    """The codes of this error and all below it that clients are told; other parts have some of their own."""
    below = [one for one in kind.__subclasses__() if one.__module__ == errors.__name__]
    return {kind.code}.union(*map(codes, below))


def test_every_refusal_and_every_error_has_a_text_of_its_own() -> None:
    nothing_a_client_sees = {
        "config",
        "start",
        "bad_seat_map",
        "conflict",
        "bad_ticket",
        "handoff_refused",
        "ticket_refused",
        "origin_refused",
    }
    refusals = dict.fromkeys(get_args(errors.Refusal), 1)
    told = dict.fromkeys(sorted(codes(errors.SeatServerError) - nothing_a_client_sees - {"seats_refused"}), 1)
    found = run("words.reasonsOf(given[0])", {"refusals": refusals, "errors": told})
    said = [words for words, _ in found]
    assert len(set(said)) == len(refusals) + len(told)
    plain = {name.replace("_", " ") for name in (*refusals, *told)}
    assert plain & set(said) == set(), "these have no text"


def test_every_limit_has_a_text_of_its_own() -> None:
    said = run("words.limitsOf(given[0])", dict.fromkeys(sorted(TURNED_AWAY), 2))
    assert len(set(said)) == len(TURNED_AWAY)
    assert not {f"{name.replace('_', ' ')} 2 ×" for name in TURNED_AWAY} & set(said), "these have no text"
    assert run("words.limitsOf({holds: 1, guests: 12})")[0].endswith("12 ×"), "the most frequent first"


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


def test_it_says_when_everything_is_working() -> None:
    assert alerts(live()) == [("good", "Everything is working.")]
    assert alerts(msgspec.to_builtins(EXAMPLES[HouseNow])) == [("good", "Everything is working.")]


@pytest.mark.parametrize(
    ("fields", "tone", "said"),
    [
        ({"postgres_ms": None}, "bad", "nobody can book"),
        ({"redis_ms": None}, "bad", "nobody can hold seats"),
        ({"feed": False}, "bad", "out of date"),
        ({"catching_up": 2}, "warn", "2 seat maps missed changes"),
        ({"draining": True}, "warn", "Shutting down"),
        ({"loop": [(0.2, 9), (0.5, 1)]}, "warn", "Overloaded"),
        ({"propagation": [(1.0, 5)]}, "warn", "screens late"),
        ({"expiry": [(5.0, 5)]}, "warn", "released late"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_problem_has_an_alert_in_words(fields: dict[str, Any], tone: str, said: str) -> None:
    [(found, text)] = alerts(live(**fields))
    assert found == tone
    assert said in text


def test_a_server_that_has_just_started_raises_no_alert() -> None:
    young = live(postgres_ms=None, redis_ms=None, feed=False)
    young["instances"][0]["started_at_ms"] = young["at_ms"] - 1000
    assert alerts(young) == [("good", "Everything is working.")]


def test_figures_that_cover_only_one_server_say_so() -> None:
    alone = {**live(redis_ms=None), "whole": False}
    assert alerts(alone) == [
        ("bad", "Redis does not answer: nobody can hold seats. These figures cover one server only.")
    ]
