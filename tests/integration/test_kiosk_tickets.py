"""A ticket that was bought elsewhere is shown to a kiosk, which prints it: once, and then only as a copy.

Whatever is no ticket of this kiosk's theatre is answered with what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from seatserver.errors import TicketRefused
from seatserver.kiosks import shown_tickets
from seatserver.kiosks.print_jobs import MOST_COPIES
from seatserver.kiosks.shown_tickets import OVER_AFTER, ShownTickets
from tests.integration.conftest import MakeServer
from tests.integration.lobby import Lobby, lobby, running
from tests.integration.paper import paper_printer
from tests.integration.server import SHOWTIME, Instance, eventually, hold
from tests.integration.test_kiosks import ask, device, enrol

pytestmark = pytest.mark.long


async def bought(server: Instance, *seats: int) -> UUID:
    """A booking that somebody made and paid at home."""
    hold_id = await hold(server.core, "ann", *seats)
    return (await server.core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)).id


def code_of(server: Instance, booking_id: UUID) -> str:
    """What the booking's QR code says."""
    return server.core.printing._codes.write(booking_id)  # noqa: SLF001


async def show(at: Lobby, code: str) -> httpx.Response:
    """Show a code to the kiosk."""
    return await ask(at.server, "POST", "/kiosks/self/tickets", f"Kiosk {at.page.key}", json={"code": code})


async def print_copy(at: Lobby, code: str, copy: int, **more: Any) -> httpx.Response:
    """Ask for a copy of what is shown, as the page does."""
    body = {"code": code, "copy": copy, "language": "en", "again": True, **more}
    return await ask(at.server, "POST", "/kiosks/self/tickets/print", f"Kiosk {at.page.key}", json=body)


async def until_printed(at: Lobby, code: str, copy: int) -> None:
    """Ask until the copy is on paper."""

    async def is_printed() -> bool:
        answer = await print_copy(at, code, copy, again=False)
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["status"] == "printed")

    await eventually(is_printed, f"copy {copy}")


@asynccontextmanager
async def two_kiosks(make_server: MakeServer, tmp_path: Path, **changes: Any) -> AsyncIterator[tuple[Lobby, Lobby]]:
    """A kiosk, and another one of the same theatre."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(lobby(make_server, tmp_path, **changes))
        page = await stack.enter_async_context(device(one.server))
        yield one, Lobby(one.server, page, await enrol(page, name="Lobby 2"), tmp_path / "other")


async def test_a_ticket_that_is_shown_is_printed_and_every_further_paper_says_that_it_is_a_copy(
    make_server: MakeServer, tmp_path: Path
) -> None:
    async with paper_printer() as printer, two_kiosks(make_server, tmp_path) as (at, other), running(at, printer):
        await at.approve()
        await at.until_printer("ok")
        code = code_of(at.server, await bought(at.server, 4, 5))
        shown = (await show(at, code.lower())).json()
        assert shown["copy"] == 1
        assert (shown["booking"]["user_id"], shown["booking"]["ticket_url"]) == (None, None)
        assert code not in str(shown), "whoever shows it has it already"
        await asyncio.gather(*(print_copy(at, code, 1) for _ in range(3)))
        await until_printed(at, code, 1)
        [paper] = printer.papers
        assert code.encode() in paper and b"Copy" not in paper
        assert [(await show(one, code)).json()["copy"] for one in (at, other)] == [2, 2]
        assert (await print_copy(at, code, 3)).status_code == 409, "one after the other"
        await until_printed(at, code, 2)
        assert len(printer.papers) == 2 and b"Copy 2" in printer.papers[1]


async def test_copies_are_counted_at_all_kiosks_together_and_end(make_server: MakeServer, tmp_path: Path) -> None:
    async with two_kiosks(make_server, tmp_path, kiosk_printer="simulated") as (one, other):
        code = code_of(one.server, await bought(one.server, 4))
        both = await asyncio.gather(print_copy(one, code, 1), print_copy(other, code, 1))
        assert sorted(answer.status_code for answer in both) == [200, 404], "one of them prints it"
        for copy in range(2, MOST_COPIES + 1):
            at = (one, other)[copy % 2]
            assert (await show(at, code)).json()["copy"] == copy
            assert (await print_copy(at, code, copy)).json()["status"] == "printed"
        assert (await show(one, code)).json()["copy"] is None
        sold = await one.sell(1)  # at the kiosk, and shown to the other one afterwards
        assert (await one.print(sold))["status"] == "printed"
        assert (await show(other, code_of(one.server, sold))).json()["copy"] == 2


async def test_what_one_kiosk_could_not_print_another_one_prints_and_what_goes_on_there_it_does_not(
    make_server: MakeServer, tmp_path: Path
) -> None:
    async with two_kiosks(make_server, tmp_path) as (one, other):
        booking_id = await bought(one.server, 4)
        code = code_of(one.server, booking_id)
        assert (await print_copy(one, code, 1)).json()["status"] == "asked"
        assert (await show(one, code)).json()["copy"] == 1, "a page that was killed follows what it began"
        assert (await show(other, code)).json()["copy"] == 2
        assert [(await print_copy(other, code, copy)).status_code for copy in (1, 2)] == [404, 409]
        async with one.server.core.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE kiosk_prints SET asked_at = now() - interval '2 minutes'")
        assert (await show(other, code)).json()["copy"] == 1, "no agent took it in time: nothing was printed"
        assert (await print_copy(other, code, 1)).json()["status"] == "asked"
        [job] = await one.server.core.print_jobs.take([one.id, other.id])
        assert (job.kiosk_id, job.copy) == (other.id, 1)


async def test_what_is_no_ticket_for_here_is_answered_with_what_it_is(make_server: MakeServer, tmp_path: Path) -> None:
    async with lobby(make_server, tmp_path, kiosk_printer="simulated") as at:
        core = at.server.core

        async def refusal(code: str) -> tuple[int, str, dict[str, Any]]:
            """How it is refused."""
            answer = await show(at, code)
            told = answer.json()
            return answer.status_code, told["code"], told["facts"]

        hold_id = await hold(core, "ann", 1)
        unpaid = (await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=True)).id
        status, name, facts = await refusal(code_of(at.server, unpaid))
        assert (status, name, facts["booking_status"]) == (409, "booking_state", "pending")
        await core.checkout.cancel(unpaid)
        assert (await refusal(code_of(at.server, unpaid)))[2]["booking_status"] == "cancelled"
        assert (await print_copy(at, code_of(at.server, unpaid), 1)).json()["code"] == "booking_state"
        paid = await bought(at.server, 2)
        code = code_of(at.server, paid)
        for wrong in ("", "nonsense", str(paid), code[:-1] + ("A" if code[-1] != "A" else "B")):
            assert (await refusal(wrong))[:2] == (422, "bad_ticket"), wrong
        assert (await refusal(code_of(at.server, UUID(int=1))))[:2] == (422, "bad_ticket")
        async with core.database.transaction() as connection:
            await connection.exec_driver_sql("INSERT INTO theatres VALUES ('ritz', 'Ritz', 'UTC')")
        for changes, expected in (
            ({"theatre_id": "ritz"}, (409, "ticket_refused", {"reason": "elsewhere"})),
            ({"theatre_id": "rex", "locked": True}, (409, "conflict", {})),
        ):
            await ask(at.server, "PUT", f"/kiosks/{at.id}", json=changes)
            assert await refusal(code) == expected
        await ask(at.server, "PUT", f"/kiosks/{at.id}", json={"locked": False})
        assert (await print_copy(at, code, 1)).json()["status"] == "printed"
        assert (await ask(at.server, "POST", "/kiosks/self/tickets", json={"code": code})).status_code == 401


async def test_a_ticket_of_a_film_that_is_over_is_not_printed(make_server: MakeServer, tmp_path: Path) -> None:
    async with lobby(make_server, tmp_path) as at:
        core = at.server.core
        kiosk = await core.kiosks.authenticate(at.page.key)
        code = code_of(at.server, await bought(at.server, 1))
        showtime = await core.catalog.showtime(SHOWTIME)
        now = [showtime.starts_at_ms + OVER_AFTER.total_seconds() * 1000 - 1]
        shown = ShownTickets(core.printing._codes, core.records, core.catalog, lambda: int(now[0]))  # noqa: SLF001
        assert (await shown.read(kiosk, code))[1].id == SHOWTIME
        now[0] += 1
        with pytest.raises(TicketRefused) as refused:
            await shown.read(kiosk, code)
        assert refused.value.facts["reason"] == "over"


async def test_whoever_tries_codes_at_a_kiosk_has_to_wait_and_other_kiosks_go_on(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_tickets, "WRONG_PER_MIN", 1)
    monkeypatch.setattr(shown_tickets, "MINUTE_S", 1e9)  # so that none is given back, however slow this is
    async with two_kiosks(make_server, tmp_path) as (one, other):
        code = code_of(one.server, await bought(one.server, 1))
        for _ in range(3):
            assert (await show(one, code)).status_code == 200, "what is right does not count"
        tried = [(await show(one, "B" * 48)).json()["code"] for _ in range(2)]
        assert tried[-1] == "too_many"
        assert (await show(one, code)).json()["code"] == "too_many", "nor does it help to guess right then"
        assert (await show(other, code)).status_code == 200
