"""The data folder: what the embedded servers keep between two starts.

DATA/SEATSERVER_DATA   marks the folder as ours: only such a folder is ever emptied
DATA/lock              held (flock) by the one process that runs on this folder
DATA/settings.json     ports, passwords and the token secret, readable by the owner only
DATA/postgres, redis   the servers' own files
DATA/logs              the servers' logs
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatserver.errors import StartError

MARKER = "SEATSERVER_DATA"
MARKER_TEXT = "A data folder of seatserver. `seatserver demo --fresh` may empty it.\n"
LOCK = "lock"
# Postgres works with paths of at most 1,023 bytes; its own files need the rest.
LONGEST_PATH_BYTES = 900


class DataFolder:
    """One data folder, created on first use. All methods raise `StartError` if the folder cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.expanduser(path)).absolute()
        self._check_path()

    def _check_path(self) -> None:
        text = str(self.path)
        if len(os.fsencode(text)) > LONGEST_PATH_BYTES:
            raise StartError(f"the data folder's path is longer than {LONGEST_PATH_BYTES} bytes: choose a shorter one")
        if not text.isprintable():
            raise StartError(f"the data folder's path holds an unprintable character: {text!r}")

    def create(self) -> None:
        """Create the folder, or recognise it as ours. A folder that is not ours is left alone."""
        try:
            # Where root's servers keep none of root's powers, they must still be able to pass through to their own
            # folders. What is secret is closed in itself.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
            marker = self.path / MARKER
            if not marker.exists():
                if any(self.path.iterdir()):
                    raise StartError(f"{self.path} holds files that are not seatserver's: choose another folder")
                marker.write_text(MARKER_TEXT)
            (self.path / "logs").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder. Raises `StartError` if another process is using it."""
        self.create()
        try:
            file = (self.path / LOCK).open("a")
        except OSError as error:
            raise self._unusable(error) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StartError(
                    f"a seatserver already runs on {self.path}: stop it, or choose another folder with --data"
                ) from None
            yield

    def is_locked(self) -> bool:
        """Whether a process is using this folder now."""
        try:
            with (self.path / LOCK).open() as held:
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def empty(self) -> None:
        """Remove everything but the marker and the lock. Call it with the lock held."""
        try:
            for entry in list(self.path.iterdir()):
                if entry.name in (MARKER, LOCK):
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
            (self.path / "logs").mkdir(mode=0o700)
        except OSError as error:
            raise self._unusable(error) from None

    def log_file(self, name: str) -> Path:
        """The log file of the server ``name``."""
        return self.path / "logs" / f"{name}.log"

    def remembered(self) -> dict[str, Any]:
        """What `remember` stored; empty at first."""
        try:
            found = json.loads((self.path / "settings.json").read_text())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error) from None
        except ValueError:
            raise StartError(f"{self.path / 'settings.json'} is damaged: start again with --fresh") from None
        return found if isinstance(found, dict) else {}

    def remember(self, **values: Any) -> None:
        """Add ``values`` to what is stored: all of them or none, even if the machine stops in between."""
        draft = self.path / "settings.json.new"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump({**self.remembered(), **values}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path / "settings.json")
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> StartError:
        return StartError(
            f"the data folder {self.path} cannot be used: {error.strerror or error}; choose one with --data"
        )
