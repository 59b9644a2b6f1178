"""Counters and histograms, one registry per process, shown at `/api/v1/metrics` in Prometheus' text format.

`app.py` makes the registry, so two servers in one process (as in tests) do not share their counts. The workers of
`seatserver serve --workers N` count in files of one folder, and each of them shows the sum.
"""

from __future__ import annotations

import os
from typing import Generic, TypeVar

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that tells prometheus_client the folder in which processes count together."""

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

DELAY_S = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


Metric = TypeVar("Metric", Counter, Histogram)


class Labelled(Generic[Metric]):
    """A metric with one label. It caches the children, because the library checks and locks on every lookup."""

    def __init__(self, metric: Metric) -> None:
        self._metric: Metric = metric
        self._by_label: dict[str, Metric] = {}

    def labels(self, label: str) -> Metric:
        """The metric for this label."""
        found = self._by_label.get(label)
        if found is None:
            found = self._by_label[label] = self._metric.labels(label)
        return found

    def totals(self) -> dict[str, int]:
        """What this process has counted for each label; for a histogram, the number of observations."""
        return {
            label: int(sample.value)
            for family in self._metric.collect()
            for sample in family.samples
            if sample.name.endswith(("_total", "_count"))
            for label in sample.labels.values()
        }


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sockets = self._gauge("sockets", "Open sockets")
        self.rooms = self._gauge("rooms", "Live rooms")
        self.commands = Labelled(
            Histogram(
                "seatserver_command_seconds",
                "Time from a command's arrival to its reply",
                ["command"],
                buckets=LATENCY_S,
                registry=self.registry,
            )
        )
        self.loop_lag = Histogram(
            "seatserver_loop_lag_seconds",
            "How late the event loop was for what was due",
            buckets=LAG_S,
            registry=self.registry,
        )
        self.rounds = Histogram(
            "seatserver_round_seconds",
            "Time from a change's first frame to its last one, over all viewers of a room",
            buckets=LATENCY_S,
            registry=self.registry,
        )
        self.propagation = Histogram(
            "seatserver_propagation_seconds",
            "Time from a change in Redis until the last viewer of its room here was sent it",
            buckets=DELAY_S,
            registry=self.registry,
        )
        self.expiry = Histogram(
            "seatserver_expiry_lag_seconds",
            "Time from a hold's deadline until its seats were free, in rooms that somebody watches",
            buckets=DELAY_S,
            registry=self.registry,
        )
        self.holds = Counter("seatserver_holds_total", "Holds made or changed", registry=self.registry)
        self.behind = Counter(
            "seatserver_fell_behind_total", "Times that a viewer took less than it was sent", registry=self.registry
        )
        self.refusals = self._counter("refused_seats_total", "Seats refused, by reason", "reason")
        self.errors = self._counter("errors_total", "Errors told to clients", "code")
        self.frames = self._counter("frames_total", "Frames sent to viewers", "kind")
        self.turned_away = self._counter("turned_away_total", "Connections, requests and commands refused", "reason")
        self.closed = self._counter("closed_total", "Sockets closed by us", "code")
        self.bookings = self._counter("bookings_total", "Bookings moved to a status", "status")
        self.duties = self._counter("duty_runs_total", "Runs of a duty", "duty")
        self.duty_work = self._counter("duty_work_total", "What a duty found to do", "duty")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"seatserver_{name}", text, registry=self.registry, multiprocess_mode="livesum")

    def _counter(self, name: str, text: str, label: str) -> Labelled[Counter]:
        return Labelled(Counter(f"seatserver_{name}", text, [label], registry=self.registry))

    def duty(self, name: str, found: int) -> None:
        """Count one run of a duty, and the number of things it found to do."""
        self.duties.labels(name).inc()
        if found:
            self.duty_work.labels(name).inc(found)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format; with several workers the sum of all of them."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self.registry)
        sum_of_all = CollectorRegistry()
        MultiProcessCollector(sum_of_all)  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        return generate_latest(sum_of_all)


def buckets_of(histogram: Histogram) -> list[tuple[float, int]]:
    """This process's buckets as (upper bound, observations in the bucket); the last bound is infinite."""
    found: list[tuple[float, int]] = []
    before = 0
    for family in histogram.collect():
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                found.append((float(sample.labels["le"]), int(sample.value) - before))
                before = int(sample.value)
    return found


def total_of(counter: Counter) -> int:
    """The counter's value in this process."""
    samples = (sample for family in counter.collect() for sample in family.samples)
    return sum(int(sample.value) for sample in samples if sample.name.endswith("_total"))


def share_with_workers(number: int) -> None:
    """Count as worker ``number`` in the shared folder. A restarted worker continues its predecessor's counts.

    Call it before any metric is made.
    """
    values = prometheus_client.values
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]  # unannotated
