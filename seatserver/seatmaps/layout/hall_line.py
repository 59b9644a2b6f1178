"""A hall laid out as one line of spots, so that looking left and right is plain arithmetic.

The runs of all rows follow one another, with one spot between them for the aisle or the end of the row::

    row A, aisle in the middle   | A1 A2 A3 : A4 A5 A6 | B1 B2 …
    spots                        0  1  2  3 4  5  6  7 8  9 …       | end of the row   : aisle

The next seat is one spot on, and whatever is not a seat ends a stretch. The line knows positions and groups, but
neither what kind a seat is nor whether it is free: rules and searches add that.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import Seat, SeatMap

SEAT, TAKEN, KEPT, AISLE, ROW_END = 0, 6, 7, 8, 9
"""What is at a spot: a seat, a seat that counts as taken, one kept for people with a wheelchair, an aisle, the end of a
row. The states of seats fit on the same line: 0 for a free seat, as everywhere, and 1 to 5 for all others."""
SAME_DEPTH = 0.5
"""Rows are equally far from the screen if their mean distances differ by less than this, in pitches."""


class HallLine(msgspec.Struct, frozen=True):
    """Where every seat of a map is among its neighbours.

    For each spot: ``seat_at``, the index of its seat (the number of seats at an aisle, one more at the end of a row);
    ``edges``, which is SEAT, AISLE or ROW_END; ``nothing``, the same with TAKEN for every seat; ``joined``, 1 if the
    seat shares a group with the seat before it.

    For each seat: ``spot_of`` and ``run_of``.

    For each run: ``spans``, its first spot and the one behind its last; ``row_of_run``; ``back``, its row counted from
    the back (0 is the row farthest from the screen); ``boxes``, least and greatest ``x``, least and greatest ``y``;
    ``groups``, those with a seat in the run.

    ``scattered``: the seats of some group are not side by side.
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


def hall_line_of(seat_map: SeatMap) -> HallLine:
    """The line of a map, laid out once."""
    return seat_map.derived(_lay_out)


def _lay_out(seat_map: SeatMap) -> HallLine:
    seats = seat_map.seats
    # By number: comparing or hashing the groups themselves would take the square of a large group's size.
    number_of = {seat: number for number, group in enumerate(seat_map.groups) for seat in group}
    no_seat = {AISLE: len(seats), ROW_END: len(seats) + 1}
    runs, rows = rows_of(seat_map)
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
    # A hall of general areas only has no runs; two ends still make a line.
    seat_at.append(no_seat[ROW_END])
    edges.append(ROW_END)
    joined = bytearray(len(seat_at))
    for spot, (one, other) in enumerate(pairwise(seat_at), start=1):
        joined[spot] = one in number_of and number_of[one] == number_of.get(other)
    return HallLine(
        seat_at=tuple(seat_at),
        edges=bytes(edges),
        nothing=bytes(edge or TAKEN for edge in edges),
        joined=bytes(joined),
        spot_of=tuple(spot_of),
        run_of=tuple(run_of),
        spans=tuple(spans),
        boxes=tuple(_box([seats[seat] for seat in run]) for run in runs),
        groups=tuple(
            tuple(seat_map.groups[number] for number in sorted({number_of[seat] for seat in run if seat in number_of}))
            for run in runs
        ),
        row_of_run=rows,
        back=_rows_from_the_back(seat_map),
        scattered=sum(joined) < sum(len(group) - 1 for group in seat_map.groups),
    )


def _box(seats: list[Seat]) -> tuple[float, float, float, float]:
    xs, ys = [seat.x for seat in seats], [seat.y for seat in seats]
    return min(xs), max(xs), min(ys), max(ys)


def _rows_from_the_back(seat_map: SeatMap) -> tuple[int, ...]:
    """For every run, its row counted from the back; rows equally far from the screen share a number."""
    runs, rows = rows_of(seat_map)
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
