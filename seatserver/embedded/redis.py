"""An embedded Redis (or Valkey), on 127.0.0.1 with a password; it saves every write within a second.

Holds come back after a restart. What was sold is in Postgres anyway.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from pathlib import Path

from seatserver.embedded import binaries, process
from seatserver.embedded.folder import DataFolder
from seatserver.errors import StartError

START_TIMEOUT_S = 60.0
ATTEMPTS = 5

STOP_STEPS: tuple[process.StopStep, ...] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 3.0))

CONFIGURATION = """\
# Written at every start.
bind 127.0.0.1
port {port}
requirepass {password}
daemonize no
logfile ""
loglevel notice
# Keep the command line as it is: by it the next start recognises a process of ours.
set-proc-title no
# The append-only file is the whole of the persistence: a second kind of dump would only cost time and space.
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
"""


class EmbeddedRedis:
    """One Redis on ``data``/redis. `url` is valid after `start`. A stopped or killed server may start again.

    ``binary`` names another redis-server than the one that `binaries` finds.
    """

    def __init__(self, data: Path, binary: Path | None = None) -> None:
        self._data = DataFolder(data)
        self._folder = self._data.path / "redis"
        self._log = self._data.log_file("redis")
        self._binary = binary
        self._account = process.Account.for_servers()
        self._child: process.Child | None = None
        self._password = ""
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of database 0."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process id; 0 if it is not running."""
        return self._child.pid if self._child else 0

    def start(self) -> None:
        """Start, and wait until it answers. Raises `StartError`, and then nothing is running.

        A server that is still running is stopped first.
        """
        self.stop()
        program = self._binary or binaries.redis_program()
        self._data.create()
        remembered = self._data.remembered().get("redis", {})
        self._password = self._password or str(remembered.get("password") or secrets.token_urlsafe(24))
        try:
            self.end_leftovers()
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise process.unusable(self._folder, error) from None
        for attempt in range(1, ATTEMPTS + 1):
            self.port = process.choose_port(self.port or remembered.get("port"))
            try:
                self._launch(program)
                break
            except StartError:
                # Somebody may have taken the port between our look and Redis's.
                if attempt == ATTEMPTS or process.port_is_free(self.port):
                    raise
        self._data.remember(redis={"port": self.port, "password": self._password})

    def stop(self) -> None:
        """Stop the server, and return when it is gone. Does nothing if it is not running."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def end_leftovers(self) -> None:
        """End a server of an earlier run whose parent was killed before it could stop it."""
        for name in binaries.REDIS_NAMES:
            process.end_leftovers(name, str(self._configuration), STOP_STEPS)

    @property
    def _configuration(self) -> Path:
        return self._folder / "redis.conf"

    def _launch(self, program: Path) -> None:
        try:
            self._write_configuration()
        except OSError as error:
            raise process.unusable(self._folder, error) from None
        started = process.launch(
            [program, self._configuration],
            account=self._account,
            folder=self._folder,  # where Redis puts its files
            log=self._log,
            on_parent_death=signal.SIGTERM,
        )
        child = process.Child("Redis", started, self._log, STOP_STEPS)
        self._child = child
        try:
            child.wait_until(self._is_ready, START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def _write_configuration(self) -> None:
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(CONFIGURATION.format(port=self.port, password=self._password))
        self._account.take(self._folder)

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (received := connection.recv(256)):
                    answer += received
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"
