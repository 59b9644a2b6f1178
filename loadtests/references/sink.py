"""A server that costs next to nothing, to measure the generator of the rush alone.

It speaks our wire: whoever says hello gets a ``welcome`` and a snapshot of an empty hall, and then the changes of the
room. Standard input says how many changes a second there are over all rooms, which take turns. Nobody can buy. What it
sends to a room is built once; what is left of a frame that a socket did not take at once is sent before the next one.
"""

from __future__ import annotations

import base64
import hashlib
import select
import socket
import sys
import time
from collections import defaultdict
from http import HTTPStatus

import msgspec

from loadtests import frames
from loadtests.references import serving
from seatserver.wire import from_server, values

SEATS = 400
EPOCH = "sink"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
BATCH = 256


class Room:
    """Who looks at one showtime, and its version."""

    def __init__(self) -> None:
        self.viewers: set[int] = set()
        self.version = 0


class Sink:
    """All sockets and rooms."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._poll = select.epoll()
        self._poll.register(listening.fileno(), select.EPOLLIN)
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._sockets: dict[int, socket.socket] = {}
        self._rests: dict[int, bytes] = {}
        self._rooms: defaultdict[str, Room] = defaultdict(Room)
        self._room_of: dict[int, Room] = {}
        self._turn = 0
        self._rate = 0.0
        self._due = 0.0

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            wait_s = max(0.0, self._due - time.monotonic()) if self._rate else 1.0
            for fd, _ in self._poll.poll(wait_s, BATCH):
                if fd == self._listening.fileno():
                    self._accept()
                elif fd == sys.stdin.fileno():
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self._rate, self._due = float(line), time.monotonic()
                else:
                    self._read(fd)
            if self._rate and time.monotonic() >= self._due:
                self._due += 1 / self._rate
                self._tell()

    def _accept(self) -> None:
        made, _ = self._listening.accept()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        self._sockets[made.fileno()] = made
        self._poll.register(made.fileno(), select.EPOLLIN)

    def _read(self, fd: int) -> None:
        try:
            data = self._sockets[fd].recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(fd)
        elif data.startswith(b"GET "):
            self._answer(fd, data)
        elif fd in self._room_of and fd not in self._room_of[fd].viewers and data[0] & 0x0F == frames.BINARY:  # hello
            room = self._room_of[fd]
            self._send(fd, _welcome(room.version))
            room.viewers.add(fd)

    def _answer(self, fd: int, head: bytes) -> None:
        """To a request: a socket, what is free, or nothing. A head comes in one piece from where we are."""
        path = head.split(b" ", 2)[1].decode()
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        if fields.get(b"upgrade") == b"websocket":
            self._room_of[fd] = self._rooms[path.rpartition("/")[2]]
            [key] = [
                line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
            ]
            accepted = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
            self._send(
                fd,
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Protocol: " + fields[b"sec-websocket-protocol"] + b"\r\n"
                b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n",
            )
            return
        *_, showtime, what = path.split("/")
        known = what == "availability"
        body = msgspec.json.encode({"epoch": EPOCH, "version": self._rooms[showtime].version} if known else {})
        status = HTTPStatus.OK if known else HTTPStatus.NOT_FOUND
        self._send(
            fd, f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )

    def _tell(self) -> None:
        """The next change, to all of the next room: the first seat is held, and free again."""
        rooms = tuple(self._rooms.values())
        self._turn += 1
        room = rooms[self._turn % len(rooms)]
        room.version += 1
        change = ((0, room.version % 2),)
        frame = _frame(from_server.Delta(epoch=EPOCH, from_=room.version - 1, version=room.version, changes=change))
        for fd in tuple(room.viewers):
            self._send(fd, frame)

    def _send(self, fd: int, data: bytes) -> None:
        data = self._rests.pop(fd, b"") + data
        try:
            sent = self._sockets[fd].send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(fd)
            return
        if sent < len(data):
            self._rests[fd] = data[sent:]

    def _close(self, fd: int) -> None:
        room = self._room_of.pop(fd, None)
        if room is not None:
            room.viewers.discard(fd)
        self._rests.pop(fd, None)
        self._poll.unregister(fd)
        self._sockets.pop(fd).close()


def _welcome(version: int) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    welcome = from_server.Welcome(
        ref=1,
        showtime="sink",
        layout="",
        epoch=EPOCH,
        version=version,
        server_ms=now_ms,
        user="somebody",
        scopes=("watch",),
        holds=(),
        limits=values.Limits(
            seats_per_user=1, hold_ms=60_000, hold_total_ms=60_000, heartbeat_ms=15_000, message_bytes=4096
        ),
        on_sale_at_ms=0,
        sale_ends_at_ms=now_ms + 3_600_000,
    )
    states = ("1" if version % 2 else "0") + "0" * (SEATS - 1)
    snapshot = from_server.Snapshot(epoch=EPOCH, version=version, states=states)
    return _frame(welcome) + _frame(snapshot)


def _frame(message: from_server.ServerMessage) -> bytes:
    return frames.server_frame(msgspec.msgpack.encode(message), frames.BINARY)


if __name__ == "__main__":
    with serving.listener() as listener:
        serving.announce(listener)
        Sink(listener).serve()
