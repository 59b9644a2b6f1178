"""What a process has counted can be read back, for its reports."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from seatserver.metrics import LAG_S, SETTLE_S, Metrics, SharedProcess, Times
from tests.waiting import within


def test_totals_can_be_read_by_label() -> None:
    metrics = Metrics()
    metrics.refusals.labels("held").inc(2)
    metrics.refusals.labels("sold").inc()
    metrics.commands.labels("hold").observe(0.5)
    assert metrics.refusals.totals() == {"held": 2, "sold": 1}
    assert metrics.commands.totals() == {"hold": 1}
    assert metrics.errors.totals() == {}


def test_a_counter_without_labels_reads_as_one_number() -> None:
    metrics = Metrics()
    assert metrics.holds.total() == 0
    metrics.holds.inc(3)
    assert metrics.holds.total() == 3


def test_a_histogram_can_be_read_bucket_by_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.0015, 0.0016, 99.0):
        metrics.propagation.observe(seconds)
    counts = dict(metrics.propagation.buckets())
    assert (counts[0.001], counts[0.002], counts[0.003], counts[float("inf")]) == (1, 2, 0, 1)
    assert sum(counts.values()) == 4


@given(st.lists(st.lists(st.sampled_from((*LAG_S, 0.0, 0.0015, 0.7, 99.0)))))
def test_observations_that_are_passed_on_together_count_like_single_ones(turns: list[list[float]]) -> None:
    together, singly = CollectorRegistry(), CollectorRegistry()
    times = Times(Histogram("lag", "Lag", buckets=LAG_S, registry=together), LAG_S)
    single = Histogram("lag", "Lag", buckets=LAG_S, registry=singly)
    for turn in turns:
        for seconds in turn:
            times.observe(seconds)
            single.observe(seconds)
        times.settle()
        assert times.total() == sum(count for _, count in times.buckets())
    values = [
        {(one.name, *one.labels.values()): one.value for family in registry.collect() for one in family.samples}
        for registry in (together, singly)
    ]
    for key in values[0].keys() | values[1].keys():
        if not key[0].endswith("_created"):
            assert abs(values[0][key] - values[1][key]) < 1e-6, key


def test_whoever_reads_the_metrics_reads_the_newest() -> None:
    metrics = Metrics()
    metrics.holds.inc()
    metrics.frames.labels("delta").inc(4)
    assert b"seatserver_holds_total 1.0" in metrics.text()
    assert b'seatserver_frames_total{kind="delta"} 4.0' in generate_latest(metrics.registry)


async def test_what_was_counted_is_passed_on_although_nobody_reads() -> None:
    metrics = Metrics()
    settling = asyncio.create_task(metrics.settle_on())
    metrics.holds.inc()

    def collected() -> float:
        # Past the registry, which would settle first.
        [family] = [one for one in CollectorRegistry.collect(metrics.registry) if one.name == "seatserver_holds"]
        return next(sample.value for sample in family.samples if sample.name.endswith("_total"))

    async with within("the count to be passed on"):
        while collected() == 0:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(SETTLE_S / 10)
    metrics.holds.inc()
    settling.cancel()
    await asyncio.wait([settling])
    assert collected() == 2, "and once more at the end"


def test_a_process_tells_what_it_uses() -> None:
    text = Metrics().text().decode()
    assert "process_cpu_seconds_total " in text
    assert "process_resident_memory_bytes " in text


def test_a_worker_lists_its_open_files_only_now_and_then() -> None:
    registry = CollectorRegistry()
    worker = SharedProcess(registry)

    def said(name: str) -> float:
        value = registry.get_sample_value(f"process_{name}")
        assert value is not None
        return value

    worker.settle()
    before, cpu_s = said("open_fds"), said("cpu_seconds_total")
    assert before > 0 and cpu_s > 0 and said("resident_memory_bytes") > 1_000_000
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(tempfile.TemporaryFile())
        worker.settle()
        assert said("open_fds") == before, "it has counted a moment ago"
        assert said("cpu_seconds_total") > cpu_s
        worker.count_files()
        assert said("open_fds") >= before + 40
