"""`seatserver serve --workers N`: several processes behind one port, and a supervisor for them.

Each worker is a whole server with its own listening socket; the kernel spreads new connections over these. The
supervisor serves nothing itself. It starts the workers, restarts one that dies, passes on signals, waits for the end,
and logs once when all workers listen. (The Procfile's `seatserver worker` is different: it only runs the duties.)

Supervisor and worker share a pair of sockets. The worker uses it to say that it listens, or why it cannot, and then
that its event loop is alive. If the supervisor ends for any reason, the worker reads the end of the socket and shuts
down in good order.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from prometheus_client.multiprocess import mark_process_dead

from seatserver import config, listening, logs
from seatserver.cli import signals
from seatserver.config import Settings
from seatserver.errors import ConfigError, SeatServerError, StartError
from seatserver.metrics import SHARED_FOLDER, share_with_workers

log = structlog.get_logger(__name__)

COMMAND = (sys.executable, "-m", "seatserver.cli.workers")
STEADY_S = 10.0
"""A worker that listened for at least this long before it died is restarted at once."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STARTS = 5
"""The supervisor gives up after this many failed starts in a row, if no other worker serves."""
BEAT_S, LONGEST_SILENCE = 2.0, 15
"""How often a worker gives a sign of life, and how many may be missing in a row before it is killed. They are counted
one by one, so a pause of the whole machine counts as one."""
GRACE_S = 5.0
"""How much longer than its own shutdown time a worker gets before it is killed."""


def supervise(settings: Settings, command: Sequence[str] = COMMAND) -> int:
    """Run ``settings.workers`` workers until a signal; the exit code.

    Raises `StartError` when the port cannot be had or shared, and when workers cannot start.
    """
    logs.configure(settings)
    with _reserve(settings) as reserved, tempfile.TemporaryDirectory(prefix="seatserver-") as folder:
        here = replace(settings, port=reserved.getsockname()[1])
        return asyncio.run(_Supervisor(here, listening.url_of(settings, reserved), folder, command).run())


def _reserve(settings: Settings) -> socket.socket:
    """A socket that reserves the port while no worker lives. It never listens, so it gets no connections."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise StartError("several workers need SO_REUSEPORT, which this system does not have; run without --workers")
    # Not shared, so that this fails if anybody listens there, even workers of another supervisor.
    with listening.listen(settings) as alone:
        port = alone.getsockname()[1]
    return listening.listen(replace(settings, port=port), shares_port=True)


class _Worker:
    """A worker process and what it has reported."""

    def __init__(
        self,
        number: int,
        process: asyncio.subprocess.Process,
        words: asyncio.StreamReader,
        life_line: asyncio.StreamWriter,
    ) -> None:
        self.number, self.process, self._words, self._life_line = number, process, words, life_line
        self.listens = False

    async def first_word(self) -> Mapping[str, Any]:
        """``{"listens": true}`` or ``{"failed": why}``; empty if it died without a report."""
        try:
            word: Mapping[str, Any] = json.loads(await self._words.readline() or b"{}")
        except (OSError, ValueError):
            return {}
        return word

    async def end(self) -> int:
        """Wait for its end; the exit code."""
        watching = asyncio.create_task(self._kill_if_silent())
        code = await self.process.wait()
        watching.cancel()
        self._life_line.close()
        return code

    async def _kill_if_silent(self) -> None:
        """Kill the worker if it hangs, because its share of the connections would wait for ever."""
        missed = 0
        while self.listens and missed < LONGEST_SILENCE:
            try:
                async with asyncio.timeout(BEAT_S):
                    if not await self._words.readline():
                        return
                missed = 0
            except TimeoutError:
                missed += 1
            except OSError:
                return  # it died in the middle of a word
        if self.listens:
            log.error("worker killed: its event loop stands still", worker=self.number, pid=self.process.pid)
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal if the process still lives."""
        if self.process.returncode is None:
            # Not Popen's way: it looks first whether the process has ended, and takes the exit code from asyncio's
            # watcher, for which it is then unknown (CPython issue 127049, mended in 3.14).
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


class _Supervisor:
    """Looks after the workers of one port."""

    def __init__(self, settings: Settings, url: str, folder: str, command: Sequence[str]) -> None:
        self._settings, self._url, self._folder, self._command = settings, url, folder, command
        self._workers: dict[int, _Worker] = {}
        self._announced = False
        self._ending = asyncio.Event()
        self._ended_well = True

    async def run(self) -> int:
        """Keep the workers alive until a signal; the exit code."""
        loop = asyncio.get_running_loop()
        for number in signals.SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._end, number)
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._settings.workers)]
        try:
            await asyncio.gather(*keepers)
        finally:
            self._end(signal.SIGTERM)  # one has given up: the others go too
            await asyncio.wait(keepers)
        return 0 if self._ended_well else 1

    def _end(self, number: int) -> None:
        """End every worker, and pass on further signals: a second Ctrl-C cuts their shutdown short."""
        if number == signal.SIGHUP or not self._ending.is_set():
            number = signal.SIGTERM
        if not self._ending.is_set():
            self._ending.set()
            patience_s = self._settings.shutdown_ms / 1000 + GRACE_S
            asyncio.get_running_loop().call_later(patience_s, self._kill)
        for worker in self._workers.values():
            worker.signal(number)

    def _kill(self) -> None:
        for worker in self._workers.values():
            log.error("worker killed: it did not end in time", worker=worker.number, pid=worker.process.pid)
            worker.signal(signal.SIGKILL)

    async def _keep(self, number: int) -> None:
        """Keep one worker alive; if it keeps dying early, wait longer and longer before each restart."""
        failures, pause_s = 0, 0.0
        clock = asyncio.get_running_loop().time
        while not self._ending.is_set():
            worker = await self._start(number)
            word = await worker.first_word()
            since = clock()
            if word.get("listens"):
                self._listens(worker)
            code = await worker.end()
            del self._workers[number]
            # Its open connections are gone; its counters stay.
            mark_process_dead(number, self._folder)  # type: ignore[no-untyped-call]  # its stub says nothing
            if self._ending.is_set():
                self._ended_well &= code == 0 or (not worker.listens and code == -signal.SIGTERM)
                return
            failures = 0 if worker.listens else failures + 1
            self._consider_giving_up(word, failures, code)
            if worker.listens and clock() - since >= STEADY_S:
                pause_s = 0.0
            log.warning(
                "worker died", worker=number, pid=worker.process.pid, exit_code=code, **word, again_in_s=pause_s
            )
            await self._pause(pause_s)
            pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, pause_s * 2))

    async def _start(self, number: int) -> _Worker:
        ours, theirs = socket.socketpair()
        words, life_line = await asyncio.open_connection(sock=ours)
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    str(number),
                    str(theirs.fileno()),
                    env=self._environment(number),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    # A new session, so that Ctrl-C in a terminal reaches only the supervisor, which passes it on.
                    start_new_session=True,
                )
        except OSError as error:
            life_line.close()
            raise StartError(f"a worker cannot be started: {error.strerror or error}") from None
        worker = self._workers[number] = _Worker(number, process, words, life_line)
        if self._ending.is_set():
            worker.signal(signal.SIGTERM)
        return worker

    def _environment(self, number: int) -> dict[str, str]:
        settings = self._settings
        # The duties may run in any number of processes, but one is enough.
        has_duties = settings.duties and number == 0
        return os.environ | {
            "SEATSERVER_HOST": settings.host,
            "PORT": str(settings.port),
            "SEATSERVER_DUTIES": "1" if has_duties else "0",
            "SEATSERVER_LOOP_BLOCKED_MS": str(settings.loop_blocked_ms),
            SHARED_FOLDER: self._folder,
        }

    def _listens(self, worker: _Worker) -> None:
        worker.listens = True
        listening_now = sum(one.listens for one in self._workers.values())
        if not self._announced and listening_now == self._settings.workers:
            self._announced = True
            log.info("serving", url=self._url, workers=listening_now)

    def _consider_giving_up(self, word: Mapping[str, Any], failures: int, code: int) -> None:
        """Give up if the first start fails, because the operator must fix that; later it may go away by itself."""
        if "failed" in word and not self._announced:
            raise _told(word)
        if failures >= STARTS and not any(one.listens for one in self._workers.values()):
            why = word.get("failed") or f"exit code {code}"
            raise StartError(f"the workers die at their start again and again: {why}")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            pass


def _told(word: Mapping[str, Any]) -> SeatServerError:
    """A worker's error as an exception of this process."""
    message, variable = str(word["failed"]), word.get("variable")
    if variable:
        found, _, expected = message.removeprefix(f"{variable} ").partition(": ")
        return ConfigError(str(variable), found, expected)
    return StartError(message)


# ---------------------------------------------------------------- the worker's side


def work(number: int, supervisor: socket.socket) -> int:
    """Be worker ``number``; the exit code."""
    from seatserver import serving

    orphaned = threading.Event()

    def say(**word: Any) -> None:
        with suppress(OSError):  # it has gone, and so shall we; or it sleeps, and we do not wait for it
            supervisor.send(json.dumps(word).encode() + b"\n", socket.MSG_DONTWAIT)

    def on_ready(url: str) -> None:
        say(listens=True)
        loop = asyncio.get_running_loop()

        def beat() -> None:
            say()
            loop.call_later(BEAT_S / 2, beat)

        beat()

    def leave_with_supervisor() -> None:
        with suppress(OSError):
            while supervisor.recv(1):
                pass
        orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)

    signals.hang_up_ends()
    threading.Thread(target=leave_with_supervisor, name="supervisor's end", daemon=True).start()
    try:
        share_with_workers(number)
        serving.serve(config.load(), on_ready, shares_port=True)
        return 0
    except SeatServerError as error:
        say(failed=error.message, variable=error.facts.get("variable"))
    except Exception as error:
        if os.environ.get("SEATSERVER_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exc()
        say(failed=f"internal error: {type(error).__name__}: {error} (SEATSERVER_LOG_LEVEL=debug shows where)")
    finally:
        if orphaned.is_set():
            shutil.rmtree(os.environ[SHARED_FOLDER], ignore_errors=True)  # nobody else is left to do it
    return 1


if __name__ == "__main__":
    raise SystemExit(work(int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
