"""The limit: a bare loop of send(2) over as many TCP sockets, no WebSocket, no event loop.

``python -m loadtests.references.raw_send [LIBRARY]``: every line of standard input goes to everybody, framed as a
WebSocket server frames it, so that the same bytes travel. The loop is C where `compiled` could make the library, else
Python's; `fanout` says which.
"""

from __future__ import annotations

import ctypes
import select
import shutil
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from loadtests import frames
from loadtests.references import serving

SOURCE = """\
#include <sys/socket.h>
#include <stddef.h>

int send_to_all(const int *sockets, int count, const char *frame, size_t length) {
    int failed = 0;
    for (int at = 0; at < count; at++)
        if (send(sockets[at], frame, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t) length) failed++;
    return failed;
}
"""


def compiled(folder: Path) -> Path | None:
    """The C loop as a library in ``folder``, or None on a machine without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    source, library = folder / "send_to_all.c", folder / "send_to_all.so"
    source.write_text(SOURCE)
    made = subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", library, source], capture_output=True, check=False
    )
    return library if made.returncode == 0 else None


class InC:
    """One pass of the C loop over everybody."""

    def __init__(self, library: str) -> None:
        self._send = ctypes.CDLL(library).send_to_all
        self._descriptors = array("i")

    def add(self, one: socket.socket) -> None:
        """Another socket."""
        self._descriptors.append(one.fileno())

    def send(self, frame: bytes) -> None:
        """To all of them."""
        address, count = self._descriptors.buffer_info()
        self._send(ctypes.c_void_p(address), count, frame, ctypes.c_size_t(len(frame)))


class InPython:
    """One pass of Python's loop over the raw call; a socket that is full misses the frame."""

    def __init__(self) -> None:
        self._calls: list[Callable[[bytes, int], int]] = []

    def add(self, one: socket.socket) -> None:
        """Another socket."""
        self._calls.append(one.send)

    def send(self, frame: bytes) -> None:
        """To all of them."""
        for call in self._calls:
            with suppress(OSError):
                call(frame, socket.MSG_DONTWAIT)


def main(library: str) -> None:
    """Accept whoever comes and send every line to everybody, until standard input ends."""
    sockets: list[socket.socket] = []
    everybody = InC(library) if library else InPython()
    with serving.listener() as listening:
        serving.announce(listening)
        while True:
            ready, _, _ = select.select([sys.stdin, listening], [], [])
            if listening in ready:
                one, _ = listening.accept()
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets.append(one)
                everybody.add(one)
            elif line := sys.stdin.readline():
                everybody.send(frames.server_frame(line.rstrip("\n").encode()))
            else:
                return


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
