"""One connection to a model that hears and speaks, in a task of its own.

When google-genai's connection is closed, it waits up to ten seconds for the other end's goodbye. Nobody here waits for
that: call `hang_up` and go on. `next` reads what the model sends, and raises the error that ended the connection.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from seatserver.concierge.gemini import Gemini
from seatserver.tasks import Tasks

if TYPE_CHECKING:
    from google.genai.live import AsyncSession

CONNECT_S = 5.0
SEND_S = 5.0
UNREAD = 64
"""Most messages of the model that wait to be read."""
SOUND = "audio/pcm;rate=16000"


class LineLost(Exception):
    """The connection could not be made, or has ended."""


class Line:
    """A connection; it is being made from the start, and may be sent to at once."""

    def __init__(self, tasks: Tasks, gemini: Gemini, model: str, config: Any) -> None:
        self._gemini = gemini
        self._model = model
        self._config = config
        self._unread: asyncio.Queue[Any] = asyncio.Queue(UNREAD)
        self._ready: asyncio.Future[AsyncSession] = asyncio.get_running_loop().create_future()
        self._task = tasks.spawn(self._run(), "line to the model")

    def hang_up(self) -> None:
        """End the connection; returns at once."""
        self._task.cancel()

    async def next(self) -> Any:
        """The model's next message. Raises `LineLost`."""
        message = await self._unread.get()
        if isinstance(message, LineLost):
            raise message
        return message

    async def send(self, **what: Any) -> None:
        """Send one thing, as `send_realtime_input` takes it. Raises `LineLost`."""
        await self._do("send_realtime_input", **what)

    async def answer(self, response: Any) -> None:
        """Answer a call of a tool. Raises `LineLost`."""
        await self._do("send_tool_response", function_responses=[response])

    async def _do(self, name: str, **what: Any) -> None:
        try:
            session = await asyncio.shield(self._ready)
            async with asyncio.timeout(SEND_S):
                await getattr(session, name)(**what)
        except asyncio.CancelledError:
            if self._ready.cancelled():
                raise LineLost("hung up") from None
            raise
        except Exception as error:
            if isinstance(error, TimeoutError):
                self.hang_up()  # it takes nothing any more: whoever reads it must learn that, too
            raise LineLost(type(error).__name__) from None

    async def _run(self) -> None:
        problem = LineLost("hung up")
        try:
            async with AsyncExitStack() as open_until_here:
                async with asyncio.timeout(CONNECT_S):
                    connecting = self._gemini.aio.live.connect(model=self._model, config=self._config)
                    session = await open_until_here.enter_async_context(connecting)
                self._ready.set_result(session)
                while True:
                    async for message in session.receive():
                        await self._unread.put(message)
        except Exception as error:
            # google-genai raises errors of its own, of websockets, of JSON and of the network. The texts of some quote
            # what was said, so only the kind is kept.
            problem = LineLost(f"{type(error).__name__} {getattr(error, 'code', '')}".strip())
        finally:
            self._ready.cancel()  # where it is not made
            if self._unread.full():
                self._unread.get_nowait()
            self._unread.put_nowait(problem)
