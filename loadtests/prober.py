"""Measure how long a server lets a client wait, with a process that repeats a cheap request.

`probing` starts it. It is a process of its own because the load generator is busy itself, and it gets a higher priority
if the system allows. When all cores are busy, its own wait for a core is still part of the figure.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadtests.children import Running, running
from seatserver.errors import StartError

if TYPE_CHECKING:  # the prober itself starts the sooner
    from loadtests.installation import Installation

EVERY_S = 0.004
ANSWER_S = 30.0
PATH = "/api/v1/health/live"
CHUNK = 1 << 16
NICE = -10
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Prober:
    """A prober at work."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self._read = 0

    def longest_ms(self) -> float:
        """The longest wait for an answer since the last call."""
        self._process.say("")
        ends_at = time.monotonic() + ANSWER_S
        while time.monotonic() < ends_at:
            lines = [line for line in self._process.log.read_text().splitlines(True) if "longest_ms" in line]
            if len(lines) > self._read and lines[-1].endswith("\n"):
                self._read = len(lines)
                return float(json.loads(lines[-1])["longest_ms"])
            time.sleep(0.01)
        raise StartError(f"the server has not answered a probe for {ANSWER_S:g} s")


@contextmanager
def probing(place: Installation, url: str) -> Iterator[Prober]:
    """A prober of the server at ``url``."""
    with running("prober", "loadtests.prober", url, folder=place.folder, environ={}) as process:
        yield Prober(process)


def main(url: str) -> None:
    """Ask until standard input ends; every line there is answered with the longest wait since the last one."""
    with suppress(OSError):
        os.nice(NICE)
    parts = urlsplit(url)
    request = f"GET {PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    longest_s = 0.0
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(json.dumps({"event": "serving", "url": url}), flush=True)
        while True:
            started_at = time.perf_counter()
            connection.sendall(request)
            _read_answer(connection)
            longest_s = max(longest_s, time.perf_counter() - started_at)
            if select.select([sys.stdin], [], [], EVERY_S)[0]:
                if not sys.stdin.readline():
                    return
                print(json.dumps({"longest_ms": round(longest_s * 1000, 2)}), flush=True)
                longest_s = 0.0


def _read_answer(connection: socket.socket) -> None:
    """One answer, whole: head and body may come one after the other."""
    answer, missing = b"", 1
    while missing:
        received = connection.recv(CHUNK)
        if not received:
            raise StartError("the server closed the prober's connection")
        answer += received
        head, found, body = answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        missing = (int(length[1]) if length else 0) - len(body) if found else 1


if __name__ == "__main__":
    main(sys.argv[1])
