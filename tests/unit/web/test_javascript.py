"""The tests of JavaScript in JavaScript: `*.test.mjs` beside this file, run by Node as it comes with our tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.javascript import NODE

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))
assert FILES, "they are beside this file"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_javascript_test_passes(file: Path) -> None:
    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", file], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nℹ fail 0\n" in done.stdout and "\nℹ pass 0\n" not in done.stdout, done.stdout
