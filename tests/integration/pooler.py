"""A PgBouncer in transaction mode in front of a test's Postgres."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from seatserver.embedded import process
from tests.ports import fresh_port

STEPS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


def program() -> str:
    """The path of a PgBouncer. Without one the test is skipped; where CI is set, it fails."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = "no pgbouncer on this machine"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI requires one")
        pytest.skip(reason)
    return found


class PgBouncer:
    """One pooler: ``database_url`` is what stands behind it, `url` leads through it.

    Its few sessions are given out in turn, so that two transactions of one client hardly ever meet the same one.
    ``options`` are lines of its configuration. ``with`` it, or `start` and `stop`.
    """

    def __init__(self, folder: Path, database_url: str, sessions: int = 4, **options: object) -> None:
        self._folder, self._target, self._program = folder, urlsplit(database_url), program()
        self._account = process.Account.for_servers()
        self._child: process.Child | None = None
        self.port = fresh_port()
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": sessions,
            "max_client_conn": 200,
            "server_round_robin": 1,
            **options,
        }
        to = self._target
        behind = f"host={to.hostname} port={to.port} user={to.username} password={to.password}"
        lines = [
            "[databases]",
            f"* = {behind}",
            "[pgbouncer]",
            *(f"{name} = {value}" for name, value in settings.items()),
        ]
        folder.mkdir(exist_ok=True)
        self._file = folder / "pgbouncer.ini"
        self._file.write_text("\n".join(lines) + "\n")
        self._account.take(folder)

    @property
    def url(self) -> str:
        """The database's URL, through the pooler."""
        to = self._target
        return urlunsplit(to._replace(netloc=f"{to.username}:{to.password}@127.0.0.1:{self.port}"))

    def start(self) -> None:
        """Start and wait until it listens."""
        started = process.launch(
            [self._program, self._file.name],  # beside it: its user may not see the folders above
            account=self._account,
            folder=self._folder,
            log=self._folder / "pgbouncer.log",
            on_parent_death=signal.SIGTERM,
        )
        self._child = process.Child("PgBouncer", started, self._folder / "pgbouncer.log", STEPS)
        self._child.wait_until(self._listens, 30)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once; every connection breaks."""
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGKILL)
        while not process.port_is_free(self.port):
            time.sleep(0.01)
        self.stop()

    def stop(self) -> None:
        """End it; does nothing when it does not run."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def __enter__(self) -> PgBouncer:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
