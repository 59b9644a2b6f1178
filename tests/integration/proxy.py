"""A TCP proxy between the code and a real server, for the faults of a network: silence, and a lost answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Forwards to one server until told otherwise.

    Set ``lose_answer_to`` to some bytes: the next request that contains them reaches the server, and the connection
    breaks when its answer comes; ``lost`` counts that.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.WriteTransport] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0
        self.lose_answer_to: bytes | None = None
        self.lost = 0

    def freeze(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._flowing.clear()

    def thaw(self) -> None:
        """What waits goes on its way."""
        self._flowing.set()

    def cut_all(self) -> None:
        """Break every connection."""
        for transport in list(self._open):
            transport.abort()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.thaw()
            while self._serving:
                self.cut_all()
                await asyncio.wait(self._serving, timeout=0.01)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection(*self._target)
        self._open |= {near.transport, far.transport}
        losing = asyncio.Event()

        async def requests() -> None:
            while data := await near_reader.read(65_536):
                await self._flowing.wait()
                if self.lose_answer_to is not None and self.lose_answer_to in data:
                    self.lose_answer_to = None
                    losing.set()
                far.write(data)
                await far.drain()

        async def answers() -> None:
            while data := await far_reader.read(65_536):
                await self._flowing.wait()
                if losing.is_set():
                    self.lost += 1
                    return
                near.write(data)
                await near.drain()

        pumps = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        near.transport.abort()
        far.transport.abort()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._open -= {near.transport, far.transport}


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of ``url``, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port, "expected a TCP address"
    async with Proxy(parts.hostname, parts.port).listening() as proxy:
        credentials, at, _ = parts.netloc.rpartition("@")
        yield proxy, urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{proxy.port}"))
