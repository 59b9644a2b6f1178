"""Scenario files: every mistake is one line that names the file, the place, and what is expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtests.rush.scenario import ScenarioError, parse, read, shipped

GOOD: dict[str, Any] = {
    "title": "Good",
    "question": "Does it hold?",
    "seconds": 10,
    "showtimes": [{"hall": "plain:100"}],
    "arrivals": {"kind": "poisson", "seconds": 5},
    "people": {"pick": 10},
}


def test_a_small_scenario_has_sensible_habits() -> None:
    scenario = parse(GOOD, "good.toml")
    assert scenario.habits.tries > 1
    assert scenario.events == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"arrivals": {"kind": "flood", "seconds": 5}}, "arrivals.kind"),
        ({"arrivals": {"kind": "poisson", "seconds": 50}}, "arrivals.seconds: is 50; expected at most seconds (10)"),
        ({"arrivals": {"kind": "steps", "seconds": 5}}, "arrivals.steps"),
        ({"people": {"pick": 0}}, "people: are 0; expected 1 to"),
        ({"people": {"buyer": 5}}, "people"),
        ({"people": {"pick": 2_000_000}}, "people"),
        ({"showtimes": []}, "showtimes"),
        ({"showtimes": [{"hall": "plain:many"}]}, "showtimes[0].hall: is 'plain:many'; expected plain:SEATS"),
        ({"seconds": 100_000}, "seconds"),
        ({"second": 10}, "second"),
        ({"habits": {"think": [3, 1]}}, "habits.think: is [3, 1]; expected the smaller number first"),
        ({"habits": {"vanish": 0.7, "give_back": 0.7}}, "habits: give_back and vanish"),
        ({"events": [{"at": 20, "what": "storm"}]}, "events[0].at: is 20; expected less than seconds (10)"),
        ({"thresholds": {"hold_p99": 10}}, "thresholds"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_place(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        parse({**GOOD, **change}, "mine.toml")
    assert raised.value.message.startswith("mine.toml: ")
    assert expected in raised.value.message
    assert "\n" not in raised.value.message


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ScenarioError) as raised:
        read("openning")
    assert all(name in raised.value.message for name in shipped())


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine\n')
    with pytest.raises(ScenarioError) as raised:
        read(str(path))
    assert "line 1" in raised.value.message


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read(str(tmp_path / "nobody.toml"))


def test_the_guide_lists_every_scenario_with_its_question() -> None:
    guide = (Path(__file__).parents[4] / "loadtests" / "README.md").read_text(encoding="utf-8")
    for name in shipped():
        assert f"| `{name}` | {read(name).question} |" in guide
