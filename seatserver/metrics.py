"""Counters and histograms, one registry per process, shown at `/api/v1/metrics` in Prometheus' text format.

`server.py` makes the registry, so two servers in one process (as in tests) do not share their counts. The workers of
`seatserver serve --workers N` count in files of one folder, and each of them shows the sum.

Every command is counted and timed several times, so counting must cost next to nothing: `Count` adds to a plain number
and `Times` to a list. Both are passed on to prometheus_client when somebody reads the metrics, and every `SETTLE_S` for
the other workers, who read only the files. They belong to the thread of the event loop.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that tells prometheus_client the folder in which processes count together."""

SETTLE_S = 0.5
"""How often a process passes on what it has counted: so much older may be what another worker shows of it."""

COUNT_FILES_S = 30.0
"""How often a worker counts its open files if nobody asks."""

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

LAG_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

DELAY_S = (0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Count:
    """A counter. `inc` it."""

    __slots__ = ("_metric", "_new")

    def __init__(self, metric: Counter) -> None:
        self._metric, self._new = metric, 0

    def inc(self, amount: int = 1) -> None:
        """Add to it."""
        self._new += amount

    def settle(self) -> None:
        """Pass on what is new."""
        if self._new:
            self._metric.inc(self._new)
            self._new = 0

    def total(self) -> int:
        """What this process has counted."""
        self.settle()
        return sum(int(value) for name, _, value in _samples(self._metric) if name.endswith("_total"))


class Times:
    """A histogram of seconds. ``observe`` takes one observation: it is the method of a list, nothing is faster."""

    __slots__ = ("_metric", "_new", "_upto", "observe")

    def __init__(self, metric: Histogram, upto: tuple[float, ...]) -> None:
        self._metric, self._upto = metric, upto
        self._new: list[float] = []
        self.observe: Callable[[float], None] = self._new.append

    def settle(self) -> None:
        """Pass on what is new, one sum for each bucket: prometheus_client has no public way to add several at once."""
        if not self._new:
            return
        counts = [0] * (len(self._upto) + 1)
        for seconds in self._new:
            counts[bisect_left(self._upto, seconds)] += 1
        for bucket, count in zip(self._metric._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._metric._sum.inc(sum(self._new))
        self._new.clear()

    def buckets(self) -> list[tuple[float, int]]:
        """This process's buckets as (upper bound, observations in the bucket); the last bound is infinite."""
        self.settle()
        found: list[tuple[float, int]] = []
        before = 0
        for name, labels, value in _samples(self._metric):
            if name.endswith("_bucket"):
                found.append((float(labels["le"]), int(value) - before))
                before = int(value)
        return found

    def total(self) -> int:
        """How many observations this process has made."""
        return sum(count for _, count in self.buckets())


def _samples(metric: Counter | Histogram) -> Iterable[tuple[str, dict[str, str], float]]:
    return ((sample.name, sample.labels, sample.value) for family in metric.collect() for sample in family.samples)


class SharedProcess:
    """CPU time, memory and open files of this process, counted so that those of all workers can be added up.

    A registry with several processes leaves out what a `ProcessCollector` says. The names are the same as there. Open
    files are counted now and then, and when somebody asks: to list ten thousand sockets stops every room for a while.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._cpu = Counter("process_cpu_seconds", "CPU seconds of all workers", registry=registry)
        self._memory = self._gauge("resident_memory_bytes", "Resident memory of all workers in bytes", registry)
        self._files = self._gauge("open_fds", "Open file descriptors of all workers", registry)
        self._cpu_s = 0.0
        self._count_at = 0.0

    def _gauge(self, name: str, text: str, registry: CollectorRegistry) -> Gauge:
        return Gauge(f"process_{name}", text, registry=registry, multiprocess_mode="livesum")

    def settle(self) -> None:
        """Pass on what the system says now. Memory and files only where it has ``/proc``."""
        cpu_s = time.process_time()
        self._cpu.inc(max(0.0, cpu_s - self._cpu_s))
        self._cpu_s = cpu_s
        with suppress(OSError):
            self._memory.set(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES)
        if time.monotonic() >= self._count_at:
            self.count_files()

    def count_files(self) -> None:
        """Count the open files."""
        self._count_at = time.monotonic() + COUNT_FILES_S
        with suppress(OSError):
            self._files.set(len(os.listdir("/proc/self/fd")))


Counted = TypeVar("Counted", Count, Times)


class Labelled(Generic[Counted]):
    """A metric with one label; ``make`` makes the metric for a label that is new."""

    def __init__(self, make: Callable[[str], Counted]) -> None:
        self._make: Callable[[str], Counted] = make
        self._by_label: dict[str, Counted] = {}

    def labels(self, label: str) -> Counted:
        """The metric for this label."""
        found = self._by_label.get(label)
        if found is None:
            found = self._by_label[label] = self._make(label)
        return found

    def settle(self) -> None:
        """Pass on what is new for any label."""
        for counted in self._by_label.values():
            counted.settle()

    def totals(self) -> dict[str, int]:
        """What this process has counted for each label; for a histogram, the number of observations."""
        return {label: counted.total() for label, counted in self._by_label.items()}


class _Registry(CollectorRegistry):
    """A registry whose metrics are up to date whenever they are read."""

    def __init__(self, settle: Callable[[], None]) -> None:
        super().__init__()
        self._settle = settle

    def collect(self) -> Iterable[Metric]:
        self._settle()
        return super().collect()


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        self.registry = _Registry(self.settle)
        self._all: list[Count | Times | Labelled[Count] | Labelled[Times] | SharedProcess] = []
        # CPU time, memory and open files: of this process, or of all workers together.
        self._process = SharedProcess(self.registry) if SHARED_FOLDER in os.environ else None
        if self._process is not None:
            self._all.append(self._process)
        else:
            ProcessCollector(registry=self.registry)
        self.sockets = self._gauge("sockets", "Open sockets")
        self.rooms = self._gauge("rooms", "Live rooms")
        self.commands = self._times_by(
            "command_seconds", "Time from a command's arrival to its reply", LATENCY_S, "command"
        )
        self.loop_lag = self._times("loop_lag_seconds", "How late the event loop was for what was due", LAG_S)
        self.rounds = self._times(
            "round_seconds", "Time from a change's first frame to its last one, over all viewers of a room", LATENCY_S
        )
        self.propagation = self._times(
            "propagation_seconds",
            "Time from a change in Redis until the last viewer of its room here was sent it",
            DELAY_S,
        )
        self.expiry = self._times(
            "expiry_lag_seconds",
            "Time from a hold's deadline until its seats were free, in rooms that somebody watches",
            DELAY_S,
        )
        self.holds = self._count("holds_total", "Holds made or changed")
        self.behind = self._count("fell_behind_total", "Times that a viewer took less than it was sent")
        self.refusals = self._count_by("refused_seats_total", "Seats refused, by reason", "reason")
        self.errors = self._count_by("errors_total", "Errors told to clients", "code")
        self.frames = self._count_by("frames_total", "Frames sent to viewers", "kind")
        self.turned_away = self._count_by("turned_away_total", "Connections, requests and commands refused", "reason")
        self.guest_proofs = self._count_by(
            "guest_proofs_total", "Challenges to new guests, by what became of them", "outcome"
        )
        self.closed = self._count_by("closed_total", "Sockets closed by us", "code")
        self.bookings = self._count_by("bookings_total", "Bookings moved to a status", "status")
        self.conversations = self._gauge("concierge_conversations", "Open conversations with the concierge")
        self.turns = self._count_by("concierge_turns_total", "Questions to the concierge, by what was wanted", "intent")
        self.spoken = self._count_by("concierge_spoken_total", "Spoken questions, by how they were answered", "how")
        self.answers = self._times("concierge_answer_seconds", "Time from a question to its last word", LATENCY_S)
        self.not_understood = self._count("concierge_not_understood_total", "Questions with words not understood")
        self.model_tokens = self._count_by("concierge_model_tokens_total", "Tokens of the language model", "kind")
        self.model_money = self._count(
            "concierge_model_money_total", "What the language model has cost, in millionths of a cent"
        )
        self.model_calls = self._count_by("concierge_model_calls_total", "Calls of tools by the model", "tool")
        self.model_gave_up = self._count_by(
            "concierge_model_gave_up_total", "Questions that the model did not answer, or not to the end", "why"
        )
        self.duties = self._count_by("duty_runs_total", "Runs of a duty", "duty")
        self.duty_work = self._count_by("duty_work_total", "What a duty found to do", "duty")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"seatserver_{name}", text, registry=self.registry, multiprocess_mode="livesum")

    def _count(self, name: str, text: str) -> Count:
        counted = Count(Counter(f"seatserver_{name}", text, registry=self.registry))
        self._all.append(counted)
        return counted

    def _count_by(self, name: str, text: str, label: str) -> Labelled[Count]:
        metric = Counter(f"seatserver_{name}", text, [label], registry=self.registry)
        counted = Labelled(lambda value: Count(metric.labels(value)))
        self._all.append(counted)
        return counted

    def _times(self, name: str, text: str, upto: tuple[float, ...]) -> Times:
        counted = Times(Histogram(f"seatserver_{name}", text, buckets=upto, registry=self.registry), upto)
        self._all.append(counted)
        return counted

    def _times_by(self, name: str, text: str, upto: tuple[float, ...], label: str) -> Labelled[Times]:
        metric = Histogram(f"seatserver_{name}", text, [label], buckets=upto, registry=self.registry)
        counted = Labelled(lambda value: Times(metric.labels(value), upto))
        self._all.append(counted)
        return counted

    def duty(self, name: str, found: int) -> None:
        """Count one run of a duty, and the number of things it found to do."""
        self.duties.labels(name).inc()
        if found:
            self.duty_work.labels(name).inc(found)

    def settle(self) -> None:
        """Pass on to prometheus_client what has been counted since the last time."""
        for counted in self._all:
            counted.settle()

    async def settle_on(self) -> None:
        """Do that every `SETTLE_S` until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(SETTLE_S)
                self.settle()
        finally:
            self.settle()

    def text(self) -> bytes:
        """The metrics in Prometheus' text format; with several workers the sum of all of them."""
        if self._process is None:
            return generate_latest(self.registry)
        self._process.count_files()
        self.settle()
        sum_of_all = CollectorRegistry()
        MultiProcessCollector(sum_of_all)  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        return generate_latest(sum_of_all)


def share_with_workers(number: int) -> None:
    """Count as worker ``number`` in the shared folder. A restarted worker continues its predecessor's counts.

    Call it before any metric is made.
    """
    values = prometheus_client.values
    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]  # unannotated
