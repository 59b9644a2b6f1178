"""The plots of a report, as SVG that takes its colours and its font from the page around it.

matplotlib knows no CSS variables. So it draws in colours that nothing else has, and they are replaced in the finished
SVG. matplotlib is slow to import and belongs to the extra ``lab``; it is imported only when a report is drawn.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loadtests.rush.latency import Encoded
from loadtests.rush.notes import Notes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, LINE = "#010203", "#020304", "#030405"
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004")
COLOURS = {INK: "--ink", QUIET: "--quiet", LINE: "--line"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)
}
WIDTH_IN, HEIGHT_IN = 5.2, 2.8
TAIL = (50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.9, 99.95, 99.99)
UNNAMED = (99.5, 99.95)
"""Percentiles that have no room for a label on a phone."""
Point = tuple[float, float]


def arrivals(notes: Notes) -> str:
    """How many people came, what they asked, and what was answered, for each second."""
    window_s = notes.times.window_s
    seconds = notes.seconds
    at = [number * window_s for number in seconds]
    with _Plot("seconds", "a second") as plot:
        for name, count in (
            ("people arrived", "arrived"),
            ("requests sent", "asked"),
            ("answers", "answered"),
        ):
            plot.steps(name, at, [getattr(second, count) / window_s for second in seconds.values()])
    return plot.svg


def over_time(notes: Notes) -> str:
    """Corrected latencies over the run: half of the answers came within the lowest line."""
    windows = notes.times.windows.values()
    at = [window.start for window in windows]
    histograms = [window.corrected.decode() for window in windows]
    with _Plot("seconds", "milliseconds", log=True) as plot:
        for percentile in (50.0, 95.0, 99.0):
            plot.line(f"p{percentile:g}", at, [one.get_value_at_percentile(percentile) / 1000 for one in histograms])
    return plot.svg


def tails(named: Sequence[tuple[str, Encoded]]) -> str:
    """How long all but a few had to wait: the rarer, the farther to the right."""
    with _Plot("percentile", "milliseconds", log=True) as plot:
        for name, encoded in named:
            one = encoded.decode()
            if one.get_total_count():
                values = [max(0.001, one.get_value_at_percentile(percentile) / 1000) for percentile in TAIL]
                plot.line(name, [float(number) for number in range(len(TAIL))], values)
        plot.axes.set_xticks(range(len(TAIL)), [f"{one:g}" if one not in UNNAMED else "" for one in TAIL])
    return plot.svg


def bars(counts: dict[str, int]) -> str:
    """Counts by name, the largest on top."""
    ordered = sorted(counts.items(), key=lambda one: one[1])
    with _Plot("", "", height=0.6 + 0.34 * max(1, len(ordered))) as plot:
        drawn = plot.axes.barh([name.replace("_", " ") for name, _ in ordered], [count for _, count in ordered])
        for bar in drawn:
            bar.set_color(SERIES[0])
        plot.axes.bar_label(drawn, [f"{count:,}" for _, count in ordered], color=INK, padding=4)
        plot.axes.margins(x=0.12)
        plot.axes.grid(False)
        plot.axes.set_xticks([])
    return plot.svg


def machines(notes: Notes) -> str:
    """How much of a core the server and the generator used."""
    window_s = notes.times.window_s
    with _Plot("seconds", "cores") as plot:
        for name, figure in (("server", "server_cpu"), ("generator", "generator_cpu")):
            points = _points(notes, figure, window_s)
            if points:
                plot.line(name, [at for at, _ in points], [value for _, value in points])
        plot.axes.set_ylim(bottom=0)
    return plot.svg


def memory(notes: Notes) -> str:
    """The server's resident memory; nothing if it did not say."""
    points = _points(notes, "server_mib", notes.times.window_s)
    if not points:
        return ""
    with _Plot("seconds", "MiB") as plot:
        plot.line("server", [at for at, _ in points], [value for _, value in points])
        plot.axes.set_ylim(bottom=0)
    return plot.svg


def has_server_figures(notes: Notes) -> bool:
    """Whether the server said how much CPU time it used."""
    return any(second.server_cpu is not None for second in notes.seconds.values())


def _points(notes: Notes, figure: str, window_s: float) -> list[Point]:
    found = ((number * window_s, getattr(second, figure)) for number, second in notes.seconds.items())
    return [(at, value) for at, value in found if value is not None]


class _Plot:
    """One figure. At the end of the ``with`` block its ``svg`` is there."""

    def __init__(self, x: str, y: str, *, log: bool = False, height: float = HEIGHT_IN) -> None:
        from matplotlib.figure import Figure

        self._figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        self.axes: Axes = self._figure.add_subplot()
        self._names = 0
        self.svg = ""
        axes = self.axes
        axes.set_xlabel(x, color=QUIET)
        axes.set_ylabel(y, color=QUIET)
        axes.tick_params(colors=QUIET, which="both", length=3)
        axes.grid(color=LINE, linewidth=0.7)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(LINE)
        if log:
            from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, at: f"{value:,g}"))
            axes.yaxis.set_minor_locator(NullLocator())

    def line(self, name: str, x: Sequence[float], y: Sequence[float]) -> None:
        """A line through points; a lone point is a dot."""
        marker = "o" if len(x) == 1 else ""
        self.axes.plot(x, y, color=self._colour(), linewidth=1.8, marker=marker, label=name)

    def steps(self, name: str, x: Sequence[float], y: Sequence[float]) -> None:
        """A line of steps."""
        self.axes.step(x, y, where="post", color=self._colour(), linewidth=1.6, label=name)

    def _colour(self) -> str:
        self._names += 1
        return SERIES[(self._names - 1) % len(SERIES)]

    def __enter__(self) -> _Plot:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            return
        if self._names > 1:
            # Above the plot, where it hides no line.
            self.axes.legend(
                loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, labelcolor=INK, borderaxespad=0
            )
        text = io.StringIO()
        import matplotlib

        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "seatserver", "font.size": 10}):
            self._figure.savefig(text, format="svg", transparent=True, metadata=_NO_METADATA)
        self.svg = _for_page(text.getvalue())


_NO_METADATA: dict[str, Any] = {"Date": None, "Creator": None, "Type": None, "Format": None}


def _for_page(svg: str) -> str:
    """The picture without what only a file needs, with the page's colours and font, as wide as there is room."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--font)", svg).replace("DejaVu Sans", "system-ui")
