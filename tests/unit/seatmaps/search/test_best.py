"""Promises of best available: never worse than trying everything, always right by the rules, in useful order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall, studio
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import GeneralArea, SeatMap
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.best import best_offers
from seatserver.seatmaps.search.score import Offer, Weights, Wish, cost_of
from tests.unit.seatmaps.halls import with_areas
from tests.unit.seatmaps.parties import best_by_brute_force, house_rules, is_right, wishes
from tests.unit.seatmaps.rooms import FREE, HELD, MINUTES, room, rooms

ENFORCE = Rules(gap=GapRule(mode="enforce"))
SOLD = 3


def offered(*rows: str, wish: Wish, rules: Rules = ENFORCE, minutes_left: float | None = None) -> list[str]:
    """The best offer in a `room`, as people say it."""
    seat_map, states = room(*rows)
    offers = best_offers(seat_map, states, wish, rules, minutes_left=minutes_left)
    return [seat_map.seats[seat].label for offer in offers for seat in offer.seats]


def said(seat_map: SeatMap, offer: Offer) -> list[str]:
    return [seat_map.seats[seat].label for seat in offer.seats]


@settings(deadline=None)
@given(rooms(), house_rules(), MINUTES, st.data())
def test_no_right_offer_is_better_than_the_best(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    wish = data.draw(wishes(states))
    found = best_offers(seat_map, states, wish, rules, minutes_left=minutes_left)
    best = best_by_brute_force(seat_map, states, wish, rules, minutes_left)
    assert [offer.order[:2] for offer in found] == ([best.order[:2]] if best else [])
    if best:
        [offer] = found
        assert offer.cost == pytest.approx(best.cost)
        assert is_right(seat_map, states, offer, rules, wish.wheelchairs, minutes_left)
        assert len(set(offer.seats)) == wish.count and all(states[seat] == FREE for seat in offer.seats)
        assert offer == cost_of(seat_map, offer.seats, wish, states=states, rules=rules, minutes_left=minutes_left)


@settings(deadline=None)
@given(rooms(), house_rules(), MINUTES, st.data())
def test_offers_share_no_seat_and_each_is_the_best_without_those_before_it(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    wish = data.draw(wishes(states))
    found = best_offers(seat_map, states, wish, rules, minutes_left=minutes_left, limit=3)
    assert found == sorted(found, key=lambda offer: offer.order)
    taken: set[int] = set()
    for offer in found:
        assert taken.isdisjoint(offer.seats)
        best = best_by_brute_force(seat_map, states, wish, rules, minutes_left, taken)
        assert best is not None
        assert offer.order[:2] == best.order[:2] and offer.cost == pytest.approx(best.cost)
        taken.update(offer.seats)
    if len(found) < 3:
        assert best_by_brute_force(seat_map, states, wish, rules, minutes_left, taken) is None


@settings(deadline=None)
@given(rooms(), house_rules(), MINUTES, st.data())
def test_avoided_seats_are_offered_only_when_nothing_else_is_left(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    wish = data.draw(wishes(states))
    avoid = data.draw(st.sets(st.integers(0, len(states) - 1)))
    found = best_offers(seat_map, states, wish, rules, minutes_left=minutes_left, avoid=avoid)
    others = best_by_brute_force(seat_map, states, wish, rules, minutes_left, avoid)
    if others is None:
        assert found == best_offers(seat_map, states, wish, rules, minutes_left=minutes_left)
    else:
        assert avoid.isdisjoint(found[0].seats)
        assert found[0].order == pytest.approx(others.order)


@settings(deadline=None)
@given(rooms(), house_rules(), MINUTES, st.data())
def test_excluded_seats_are_never_offered(
    hall: tuple[SeatMap, bytes], rules: Rules, minutes_left: float | None, data: st.DataObject
) -> None:
    seat_map, states = hall
    wish = data.draw(wishes(states))
    without = data.draw(st.sets(st.integers(0, len(states) - 1)))
    found = best_offers(seat_map, states, wish, rules, minutes_left=minutes_left, without=without)
    others = best_by_brute_force(seat_map, states, wish, rules, minutes_left, without)
    assert [offer.order for offer in found] == ([] if others is None else [pytest.approx(others.order)])
    assert all(without.isdisjoint(offer.seats) for offer in found)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mode", ["off", "warn", "enforce"])
def test_in_real_halls_every_offer_keeps_the_rules_however_full_they_are(seed: int, mode: str) -> None:
    chosen = random.Random(seed)
    for hall in (studio(), grand_hall()):
        full = chosen.choice((0.2, 0.5, 0.8, 0.9))
        states = bytearray(SOLD if chosen.random() < full else FREE for _ in range(hall.place_count))
        for group in hall.groups:
            for seat in group:
                states[seat] = states[group[0]]
        rules = Rules(gap=GapRule(mode=mode, width=chosen.choice((1, 2))))  # type: ignore[arg-type]  # a parameter
        for count in range(1, 11):
            wish = Wish(count=count, wheelchairs=chosen.choice((0, 0, min(count, 1))))
            for offer in best_offers(hall, bytes(states), wish, rules, limit=3):
                assert is_right(hall, bytes(states), offer, rules, wish.wheelchairs, None)
                assert len(offer.seats) == count and not any(states[seat] for seat in offer.seats)


def test_the_same_search_gives_the_same_offers() -> None:
    states = bytes(random.Random(1).choice((FREE, HELD)) for _ in range(grand_hall().place_count))
    for count in (1, 4, 9):
        one, other = (best_offers(grand_hall(), states, Wish(count=count), limit=4) for _ in range(2))
        assert one == other


def test_two_people_in_an_empty_hall_sit_in_the_middle_two_thirds_back() -> None:
    hall = grand_hall()
    [offer] = best_offers(hall, bytes(hall.place_count), Wish(count=2))
    assert said(hall, offer) == ["I-12", "I-13"]


def test_a_sofa_is_offered_whole_or_not_at_all() -> None:
    hall = grand_hall()
    empty = bytes(hall.place_count)
    assert best_offers(hall, empty, Wish(count=1, categories=("sofa",))) == []
    [pair] = best_offers(hall, empty, Wish(count=2, categories=("sofa",)))
    assert pair.seats in hall.groups


def test_a_party_that_fits_in_one_run_sits_in_one_run_even_in_a_corner() -> None:
    wish = Wish(count=4, weights=Weights(together=0))
    assert offered("xxxxx....", "xxxxxxxxx", "..x..xxxx", "..x..xxxx", wish=wish) == ["A-6", "A-7", "A-8", "A-9"]


def test_four_who_cannot_sit_in_one_run_sit_in_two_pairs_behind_one_another() -> None:
    wish = Wish(count=4)
    assert offered("xx..xxx", "xx..xxx", "xxxxx..", wish=wish) == ["A-3", "A-4", "B-3", "B-4"]


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        # Rather three and two than four and one.
        (["....xx", "...xxx", "x.xxxx"], [3, 2]),
        # Rather far from the best seats than somebody alone.
        (["..x..xxxxxxxxx", "xxxxxxxxxxxxxx", "xxxxxxxxxxxxxx", "xxxxxxx...x.xx", "xxxxxxxxxxxxxx"], [2, 2]),
        # Three pairs rather than two threes of whom one is alone: nobody is.
        (["..xx", "..xx", "..xx"], [2, 2, 2]),
    ],
)
def test_nobody_sits_alone_while_there_is_another_way(rows: list[str], sizes: list[int]) -> None:
    seat_map, states = room(*rows)
    [offer] = best_offers(seat_map, states, Wish(count=sum(sizes)))
    assert sorted(map(len, offer.parts), reverse=True) == sizes
    assert offer.alone == 0


def test_somebody_sits_alone_when_there_is_no_other_way_but_near_the_others() -> None:
    seat_map, states = room("x..x", "xx.x", "xxxx", "xxxx", ".xxx")
    [offer] = best_offers(seat_map, states, Wish(count=3))
    assert (offer.alone, said(seat_map, offer)) == (1, ["A-2", "A-3", "B-3"])


def test_a_party_is_not_split_over_seats_that_are_not_near_each_other() -> None:
    assert offered("..xxxxxxx", "xxxxxxxxx", "xxxxxxx..", wish=Wish(count=4)) == []


def test_a_party_that_does_not_agree_to_be_split_is_never_split() -> None:
    assert offered("..x", "..x", wish=Wish(count=4, split=False)) == []
    assert len(offered("..x", "..x", wish=Wish(count=4))) == 4


def test_a_party_across_an_aisle_is_split_too() -> None:
    assert offered("...  ...", wish=Wish(count=6)) == ["A-1", "A-2", "A-3", "A-6", "A-7", "A-8"]


@pytest.mark.parametrize(
    ("rows", "count", "wheelchairs", "seats"),
    [
        # The companion seat before the ordinary one, on whichever side.
        (["....Wc...."], 2, 1, ["A-5", "A-6"]),
        (["....cW...."], 2, 1, ["A-5", "A-6"]),
        # Then ordinary seats beside.
        (["xxxxWc...."], 3, 1, ["A-5", "A-6", "A-7"]),
        (["xxx.Wcx"], 3, 1, ["A-4", "A-5", "A-6"]),
        (["x.Wx."], 2, 1, ["A-2", "A-3"]),
        # Nowhere beside: in the row behind, but not alone in theirs.
        (["xxWxx", "xx..x"], 3, 1, ["A-3", "B-3", "B-4"]),
        # Two wheelchairs, places at both ends of the row: there are no nearer ones.
        (["Wc............cW"], 4, 2, ["A-1", "A-2", "A-15", "A-16"]),
        (["WWcc....."], 4, 2, ["A-1", "A-2", "A-3", "A-4"]),
        (["cWxxxxx", "......."], 2, 2, []),
    ],
)
def test_people_with_a_wheelchair_get_its_place_and_the_others_sit_beside(
    rows: list[str], count: int, wheelchairs: int, seats: list[str]
) -> None:
    assert offered(*rows, wish=Wish(count=count, wheelchairs=wheelchairs), rules=Rules()) == seats


def test_no_more_companion_seats_than_a_wheelchair_has_a_right_to() -> None:
    rules = Rules(companions_per_wheelchair=2)
    found = offered("ccccW....", wish=Wish(count=5, wheelchairs=1), rules=rules)
    assert found == ["A-3", "A-4", "A-5", "A-6", "A-7"]


def test_wheelchair_places_and_companion_seats_go_to_others_only_when_released_and_needed() -> None:
    rules = Rules(companions_free_min=60, wheelchairs_free_min=30)
    assert offered("xWcx", wish=Wish(count=2), rules=rules) == []
    assert offered("xWcx", wish=Wish(count=1), rules=rules, minutes_left=61) == []
    assert offered("xWcx", wish=Wish(count=1), rules=rules, minutes_left=60) == ["A-3"]
    assert offered("xWcx", wish=Wish(count=2), rules=rules, minutes_left=30) == ["A-2", "A-3"]
    far = ["xWcx" + "x" * 20 + "..", *["x" * 26] * 4]
    assert offered(*far, wish=Wish(count=2), rules=rules, minutes_left=10) == ["A-25", "A-26"]


def test_offers_are_only_in_the_wanted_categories_and_areas() -> None:
    assert offered("pp..", wish=Wish(count=2, categories=("standard",))) == ["A-3", "A-4"]
    assert offered("pp..", wish=Wish(count=3, categories=("standard",))) == []
    assert len(offered("pp..", wish=Wish(count=3, categories=("standard", "premium")), rules=Rules())) == 3
    assert offered("pp..", wish=Wish(count=2, categories=("royal",))) == []
    assert offered("....", wish=Wish(count=2, areas=("Balcony",))) == []


def test_under_enforce_no_seat_is_stranded_while_there_is_another_way() -> None:
    assert offered("x..xx...x", wish=Wish(count=2)) == ["A-2", "A-3"]
    assert offered("x...x", wish=Wish(count=2)) in (["A-2", "A-3"], ["A-3", "A-4"])
    seat_map, states = room("x...x")
    [offer] = best_offers(seat_map, states, Wish(count=2), ENFORCE)
    assert len(offer.stranded) == 1
    assert judge(seat_map, states, offer.seats, ENFORCE).whole_room


def test_under_warn_a_stranded_seat_adds_its_weight_to_the_cost() -> None:
    rows = ["x" * 9 + "...x" + "x" * 9 + "..x", *["x" * 25] * 2]
    warn = Rules(gap=GapRule(mode="warn"))

    def column(gaps: float) -> int:
        return int(offered(*rows, wish=Wish(count=2, weights=Weights(gaps=gaps)), rules=warn)[0].split("-")[1])

    assert column(0) < 15
    assert column(10) > 20


def test_the_weights_decide_what_is_best() -> None:
    hall = grand_hall()
    empty = bytes(hall.place_count)

    def row(**weights: float) -> str:
        [offer] = best_offers(hall, empty, Wish(count=2, weights=Weights(**weights)))
        return said(hall, offer)[0]

    assert row() == "I-12"
    assert row(aisle=10) != "I-12"
    [aisle] = best_offers(hall, empty, Wish(count=1, weights=Weights(aisle=10)))
    assert any(aisle.seats[0] in (run[0], run[-1]) for run in rows_of(hall).runs)


def test_places_of_general_areas_are_never_offered() -> None:
    seat_map, _ = room("..")
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=9, x=1, y=9, width=4, height=4)
    park = with_areas(seat_map, [lawn])
    assert [offer.seats for offer in best_offers(park, bytes(11), Wish(count=2))] == [(0, 1)]
    assert best_offers(park, bytes(11), Wish(count=3)) == []
    lawn_only = SeatMap.build(
        name="Park", categories=park.categories, screen=park.screen, seats=(), general_areas=[lawn]
    )
    assert best_offers(lawn_only, bytes(9), Wish(count=1)) == []


def test_states_of_another_hall_raise_a_value_error() -> None:
    with pytest.raises(ValueError, match="expected 326 states, got 3"):
        best_offers(grand_hall(), b"\0\0\0", Wish(count=1))


def test_a_limit_of_zero_gives_no_offers() -> None:
    hall = studio()
    assert best_offers(hall, bytes(hall.place_count), Wish(count=2), limit=0) == []
