"""An embedded Postgres: made with initdb on first use, durable, on 127.0.0.1 with a password.

The application's role `seatserver` owns the database `seatserver` and may create others, but nothing more. The
superuser cannot log in: role and database are created in single-user mode, before the server first listens.
"""

from __future__ import annotations

import secrets
import shutil
import signal
from pathlib import Path

from seatserver.embedded import binaries, process
from seatserver.embedded.folder import DataFolder
from seatserver.errors import StartError

ROLE = "seatserver"
START_TIMEOUT_S = 60.0
ATTEMPTS = 5

# Fast shutdown, immediate shutdown (the next start recovers from the log), and the hard way.
STOP_STEPS: tuple[process.StopStep, ...] = (
    (signal.SIGINT, 10.0),
    (signal.SIGQUIT, 3.0),
    (signal.SIGKILL, 3.0),
)

HOST_ACCESS = f"# type database user address method\nhost all {ROLE} 127.0.0.1/32 scram-sha-256\n"

SETUP = """\
CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{password}';
CREATE DATABASE {role} OWNER {role};
"""

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may not be longer than 107 bytes; a home folder's may
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",
    "update_process_title": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """One Postgres on ``data``/postgres. `url` is valid after `start`. A stopped or killed server may start again."""

    def __init__(self, data: Path) -> None:
        self._data = DataFolder(data)
        self._folder = self._data.path / "postgres"
        self._log = self._data.log_file("postgres")
        self._account = process.Account.for_servers()
        self._child: process.Child | None = None
        self._password = ""
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of the application's database."""
        return f"postgresql://{ROLE}:{self._password}@127.0.0.1:{self.port}/{ROLE}"

    @property
    def pid(self) -> int:
        """The postmaster's process id; 0 if it is not running."""
        return self._child.pid if self._child else 0

    @property
    def is_new(self) -> bool:
        """Whether `start` has to create the database first, which takes a few seconds."""
        return not self._folder.exists()

    def start(self) -> None:
        """Start, and wait until it accepts connections. Raises `StartError`, and then nothing is running.

        A server that is still running is stopped first.
        """
        self.stop()
        programs = binaries.postgres_folder()
        self._data.create()
        try:
            self.end_leftovers()
            self._check_version(programs)
            if self.is_new:
                self._create(programs)
            elif self._account.user not in (-1, self._folder.stat().st_uid):
                self._account.take(self._folder)
        except OSError as error:
            raise process.unusable(self._folder, error) from None
        remembered = self._data.remembered().get("postgres", {})
        self._password = str(remembered.get("password", ""))
        if not self._password:
            raise StartError(f"{self._data.path / 'settings.json'} has lost Postgres's password: start with --fresh")
        for attempt in range(1, ATTEMPTS + 1):
            self.port = process.choose_port(self.port or remembered.get("port"))
            try:
                self._launch(programs)
                break
            except StartError as error:
                # Somebody took the port between our look and Postgres's, or the backends of a killed postmaster
                # have not noticed its death yet and still hold its shared memory.
                passing = not process.port_is_free(self.port) or "shared memory" in error.message
                if attempt == ATTEMPTS or not passing:
                    raise
        self._data.remember(postgres={"port": self.port, "password": self._password})

    def stop(self) -> None:
        """Stop the server, and return when it is gone. Does nothing if it is not running."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def end_leftovers(self) -> None:
        """End a server of an earlier run whose parent was killed before it could stop it."""
        process.end_leftovers("postgres", str(self._folder), STOP_STEPS)

    def _check_version(self, programs: Path) -> None:
        if self.is_new:
            return
        try:
            found = (self._folder / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise StartError(f"{self._folder} is not a Postgres data folder any more: start with --fresh") from None
        ours = binaries.postgres_major(programs)
        if found != ours:
            raise StartError(
                f"{self._folder} was written by Postgres {found} and this is Postgres {ours}: "
                "start with --fresh to empty it, or choose another folder with --data"
            )

    def _create(self, programs: Path) -> None:
        """Create the data folder under another name, and rename it when it is complete."""
        draft = self._data.path / "postgres.new"
        log = self._data.log_file("initdb")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        self._account.take(draft)
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            draft,
            "-U",
            "postgres",
            "-A",
            "reject",
            "--no-locale",
            "-E",
            "UTF8",
        ]
        process.run(initdb, account=self._account, folder=draft, log=log)
        password = secrets.token_urlsafe(24)
        # Make the single-user server stop and fail at the first error; by default it goes on to the next line.
        quiet = ["-c", "log_checkpoints=off", "-c", "exit_on_error=on"]
        single_user: list[str | Path] = [programs / "postgres", "--single", "-D", draft, *quiet, "postgres"]
        process.run(
            single_user,
            account=self._account,
            folder=draft,
            log=log,
            stdin=SETUP.format(role=ROLE, password=password),
        )
        (draft / "pg_hba.conf").write_text(HOST_ACCESS)
        self._data.remember(postgres={"password": password})
        draft.rename(self._folder)

    def _launch(self, programs: Path) -> None:
        argv: list[str | Path] = [programs / "postgres", "-D", self._folder, "-p", str(self.port)]
        for name, value in SERVER_SETTINGS.items():
            argv += ["-c", f"{name}={value}"]
        started = process.launch(
            argv, account=self._account, folder=self._folder, log=self._log, on_parent_death=signal.SIGINT
        )
        child = process.Child("Postgres", started, self._log, STOP_STEPS)
        self._child = child
        try:
            child.wait_until(self._is_ready, START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        """As pg_ctl does it: the eighth line of postmaster.pid, written by the process that we started."""
        try:
            lines = (self._folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
