"""Promises of prices: the sum is the sum, a rule that is broken is named, and a quote stays what it was."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.errors import BadRequest, TicketsRefused, UnknownSeat
from seatserver.pricing.tariff import (
    MAX_PRICE_MINOR,
    Fees,
    Line,
    Quote,
    Tariff,
    TicketType,
    quote,
    without,
)
from seatserver.seatmaps.model import MAX_SEATS, Category, GeneralArea, Screen, Seat, SeatMap

CATEGORIES = ("front", "back", "lawn")
HALL = SeatMap.build(
    name="Open air",
    categories=[Category(key=key, name=key.title(), color="#0072b2") for key in CATEGORIES],
    screen=Screen(x=1, y=-3, width=4),
    seats=[
        *(Seat(row="A", number=str(x), x=x, y=0, category="front") for x in range(6)),
        *(Seat(row="B", number=str(x), x=x, y=1, category="back") for x in range(6)),
    ],
    general_areas=[
        GeneralArea(key="lawn", name="Lawn", category="lawn", capacity=8, x=2, y=4, width=6, height=2),
    ],
)
FRONT, BACK, LAWN = 0, 6, 12  # a place of each category; the next ones are of the same
ADULT = TicketType(key="adult", name="Adult", prices={"front": 900, "back": 1200, "lawn": 700})
CHILD = TicketType(
    key="child",
    name="Child",
    prices={"front": 500, "lawn": 0},
    at_most=5,
    only_with=("adult",),
    per_companion=2,
)
TARIFF = Tariff(currency="EUR", ticket_types=(ADULT, CHILD), fees=Fees(per_ticket_minor=10, per_booking_minor=100))
Tickets = list[tuple[int, str | None]]


def tickets(**types: list[int]) -> Tickets:
    return [(place, key) for key, places in types.items() for place in places]


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Any tariff that is allowed, with one to four ticket types; the last one is sold everywhere."""
    keys = draw(st.permutations(["adult", "child", "senior", "member"]))[: draw(st.integers(1, 4))]
    prices = st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, MAX_PRICE_MINOR), min_size=1)
    everywhere = st.fixed_dictionaries({category: st.integers(0, MAX_PRICE_MINOR) for category in CATEGORIES})
    types = []
    for key in keys:
        others = [other for other in keys if other != key]
        only_with = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        types.append(
            TicketType(
                key=key,
                name=key.title(),
                prices=draw(everywhere if key == keys[-1] else prices),
                at_most=draw(st.none() | st.integers(1, 4)),
                only_with=tuple(only_with),
                per_companion=draw(st.none() | st.integers(1, 3)) if only_with else None,
            )
        )
    fees = Fees(per_ticket_minor=draw(st.integers(0, 500)), per_booking_minor=draw(st.integers(0, 500)))
    return Tariff(currency="EUR", ticket_types=tuple(types), fees=fees)


def baskets(tariff: Tariff) -> st.SearchStrategy[Tickets]:
    """Places, each once, each with any ticket type or none."""
    keys = st.none() | st.sampled_from([kind.key for kind in tariff.ticket_types])
    places = st.lists(st.integers(0, HALL.place_count - 1), unique=True, max_size=8)
    return places.flatmap(
        lambda chosen: st.tuples(*[keys for _ in chosen]).map(lambda k: list(zip(chosen, k, strict=True)))
    )


def breaks(tariff: Tariff, chosen: list[str]) -> bool:
    """Whether the rules forbid these ticket types together, written out the slow way."""
    for kind in tariff.ticket_types:
        mine = [key for key in chosen if key == kind.key]
        companions = [key for key in chosen if key in kind.only_with]
        if kind.at_most is not None and len(mine) > kind.at_most:
            return True
        if mine and kind.only_with and not companions:
            return True
        if mine and kind.per_companion is not None and len(mine) > kind.per_companion * len(companions):
            return True
    return False


def quoted(tariff: Tariff, basket: Tickets) -> Quote | None:
    try:
        return quote(tariff, HALL, basket)
    except TicketsRefused:
        return None


# ---------------------------------------------------------------- quotes


def test_a_family_pays_what_the_tariff_says() -> None:
    found = quote(TARIFF, HALL, tickets(child=[FRONT + 1, LAWN], adult=[FRONT]))
    assert found.lines == (Line(FRONT, "adult", 900), Line(FRONT + 1, "child", 500), Line(LAWN, "child", 0))
    assert (found.fees_minor, found.total_minor, found.currency) == (3 * 10 + 100, 1400 + 130, "EUR")


def test_nothing_costs_nothing() -> None:
    assert quote(TARIFF, HALL, []).total_minor == 0


def test_free_tickets_pay_the_fees() -> None:
    free = Tariff.flat("EUR", dict.fromkeys(CATEGORIES, 0), Fees(per_ticket_minor=25))
    assert quote(free, HALL, [(BACK, None), (FRONT, None)]).total_minor == 50


def test_a_place_without_a_ticket_type_gets_the_first_one_sold_there() -> None:
    swapped = msgspec.structs.replace(TARIFF, ticket_types=(CHILD, ADULT))
    swapped.validate(HALL)
    found = quote(swapped, HALL, [(FRONT, None), (BACK, None)])
    assert [line.ticket for line in found.lines] == ["child", "adult"]
    assert swapped.default_prices == {"front": 500, "back": 1200, "lawn": 0}
    assert TARIFF.default_prices == ADULT.prices


@given(st.data())
def test_a_quote_is_the_sum_of_its_prices_and_fees_and_keeps_every_rule(data: st.DataObject) -> None:
    tariff = data.draw(tariffs())
    tariff.validate(HALL)
    basket = data.draw(baskets(tariff))
    found = quoted(tariff, basket)
    types = {kind.key: kind for kind in tariff.ticket_types}
    defaults = {
        category: next(kind.key for kind in tariff.ticket_types if category in kind.prices) for category in CATEGORIES
    }
    wanted = {place: key or defaults[HALL.category_of(place)] for place, key in basket}
    sold_there = all(HALL.category_of(place) in types[key].prices for place, key in wanted.items())
    if found is None:
        assert not sold_there or breaks(tariff, list(wanted.values()))
        return
    assert sold_there
    assert not breaks(tariff, list(wanted.values()))
    assert {line.place: line.ticket for line in found.lines} == wanted
    assert len(found.lines) == len(basket)
    prices = [types[key].prices[HALL.category_of(place)] for place, key in wanted.items()]
    fees = len(basket) * tariff.fees.per_ticket_minor + tariff.fees.per_booking_minor if basket else 0
    assert found.fees_minor == fees
    assert found.total_minor == sum(prices) + fees


@given(st.data())
def test_the_order_of_the_seats_asked_for_changes_nothing(data: st.DataObject) -> None:
    tariff = data.draw(tariffs())
    basket = data.draw(baskets(tariff))
    answers = []
    for order in (basket, data.draw(st.permutations(basket))):
        try:
            answers.append(msgspec.to_builtins(quote(tariff, HALL, order)))
        except TicketsRefused as error:
            answers.append(error.facts)
    assert answers[0] == answers[1]


@given(tariffs())
def test_a_tariff_is_read_back_as_it_was_stored(tariff: Tariff) -> None:
    assert msgspec.json.decode(msgspec.json.encode(tariff), type=Tariff) == tariff


def test_the_total_of_the_most_expensive_hall_is_exact_in_javascript() -> None:
    dearest = Fees(per_ticket_minor=MAX_PRICE_MINOR, per_booking_minor=MAX_PRICE_MINOR)
    assert MAX_SEATS * MAX_PRICE_MINOR + dearest.of(MAX_SEATS) < 2**53


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("basket", "rule", "says"),
    [
        (tickets(infant=[FRONT]), "unknown", "no ticket 'infant'; this showtime has 'adult', 'child'"),
        (tickets(adult=[FRONT], child=[BACK]), "category", "Child tickets are not sold in Back: choose Adult there"),
        (tickets(child=[FRONT]), "only_with", "Child tickets go only together with Adult tickets: add one"),
        (
            tickets(adult=[0], child=[1, 2, 3]),
            "per_companion",
            "at most 2 Child tickets with each Adult ticket, not 3 with 1: add another of those, or choose others",
        ),
        (
            tickets(adult=[6, 7, 8], child=[0, 1, 2, 3, 4, 5]),
            "at_most",
            "at most 5 Child tickets in one booking, not 6",
        ),
    ],
)
def test_a_refusal_names_the_ticket_and_what_to_do(basket: Tickets, rule: str, says: str) -> None:
    with pytest.raises(TicketsRefused, match=says) as caught:
        quote(TARIFF, HALL, basket)
    assert (caught.value.rule, caught.value.facts["rule"]) == (rule, rule)
    assert caught.value.facts["ticket"] == caught.value.ticket
    assert "\n" not in str(caught.value)


def test_several_companion_types_are_listed_as_people_say_them() -> None:
    grown_up = [TicketType(key=key, name=key.title(), prices=ADULT.prices) for key in ("adult", "senior", "member")]
    child = msgspec.structs.replace(CHILD, only_with=("adult", "senior", "member"))
    tariff = msgspec.structs.replace(TARIFF, ticket_types=(*grown_up, child))
    with pytest.raises(TicketsRefused, match="only together with Adult, Senior or Member tickets: add one"):
        quote(tariff, HALL, tickets(child=[FRONT]))


def test_an_unknown_place_and_one_named_twice_are_refused() -> None:
    for nowhere in (-1, HALL.place_count):
        with pytest.raises(UnknownSeat, match=f"0 to {HALL.place_count - 1}"):
            quote(TARIFF, HALL, [(nowhere, None)])
    with pytest.raises(BadRequest, match=f"{HALL.seats[FRONT].label} is named twice"):
        quote(TARIFF, HALL, [(FRONT, None), (FRONT, "adult")])
    with pytest.raises(BadRequest, match=f"a place of {HALL.general_areas[0].name} is named twice"):
        quote(TARIFF, HALL, [(LAWN, None), (LAWN, None)])


# ---------------------------------------------------------------- giving back


def test_the_remaining_places_keep_their_prices_when_the_tariff_changes() -> None:
    first = quote(TARIFF, HALL, tickets(adult=[FRONT, FRONT + 1], child=[FRONT + 2]))
    dearer = Tariff.flat("EUR", dict.fromkeys(CATEGORIES, 9999), Fees(per_booking_minor=9999))
    left = without(dearer, first, [FRONT + 1])
    assert left.lines == (Line(FRONT, "adult", 900), Line(FRONT + 2, "child", 500))
    assert left.total_minor == 900 + 500 + 2 * 10 + 100


def test_children_are_not_left_without_their_adult() -> None:
    family = quote(TARIFF, HALL, tickets(adult=[FRONT], child=[FRONT + 1]))
    with pytest.raises(TicketsRefused, match="only together with Adult"):
        without(TARIFF, family, [FRONT])
    assert without(TARIFF, family, [FRONT + 1]).total_minor == 900 + 110
    assert without(TARIFF, family, [FRONT, FRONT + 1]).total_minor == 0


def test_a_stricter_rule_does_not_stop_anybody_from_giving_places_back() -> None:
    four = quote(TARIFF, HALL, tickets(adult=[0, 1], child=[2, 3, 4, 5]))
    strict = msgspec.structs.replace(
        TARIFF, ticket_types=(ADULT, msgspec.structs.replace(CHILD, at_most=1, per_companion=1))
    )
    assert len(without(strict, four, [5]).lines) == 5


@given(st.data())
def test_giving_places_back_leaves_the_quote_of_the_rest(data: st.DataObject) -> None:
    tariff = data.draw(tariffs())
    basket = data.draw(baskets(tariff))
    first = quoted(tariff, basket)
    if first is None:
        return
    given_back = set(data.draw(st.lists(st.sampled_from([place for place, _ in basket])))) if basket else set()
    rest = [(line.place, line.ticket) for line in first.lines if line.place not in given_back]
    try:
        left = without(tariff, first, given_back)
    except TicketsRefused as refused:
        with pytest.raises(TicketsRefused):
            quote(tariff, HALL, rest)
        assert refused.rule in ("only_with", "per_companion")
        return
    assert left == quote(tariff, HALL, rest)


# ---------------------------------------------------------------- tariffs


def adult(**changes: Any) -> TicketType:
    return msgspec.structs.replace(ADULT, **changes)


@pytest.mark.parametrize(
    ("types", "where", "says"),
    [
        ((), "ticket_types", "expected 1 to 50"),
        ((ADULT,) * 51, "ticket_types", "expected 1 to 50"),
        ((ADULT, ADULT), "ticket_types[1].key", "another ticket type has already"),
        ((adult(key=" "),), "ticket_types[0].key", "is empty"),
        ((adult(key="x" * 65),), "ticket_types[0].key", "longer than 64"),
        ((adult(name="a\x1b[2J"),), "ticket_types[0].name", "cannot be printed"),
        ((ADULT, adult(key="b", prices={})), "ticket_types[1].prices", "is empty"),
        ((adult(prices={"box": 1}),), "ticket_types[0].prices", "'box'; the layout's categories are 'back', 'front'"),
        ((adult(prices={"front": -1}),), "ticket_types[0].prices.front", "expected 0 to 1000000000"),
        ((adult(prices={"front": MAX_PRICE_MINOR + 1}),), "ticket_types[0].prices.front", "expected 0 to 1000000000"),
        ((adult(prices={"front": 1}),), "ticket_types", "no price for the layout's categories 'back', 'lawn'"),
        ((adult(at_most=0),), "ticket_types[0].at_most", "expected 1 to 1000"),
        ((adult(per_companion=1),), "ticket_types[0].per_companion", "needs only_with"),
        ((adult(only_with=("x",), per_companion=0),), "ticket_types[0].per_companion", "expected 1 to 1000"),
        ((adult(only_with=("child",)),), "ticket_types[0].only_with[0]", "the ticket types are 'adult'"),
        ((adult(only_with=("adult",)),), "ticket_types[0].only_with[0]", "the ticket type itself"),
        ((adult(only_with=("child", "child")), CHILD), "ticket_types[0].only_with[1]", "a second time"),
    ],
)
def test_a_tariff_that_contradicts_itself_names_the_field(types: tuple[TicketType, ...], where: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        Tariff(currency="EUR", ticket_types=types).validate(HALL)
    assert caught.value.facts == {"where": where}


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EUR\n", "€"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(BadRequest, match="three capital letters"):
        Tariff.flat(currency, ADULT.prices).validate(HALL)


@pytest.mark.parametrize("currency", ["XXX", "XTS", "ZZZ", "XAU", "XBA", "XDR", "CLF", "UYI"])
def test_a_currency_that_nobody_pays_with_is_refused(currency: str) -> None:
    tariff = Tariff.flat(currency, ADULT.prices)
    with pytest.raises(BadRequest, match=f"currency is '{currency}'.*money that people pay with") as caught:
        tariff.validate(HALL)
    assert caught.value.facts == {"where": "currency"}
    tariff.validate(HALL, keeps_currency=True)


def test_fees_have_bounds_too() -> None:
    for fees in (Fees(per_ticket_minor=-1), Fees(per_booking_minor=MAX_PRICE_MINOR + 1)):
        with pytest.raises(BadRequest, match="fees") as caught:
            msgspec.structs.replace(TARIFF, fees=fees).validate(HALL)
        assert caught.value.facts["where"].startswith("fees.per_")


def test_every_ticket_type_that_a_rule_names_counts() -> None:
    tariff = msgspec.structs.replace(
        TARIFF,
        ticket_types=(
            ADULT,
            adult(key="senior", name="Senior"),
            msgspec.structs.replace(CHILD, only_with=("adult", "senior")),
        ),
    )
    tariff.validate(HALL)
    found = quote(tariff, HALL, tickets(adult=[0], senior=[1], child=[2, 3, 4, 5]))
    assert Counter(line.ticket for line in found.lines) == {"adult": 1, "senior": 1, "child": 4}
    with pytest.raises(TicketsRefused, match="Adult or Senior"):
        quote(tariff, HALL, tickets(senior=[1], child=[2, 3, 4]))
