"""The machine's limits on open files and ports. If one is too low, the error is one clear line.

A socket that is `bound_to` an address gets along with few ports.
"""

from __future__ import annotations

import resource
import socket
import struct
from pathlib import Path

from seatserver.errors import StartError

IP_BIND_ADDRESS_NO_PORT = 24
"""Choose the port at connect(2), where only the whole four of addresses and ports must be new (see ip(7))."""
BESIDE = 200
"""Open files that a process has besides its sockets: libraries, logs, Redis and Postgres."""
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FEWEST_SOURCES = 4
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: the connection ends at once and leaves no port waiting behind."""


def open_files(sockets: int) -> None:
    """Make sure that this process and its children may have so many sockets; raises the soft limit where it must.

    Raises `StartError` when the hard limit is too low.
    """
    needed = sockets + BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, needed))  # root may
        except (ValueError, OSError):
            raise StartError(
                f"{sockets} sockets need {needed} open files and this shell allows {hard}: raise `ulimit -Hn`, or ask "
                "for fewer viewers"
            ) from None
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def source_addresses(sockets: int) -> list[str]:
    """Loopback addresses to connect from: each has only as many ports as the kernel hands out."""
    try:
        low, high = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    # Half of them: others on this machine use ports too, and some wait after their connection's end.
    count = max(FEWEST_SOURCES, -(-2 * sockets // (high - low + 1)))
    if count > 250:
        raise StartError(f"{sockets} sockets need more loopback ports than {PORT_RANGE} allows ({low} to {high})")
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


def bound_to(source: str) -> socket.socket:
    """A socket that will connect from this address, with small writes sent at once and no port left behind."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((source, 0))
    except BaseException:
        made.close()
        raise
    return made
