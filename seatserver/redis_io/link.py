"""One open connection to Redis that takes packed commands and hands over replies, without a coroutine for either.

redis-py sets the connection up (address, TLS, user and password, database, name, timeouts) as ``client.py`` says; then
the link takes over its transport. What arrives goes through hiredis to the owner at once. For occasional commands use
the client's pool; a link is for script calls
(``pipeline.py``) and for the subscription (`seatserver.rooms.feed`).

redis-py has no public name for a connection's streams, so this file uses two private ones, and no other file does.
`tests/unit/test_insides.py` fails when an upgrade changes them.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import DefaultParser

from seatserver.tasks import raise_if_cancelled
from seatserver.transports import is_closed_transport

_MORE = object()


def packed(*command: str | int | bytes) -> bytes:
    """A command in the bytes that Redis reads."""
    return hiredis.pack_command(command)  # type: ignore[arg-type, no-any-return]  # its stub knows tuples of one word


class Owner(Protocol):
    """The owner of a link. Its methods are called in the event loop and must not block."""

    def replied(self, reply: Any) -> None:
        """The next reply, in the order of the commands; an error that Redis answers is an exception object."""

    def lost(self) -> None:
        """The link has ended and nothing more comes. Called once."""

    def writable(self) -> None:
        """The link takes more again."""


class Link(asyncio.Protocol):
    """One connection; `open` it. ``is_writable`` is false while Redis takes less than it is sent, ``heard_at`` is when
    something last came in, by the loop's clock."""

    def __init__(self, writer: asyncio.StreamWriter, owner: Owner) -> None:
        self._writer = writer  # kept, because it closes the transport when it is garbage-collected
        self._transport = writer.transport
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=DefaultParser.parse_error, notEnoughData=_MORE)
        self._ended = False
        self.is_writable = True
        self.heard_at = self._loop.time()
        self._transport.set_protocol(self)

    @classmethod
    async def open(cls, redis: Redis, owner: Owner) -> Link:
        """Connect as ``redis`` does. Raises what redis-py raises: `RedisError`, `OSError`, `TimeoutError`."""
        pool = redis.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated
            raise_if_cancelled()
            # Nothing waits in redis-py's reader: in RESP 2 Redis never speaks unasked, and every answer to the set-up
            # was read.
            writer, reader = connection._writer, connection._reader
            assert writer is not None and reader is not None, "it is connected"
            if writer.transport.is_closing() or reader.at_eof() or reader.exception() is not None:
                # redis-py's protocol was told of the end, so ours would never be.
                raise ConnectionResetError("the connection was closed while it was set up")
            link = cls(writer, owner)
            connection._reader = connection._writer = None
            return link
        except BaseException:
            await asyncio.shield(connection.disconnect(nowait=True))
            raise

    def write(self, commands: bytes) -> None:
        """Send packed commands. What Redis does not take at once is buffered, so check ``is_writable`` first.

        On a link that has ended nothing is sent; an owner who was not told yet is told in the next tick.
        """
        if self._ended:
            return
        try:
            self._transport.write(commands)
        except RuntimeError as error:
            if not is_closed_transport(error):
                raise
            self._loop.call_soon(self._end)

    def abort(self) -> None:
        """End the link now, whatever is under way. The owner is told before this returns."""
        self._transport.abort()
        self._end()

    # ------------------------------------------------------------ as the transport sees it

    def data_received(self, data: bytes) -> None:
        """Hand every complete reply to the owner."""
        self.heard_at = self._loop.time()
        reader, replied = self._reader, self._owner.replied
        try:
            reader.feed(data)
            while not self._ended and (reply := reader.gets()) is not _MORE:
                replied(reply)
        except hiredis.ProtocolError:
            self.abort()  # whatever answers there is not Redis

    def pause_writing(self) -> None:
        """The buffer is full."""
        self.is_writable = False

    def resume_writing(self) -> None:
        """The buffer has room."""
        self.is_writable = True
        self._owner.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed."""
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._owner.lost()
