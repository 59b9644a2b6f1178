"""The agent on a kiosk's machine: it holds the receipt printer, so that the browser needs no driver.

It connects to the kiosks' socket with a key of its own, which is enrolled for one kiosk and can only print. So the
browser's key never leaves the browser, and whoever steals the agent's key can sell nothing.

Its folder has two files: the key, and a journal of the latest jobs. The agent notes the beginning of a job before the
printer gets the first byte, and its end before the server is told. If the server sends a job again, the journal
answers. A job that was begun and has no end, because the agent died, is ``unsure``: it is not printed a second time.

`run` goes on until it is cancelled or the agent is revoked. If a job is being printed then, it is finished first.
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import json
import os
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect

import seatserver
from seatserver.errors import ConfigError, StartError
from seatserver.kiosks.messages import (
    AgentState,
    KioskHello,
    KioskPrint,
    KioskRevoked,
    KioskWaiting,
    PrintEnded,
    PrinterReport,
    ToKiosk,
)
from seatserver.kiosks.print_jobs import Outcome
from seatserver.kiosks.printers import Printer, PrinterAway, PrinterBroke, PrinterState, Unprintable
from seatserver.tasks import raise_if_cancelled, to_the_end

PATH = "/ws/kiosk"
REPORT_S = 5.0
SILENCE_S = 10.0
"""A server gives a sign of life every second. One that is silent for so long is given up."""
BACK_FIRST_S, BACK_MOST_S = 0.5, 30.0
REMEMBERED_JOBS = 200
MESSAGE_BYTES = 1 << 20
BEGUN = "begun"

DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ToKiosk)
Tell = Callable[[str], object]
"""Says something to whoever runs the agent, in one line."""


class Journal:
    """The agent's folder: its key, and what it has printed. Raises `StartError` if another agent uses it."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[str] = open(folder / "lock", "w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._key, self._jobs = folder / "key", folder / "jobs.json"
            self.key = self._read_key()
            self._known: dict[str, str] = self._read_jobs()
        except BlockingIOError:
            raise StartError(f"another agent uses {folder}: end it first, or give --folder") from None
        except OSError as error:
            raise StartError(f"{folder} cannot be used: {error.strerror or error}") from None

    def _read_key(self) -> str:
        if self._key.exists() and (found := self._key.read_text().strip()):
            return found
        made = secrets.token_urlsafe(32)
        self._replace(self._key, made)
        return made

    def _read_jobs(self) -> dict[str, str]:
        with suppress(FileNotFoundError, ValueError):
            found = json.loads(self._jobs.read_text())
            if isinstance(found, dict):
                return {str(job): str(status) for job, status in found.items()}
        return {}

    def status(self, job: str) -> str | None:
        """What is known of a job: `BEGUN`, how it ended, or None."""
        return self._known.get(job)

    def note(self, job: str, status: str | None) -> None:
        """Write down how far a job is, safely; None forgets it."""
        self._known.pop(job, None)
        if status is not None:
            self._known[job] = status
        self._known = dict(list(self._known.items())[-REMEMBERED_JOBS:])
        self._replace(self._jobs, json.dumps(self._known))

    def forget(self, job: str) -> None:
        """Take back what could not be written."""
        self._known.pop(job, None)

    def _replace(self, path: Path, text: str) -> None:
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)

    def close(self) -> None:
        """Let another agent use the folder."""
        self._lock.close()


class Agent:
    """One agent: a server, a printer and a folder."""

    def __init__(self, server: str, printer: Printer, journal: Journal, tell: Tell) -> None:
        self._address = _socket_address(server)
        self._server = server
        self._printer = printer
        self._journal = journal
        self._tell_operator = tell
        self._told = ""
        self._state: PrinterState = "away"
        self._kiosk = ""
        self._at_printer = asyncio.Lock()

    async def run(self) -> None:
        """Serve until cancelled. Raises `StartError` when the agent was revoked."""
        if self._address.startswith("ws://") and not _is_this_machine(self._address):
            self._tell_operator("the key and the tickets go over the network in the clear: use https://")
        tries = 0
        while True:
            try:
                async with connect(
                    self._address, max_size=MESSAGE_BYTES, open_timeout=SILENCE_S, close_timeout=1
                ) as socket:
                    await self._serve(socket)
                problem = f"the server {self._server} closed the connection"
            except websockets.exceptions.InvalidStatus as error:
                status = error.response.status_code
                problem = f"{self._server} is no seat server, or a proxy is in the way: it answered {status}"
            except websockets.exceptions.ConnectionClosed as error:
                reason = error.rcvd.reason if error.rcvd is not None else ""
                problem = f"the server {self._server} closed the connection{f': {reason}' if reason else ''}"
            except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
                problem = f"the server {self._server} does not answer: {error or type(error).__name__}"
            raise_if_cancelled()  # if the connection was lost at the same moment, only that was raised
            tries = 0 if self._kiosk else tries
            self._kiosk = ""
            self._say(f"{problem}; trying again")
            await asyncio.sleep(min(BACK_MOST_S, BACK_FIRST_S * 2**tries) * random.uniform(0.5, 1))
            tries = min(tries + 1, 10)

    async def _serve(self, socket: ClientConnection) -> None:
        await _send(socket, KioskHello(key=self._journal.key, agent=True))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._report(socket))
                both.create_task(self._listen(socket))
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from None

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(SILENCE_S):
                text = await socket.recv()
            try:
                message = DECODER.decode(text)
            except msgspec.ValidationError:
                continue  # a newer server says something that we do not know
            except msgspec.DecodeError:
                raise OSError("what it says is not JSON") from None
            await self._hear(socket, message)

    async def _hear(self, socket: ClientConnection, message: object) -> None:
        if isinstance(message, KioskRevoked):
            raise StartError("this agent was revoked: delete its folder to enrol it again")
        if isinstance(message, KioskWaiting):
            self._say(f"approve this agent: enter {message.code} in /ops, at its kiosk under Printer")
        elif isinstance(message, AgentState):
            if not self._kiosk:
                self._say(f"prints for {message.name} ({message.theatre_id}) on {self._printer.name}")
            self._kiosk = message.name
        elif isinstance(message, KioskPrint):
            await to_the_end(self._print(message))  # whoever ends the agent waits for a job that has begun
            status = self._journal.status(_name(message))
            outcome = cast(Outcome, "failed" if status is None else "unsure" if status == BEGUN else status)
            ended = PrintEnded(booking_id=message.booking_id, copy=message.copy, outcome=outcome)
            await _send(socket, ended)

    async def _print(self, message: KioskPrint) -> None:
        job = _name(message)
        if self._journal.status(job) is not None:
            return  # it was printed, or we died while it was: not twice
        async with self._at_printer:
            try:
                self._journal.note(job, BEGUN)
            except OSError as error:
                self._journal.forget(job)
                return self._say(f"nothing is printed: the journal cannot be written: {error.strerror or error}")
            try:
                state = await asyncio.to_thread(self._printer.print, message.receipt)
                self._journal.note(job, "printed" if state in ("ok", "low") else None)
                self._state = state
            except PrinterAway as away:
                self._journal.note(job, None)
                self._state = "away"
                self._say(str(away))
            except Unprintable as problem:
                self._journal.note(job, None)
                self._say(str(problem))
            except PrinterBroke as broke:
                self._journal.note(job, "unsure")
                self._say(str(broke))

    async def _look(self) -> None:
        async with self._at_printer:
            self._state = await asyncio.to_thread(self._printer.state)

    async def _report(self, socket: ClientConnection) -> None:
        while True:
            await to_the_end(self._look())  # a printer serves one at a time
            if self._state == "away":
                self._say(f"the printer {self._printer.name} cannot be reached: is it on and connected?")
            if self._kiosk:
                await _send(socket, PrinterReport(release=seatserver.__version__, state=self._state))
            await asyncio.sleep(REPORT_S if self._kiosk else 0.5)

    def _say(self, text: str) -> None:
        """Say it once, not each time that it is tried again."""
        if text != self._told:
            self._tell_operator(text)
        self._told = text


async def _send(socket: ClientConnection, message: msgspec.Struct) -> None:
    async with asyncio.timeout(SILENCE_S):
        await socket.send(msgspec.json.encode(message).decode())


def _name(message: KioskPrint) -> str:
    return f"{message.booking_id}:{message.copy}"


def _is_this_machine(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _socket_address(server: str) -> str:
    try:
        parts = urlsplit(server)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise ConfigError("--server", f"is {server[:80]!r}", "expected https://host")
    kind = "wss" if parts.scheme == "https" else "ws"
    return f"{kind}://{server.partition('://')[2].rstrip('/')}{PATH}"
