"""Small multiples as SVG: one row for each quantity, one column for each thing that grows, both axes logarithmic.

On such axes a straight line of slope 1 means "twice as many cost twice as much" and a flat one "it does not matter".
All panels of a row share their scale, so that they can be compared. Pure: values in, text out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

PANEL_W, PANEL_H = 230, 128
GAP_X, GAP_Y = 26, 46
LEFT, TOP, RIGHT, BOTTOM = 206, 126, 24, 64
LEAST = 1e-9
FEWEST_TICKS = 3
FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif'"
INK, FAINT, GRID = "#1f2937", "#6b7280", "#e5e7eb"

Dots = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A straight line on logarithmic axes: ``log10 y = slope * log10 x + offset``."""

    slope: float
    offset: float

    def at(self, x: float) -> float:
        """Its height at ``x``."""
        return float(10 ** (self.slope * math.log10(x) + self.offset))


@dataclass(frozen=True)
class Series:
    """Who was measured, and how it is drawn."""

    name: str
    color: str


@dataclass(frozen=True)
class Row:
    """A quantity: its name, its unit, and the dots of each column by series."""

    name: str
    unit: str
    columns: Sequence[Mapping[Series, Dots]]


def fit(dots: Dots) -> Line | None:
    """The least-squares line through dots on logarithmic axes; None for fewer than two different places."""
    points = [(math.log10(x), math.log10(max(y, LEAST))) for x, y in dots]
    if len({x for x, _ in points}) < 2:
        return None
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)
    return Line(slope, middle_y - slope * middle_x)


class Scale:
    """A logarithmic scale from values to pixels, a little wider than its values and never narrower than a decade."""

    def __init__(self, values: Iterable[float], start: float, end: float, *, least_decades: float = 0.0) -> None:
        logs = [math.log10(max(value, LEAST)) for value in values] or [0.0]
        low, high = min(logs), max(logs)
        spare = max(0.06 * (high - low), (least_decades - (high - low)) / 2, 0.04)
        self._low, self._high = low - spare, high + spare
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        share = (math.log10(max(value, LEAST)) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Round values inside: the decades, or 1, 2 and 5 of each where that would be too few."""
        decades = range(math.floor(self._low), math.ceil(self._high) + 1)
        inside: list[float] = []
        for steps in ((1,), (1, 2, 5)):
            marks = [step * 10.0**decade for decade in decades for step in steps]
            inside = [mark for mark in marks if self._low <= math.log10(mark) <= self._high]
            if len(inside) >= FEWEST_TICKS:
                break
        return inside


def draw(
    title: str, notes: Sequence[str], columns: Sequence[str], rows: Sequence[Row], series: Sequence[Series]
) -> str:
    """The whole picture; ``columns`` name what grows to the right."""
    width = LEFT + len(columns) * (PANEL_W + GAP_X) - GAP_X + RIGHT
    height = TOP + len(rows) * (PANEL_H + GAP_Y) - GAP_Y + BOTTOM + 16 * len(notes)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' "
        f"{FONT} font-size='11'>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
        _text(24, 36, title, size=18, weight=600),
        *_legend(24, 60, series),
    ]
    for number, column in enumerate(columns):
        x = LEFT + number * (PANEL_W + GAP_X)
        parts.append(_text(x, TOP - 28, column, size=13, weight=600))
    for number, row in enumerate(rows):
        parts += _row(row, TOP + number * (PANEL_H + GAP_Y))
    below = TOP + len(rows) * (PANEL_H + GAP_Y) - GAP_Y + 46
    parts += [_text(24, below + 16 * number, note, color=FAINT) for number, note in enumerate(notes)]
    return "\n".join([*parts, "</svg>\n"])


def _legend(x: float, y: float, series: Sequence[Series]) -> list[str]:
    parts = []
    for one in series:
        parts += [f"<circle cx='{x + 4}' cy='{y - 4}' r='4' fill='{one.color}'/>", _text(x + 14, y, one.name, size=12)]
        x += 34 + 7 * len(one.name)
    return parts


def _row(row: Row, top: float) -> list[str]:
    every = [y for column in row.columns for dots in column.values() for _, y in dots]
    every += [
        line.at(x)
        for column in row.columns
        for dots in column.values()
        if (line := fit(dots)) is not None
        for x, _ in (dots[0], dots[-1])
    ]
    down = Scale(every, top + PANEL_H, top, least_decades=1.0)
    parts = [
        _text(24, top + 18, row.name, size=12, weight=600),
        _text(24, top + 35, row.unit, color=FAINT),
    ]
    for number, column in enumerate(row.columns):
        parts += _panel(column, LEFT + number * (PANEL_W + GAP_X), top, down, labelled=number == 0)
    return parts


def _panel(column: Mapping[Series, Dots], left: float, top: float, down: Scale, *, labelled: bool) -> list[str]:
    xs = sorted({x for dots in column.values() for x, _ in dots})
    across = Scale(xs, left, left + PANEL_W)
    parts = [f"<rect x='{left}' y='{top}' width='{PANEL_W}' height='{PANEL_H}' fill='none' stroke='{GRID}'/>"]
    for mark in down.ticks():
        y = down(mark)
        parts.append(f"<line x1='{left}' x2='{left + PANEL_W}' y1='{y:.1f}' y2='{y:.1f}' stroke='{GRID}'/>")
        if labelled:
            parts.append(_text(left - 6, y + 4, _number(mark), anchor="end", color=FAINT))
    for x in xs:
        at = across(x)
        parts.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{top}' y2='{top + PANEL_H}' stroke='{GRID}'/>")
        parts.append(_text(at, top + PANEL_H + 15, _number(x), anchor="middle", color=FAINT))
    slopes = []
    for series, dots in column.items():
        line = fit(dots)
        if line is not None:
            ends = " ".join(f"{across(x):.1f},{down(line.at(x)):.1f}" for x in (xs[0], xs[-1]))
            parts.append(
                f"<polyline points='{ends}' fill='none' stroke='{series.color}' stroke-width='1.5' opacity='.55'/>"
            )
            slopes.append((series, line.slope))
        parts += [f"<circle cx='{across(x):.1f}' cy='{down(y):.1f}' r='3.5' fill='{series.color}'/>" for x, y in dots]
    x = left
    for series, slope in slopes:
        said = f"slope {round(slope, 2) + 0.0:.2f}".replace("-", "−")  # without a sign before zero
        parts.append(_text(x, top - 5, said, color=series.color, weight=600))
        x += 84
    return parts


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, weight: int = 400, color: str = INK
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-size='{size}' font-weight='{weight}' "
        f"fill='{color}'>{escape(text)}</text>"
    )


def _number(value: float) -> str:
    """A tick's value: 12k for thousands, no needless zeros."""
    if value >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:g}"
