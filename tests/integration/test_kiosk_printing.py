"""A kiosk's ticket is printed at most once, whatever dies; whether there is paper is known before anybody pays.

The printer is `paper.py`, on the network; the agent runs in the test or, where it is killed, as a process of its own.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import time
import tty
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
import usb.core

from seatserver.errors import ConfigError, StartError
from seatserver.kiosks import agent as agents
from seatserver.kiosks import printers
from seatserver.kiosks.agent import Agent, Journal
from seatserver.kiosks.printers import Printer, PrinterAway
from seatserver.kiosks.readiness import printer_of
from seatserver.kiosks.receipts import Receipt, ReceiptLine
from seatserver.kiosks.sockets import REPORT_PAUSE_S
from seatserver.wire.closing import Close
from tests.integration.conftest import MakeServer
from tests.integration.lobby import Lobby, line_of, lobby, process, running
from tests.integration.paper import CUT, PaperPrinter, paper_printer
from tests.integration.server import SHOWTIME, eventually, hold, rows
from tests.integration.test_kiosks import ask
from tests.waiting import within

pytestmark = pytest.mark.long

RECEIPT = Receipt(
    lines=(ReceiptLine(text="The Long Night", large=True),), code="q2Jd0mJc1yC8mB0XoC6c", last=(ReceiptLine(text="–"),)
)


@pytest.fixture
async def printer() -> AsyncIterator[PaperPrinter]:
    """A receipt printer with paper."""
    async with paper_printer() as running:
        yield running


@pytest.fixture(autouse=True)
def reports_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent looks at its printer as often as the server takes that, and comes back at once."""
    monkeypatch.setattr(agents, "REPORT_S", REPORT_PAUSE_S)
    monkeypatch.setattr(agents, "BACK_FIRST_S", 0.01)


class MuteUsb:
    """A device at USB, as pyusb has it, that is written to and never answers."""

    backend = usb.core
    backend = SimpleNamespace(__module__="of a test")
    _ctx = SimpleNamespace(dispose=lambda _: None)

    def __init__(self) -> None:
        self.written, self.is_gone = b"", False

    def set_configuration(self) -> None:
        """As each device has it."""

    def reset(self) -> None:
        """As each device has it."""

    def write(self, _endpoint: int, sent: bytes, _timeout: int) -> None:
        """Take it."""
        if self.is_gone:
            raise usb.core.USBError("No such device", -4, errno.ENODEV)
        self.written += sent

    def read(self, _endpoint: int, _size: int) -> bytes:
        """Say nothing until time is up."""
        raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)


@pytest.fixture
async def at(make_server: MakeServer, printer: PaperPrinter, tmp_path: Path) -> AsyncIterator[Lobby]:
    """A kiosk whose agent is enrolled and ready to print."""
    async with lobby(make_server, tmp_path) as one, running(one, printer):
        await one.approve()
        await one.until_printer("ok")
        yield one


async def test_a_ticket_is_printed_once_and_every_other_says_that_it_is_a_copy(
    at: Lobby, printer: PaperPrinter
) -> None:
    booking_id = await at.sell(1)
    await at.until_printed(booking_id, 1, "printed")
    [paper] = printer.papers
    assert b"The Long Night" in paper and b"Copy" not in paper
    assert at.server.core.printing._codes.write(booking_id).encode() in paper  # noqa: SLF001
    assert (await at.print(booking_id, 1, again=True))["status"] == "printed"
    assert (await at.print(booking_id, 3))["http"] == 409, "one after the other"
    await at.until_printed(booking_id, 2, "printed")
    assert len(printer.papers) == 2 and b"Copy 2" in printer.papers[1]
    assert (await at.print(booking_id, 6))["http"] == 400


async def test_paper_that_is_out_is_known_before_anybody_pays(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path, kiosk_needs_paper=True) as at, running(at, printer):
        await at.approve()
        await at.until_printer("ok")
        for is_so, state in {"low": "low", "jammed": "open", "ok": "ok", "open": "open", "out": "out"}.items():
            printer.state = cast(Any, is_so)
            await at.until_printer(state)
            [listed] = (await ask(at.server, "GET", "/kiosks")).json()["kiosks"]
            assert listed["printer"] == state
        core = at.server.core
        kiosk = await core.kiosks.authenticate(at.page.key)
        _, user_id = core.kiosks.customer(kiosk)
        booking_id = await hold(core, user_id, 1)
        body = {"showtime_id": SHOWTIME, "hold_id": str(booking_id), "user_id": user_id}
        path = "/kiosks/self/payments"
        refused = await ask(at.server, "POST", path, f"Kiosk {at.page.key}", json=body)
        assert refused.status_code == 409 and "cannot print" in refused.json()["detail"]
        printer.state = "ok"
        await at.until_printer("ok")
        # Another hold: on a slow machine the first may have ended meanwhile.
        body["hold_id"] = str(await hold(core, user_id, 2))
        sold = await ask(at.server, "POST", path, f"Kiosk {at.page.key}", json=body)
        assert sold.status_code == 200, sold.text


async def test_what_could_not_be_printed_is_printed_when_asked_again_and_is_no_copy(
    at: Lobby, printer: PaperPrinter
) -> None:
    booking_id = await at.sell(1)
    printer.state = "out"
    await at.until_printed(booking_id, 1, "failed")
    printer.state = "ok"
    assert (await at.print(booking_id))["status"] == "failed", "not by itself"
    await at.until_printed(booking_id, 1, "printed", again=True)
    [paper] = printer.papers
    assert b"Copy" not in paper


async def test_a_ticket_that_cannot_be_written_for_the_printer_has_failed_and_the_agent_goes_on(
    at: Lobby, printer: PaperPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking_id = await at.sell(1)
    with monkeypatch.context() as patch:
        patch.setattr(printers, "CODE_PAGE", "of no printer")
        await at.until_printed(booking_id, 1, "failed")
    await at.until_printed(booking_id, 1, "printed", again=True)
    assert len(printer.papers) == 1


async def test_a_copy_that_there_cannot_be_is_refused_as_a_bad_message(make_server: MakeServer, tmp_path: Path) -> None:
    async with lobby(make_server, tmp_path) as at:
        ended = {"type": "printed", "booking_id": str(at.id), "copy": 10**12, "outcome": "printed"}
        await at.page.socket.send(json.dumps(ended))
        assert await at.page.closed() == Close.BAD_MESSAGES


async def test_paper_that_ends_in_the_middle_is_said_honestly(at: Lobby, printer: PaperPrinter) -> None:
    booking_id = await at.sell(1)
    printer.ends_after = 1
    await at.until_printed(booking_id, 1, "unsure")
    assert any("ran out of paper" in line for line in at.told)


@pytest.mark.parametrize("when", ["first byte", "cut"])
async def test_an_agent_that_is_killed_while_it_prints_does_not_print_twice(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path, when: Any
) -> None:
    async with lobby(make_server, tmp_path) as at, process(at, printer.name) as first:
        at.told.append(await line_of(first, lambda line: "approve" in line))
        await at.approve()
        await at.until_printer("ok")
        booking_id = await at.sell(1)
        printer.kills, printer.victim = when, first.pid
        await at.print(booking_id)
        assert await first.wait() == -9
        await eventually(lambda: printer.connections == 0, "what it had sent to be on paper")
        printed = len(printer.papers)
        async with running(at, printer):
            await at.until_printed(booking_id, 1, "unsure")
            await at.until_printed(booking_id, 2, "printed")
        assert len(printer.papers) == printed + 1 and b"Copy 2" in printer.papers[-1]


async def test_a_job_that_was_lost_on_its_way_is_sent_again_and_one_that_was_printed_is_not_printed_again(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path) as at:
        async with running(at, printer):
            await at.approve()
            await at.until_printer("ok")
        jobs = at.server.core.print_jobs
        lost, done = await at.sell(1), await at.sell(2)
        for booking_id in (lost, done):
            assert (await at.print(booking_id))["status"] == "asked"
        taken = {job.booking_id for job in await jobs.take([at.id])}
        assert taken == {lost, done}, "a process took them, and died before it could send them"
        journal = Journal(at.folder)
        journal.note(f"{done}:1", "printed")  # this one came, and its answer was lost
        journal.close()
        async with running(at, printer):
            await at.until_printed(lost, 1, "printed")
            await at.until_printed(done, 1, "printed")
        assert len(printer.papers) == 1


async def test_a_job_that_nobody_took_in_time_is_not_printed_later(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path) as at:
        booking_id = await at.sell(1)
        assert (await at.print(booking_id))["status"] == "asked"
        async with at.server.core.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE kiosk_prints SET asked_at = now() - interval '2 minutes'")
        assert (await at.print(booking_id))["status"] == "failed"
        assert await at.server.core.print_jobs.take([at.id]) == []


async def test_a_job_that_went_to_a_dead_connection_is_sent_to_the_one_that_lives(
    at: Lobby, printer: PaperPrinter
) -> None:
    booking_id = await at.sell(1)
    await at.write_job(booking_id, "sent")  # by an instance that has not noticed that the agent is here now
    await at.until_printed(booking_id, 1, "printed")
    await at.until_printed(booking_id, 2, "printed")
    assert len(printer.papers) == 2


async def test_what_one_agent_was_sent_is_not_printed_by_the_next_one(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path) as at:
        async with running(at, printer):
            await at.approve()
            await at.until_printer("ok")
        booking_id = await at.sell(1)
        await at.write_job(booking_id, "sent")  # and printed, perhaps
        at.folder, at.told = tmp_path / "another", []
        async with running(at, printer):
            await at.approve()
            await at.until_printed(booking_id, 1, "unsure")
            await at.until_printed(booking_id, 2, "printed")
        assert len(printer.papers) == 1


async def test_a_ticket_of_a_booking_that_was_cancelled_meanwhile_has_certainly_not_been_printed(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path) as at:
        booking_id = await at.sell(1)
        assert (await at.print(booking_id))["status"] == "asked"
        await at.server.core.checkout.cancel(booking_id)
        async with running(at, printer):
            await at.approve()
            await at.until_printed(booking_id, 1, "failed")
        assert printer.papers == []


async def test_a_ticket_that_could_not_be_read_in_time_is_not_printed_later(at: Lobby, printer: PaperPrinter) -> None:
    late, next_one = await at.sell(1), await at.sell(2)
    async with at.server.core.database.transaction() as connection:
        await connection.exec_driver_sql("LOCK TABLE bookings")
        await at.write_job(late, "asked", "58 seconds")
        since = time.monotonic()
        await eventually(lambda: time.monotonic() - since > 3, "nobody to want the paper any more")
    await at.until_printed(next_one, 1, "printed")
    [paper] = printer.papers
    assert at.server.core.printing._codes.write(next_one).encode() in paper  # noqa: SLF001


async def test_how_long_an_agent_has_been_silent_is_told_by_the_clock_that_all_instances_share(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lobby(make_server, tmp_path) as at:
        core = at.server.core
        await core.kiosks.note_printer(at.id, at.id, "ok", "")
        kiosk = await core.kiosks.authenticate(at.page.key)
        with monkeypatch.context() as patch:
            patch.setattr(time, "time_ns", lambda: 10**19)
            assert printer_of(kiosk, core.settings) == "ok"
        async with core.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE kiosks SET printer_at = now() - interval '1 minute'")
        assert printer_of(await core.kiosks.authenticate(at.page.key), core.settings) == "away"


@pytest.mark.parametrize("ending", ["revoke", "agent/revoke"])
async def test_an_agent_can_only_print_and_ends_with_its_kiosk_or_alone(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path, ending: str
) -> None:
    async with lobby(make_server, tmp_path) as at:
        journal = Journal(at.folder)
        agent = Agent(at.server.url, Printer(printer.name), journal, at.told.append)
        task = asyncio.create_task(agent.run())
        await at.approve()
        await at.until_printer("ok")
        answer = await ask(at.server, "GET", "/kiosks/self", f"Kiosk {journal.key}")
        assert answer.status_code == 401
        assert len((await ask(at.server, "GET", "/kiosks")).json()["kiosks"]) == 1, "it is no kiosk"
        [stored] = await rows(at.server.core, "SELECT kiosks::text AS row FROM kiosks WHERE is_agent")
        assert journal.key not in stored.row
        await ask(at.server, "POST", f"/kiosks/{at.id}/{ending}")
        async with within("the agent to end"):
            with pytest.raises(StartError, match="revoked"):
                await task
        journal.close()


async def test_a_simulated_printer_shows_the_paper_as_a_picture(make_server: MakeServer, tmp_path: Path) -> None:
    async with lobby(make_server, tmp_path, kiosk_printer="simulated") as at:
        booking_id = await at.sell(1)
        for language, word in (("de", "Plätze"), ("de", "Kopie 2")):
            copy = 2 if "2" in word else 1
            printed = await at.print(booking_id, copy, language=language)
            assert printed["status"] == "printed"
            drawn = ElementTree.fromstring(printed["picture"])
            assert word in "".join(drawn.itertext())


async def test_the_agent_says_in_one_sentence_what_is_wrong(
    make_server: MakeServer, printer: PaperPrinter, tmp_path: Path
) -> None:
    async with lobby(make_server, tmp_path) as at:
        for given, words in (
            ({"printer": "lp0"}, "--printer is 'lp0': expected tcp://HOST:9100"),
            ({"printer": printer.name, "server": "ftp://x"}, "--server is 'ftp://x': expected https://host"),
        ):
            async with process(at, **given) as ended:
                _, errors = await ended.communicate()
            assert ended.returncode == 2
            assert words in errors.decode() and errors.decode().count("\n") == 1
        async with process(at, "tcp://127.0.0.1:9", f"{at.server.url}/api/v1/nothing") as agent:
            assert "is no seat server" in await line_of(agent, lambda line: "server" in line)
            async with process(at, printer.name) as other:
                _, errors = await other.communicate()
            assert other.returncode == 1 and "another agent uses" in errors.decode()
            agent.terminate()
            assert await agent.wait() == 0
        async with process(at, "tcp://127.0.0.1:9") as agent:
            assert "approve" in await line_of(agent, lambda line: "approve" in line)
            assert "cannot be reached" in await line_of(agent, lambda line: "printer" in line)
            agent.terminate()
            assert await agent.wait() == 0


def has_tried(told: list[str]) -> bool:
    """Whether an agent has found that its server does not answer."""
    return any("trying again" in line for line in told)


async def test_an_agent_whose_key_goes_over_the_network_in_the_clear_says_so(tmp_path: Path) -> None:
    for number, (server, is_told) in enumerate(
        {"http://127.0.0.1:9": False, "http://localhost:9": False, "http://0.0.0.0:9": True}.items()
    ):
        told: list[str] = []
        journal = Journal(tmp_path / str(number))
        task = asyncio.create_task(Agent(server, Printer("file:/dev/null"), journal, told.append).run())
        await eventually(partial(has_tried, told), "it to have tried")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()
        assert any("in the clear" in line for line in told) == is_told, server


def test_the_servers_address_may_be_written_in_capitals() -> None:
    for given, meant in (
        ("https://Seats.example/", "wss://Seats.example/ws/kiosk"),
        ("HTTPS://seats.example", "wss://seats.example/ws/kiosk"),
        ("http://127.0.0.1:8000/cinema/", "ws://127.0.0.1:8000/cinema/ws/kiosk"),
    ):
        assert agents._socket_address(given) == meant  # noqa: SLF001
    with pytest.raises(ConfigError):
        agents._socket_address("https:seats.example")  # noqa: SLF001


def test_a_journal_survives_and_forgets_the_oldest(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(agents.REMEMBERED_JOBS + 1):
        journal.note(f"job {number}", "printed")
    journal.close()
    again = Journal(tmp_path)
    assert again.key == journal.key
    assert again.status("job 0") is None and again.status("job 1") == "printed"
    assert len(json.loads((tmp_path / "jobs.json").read_text())) == agents.REMEMBERED_JOBS
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    again.close()


def test_a_device_file_is_printed_on_and_a_file_that_is_none_is_not_made() -> None:
    ours, theirs = os.openpty()  # the kernel's own device of letters
    tty.setraw(theirs)
    assert Printer(f"file:{os.ttyname(theirs)}").print(RECEIPT) == "ok"
    paper = b""
    while CUT not in paper:
        paper += os.read(ours, 4096)
    assert b"The Long Night" in paper and RECEIPT.code.encode() in paper
    for one in (ours, theirs):
        os.close(one)


def test_a_file_that_is_no_device_is_a_printer_that_is_away_and_is_neither_made_nor_written(tmp_path: Path) -> None:
    path = tmp_path / "lp0"
    for text in (None, "somebody's"):
        if text is not None:
            path.write_text(text)
        printer = Printer(f"file:{path}")
        assert printer.state() == "away"
        with pytest.raises(PrinterAway, match="is no device"):
            printer.print(RECEIPT)
        assert (path.read_text() if path.exists() else None) == text


def test_a_printer_at_usb_that_does_not_answer_counts_as_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    device = MuteUsb()
    monkeypatch.setattr(usb.core, "find", lambda **_: device)
    printer = Printer("usb:04b8:0e15")
    assert printer.state() == "ok"
    assert printer.print(RECEIPT) == "ok"
    assert b"The Long Night" in device.written and CUT in device.written
    device.is_gone = True
    assert printer.state() == "away"


def test_a_printer_without_a_known_address_is_refused() -> None:
    for name in ("tcp:", "usb:1:2", "file:", "tcp://:9100", "tcp://h:99999", "http://h"):
        with pytest.raises(ConfigError):
            Printer(name)
