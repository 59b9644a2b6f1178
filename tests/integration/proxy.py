"""A TCP proxy between the code and a real server, which simulates network faults.

Silence, delay, connections that break, a way that leads elsewhere, an answer that is lost, and answers that somebody
meddles with.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.waiting import within

Filter = Callable[[bytes], bytes]
"""What of these bytes goes on its way; one such function for each connection, which may keep some for later."""


class Proxy:
    """Forwards to one server until told otherwise.

    Set ``lose_answer_to`` to some bytes: the next ``lose_times`` requests that contain them reach the server, and their
    connections break when the answer comes; ``lost`` counts that. ``delay_s`` is the longest that what passes waits,
    on each way. While ``refuses``, newcomers are turned away. ``answers_through`` makes a filter for the answers of
    each new connection. ``requests_waiting`` counts what was sent and is on its way, for as long as it is.
    """

    def __init__(self, host: str, port: int, rng: random.Random | None = None) -> None:
        self._target = (host, port)
        self._rng = rng or random.Random()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[asyncio.WriteTransport] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0
        self.delay_s = 0.0
        self.refuses = False
        self.answers_through: Callable[[], Filter] | None = None
        self.lose_answer_to: bytes | None = None
        self.lose_times = 1
        self.lost = 0
        self.requests_waiting = 0

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._serving)

    def has_lost(self, more_than: int) -> bool:
        """Whether more than so many answers were lost."""
        return self.lost > more_than

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

    def lead_to(self, host: str, port: int) -> None:
        """From now on newcomers are taken to another server."""
        self._target = (host, port)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.thaw()
            async with within("the proxy's connections to end"):
                while self._serving:
                    self.cut_all()
                    await asyncio.wait(self._serving, timeout=0.01)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self.refuses:
            near.transport.abort()
            return
        try:
            far_reader, far = await asyncio.open_connection(*self._target)
        except OSError:
            near.transport.abort()
            return
        self._open |= {near.transport, far.transport}
        losing = asyncio.Event()
        through = self.answers_through() if self.answers_through is not None else None

        async def requests() -> None:
            while data := await near_reader.read(65_536):
                self.requests_waiting += 1
                try:
                    await self._on_the_way()
                finally:
                    self.requests_waiting -= 1
                if self.lose_answer_to is not None and self.lose_answer_to in data:
                    self.lose_times -= 1
                    if self.lose_times <= 0:
                        self.lose_answer_to, self.lose_times = None, 1
                    losing.set()
                far.write(data)
                await far.drain()

        async def answers() -> None:
            while data := await far_reader.read(65_536):
                await self._on_the_way()
                if losing.is_set():
                    self.lost += 1
                    return
                near.write(through(data) if through is not None else data)
                await near.drain()

        pumps = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        near.transport.abort()
        far.transport.abort()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._open -= {near.transport, far.transport}

    async def _on_the_way(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self._rng.uniform(0, self.delay_s))
        await self._flowing.wait()


@asynccontextmanager
async def proxied(url: str, rng: random.Random | None = None) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of ``url``, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port, "expected a TCP address"
    async with Proxy(parts.hostname, parts.port, rng).listening() as proxy:
        yield proxy, through(url, proxy)


def through(url: str, proxy: Proxy) -> str:
    """The URL of the same server by way of the proxy."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{proxy.port}"))
