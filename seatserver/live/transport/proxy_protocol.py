"""The PROXY protocol: how a proxy that forwards bytes, not requests, tells where a connection comes from.

Such a proxy cannot add a header to a request that it does not read. So it begins each connection with one line of text
(version 1) or a short binary head (version 2); HAProxy's `doc/proxy-protocol.txt` defines both. What follows is the
client's.

Nobody may guess whether a connection begins so: a client could write the same bytes. Where the settings say that
proxies announce their clients, all connections must begin with such a head; `arrivals.py` says from whom it counts.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

SIGNATURE_1 = b"PROXY "
LINE_BYTES = 107
"""The longest line of version 1, with its end."""
SIGNATURE_2 = b"\r\n\r\n\x00\r\nQUIT\n"
FIXED_BYTES = len(SIGNATURE_2) + 4
CONTENT_BYTES = 4096
"""Addresses take 36 bytes at most. What proxies add, such as a certificate's name, takes some hundreds."""
VERSION_2, LOCAL, PROXIED = 0x20, 0x0, 0x1
TCP_4, TCP_6 = 0x11, 0x21
ADDRESSES_4, ADDRESSES_6 = struct.Struct("!4s4sHH"), struct.Struct("!16s16sHH")
MOST_PORT = 65_535


class NotAnnounced(Exception):
    """The connection does not begin with a head that says where it comes from."""


class Announcement(NamedTuple):
    """``client`` is the address and port, or None where the proxy speaks for itself, as in a health check."""

    size: int
    client: tuple[str, int] | None


def read(data: bytes) -> Announcement | None:
    """The head at the start of a connection; None until all of it has arrived. Raises `NotAnnounced`.

    It raises too where the proxy does not know the client: nobody could tell such clients apart.
    """
    if data.startswith(SIGNATURE_2[: len(data)]):
        return _read_binary(data) if len(data) >= FIXED_BYTES else None
    if data.startswith(SIGNATURE_1[: len(data)]):
        return _read_line(data)
    raise NotAnnounced


def _read_line(data: bytes) -> Announcement | None:
    line, end, _ = data[:LINE_BYTES].partition(b"\r\n")
    if not end:
        if len(data) >= LINE_BYTES:
            raise NotAnnounced
        return None
    size = len(line) + len(end)
    try:
        _, family, source, destination, source_port, destination_port = line.decode("ascii").split(" ")
        address = {"TCP4": IPv4Address, "TCP6": IPv6Address}[family]
        address(destination)
        _port(destination_port)
        return Announcement(size, (str(address(source)), _port(source_port)))
    except (ValueError, KeyError):  # also UNKNOWN, which has no addresses
        raise NotAnnounced from None


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= MOST_PORT or str(port) != text:
        raise ValueError(text)
    return port


def _read_binary(data: bytes) -> Announcement | None:
    version_and_command, family, length = struct.unpack_from("!BBH", data, len(SIGNATURE_2))
    command = version_and_command & 0x0F
    if version_and_command & 0xF0 != VERSION_2 or command not in (LOCAL, PROXIED) or length > CONTENT_BYTES:
        raise NotAnnounced
    size = FIXED_BYTES + length
    addresses = {TCP_4: ADDRESSES_4, TCP_6: ADDRESSES_6}.get(family)
    if command == PROXIED and (addresses is None or length < addresses.size):
        raise NotAnnounced
    if len(data) < size:
        return None
    if command == LOCAL or addresses is None:
        return Announcement(size, None)
    source, _, port, _ = addresses.unpack_from(data, FIXED_BYTES)
    return Announcement(size, (str((IPv4Address if family == TCP_4 else IPv6Address)(source)), port))
