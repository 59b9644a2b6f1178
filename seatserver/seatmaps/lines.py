"""A hall laid out as one line of spots, so that rules about neighbours look left and right with plain arithmetic.

The runs of all rows stand behind one another, with one spot between them for the aisle or the row's end::

    row A, aisle in the middle   | A1 A2 A3 : A4 A5 A6 | B1 B2 …
    spots                        0  1  2  3 4  5  6  7 8  9 …       | row end   : aisle

A neighbour is one spot on; whatever is no seat ends a stretch. `lines_of` makes the layout once per map. This module
knows positions and groups, neither kinds nor states. Pure.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from seatserver.seatmaps.model import Seat, SeatMap

SEAT, TAKEN, KEPT, AISLE, ROW_END = 0, 6, 7, 8, 9
"""What a spot is: a seat, one that is as good as taken, one kept for people with a wheelchair, an aisle, the end of a
row. Where seats' states stand on the same line, they are 0 for a free one, as in every room, and 1 to 5 for others."""
SAME_DEPTH = 0.5
"""Rows whose mean distance from the screen differs by less than so many pitches stand equally far."""


class Lines(msgspec.Struct, frozen=True):
    """Where every seat of a map stands among its neighbours.

    By spot: ``seat_at`` is the seat's index (at an aisle the number of seats, at a row's end one more); ``edges`` is
    SEAT, AISLE or ROW_END, and ``nothing`` the same with TAKEN for every seat; ``joined`` is 1 where the seat is of one
    group with the seat before it. By seat: ``spot_of``, ``run_of``. By run: ``spans``, its first spot and the one
    behind its last; ``row_of_run``; ``back``, the place of its row counted from the back, 0 for the row farthest from
    the screen;
    ``boxes``, the least and the greatest ``x``, the least and the greatest ``y``; ``groups``, those with a seat in it.
    ``scattered``: the seats of some group do not stand side by side.
    """

    seat_at: tuple[int, ...]
    edges: bytes
    nothing: bytes
    joined: bytes
    spot_of: tuple[int, ...]
    run_of: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    row_of_run: tuple[int, ...]
    back: tuple[int, ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    groups: tuple[tuple[tuple[int, ...], ...], ...]
    scattered: bool


def lines_of(seat_map: SeatMap) -> Lines:
    """The map's layout, made once."""
    return seat_map.derived(_lay_out)


def _lay_out(seat_map: SeatMap) -> Lines:
    seats, runs, group_of = seat_map.seats, seat_map.runs, seat_map.group_of
    no_seat = {AISLE: len(seats), ROW_END: len(seats) + 1}
    rows = seat_map.floor.row_of_run
    seat_at, edges = [no_seat[ROW_END]], bytearray([ROW_END])
    spot_of, run_of = [0] * len(seats), [0] * len(seats)
    spans: list[tuple[int, int]] = []
    for number, run in enumerate(runs):
        spans.append((len(seat_at), len(seat_at) + len(run)))
        for seat in run:
            spot_of[seat], run_of[seat] = len(seat_at), number
            seat_at.append(seat)
            edges.append(SEAT)
        # The runs of one row follow one another.
        edge = AISLE if number + 1 < len(runs) and rows[number + 1] == rows[number] else ROW_END
        seat_at.append(no_seat[edge])
        edges.append(edge)
    # A hall of general areas alone has no runs; two ends make a line all the same.
    seat_at.append(no_seat[ROW_END])
    edges.append(ROW_END)
    joined = bytearray(len(seat_at))
    for spot, (one, other) in enumerate(pairwise(seat_at), start=1):
        joined[spot] = one in group_of and other in group_of[one]
    return Lines(
        seat_at=tuple(seat_at),
        edges=bytes(edges),
        nothing=bytes(edge or TAKEN for edge in edges),
        joined=bytes(joined),
        spot_of=tuple(spot_of),
        run_of=tuple(run_of),
        spans=tuple(spans),
        boxes=tuple(_box([seats[seat] for seat in run]) for run in runs),
        groups=tuple(tuple(sorted({group_of[seat] for seat in run if seat in group_of})) for run in runs),
        row_of_run=rows,
        back=_places_from_the_back(seat_map),
        scattered=sum(joined) < sum(len(group) - 1 for group in seat_map.groups),
    )


def _box(seats: list[Seat]) -> tuple[float, float, float, float]:
    xs, ys = [seat.x for seat in seats], [seat.y for seat in seats]
    return min(xs), max(xs), min(ys), max(ys)


def _places_from_the_back(seat_map: SeatMap) -> tuple[int, ...]:
    """For every run the place of its row, counted from the back; rows that stand equally far share one."""
    runs, rows = seat_map.floor
    depths: dict[int, list[float]] = {}
    for run, row in zip(runs, rows, strict=True):
        depths.setdefault(row, []).extend(seat_map.seats[seat].y for seat in run)
    means = {row: sum(ys) / len(ys) for row, ys in depths.items()}
    places: dict[int, int] = {}
    place, depth = -1, float("inf")
    for row in sorted(means, key=means.__getitem__, reverse=True):
        if depth - means[row] > SAME_DEPTH:
            place, depth = place + 1, means[row]
        places[row] = place
    return tuple(places[row] for row in rows)
