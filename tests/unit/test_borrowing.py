"""The load lab knows nothing of the tests, and the tests borrow from it at one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parents[2]
OF_THE_LAB = ("tests/unit/loadtests/", "tests/integration/test_loadtests", "tests/integration/test_peers")
"""Tests of the lab itself; and those of its rush, everywhere, are called `test_rush…`."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def importers(folder: str, package: str) -> set[str]:
    return {
        path.relative_to(TOP).as_posix()
        for path in (TOP / folder).rglob("*.py")
        if any(name.split(".")[0] == package for name in imported(path))
    }


def test_the_lab_imports_nothing_of_the_tests() -> None:
    assert importers("loadtests", "tests") == set()


def test_the_lab_names_no_module_of_the_tests_that_it_could_start() -> None:
    started = {
        path.relative_to(TOP).as_posix()
        for path in (TOP / "loadtests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tests.")
    }
    assert started == set()


def test_tests_of_other_things_borrow_from_the_lab_at_one_place() -> None:
    found = importers("tests", "loadtests")
    others = {path for path in found if not path.startswith(OF_THE_LAB) and "/test_rush" not in path}
    assert others == {"tests/support/lab.py"}
