"""A lobby: a kiosk that sells and prints, and the agent with its printer, in the test's process or a process."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from seatserver.kiosks.agent import Agent, Journal
from seatserver.kiosks.printers import Printer
from tests.integration.conftest import MakeServer
from tests.integration.paper import PaperPrinter
from tests.integration.server import SHOWTIME, Instance, eventually, hold
from tests.integration.test_kiosks import Device, ask, device, enrol
from tests.waiting import within


class Lobby:
    """A kiosk that sells, and its agent's folder."""

    def __init__(self, server: Instance, page: Device, kiosk: dict[str, Any], folder: Path) -> None:
        self.server, self.page, self.id, self.folder = server, page, UUID(kiosk["id"]), folder
        self.told: list[str] = []

    async def approve(self) -> None:
        """Staff enter the code that the agent says."""
        await eventually(lambda: any("approve" in line for line in self.told), "the agent to say its code")
        [line] = [line for line in self.told if "approve" in line]
        code = line.partition("enter ")[2].partition(" ")[0]
        for _ in range(2):  # and once more, because the answer was lost
            answer = await ask(self.server, "POST", f"/kiosks/{self.id}/agent", json={"code": code})
            assert answer.status_code == 200, answer.text

    async def until_printer(self, state: str) -> None:
        """Wait until the kiosk's page knows that its printer is like that."""
        while (await self.page.next("state"))["printer"] != state:
            pass

    async def sell(self, seat: int) -> UUID:
        """A customer buys a seat."""
        core = self.server.core
        kiosk = await core.kiosks.authenticate(self.page.key)
        _, user_id = core.kiosks.customer(kiosk)
        booking_id = await hold(core, user_id, seat)
        await core.kiosk_payments.begin(kiosk, SHOWTIME, booking_id, user_id)
        assert core.kiosk_payments.simulated is not None
        await core.kiosk_payments.simulated.act(booking_id, "tap")
        assert (await core.kiosk_payments.advance(kiosk, booking_id)).status == "paid"
        return booking_id

    async def print(self, booking_id: UUID, copy: int = 1, **more: Any) -> dict[str, Any]:
        """Ask for a copy, as the page does."""
        body = {"copy": copy, "language": "en", **more}
        path = f"/kiosks/self/payments/{booking_id}/print"
        answer = await ask(self.server, "POST", path, f"Kiosk {self.page.key}", json=body)
        found: dict[str, Any] = {**answer.json(), "http": answer.status_code}
        return found

    async def write_job(self, booking_id: UUID, status: str, age: str = "0 seconds") -> None:
        """Put a job for copy 1 into Postgres, as if it had been asked for a while ago."""
        given = f"'{booking_id}', 1, '{self.id}', 'en', '{status}', now() - interval '{age}'"
        columns = "booking_id, copy, kiosk_id, language, status, asked_at"
        async with self.server.core.database.transaction() as connection:
            await connection.exec_driver_sql(f"INSERT INTO kiosk_prints ({columns}) VALUES ({given})")

    async def until_printed(self, booking_id: UUID, copy: int, status: str, **more: Any) -> None:
        """Ask until the copy has ended like that."""
        assert (await self.print(booking_id, copy, **more))["http"] == 200
        core = self.server.core
        kiosk = await core.kiosks.authenticate(self.page.key)
        found = ""

        async def has_ended() -> bool:
            nonlocal found
            found = (await core.printing.ask(kiosk, booking_id, copy, "en", again=False)).job.status
            return found in ("printed", "failed", "unsure")

        await eventually(has_ended, status)
        assert found == status


@asynccontextmanager
async def lobby(make_server: MakeServer, tmp_path: Path, **changes: Any) -> AsyncIterator[Lobby]:
    """A server whose kiosks print, and one of them."""
    server = await make_server(
        **{"kiosk_reader": "simulated", "kiosk_printer": "agent", "kiosk_ms": 50, "duties": False, **changes}
    )
    async with device(server) as page:
        yield Lobby(server, page, await enrol(page), tmp_path / "agent")


@asynccontextmanager
async def running(at: Lobby, printer: PaperPrinter) -> AsyncIterator[None]:
    """The agent, in this process."""
    journal = Journal(at.folder)
    agent = Agent(at.server.url, Printer(printer.name), journal, at.told.append)
    task = asyncio.create_task(agent.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()


@asynccontextmanager
async def process(at: Lobby, printer: str, server: str = "") -> AsyncIterator[Process]:
    """The agent, as a process. It does not outlive the test."""
    command = ["-m", "seatserver", "kiosk", "agent", "--server", server or at.server.url, "--printer", printer]
    started = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--folder", str(at.folder), stdout=PIPE, stderr=PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def line_of(running: Process, is_meant: Callable[[str], bool]) -> str:
    """The next line that a process says about something."""
    assert running.stdout is not None
    async with within("a line of the agent"):
        while line := (await running.stdout.readline()).decode():
            if is_meant(line):
                return line
    raise AssertionError("it ended without saying that")
