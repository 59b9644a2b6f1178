"""Checks of what seats are: groups and sofas, wheelchair places and companion seats, categories, labels."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from seatserver.seatmaps.inspection.findings import Finding, Hall, Severity
from seatserver.seatmaps.layout.hall_line import hall_line_of
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import Category, SeatKind
from seatserver.seatmaps.wording import count, listed, shown

LEFT, MIDDLE, RIGHT = SeatKind.SOFA_LEFT, SeatKind.SOFA_MIDDLE, SeatKind.SOFA_RIGHT
SOFA = frozenset((LEFT, MIDDLE, RIGHT))
COMPANIONS_PER_WHEELCHAIR = 3
"""How many companions may sit beside a wheelchair place (28 CFR 36.302(f)(4))."""
WHEELCHAIR_PLACES = ((25, 1), (50, 2), (150, 4), (300, 5), (500, 6))
"""Up to so many seats, at least so many wheelchair places: 2010 ADA Standards, table 221.2.1.1. Beyond the table, one
more for every 150 seats."""
FEWEST_SEATS = 4


def check_groups(hall: Hall) -> Iterator[Finding]:
    """Groups whose seats are not side by side, and incomplete sofas."""
    seats, line = hall.seat_map.seats, hall_line_of(hall.seat_map)
    swapped: list[Sequence[int]] = []
    sofas = 0
    for group in hall.seat_map.groups:
        rows = dict.fromkeys(hall.row_name(seats[seat].row) for seat in group)
        spots = sorted(line.spot_of[seat] for seat in group)
        kinds = [seats[seat].kind for seat in sorted(group, key=lambda seat: line.spot_of[seat])]
        if len({hall.floor_row(seat) for seat in group}) > 1:
            where = f"rows {listed(list(rows))}" if len(rows) > 1 else "several rows"
            yield _group(hall, group, "group_across_rows", f"go only together but stand in {where}")
        elif spots[-1] - spots[0] != len(spots) - 1:
            problem = "go only together but an aisle or another seat is between them"
            yield _group(hall, group, "group_apart", problem)
        elif not SOFA.isdisjoint(kinds):
            sofas += 1
            if _is_sofa(kinds[::-1]) and not _is_sofa(kinds):
                swapped.append(group)
            elif not _is_sofa(kinds):
                problem = (
                    f"are no whole sofa: from left to right {listed([kind.replace('_', ' ') for kind in kinds], 9)}"
                )
                yield _group(hall, group, "half_sofa", problem)
        categories = dict.fromkeys(seats[seat].category for seat in group)
        if len(categories) > 1:
            yield hall.finding(
                Severity.HINT,
                "group_of_categories",
                seats=group,
                problem=f"go only together but are of the categories {listed([shown(key) for key in categories])}",
                mend="put them into one category if they are to have one price",
            )
    yield from _swapped(hall, swapped, sofas)
    yield from _loose_sofas(hall)


def _group(hall: Hall, group: Sequence[int], code: str, problem: str) -> Finding:
    mend = "correct the group, the kinds or the places: what goes only together has to be offered side by side"
    return hall.finding(Severity.WARNING, code, seats=group, problem=problem, mend=mend)


def _is_sofa(kinds: Sequence[SeatKind]) -> bool:
    return len(kinds) > 1 and kinds[0] is LEFT and kinds[-1] is RIGHT and all(kind is MIDDLE for kind in kinds[1:-1])


def _swapped(hall: Hall, swapped: Sequence[Sequence[int]], sofas: int) -> Iterator[Finding]:
    if not swapped:
        return
    whole_hall = len(swapped) == sofas
    yield hall.finding(
        Severity.HINT if whole_hall else Severity.WARNING,
        "sofa_sides",
        what="all sofas" if whole_hall else "",
        seats=[seat for group in swapped for seat in group],
        problem="their left parts stand at the right",
        mend="look whether the whole hall is mirrored" if whole_hall else "swap the kinds of the sofa's parts",
    )


def _loose_sofas(hall: Hall) -> Iterator[Finding]:
    """Parts of sofas that are in no group, and so are sold without the rest."""
    seats, grouped = hall.seat_map.seats, hall.seat_map.group_of
    for run in rows_of(hall.seat_map).runs:
        loose: list[int] = []
        # A standard seat behind the end closes the last piece.
        for seat in (*run, None):
            kind = seats[seat].kind if seat is not None and seat not in grouped else SeatKind.STANDARD
            if loose and (kind not in (MIDDLE, RIGHT) or seats[loose[-1]].kind is RIGHT):
                yield _loose_sofa(hall, loose)
                loose = []
            if seat is not None and kind in SOFA:
                loose.append(seat)


def _loose_sofa(hall: Hall, parts: Sequence[int]) -> Finding:
    if _is_sofa([hall.seat_map.seats[seat].kind for seat in parts]):
        return hall.finding(
            Severity.WARNING,
            "sofa_without_group",
            seats=parts,
            problem="are one sofa but no group, so strangers may share it",
            mend="make a group of them, or ordinary seats",
        )
    there = {hall.seat_map.seats[seat].kind for seat in parts}
    missing = [name for kind, name in ((LEFT, "left"), (RIGHT, "right")) if kind not in there]
    return hall.finding(
        Severity.WARNING,
        "half_sofa",
        seats=parts,
        problem=f"half a sofa: the {listed(missing) or 'other'} part is not beside it",
        mend="add the missing part, or make it an ordinary seat",
    )


def check_accessible(hall: Hall) -> Iterator[Finding]:
    """Companion seats without a wheelchair place, wheelchair places without a companion seat, a hall without either."""
    seats, runs = hall.seat_map.seats, rows_of(hall.seat_map).runs
    rows_with_place = {hall.floor_row(index) for index, seat in enumerate(seats) if seat.kind is SeatKind.WHEELCHAIR}
    for run in runs:
        for stretch in _special(hall, run):
            kinds = Counter(seats[seat].kind for seat in stretch)
            places, companions = kinds[SeatKind.WHEELCHAIR], kinds[SeatKind.COMPANION]
            if not companions:
                yield hall.finding(
                    Severity.HINT,
                    "wheelchair_alone",
                    seats=stretch,
                    problem="no companion's seat beside",
                    mend="make the seat beside a companion's (2010 ADA Standards, 221.3 and 802.3)",
                )
            elif not places and hall.floor_row(stretch[0]) not in rows_with_place:
                yield hall.finding(
                    Severity.WARNING,
                    "companion_alone",
                    seats=stretch,
                    problem="no wheelchair place in the row, so it is sold like any seat"
                    if len(stretch) == 1
                    else "no wheelchair place in their row, so they are sold like any seats",
                    mend="add the wheelchair place, or make it an ordinary seat",
                )
            elif not places:
                yield hall.finding(
                    Severity.WARNING,
                    "companion_apart",
                    seats=stretch,
                    problem="no wheelchair place beside, so it goes with the nearest one of the row",
                    mend="put companions beside their wheelchair place (2010 ADA Standards, 802.3)",
                )
            elif companions > COMPANIONS_PER_WHEELCHAIR * places:
                yield hall.finding(
                    Severity.HINT,
                    "many_companions",
                    seats=stretch,
                    problem=f"{count(companions, 'companion seat')} for {count(places, 'wheelchair place')}",
                    mend="three companions beside each are what US rules ask for (28 CFR 36.302(f)(4))",
                )
    if len(seats) >= FEWEST_SEATS and not any(seat.kind is SeatKind.WHEELCHAIR for seat in seats):
        asked = _wheelchair_places(len(seats))
        yield Finding(
            severity=Severity.HINT,
            code="no_wheelchairs",
            what="the hall",
            problem="has no wheelchair place",
            mend=f"US rules ask for {asked} in a hall of {len(seats)} seats (2010 ADA Standards, table 221.2.1.1); "
            "some formats cannot say which they are",
        )


def _special(hall: Hall, run: Sequence[int]) -> Iterator[list[int]]:
    """Unbroken series of wheelchair places and companion seats."""
    stretch: list[int] = []
    for seat in (*run, None):
        if seat is not None and hall.seat_map.seats[seat].kind in (SeatKind.WHEELCHAIR, SeatKind.COMPANION):
            stretch.append(seat)
        elif stretch:
            yield stretch
            stretch = []


def _wheelchair_places(seats: int) -> int:
    beyond, most = WHEELCHAIR_PLACES[-1]
    return next(
        (places for up_to, places in WHEELCHAIR_PLACES if seats <= up_to), most + math.ceil((seats - beyond) / 150)
    )


def check_categories(hall: Hall) -> Iterator[Finding]:
    """Categories without places, and categories that people cannot tell apart."""
    draft = hall.draft.seat_map
    used = {seat.category for seat in draft.seats} | {area.category for area in draft.general_areas}
    for index, category in enumerate(draft.categories):
        if category.key not in used:
            yield Finding(
                severity=Severity.WARNING,
                code="empty_category",
                what=f"the category {shown(category.key)}",
                problem="has no seats",
                mend="take it out, or give it its seats: every showtime would have to price it",
                at=(hall.draft.in_file(f"categories[{index}]"),),
            )
    kept = [category for category in draft.categories if category.key in used]
    yield from _alike(hall, "same_name", "name", kept)
    yield from _alike(hall, "same_color", "color", kept)


def _alike(hall: Hall, code: str, field: str, categories: Sequence[Category]) -> Iterator[Finding]:
    by_look: dict[str, list[str]] = defaultdict(list)
    for category in categories:
        by_look[getattr(category, field).casefold()].append(shown(category.key))
    for look, keys in by_look.items():
        if len(keys) > 1:
            yield Finding(
                severity=Severity.HINT,
                code=code,
                what=f"the categories {listed(keys)}",
                problem=f"have the same {'name' if field == 'name' else 'colour'}, {shown(look)}",
                mend="let people tell them apart",
            )


def check_labels(hall: Hall) -> Iterator[Finding]:
    """Labels that differ for machines but not for people: ``a-7`` and ``A-07``."""
    by_look: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, seat in enumerate(hall.seat_map.seats):
        look = (hall.row_name(seat.row).casefold().strip(), seat.number.casefold().strip().lstrip("0"))
        by_look[look].append(index)
    for seats in by_look.values():
        labels = [hall.label(seat) for seat in seats]
        for (one, other), (label, next_label) in zip(pairwise(seats), pairwise(labels), strict=True):
            if label != next_label:
                yield hall.finding(
                    Severity.WARNING,
                    "labels_alike",
                    seats=[one, other],
                    problem="read alike on a ticket",
                    mend="give one of the two another number or row",
                )
