"""The guides lead somewhere: every file that they name is there, and every function is in its file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ("README.md", "seatserver/README.md", ".github/CONTRIBUTING.md", ".github/DECISIONS.md", "loadtests/README.md")
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|lua|js|ts|json|toml)|(?:[\w.-]+/)+)`((?:, `[\w.]+`)*)")
"""A path in backticks, and the functions that follow it."""


def named(guide: str) -> list[tuple[str, list[str]]]:
    text = (ROOT / guide).read_text(encoding="utf-8")
    return [(match[1], re.findall(r"`([\w.]+)`", match[2])) for match in NAMED.finditer(text)]


def test_the_guide_to_the_code_says_what_is_in_every_folder() -> None:
    text = (ROOT / "seatserver/README.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## What is in which folder")
    rows = [line.split("|")[1] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    listed = sorted(name for row in rows for name in re.findall(r"`(\w+)/`", row))
    assert listed == sorted(path.parent.name for path in (ROOT / "seatserver").glob("*/__init__.py"))


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_and_function_that_a_guide_names_exists(guide: str) -> None:
    found = named(guide)
    assert found
    for name, functions in found:
        # Paths are from the top, from the package, or, in the list of a folder, plain names.
        path = next((base / name for base in (ROOT, ROOT / "seatserver") if (base / name).exists()), None)
        if path is None:
            assert list((ROOT / "seatserver").rglob(name)), f"{guide} names {name}, which is not there"
            continue
        for function in functions:
            last = function.rpartition(".")[2]
            assert re.search(rf"\b{last}\b", path.read_text(encoding="utf-8")), f"{guide}: no {function} in {name}"
