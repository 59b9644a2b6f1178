"""The heads of the PROXY protocol, by its specification (versions 1 and 2)."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.live.transport.proxy_protocol import CONTENT_BYTES, LINE_BYTES, Announcement, NotAnnounced, read

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
REQUEST = b"GET / HTTP/1.1\r\n"


def binary(command: int, family: int, content: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(content)) + content


def addresses(source: str, port: int) -> bytes:
    client, own = ip_address(source), ip_address("2001:db8::1" if ":" in source else "192.0.2.1")
    return client.packed + own.packed + struct.pack("!HH", port, 443)


HEADS = {
    "a line of IPv4": (b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", ("203.0.113.7", 56324)),
    "a line of IPv6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", ("2001:db8::7", 1)),
    "the longest line": (
        b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
    ),
    "binary, IPv4": (binary(1, 0x11, addresses("203.0.113.7", 56324)), ("203.0.113.7", 56324)),
    "binary, IPv6": (binary(1, 0x21, addresses("2001:db8::7", 7)), ("2001:db8::7", 7)),
    "binary with more of a kind that we need not know": (
        binary(1, 0x11, addresses("203.0.113.7", 5) + b"\x04\x00\x03abc"),
        ("203.0.113.7", 5),
    ),
    "the proxy's own health check": (binary(0, 0x00, b""), None),
    "the proxy's own, with addresses that do not count": (binary(0, 0x11, addresses("203.0.113.7", 5)), None),
}
NO_HEADS = {
    "a request": REQUEST,
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "a client that nobody knows": b"PROXY UNKNOWN\r\n",
    "a client that nobody knows, with more": b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
    "small letters": b"proxy TCP4 203.0.113.7 192.0.2.1 1 2\r\n",
    "two spaces": b"PROXY TCP4  203.0.113.7 192.0.2.1 1 2\r\n",
    "no destination": b"PROXY TCP4 203.0.113.7 1 2\r\n",
    "IPv6 that calls itself IPv4": b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    "a port too high": b"PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n",
    "a port with a zero before it": b"PROXY TCP4 203.0.113.7 192.0.2.1 0443 443\r\n",
    "a port with a sign": b"PROXY TCP4 203.0.113.7 192.0.2.1 +443 443\r\n",
    "a line without an end": b"PROXY TCP4 " + b"1" * LINE_BYTES,
    "a line with a bare newline": b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\n" + b"x" * LINE_BYTES,
    "letters beyond ASCII": "PROXY TCP4 203.0.113.７ 192.0.2.1 1 2\r\n".encode(),
    "another version": SIGNATURE + b"\x31\x11\x00\x0c" + addresses("203.0.113.7", 1),
    "an unknown command": SIGNATURE + b"\x22\x11\x00\x0c" + addresses("203.0.113.7", 1),
    "addresses of no family": binary(1, 0x00, b""),
    "a Unix socket": binary(1, 0x31, b"x" * 216),
    "datagrams": binary(1, 0x12, addresses("203.0.113.7", 1)),
    "too few bytes for its addresses": binary(1, 0x21, addresses("203.0.113.7", 1)),
    "more than we keep": SIGNATURE + struct.pack("!BBH", 0x21, 0x11, CONTENT_BYTES + 1),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_is_read_and_what_follows_is_the_clients(kind: str) -> None:
    head, client = HEADS[kind]
    assert read(head) == Announcement(len(head), client)
    assert read(head + REQUEST) == Announcement(len(head), client)


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_may_arrive_in_any_number_of_pieces(kind: str) -> None:
    head, _ = HEADS[kind]
    assert all(read(head[:size]) is None for size in range(len(head)))


@pytest.mark.parametrize("kind", NO_HEADS)
def test_anything_else_is_no_head(kind: str) -> None:
    with pytest.raises(NotAnnounced):
        read(NO_HEADS[kind])


@given(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from([b"PROXY ", SIGNATURE + b"\x21"]).flatmap(
            lambda start: st.binary(max_size=200).map(lambda rest: start + rest)
        ),
    )
)
def test_no_bytes_whatever_raise_anything_else_or_are_kept_without_end(data: bytes) -> None:
    try:
        found = read(data)
    except NotAnnounced:
        return
    assert len(data) <= CONTENT_BYTES + 16 if found is None else found.size <= len(data)
