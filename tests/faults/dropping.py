"""A filter that loses messages of Redis' publish and subscribe on their way, and nothing else.

Every reply of RESP 2 is looked at from its first byte to its last (https://redis.io/docs/latest/develop/reference/
protocol-spec/), because a message may end anywhere in what TCP delivers.
"""

from __future__ import annotations

LINE = b"\r\n"


class Dropping:
    """Loses every ``nth`` message of the channels that contain ``channel``; ``dropped`` counts them."""

    def __init__(self, nth: int, channel: bytes) -> None:
        self.nth, self.channel = nth, channel
        self.seen = 0
        self.dropped = 0
        self.active = False

    def filter(self) -> DroppingFilter:
        """For one connection."""
        return DroppingFilter(self)


class DroppingFilter:
    """Keeps what is not a whole reply yet."""

    def __init__(self, dropping: Dropping) -> None:
        self._dropping = dropping
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        data, passed, at = self._rest + data, [], 0
        while (end := end_of_reply(data, at)) is not None:
            reply, at = data[at:end], end
            if not self._is_lost(reply):
                passed.append(reply)
        self._rest = data[at:]
        return b"".join(passed)

    def _is_lost(self, reply: bytes) -> bool:
        dropping = self._dropping
        if not reply.startswith(b"*3\r\n$7\r\nmessage\r\n") or dropping.channel not in reply[:200]:
            return False
        dropping.seen += 1
        lost = dropping.active and dropping.seen % dropping.nth == 0
        dropping.dropped += lost
        return lost


def end_of_reply(data: bytes, start: int) -> int | None:
    """Where the reply that begins at ``start`` ends; None when not all of it is there."""
    line_end = data.find(LINE, start)
    if line_end < 0:
        return None
    kind, rest, at = data[start : start + 1], data[start + 1 : line_end], line_end + 2
    if kind == b"$":
        at += int(rest) + 2 if int(rest) >= 0 else 0
        return at if at <= len(data) else None
    if kind == b"*":
        for _ in range(int(rest)):
            end = end_of_reply(data, at)
            if end is None:
                return None
            at = end
    return at
