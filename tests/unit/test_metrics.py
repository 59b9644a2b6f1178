"""What a process has counted can be read back, for its reports."""

from __future__ import annotations

from seatserver.metrics import Metrics, buckets_of, total_of


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
    assert total_of(metrics.holds) == 0
    metrics.holds.inc(3)
    assert total_of(metrics.holds) == 3


def test_a_histogram_can_be_read_bucket_by_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.0015, 0.0016, 99.0):
        metrics.propagation.observe(seconds)
    counts = dict(buckets_of(metrics.propagation))
    assert (counts[0.001], counts[0.002], counts[0.003], counts[float("inf")]) == (1, 2, 0, 1)
    assert sum(counts.values()) == 4
