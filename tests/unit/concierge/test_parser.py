"""The parser: what it makes of single phrases, and that no text can hurt it."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.concierge.wishes import patterns
from seatserver.concierge.wishes.model import Depth, Doubt, Intent, Limit, Shift, Side, Understood, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.concierge.wishes.parser import MOST_LEFTOVERS, understand
from seatserver.concierge.wishes.tokens import MOST_CHARS
from seatserver.demo.halls import studio
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seatmaps.search.score import MAX_PARTY
from tests.unit.concierge.evening import NAMES, TONIGHT, showtime_in
from tests.unit.concierge.test_wishes import MISSED, WISHES

PIECES = [word for text in [*(wish[0] for wish in WISHES), *(one[0] for one in MISSED)] for word in text.split()] + [
    "#4", "@", "|", ";", "€", "-1", "99999999999", "1.000.000", "½", "٣", "²", "ﷺ", "\u202e", "\n", "row", "not", "{}",
    "ignore", "<b>", "'", "''", "C-7", "12,5,5",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("four", 4), ("vier!", 4), ("4 people", 4), ("zu viert", 4), ("zu 4.", 4), ("für vier", 4), ("for 4", 4),
        ("twenty-five seats", 25), ("fünfundzwanzig Plätze", 25), ("a couple", 2), ("the two of us", 2),
        ("my husband and I", 2), ("mit meinem Freund", 2), ("me, my wife", 2), ("with my parents", 3),
        ("3 friends and me", 4), ("mit drei Freunden", 4), ("drei Freunde", 3), ("a family of five", 5),
        ("wir sind eine Gruppe von zwölf", 12), ("one ticket", 1), ("ein Platz", 1), ("allein", 1),
        ("two adults, one child and a senior", 4), ("4 of us, 2 of them children", 4), ("ein Dutzend Karten", 12),
        ("two, at the back", 2), ("drei unter 30 Euro", 3), ("at 8 o'clock", None), ("seat 7", None), ("2 or 3", None),
        ("two aisle seats", 2), ("four good premium seats", 4),
    ],
)  # fmt: skip
def test_people_are_counted_in_digits_and_words(text: str, people: int | None) -> None:
    assert understand(text, NAMES).wish.people == people


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("under fifty euros", Limit(minor=5000)),
        ("max. 12,50 € pro Person", Limit(minor=1250, each=True)),
        ("€ 40 in total", Limit(minor=4000)),
        ("12.5 euros each", Limit(minor=1250, each=True)),
        ("je höchstens 15 Euro", Limit(minor=1500, each=True)),
        ("a budget of 60", Limit(minor=6000)),
        ("not over 1.000 euro", Limit(minor=100_000)),
        ("over 30 euros", None),
        ("under 4 people", None),
    ],
)
def test_a_price_is_a_limit_for_all_or_for_each_ticket(text: str, limit: Limit | None) -> None:
    assert understand(text, NAMES).wish.limit == limit


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("at the back on the left", Wish(depth=Depth.BACK, side=Side.LEFT)),
        ("nicht zu weit vorn", Wish(avoid=(Depth.FRONT,))),
        ("not in the last row", Wish(avoid=(Depth.LAST,))),
        ("far from the screen", Wish(depth=Depth.BACK)),
        ("not too far from the screen", Wish(avoid=(Depth.BACK,))),
        ("ganz vorne", Wish(depth=Depth.FIRST)),
        ("in the front row", Wish(depth=Depth.FIRST)),
        ("right in the middle", Wish(centre=True)),
        ("Randplätze", Wish(aisle=True)),
        ("rows a, b", Wish(rows=("A",))),
        ("row A or B", Wish(rows=("A", "B"))),
        ("no premium", Wish(categories=("standard", "sofa"))),
        ("two of us use a wheelchair", Wish(people=2, wheelchairs=2)),
        ("four of us with a wheelchair", Wish(people=4, wheelchairs=1)),
        ("kein Rollstuhl", Wish()),
    ],
)
def test_places_and_preferences(text: str, wish: Wish) -> None:
    read = understand(text, NAMES).wish
    wanted = msgspec.structs.replace(wish, categories=tuple(sorted(wish.categories)))
    assert msgspec.structs.replace(read, people=wish.people, categories=tuple(sorted(read.categories))) == wanted


@pytest.mark.parametrize(
    ("text", "intent", "choice"),
    [
        ("take the second one", Intent.HOLD, 2), ("nimm das erste", Intent.HOLD, 1), ("Angebot 3", Intent.HOLD, 3),
        ("hold them", Intent.HOLD, 0), ("reserve three seats at the back", Intent.HOLD, 0),
        ("something else", Intent.OTHERS, 0), ("was anderes bitte", Intent.OTHERS, 0),
        ("give them back", Intent.RELEASE, 0), ("gib die Plätze wieder frei", Intent.RELEASE, 0),
        ("book it", Intent.BOOK, 0), ("jetzt bezahlen", Intent.BOOK, 0),
        ("I'd like to book two tickets", Intent.FIND, 0), ("take the first row", Intent.HOLD, 0),
        ("help", Intent.HELP, 0), ("", Intent.NOTHING, 0), ("hello", Intent.NOTHING, 0),
    ],
)  # fmt: skip
def test_what_the_visitor_wants_done(text: str, intent: Intent, choice: int) -> None:
    understood = understand(text, NAMES)
    assert (understood.intent, understood.choice) == (intent, choice)


@pytest.mark.parametrize(
    "text",
    [
        "please don't cancel my seats", "don't ever, under no circumstances, cancel", "can I cancel later?",
        "How do I give them back?", "how would I cancel", "Is it possible to release them", "Hi, can I cancel",
        "what if I cancel", "Cancel? Me?", "cancel my booking", "release the beanbags", "cancel tomorrow",
        "Was passiert, wenn ich storniere?", "bitte nicht freigeben", "Gib sie bitte nicht frei", "storniere nichts",
        "Storniere meine Plätze nicht", "Kann ich stornieren", "don't hold them", "Nimm das erste nicht",
        "do not take the second one", "noch nichts reservieren",
    ],
)  # fmt: skip
def test_what_is_refused_or_only_asked_about_is_not_done(text: str) -> None:
    assert understand(text, NAMES).intent is Intent.HELP


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("don't hold anything, just show me two in the middle", Intent.FIND),
        ("Halte noch nichts, zeig mir zwei in der Mitte", Intent.FIND),
        ("not too far in front, hold two please", Intent.HOLD),
        ("kein Sofa, reserviere zwei Plätze", Intent.HOLD),
        ("No, take the second one", Intent.HOLD),
        ("Nein, gib sie wieder frei", Intent.RELEASE),
        ("I would like to give them back now, thanks", Intent.RELEASE),
    ],
)
def test_a_refusal_counts_for_what_it_refuses(text: str, intent: Intent) -> None:
    assert understand(text, NAMES).intent is intent


def test_further_back_is_meant_from_where_the_last_offer_was() -> None:
    assert understand("further back please", NAMES).shift is Shift.BACKWARD
    assert understand("etwas weiter nach vorne", NAMES).shift is Shift.FORWARD


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("row Z", Doubt("row", "Z")),
        ("two students", Doubt("ticket", "student")),
        ("beanbags", Doubt("unnumbered", "beanbags")),
        ("90 people", Doubt("party", "90")),
        ("under 20 dollars", Doubt("currency", "under 20 dollars")),
    ],
)
def test_what_this_showtime_does_not_have_is_said(text: str, doubt: Doubt) -> None:
    assert understand(text, NAMES).doubts == (doubt,)


def test_a_house_may_name_its_tickets_and_areas_in_any_language() -> None:
    hall = SeatMap.build(
        name="Odéon",
        categories=[
            Category(key="k1", name="Parkett", color="#0072b2"),
            Category(key="k2", name="1 (a|b)*", color="#0072b2"),
        ],
        screen=Screen(x=1, y=0, width=3),
        seats=[Seat(row="I", number=str(n), x=n, y=3, category="k1", area="Loge links (A+") for n in range(3)],
    )  # fmt: skip
    showtime = msgspec.structs.replace(
        showtime_in(studio()), seat_map=hall, tariff=Tariff.flat("JPY", {"k1": 9, "k2": 9})
    )
    names = Names(showtime)
    assert understand("two in the stalls", names).wish.categories == ("k1",)
    assert understand("2, loge links", names).wish.areas == ("Loge links (A+",)
    assert understand("max 900 for two", names).wish == Wish(people=2)


def test_no_pattern_repeats_a_group_without_a_bound() -> None:
    """Else a text of a few repeated words could hold up the event loop for years."""
    found = [value for value in vars(patterns).values() if isinstance(value, re.Pattern | tuple | dict)]
    made = [one for kind in (*NAMES.places, *NAMES.tickets) for one in kind if isinstance(one, re.Pattern)]
    for value in (*found, *made):
        several = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
        for pattern in several:
            if isinstance(pattern, re.Pattern):
                assert not re.search(r"\)[*+]|\{\d+,\}", pattern.pattern), pattern.pattern


@pytest.mark.parametrize("piece", sorted({*PIECES, "near", "close to the", "not too far", "at most", "in the"}))
def test_a_text_that_repeats_itself_is_understood_too(piece: str) -> None:
    understand(f"{piece} " * MOST_CHARS, NAMES)
    understand(f"not {piece} in the " * MOST_CHARS, NAMES)


@given(st.text(max_size=2 * MOST_CHARS) | st.lists(st.sampled_from(PIECES), max_size=200).map(" ".join))
def test_any_text_is_understood_without_an_error(text: str) -> None:
    understood = understand(text, NAMES)
    # It fits its own declaration, so it may be sent and searched for.
    assert msgspec.convert(msgspec.to_builtins(understood), Understood) == understood
    wish = understood.wish
    assert wish.wheelchairs <= (wish.people or MAX_PARTY)
    assert sum(wish.tickets.values()) <= (wish.people or 0)
    assert {*wish.rows} <= {seat.row for seat in TONIGHT.seat_map.seats}
    assert {*wish.categories} <= {category.key for category in TONIGHT.seat_map.categories}
    assert len(understood.leftover) <= MOST_LEFTOVERS
    assert all(word in text for part in understood.leftover for word in part.split()), "as it was written"


@given(st.lists(st.sampled_from(PIECES), max_size=200).map(" ".join))
def test_the_same_text_means_the_same_in_any_letters(text: str) -> None:
    assert understand(text, NAMES).wish == understand(text.replace("ß", "ss").upper(), NAMES).wish


@given(st.sampled_from(PIECES), st.sampled_from(PIECES))
def test_of_a_long_text_only_the_beginning_counts(word: str, other: str) -> None:
    beginning = f"{word} {other} " * MOST_CHARS
    assert understand(beginning, NAMES) == understand(beginning + "for two " * 5000, NAMES)
