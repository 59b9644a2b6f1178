"""Every state that the protocol can reach, even with faults, keeps the promises; every broken build breaks one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.bookings.checkout import Checkout
from seatserver.bookings.reconcile import Reconciler
from seatserver.bookings.seat_changes import Relay
from seatserver.seats.store import SeatStore
from tests.model.locks import deadlocks
from tests.model.protocol import Mutant, State, explore, healthy, steps

OWNERS = {"SeatStore": SeatStore, "Checkout": Checkout, "Relay": Relay, "Reconciler": Reconciler}
baskets = st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True)


def test_the_protocol_keeps_its_promises_in_every_state_it_can_reach() -> None:
    states, trace = explore(faults=2)
    assert trace is None
    assert states > 10_000, "that would not be the whole protocol"


@pytest.mark.parametrize("mutant", list(Mutant))
def test_the_model_catches_a_broken_build(mutant: Mutant) -> None:
    _, trace = explore(mutant, faults=1)
    assert trace is not None, mutant.value
    print(f"{mutant.value}: {trace.promise}, after {' > '.join(trace.actions)}")


def test_every_action_of_the_model_names_a_function_in_the_code() -> None:
    seen, queue, names = {State()}, [State()], set()
    while queue:
        state = queue.pop()
        for action, following in (*steps(state, faults=1), *healthy(state)):
            names.add(action.split(",")[0].split(" ")[0])
            if following not in seen:
                seen.add(following)
                queue.append(following)
    functions = {name for name in names if "." in name}
    assert len(functions) >= 10
    for function in functions:
        owner, name = function.split(".")
        assert callable(getattr(OWNERS[owner], name)), function


@given(first=baskets, second=baskets, third=baskets)
def test_baskets_written_in_seat_order_never_deadlock(first: list[int], second: list[int], third: list[int]) -> None:
    assert not deadlocks([sorted(first), sorted(second), sorted(third)])


def test_baskets_written_in_any_order_can_deadlock() -> None:
    assert deadlocks([[1, 2], [2, 1]])
