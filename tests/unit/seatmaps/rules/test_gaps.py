"""Promises of the gap rule: which seats a selection would strand, and what decided it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules import model
from seatserver.seatmaps.rules.gaps import Cuts, stranded_by
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seats.states import SeatState
from tests.unit.seatmaps.rooms import FREE, HELD, MINUTES, parts, picture, room, rooms, rules, selections, strands


def stranded(row: str, *others: str, minutes_left: float | None = None, rule: GapRule | None = None) -> list[str]:
    """What the selection of a `picture` would strand, as people say it."""
    seat_map, states, seats = picture(row, *others)
    found = stranded_by(seat_map, states, seats, Rules(gap=rule or GapRule()), minutes_left=minutes_left)
    return [seat_map.seats[seat].label for seat in found.stranded]


@pytest.mark.parametrize(
    ("row", "alone"),
    [
        (".oo...", ["A-1"]),
        ("oo....", []),
        ("..oo..", []),
        ("...oo.", ["A-6"]),
        ("x.o...", ["A-2"]),
        ("xo....", []),
        (".o.o..", ["A-1", "A-3"]),
        ("oo oo", []),
        ("... .oo", ["A-5"]),
    ],
)
def test_one_free_seat_between_a_selection_and_what_is_closed_is_stranded(row: str, alone: list[str]) -> None:
    assert stranded(row) == alone


@pytest.mark.parametrize("row", ["xoox", "xo", "x.x.x..oo", "o", ". oo", "x.xoox"])
def test_filling_a_gap_strands_nobody_and_neither_do_seats_stranded_before(row: str) -> None:
    assert stranded(row) == []


def test_taking_a_part_of_a_narrow_stretch_strands_nobody_anew() -> None:
    assert stranded("x.ox", rule=GapRule(width=1)) == ["A-2"]
    assert stranded("x.ox", rule=GapRule(width=2)) == []
    # This one was not closed before: it touched the row's end, where nothing counts as a gap.
    assert stranded("x.o", rule=GapRule(width=2, row_ends=False)) == ["A-2"]


def test_the_width_says_which_stretches_are_gaps() -> None:
    for width, alone in ((1, []), (2, ["A-1", "A-2"]), (3, ["A-1", "A-2", "A-5", "A-6", "A-7"])):
        assert stranded("..oo...", rule=GapRule(width=width)) == alone


def test_aisles_and_row_ends_close_a_stretch_only_where_the_rule_says_so() -> None:
    row = ".o... .oo.. ..o."
    assert stranded(row) == ["A-1", "A-7", "A-16"]
    assert stranded(row, rule=GapRule(aisles=False)) == ["A-1", "A-16"]
    assert stranded(row, rule=GapRule(row_ends=False)) == ["A-7"]
    assert stranded(row, rule=GapRule(aisles=False, row_ends=False)) == []


def test_a_taken_seat_closes_a_stretch_whatever_aisles_and_row_ends_do() -> None:
    free = GapRule(aisles=False, row_ends=False)
    assert stranded("x.o... ...o.o", rule=free) == ["A-2", "A-12"]


def test_the_rows_farthest_from_the_screen_are_exempt() -> None:
    rows = (".oo..", ".oo..", ".oo..")
    for count, alone in enumerate((["A-1", "B-1", "C-1"], ["A-1", "B-1"], ["A-1"], [])):
        assert stranded(*rows, rule=GapRule(exempt_last_rows=count)) == alone


def test_rows_equally_far_from_the_screen_are_exempt_together() -> None:
    seat_map, states, seats = picture(".oo..", ".oo..", ".oo..")
    level = SeatMap.decode(seat_map.encode().replace(b'"y":1.0', b'"y":1.8'))
    found = stranded_by(level, states, seats, Rules(gap=GapRule(exempt_last_rows=1)))
    assert [level.seats[seat].label for seat in found.stranded] == ["A-1"]


def test_places_for_people_with_a_wheelchair_close_a_stretch_until_they_are_released() -> None:
    row = "W.o..Wc.o.."
    assert stranded(row) == ["A-2", "A-8"]
    assert stranded(row, minutes_left=30.0) == ["A-2"]
    freed = Rules(gap=GapRule(), wheelchairs_free_min=30)
    seat_map, states, seats = picture(row)
    assert stranded_by(seat_map, states, seats, freed, minutes_left=30.0).stranded == ()


def test_places_for_people_with_a_wheelchair_are_never_stranded_themselves() -> None:
    assert stranded("oWo..") == []
    assert stranded("ooWcx") == []


def test_a_whole_sofa_is_not_stranded_but_a_seat_beside_it_can_be() -> None:
    wide = GapRule(width=3)
    assert stranded("oo<>x", rule=wide) == []
    assert stranded("oo<>.x", rule=wide) == ["A-5"]


def test_half_a_sofa_that_nobody_can_have_closes_a_stretch() -> None:
    seat_map, states = room(".<>...")
    half = bytes(HELD if seat == 2 else state for seat, state in enumerate(states))
    assert stranded_by(seat_map, half, (0,), Rules()).stranded == ()
    seat_map, states = room("...<>.")
    half = bytes(HELD if seat == 4 else state for seat, state in enumerate(states))
    found = stranded_by(seat_map, half, (0, 1), Rules())
    assert found.stranded == (2,)
    assert (4, False) in found.guards


def test_the_chosen_seats_beside_a_stranded_one_are_named() -> None:
    seat_map, states, seats = picture("oo.ooo...", "ooo......")
    found = stranded_by(seat_map, states, seats, Rules())
    assert (found.stranded, found.beside) == ((2,), (1, 3))


def test_only_seats_near_the_selection_are_guards() -> None:
    seat_map, states, seats = picture("..........oo..........", "......................")
    for width in (1, 2, 3):
        found = stranded_by(seat_map, states, seats, Rules(gap=GapRule(width=width)))
        near = [*range(10 - width - 1, 10), *range(12, 12 + width + 1)]
        assert sorted(found.guards) == [(seat, True) for seat in near]


@given(rooms(), rules(), MINUTES, st.data())
def test_a_seat_is_stranded_when_its_stretch_becomes_too_narrow(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    found = stranded_by(seat_map, states, seats, rules, minutes_left=minutes_left)
    assert set(found.stranded) == strands(seat_map, states, seats, rules, minutes_left)


@given(rooms(), rules(), MINUTES, st.data())
def test_the_verdict_does_not_depend_on_whether_the_seats_are_free(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    taken = bytes(HELD if seat in seats else state for seat, state in enumerate(states))
    found = stranded_by(seat_map, states, seats, rules, minutes_left=minutes_left)
    assert stranded_by(seat_map, taken, seats, rules, minutes_left=minutes_left) == found


@given(rooms(), rules(), MINUTES, st.data())
def test_the_table_of_cuts_agrees_with_the_judgement_of_one_selection(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states))
    cuts = Cuts(seat_map, states, rules, minutes_left=minutes_left)
    for window in parts(seat_map, seats):
        if not seat_map.torn_groups(window):
            found = stranded_by(seat_map, states, window, rules, minutes_left=minutes_left)
            assert cuts.of(window) == len(found.stranded)
    some = data.draw(st.sets(st.sampled_from(range(len(rows_of(seat_map).runs)))))
    partly = Cuts(seat_map, states, rules, minutes_left=minutes_left, runs=some)
    for run in range(len(rows_of(seat_map).runs)):
        partly.add(run)
    assert (partly.left, partly.right, partly.line) == (cuts.left, cuts.right, cuts.line)


def test_free_is_the_same_number_everywhere() -> None:
    assert model.FREE == SeatState.FREE == FREE
