"""The sentences of the concierge: which facts are said, and in which order. The words come from a `Vocabulary`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from seatserver.concierge.phrases.money import money
from seatserver.concierge.reasons import Part, Reasons
from seatserver.concierge.wishes.model import Depth, Doubt, Side, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.errors import SeatServerError
from seatserver.money import digits_of

Sentence = Literal[
    "help", "no_offer", "which", "released", "not_held", "nothing_held", "book", "no_others", "nothing",
    "budget", "busy", "away", "slow", "stopped", "confused", "unfounded", "broken_off",
    "deaf", "mute", "not_heard",
]  # fmt: skip
"""The sentences without facts, by what they are for."""


class Counted(NamedTuple):
    """The words for one of something, and for several, where ``{number}`` stands for how many in words."""

    one: str
    many: str


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of one language. Each whole sentence ends with a full stop or a question mark.

    ``code`` is that of the language. ``numbers`` are those from 0 in words, ``nth`` writes an ordinal number, and
    ``comma`` is whether a comma is the decimal sign. A name in braces stands for a fact; every language names the same
    facts, in the order of its grammar.
    """

    code: str
    numbers: Sequence[str]
    nth: Callable[[int], str]
    comma: bool
    both: str
    """Between two parts of a sentence: and."""
    quoted: str

    # What was understood of a wish
    people: Counted
    in_wheelchairs: Counted
    in_place: str
    in_row: str
    either: str
    """Between the names of two rows: or."""
    in_rows: str
    depths: Mapping[Depth, str]
    avoided: str
    sides: Mapping[Side, str]
    centre: str
    aisle: str
    together: str
    cheap: str
    limit_each: str
    limit_in_all: str
    not_understood: str
    doubts: Mapping[str, str]

    # The offers, and why they are good
    best: str
    others: Counted
    held: str
    given_up: Mapping[str, str]
    nearest: str
    seat: str
    two_seats: str
    more_seats: str
    row: str
    row_end: str
    wheelchair_places: Counted
    best_view: str
    from_best_view: Counted
    left_over: str
    alone: str
    groups: str
    side_by_side: str

    # What did not work
    no_seats: Counted
    only_groups: str
    too_dear: str
    rules: Mapping[str, str]
    refusals: Mapping[str, str]
    seats_gone: str
    failures: Mapping[str, str]
    failed: str

    said: Mapping[Sentence, str]


class Language:
    """Makes the sentences of one language."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words

    @property
    def code(self) -> str:
        """The code of the language, such as ``en``."""
        return self._words.code

    def wish(self, wish: Wish, names: Names) -> str:
        """What was understood, so that the visitor can object; empty if nothing."""
        words = self._words
        said = [self._counted(words.people, wish.people)] if wish.people else []
        said += [self._counted(words.in_wheelchairs, wish.wheelchairs)] if wish.wheelchairs else []
        said += [f"{count} × {names.ticket_names.get(key, key)}" for key, count in wish.tickets.items()]
        said += [words.in_place.format(name=name) for name in names.of_places(wish)]
        if len(wish.rows) > 3:
            said.append(words.in_rows.format(first=wish.rows[0], last=wish.rows[-1]))
        elif wish.rows:
            said.append(words.in_row.format(row=words.either.join(wish.rows)))
        said += [words.depths[wish.depth]] if wish.depth else []
        said += [words.avoided.format(depth=words.depths[depth]) for depth in wish.avoid]
        said += [words.sides[wish.side]] if wish.side else []
        wanted = {
            words.centre: wish.centre, words.aisle: wish.aisle, words.together: wish.together, words.cheap: wish.cheap
        }  # fmt: skip
        said += [text for text, is_wanted in wanted.items() if is_wanted]
        if wish.limit is not None:
            limit = words.limit_each if wish.limit.each else words.limit_in_all
            said.append(limit.format(price=self._money(wish.limit.minor, names.currency, names.digits)))
        return f"{_capital(', '.join(said))}." if said else ""

    def best(self, reasons: Reasons, others: int) -> str:
        """The best offer with its reasons, and that there are ``others``."""
        best = self._words.best.format(
            seats=self.seats(reasons), why=", ".join(self._why(reasons)), price=self._price(reasons)
        )
        return f"{best} {self._counted(self._words.others, others)}" if others else best

    def reason(self, reasons: Reasons) -> str:
        """Why the seats of an offer, in a sentence."""
        return f"{_capital(', '.join(self._why(reasons)))}."

    def seats(self, reasons: Reasons) -> str:
        """The seats of an offer, without a full stop: row by row, as on the tickets."""
        return self._words.both.join(map(self._part, reasons.parts))

    def held(self, reasons: Reasons) -> str:
        """The seats are held."""
        return self._words.held.format(seats=self.seats(reasons), price=self._price(reasons))

    def given_up(self, names: Sequence[str]) -> str:
        """What of the wish the offers do not meet; empty if nothing."""
        words = self._words
        said = [words.given_up[name] for name in names if name != "edge" or "depth" not in names]
        return words.nearest.format(given_up=_capital(words.both.join(said))) if said else ""

    def not_understood(self, words: Sequence[str]) -> str:
        """These words were not understood; empty if there are none."""
        quoted = ", ".join(self._words.quoted.format(word=word) for word in words)
        return self._words.not_understood.format(quoted=quoted) if words else ""

    def doubts(self, doubts: Sequence[Doubt]) -> str:
        """What was understood and cannot be met; empty if nothing."""
        return " ".join(dict.fromkeys(self._words.doubts[doubt.kind].format(about=doubt.about) for doubt in doubts))

    def failure(self, error: SeatServerError, currency: str) -> str:
        """Why something did not work."""
        words, facts = self._words, error.facts
        if error.code == "no_seats_together":
            found = self._counted(words.no_seats, facts["count"])
            groups = facts.get("groups_of")
            return f"{found} {words.only_groups.format(number=self._number(groups))}" if groups else found
        if error.code == "too_dear":
            return words.too_dear.format(price=self.price(facts["least_minor"], currency))
        if error.code == "tickets_refused":
            return words.rules.get(facts.get("rule", ""), words.rules["unknown"])
        if error.code == "seats_refused":
            reasons = [reason for _, reason in facts.get("seats", ())]
            return next((words.refusals[reason] for reason in reasons if reason in words.refusals), words.seats_gone)
        return words.failures.get(error.code, words.failed)

    def price(self, minor: int, currency: str) -> str:
        """An amount with its currency."""
        return self._money(minor, currency, digits_of(currency))

    def say(self, name: Sentence) -> str:
        """A sentence without facts."""
        return self._words.said[name]

    # ------------------------------------------------------------ parts of sentences

    def _why(self, reasons: Reasons) -> list[str]:
        words = self._words
        why = [self._together(reasons), words.row.format(nth=words.nth(reasons.row), rows=reasons.rows)]
        if reasons.aisle or reasons.end:
            why.append(words.aisle if reasons.aisle else words.row_end)
        if reasons.wheelchairs:
            why.append(self._counted(words.wheelchair_places, reasons.wheelchairs))
        away = reasons.from_best_view
        why.append(self._counted(words.from_best_view, away) if away else words.best_view)
        if reasons.over:
            why.append(words.left_over)
        return [text for text in why if text]

    def _together(self, reasons: Reasons) -> str:
        words = self._words
        if reasons.alone:
            return words.alone.format(number=self._number(reasons.alone))
        if len(reasons.parts) > 1:
            return words.groups.format(number=self._number(len(reasons.parts)))
        return words.side_by_side if reasons.parts[0].count > 1 else ""

    def _part(self, part: Part) -> str:
        words = {1: self._words.seat, 2: self._words.two_seats}.get(part.count, self._words.more_seats)
        return words.format(row=part.row, first=part.first, last=part.last)

    def _counted(self, words: Counted, count: int) -> str:
        return words.one if count == 1 else words.many.format(number=self._number(count))

    def _number(self, count: int) -> str:
        """Small numbers as words."""
        return self._words.numbers[count] if 0 <= count < len(self._words.numbers) else str(count)

    def _price(self, reasons: Reasons) -> str:
        return self._money(reasons.total_minor, reasons.currency, reasons.currency_digits)

    def _money(self, minor: int, currency: str, digits: int) -> str:
        return money(minor, currency, digits, comma=self._words.comma)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
