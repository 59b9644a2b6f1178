"""From a wish to a search: what is never given up, what is, and in which order."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.concierge.plans import NobodyComes, TooDear, places_in_depth, plans, rows_beyond
from seatserver.concierge.wishes.model import Depth, Limit, Shift, Side, Wish
from seatserver.errors import SeatServerError, TicketsRefused
from seatserver.seats.states import SeatState
from tests.unit.concierge.evening import HALL, TONIGHT, Found, found, states

ROWS = tuple(dict.fromkeys(seat.row for seat in HALL.seats))
big_parties = st.builds(
    Wish,
    people=st.integers(6, 12),
    tickets=st.dictionaries(st.sampled_from(("child", "senior")), st.integers(1, 3), max_size=2),
    wheelchairs=st.sampled_from((0, 0, 0, 1, 2)),
    categories=st.sampled_from(((), (), ("premium",), ("sofa",), ("standard", "front"))),
    rows=st.sampled_from(((), (), ("F",), ("A", "B"), ("N",))),
    depth=st.none() | st.sampled_from(Depth),
    avoid=st.lists(st.sampled_from(Depth), max_size=2, unique=True).map(tuple),
    side=st.none() | st.sampled_from(Side),
    centre=st.booleans(),
    aisle=st.booleans(),
    together=st.booleans(),
    limit=st.none() | st.builds(Limit, minor=st.integers(0, 20_000), each=st.booleans()),
    cheap=st.booleans(),
)

wishes = big_parties | big_parties.map(
    lambda wish: msgspec.structs.replace(wish, people=max(2, wish.wheelchairs), tickets={})
)


def is_met(wish: Wish, name: str, offer: Found) -> bool:
    """Whether an offer meets one part of a wish, looked up in the hall seat by seat."""
    seats = [HALL.index_by_label[label] for label in offer.seats]
    places, count = places_in_depth(HALL)
    thirds = {Depth.FRONT: 0, Depth.MIDDLE: 1, Depth.BACK: 2}

    def is_in(depth: Depth, place: int) -> bool:
        if depth in thirds:
            return min(2, place * 3 // count) == thirds[depth]
        return place == (0 if depth is Depth.FIRST else count - 1)

    def beside(x: float) -> float:
        return x - HALL.screen.x if wish.side is Side.RIGHT else HALL.screen.x - x

    return {
        "rows": not wish.rows or all(HALL.seats[seat].row in wish.rows for seat in seats),
        "categories": not wish.categories or all(HALL.seats[seat].category in wish.categories for seat in seats),
        "side": wish.side is None or all(beside(HALL.seats[seat].x) >= 0 for seat in seats),
        "depth": all(
            (wish.depth is None or is_in(wish.depth, places[seat]))
            and not any(is_in(depth, places[seat]) for depth in wish.avoid)
            for seat in seats
        ),
        "together": not wish.together or len(offer.reasons.parts) == 1,
    }[name]  # fmt: skip


@given(wishes, st.lists(st.sampled_from(range(len(HALL.seats))), max_size=250))
def test_an_offer_meets_all_of_the_wish_but_what_it_says_it_gave_up(wish: Wish, taken: list[int]) -> None:
    room = bytearray(states())
    for seat in taken:
        room[seat] = SeatState.HELD
    try:
        offer = found(wish, bytes(room))
    except (TooDear, TicketsRefused):
        return
    if offer is None:
        return
    reasons = offer.reasons
    assert len(set(offer.seats)) == wish.people
    assert all(room[HALL.index_by_label[label]] == SeatState.FREE for label in offer.seats)
    assert reasons.wheelchairs == min(wish.wheelchairs, wish.people or 0)
    if wish.limit is not None and not wish.limit.each:
        assert reasons.total_minor <= wish.limit.minor, "a limit is never given up"
    unmet = {name for name in ("rows", "categories", "side", "depth", "together") if not is_met(wish, name, offer)}
    assert unmet <= {name if name != "edge" else "depth" for name in reasons.given_up}


def test_what_weighs_least_is_given_up_first_and_only_what_was_wished() -> None:  # pragma: allowlist secret
    wish = Wish(people=2, cheap=True, side=Side.LEFT, depth=Depth.LAST, rows=("N",), together=True)
    given_up = [plan.given_up for plan in plans(wish, TONIGHT)]
    assert given_up[0] == ()
    assert given_up[-1] == ("cheap", "side", "edge", "depth", "rows", "together")
    assert all(earlier == later[: len(earlier)] for earlier, later in pairwise(given_up))
    assert [plan.given_up for plan in plans(Wish(people=2), TONIGHT)] == [()]


def test_a_limit_that_no_seat_meets_says_what_the_cheapest_would_cost() -> None:
    with pytest.raises(TooDear) as error:
        found(Wish(people=2, limit=Limit(minor=1000)))
    assert error.value.least_minor == 2 * 900 + 90


def test_a_limit_for_each_counts_the_ticket_without_the_fee() -> None:
    offer = found(Wish(people=2, limit=Limit(minor=1200, each=True)))
    assert offer is not None
    assert offer.reasons.total_minor == 2 * 1200 + 90


def test_nobody_is_seated_before_it_is_known_how_many_come() -> None:
    with pytest.raises(NobodyComes):
        found(Wish(aisle=True))


def test_children_alone_are_refused_by_the_tariff_and_not_seated() -> None:
    with pytest.raises(SeatServerError) as error:
        found(Wish(people=2, tickets={"child": 2}))
    assert error.value.facts["rule"] == "only_with"


def test_a_seat_by_the_aisle_that_is_none_is_admitted() -> None:
    aisle = found(Wish(people=2, aisle=True))
    assert aisle is not None
    assert aisle.reasons.aisle
    assert "aisle" not in aisle.reasons.given_up
    one_block = tuple(seat.label for seat in HALL.seats if seat.row != "J" or seat.number not in ("8", "9"))
    middle = found(Wish(people=2, aisle=True), states(one_block))
    assert middle is not None
    assert middle.seats == ("J-8", "J-9")
    assert middle.reasons.given_up == ("aisle",)


def test_rows_beyond_an_offer_are_those_in_front_of_it_or_behind_it() -> None:
    seats = [HALL.index_by_label["K-12"], HALL.index_by_label["L-12"]]
    assert rows_beyond(HALL, seats, Shift.BACKWARD) == ("M", "N")
    assert rows_beyond(HALL, seats, Shift.FORWARD) == ROWS[: ROWS.index("K")]
    assert rows_beyond(HALL, [], Shift.BACKWARD) == ()


def test_a_wish_from_outside_is_checked_as_it_is_read() -> None:
    for text in (b'{"people":0}', b'{"people":51}', b'{"seats":[1]}', b'{"depth":"roof"}', b'{"limit":{"minor":-1}}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(text, type=Wish)
