"""Before the doors open, the lab says what these people cannot reach."""

from __future__ import annotations

import msgspec

from loadtests.installation import hall
from loadtests.rush.checks import too_few_to_sell_out
from loadtests.rush.scenario import read
from loadtests.rush.schedule import schedule
from loadtests.rush.world import Stage

STAGE = Stage(id="tonight", hall=hall(326))


def said(buyers: int, scenario_name: str = "opening", stage: Stage = STAGE) -> list[str]:
    scenario = read(scenario_name)
    return too_few_to_sell_out(scenario, schedule(scenario, seed=1, count=buyers), [stage])


def test_too_few_buyers_for_a_hall_are_told_so() -> None:
    [sentence] = said(200)
    assert sentence.startswith("These 200 people buy about ")
    assert "of 326 places: that cannot sell out." in sentence


def test_enough_buyers_for_a_hall_are_told_nothing() -> None:
    assert said(500) == said(2000) == []


def test_seats_that_are_taken_already_need_no_buyers() -> None:
    taken = tuple((seat, 3) for seat in range(200))
    assert said(200, stage=msgspec.structs.replace(STAGE, taken_before=taken)) == []


def test_a_scenario_that_wants_nothing_sold_out_is_told_nothing() -> None:
    assert said(2, "lookers") == []
