"""What the README installs is what was tested: exact versions, one for every dependency, each within its bounds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PINS = ROOT / ".ci" / "requirements.txt"


def pins() -> dict[str, Version]:
    """The pinned versions by name."""
    lines = [line.partition("#")[0].strip() for line in PINS.read_text().splitlines()]
    exact = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if line]
    assert all(exact), "expected nothing but name==version"
    return {canonicalize_name(found.group(1)): Version(found.group(2)) for found in exact if found}


def requirements() -> list[Requirement]:
    """Everything that pyproject.toml asks for, whatever Python runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    found = [Requirement(text) for text in asked]
    return [requirement for requirement in found if requirement.name != project["project"]["name"]]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned is not None, f"{requirement.name} is missing in {PINS.relative_to(ROOT)}"
    assert pinned in requirement.specifier


def test_both_lines_of_the_readme_install_the_pinned_versions() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if "pip install" in line]
    assert len(lines) == 2
    assert all("pip install -c .ci/requirements.txt " in line for line in lines)
