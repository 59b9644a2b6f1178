"""Three made-up halls, for the demo and for trying things out.

Studio 1 is a small hall with a middle aisle and places for wheelchairs; the Grand Hall has curved rows, two aisles, a
cross aisle, a back row of sofas that are sold in pairs, and beanbags without numbers before its first row; the
Boathouse is one block of seats with two rows of sofas behind. They are built in code because a rule such as "rows curve
towards the screen" is easier to read than three hundred coordinates. They are the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatKind, SeatMap

STANDARD = Category(key="standard", name="Standard", color="#0072b2")
PREMIUM = Category(key="premium", name="Premium", color="#e69f00")
FRONT = Category(key="front", name="Front rows", color="#56b4e9")
SOFA = Category(key="sofa", name="Sofa for two", color="#cc79a7")
BEANBAGS = Category(key="beanbags", name="Beanbags", color="#009e73")
BETWEEN_SOFAS = 0.5
"""Extra space between two sofas, in pitches."""


@dataclass(frozen=True, slots=True)
class Block:
    """``count`` seats side by side from ``x`` on, in pitches from the hall's middle line."""

    x: float
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its name, its distance from the screen, and its blocks from left to right.

    ``places`` lists the seats (by number) that are not ordinary ones. A row of ``sofas`` is sold in pairs.
    """

    name: str
    y: float
    blocks: tuple[Block, ...]
    category: Category
    places: tuple[tuple[int, SeatKind], ...] = ()
    sofas: bool = False


def demo_halls() -> list[SeatMap]:
    """The halls of the demo theatres."""
    return [studio(), grand_hall(), boathouse()]


def studio() -> SeatMap:
    """Studio 1: 92 seats in eight slightly curved rows with a middle aisle; wheelchair places in front."""
    first = Row(
        name="A",
        y=3.0,
        blocks=(Block(-5.2, 4), Block(2.2, 4)),
        category=STANDARD,
        places=(
            (1, SeatKind.WHEELCHAIR),
            (2, SeatKind.COMPANION),
            (7, SeatKind.COMPANION),
            (8, SeatKind.WHEELCHAIR),
        ),
    )
    others = [
        Row(
            name=name,
            y=3.0 + 1.2 * number,
            blocks=(Block(-6.2, 6), Block(1.2, 6)),
            category=STANDARD if number < 5 else PREMIUM,
        )
        for number, name in enumerate("BCDEFGH", start=1)
    ]
    return _hall("Studio 1", [first, *others], (STANDARD, PREMIUM), screen_width=13.0, bend=0.008)


def grand_hall() -> SeatMap:
    """Grand Hall: 306 seats in fourteen curved rows, two aisles, a cross aisle before row F, sofas at the back.

    Before row A is room for twenty people on beanbags.
    """
    rows = [Row("A", 4.0, (Block(-9.6, 2), Block(-5.5, 12), Block(8.6, 2)), FRONT)]
    rows += [
        Row(
            name,
            4.0 + 1.2 * number,
            (Block(-11.6, 4), Block(-5.5, 12), Block(8.6, 4)),
            FRONT if number < 3 else STANDARD,
        )
        for number, name in enumerate("BCDE", start=1)
    ]
    wide = (Block(-12.6, 5), Block(-6.5, 14), Block(8.6, 5))
    accessible = (
        (1, SeatKind.COMPANION),
        (2, SeatKind.WHEELCHAIR),
        (23, SeatKind.WHEELCHAIR),
        (24, SeatKind.COMPANION),
    )
    behind_cross_aisle = 4.0 + 1.2 * 5 + 1.2
    rows += [
        Row(
            name,
            behind_cross_aisle + 1.2 * number,
            wide,
            STANDARD if number < 4 else PREMIUM,
            places=accessible if number == 0 else (),
        )
        for number, name in enumerate("FGHIJKLM")
    ]
    last = behind_cross_aisle + 1.2 * 8 + 0.3
    rows.append(Row("N", last, (Block(-12.1, 4), Block(-5.5, 10), Block(8.6, 4)), SOFA, sofas=True))
    left = min(row.blocks[0].x for row in rows)
    beanbags = GeneralArea(
        key="beanbags",
        name="Beanbags",
        category=BEANBAGS.key,
        capacity=20,
        x=round(-left, 3),
        y=1.9,
        width=14.0,
        height=1.8,
    )
    categories = (FRONT, STANDARD, PREMIUM, SOFA, BEANBAGS)
    return _hall("Grand Hall", rows, categories, (beanbags,), screen_width=22.0, bend=0.006)


def boathouse() -> SeatMap:
    """Boathouse: 52 seats in five straight rows of eight and two rows of three sofas, with one wheelchair place."""
    rows = [
        Row(
            name,
            3.0 + 1.2 * number,
            (Block(-3.5, 8),),
            STANDARD,
            places=((1, SeatKind.WHEELCHAIR), (2, SeatKind.COMPANION)) if number == 4 else (),
        )
        for number, name in enumerate("ABCDE")
    ]
    rows += [Row(name, 9.3 + 1.4 * number, (Block(-3.0, 6),), SOFA, sofas=True) for number, name in enumerate("FG")]
    return _hall("Boathouse", rows, (STANDARD, SOFA), screen_width=8.0, bend=0.0)


def _hall(
    name: str,
    rows: list[Row],
    categories: tuple[Category, ...],
    general_areas: tuple[GeneralArea, ...] = (),
    *,
    screen_width: float,
    bend: float,
) -> SeatMap:
    """Put the rows together; ``bend`` is how much nearer to the screen a seat is, per squared pitch off the middle."""
    seats: list[Seat] = []
    groups: list[tuple[int, int]] = []
    left = min(row.blocks[0].x for row in rows)
    for row in rows:
        for number, x in enumerate(_places(row), start=1):
            kind = dict(row.places).get(number, SeatKind.STANDARD)
            if row.sofas:
                kind = SeatKind.SOFA_LEFT if number % 2 else SeatKind.SOFA_RIGHT
                if number % 2:
                    groups.append((len(seats), len(seats) + 1))
            seats.append(
                Seat(
                    row=row.name,
                    number=str(number),
                    x=round(x - left, 3),
                    y=round(row.y - bend * x * x, 3),
                    category=row.category.key,
                    kind=kind,
                )
            )
    screen = Screen(x=round(-left, 3), y=0.0, width=screen_width)
    return SeatMap.build(
        name=name, categories=categories, screen=screen, seats=seats, groups=groups, general_areas=general_areas
    )


def _places(row: Row) -> Iterator[float]:
    for block in row.blocks:
        for index in range(block.count):
            yield block.x + index + (BETWEEN_SOFAS * (index // 2) if row.sofas else 0.0)
