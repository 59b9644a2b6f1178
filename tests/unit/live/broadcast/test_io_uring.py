"""A frame to many sockets: both ways do the same, whatever state the sockets are in."""

from __future__ import annotations

import errno
import socket
from array import array
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.live.broadcast import io_uring as ring
from seatserver.live.broadcast.io_uring import BATCH, NO_FD, BatchWriter, WriteToEach, open_batch_writer, write_to_each

FRAME = bytes(range(256)) * 8
SMALL_BUFFER = 1


@pytest.fixture(scope="module", params=["one by one", "ring"])
def way(request: pytest.FixtureRequest) -> Iterator[WriteToEach]:
    if request.param == "one by one":
        yield write_to_each
        return
    opened = open_batch_writer()
    if opened is None:
        pytest.skip("no io_uring here")
    yield opened.write_to_each
    opened.close()


class Peer:
    """A socket to write to, in one state, and what its other end has got."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)
        self.before = 0
        if kind in ("full", "nearly full"):
            self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
            self.fill()
        if kind == "nearly full":
            self.before -= len(self.far.recv(64))
            self.far.setblocking(False)
        if kind == "gone":
            self.far.close()

    @property
    def descriptor(self) -> int:
        return NO_FD if self.kind == "none" else self.near.fileno()

    def fill(self) -> None:
        try:
            while True:
                self.before += self.near.send(b"-" * 64)
        except BlockingIOError:
            pass

    def got(self) -> bytes:
        """What arrived of the frame."""
        if self.kind == "gone":
            return b""
        arrived = b""
        try:
            while data := self.far.recv(1 << 20):
                arrived += data
        except BlockingIOError:
            pass
        return arrived[self.before :]

    def close(self) -> None:
        self.near.close()
        self.far.close()


kinds = st.sampled_from(["free", "free", "free", "full", "nearly full", "gone", "none"])


@given(batches=st.lists(st.lists(kinds, max_size=BATCH), max_size=4), size=st.sampled_from([1, 100, len(FRAME)]))
def test_every_socket_gets_the_frame_or_is_reported_with_the_bytes_it_got(
    way: WriteToEach, batches: list[list[str]], size: int
) -> None:
    frame = FRAME[:size]
    for batch in batches:
        with ExitStack() as stack:
            peers = [Peer(kind) for kind in batch]
            for peer in peers:
                stack.callback(peer.close)
            unsent = way(array("i", [peer.descriptor for peer in peers]), frame)
            reported = dict(unsent)
            assert len(reported) == len(unsent)
            for at, peer in enumerate(peers):
                got = peer.got()
                assert got == frame[: len(got)]
                if peer.kind == "none":
                    assert (reported[at], got) == (NO_FD, b"")
                elif peer.kind == "free":
                    assert at not in reported
                    assert got == frame
                else:
                    assert reported.get(at, size) == len(got)


def test_frames_of_any_size_are_sent(way: WriteToEach) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        for size in (1, 10_000, 100_000, 70, 120_000, 1):
            frame = bytes([size % 251]) * size
            assert way(array("i", [near.fileno()]), frame) == []
            arrived = b""
            while len(arrived) < size:
                arrived += far.recv(1 << 20)
            assert arrived == frame


def test_many_batches_can_follow_each_other(way: WriteToEach) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        for count in (1, BATCH, 3, BATCH - 1, 77, BATCH, 5) * 20:
            assert way(array("i", [near.fileno()] * count), b"x") == []
            arrived = 0
            while arrived < count:
                arrived += len(far.recv(1 << 20))


def test_when_the_kernel_refuses_a_batch_sockets_are_written_one_by_one() -> None:
    if (there := open_batch_writer()) is None:
        pytest.skip("no io_uring here")
    there.close()
    # The kernel takes some entries and is then out of memory, or takes none; in the end it takes all.
    enter, takes = ring.system_enter(), iter((0, 2, 0, 3, BATCH))

    def taking(call: int, descriptor: int, count: int, *more: object) -> int:
        return enter(call, descriptor, min(count, next(takes)), *more)

    opened = BatchWriter(taking)
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        for _ in range(4):
            wanted = array("i", [near.fileno(), NO_FD, near.fileno(), near.fileno(), NO_FD])
            assert sorted(opened.write_to_each(wanted, b"frame")) == [(1, NO_FD), (4, NO_FD)]
            assert far.recv(100) == b"frame" * 3
        assert opened.write_to_each(array("i", [near.fileno()] * 3), b"frame") == []
        assert far.recv(100) == b"frame" * 3
    opened.close()


def test_io_uring_is_not_used_where_it_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: BatchWriter) -> None:
        raise PermissionError(errno.EPERM, "io_uring_setup")

    monkeypatch.setattr(BatchWriter, "__init__", forbidden)
    assert open_batch_writer() is None


def test_io_uring_is_not_used_where_it_fails_its_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    if (opened := open_batch_writer()) is None:
        pytest.skip("no io_uring here")
    opened.close()
    monkeypatch.setattr(BatchWriter, "_reap", lambda self, descriptors, start: [])
    assert ring.open_batch_writer() is None
