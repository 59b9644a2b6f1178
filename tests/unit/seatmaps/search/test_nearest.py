"""Promises of "these seats or the nearest equal"."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.nearest import nearest_equal
from seatserver.seatmaps.search.score import FORBIDDEN, Offer
from tests.unit.seatmaps.parties import house_rules
from tests.unit.seatmaps.rooms import FREE, HELD, MINUTES, is_ordinary, parts, picture, rooms, selections

OFF = Rules()
ENFORCE = Rules(gap=GapRule(mode="enforce"))


def moved(*rows: str, lost: Iterable[str], rules: Rules = OFF, wheelchairs: int = 0) -> list[str] | None:
    """Where the party of a `picture` is moved when some of its seats are lost, as people say it."""
    seat_map, states, seats = picture(*rows)
    offer = nearest_equal(seat_map, without(seat_map, states, lost), seats, rules, wheelchairs=wheelchairs)
    return [seat_map.seats[seat].label for seat in offer.seats] if offer else None


def without(seat_map: SeatMap, states: bytes, lost: Iterable[str]) -> bytes:
    taken = bytearray(states)
    for label in lost:
        taken[seat_map.index_by_label[label]] = HELD
    return bytes(taken)


def looks(seat_map: SeatMap, seats: Iterable[int]) -> Counter[tuple[str, str, bool]]:
    def kind(seat: int) -> str:
        place = seat_map.seats[seat]
        ordinary = place.kind is SeatKind.COMPANION and is_ordinary(seat_map, seat, None)
        return "standard" if ordinary else str(place.kind)

    return Counter((seat_map.seats[seat].category, kind(seat), seat in seat_map.group_of) for seat in seats)


def displacement(seat_map: SeatMap, seats: Iterable[int], wanted: Iterable[int]) -> float:
    def point(seat: int) -> tuple[float, float]:
        return seat_map.seats[seat].x, seat_map.seats[seat].y

    nearest = [min(math.dist(point(seat), point(other)) for other in wanted) for seat in seats]
    return sum(nearest) / len(nearest)


@settings(deadline=None)
@given(rooms(), house_rules(), st.integers(0, 2), MINUTES, st.data())
def test_an_offered_replacement_is_equal_free_and_within_the_rules(
    hall: tuple[SeatMap, bytes], rules: Rules, wheelchairs: int, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    wanted = data.draw(selections(seat_map, states).filter(bool))
    lost = data.draw(st.sets(st.sampled_from(wanted), min_size=1))
    taken = bytes(HELD if seat in lost else state for seat, state in enumerate(states))
    offer = nearest_equal(seat_map, taken, wanted, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    again = nearest_equal(seat_map, taken, wanted, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert offer == again
    if offer is None:
        return
    assert len(offer.seats) == len(set(offer.seats)) == len(wanted)
    assert all(taken[seat] == FREE for seat in offer.seats)
    if minutes_left is None:
        assert looks(seat_map, offer.seats) == looks(seat_map, wanted)
    assert Counter(seat_map.seats[seat].category for seat in offer.seats) == Counter(
        seat_map.seats[seat].category for seat in wanted
    )
    verdict = judge(seat_map, taken, offer.seats, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    assert not verdict.reasons
    assert offer.breakdown["displacement"] == pytest.approx(displacement(seat_map, offer.seats, wanted))
    assert sum(offer.breakdown.values()) == pytest.approx(offer.cost)


@settings(deadline=None)
@given(rooms(), st.data())
def test_people_who_sat_together_sit_together_again_as_near_as_can_be(
    hall: tuple[SeatMap, bytes], data: st.DataObject
) -> None:
    seat_map, states = hall
    run = data.draw(st.sampled_from(rows_of(seat_map).runs))
    first = data.draw(st.integers(0, len(run) - 1))
    wanted = run[first : first + data.draw(st.integers(1, 5))]
    if any(states[seat] for seat in wanted) or seat_map.torn_groups(wanted):
        return
    lost = data.draw(st.sets(st.sampled_from(wanted), min_size=1))
    taken = bytes(HELD if seat in lost else state for seat, state in enumerate(states))
    wheelchairs = looks(seat_map, wanted)["standard", "wheelchair", False]
    if judge(seat_map, states, wanted, OFF, wheelchairs=wheelchairs).reasons:
        return
    windows = [
        other[start : start + len(wanted)]
        for other in rows_of(seat_map).runs
        for start in range(len(other) - len(wanted) + 1)
    ]
    equal = [
        displacement(seat_map, window, wanted)
        for window in windows
        if not any(taken[seat] for seat in window)
        and looks(seat_map, window) == looks(seat_map, wanted)
        and not judge(seat_map, taken, window, OFF, wheelchairs=wheelchairs).reasons
    ]
    offer = nearest_equal(seat_map, taken, wanted, OFF, wheelchairs=wheelchairs)
    if not equal:
        assert offer is None or (len(offer.parts) > 1 and offer.breakdown["parts"] < FORBIDDEN)
        return
    assert offer is not None and len(offer.parts) == 1
    assert offer.breakdown["displacement"] == pytest.approx(min(equal))


@settings(deadline=None)
@given(rooms(), st.data())
def test_parts_that_are_not_lost_stay_where_they_are(hall: tuple[SeatMap, bytes], data: st.DataObject) -> None:
    seat_map, states = hall
    wanted = data.draw(selections(seat_map, states).filter(lambda seats: len(parts(seat_map, seats)) > 1))
    lost = data.draw(st.sampled_from(wanted))
    taken = bytes(HELD if seat == lost else state for seat, state in enumerate(states))
    kept = {seat for part in parts(seat_map, wanted) if lost not in part for seat in part}
    offer = nearest_equal(seat_map, taken, wanted, OFF)
    # What is kept must be able to stand by itself: no halves of groups that were spread over several parts.
    if offer is not None and not judge(seat_map, states, wanted, OFF).reasons and not seat_map.torn_groups(kept):
        assert kept.issubset(offer.seats) or moves_as_a_whole(seat_map, taken, wanted, kept)


def moves_as_a_whole(seat_map: SeatMap, states: bytes, wanted: tuple[int, ...], kept: set[int]) -> bool:
    """Whether what is not kept has nowhere to go by itself."""
    rest = tuple(seat for seat in wanted if seat not in kept)
    closed = bytes(HELD if seat in kept else state for seat, state in enumerate(states))
    return nearest_equal(seat_map, closed, rest, OFF) is None


def test_a_selection_that_is_free_stays_as_it_is() -> None:
    seat_map, states, seats = picture("..oo..")
    offer = nearest_equal(seat_map, states, seats, ENFORCE)
    assert offer is not None and offer.seats == seats and offer.breakdown["displacement"] == 0


def test_seats_that_are_still_free_are_kept_when_the_party_stays_together() -> None:
    assert moved("..ooo...", lost=["A-5"]) == ["A-2", "A-3", "A-4"]
    assert moved("x.ooo.xx", "...xx...", lost=["A-4"]) == ["B-1", "B-2", "B-3"]
    assert moved("xxooo.xx", "xxxxx.xx", lost=["A-3"]) == ["A-4", "A-5", "A-6"]


def test_a_party_that_cannot_stay_together_is_split_near_where_it_was() -> None:
    assert moved("xoooo.x", "xx..xxx", lost=["A-3"]) == ["A-4", "A-5", "B-3", "B-4"]
    assert moved("x.ooo.xx", lost=["A-4"]) == ["A-2", "A-3", "A-5"]
    assert moved("x.oooxxxxx..", lost=["A-3", "A-4", "A-5"]) is None


def test_one_of_two_who_chose_to_sit_apart_moves_alone() -> None:
    assert moved("o......o", lost=["A-8"]) == ["A-1", "A-7"]


def test_another_category_is_not_equal() -> None:
    assert moved("xOOxpp", "oo....", lost=["A-2"]) == ["A-5", "A-6", "B-1", "B-2"]
    assert moved("xOOx..", lost=["A-2"]) is None
    assert moved("Oo..p.", lost=["A-1"]) in (["A-4", "A-5"], ["A-5", "A-6"])


def test_a_lost_sofa_is_replaced_by_a_whole_sofa() -> None:
    hall = grand_hall()
    first, second = hall.groups[:2]
    states = bytearray(hall.place_count)
    states[first[0]] = HELD
    offer = nearest_equal(hall, bytes(states), first, OFF)
    assert offer is not None and offer.seats == second


def test_a_lost_wheelchair_place_is_replaced_by_another_with_its_companion() -> None:
    seat_map, states, _ = picture("Wc......", "Wc......", "........")
    wanted = [seat_map.index_by_label[label] for label in ("A-1", "A-2")]
    taken = without(seat_map, states, ["A-1"])
    offer = nearest_equal(seat_map, taken, wanted, OFF, wheelchairs=1)
    assert offer is not None
    assert [seat_map.seats[seat].label for seat in offer.seats] == ["B-1", "B-2"]
    assert nearest_equal(seat_map, without(seat_map, taken, ["B-1"]), wanted, OFF, wheelchairs=1) is None
    # Nobody who does not need one gets one.
    assert nearest_equal(seat_map, taken, wanted, OFF) is None


def test_free_seats_that_the_rules_refuse_are_replaced() -> None:
    assert moved("..oo...", lost=[], rules=OFF) == ["A-3", "A-4"]
    assert moved(".oo....", lost=[], rules=ENFORCE) == ["A-1", "A-2"]


@pytest.mark.parametrize("rules", [OFF, ENFORCE])
def test_the_nearest_equal_is_found_far_away_too(rules: Rules) -> None:
    rows = ["oo" + "x" * 40 + "..x", *["x" * 45] * 20, "x" * 44 + "."]
    assert moved(*rows, lost=["A-1", "A-2"], rules=rules) == ["A-43", "A-44"]


def test_no_seats_have_no_equal() -> None:
    seat_map, states, _ = picture("...")
    assert nearest_equal(seat_map, states, [], OFF) is None


def test_seats_or_states_of_another_hall_raise_a_value_error() -> None:
    seat_map, states, _ = picture("...")
    with pytest.raises(ValueError, match=r"expected numbered seats of this hall, got \[7\]"):
        nearest_equal(seat_map, states, [1, 7], OFF)
    with pytest.raises(ValueError, match="expected 3 states, got 4"):
        nearest_equal(seat_map, states + b"\0", [1], OFF)


def test_an_offer_says_what_it_is() -> None:
    seat_map, states, seats = picture("..oo..")
    offer = nearest_equal(seat_map, without(seat_map, states, ["A-3"]), seats, OFF)
    assert isinstance(offer, Offer) and offer.parts == (offer.seats,) and offer.alone == 0
