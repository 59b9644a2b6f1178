"""Fifty wishes in two languages, with the seats that must come out in a real hall; and what the parser misses.

The hall is the demo's Grand Hall with the best seats taken (`evening`). Each wish goes the whole way: parser, plans,
search, reasons. What comes out was checked by hand against the wish, and is checked again by `test_plans`.
"""

from __future__ import annotations

import pytest

from seatserver.concierge.conversation import LANGUAGES
from seatserver.concierge.wishes.model import Intent
from seatserver.concierge.wishes.parser import understand
from tests.unit.concierge.evening import NAMES, found

# Wish, its seats, what they cost with the fee, and what of the wish nothing free meets.
WISHES: list[tuple[str, str, int, tuple[str, ...]]] = [
    (
        "Four of us, one in a wheelchair, near the aisle, not too far in front, under fifty euros",
        "F-1 to F-4",
        4890,
        (),
    ),
    ("Two seats in the middle, please.", "K-12 to K-13", 3090, ()),
    ("A seat at the aisle", "J-6", 1590, ()),
    ("Two adults and three children, not in the front row", "K-10 to K-14", 6390, ()),
    ("A sofa for two", "N-5 to N-6", 3690, ()),
    ("Three tickets in row F", "F-11 to F-13", 3690, ()),
    ("row A for two", "A-8 to A-9", 1890, ()),
    ("Just me, best view", "K-12", 1590, ()),
    ("My wife and I would like to sit at the back", "K-12 to K-13", 3090, ()),
    ("Two of us with three children in premium", "K-10 to K-14", 6390, ()),
    ("Max €13 each, four people", "G-11 to G-14", 4890, ()),
    ("As cheap as possible for two, but no sofa", "G-12 to G-13", 2490, ()),
    ("A party of six, all together in one row", "K-10 to K-15", 9090, ()),
    ("A wheelchair user and two companions", "F-1 to F-3", 3690, ()),
    ("Five seats, not too close to the screen and not too far back", "G-10 to G-14", 6090, ()),
    ("Two seniors and a child, on the left", "K-10 to K-12", 3790, ()),
    ("Hi! We are 4 and would love seats right in the middle. Thanks", "K-11 to K-14", 6090, ()),
    ("me and my two kids, under 40 euros in total", "K-11 to K-13", 3790, ()),
    ("I need 2 wheelchair places and one companion", "", 0, ()),
    ("Twelve people in rows G to K", "K-6 to K-17", 18090, ()),
    ("2 tickets on the right side, last row", "N-13 to N-14", 3690, ()),
    ("for three, close to the screen", "E-9 to E-11", 3690, ()),
    ("three friends and I next to each other in the middle rows", "G-11 to G-14", 4890, ()),
    ("One seat in the last row", "K-12", 1590, ("edge",)),
    ("Seven seats by the aisle, max 100 euro", "G-6 to G-12", 8490, ()),
    ("Wir sind zu viert, einer im Rollstuhl, am Gang, nicht zu weit vorne, unter fünfzig Euro", "F-1 to F-4", 4890, ()),
    ("Zwei Plätze in der Mitte, bitte", "K-12 to K-13", 3090, ()),
    ("Einen Gangplatz, bitte", "J-6", 1590, ()),
    ("zwei Erwachsene und drei Kinder, nebeneinander", "K-10 to K-14", 6390, ()),
    ("Ein Sofa für zwei, möglichst günstig", "N-5 to N-6", 3690, ()),
    ("Reihe F bis H, drei Personen", "G-11 to G-13", 3690, ()),
    ("Nur ich, ganz hinten", "K-12", 1590, ("edge",)),
    ("Meine Frau und ich, hinten links", "K-11 to K-12", 3090, ()),
    ("zu zweit mit zwei Kindern, max 12 Euro pro Person", "G-11 to G-14", 4090, ()),
    ("Kein Sofa, zu zweit, so billig wie möglich", "G-12 to G-13", 2490, ()),
    ("Rollstuhlplatz mit Begleitung", "F-1 to F-2", 2490, ()),
    ("Ich möchte mit meiner Freundin ganz hinten sitzen, Kuschelsitz", "N-5 to N-6", 3690, ()),
    ("Drei Karten rechts außen, nicht über 45 €", "I-17 to I-19", 3690, ()),
    ("Für 5 Personen, ganz egal wo, Hauptsache zusammen", "K-10 to K-14", 7590, ()),
    ("Guten Abend, wir hätten gern sechs Plätze, nicht zu weit hinten", "G-10 to G-15", 7290, ()),
    ("Ein Erwachsener und ein Kind, möglichst nah an der Leinwand", "E-10 to E-11", 2090, ()),
    ("Zwei Rentner am Gang in Reihe G", "G-6 to G-7", 2090, ()),
    ("Vier Plätze in den mittleren Reihen, höchstens 13 Euro je Ticket", "G-11 to G-14", 4890, ()),
    ("Familie mit 5 Personen, davon 2 Kinder, nicht vorne", "K-10 to K-14", 6790, ()),
    ("Zwei Mitglieder, Premium, mittig", "K-12 to K-13", 2490, ()),
    ("Barrierefrei für 2", "F-1 to F-2", 2490, ()),
    ("Sieben Leute, zusammen, erste Reihe", "A-6 to A-12", 6390, ()),
    ("Ich brauche acht Karten für maximal 100 Euro insgesamt", "G-9 to G-16", 9690, ()),
    ("Uns beide bitte ganz in die Mitte", "K-12 to K-13", 3090, ()),
    ("Eine Karte, letzte Reihe", "K-12", 1590, ("edge",)),
]

# What the parser does not understand. It says so: the words are in `leftover`, and the rest of the wish holds.
MISSED = [
    ("Two seats near the toilets", ("toilets",)),
    ("two seats not on the aisle", ("not on the aisle",)),
    ("Somewhere romantic for two", ("romantic",)),
    ("Vier Plätze, aber nicht neben einer Säule", ("nicht", "Säule")),
    ("two seats, I cannot climb stairs", ("cannot", "climb", "stairs")),
    ("Zwei Plätze mit viel Beinfreiheit", ("viel", "Beinfreiheit")),
    ("two seats for not less than 30 euros", ("not less than 30 euros",)),
    ("four seats with our kids", ("with our kids",)),
    ("two seats, one for each of my sons", ("my sons", "one")),
    ("two seats behind C-7", ("behind", "C", "7")),
    ("Deux places au milieu, s'il vous plaît", ("Deux", "au", "milieu", "s'il", "vous", "plaît")),
    ("2 Plätze dort, wo wir letztes Mal saßen", ("letztes", "saßen")),
]

# What the parser understands otherwise than a person would, and cannot know: the answer repeats what it understood.
MISREAD = [
    ("Familie mit zwei Kindern", {"people": 2, "tickets": {"child": 2}}),  # the parents are not counted
]


def spelled_out(places: str) -> tuple[str, ...]:
    """``F-1 to F-3`` as its seats."""
    seats: list[str] = []
    for part in filter(None, places.split(", ")):
        first, _, last = part.partition(" to ")
        row, low = first.split("-")
        high = (last or first).split("-")[1]
        seats += [f"{row}-{number}" for number in range(int(low), int(high) + 1)]
    return tuple(seats)


@pytest.mark.parametrize(("text", "places", "total_minor", "given_up"), WISHES, ids=[wish[0] for wish in WISHES])
def test_a_wish_finds_the_seats_that_a_person_would_expect(
    text: str, places: str, total_minor: int, given_up: tuple[str, ...]
) -> None:
    understood = understand(text, NAMES)
    assert understood.intent is Intent.FIND
    assert (understood.leftover, understood.doubts) == ((), ()), "every word is understood"
    offer = found(understood.wish)
    if offer is None:
        assert places == "", "nothing like that is free"
        return
    assert offer.seats == spelled_out(places)
    assert (offer.reasons.total_minor, offer.reasons.given_up) == (total_minor, given_up)


@pytest.mark.parametrize(("text", "places", "total_minor", "given_up"), WISHES, ids=[wish[0] for wish in WISHES])
def test_every_offer_can_be_said_in_both_languages(
    text: str, places: str, total_minor: int, given_up: tuple[str, ...]
) -> None:
    wish = understand(text, NAMES).wish
    offer = found(wish)
    for language in LANGUAGES.values():
        sentences = [language.wish(wish, NAMES), language.given_up(given_up)]
        if offer is not None:
            sentences += [language.best(offer.reasons, 1), language.held(offer.reasons)]
            for part in offer.reasons.parts:
                assert all(f"{row}" in sentences[-1] for row in (part.row, part.first, part.last)), "the tickets' names"
        assert all(sentence == "" or sentence[-1] in ".?" for sentence in sentences)
        assert not any("{" in sentence for sentence in sentences)


def test_there_are_fifty_of_them_half_in_each_language() -> None:
    german = [text for text, *_ in WISHES if set(text.lower().split()) & GERMAN]
    assert (len(WISHES), len(german)) == (50, 25)


GERMAN = {
    "wir", "zwei", "einen", "ein", "reihe", "nur", "meine", "zu", "kein", "rollstuhlplatz", "ich", "drei", "für",
    "guten", "vier", "familie", "barrierefrei", "sieben", "uns", "eine",
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MISSED)
def test_what_is_not_understood_is_named(text: str, words: tuple[str, ...]) -> None:
    assert understand(text, NAMES).leftover == words


@pytest.mark.parametrize(("text", "fields"), MISREAD)
def test_what_is_known_to_be_misread_stays_known(text: str, fields: dict[str, object]) -> None:
    understood = understand(text, NAMES)
    assert understood.leftover == ()
    assert {name: getattr(understood.wish, name) for name in fields} == fields
