"""What every language of the concierge can say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from seatserver.concierge.reasons import Reasons
from seatserver.concierge.wishes.model import Doubt, Wish
from seatserver.concierge.wishes.names import Names
from seatserver.errors import SeatServerError


class Language(Protocol):
    """The sentences of one language. Each ends with a full stop or a question mark."""

    def wish(self, wish: Wish, names: Names) -> str:
        """What was understood, so that the visitor can object."""

    def best(self, reasons: Reasons, others: int) -> str:
        """The best offer with its reasons, and that there are ``others``."""

    def reason(self, reasons: Reasons) -> str:
        """Why the seats of an offer, in a sentence."""

    def seats(self, reasons: Reasons) -> str:
        """The seats of an offer, without a full stop: row by row, as on the tickets."""

    def held(self, reasons: Reasons) -> str:
        """The seats are held."""

    def given_up(self, names: Sequence[str]) -> str:
        """What of the wish the offers do not meet; empty if nothing."""

    def not_understood(self, words: Sequence[str]) -> str:
        """These words were not understood; empty if there are none."""

    def doubts(self, doubts: Sequence[Doubt]) -> str:
        """What was understood and cannot be met; empty if nothing."""

    def failure(self, error: SeatServerError, currency: str) -> str:
        """Why something did not work."""

    def say(self, name: str) -> str:
        """A sentence without facts; the names are those of `SENTENCES`."""


SENTENCES = frozenset(
    {"how_many", "help", "no_offer", "which", "released", "nothing_held", "book", "no_others", "nothing"}
)
