"""A newcomer's run says how far it is, and has a taste of everything that takes long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EVEN_SO, LONGER
from tests.progress import Progress, in_words, weight_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("test", EVEN_SO)
def test_the_tests_that_always_run_exist(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("path", LONGER)
def test_the_tests_marked_long_exist(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "10 s"), (41, "40 s"), (60, "1 min"), (129, "2 min 10 s"), (3600, "60 min")]
)
def test_times_are_rounded_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_progress_goes_by_the_weights_of_tests(pytestconfig: pytest.Config) -> None:
    progress = Progress(pytestconfig)
    assert progress.line(0) == "100%  0 of 0 tests"
    names = ["tests/unit/a.py::a", "tests/unit/a.py::b", "tests/integration/test_x.py::c", "tests/test_y.py::d"]
    assert [weight_of(name) for name in names] == [1, 1, 5, 1]
    progress.expect(names)
    for name in names[1:3]:
        progress.count(name)
    assert progress.line(30) == " 75%  2 of 4 tests, about 10 s left"
    progress.failed = 2
    assert progress.line(3) == " 75%  2 of 4 tests, 2 failed"
