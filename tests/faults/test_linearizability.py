"""The checker itself: it accepts what a lock with a deadline can do, and nothing else."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.history import Outcome, Step, Verb
from tests.faults.linearizability import FREE, Action, Kind, Seat, actions_of, ends_of, explain

NEVER = float("inf")
HOLD_MS = 1000


def act(kind: Kind, hold: str, called: float, answered: float, until: float = 0.0, *, perhaps: bool = False) -> Action:
    return Action(kind, hold, called, NEVER if perhaps else answered, until, HOLD_MS, perhaps, until > 0)


def test_one_after_the_other_is_fine() -> None:
    history = [
        act("take", "a", 0, 1, 1000),
        act("saw_taken", "b", 2, 3),
        act("give", "a", 4, 5),
        act("saw_gone", "a", 6, 7),
        act("saw_free", "c", 6, 7),
        act("take", "b", 8, 9, 1008),
        act("longer", "b", 10, 11, 1500),
        act("saw_taken", "a", 1200, 1201),
        act("sell", "b", 1300, 1310),
        act("saw_taken", "a", 9000, 9001),
    ]
    assert explain(history) is None


def test_at_the_same_time_any_order_will_do() -> None:
    assert explain([act("take", "a", 0, 10, 1000), act("saw_taken", "b", 0, 10)]) is None
    assert explain([act("saw_taken", "b", 0, 10), act("take", "a", 5, 15, 1000)]) is None
    assert explain([act("give", "a", 0, 10), act("take", "b", 0, 10, 1000), act("take", "a", -9, -8, 900)]) is None


def test_two_owners_of_a_seat_are_found_and_the_history_is_cut_there() -> None:
    broken = [
        act("take", "a", 0, 1, 1000),
        act("saw_taken", "c", 2, 3),
        act("take", "b", 4, 5, 1004),
        act("give", "b", 6, 7),
    ]
    told = explain(broken)
    assert told is not None
    assert [action.kind for action in told] == ["take", "saw_taken", "take"]


@pytest.mark.parametrize(
    "broken",
    [
        [act("saw_taken", "a", 0, 1)],
        [act("take", "a", 0, 1, 1000), act("saw_free", "b", 2, 3)],
        [act("take", "a", 0, 1, 1000), act("give", "a", 2, 3), act("saw_taken", "b", 4, 5)],
        [act("give", "a", 0, 1)],
        [act("take", "a", 0, 1, 1000), act("saw_gone", "a", 2, 3)],
        [act("take", "a", 0, 1, 1000), act("give", "b", 2, 3)],
        [act("take", "a", 0, 1, 1000), act("give", "a", 2, 3), act("sell", "a", 4, 5)],
        [act("take", "a", 0, 1, 1000), act("sell", "a", 2, 3), act("take", "b", 2000, 2001, 3000)],
        [act("take", "a", 0, 1, 1000), act("sell", "a", 2, 3), act("give", "a", 4, 5)],
    ],
)
def test_a_history_that_no_lock_allows_is_found(broken: list[Action]) -> None:
    assert explain(broken) is not None


def test_a_hold_ends_by_itself_but_not_before_its_deadline() -> None:
    mine = act("take", "a", 0, 1, 1000)
    assert explain([mine, act("take", "b", 990, 1001, 2000)]) is None
    assert explain([mine, act("take", "b", 900, 990, 2000)]) is not None
    assert explain([mine, act("longer", "a", 500, 501, 1500), act("take", "b", 1100, 1200, 2000)]) is not None
    assert explain([mine, act("longer", "a", 500, 501, 1500), act("take", "b", 1400, 1600, 2000)]) is None
    assert explain([mine, act("saw_taken", "b", 5000, 5001)]) is not None, "whoever asks then sweeps it himself"
    assert explain([mine, act("saw_taken", "b", 900, 5001)]) is None
    assert explain([mine, act("give", "a", 5000, 5001)]) is not None
    longer = dataclasses.replace(mine, is_exact=False)
    assert explain([longer, act("saw_taken", "b", 5000, 5001)]) is None, "it may have got longer"
    assert explain([mine, act("saw_gone", "a", 999, 1001), act("saw_taken", "b", 1002, 1003)]) is not None


def test_what_nobody_knows_may_have_happened_or_not() -> None:
    lost = act("take", "a", 0, 0, perhaps=True)
    assert explain([lost, act("take", "b", 5, 6, 1000)]) is None
    assert explain([lost, act("saw_taken", "b", 5, 6)]) is None
    assert explain([lost, act("saw_taken", "b", 5, 6), act("take", "c", 7, 8, 1000)]) is not None
    assert explain([lost, act("saw_taken", "b", 5, 6), act("take", "c", 1010, 1011, 2000)]) is None
    assert explain([act("saw_taken", "b", 0, 1), dataclasses.replace(lost, called_ms=2)]) is not None


def test_a_booking_that_ends_gives_the_seat_back() -> None:
    history = [act("take", "a", 0, 1, 1000), act("sell", "a", 2, 3), act("take", "b", 2000, 2001, 3000)]
    assert explain(history, {"a": 1500}) is None
    assert explain(history, {"a": 2500}) is not None
    assert explain(history, {"b": 1500}) is not None


def step(verb: Verb, number: int, called: float, outcome: Outcome = "ok", **more: object) -> Step:
    made = Step(verb, f"user {number}", UUID(int=number), (1, 2), called, called + 1, outcome)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_refusal_names_every_seat() -> None:
    steps = [step("hold", 1, 0, "refused", reasons={2: "held"})]
    assert [action.kind for action in actions_of(steps, 1, HOLD_MS)] == ["saw_free"]
    assert [action.kind for action in actions_of(steps, 2, HOLD_MS)] == ["saw_taken"]
    assert actions_of(steps, 3, HOLD_MS) == []
    limited = [step("hold", 1, 0, "refused", reasons={2: "held", 1: "limit"})]
    assert actions_of(limited, 1, HOLD_MS) == []
    cooling = [step("hold", 1, 0, "refused", reasons={2: "held", 1: "cooling"})]
    assert [action.kind for action in actions_of(cooling, 1, HOLD_MS)] == ["saw_free"]


def test_a_slow_refusal_may_follow_a_forgotten_hold_of_the_same_user() -> None:
    late = step("hold", 1, 0, "refused", reasons={1: "sold"}, answered_ms=9000.0)
    seen = step("hold", 2, 100, "refused", reasons={1: "held"})
    sold = [step("hold", 3, 8000, deadline_ms=9000.0), step("book", 3, 8010)]
    assert explain(actions_of([late, seen, *sold], 1, HOLD_MS, replay_ms=5000)) is None
    quick = step("hold", 1, 0, "refused", reasons={1: "sold"}, answered_ms=4000.0)
    sold = [step("hold", 3, 3000, deadline_ms=4000.0), step("book", 3, 3010)]
    assert explain(actions_of([quick, seen, *sold], 1, HOLD_MS, replay_ms=5000)) is not None


def test_a_slow_answer_that_a_hold_is_gone_may_follow_its_forgotten_release() -> None:
    held, retaken = step("hold", 1, 0, deadline_ms=1000.0), step("hold", 2, 100, deadline_ms=1100.0)
    slow = step("release", 1, 20, "gone", answered_ms=9000.0)
    assert explain(actions_of([held, slow, retaken], 1, HOLD_MS, replay_ms=5000)) is None
    quick = step("release", 1, 20, "gone", answered_ms=4000.0)
    assert explain(actions_of([held, quick, retaken], 1, HOLD_MS, replay_ms=5000)) is not None


def test_an_extension_that_nobody_heard_of_may_outlast_the_hold() -> None:
    held, seen = step("hold", 1, 0, deadline_ms=1000.0), step("hold", 2, 1500, "refused", reasons={1: "held"})
    again = step("extend", 1, 900, "gone", answered_ms=2500.0)
    assert explain(actions_of([held, again, seen], 1, HOLD_MS)) is None
    assert explain(actions_of([held, seen], 1, HOLD_MS)) is not None


def test_steps_become_the_story_of_a_seat() -> None:
    steps = [
        step("hold", 1, 0, deadline_ms=1000.0),
        step("book", 1, 10, pending=True),
        step("hold", 2, 2000, deadline_ms=3000.0),
        step("release", 2, 2010, "error"),
        step("hold", 3, 2020, deadline_ms=3020.0),
        step("book", 3, 2030),
        step("cancel", 3, 2040),
        step("hold", 4, 2050, deadline_ms=3050.0),
        step("book", 4, 4000, "gone"),
    ]
    ends = ends_of(steps, 1500)
    assert ends == {str(UUID(int=1)): 1510, str(UUID(int=3)): 2040}
    assert explain(actions_of(steps, 1, HOLD_MS), ends) is None
    paid = [*steps, step("confirm", 1, 500)]
    assert explain(actions_of(paid, 1, HOLD_MS), ends_of(paid, 1500)) is not None


# ---------------------------------------------------------------- any history of a lock


@st.composite
def histories(draw: st.DrawFn) -> list[Action]:
    """What a real lock answers, each request around its moment by as much as the network takes."""
    moment, seat, history = 0.0, FREE, []
    for number in range(draw(st.integers(1, 14))):
        moment += draw(st.integers(1, 600))
        if seat.hold and not seat.owned and seat.until_ms <= moment:
            seat = FREE
        mine = seat.hold or "nobody"
        kind = draw(st.sampled_from(["take", "give", "longer", "sell"]))
        until = 0.0
        if kind == "take":
            kind, hold = ("saw_taken" if seat.hold else "take"), f"hold {number}"
            until = moment + HOLD_MS
            seat = seat if seat.hold else Seat(hold, False, until)
        elif not seat.hold or seat.owned:
            kind, hold = "saw_gone", mine
        else:
            hold = seat.hold
            if kind == "give":
                seat = FREE
            elif kind == "longer":
                until = moment + HOLD_MS
                seat = Seat(hold, False, until)
            else:
                seat = Seat(hold, True)
        called, answered = moment - draw(st.integers(0, 300)), moment + draw(st.integers(0, 300))
        perhaps = not kind.startswith("saw") and draw(st.integers(0, 5)) == 0
        history.append(act(kind, hold, called, answered, 0.0 if perhaps else until, perhaps=perhaps))  # type: ignore[arg-type]  # one of the kinds
    return draw(st.permutations(history))


@given(history=histories())
def test_any_history_of_a_real_lock_is_accepted(history: list[Action]) -> None:
    assert explain(history) is None


@given(history=histories(), late=st.integers(1, 400))
def test_one_winner_too_many_is_never_accepted(history: list[Action], late: int) -> None:
    end = max(action.called_ms for action in history) + 10_000
    twice = [act("take", "x", end, end + 1, end + 1000), act("take", "y", end + 2, end + 2 + late, end + 2000)]
    sold = any(action.kind == "sell" for action in history)
    assert sold or explain([*history, *twice[:1]]) is None
    assert explain([*history, *twice]) is not None
