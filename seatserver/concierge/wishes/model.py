"""What a visitor wishes for, as a value: the one form that the parser makes, a model sends, and the search takes.

A `Wish` names nothing that the hall does not have: rows by the name on the ticket, categories and ticket types by their
keys. It never names a seat. `Understood` is what the parser made of one message: a wish, what the visitor wants done,
and the words that it did not understand.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.pricing.tariff import MAX_KEY, MAX_PRICE_MINOR, MAX_TICKET_TYPES
from seatserver.seatmaps.model import MAX_LABEL, MAX_NAME
from seatserver.seatmaps.search.score import MAX_PARTY, Weights

MOST_ROWS = 50
MOST_CATEGORIES = 50

People = Annotated[int, Meta(ge=1, le=MAX_PARTY)]
Some = Annotated[int, Meta(ge=0, le=MAX_PARTY)]
Key = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
RowName = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL)]


class Depth(StrEnum):
    """How far from the screen: a third of the rows each, but for the first and the last row."""

    FIRST = "first"
    FRONT = "front"
    MIDDLE = "middle"
    BACK = "back"
    LAST = "last"


class Side(StrEnum):
    """Which half of the hall, as the audience sees it."""

    LEFT = "left"
    RIGHT = "right"


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most to pay, in the currency's minor unit: for all together with the fees, or for ``each`` ticket."""

    minor: Annotated[int, Meta(ge=0, le=MAX_PRICE_MINOR)]
    each: bool = False


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a party wishes for.

    ``people`` come, ``wheelchairs`` of them in a wheelchair; None: not said. ``tickets`` says how many of them need a
    special ticket type, by its key; the others get the usual one. ``categories`` (keys), ``areas`` and ``rows`` (names)
    say where; empty: anywhere. ``depth`` is where in the hall, ``avoid`` where not. ``centre`` and ``aisle`` are
    preferences. With ``together`` nobody sits in another row. ``limit`` is the most to pay; ``cheap`` asks for the
    lowest price. ``importance`` replaces the weights that follow from these.
    """

    people: People | None = None
    tickets: Annotated[dict[Key, People], Meta(max_length=MAX_TICKET_TYPES)] = {}
    wheelchairs: Some = 0
    categories: Annotated[tuple[Key, ...], Meta(max_length=MOST_CATEGORIES)] = ()
    areas: Annotated[tuple[Name, ...], Meta(max_length=MOST_CATEGORIES)] = ()
    rows: Annotated[tuple[RowName, ...], Meta(max_length=MOST_ROWS)] = ()
    depth: Depth | None = None
    avoid: Annotated[tuple[Depth, ...], Meta(max_length=5)] = ()
    side: Side | None = None
    centre: bool = False
    aisle: bool = False
    together: bool = False
    limit: Limit | None = None
    cheap: bool = False
    importance: Weights | None = None

    def __post_init__(self) -> None:
        if self.people is None:
            return
        if self.wheelchairs > self.people:
            raise ValueError(f"expected at most {self.people} wheelchairs for as many people")
        if sum(self.tickets.values()) > self.people:
            raise ValueError(f"expected at most {self.people} tickets for as many people")

    @property
    def weights(self) -> Weights:
        """How much each component of a seat's cost counts for this wish."""
        if self.importance is not None:
            return self.importance
        return Weights(centre=2.0 if self.centre else 0.5, aisle=3.0 if self.aisle else 0.0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is wished for."""
        return self == Wish()


class Intent(StrEnum):
    """What a visitor wants done."""

    FIND = "find"
    OTHERS = "others"
    HOLD = "hold"
    RELEASE = "release"
    BOOK = "book"
    HELP = "help"
    NOTHING = "nothing"


class Shift(StrEnum):
    """Where to look instead of at the seats that were offered last."""

    FORWARD = "forward"
    BACKWARD = "backward"


class Doubt(msgspec.Struct, frozen=True):
    """Words that were understood but cannot be met as they are: ``kind`` says why, ``about`` is what they name.

    ``row``: the hall has no such row. ``currency``: prices here are in another one. ``ticket``: no such ticket is sold,
    so the usual one is taken. ``unnumbered``: its places have no numbers, so there are no seats to choose from.
    ``party``: more people than one search allows.
    """

    kind: str
    about: str


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What the parser made of one message.

    ``choice`` is which of the offers is meant, from 1; 0: not said. ``leftover`` are the words that it did not
    understand, as they were written. A message was understood as a whole if neither ``leftover`` nor ``doubts`` has
    anything.
    """

    intent: Intent
    wish: Wish = Wish()
    choice: int = 0
    shift: Shift | None = None
    leftover: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
