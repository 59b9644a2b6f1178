"""Starts a child process, watches it until it is ready, and ends it within a bounded time.

A child has its own session, so Ctrl-C in the terminal reaches only this process, which stops its children in order. The
launcher makes a child die with its parent, so nothing is ever left behind. Start children from a thread that lives as
long as they should: for the kernel, that thread is the parent.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatserver.embedded import launcher
from seatserver.errors import StartError

POLL_S = 0.02
LOG_LINES_SHOWN = 5
LARGEST_LOG_BYTES = 10 * 1024 * 1024

StopStep = tuple[signal.Signals, float]
"""A signal, and how many seconds to wait before the next one."""


@dataclass(frozen=True)
class Account:
    """The user that a child runs as; ``user`` and ``group`` are -1 for our own."""

    user: int = -1
    group: int = -1

    @classmethod
    def for_servers(cls) -> Account:
        """Our own account, or ``nobody`` for root, because Postgres refuses to run as root."""
        if os.geteuid() != 0:
            return cls()
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            raise StartError("as root the servers run as the user `nobody`, which this machine does not have") from None
        return cls(entry.pw_uid, entry.pw_gid)

    def take(self, folder: Path) -> None:
        """Give ``folder`` and everything in it to this account."""
        if self.user < 0:
            return
        for place, _, files in os.walk(folder):
            for path in (place, *(os.path.join(place, name) for name in files)):
                os.chown(path, self.user, self.group, follow_symlinks=False)


def environment() -> dict[str, str]:
    """The environment of children, without locale, time zone, and the PG… variables that would steer Postgres.

    If libfaketime gives this process another time, children get the same: a showtime on sale here must not be over for
    Redis.
    """
    kept: tuple[str, ...] = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    if "FAKETIME" in os.environ:
        kept += ("FAKETIME", "LD_PRELOAD")
    return {"LC_ALL": "C", "TZ": "UTC", **{name: os.environ[name] for name in kept if name in os.environ}}


def launch(
    argv: Sequence[str | Path],
    *,
    account: Account,
    folder: Path,
    log: Path,
    on_parent_death: signal.Signals,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` in ``folder`` with its output appended to ``log``."""
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    prefix = [sys.executable, "-I", "-S", launcher.__file__, os.getpid(), int(on_parent_death)]
    command = [str(part) for part in (*prefix, account.user, account.group, *argv)]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(
    argv: Sequence[str | Path], *, account: Account, folder: Path, log: Path, stdin: str = "", timeout_s: float = 120
) -> None:
    """Run a program to its end. Raises `StartError`, with the end of its log, if it fails or takes too long."""
    name = Path(argv[0]).name
    process = launch(
        argv, account=account, folder=folder, log=log, on_parent_death=signal.SIGTERM, stdin=subprocess.PIPE
    )
    try:
        process.communicate(stdin.encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise StartError(f"{name} did not finish within {timeout_s:.0f} s; see {log}") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise StartError(f"{name} failed: {log_tail(log)}{_reach_hint(log)}")


class Child:
    """A server process. ``steps`` are the signals that end it, the gentlest first."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, steps: Sequence[StopStep]) -> None:
        self.name, self.process, self.log, self.steps = name, process, log, steps

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Return when ``ready()`` is true. Raises `StartError` if the child dies or takes too long; then it is gone."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.process.poll() is not None:
                raise StartError(f"{self.name} did not start: {log_tail(self.log)}{_reach_hint(self.log)}")
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(f"{self.name} was not ready within {timeout_s:.0f} s; see {self.log}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End the child, and return when it is gone."""
        for number, patience_s in self.steps:
            if self.process.poll() is not None:
                return
            self.process.send_signal(signal.SIGCONT)  # a stopped process hears nothing else
            self.process.send_signal(number)
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def end_leftovers(program: str, argument: str, steps: Sequence[StopStep]) -> None:
    """End servers of an earlier run: processes whose command line names ``program`` and, as one argument, ours.

    After ``kill -9`` of the parent they are on their way out already; the next start waits for them here.
    """
    for number, patience_s in ((signal.SIGCONT, 0.0), *steps):
        alive = find(program, argument)
        for pid in alive:
            _signal(pid, number)
        deadline = time.monotonic() + patience_s
        while alive and time.monotonic() < deadline:
            time.sleep(POLL_S)
            alive = find(program, argument)
        if not alive:
            return


def find(program: str, argument: str) -> list[int]:
    """Process ids whose command line runs ``program`` (a base name) with exactly this ``argument``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile, or hidden from us
        if os.path.basename(words[0]) == program.encode() and os.fsencode(argument) in words[1:]:
            found.append(int(entry.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise StartError(f"process {pid} of another user still runs on this data folder: end it first") from None


def log_tail(log: Path) -> str:
    """The last lines of a log, as one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"see {log}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LOG_LINES_SHOWN:]) or f"it said nothing; see {log}"


def unusable(folder: Path, error: OSError) -> StartError:
    """The error for a server's folder that cannot be used."""
    reason = error.strerror or str(error)
    return StartError(f"{folder} cannot be used: {reason}{_hint(reason)}")


def _reach_hint(log: Path) -> str:
    return _hint(log_tail(log))


def _hint(reason: str) -> str:
    if os.geteuid() == 0 and "ermission denied" in reason:
        return (
            " (as root the servers run as the user `nobody`, and one of us cannot reach the other's files here: run "
            "as an ordinary user, or choose folders open to all, or set DATABASE_URL and REDIS_URL)"
        )
    return ""


def choose_port(remembered: object) -> int:
    """The remembered port if it is free, or else another free one."""
    if isinstance(remembered, int) and port_is_free(remembered):
        return remembered
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen: int = probe.getsockname()[1]
    return chosen


def port_is_free(port: int) -> bool:
    """Whether a server can listen on 127.0.0.1:``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
