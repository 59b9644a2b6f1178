"""A message as it travels: the bytes of one WebSocket frame, which every socket of an encoding shares.

A server's frame is not masked and, without compression, the same for every socket (RFC 6455, 5.2). So it is built once,
and every transport is handed the same bytes. An ASGI server that builds its own frames gets the payload instead.
"""

from __future__ import annotations

from typing import Any

_FINAL_TEXT = b"\x81"
_FINAL_BINARY = b"\x82"
_IN_TWO_BYTES, _IN_EIGHT_BYTES = b"\x7e", b"\x7f"


class Frame:
    """One message, encoded. ``wire`` is the whole frame."""

    __slots__ = ("_event", "_payload_at", "_text", "wire")

    def __init__(self, payload: bytes, *, text: bool) -> None:
        size = len(payload)
        head = _FINAL_TEXT if text else _FINAL_BINARY
        if size < 126:
            head += size.to_bytes(1)
        elif size < 1 << 16:
            head += _IN_TWO_BYTES + size.to_bytes(2)
        else:
            head += _IN_EIGHT_BYTES + size.to_bytes(8)
        self.wire = head + payload
        self._payload_at = len(head)
        self._text = text
        self._event: dict[str, Any] | None = None

    @property
    def payload(self) -> str | bytes:
        """The message without the frame around it."""
        payload = self.wire[self._payload_at :]
        return payload.decode() if self._text else payload

    @property
    def event(self) -> dict[str, Any]:
        """The ASGI event that sends it, made once; do not change it."""
        if self._event is None:
            self._event = {"type": "websocket.send", "text" if self._text else "bytes": self.payload}
        return self._event
