"""Promises of the stated score: what it is made of, and that it is what its table says."""

from __future__ import annotations

import math
from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall
from seatserver.seatmaps.model import GeneralArea, SeatKind, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.score import (
    ALONE,
    BESIDE,
    FORBIDDEN,
    PART,
    STRANDED,
    Offer,
    Weights,
    Wish,
    cost_of,
    focal_point,
)
from tests.unit.seatmaps.parties import weights
from tests.unit.seatmaps.rooms import parts, picture, room, rooms, selections

WARN = Rules(gap=GapRule(mode="warn"))
NOTHING = Weights(distance=0, centre=0, row=0, aisle=0, together=0, gaps=0)


def offer(*rows: str, weights: Weights = NOTHING, wheelchairs: int = 0, rules: Rules = WARN) -> Offer:
    """The chosen seats of a `picture`, as an offer."""
    seat_map, states, seats = picture(*rows)
    wish = Wish(count=len(seats), weights=weights, wheelchairs=wheelchairs)
    return cost_of(seat_map, seats, wish, states=states, rules=rules)


@given(rooms(), weights(), st.integers(0, 2), st.data())
def test_the_breakdown_names_every_component_and_sums_to_the_cost(
    hall: tuple[SeatMap, bytes], weights: Weights, wheelchairs: int, data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states).filter(bool))
    wish = Wish(count=len(seats), weights=weights, wheelchairs=min(wheelchairs, len(seats)))
    found = cost_of(seat_map, seats, wish, states=states, rules=WARN)
    assert list(found.breakdown) == [
        "distance", "centre", "row", "aisle", "parts", "spread", "alone", "gaps", "kinds",
    ]  # fmt: skip
    assert sum(found.breakdown.values()) == pytest.approx(found.cost)
    assert all(part >= 0 for part in found.breakdown.values())
    assert sorted(found.seats) == sorted(seats) == sorted(seat for part in found.parts for seat in part)
    assert sorted(found.parts) == sorted(parts(seat_map, seats))


@given(rooms(), st.data())
def test_distance_centre_and_row_are_means_over_the_people_in_pitches(
    hall: tuple[SeatMap, bytes], data: st.DataObject
) -> None:
    seat_map, states = hall
    seats = data.draw(selections(seat_map, states).filter(bool))
    x, y = focal_point(seat_map)
    places = [seat_map.seats[seat] for seat in seats]
    wish = Wish(count=len(seats), weights=msgspec.structs.replace(NOTHING, distance=2, centre=3, row=4))
    found = cost_of(seat_map, seats, wish).breakdown
    assert found["distance"] == pytest.approx(2 * sum(math.dist((p.x, p.y), (x, y)) for p in places) / len(places))
    assert found["centre"] == pytest.approx(3 * sum(abs(p.x - x) for p in places) / len(places))
    assert found["row"] == pytest.approx(4 * sum(abs(p.y - y) for p in places) / len(places))


def test_the_focal_point_is_before_the_screens_middle_two_thirds_back() -> None:
    seat_map, _ = room("....", "....", "....", "....")
    assert focal_point(seat_map) == (0.0, 2.0)
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=9, x=1, y=9, width=4, height=4)
    only_lawn = SeatMap.build(
        name="Park", categories=seat_map.categories, screen=seat_map.screen, seats=(), general_areas=[lawn]
    )
    assert focal_point(only_lawn) == (0.0, -3.0)


@pytest.mark.parametrize(("row", "seats_to_pass"), [("oo...", 0.5), (".oo..", 1.5), ("..o..", 2.0), ("... o.", 0.0)])
def test_the_aisle_component_counts_seats_to_the_nearer_end_of_the_run(row: str, seats_to_pass: float) -> None:
    assert offer(row, weights=msgspec.structs.replace(NOTHING, aisle=1)).cost == seats_to_pass


def test_every_part_beyond_the_first_costs() -> None:
    together = msgspec.structs.replace(NOTHING, together=2)
    assert offer(".oooo.", weights=together).breakdown["parts"] == 0
    assert offer(".oo.", ".oo.", weights=together).breakdown["parts"] == 2 * PART
    assert offer("oo..", "oo..", "oo..", weights=together).breakdown["parts"] == 4 * PART


def test_the_spread_is_how_far_people_are_from_the_middle_of_the_largest_part() -> None:
    together = msgspec.structs.replace(NOTHING, together=1)
    assert offer("...", "ooo", ".o.", weights=together).breakdown["spread"] == pytest.approx(1 / 4)
    assert offer("...", "ooo", "o..", weights=together).breakdown["spread"] == pytest.approx(math.sqrt(2) / 4)
    # Of equal parts the one in the middle is the main part.
    assert offer("o", "o", "o", weights=together).breakdown["spread"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("rows", "alone"),
    [
        (["o..."], 0),
        (["oo.."], 0),
        (["ooo.", "...o"], 1),
        (["oo..", "oo.."], 0),
        (["o.oo"], 1),
        (["o.o.", ".o.."], 3),
        # Across an aisle and in the row behind people still belong together; two rows on or far aside they do not.
        (["oo oo"], 0),
        (["oo..", "xxxx", "oo.."], 4),
        (["oo......oo"], 4),
    ],
)
def test_a_part_of_one_is_alone_and_so_is_everybody_in_a_scattered_party(rows: list[str], alone: int) -> None:
    found = offer(*rows, weights=msgspec.structs.replace(NOTHING, together=1))
    assert found.alone == alone
    assert found.breakdown["alone"] == ALONE * alone


def test_a_party_that_is_scattered_is_ranked_behind_all_others_whatever_the_weights() -> None:
    assert offer("oo..", "xxxx", "oo..").cost >= FORBIDDEN > offer("o.o.", ".o.o").cost


def test_stranded_seats_cost_under_warn_and_are_nearly_forbidden_under_enforce() -> None:
    weights = msgspec.structs.replace(NOTHING, gaps=3)
    warned = offer(".oo...", weights=weights)
    assert (warned.stranded, warned.breakdown["gaps"]) == ((0,), 3 * STRANDED)
    assert offer("oo....", weights=weights).breakdown["gaps"] == 0
    assert offer(".oo...", weights=weights, rules=Rules()).stranded == ()
    enforced = offer(".oo...", weights=weights, rules=Rules(gap=GapRule(mode="enforce")))
    assert enforced.breakdown["gaps"] == FORBIDDEN


def test_wheelchair_places_and_companion_seats_cost_others_most_and_those_they_are_for_least() -> None:
    seat_map, _ = room("..Wc..")
    wheelchair = next(seat for seat, place in enumerate(seat_map.seats) if place.kind is SeatKind.WHEELCHAIR)

    def kinds(seats: list[int], wheelchairs: int) -> float:
        return cost_of(seat_map, seats, Wish(count=len(seats), wheelchairs=wheelchairs)).breakdown["kinds"]

    assert kinds([wheelchair, wheelchair + 1], 1) == 0
    assert kinds([wheelchair - 1, wheelchair], 1) == BESIDE / 2
    assert kinds([0, 1], 0) == 0
    assert kinds([1, wheelchair], 0) == FORBIDDEN / 2


def test_parts_are_named_front_row_first_and_seats_from_left_to_right() -> None:
    seat_map, _ = room("......", "......")
    found = cost_of(seat_map, [9, 2, 8, 1], Wish(count=4))
    assert found.parts == ((1, 2), (8, 9))
    assert found.seats == (1, 2, 8, 9)


def test_offers_are_ranked_by_together_then_alone_then_cost() -> None:
    hall = grand_hall()
    wish = Wish(count=3)
    offers = [cost_of(hall, seats, wish) for seats in combinations(range(40, 49), 3)]
    ranked = sorted(offers, key=lambda offer: offer.order)
    assert ranked == sorted(offers, key=lambda offer: (len(offer.parts) > 1, offer.alone, offer.cost))


@pytest.mark.parametrize("name", Weights.__struct_fields__)
@pytest.mark.parametrize("value", ["-0.1", "10.5", "1e999", '"much"', "null"])
def test_a_weight_out_of_its_range_is_refused(name: str, value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.json.decode(f'{{"{name}": {value}}}', type=Weights)


def test_a_wish_for_more_wheelchairs_than_people_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="expected at most 2 wheelchairs in a party of 2"):
        msgspec.json.decode('{"count": 2, "wheelchairs": 3}', type=Wish)
    for wrong in ("0", "51", "-1", "2.5"):
        with pytest.raises(msgspec.ValidationError, match="count"):
            msgspec.json.decode(f'{{"count": {wrong}}}', type=Wish)


def test_no_seats_have_no_cost() -> None:
    with pytest.raises(ValueError, match="at least one seat"):
        cost_of(grand_hall(), [], Wish(count=1))
