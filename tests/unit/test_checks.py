"""The checks find what they are there for, and CI says that everything holds only if every stage has said so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SECRET = "AKIA" + "Q3EGRX7ZLM5TNB2W"
"""What a key of Amazon's looks like, in two parts: together they would be found here."""


def secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `just secrets` says about a folder."""
    tools = Path(sys.executable).parent
    path = os.pathsep.join((str(tools), os.environ["PATH"]))
    command = [str(tools / "just"), "--justfile", str(TOP / ".justfile"), "--working-directory", str(folder), "secrets"]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def is_found(folder: Path) -> None:
    """A secret in a file of this folder is found, and nothing any more once it is gone."""
    found = secrets(folder)
    assert found.returncode != 0
    assert "settings.py" in found.stdout
    (folder / "settings.py").write_text("KEY = None\n")
    clean = secrets(folder)
    assert clean.returncode == 0, clean.stdout + clean.stderr


def test_a_secret_is_found_where_there_is_no_git(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'KEY = "{SECRET}"\n')
    is_found(tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_secret_is_found_in_what_git_keeps(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f'KEY = "{SECRET}"\n')
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    is_found(tmp_path)


def test_what_git_would_ignore_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("KEY = None\n")
    for folder in (".venv", "node_modules", "seatserver.egg-info"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "settings.py").write_text(f'KEY = "{SECRET}"\n')
    clean = secrets(tmp_path)
    assert clean.returncode == 0, clean.stdout + clean.stderr


def test_looking_for_secrets_in_nothing_is_a_failure(tmp_path: Path) -> None:
    nothing = secrets(tmp_path)
    assert nothing.returncode != 0
    assert "there is no file to look for secrets in" in nothing.stderr


def ci(folder: Path, **instead: str) -> subprocess.CompletedProcess[str]:
    """What `.ci/run` says with stages that do nothing; ``instead`` of some, by short name, a line of bash."""
    script = folder / ".ci" / "run"
    script.parent.mkdir()
    stages = re.compile(r'^( *)(stage (\S+) ".*" \d+) .*$', re.MULTILINE)
    text, count = stages.subn(
        lambda found: found[1] + instead.get(found[3], f"{found[2]} true"), (TOP / ".ci" / "run").read_text()
    )
    assert count > 10
    script.write_text(text)
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True)


def test_ci_is_green_if_every_stage_has_passed(tmp_path: Path) -> None:
    ended = ci(tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "=== Everything holds" in ended.stdout


@pytest.mark.parametrize("short", ["readme-tests", "suite", "redis"])
def test_ci_is_red_if_a_stage_has_failed(tmp_path: Path, short: str) -> None:
    ended = ci(tmp_path, **{short: f'stage {short} "It" 30 false'})
    assert ended.returncode == 1
    assert ended.stdout.endswith("    It\n")


@pytest.mark.parametrize("short", ["suite", "wheel"])
def test_ci_is_red_if_a_lane_was_killed(tmp_path: Path, short: str) -> None:
    ended = ci(tmp_path, **{short: "kill -9 $BASHPID"})
    assert ended.returncode == 1
    assert "Stages were not run" in ended.stdout


def test_ci_is_red_if_a_lane_was_killed_in_the_middle_of_a_stage(tmp_path: Path) -> None:
    ended = ci(tmp_path, wheel='lane=$BASHPID; stage wheel "It" 30 bash -c "kill -9 $lane"')
    assert ended.returncode == 1
    assert ended.stdout.endswith("    It\n")


def test_ci_is_red_if_a_stage_cannot_write_down_how_it_ended(tmp_path: Path) -> None:
    full_disk = "touch() { return 1; }"
    ended = ci(tmp_path, redis=f'{full_disk}; stage redis "It" 30 true')
    assert ended.returncode == 1
    assert ended.stdout.endswith("    It\n")
