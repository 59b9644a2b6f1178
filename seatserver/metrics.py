"""Counters and histograms, one registry per process, shown at `/api/v1/metrics` in Prometheus' text format.

The registry is a value that the composition root makes, so that two servers in one process (as in tests) do not share
their counts.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sockets = Gauge("seatserver_sockets", "Open sockets", registry=self.registry)
        self.rooms = Gauge("seatserver_rooms", "Live rooms", registry=self.registry)
        self.commands = Histogram(
            "seatserver_command_seconds",
            "Time from a command's arrival to its reply",
            ["command"],
            buckets=LATENCY_S,
            registry=self.registry,
        )
        self.refusals = Counter(
            "seatserver_refused_seats_total", "Seats refused, by reason", ["reason"], registry=self.registry
        )
        self.errors = Counter("seatserver_errors_total", "Errors told to clients", ["code"], registry=self.registry)
        self.frames = Counter("seatserver_frames_total", "Frames sent to viewers", ["kind"], registry=self.registry)
        self.closed = Counter("seatserver_closed_total", "Sockets closed by us", ["code"], registry=self.registry)
        self.bookings = Counter(
            "seatserver_bookings_total", "Bookings moved to a status", ["status"], registry=self.registry
        )
        self.duties = Counter("seatserver_duty_runs_total", "Runs of a duty", ["duty"], registry=self.registry)
        self.duty_work = Counter(
            "seatserver_duty_work_total", "What a duty found to do", ["duty"], registry=self.registry
        )

    def duty(self, name: str, found: int) -> None:
        """A duty has run and found so much to do."""
        self.duties.labels(name).inc()
        if found:
            self.duty_work.labels(name).inc(found)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
