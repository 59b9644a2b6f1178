"""Statistics and meters of the load lab."""

from __future__ import annotations

import math
import os

from hypothesis import given
from hypothesis import strategies as st

from loadtests.meters import cpu_s, percentile, ratio, rss_kib


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.floats(0, 1))
def test_a_percentile_is_a_value_that_that_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= math.floor(share * len(values))
    assert percentile(values, 1.0) == max(values)


def test_the_99th_percentile_of_a_hundred_values_is_the_last_but_one() -> None:
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert math.isnan(percentile([], 0.5))


def test_a_ratio_to_zero_is_not_a_number() -> None:
    assert ratio(3.0, 2.0) == 1.5
    assert math.isnan(ratio(1.0, 0.0))


def test_a_process_reports_its_cpu_time_and_memory() -> None:
    before = cpu_s(os.getpid())
    sum(range(100_000))
    assert cpu_s(os.getpid()) > before
    assert rss_kib(os.getpid()) > 1000
