"""The declared types of the element and of the client, read by TypeScript's own compiler."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.browser.firefox import HERE
from tests.javascript import NODE, PACKAGES

COMPILER = PACKAGES / "typescript" / "bin" / "tsc"
STRICT = (
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--skipLibCheck",
    "false",
)


@pytest.mark.long
@pytest.mark.parametrize("module", ["bundler", "nodenext"])
def test_a_typescript_page_compiles_against_the_declared_types(module: str) -> None:
    if not COMPILER.is_file():
        reason = "typescript is not installed: npm install in seatserver/web"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI requires it")
        pytest.skip(reason)
    kind = "esnext" if module == "bundler" else "nodenext"
    options = ["--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", "", "--module", kind]
    page = HERE / "types" / "page.ts"
    command: list[str | Path] = [NODE, COMPILER, *STRICT, *options, "--moduleResolution", module, page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
