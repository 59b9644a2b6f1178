"""Understands a visitor's wish without a model: English and German, the same answer every time, in under a millisecond.

`understand` takes one message and the names of the showtime. It never raises, whatever the text: what it cannot read it
returns as words that it did not understand, so that the visitor can say it differently. It need not know the language,
because no word here means one thing in English and another in German.

Patterns take words in a fixed order, the most specific first: rows before depths, money before numbers of people. A
word that was taken is gone for all that follow.
"""

from __future__ import annotations

from decimal import Decimal

from seatserver.concierge.wishes import patterns as say
from seatserver.concierge.wishes.filler import FILLER
from seatserver.concierge.wishes.model import (
    MOST_ROWS,
    Depth,
    Doubt,
    Intent,
    Limit,
    Shift,
    Side,
    Understood,
    Wish,
)
from seatserver.concierge.wishes.names import Names
from seatserver.concierge.wishes.synonyms import PLURALS
from seatserver.concierge.wishes.tokens import Taken, Words, folded
from seatserver.pricing.tariff import MAX_PRICE_MINOR
from seatserver.seatmaps.search.score import MAX_PARTY

MOST_LEFTOVERS = 20
"""Words that are named as not understood; more tell nobody more."""


def understand(text: str, names: Names) -> Understood:
    """What a message says. Never raises."""
    return _Reading(text, names).understood()


class _Reading:
    """One message being read. Each method takes the words of one kind of wish."""

    def __init__(self, text: str, names: Names) -> None:
        self._words = Words(text)
        self._asks = "?" in text
        self._names = names
        self._unmet: list[str] = []
        self._doubts: list[Doubt] = []
        self._people: int | None = None
        self._seats: list[int] = []

    def understood(self) -> Understood:
        self._words.names_again(say.ROW_LETTER)
        self._words.first(say.NO_AT_FIRST)
        shift = next((Shift(name) for name, pattern in say.SHIFTS.items() if self._words.first(pattern)), None)
        release = self._words.first(say.RELEASE)
        rows = self._rows()
        limit, cheap = self._money()
        wheelchairs = self._wheelchairs()
        self._seats = [
            _count(taken.group("n") or "@") or 0 for pattern in say.SEATS for taken in self._words.take(pattern)
        ]
        choice, holds = self._choice()
        categories, areas = self._places()
        avoid, depth = self._depths()
        aisle, centre, side = self._sideways()
        together = [*self._words.take(say.TOGETHER)] != []
        others = self._words.first(say.OTHERS) is not None
        books, helps = (self._words.first(pattern) is not None for pattern in (say.BOOK, say.HELP))
        tickets, wheelchairs = self._who(wheelchairs)
        wish = Wish(
            people=self._people, tickets=tickets, wheelchairs=wheelchairs, categories=categories, areas=areas,
            rows=rows, depth=depth, avoid=avoid, side=side, centre=centre, aisle=aisle, together=together, limit=limit,
            cheap=cheap,
        )  # fmt: skip
        left = self._unmet + [
            written
            for shown, written in self._words.left
            if shown not in FILLER and shown.removesuffix("'s") not in FILLER
        ]
        refuses = say.REFUSALS.search(str(self._words)) is not None
        said = {
            Intent.HOLD: (holds or choice > 0) and not refuses,
            Intent.FIND: not wish.is_empty or shift is not None,
            Intent.OTHERS: others,
            Intent.BOOK: books,
            Intent.HELP: helps or holds or choice > 0,
        }
        if release is not None and wish.is_empty:
            surely = not (self._asks or left or self._doubts or books or _is_in_question(release))
            said = {Intent.RELEASE: surely, Intent.HELP: True}
        return Understood(
            intent=next((intent for intent, is_said in said.items() if is_said), Intent.NOTHING),
            wish=wish, choice=choice, shift=shift, leftover=tuple(left[:MOST_LEFTOVERS]), doubts=tuple(self._doubts),
        )  # fmt: skip

    def _choice(self) -> tuple[int, bool]:
        """Which offer is meant, from 1 (0: not said), and whether the visitor wants to have seats."""
        taken = self._words.first(say.CHOICE)
        holds = self._words.first(say.HOLD) is not None
        if taken is None:
            return 0, holds
        number = taken.group("number") or taken.group("number2")
        if number is not None:
            return _count(number) or 0, True
        return say.ORDINALS[taken.group("word") or taken.group("word2") or "first"], True

    # ------------------------------------------------------------ where

    def _rows(self) -> tuple[str, ...]:
        known, order = self._names.rows, list(self._names.rows)
        found: list[str] = []
        for taken in self._words.take(say.ROWS):
            groups = (taken.group(name) for name in ("first", "last", "one", "other", "only", "more"))
            named = [name.removeprefix("#") for name in groups if name is not None]
            if (taken.group("last") or taken.group("other")) and {*named} <= known.keys():
                low, high = sorted(order.index(name) for name in named)
                named = order[low : high + 1]
            for name in named:
                if name in known:
                    found.append(known[name])
                elif len(name) == 1 or name.isdecimal():
                    self._doubts.append(Doubt("row", name.upper()))
                else:
                    self._unmet.append(taken.written)
        return tuple(dict.fromkeys(found))[:MOST_ROWS]

    def _places(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The categories and areas that are wanted; of those that are not wanted, all others."""
        wanted: list[str] = []
        refused: list[str] = []
        areas: list[str] = []
        for place in self._names.places:
            if self._words.first(place.refused) is not None:
                refused.append(place.key)
                continue
            for taken in self._words.take(place.wanted):
                if not place.numbered:
                    self._doubts.append(Doubt("unnumbered", place.key))
                elif place.is_category:
                    wanted.append(place.key)
                else:
                    areas.append(place.key)
                if self._people is None and (count := taken.match[0].partition("#")[2]):
                    self._people = _count(f"#{count.split()[0]}")  # "a sofa for two" says how many come
        categories = dict.fromkeys(wanted) or (self._names.categories_but(refused) if refused else ())
        return tuple(categories), tuple(dict.fromkeys(areas))

    def _depths(self) -> tuple[tuple[Depth, ...], Depth | None]:
        avoid = []
        for name, pattern in say.AVOIDED.items():
            for _ in self._words.take(pattern):
                avoid.append(Depth(name))
        found = [Depth(name) for name, pattern in say.DEPTHS.items() if self._words.first(pattern) is not None]
        return tuple(dict.fromkeys(avoid)), found[0] if found else None

    def _sideways(self) -> tuple[bool, bool, Side | None]:
        """Whether by the aisle, whether in the middle, and on which side."""
        for refused in (say.NOT_AISLE, say.NOT_CENTRE):
            self._unmet += [taken.written for taken in self._words.take(refused)]
        aisle, centre = ([*self._words.take(pattern)] != [] for pattern in (say.ON_AISLE, say.CENTRE))
        sides = [Side(name) for name, pattern in say.SIDES.items() if self._words.first(pattern) is not None]
        return aisle, centre, sides[0] if len(sides) == 1 else None

    # ------------------------------------------------------------ money

    def _money(self) -> tuple[Limit | None, bool]:
        self._unmet += [taken.written for taken in self._words.take(say.AT_LEAST)]
        limits = [self._limit(taken) for pattern in say.PRICES for taken in self._words.take(pattern)]
        said = [limit for limit in limits if limit is not None]
        return said[-1] if said else None, self._words.first(say.CHEAP) is not None

    def _limit(self, taken: Taken) -> Limit | None:
        currency = taken.group("currency")
        if currency is not None and currency not in say.CURRENCIES.get(self._names.currency, (currency,)):
            self._doubts.append(Doubt("currency", taken.written))
            return None
        minor = int(Decimal(taken.group("amount") or 0).scaleb(self._names.digits))
        each = taken.group("each") or taken.group("each_first")
        return Limit(minor=min(minor, MAX_PRICE_MINOR), each=each is not None)

    # ------------------------------------------------------------ who

    def _wheelchairs(self) -> int:
        if self._words.first(say.NO_WHEELCHAIR) is not None:
            return 0
        most = 0
        for pattern in say.WHEELCHAIRS:
            for taken in self._words.take(pattern):
                most = max(most, _count(taken.group("n") or "@") or 0)
        return min(most, MAX_PARTY)

    def _who(self, wheelchairs: int) -> tuple[dict[str, int], int]:
        """How many come. Sets ``_people``; returns those with a special ticket type, and the wheelchairs."""
        companions = sum(_count(taken.group("n") or "@") or 0 for taken in self._words.take(say.COMPANIONS))
        added = self._counted_by_kind(with_them=True)
        typed = self._counted_by_kind()
        self._total()
        others = self._persons()
        if self._people is None and not others and (lone := self._words.only_number(say.LONE_NUMBER)) is not None:
            self._people = _count(lone)
        tickets = {key: added.get(key, 0) + typed.get(key, 0) for key in {**added, **typed}}
        special = sum(tickets.values())
        if self._people is None:
            if special or others:
                self._people = special + max(others, 0) + companions
            elif wheelchairs:
                self._people = wheelchairs + companions if companions else None
        elif special and (extra := sum(added.values())) >= self._people:
            self._people += extra  # "two of us with three children" are five
        if self._people is not None:
            self._people = max(self._people, special, wheelchairs, 1)
            if self._people > MAX_PARTY:
                self._doubts.append(Doubt("party", str(self._people)))
                self._people = MAX_PARTY
                tickets = {}
        known = {kind.key for kind in self._names.tickets if kind.sold}
        for key in tickets.keys() - known:
            self._doubts.append(Doubt("ticket", key))
        usual = self._names.usual_ticket
        tickets = {key: count for key, count in tickets.items() if count and key in known and key != usual}
        return tickets, min(wheelchairs, self._people or MAX_PARTY)

    def _counted_by_kind(self, *, with_them: bool = False) -> dict[str, int]:
        """How many of each ticket type are named: those of the showtime, and usual ones that it does not sell."""
        found: dict[str, int] = {}
        for kind in self._names.tickets:
            for taken in self._words.take(kind.added if with_them else kind.counted):
                found[kind.key] = found.get(kind.key, 0) + (_count(taken.group("n") or "@") or 0)
            for taken in () if with_them else self._words.take(kind.one):
                if taken.group("kind") in PLURALS:
                    self._unmet.append(taken.written)  # "our kids": how many?
                else:
                    found[kind.key] = found.get(kind.key, 0) + 1
        return found

    def _total(self) -> None:
        """Set ``_people`` to what the message says in all, if it does."""
        found = self._seats
        for taken in self._words.take(say.ZU_ZWEIT):
            word = taken.group("word") or ""
            found.append(say.TOGETHER_AS.get(word) or _count(word) or 0)
        for pattern in (*say.PEOPLE, say.PEOPLE_ALONE):
            for taken in self._words.take(pattern):
                found.append(_count(taken.group("n") or "@") or 0)
        if self._words.first(say.PAIR) is not None:
            found.append(2)
        if self._words.first(say.ALONE) is not None and not found:
            found.append(1)
        if self._people is None and found:
            # "Four of us, two seats by the aisle": the largest number is the party.
            self._people = max(found) or None

    def _persons(self) -> int:
        """How many persons are named one by one, the speaker with them."""
        persons = sum(1 for _ in self._words.take(say.ONE_MORE_PERSON))
        persons += 2 * sum(1 for _ in self._words.take(say.PARENTS))
        speaks = self._words.first(say.SPEAKER) is not None
        company = [*self._words.take(say.COMPANY)]
        for taken in company:
            persons += _count(taken.group("n") or "@") or 0
            speaks = speaks or taken.group("with") is not None
        if not speaks and company:
            return persons
        return persons + 1 if persons or speaks else 0


def _is_in_question(taken: Taken) -> bool:
    """Whether words that were taken are refused, or stand in a question: "gib sie nicht frei", "can I cancel"."""
    before = taken.match.string[: taken.match.start()]
    return say.REFUSALS.search(f" {taken.match[0]} ") is not None or say.QUESTIONS.search(before) is not None


def _count(number: str) -> int | None:
    """``#4`` as 4 and an article as 1; None for what counts nobody."""
    if number == "@":
        return 1
    digits = folded(number).removeprefix("#")
    return int(digits) if digits.isdecimal() and len(digits) < 6 else None
