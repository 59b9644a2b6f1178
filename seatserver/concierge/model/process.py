"""The server's side of the process that talks to the model: it starts with the first question, and again if it dies.

The server's event loop gets pieces of answers that are ready, and takes only a few of them before it looks after
everybody else; while the server is busy they wait in the socket, then in the process, then at the model. The process is
given the key over the socket and nothing of this server's settings in its environment. If it ends in the middle of an
answer, or stands still, the answer fails like one that the model broke off. Each process of the server has its own.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from seatserver import logs
from seatserver.concierge.model.messages import (
    MOST_ASKED_BYTES,
    MOST_TOLD_BYTES,
    Ask,
    BadFrame,
    Beat,
    Chunk,
    Command,
    Ended,
    Failed,
    Reply,
    Setup,
    Stop,
    frame_of,
    next_of,
)
from seatserver.config import rows
from seatserver.tasks import Tasks, to_the_end

log = logs.from_outside(__name__)

COMMAND = (sys.executable, "-m", "seatserver.concierge.model.asking")
TICK_S = 1.0
START_TICKS, LONGEST_SILENCE = 60, 10
"""So many ticks the process may take to start, and later to give a sign of life, before it is killed. They are counted
one by one, so a pause of the whole machine counts as one."""
AT_ONCE = 4
"""So many pieces are handed on before the event loop gets its turn."""
MOST_UNREAD_BYTES = 1024 * 1024
"""Of one answer."""
MOST_UNSENT_BYTES = 2 * MOST_ASKED_BYTES
"""What may wait for a process that reads nothing."""
REAP_S, REAP_TRIES = 0.02, 250
PREFIX = "SEATSERVER_"
REPLIES = msgspec.msgpack.Decoder(Reply)


class ModelFailed(Exception):
    """There is no more of the answer; ``why`` says it."""

    def __init__(self, why: Failed) -> None:
        super().__init__(f"{why.kind} {why.problem}")
        self.why = why


class ModelProcess:
    """The process, as long as there is one. `close` ends it for good."""

    def __init__(self, setup: Setup, command: Sequence[str] = COMMAND) -> None:
        self._setup = setup
        self._command = command
        self._life: _Life | None = None
        self._tasks = Tasks()
        self._numbers = itertools.count(1)
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """Its process id; None if there is none."""
        return None if self._life is None or self._life.is_over else self._life.pid

    def start(self) -> None:
        """Start it unless it is there. It can be asked as soon as it is `ready`."""
        if self._is_closed or (self._life is not None and not self._life.is_over):
            return
        life = self._life = _Life()
        try:
            life.launch(self._command)
        except OSError as error:
            life.end(f"it cannot be started: {error.strerror or error}")
        else:
            self._tasks.spawn(life.run(self._setup), "the model's process")

    async def ready(self) -> None:
        """Wait until it can be asked. Raises `ModelFailed`."""
        self.start()
        if self._life is None:
            raise _away("the server closes")
        await self._life.ready()

    async def ask(
        self, contents: list[Any], instructions: str, tools: list[dict[str, Any]], most_tokens: int
    ) -> AsyncGenerator[Chunk, None]:
        """One request and its answer, chunk by chunk. It must be `ready`. Raises `ModelFailed`.

        Whoever closes it before its end ends the answer at the model too.
        """
        life, number = self._life, next(self._numbers)
        assert life is not None, "it was ready"
        inbox = life.open(Ask(number, contents, instructions, tools, most_tokens))
        try:
            while True:
                match await inbox.next():
                    case Failed() as why:
                        raise ModelFailed(why)
                    case Chunk() as chunk:
                        yield chunk
                    case _:
                        return
        finally:
            life.close(number)

    async def close(self) -> None:
        """End it, and wait until it has ended. Answers that are still being given fail."""
        self._is_closed = True
        await self._tasks.close()
        if self._life is not None:  # its task may have been cancelled before it began
            self._life.end("the server closes")
            await self._life.reaped()


class _Inbox:
    """What has come of one answer and was not read yet."""

    def __init__(self) -> None:
        self._replies: deque[tuple[Reply, int]] = deque()
        self._bytes = 0
        self._there = asyncio.Event()

    def put(self, reply: Reply, size: int) -> bool:
        """Take a reply; False if there are too many already."""
        if self._bytes + size > MOST_UNREAD_BYTES:
            return False
        self._replies.append((reply, size))
        self._bytes += size
        self._there.set()
        return True

    def end(self, last: Reply) -> None:
        """Take the last reply, however much there is."""
        self._replies.append((last, 0))
        self._there.set()

    async def next(self) -> Reply:
        """The next reply."""
        while not self._replies:
            self._there.clear()
            await self._there.wait()
        reply, size = self._replies.popleft()
        self._bytes -= size
        return reply


class _Life:
    """One process from its start to its end."""

    def __init__(self) -> None:
        self.is_over = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._inboxes: dict[int, _Inbox] = {}
        self._is_there = asyncio.Event()
        """Whether it can be asked, or has ended."""
        self._why = ""
        self._watch: asyncio.TimerHandle | None = None
        self._heard = False
        self._silent = 0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def launch(self, command: Sequence[str]) -> None:
        """Start it. For the kernel this thread is its parent, so it must live as long as the server.

        Raises `OSError`.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                # Python starts it without a copy of this process, whatever threads that has.
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                    # Ctrl-C in a terminal must reach only the server, which ends it in order.
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._socket = ours

    async def run(self, setup: Setup) -> None:
        """Listen to it until it ends, and see that it does."""
        assert self._socket is not None, "it was launched"
        self._watch = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        try:
            reader, self._writer = await asyncio.open_connection(sock=self._socket)
            self._send(setup)
            self.end(await self._listen(reader))
        except (BadFrame, OSError) as error:
            self.end(str(error))
        finally:
            is_ours = not self.is_over
            self.end("the server closes")
            await to_the_end(self.reaped())
            if not is_ours:
                code = None if self._process is None else self._process.returncode
                log.warning("the model's process is lost", problem=self._why, exit_code=code)

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        handed_on = 0
        while (found := await next_of(reader, REPLIES, MOST_TOLD_BYTES)) is not None:
            reply, size = found
            self._heard = True
            if isinstance(reply, Beat):
                self._is_there.set()
                continue
            self._hand_on(reply, size)
            handed_on += 1
            if handed_on % AT_ONCE == 0:
                await asyncio.sleep(0)  # what has arrived is read without a pause
        return "it has ended"

    def _hand_on(self, reply: Chunk | Ended | Failed, size: int) -> None:
        """Put a reply where it is waited for. What nobody waits for any more was on its way."""
        number = reply.number
        inbox = self._inboxes.get(number)
        if inbox is None:
            return
        if not isinstance(reply, Chunk):
            del self._inboxes[number]
            inbox.end(reply)
        elif not inbox.put(reply, size):
            self.close(number)
            inbox.end(Failed(number, "broken", "it was not read in time"))

    def _tick(self) -> None:
        """Count how long nothing was heard."""
        self._silent = 0 if self._heard else self._silent + 1
        self._heard = False
        if self._silent < (LONGEST_SILENCE if self._is_there.is_set() else START_TICKS):
            self._watch = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        else:
            self.end("it stands still")

    async def ready(self) -> None:
        """Wait until it can be asked. Raises `ModelFailed`."""
        await self._is_there.wait()
        if self.is_over:
            raise _away(self._why)

    def open(self, asked: Ask) -> _Inbox:
        """Ask; the answer comes into the inbox. Raises `ModelFailed`."""
        if self._writer is None or self.is_over or not self._is_there.is_set():
            raise _away(self._why or "it is not there yet")
        try:
            frame = frame_of(asked, MOST_ASKED_BYTES)
        except BadFrame as error:
            raise ModelFailed(Failed(asked.number, "broken", str(error))) from None
        if self._writer.transport.get_write_buffer_size() + len(frame) > MOST_UNSENT_BYTES:
            raise _away("it reads nothing")
        self._writer.write(frame)
        inbox = self._inboxes[asked.number] = _Inbox()
        return inbox

    def close(self, number: int) -> None:
        """Nobody waits for this answer any more. It is stopped, unless it has ended."""
        if self._inboxes.pop(number, None) is not None:
            self._send(Stop(number))

    def _send(self, command: Command) -> None:
        if self._writer is not None and not self.is_over:
            self._writer.write(frame_of(command, MOST_ASKED_BYTES))

    def end(self, why: str) -> None:
        """Kill it, if it lives, and fail all answers. It need not be asked to go: it keeps nothing."""
        if self.is_over:
            return
        self.is_over, self._why = True, why
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None:
            self._process.kill()
        if self._writer is not None:
            self._writer.transport.abort()
        elif self._socket is not None:
            self._socket.close()
        for number, inbox in self._inboxes.items():
            inbox.end(Failed(number, "lost", why))
        self._inboxes.clear()
        self._is_there.set()

    async def reaped(self) -> None:
        """Wait until the kernel has ended it, which takes a moment after a kill."""
        for _ in range(REAP_TRIES):
            if self._process is None or self._process.poll() is not None:
                return
            await asyncio.sleep(REAP_S)


def _away(why: str) -> ModelFailed:
    """Nothing was asked."""
    return ModelFailed(Failed(0, "unreachable", why))


def _environment() -> dict[str, str]:
    """Ours without the settings of this server: no key, no password."""
    ours = {row.env for row in rows()}
    return {name: value for name, value in os.environ.items() if name not in ours and not name.startswith(PREFIX)}
