"""What the things of one showtime are called: its rows, categories, areas and ticket types, in either language.

Names come from the house, so they may be in any language. They are found in a message as they are written, and by the
words that people use for such things: a category called "Sofa for two" is also a couch, and an "Erwachsene" ticket is
also an adult's. A name is only looked for, never carried out: whatever a title says, it is no instruction to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from seatserver.catalog.showtime import Showtime
from seatserver.concierge.wishes.model import Wish
from seatserver.concierge.wishes.patterns import DEGREE, NOT, NUMBER, TOWARDS, any_of, words
from seatserver.concierge.wishes.synonyms import DIRECTIONS, KINDS_OF_SEAT, KINDS_OF_TICKET
from seatserver.concierge.wishes.tokens import Words, folded
from seatserver.seatmaps.model import SeatMap

NOBODY = frozenset({"standard", "normal", "full"})
"""Words for the usual ticket that name no person."""
MOST_NAMES = 200
"""Categories, areas and ticket types that are looked for in a message; a hall with more has them by key only."""


class Place(NamedTuple):
    """A category (``key``) or an area (``name``) of a hall; ``numbered`` if it has seats to choose from.

    ``wanted`` finds it in a message, ``refused`` finds "no …".
    """

    is_category: bool
    key: str
    numbered: bool
    wanted: re.Pattern[str]
    refused: re.Pattern[str]


class Kind(NamedTuple):
    """A ticket type, or a usual one that is not ``sold`` here.

    ``counted`` finds "two children", ``added`` "with two children", ``one`` "my child".
    """

    key: str
    sold: bool
    counted: re.Pattern[str]
    added: re.Pattern[str]
    one: re.Pattern[str]

    @classmethod
    def of(cls, key: str, sold: bool, phrases: Iterable[str]) -> Kind:
        """The patterns for these phrases."""
        named = rf"(?P<kind>{any_of(phrases)})"
        counted = rf"{NUMBER}(?: (?:of|young|small|little|kleine\w*|of them|davon))? {named}"
        return cls(
            key,
            sold,
            words(counted),
            words(rf"(?:with|mit|plus) {counted}"),
            words(rf"(?:(?:and|und|with|mit|plus) )?(?:my|mein\w*|our|unser\w*|the|dem|der|das) {named}"),
        )


class Names:
    """The names of one showtime, each with a pattern that finds it. Making it takes milliseconds, for its patterns."""

    def __init__(self, showtime: Showtime) -> None:
        seat_map = showtime.seat_map
        self.currency = showtime.currency
        self.digits = showtime.quote([]).currency_digits
        self.rows = {folded(name): name for name in dict.fromkeys(seat.row for seat in seat_map.seats)}
        self.tickets = _tickets_of(showtime)
        self.ticket_names = {kind.key: kind.name for kind in showtime.tariff.ticket_types}
        self.category_names = {category.key: category.name for category in seat_map.categories}
        self.usual_ticket = showtime.tariff.ticket_types[0].key
        self.places = _places_of(seat_map)

    def of_places(self, wish: Wish) -> list[str]:
        """What the house calls the areas and categories of a wish."""
        return [*wish.areas, *(self.category_names.get(key, key) for key in wish.categories)]

    def categories_but(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The numbered categories without these."""
        without = set(keys)
        found = dict.fromkeys(place.key for place in self.places if place.is_category and place.numbered)
        return tuple(key for key in found if key not in without)


def _phrase(name: str) -> str:
    """A name as patterns see it: its words, folded."""
    return " ".join(word for word in str(Words(name)).split() if word != ";")


def _also(name: str, key: str, kinds: dict[str, tuple[str, ...]]) -> set[str]:
    own = {phrase for phrase in (_phrase(name), _phrase(key)) if re.search(r"[a-z]{2}", phrase)}
    words = {word for phrase in own for word in phrase.split()}
    for kind, phrases in kinds.items():
        if kind in words or not words.isdisjoint(phrases):
            own.update(phrases)
    own |= {f"{phrase}s" for phrase in own if re.search(r"[a-z]$", phrase)}
    return {phrase for phrase in own if not DIRECTIONS.issuperset(phrase.removesuffix("s").split())}


def _tickets_of(showtime: Showtime) -> list[Kind]:
    """The ticket types of a showtime, then the usual ones that it does not sell."""
    found: list[tuple[str, bool, set[str]]] = []
    for kind in showtime.tariff.ticket_types[:MOST_NAMES]:
        phrases = _also(kind.name, kind.key, KINDS_OF_TICKET)
        if kind is showtime.tariff.ticket_types[0]:
            phrases |= set(KINDS_OF_TICKET["adult"]) - NOBODY
        found.append((kind.key, True, phrases))
    sold = {phrase for _, _, phrases in found for phrase in phrases}
    found += [
        (kind, False, rest) for kind, phrases in KINDS_OF_TICKET.items() if (rest := set(phrases) - sold - NOBODY)
    ]
    return [Kind.of(*one) for one in found]


def _places_of(seat_map: SeatMap) -> list[Place]:
    """Every category and area; the longest names first."""
    numbered = {seat.category for seat in seat_map.seats}
    found: list[tuple[tuple[bool, str, bool], set[str]]] = [
        ((True, category.key, category.key in numbered), _also(category.name, category.key, KINDS_OF_SEAT))
        for category in seat_map.categories[:MOST_NAMES]
    ]
    names = [phrase for (_, _, has_seats), phrases in found for phrase in phrases if has_seats]
    for area in sorted({seat.area for seat in seat_map.seats} - {""})[:MOST_NAMES]:
        phrases = _also(area, area, KINDS_OF_SEAT).difference(names)
        found.append(((False, area, True), phrases))
    return [
        Place(*place, words(any_of(phrases)), words(rf"{NOT} (?:(?:{DEGREE}|{TOWARDS}) ){{0,6}}(?:{any_of(phrases)})"))
        for place, phrases in sorted(found, key=lambda one: -max(map(len, one[1]), default=0))
        if phrases
    ]
