"""Promises of the one function that decides about a selection."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.gaps import Cuts, stranded_by
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules import Rules, judge
from tests.unit.seatmaps.rooms import (
    FREE,
    HELD,
    allowed_by_kind,
    alternatives,
    parts,
    rooms,
    rules,
    strands,
)

MINUTES = st.sampled_from((None, 90.0, 60.0, 45.0, 10.0))


@st.composite
def selections(draw: st.DrawFn, seat_map: SeatMap, states: bytes) -> tuple[int, ...]:
    """Free seats, groups whole: one stretch of neighbours, or two, or any."""
    free = {seat for seat, state in enumerate(states) if state == FREE}
    for group in seat_map.groups:
        if not free.issuperset(group):
            free.difference_update(group)
    chosen: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        run = draw(st.sampled_from(seat_map.runs))
        start = draw(st.integers(0, len(run) - 1))
        for seat in run[start : start + draw(st.integers(1, 5))]:
            chosen.update(seat_map.group_of.get(seat, (seat,)))
    return tuple(sorted(chosen & free))


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_under_enforce_a_selection_passes_exactly_when_the_party_could_not_sit_kinder(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    if not allowed_by_kind(seat_map, seats, rules, wheelchairs, minutes_left):
        assert set(verdict.reasons.values()) <= {"companion", "wheelchair"} and verdict.reasons
        return
    stranded = strands(seat_map, states, seats, rules, minutes_left)
    assert verdict.stranded == tuple(sorted(stranded))
    kinder = [
        other
        for other in alternatives(seat_map, states, seats, rules, wheelchairs, minutes_left)
        if len(strands(seat_map, states, other, rules, minutes_left)) < len(stranded)
    ]
    assert bool(verdict.reasons) == bool(kinder)
    assert verdict.whole_room == (bool(stranded) and not kinder)
    assert (verdict.fix is not None) == bool(kinder)
    if verdict.fix is not None:
        assert set(verdict.reasons.values()) == {"gap"} and set(verdict.reasons) <= set(seats)
        again = judge(seat_map, states, verdict.fix, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        assert not again.reasons and len(again.stranded) < len(stranded)
        assert len(verdict.fix) == len(seats) and all(states[seat] == FREE for seat in verdict.fix)


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_only_the_guards_and_the_chosen_seats_decide(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert all((states[seat] == FREE) == free for seat, free in verdict.guards)
    assert not {seat for seat, _ in verdict.guards}.intersection(seats)
    if verdict.reasons or verdict.whole_room:
        return
    fixed = {*seats, *(seat for seat, _ in verdict.guards)}
    other = bytes(
        state if seat in fixed else data.draw(st.sampled_from((FREE, HELD))) for seat, state in enumerate(states)
    )
    again = judge(seat_map, other, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    # The same, though it may name another seat of a half-taken group as the guard.
    assert again == msgspec.structs.replace(verdict, guards=again.guards)


@given(rooms(), rules(), MINUTES, st.data())
def test_the_table_of_cuts_agrees_with_the_look_at_one_selection(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    cuts = Cuts(seat_map, states, rules, minutes_left=minutes_left)
    for window in parts(seat_map, seats):
        if not seat_map.torn_groups(window):
            found = stranded_by(seat_map, states, window, rules, minutes_left=minutes_left)
            assert cuts.of(window) == len(found.stranded)
    some = data.draw(st.sets(st.sampled_from(range(len(seat_map.runs)))))
    partly = Cuts(seat_map, states, rules, minutes_left=minutes_left, runs=some)
    for run in range(len(seat_map.runs)):
        partly.add(run)
    assert (partly.left, partly.right, partly.line) == (cuts.left, cuts.right, cuts.line)
