"""A frame to many sockets: one system call each, or one for a whole batch where Linux lets us.

The plain writer, `write_to_each`, works everywhere. `BatchWriter` is for Linux: much of what a short send costs is the
way into the kernel and back. io_uring (see io_uring(7)) takes a batch of sends in one call: the kernel carries them out
one after the other before the call returns, and reports only those that did not go as a whole, which are the sockets
that are full or broken. So `BatchWriter.write_to_each` does what `write_to_each` does. Other systems lack it and
containers often forbid it; `open_batch_writer` finds out.

What it saves is measured in decision 12 of `.github/DECISIONS.md`. In rooms of one viewer a hold took a twelfth more
time with it, so it is not used for fewer than `MIN_BATCH` viewers.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import sys
from array import array
from collections.abc import Callable

BATCH = 128
MIN_BATCH = 48
"""Fewer viewers are served sooner one by one: preparing a batch takes as long as this many system calls."""
NO_FD = -1
"""No descriptor: the viewer at this place in a batch has to be looked at separately."""

Unsent = list[tuple[int, int]]
"""Places in a batch that did not get the whole frame, and how many bytes they got, or `NO_FD`."""
WriteToEach = Callable[["array[int]", bytes], Unsent]
"""Writes a frame to each of at most `BATCH` descriptors."""
Enter = Callable[..., int]
"""io_uring_enter(2) by way of syscall(2): its number, the ring, how many entries, and the rest."""

# The kernel's interface, from linux/io_uring.h; its numbers never change.
SETUP, ENTER = 425, 426
SUBMISSIONS, COMPLETIONS, ENTRIES = 0, 0x8000000, 0x10000000
SEND = 26
SKIP_SUCCESS = 1 << 6
CAN_SKIP_SUCCESS = 1 << 11
ENTRY = struct.Struct("=BBHiQQIIQ24x")  # opcode, flags, ioprio, fd, off, addr, len, msg_flags, user_data
COMPLETION = struct.Struct("=Qi4x")  # user_data, res
BUFFER_BYTES = 1 << 14
DESCRIPTOR_AT, ADDRESS_AT, LENGTH_AT = 4, 16, 24


def write_to_each(descriptors: array[int], wire: bytes) -> Unsent:
    """Write a frame to each descriptor, with one system call each."""
    size, write, unsent = len(wire), os.write, []
    for at, descriptor in enumerate(descriptors):
        written = NO_FD
        if descriptor != NO_FD:
            try:
                written = write(descriptor, wire)
            except OSError:  # full, or broken
                written = 0
            if written == size:
                continue
        unsent.append((at, written))
    return unsent


def open_batch_writer() -> BatchWriter | None:
    """A writer, or None where the system has no io_uring, forbids it, or does not do what is expected."""
    if sys.platform != "linux":
        return None
    try:
        writer = BatchWriter()
    except (OSError, AttributeError):
        return None
    if _self_test(writer):
        return writer
    writer.close()
    return None


def system_enter() -> Enter:
    """The system call itself."""
    enter = ctypes.CDLL(None, use_errno=True)["syscall"]
    enter.argtypes = (*(ctypes.c_long,) * 5, ctypes.c_void_p, ctypes.c_size_t)
    return enter


class BatchWriter:
    """Use it from one thread, and `close` it. Raises `OSError` where the system has no io_uring that serves.

    ``enter`` makes the system call for a batch; by default it is the C library's.
    """

    def __init__(self, enter: Enter | None = None) -> None:
        self._enter = enter or system_enter()
        setup = ctypes.CDLL(None, use_errno=True)["syscall"]
        setup.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p)
        parameters = _Parameters()
        self._descriptor = setup(SETUP, BATCH, ctypes.byref(parameters))
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        try:
            if not parameters.features & CAN_SKIP_SUCCESS:
                raise OSError("this kernel's io_uring reports every send")
            self._map(parameters)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _map(self, parameters: _Parameters) -> None:
        """Map the memory that we share with the kernel."""
        head, tail, _, _, _, _, order, *_ = parameters.sq_off
        self._size = parameters.sq_entries
        submissions = mmap.mmap(self._descriptor, order + 4 * self._size, mmap.MAP_SHARED, offset=SUBMISSIONS)
        self._head, self._tail = (ctypes.c_uint32.from_buffer(submissions, at) for at in (head, tail))

        done_head, done_tail, _, _, _, self._done_at, *_ = parameters.cq_off
        self._done_size = parameters.cq_entries
        done_bytes = self._done_at + COMPLETION.size * self._done_size
        self._done = mmap.mmap(self._descriptor, done_bytes, mmap.MAP_SHARED, offset=COMPLETIONS)
        self._done_head, self._done_tail = (
            ctypes.c_uint32.from_buffer(self._done, at) for at in (done_head, done_tail)
        )

        # All entries are ready but for the descriptor, and the length of the frame.
        self._entries = mmap.mmap(self._descriptor, ENTRY.size * self._size, mmap.MAP_SHARED, offset=ENTRIES)
        # The whole frame or as much as there is room for; never wait, never raise a signal.
        how = socket.MSG_WAITALL | socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        for at in range(self._size):
            struct.pack_into("=I", submissions, order + 4 * at, at)
            ENTRY.pack_into(self._entries, ENTRY.size * at, SEND, SKIP_SUCCESS, 0, NO_FD, 0, 0, 0, how, at)
        self._wire = b""
        self._make_buffer(BUFFER_BYTES)

    def _make_buffer(self, size: int) -> None:
        """Make the buffer that the kernel sends from; when a call returns, the kernel needs it no longer."""
        self._buffer = ctypes.create_string_buffer(size)
        self._fill(ADDRESS_AT, ctypes.addressof(self._buffer).to_bytes(8, sys.byteorder))

    def _fill(self, at: int, value: bytes) -> None:
        """Write the same bytes at the same place of every entry."""
        for place, byte in enumerate(value, at):
            self._entries[place :: ENTRY.size] = bytes((byte,)) * self._size

    def write_to_each(self, descriptors: array[int], wire: bytes) -> Unsent:
        """Write a frame to each descriptor, with one system call for all."""
        if wire is not self._wire:
            self._load(wire)
        count, start = len(descriptors), self._tail.value
        self._place(descriptors.tobytes(), start % self._size)
        self._tail.value = start + count
        self._enter(ENTER, self._descriptor, count, 0, 0, None, 0)
        unsent = self._reap(descriptors, start)
        taken = (self._head.value - start) % (1 << 32)
        if taken < count:
            # The kernel did not take the others, for want of memory for example.
            self._tail.value = start + taken
            unsent += [(taken + at, written) for at, written in write_to_each(descriptors[taken:], wire)]
        return unsent

    def _load(self, wire: bytes) -> None:
        size = len(wire)
        if size > len(self._buffer):
            self._make_buffer(2 * size)
        ctypes.memmove(self._buffer, wire, size)
        self._fill(LENGTH_AT, size.to_bytes(4, sys.byteorder))
        self._wire = wire

    def _place(self, numbers: bytes, at: int) -> None:
        """Write descriptors into the entries from ``at`` on, going on at the first entry after the last.

        It writes the first byte of all of them, then the second, and so on, which needs no loop over the entries.
        """
        first = min(len(numbers) // 4, self._size - at) * 4
        for byte in range(4):
            column = DESCRIPTOR_AT + byte
            begin, end = ENTRY.size * at + column, ENTRY.size * (at + first // 4)
            self._entries[begin : end : ENTRY.size] = numbers[byte:first:4]
            if first < len(numbers):
                end = ENTRY.size * (len(numbers) - first) // 4
                self._entries[column : end : ENTRY.size] = numbers[first + byte :: 4]

    def _reap(self, descriptors: array[int], start: int) -> Unsent:
        """Read what the kernel reports of the entries from ``start`` on: those that were not sent as a whole."""
        head, tail, unsent = self._done_head.value, self._done_tail.value, []
        while head != tail:
            at = self._done_at + COMPLETION.size * (head % self._done_size)
            entry, result = COMPLETION.unpack_from(self._done, at)
            place = (entry - start) % self._size
            unsent.append((place, NO_FD if descriptors[place] == NO_FD else max(0, result)))
            head = (head + 1) % (1 << 32)
        self._done_head.value = head
        return unsent

    def close(self) -> None:
        """Give it back to the kernel."""
        os.close(self._descriptor)


class _Parameters(ctypes.Structure):
    _fields_ = (
        ("sq_entries", ctypes.c_uint32),
        ("cq_entries", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("sq_thread_cpu", ctypes.c_uint32),
        ("sq_thread_idle", ctypes.c_uint32),
        ("features", ctypes.c_uint32),
        ("wq_fd", ctypes.c_uint32),
        ("resv", ctypes.c_uint32 * 3),
        ("sq_off", ctypes.c_uint32 * 10),  # head, tail, ring_mask, ring_entries, flags, dropped, array …
        ("cq_off", ctypes.c_uint32 * 10),  # head, tail, ring_mask, ring_entries, overflow, cqes …
    )


def _self_test(writer: BatchWriter) -> bool:
    """Whether it sends a frame, reports how much a full socket took, and reports a place without a descriptor."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        wanted = array("i", [near.fileno(), NO_FD])
        if writer.write_to_each(wanted, b"whole") != [(1, NO_FD)] or far.recv(9) != b"whole":
            return False
        frame = bytes(BUFFER_BYTES)  # more than such a socket takes
        reported = dict(writer.write_to_each(wanted[:1], frame))
        near.close()
        arrived = 0
        while data := far.recv(BUFFER_BYTES):
            arrived += len(data)
        return 0 < arrived < BUFFER_BYTES and reported == {0: arrived}
