"""Server processes of a load test, which end with their ``with`` block or with the load test itself.

Each runs in a process session of its own, so Ctrl-C reaches only the load test, which then stops them in order. If the
load test is killed, the kernel ends them, thanks to the launcher of the embedded servers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from loadtests import meters
from seatserver.embedded import launcher, process

START_S = 90.0
STOP_STEPS: tuple[process.StopStep, ...] = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 3.0))


class Running:
    """A server that listens at ``url``."""

    def __init__(self, url: str, pid: int, log: Path, popen: subprocess.Popen[bytes]) -> None:
        self.url, self.pid, self.log = url, pid, log
        self.host = urlsplit(url).netloc
        self._popen = popen

    def say(self, line: str) -> None:
        """Give the process one line on its standard input, which tells a reference what to send."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(f"{line}\n".encode())
        self._popen.stdin.flush()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._popen.kill()
        self._popen.wait()

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        return meters.cpu_s(self.pid)

    def rss_kib(self) -> int:
        """Resident memory now, in KiB."""
        return meters.rss_kib(self.pid)


def running(
    name: str, module: str, *arguments: str, folder: Path, environ: Mapping[str, str]
) -> AbstractContextManager[Running]:
    """``python -m module arguments``, as `launched`."""
    return launched(name, (sys.executable, "-m", module, *arguments), folder=folder, environ=environ)


@contextmanager
def launched(
    name: str, command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str]
) -> Iterator[Running]:
    """A program from its line that says ``serving`` and a ``url`` (JSON) on, to its end.

    Raises `StartError` with the end of its log when there is no such line.
    """
    descriptor, path = tempfile.mkstemp(".log", f"{name}-", folder)
    os.close(descriptor)
    log = Path(path)
    prefix = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(signal.SIGTERM)), "-1", "-1"]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*prefix, *command],
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child = process.Child(name, popen, log, STOP_STEPS)
    try:
        child.wait_until(lambda: _url_in(log) != "", START_S)
        yield Running(_url_in(log), popen.pid, log, popen)
    finally:
        child.stop()
        assert popen.stdin is not None
        popen.stdin.close()


def _url_in(log: Path) -> str:
    """The address in a log's ``serving`` line; nothing as long as it is not there."""
    for line in log.read_text(errors="replace").splitlines():
        if '"serving"' in line:
            try:
                return str(json.loads(line)["url"])
            except (ValueError, KeyError):
                return ""  # half written
    return ""
