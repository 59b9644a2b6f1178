"""At the door: a ticket admits once, whichever scanner is first, and undone scans are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from seatserver.access.admission import AdmissionCodes
from seatserver.app import build_app
from seatserver.bookings.records import Booking
from seatserver.config import Settings
from seatserver.errors import BookingState
from seatserver.server import Server
from tests.integration.server import SHOWTIME, hold, opened, put_on_sale, rows

OTHER = "matinee"


@dataclass
class Door:
    """Ushers and staff of one theatre."""

    core: Server
    http: httpx.AsyncClient

    async def ask(self, path: str, as_: str = "scanner:admit", **body: Any) -> httpx.Response:
        user, _, scope = as_.partition(":")
        token = self.core.tokens.mint(user, scope.split(","), 600)
        body = {name: str(value) if isinstance(value, UUID) else value for name, value in body.items()}
        return await self.http.post(
            f"/api/v1/admissions/{path}", json=body, headers={"Authorization": f"Bearer {token}"}
        )

    async def admit(self, booking: Booking, scan_id: UUID | None = None, **more: Any) -> dict[str, Any]:
        answer = await self.ask("admit", code=self.code(booking), scan_id=scan_id or uuid4(), **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def code(self, booking: Booking) -> str:
        return AdmissionCodes(self.core.settings).write(booking.id)

    async def booked(self, *seats: int, pay_later: bool = False, showtime: str = SHOWTIME) -> Booking:
        hold_id = await hold(self.core, "ann", *seats, showtime=showtime)
        return await self.core.checkout.book(showtime, hold_id, "ann", pay_later=pay_later)


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with opened(settings) as core:
        transport = httpx.ASGITransport(build_app(core))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Door(core, http)


async def test_a_ticket_admits_once_and_a_second_scan_says_when_and_where(door: Door) -> None:
    booking = await door.booked(1, 2)
    first = await door.admit(booking, door="North", showtime_id=SHOWTIME)
    assert (first["admitted"], first["problem"]) == (True, None)
    assert first["booking"]["id"] == str(booking.id) and first["booking"]["ticket_url"] is None
    assert (first["admission"]["door"], first["admission"]["admitted_by"]) == ("North", "scanner")
    second = await door.admit(booking, door="South")
    assert (second["admitted"], second["problem"]) == (False, "already_admitted")
    assert second["admission"] == first["admission"]


async def test_when_many_doors_scan_a_ticket_at_once_exactly_one_admits(door: Door) -> None:
    booking = await door.booked(1)
    answers = await asyncio.gather(*(door.admit(booking, door=f"door {number}") for number in range(20)))
    [admitted] = [answer for answer in answers if answer["admitted"]]
    assert {answer["admission"]["door"] for answer in answers} == {admitted["admission"]["door"]}
    assert {answer["problem"] for answer in answers if not answer["admitted"]} == {"already_admitted"}


async def test_a_repeated_scan_gets_the_same_answer_even_at_the_same_moment(door: Door) -> None:
    booking, scan_id = await door.booked(1), uuid4()
    answers = await asyncio.gather(*(door.admit(booking, scan_id, door="North") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["admitted"]
    assert await rows(door.core, "SELECT count(*) FROM admissions") == [(1,)]


async def test_two_tickets_scanned_with_one_scan_id_are_refused(door: Door) -> None:
    scan_id, one, other = uuid4(), await door.booked(1), await door.booked(2)
    assert (await door.admit(one, scan_id))["admitted"]
    answer = await door.ask("admit", code=door.code(other), scan_id=scan_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await door.admit(other))["admitted"]


async def test_an_undone_scan_is_recorded_and_the_ticket_can_be_admitted_again(door: Door) -> None:
    booking, scan_id = await door.booked(1), uuid4()
    await door.admit(booking, scan_id, door="North")
    undone = await door.ask("undo", "boss:admit", scan_id=scan_id)
    assert (undone.json()["undone_by"], undone.json()["door"]) == ("boss", "North")
    assert undone.json()["undone_at_ms"] >= undone.json()["admitted_at_ms"]
    assert (await door.ask("undo", "another:admin", scan_id=scan_id)).json() == undone.json(), "once is enough"
    late = await door.admit(booking, scan_id)
    assert (late["admitted"], late["problem"]) == (False, "undone"), "a late repetition lets nobody in"
    again = await door.admit(booking, door="South")
    assert again["admitted"] and again["admission"]["door"] == "South"
    assert (await door.ask("undo", scan_id=scan_id)).json() == undone.json(), "of its own scan only"
    assert (await door.admit(booking))["problem"] == "already_admitted"
    assert (await door.ask("undo", scan_id=uuid4())).status_code == 404


async def test_unpaid_and_cancelled_bookings_are_not_admitted(door: Door) -> None:
    pending = await door.booked(1, pay_later=True)
    assert (await door.admit(pending))["problem"] == "pending"
    await door.core.checkout.confirm(pending.id)
    assert (await door.admit(pending))["admitted"], "the refusal used up nothing"
    cancelled = await door.booked(2)
    await door.core.checkout.cancel(cancelled.id)
    answer = await door.admit(cancelled)
    assert (answer["admitted"], answer["problem"], answer["admission"]) == (False, "cancelled", None)
    assert await rows(door.core, "SELECT count(*) FROM admissions") == [(1,)]


async def test_a_ticket_cancelled_during_a_scan_is_either_admitted_or_cancelled(door: Door) -> None:
    for seat in range(1, 4):
        booking = await door.booked(seat)
        answer, cancelled = await asyncio.gather(
            door.admit(booking), door.core.checkout.cancel(booking.id), return_exceptions=True
        )
        assert isinstance(answer, dict)
        if answer["admitted"]:
            assert isinstance(cancelled, BookingState)
        else:
            assert (answer["problem"], isinstance(cancelled, BaseException)) == ("cancelled", False)


async def test_an_admitted_booking_cannot_be_cancelled_until_the_scan_is_undone(door: Door) -> None:
    booking, scan_id = await door.booked(1), uuid4()
    await door.admit(booking, scan_id)
    with pytest.raises(BookingState, match=f"{booking.id} is admitted: it cannot be cancelled"):
        await door.core.checkout.cancel(booking.id)
    await door.ask("undo", scan_id=scan_id)
    assert (await door.core.checkout.cancel(booking.id)).status == "cancelled"


async def test_a_scan_that_races_with_an_undo_gets_a_true_answer(door: Door) -> None:
    for seat in range(1, 6):
        booking, first = await door.booked(seat), uuid4()
        await door.admit(booking, first)
        answer, _ = await asyncio.gather(door.admit(booking), door.ask("undo", scan_id=first))
        assert answer["problem"] in (None, "already_admitted")


async def test_a_door_of_one_showtime_refuses_tickets_of_another(door: Door) -> None:
    await put_on_sale(door.core.catalog, OTHER)
    tonight, matinee = await door.booked(1), await door.booked(1, showtime=OTHER)
    assert (await door.admit(matinee, showtime_id=SHOWTIME))["problem"] == "other_showtime"
    assert (await door.admit(tonight, showtime_id=OTHER))["problem"] == "other_showtime"
    assert (await door.admit(matinee, showtime_id=OTHER))["admitted"]
    assert (await door.admit(tonight, showtime_id=SHOWTIME))["admitted"]


async def test_a_check_changes_nothing_and_says_whether_the_ticket_was_admitted(door: Door) -> None:
    booking = await door.booked(1)
    for user in ("staff:settle", "scanner:admit"):
        checked = (await door.ask("check", user, code=door.code(booking))).json()
        assert (checked["good"], checked["admitted_at_ms"], checked["door"]) == (True, None, None)
    admitted = await door.admit(booking, door="North")
    checked = (await door.ask("check", code=door.code(booking))).json()
    assert (checked["good"], checked["problem"]) == (False, "already_admitted")
    assert (checked["admitted_at_ms"], checked["door"]) == (admitted["admission"]["admitted_at_ms"], "North")


@pytest.mark.parametrize("scopes", ["watch,hold,book", "settle"])
async def test_admitting_needs_a_scope_of_its_own(door: Door, scopes: str) -> None:
    booking = await door.booked(1)
    for path, body in (("admit", {"code": door.code(booking), "scan_id": uuid4()}), ("undo", {"scan_id": uuid4()})):
        answer = await door.ask(path, f"somebody:{scopes}", **body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await door.ask("check", "somebody:watch", code=door.code(booking))).status_code == 403


async def test_an_unsigned_code_is_not_admitted(door: Door) -> None:
    answer = await door.ask("admit", code="A" * 48, scan_id=uuid4())
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_ticket")
