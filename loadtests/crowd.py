"""Many WebSockets in one thread: the load generator.

A `Crowd` owns one epoll and its `Member`s; `pump` reads whatever has arrived. A room's frames are the same bytes for
every viewer, so the crowd decodes each distinct piece of input once and passes the decoded messages to every member who
received it. Everything runs in the caller: there are no tasks and no threads.

Times are seconds of the real-time clock, as in `time.time`. With ``stamped`` they are the moments at which the kernel
put the bytes into the member's socket (SO_TIMESTAMPNS, see socket(7)). So a generator that reads more slowly than the
server writes distorts neither the server's figures nor the reference's.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from loadtests import frames, limits
from seatserver.errors import StartError

AT_ONCE = 64
"""How many members connect at the same time."""
BATCH = 64
"""Sockets read between two looks at those that go first."""
CHUNK = 1 << 17
REMEMBERED = 256
"""Distinct pieces of input whose decoded messages are kept."""
PATIENCE_S = 60.0
SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
STAMP = struct.Struct("qq")

Decode = Callable[[bytes], Any]


class Member:
    """One WebSocket. A kind of member says what it asks for (`path`), how it gets in, and takes what comes."""

    path = "/"
    subprotocol = ""
    upgrades = True
    goes_first = False
    """Read before the others: a member whose requests are timed must not wait behind ten thousand viewers."""

    def __init__(self) -> None:
        self.crowd: Crowd
        self.socket: socket.socket
        self.rest = b""
        self.open = False
        self.joined = False

    def greet(self) -> None:
        """The connection is open."""
        self.arrive()

    def take(self, message: Any, at: float) -> None:
        """A message has come."""

    def arrive(self) -> None:
        """This member is where it wanted to be."""
        self.joined = True
        self.crowd.joined += 1

    def send(self, payload: bytes, opcode: int = frames.TEXT) -> None:
        """Send a frame, whole."""
        self.crowd.send(self.socket, frames.client_frame(payload, opcode))


class Crowd:
    """The members of one server at ``url``. A context manager: at its end all of them are gone.

    ``decode`` makes a message of a frame's payload. Raises `StartError` with one line for what the machine does not
    allow, for a server that does not let somebody in, and, unless it ``may_lose`` members, for one that throws them
    out; ``losses`` says why each was lost.
    """

    def __init__(self, url: str, decode: Decode, *, stamped: bool = False, may_lose: bool = False) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._host = parts.netloc
        self._decode = decode
        self._stamped = stamped
        self._may_lose = may_lose
        self._epoll = select.epoll()
        self._first = select.epoll()
        self._epoll.register(self._first.fileno(), select.EPOLLIN)
        self._members: dict[int, Member] = {}
        self._decoded: dict[bytes, list[Any]] = {}
        self._sources: Sequence[str] = ()
        self.joined = 0
        self.losses: list[str] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for member in self._members.values():
            member.socket.close()
        self._members.clear()
        self._first.close()
        self._epoll.close()

    # ------------------------------------------------------------ in

    def join(self, members: Iterable[Member], at_once: int = AT_ONCE) -> None:
        """Connect them all, ``at_once`` at a time; returns when the last one has arrived."""
        waiting = deque(members)
        limits.open_files(len(self._members) + len(waiting))
        self._sources = limits.source_addresses(len(self._members) + len(waiting))
        wanted, coming = self.joined + len(waiting), self.joined
        patience_ends = time.monotonic() + PATIENCE_S
        while self.joined < wanted:
            before = self.joined
            while waiting and coming - self.joined < at_once:
                self._connect(waiting.popleft())
                coming += 1
            if self.joined < coming:
                self.pump(1.0)
            if self.joined > before:
                patience_ends = time.monotonic() + PATIENCE_S
            elif self.losses or time.monotonic() > patience_ends:
                if self.losses:
                    raise StartError(f"{self.losses[0]}, before it was in")
                raise StartError(f"{wanted - self.joined} of {wanted} sockets did not get in within {PATIENCE_S:g} s")

    def _connect(self, member: Member) -> None:
        try:
            made = self._connected()
        except OSError as error:
            raise StartError(f"socket {len(self._members) + 1} cannot connect: {error.strerror or error}") from None
        member.crowd, member.socket = self, made
        self._members[made.fileno()] = member
        (self._first if member.goes_first else self._epoll).register(made.fileno(), select.EPOLLIN)
        if member.upgrades:
            self.send(made, frames.upgrade_request(self._host, member.path, member.subprotocol))
        else:
            member.open = True
            member.greet()

    def _connected(self) -> socket.socket:
        made = limits.bound_to(self._sources[len(self._members) % len(self._sources)])
        try:
            if self._stamped:
                made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            made.settimeout(PATIENCE_S)
            made.connect(self._address)
            made.setblocking(False)
        except BaseException:
            made.close()
            raise
        return made

    # ------------------------------------------------------------ reading and writing

    def pump(self, timeout_s: float) -> None:
        """Read what has come, waiting at most so long for anything to come at all."""
        first, members = self._first, self._members
        for fd, _ in self._epoll.poll(timeout_s, BATCH):
            member = members.get(fd)
            if member is not None:
                self._read(member)
        for fd, _ in first.poll(0, BATCH):
            self._read(members[fd])
        if self.losses and not self._may_lose:
            raise StartError(self.losses[0])

    def until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Read until it is done, or for so long; whether it is done."""
        ends_at = time.monotonic() + timeout_s
        while not done():
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                return False
            self.pump(left_s)
        return True

    def idle(self, seconds: float) -> None:
        """Read along for some time."""
        self.until(lambda: False, seconds)

    def send(self, to: socket.socket, data: bytes) -> None:
        """Write all of it; a server that reads nothing for long is an error."""
        while data:
            try:
                data = data[to.send(data) :]
            except BlockingIOError:
                if not select.select([], [to], [], PATIENCE_S)[1]:
                    raise StartError(f"the server has read nothing for {PATIENCE_S:g} s") from None
            except OSError as error:
                raise StartError(f"the server closed a socket: {error.strerror}") from None

    def _read(self, member: Member) -> None:
        try:
            if self._stamped:
                data, ancillary, _, _ = member.socket.recvmsg(CHUNK, 64)
                at = _stamp(ancillary)
            else:
                data = member.socket.recv(CHUNK)
                at = time.time()
        except BlockingIOError:
            return
        except OSError as error:
            return self._lose(member, error.strerror or str(error))
        if not data:
            return self._lose(member, "without a word")
        if member.open and not member.rest:
            known = self._decoded.get(data)
            if known is not None:
                for message in known:
                    member.take(message, at)
                return
        self._take(member, data, at)

    def _take(self, member: Member, data: bytes, at: float) -> None:
        """The slow way: a piece of input that is new, or a part of something."""
        shared = member.open and not member.rest
        if not member.open:
            member.rest += data
            head, found, data = member.rest.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                said = head.split(b"\r\n")[0] + b" " + data[:200]
                raise StartError(f"no WebSocket at {member.path}: {said.decode(errors='replace')}")
            member.rest, member.open = b"", True
            member.greet()
        whole = member.rest + data
        found_frames, member.rest = frames.split(whole)
        messages = []
        for opcode, payload in found_frames:
            if opcode in (frames.TEXT, frames.BINARY):
                messages.append(self._decode(payload))
            elif opcode == frames.PING:
                shared = False
                member.send(payload, frames.PONG)
            elif opcode == frames.CLOSE:
                code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace")
                return self._lose(member, f"{code} {reason}")
        if shared and not member.rest:
            if len(self._decoded) >= REMEMBERED:
                self._decoded.clear()
            self._decoded[data] = messages
        for message in messages:
            member.take(message, at)

    def _lose(self, member: Member, why: str) -> None:
        fd = member.socket.fileno()
        if self._members.pop(fd, None) is None:
            return
        (self._first if member.goes_first else self._epoll).unregister(fd)
        member.socket.close()
        self.losses.append(f"the server closed a socket: {why}".rstrip())


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel got the bytes; now, where it does not say."""
    for _, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS and len(value) >= STAMP.size:
            seconds, nanoseconds = STAMP.unpack_from(value)
            return float(seconds + nanoseconds / 1e9)
    return time.time()
