"""The sample of the long tests' variants that CI runs."""

from __future__ import annotations

from tests.sampling import chosen

VARIANTS = [f"tests/faults/test_redis.py::test_row[{number}]" for number in range(7)]


def test_half_of_the_variants_run_and_at_least_one() -> None:
    assert [len(chosen(VARIANTS[:count], "1")) for count in range(1, 8)] == [1, 1, 2, 2, 3, 3, 4]


def test_the_same_seed_chooses_the_same_and_others_choose_others() -> None:
    assert chosen(VARIANTS, "1") == chosen(VARIANTS, "1")
    assert set().union(*(chosen(VARIANTS, str(seed)) for seed in range(20))) == set(VARIANTS)
