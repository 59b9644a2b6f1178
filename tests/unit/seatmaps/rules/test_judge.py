"""Promises of the one function that decides about a selection."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import GeneralArea, SeatMap
from seatserver.seatmaps.rules.judge import MAX_PARTS, Verdict, judge, judge_if_cheap
from seatserver.seatmaps.rules.model import GapRule, Rules
from tests.unit.seatmaps.rooms import (
    FREE,
    HELD,
    MINUTES,
    allowed_by_kind,
    alternatives,
    parts,
    picture,
    room,
    rooms,
    rules,
    selections,
    strands,
)

ENFORCE = Rules(gap=GapRule(mode="enforce"))
PASSES = Verdict({}, (), None, (), False)


def judged(row: str, *others: str, rules: Rules = ENFORCE) -> tuple[list[str], str]:
    """The seats that are refused, and the fix as a picture like the rows given, joined by ``/``."""
    seat_map, states, seats = picture(row, *others)
    verdict = judge(seat_map, states, seats, rules)
    letters = [list(row.replace("o", ".").replace("O", "p")) for row in (row, *others)]
    for seat in verdict.fix or ():
        place = seat_map.seats[seat]
        depth, x = round(place.y), round(place.x)
        letters[depth][x] = "O" if letters[depth][x] == "p" else "o"
    drawn = "/".join("".join(row) for row in letters) if verdict.fix else ""
    return [seat_map.seats[seat].label for seat in sorted(verdict.reasons)], drawn


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_under_enforce_a_selection_passes_exactly_when_there_is_no_kinder_one(
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
def test_the_fix_of_people_who_sit_together_is_the_nearest_in_their_run_or_else_in_the_hall(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    if verdict.fix is None or len(parts(seat_map, seats)) > 1:
        return
    [run] = [run for run in rows_of(seat_map).runs if seats[0] in run]

    def middle(window: Iterable[int]) -> tuple[float, float]:
        places = [seat_map.seats[seat] for seat in window]
        xs = [place.x for place in places]
        return (min(xs) + max(xs)) / 2, places[0].y

    def rank(window: set[int]) -> tuple[int, bool, float]:
        alone = len(strands(seat_map, states, window, rules, minutes_left))
        return alone, not window.issubset(run), math.dist(middle(window), middle(seats))

    others = list(alternatives(seat_map, states, seats, rules, wheelchairs, minutes_left))
    at_home = [other for other in others if other.issubset(run)]
    fewer = min((rank(other)[0] for other in at_home), default=len(verdict.stranded)) < len(verdict.stranded)
    # When its own run only makes it less bad, the rest of the way is counted from there.
    if not fewer or min(map(rank, others))[:2] == (0, False):
        assert rank(set(verdict.fix)) == min(map(rank, others))


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_judging_cheaply_gives_the_same_verdict_or_none(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    seen = judge_if_cheap(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert seen == (None if rules.gap.mode == "enforce" and verdict.stranded else verdict)


def test_a_wheelchair_place_that_a_chosen_companion_seat_needs_does_not_move() -> None:
    seat_map, states = room("x.Wxc", "....")
    rules = Rules(gap=GapRule(mode="enforce"), companions_free_min=None, wheelchairs_free_min=30)
    verdict = judge(seat_map, states, (2, 4), rules, minutes_left=10)
    # The companion seat goes only with that very place, so that there is no other way.
    assert (verdict.reasons, verdict.stranded, verdict.whole_room) == ({}, (1,), True)


def test_every_second_seat_of_a_hall_is_refused_without_searching_for_a_fix() -> None:
    for parts_asked, is_moved in ((MAX_PARTS, True), (MAX_PARTS + 1, False)):
        seat_map, states, seats = picture("." + "o." * parts_asked, "." * parts_asked)
        for look in (judge, judge_if_cheap):
            verdict = look(seat_map, states, seats, ENFORCE)
            if verdict is not None:
                assert set(verdict.reasons.values()) == {"gap"}
                assert (verdict.fix is not None) == is_moved
            assert (verdict is None) == (is_moved and look is judge_if_cheap)


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


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_no_order_of_legal_holds_strands_a_seat_that_an_alternative_would_have_spared(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    held: list[tuple[int, ...]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        if held and data.draw(st.integers(0, 3)) == 0:
            back = held.pop(data.draw(st.integers(0, len(held) - 1)))
            states = bytes(FREE if seat in back else state for seat, state in enumerate(states))
            continue
        seats = data.draw(selections(seat_map, states))
        if not seats:
            continue
        verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
        if verdict.reasons and verdict.fix is not None and data.draw(st.booleans()):
            seats = verdict.fix
            verdict = judge(seat_map, states, seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
            assert not verdict.reasons
        if verdict.reasons:
            continue
        alone = len(strands(seat_map, states, seats, rules, minutes_left))
        for other in alternatives(seat_map, states, seats, rules, wheelchairs, minutes_left):
            assert len(strands(seat_map, states, other, rules, minutes_left)) >= alone
        held.append(seats)
        states = bytes(HELD if seat in seats else state for seat, state in enumerate(states))


@given(rooms(), rules(), st.integers(0, 2), MINUTES, st.data())
def test_a_warning_names_what_would_be_stranded_and_never_refuses(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    verdicts = {}
    for mode in ("off", "warn", "enforce"):
        gap = msgspec.structs.replace(rules.gap, mode=mode)
        its_rules = msgspec.structs.replace(rules, gap=gap)
        verdicts[mode] = judge(seat_map, states, seats, its_rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert "gap" not in {*verdicts["off"].reasons.values(), *verdicts["warn"].reasons.values()}
    assert not (verdicts["off"].stranded or verdicts["off"].guards or verdicts["warn"].guards)
    assert verdicts["warn"].stranded == verdicts["enforce"].stranded
    if verdicts["off"].reasons:
        assert verdicts["off"] == verdicts["warn"] == verdicts["enforce"]


@pytest.mark.parametrize(
    ("row", "refused", "fix"),
    [
        # One seat on fills the gap, on the side of the seat that would be alone.
        (".oo...x", ["A-2"], "oo....x"),
        ("x...oo.x", ["A-6"], "x....oox"),
        # The middle of three.
        ("x.o.x", ["A-3"], "xo..x"),
        # Too narrow a stretch: elsewhere in the run, then elsewhere in the hall.
        ("x.oox....", ["A-3"], "x...xoo.."),
        ("x.oox....x....", ["A-3"], "x...xoo..x...."),
        # Two who sit apart: one moves beside the other.
        (".o.o..", ["A-2", "A-4"], "..oo.."),
        ("oo.oo..", ["A-2", "A-4"], "oooo..."),
        # Other categories do not count.
        ("x.oox.pp", [], ""),
        ("x.OOx.pp", [], ""),
    ],
)
def test_the_fix_is_the_nearest_that_strands_nobody(row: str, refused: list[str], fix: str) -> None:
    assert judged(row) == (refused, fix)


def test_the_fix_is_in_the_nearest_row_when_its_own_has_none() -> None:
    assert judged("x.oox", "x...x", "xx..x", "....x") == (["A-3"], "x...x/x...x/xxoox/....x")


def test_a_party_without_an_alternative_may_strand_a_seat_and_the_verdict_rests_on_the_room() -> None:
    seat_map, states, seats = picture("x.oox", "x...x", "xx.xx")
    assert judge(seat_map, states, seats, ENFORCE) == Verdict({}, (1,), None, (), True)


def test_people_who_chose_to_sit_together_are_not_separated() -> None:
    assert judged("x.oox.x.x") == ([], "")


def test_the_sofas_of_a_party_are_only_exchanged_for_sofas() -> None:
    assert judged("x..oo.x", "<><>") == (["A-5"], "x...oox/<><>")
    seat_map, states = room(".<>...", "<>....")
    assert judge(seat_map, states, (1, 2), ENFORCE).fix == (6, 7)
    seat_map, states = room(".<>...", "......")
    assert judge(seat_map, states, (1, 2), ENFORCE) == Verdict({}, (0,), None, (), True)


def test_the_fix_of_half_a_sofa_is_the_sofa() -> None:
    seat_map, states = room("<><->.")
    assert judge(seat_map, states, (3, 5), Rules()) == Verdict({3: "group"}, (), (2, 3, 4, 5), (), False)
    assert judge(seat_map, states, (1, 5), ENFORCE).fix == (0, 1, 5)
    lost = bytes((HELD, *states[1:]))
    assert judge(seat_map, lost, (1,), ENFORCE) == Verdict({1: "group"}, (), None, (), False)


def test_places_of_general_areas_have_no_neighbours() -> None:
    seat_map, states, seats = picture(".oo...")
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=3, x=0, y=9, width=3, height=3)
    seat_map = msgspec.structs.replace(seat_map, general_areas=(lawn,))
    states += bytes(3)
    assert judge(seat_map, states, (6, 8), ENFORCE) == PASSES
    assert judge(seat_map, states, (8, *seats, 6), ENFORCE).fix == (0, 1, 6, 8)
    meadow = SeatMap.build(
        name="Meadow", categories=seat_map.categories, screen=seat_map.screen, seats=(), general_areas=(lawn,)
    )
    assert judge(meadow, bytes(3), (0, 1), ENFORCE) == PASSES


def test_nothing_chosen_passes() -> None:
    seat_map, states = room("...")
    assert judge(seat_map, states, (), ENFORCE) == PASSES


def test_states_of_another_hall_raise_a_value_error() -> None:
    with pytest.raises(ValueError, match="expected at least 3 states, got 2"):
        judge(room("...")[0], b"\0\0", (0,), ENFORCE)
