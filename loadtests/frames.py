"""WebSocket frames for the load generator: the minimum of RFC 6455 that a client needs.

The generator shares the machine with the server that it measures, so it must be far cheaper than a full client. It
accepts only unfragmented frames (no server here sends fragments), offers no compression, and masks with zeros, which is
a valid mask that changes no byte.
"""

from __future__ import annotations

from seatserver.errors import StartError

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FINAL = 0x80
MASKED = 0x80
NO_MASK = b"\0\0\0\0"
SHORT, TWO_BYTES, EIGHT_BYTES = 125, 126, 127
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the sample of RFC 6455, section 1.3

Frame = tuple[int, bytes]
"""Opcode and payload."""


def upgrade_request(host: str, path: str, subprotocol: str = "") -> bytes:
    """The HTTP request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as a client sends it."""
    return _head(opcode, len(payload), MASKED) + NO_MASK + payload


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as a server sends it."""
    return _head(opcode, len(payload), 0) + payload


def _head(opcode: int, length: int, masked: int) -> bytes:
    if length <= SHORT:
        return bytes((FINAL | opcode, masked | length))
    if length < 1 << 16:
        return bytes((FINAL | opcode, masked | TWO_BYTES)) + length.to_bytes(2, "big")
    return bytes((FINAL | opcode, masked | EIGHT_BYTES)) + length.to_bytes(8, "big")


def split(data: bytes) -> tuple[list[Frame], bytes]:
    """The complete frames at the start of the input, and the rest. Raises `StartError` for a fragment."""
    frames: list[Frame] = []
    at, end = 0, len(data)
    while end - at >= 2:
        first, length, body = data[at], data[at + 1], at + 2
        if length == TWO_BYTES:
            body += 2
            length = int.from_bytes(data[at + 2 : body], "big")
        elif length == EIGHT_BYTES:
            body += 8
            length = int.from_bytes(data[at + 2 : body], "big")
        if body > end or end - body < length:
            break
        if not first & FINAL:
            raise StartError("the server sent a fragment, which the load generator does not take")
        frames.append((first & 0x0F, data[body : body + length]))
        at = body + length
    return frames, data[at:]
