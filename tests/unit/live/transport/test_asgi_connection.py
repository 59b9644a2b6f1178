"""The line of any ASGI server: in order, bounded, and at the peer's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message

from seatserver.live.transport.asgi_connection import AsgiConnection
from seatserver.live.transport.connection import ConnectionClosed
from seatserver.wire.frames import Frame

LIMIT = 100


class Server:
    """The other side of an ASGI application: sends when its peer reads."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.events: asyncio.Queue[Message] = asyncio.Queue()
        self.reads = asyncio.Semaphore(0)
        self.gone = False
        self.pace: list[str] = []

    async def receive(self) -> Message:
        return await self.events.get()

    async def send(self, event: Message) -> None:
        await self.reads.acquire()
        if self.gone:
            raise OSError
        self.sent.append(event)

    async def let(self, frames: int) -> None:
        """The peer reads so many."""
        for _ in range(frames):
            self.reads.release()
        for _ in range(3 * frames + 3):
            await asyncio.sleep(0)

    # As a session hears of it.

    def redirected(self) -> None:
        raise AssertionError("there is no descriptor")

    def fell_behind(self) -> None:
        self.pace.append("behind")

    def caught_up(self) -> None:
        self.pace.append("caught up")


@asynccontextmanager
async def carried() -> AsyncIterator[tuple[AsgiConnection, Server]]:
    server = Server()
    async with AsgiConnection(server.receive, server.send) as line:
        line.attach(server, LIMIT)
        yield line, server


def frame(number: int) -> Frame:
    return Frame(b"%08d" % number, text=True)


def numbers(server: Server) -> list[int]:
    return [int(event["text"]) for event in server.sent]


async def test_frames_are_sent_in_order() -> None:
    async with carried() as (line, server):
        for number in range(5):
            line.write(frame(number))
        await server.let(9)
        line.write(Frame(b"\x00", text=False))
        await server.let(0)
        assert [event.get("text") for event in server.sent[:5]] == [f"{number:08d}" for number in range(5)]
        assert server.sent[5] == {"type": "websocket.send", "bytes": b"\x00"}


async def test_a_peer_is_behind_above_the_limit_and_has_caught_up_below_a_quarter_of_it() -> None:
    async with carried() as (line, server):
        for number in range(10):
            line.write(frame(number))
        assert (line.behind, server.pace) == (False, [])
        line.write(frame(10))
        line.write(frame(11))
        assert (line.behind, server.pace) == (True, ["behind"])
        await server.let(9)
        assert line.behind, "thirty bytes are more than a quarter"
        await server.let(1)
        assert (line.behind, server.pace) == (False, ["behind", "caught up"])
        await server.let(2)
        assert numbers(server) == list(range(12)), "what was written is sent"


async def test_nothing_is_read_from_a_peer_that_is_behind() -> None:
    async with carried() as (line, server):
        for number in range(11):
            line.write(frame(number))
        server.events.put_nowait({"type": "websocket.receive", "text": "hold"})
        reading = asyncio.create_task(line.read())
        await server.let(0)
        assert not reading.done()
        await server.let(11)
        assert await reading == "hold"
        server.events.put_nowait({"type": "websocket.receive", "text": None, "bytes": b"hold"})
        assert await line.read() == b"hold"
        server.events.put_nowait({"type": "websocket.disconnect", "code": 1001})
        with pytest.raises(ConnectionClosed):
            await line.read()


async def test_the_close_follows_all_frames_and_nothing_follows_the_close() -> None:
    async with carried() as (line, server):
        line.write(frame(1))
        closing = asyncio.create_task(line.close(4101, "too slow"))
        await server.let(0)
        line.write(frame(2))
        await server.let(5)
        await closing
    assert server.sent[0]["text"] == "00000001"
    assert server.sent[1:] == [{"type": "websocket.close", "code": 4101, "reason": "too slow"}]


async def test_the_end_of_a_connection_wakes_its_reader() -> None:
    async with carried() as (line, server):
        for number in range(11):
            line.write(frame(number))
        reading = asyncio.create_task(line.read())
        server.gone = True
        server.events.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await server.let(1)
        with pytest.raises(ConnectionClosed):
            await reading
        line.write(frame(12))
        with pytest.raises(ConnectionClosed):
            server.reads.release()
            await line.close(1000, "")
    assert server.sent == []
