"""How long people waited, honestly: from the moment at which each request was due, not from when it could be sent.

Somebody who waits for one answer sends the next request late. If only the time from sending to answer counted, a server
that stood still for five seconds would show one slow request for each of them and hide all those that were due
meanwhile (Gil Tene calls this coordinated omission). So every request has two latencies: **raw**, from sending, and
**corrected**, from the moment it was scheduled for. Reports show them side by side.

The generator may be late, too. Its own **lag** is the time from when a request could have been sent (it was due, and
the answer before it was there) to when it was. A large one means that the figures tell about the generator.

Times are kept in histograms (HdrHistogram) in microseconds, which can be added up over processes and machines.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable

import msgspec
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

LONGEST_US = 600_000_000
DIGITS = 3
WINDOW_DIGITS = 2
WINDOWS = 300
"""At most about so many windows over a run."""
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


def histogram(digits: int = DIGITS) -> HdrHistogram:
    """An empty one, for 1 µs to ten minutes."""
    return HdrHistogram(1, LONGEST_US, digits)


class Encoded(msgspec.Struct, frozen=True):
    """A histogram as text, in HdrHistogram's own compressed form (V2, Base64)."""

    text: str

    @classmethod
    def of(cls, one: HdrHistogram) -> Encoded:
        """Encode it."""
        return cls(one.encode().decode())

    def decode(self) -> HdrHistogram:
        """The histogram."""
        return HdrHistogram.decode(self.text)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of the run: how long what was answered in it took from the moment it was due."""

    start: float
    corrected: Encoded


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """All latencies of one generator or, `merged`, of several: by verb, and over the time."""

    raw: dict[str, Encoded]
    corrected: dict[str, Encoded]
    lag: Encoded
    seen: Encoded
    """From the first screen that showed a change to each of the others."""
    loop: Encoded
    """How late the generator's event loop was for what was due."""
    window_s: float
    windows: dict[int, Window]


class Stopwatch:
    """Keeps the times of one generator. ``started`` is the run's beginning, as in `time.monotonic`."""

    def __init__(self, started: float, window_s: float) -> None:
        self.started = started
        self.window_s = window_s
        self._raw: dict[str, HdrHistogram] = {}
        self._corrected: dict[str, HdrHistogram] = {}
        self._windows: dict[int, HdrHistogram] = {}
        self.lag = histogram()
        self.seen = histogram()
        self.loop = histogram()

    def sent(self, due: float, ready: float, sent: float) -> None:
        """A request was sent that was ``due`` then, by somebody who was ``ready`` for it then."""
        self.lag.record_value(_us(sent - max(due, ready)))

    def answered(self, verb: str, due: float, sent: float, answered: float) -> None:
        """The answer to a request has come."""
        if verb not in self._raw:
            self._raw[verb], self._corrected[verb] = histogram(), histogram()
        self._raw[verb].record_value(_us(answered - sent))
        corrected_us = _us(answered - due)
        self._corrected[verb].record_value(corrected_us)
        number = int((answered - self.started) / self.window_s)
        if number not in self._windows:
            self._windows[number] = histogram(WINDOW_DIGITS)
        self._windows[number].record_value(corrected_us)

    def shown(self, after_s: float) -> None:
        """A viewer's screen showed a change so long after the first one did."""
        self.seen.record_value(_us(after_s))

    def looped(self, late_s: float) -> None:
        """The event loop ran something so long after it was due."""
        self.loop.record_value(_us(late_s))

    def percentile_ms(self, verb: str, percentile: float) -> float | None:
        """A corrected latency so far, for those who watch the run."""
        times = self._corrected.get(verb)
        return times.get_value_at_percentile(percentile) / 1000 if times is not None else None

    def times(self) -> Times:
        """Everything, to be written down."""
        return Times(
            raw={verb: Encoded.of(one) for verb, one in sorted(self._raw.items())},
            corrected={verb: Encoded.of(one) for verb, one in sorted(self._corrected.items())},
            lag=Encoded.of(self.lag),
            seen=Encoded.of(self.seen),
            loop=Encoded.of(self.loop),
            window_s=self.window_s,
            windows={
                number: Window(start=number * self.window_s, corrected=Encoded.of(one))
                for number, one in sorted(self._windows.items())
            },
        )


def window_s(seconds: float) -> float:
    """How long the windows of a run of so many seconds are."""
    return max(1.0, seconds / WINDOWS)


def merged(parts: Iterable[Times]) -> Times:
    """The times of several generators as one. Their windows have the same length, as of one scenario."""
    every = list(parts)
    numbers = sorted({number for one in every for number in one.windows})
    return Times(
        raw=_by_verb([one.raw for one in every]),
        corrected=_by_verb([one.corrected for one in every]),
        lag=_sum([one.lag for one in every]),
        seen=_sum([one.seen for one in every]),
        loop=_sum([one.loop for one in every]),
        window_s=every[0].window_s,
        windows={
            number: Window(
                start=number * every[0].window_s,
                corrected=_sum(
                    [one.windows[number].corrected for one in every if number in one.windows], WINDOW_DIGITS
                ),
            )
            for number in numbers
        },
    )


def summary(encoded: Encoded) -> dict[str, float | int | None]:
    """A histogram in a few figures, in milliseconds."""
    one = encoded.decode()
    count = int(one.get_total_count())
    found: dict[str, float | int | None] = {"count": count}
    for percentile in PERCENTILES:
        found[f"p{percentile:g}_ms"] = one.get_value_at_percentile(percentile) / 1000 if count else None
    found["max_ms"] = one.get_max_value() / 1000 if count else None
    return found


def log(times: Times, started_at_ms: int) -> str:
    """The windows as a histogram log, which public plotters such as HistogramLogAnalyzer read. Values are in µs."""
    text = io.StringIO()
    writer = HistogramLogWriter(text)
    writer.output_log_format_version()
    writer.output_base_time(started_at_ms)
    # The library's own `output_start_time` raises in version 0.10.8.
    writer.output_comment(f"[StartTime: {started_at_ms / 1000:.3f} (seconds since epoch)]")
    writer.output_legend()
    for window in times.windows.values():
        # Relative to the base time, and never 0, which the library takes for "not given".
        start_s = max(window.start, 0.001)
        writer.output_interval_histogram(window.corrected.decode(), start_s, start_s + times.window_s, 1000.0)
    return text.getvalue()


def now() -> float:
    """The clock of all times here."""
    return time.monotonic()


def _us(seconds: float) -> int:
    return min(LONGEST_US, max(1, round(seconds * 1_000_000)))


def _by_verb(parts: list[dict[str, Encoded]]) -> dict[str, Encoded]:
    verbs = sorted({verb for part in parts for verb in part})
    return {verb: _sum([part[verb] for part in parts if verb in part]) for verb in verbs}


def _sum(parts: list[Encoded], digits: int = DIGITS) -> Encoded:
    if len(parts) == 1:
        return parts[0]
    total = histogram(digits)
    for part in parts:
        total.add(part.decode())
    return Encoded.of(total)
