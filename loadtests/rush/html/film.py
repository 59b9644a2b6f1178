"""The film of a hall filling up: its seats as SVG, what changed when as data, and a script that plays it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from loadtests.rush.notes import Frame
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState

PITCH = 20
SEAT = 0.8
MARGIN = 1.0
MOST_FRAMES = 4000
STATES = tuple(state.name.lower() for state in SeatState)


def film(hall: SeatMap, frames: Sequence[Frame], seconds: float) -> str:
    """The hall as it was at the end, and everything that is needed to play how it came to that."""
    if not frames or not hall.seats:
        return ""
    kept = thinned(frames)
    final: dict[int, int] = {}
    for frame in kept:
        final.update(frame.changes)
    data = {
        "seconds": round(max(seconds, kept[-1].at), 2),
        "states": STATES,
        "frames": [[frame.at, [list(pair) for pair in frame.changes]] for frame in kept],
    }
    # In a script element only `</` could end the data early.
    encoded = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    legend = "".join(
        f'<span class="key"><i class="{state}"></i>{state} <output data-count="{state}"></output></span>'
        for state in STATES
    )
    return (
        f'<div class="film">{_drawing(hall, final)}'
        '<div class="controls"><button type="button" aria-pressed="false">Play</button>'
        '<input type="range" min="0" max="1000" value="1000" aria-label="moment of the run">'
        f'<output class="moment"></output></div><p class="legend">{legend}</p>'
        f'<script type="application/json">{encoded}</script></div>'
    )


def thinned(frames: Sequence[Frame]) -> list[Frame]:
    """At most so many frames as a page can play; neighbours are put together, and nothing is lost."""
    size = -(-len(frames) // MOST_FRAMES)
    if size <= 1:
        return list(frames)
    found = []
    for first in range(0, len(frames), size):
        group = frames[first : first + size]
        changes: dict[int, int] = {}
        for frame in group:
            changes.update(frame.changes)
        found.append(Frame(at=group[-1].at, changes=tuple(changes.items())))
    return found


def _drawing(hall: SeatMap, states: dict[int, int]) -> str:
    screen = hall.screen
    xs = [seat.x for seat in hall.seats] + [screen.x - screen.width / 2, screen.x + screen.width / 2]
    ys = [seat.y for seat in hall.seats] + [screen.y]
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    width, height = max(xs) + MARGIN - left, max(ys) + MARGIN - top
    size = SEAT * PITCH
    seats = "".join(
        f'<rect class="seat {STATES[states.get(number, 0)]}" x="{_n((seat.x - left) * PITCH - size / 2)}" '
        f'y="{_n((seat.y - top) * PITCH - size / 2)}" width="{_n(size)}" height="{_n(size)}" rx="4">'
        f"<title>{escape(seat.label)}</title></rect>"
        for number, seat in enumerate(hall.seats)
    )
    y = _n((screen.y - top) * PITCH)
    x1, x2 = ((screen.x + half * screen.width / 2 - left) * PITCH for half in (-1, 1))
    return (
        f'<svg viewBox="0 0 {_n(width * PITCH)} {_n(height * PITCH)}" role="img" '
        f'aria-label="{escape(hall.name)}"><line class="screen" x1="{_n(x1)}" x2="{_n(x2)}" y1="{y}" y2="{y}"/>'
        f"{seats}</svg>"
    )


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
