"""The table of transitions, and that the scripts use its numbers."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from seatserver.seats.states import AT_REST, REFUSAL_OF_STATE, TRANSITIONS, SeatState, Step

PRELUDE = files("seatserver.seats").joinpath("lua", "prelude.lua").read_text("utf-8")


def test_the_scripts_use_the_numbers_of_the_table() -> None:
    line = re.search(r"^local ((?:[A-Z]+, )*[A-Z]+) = (\d(?:, \d)*)$", PRELUDE, re.MULTILINE)
    assert line is not None, "prelude.lua declares the states in one line"
    names, numbers = line[1].split(", "), map(int, line[2].split(", "))
    assert dict(zip(names, numbers, strict=True)) == {state.name: state.value for state in SeatState}


def test_a_state_is_one_digit_of_a_snapshot() -> None:
    assert all(0 <= state <= 9 for state in SeatState)


def test_only_a_free_seat_is_held_and_one_that_is_kept_for_the_buyers_channel() -> None:
    assert {before for before, step in TRANSITIONS if step is Step.HOLD} == {SeatState.FREE, SeatState.ALLOCATED}


@pytest.mark.parametrize("state", [SeatState.CLAIMED, SeatState.SOLD, SeatState.BLOCKED])
@pytest.mark.parametrize("step", [Step.HOLD, Step.RELEASE, Step.EXPIRE, Step.CLAIM, Step.SELL])
def test_what_is_owned_is_not_taken_by_a_hold_or_a_booking(state: SeatState, step: Step) -> None:
    assert (state, step) not in TRANSITIONS


def test_every_state_can_lead_back_to_free() -> None:
    for state in SeatState:
        reached, found = {state}, [state]
        while found:
            here = found.pop()
            following = {after for (before, _), ways in TRANSITIONS.items() if before is here for after in ways}
            found += following - reached
            reached |= following
        assert SeatState.FREE in reached


def test_every_step_is_possible_somewhere_and_changes_the_seat() -> None:
    assert {step for _, step in TRANSITIONS} == set(Step)
    assert all(before not in ways for (before, _), ways in TRANSITIONS.items())


def test_a_seat_whose_hold_or_booking_ends_is_again_what_the_house_keeps_it_as() -> None:
    ends = {Step.RELEASE, Step.EXPIRE, Step.CANCEL}
    assert {ways for (_, step), ways in TRANSITIONS.items() if step in ends} == {AT_REST}


def test_every_state_but_free_has_a_reason_for_a_refusal() -> None:
    assert set(REFUSAL_OF_STATE) == set(SeatState) - {SeatState.FREE}
