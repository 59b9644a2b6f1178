"""Who comes when: decided by the seed alone, complete, and within the time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loadtests.rush.scenario import Scenario, parse, read, shipped
from loadtests.rush.schedule import part_of, people_of, schedule

KINDS = ("look", "pick", "best", "family", "kiosk", "bot", "slow")


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any scenario of up to some hundred people."""
    kind = draw(st.sampled_from(["at_once", "ramp", "poisson", "steps"]))
    arrivals: dict[str, Any] = {"kind": kind, "seconds": draw(st.floats(0.1, 60))}
    if kind == "steps":
        arrivals["steps"] = [
            {"seconds": draw(st.floats(0.1, 60)), "per_second": draw(st.floats(0.1, 100))}
            for _ in range(draw(st.integers(1, 4)))
        ]
    people = draw(st.dictionaries(st.sampled_from(KINDS), st.integers(1, 40), min_size=1))
    return parse(
        {
            "title": "Any",
            "question": "?",
            "seconds": 60.0,
            "showtimes": [{"hall": "plain:10", "count": draw(st.integers(1, 3))}],
            "arrivals": arrivals,
            "people": people,
        },
        "any",
    )


@given(scenarios(), st.integers(0, 2**32), st.integers(1, 200))
def test_the_same_seed_makes_the_same_schedule(scenario: Scenario, seed: int, count: int) -> None:
    assert schedule(scenario, seed=seed, count=count) == schedule(scenario, seed=seed, count=count)


@given(scenarios(), st.integers(0, 2**32), st.integers(1, 200))
def test_everybody_comes_once_in_time_and_to_a_showtime_that_exists(scenario: Scenario, seed: int, count: int) -> None:
    plans = schedule(scenario, seed=seed, count=count)
    assert [plan.number for plan in plans] == list(range(count))
    assert Counter(plan.kind for plan in plans) == people_of(scenario, count)
    assert all(0 <= plan.arrives <= scenario.arrivals.seconds + 1e-6 for plan in plans)
    assert [plan.arrives for plan in plans] == sorted(plan.arrives for plan in plans)
    assert all(0 <= plan.showtime < scenario.showtimes[0].count for plan in plans)


@given(scenarios(), st.integers(1, 200), st.integers(1, 7))
def test_the_parts_of_a_schedule_are_the_whole(scenario: Scenario, count: int, parts: int) -> None:
    plans = schedule(scenario, seed=1, count=count)
    together = [plan for part in range(parts) for plan in part_of(plans, part, parts)]
    assert sorted(plan.number for plan in together) == [plan.number for plan in plans]


@given(scenarios(), st.integers(1, 500))
def test_another_number_of_people_keeps_their_shares(scenario: Scenario, count: int) -> None:
    people, wanted = people_of(scenario, count), people_of(scenario)
    assert sum(people.values()) == count
    for kind, number in wanted.items():
        assert abs(people.get(kind, 0) - number * count / sum(wanted.values())) <= 1


def test_another_seed_makes_another_schedule() -> None:
    scenario = read("opening")
    assert schedule(scenario, seed=1, count=50) != schedule(scenario, seed=2, count=50)


def test_every_shipped_scenario_has_a_question_and_can_be_scheduled() -> None:
    for name in shipped():
        scenario = read(name)
        assert scenario.question.endswith("?"), name
        assert schedule(scenario, seed=scenario.seed)
