"""Tickets at the door, over REST."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

import pytest

from seatserver.access.admission import AdmissionCodes
from tests.integration.contract import Contract
from tests.integration.rest.support import Rest, check_all_succeeded, code, door


async def test_a_tickets_code_tells_the_usher_what_was_booked(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    ticket = (await rest.ask("GET", f"/bookings/{booking['id']}/admission", "ann")).json()
    assert ticket["booking_id"] == booking["id"]
    checked = await rest.ask("POST", "/admissions/check", "usher:settle", json={"code": ticket["code"].lower()})
    assert checked.json() == {
        "good": True,
        "problem": None,
        "admitted_at_ms": None,
        "door": None,
        "booking": {**booking, "ticket_url": None},
        "showtime": (await rest.ask("GET", "/showtimes/tonight")).json(),
    }
    for user, status in (("ann", 403), (None, 401)):
        refused = await rest.ask("POST", "/admissions/check", user, json={"code": ticket["code"]})
        assert refused.status_code == status


async def test_a_ticket_admits_once_unless_the_scan_is_undone(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    ticket = (await rest.ask("GET", f"/bookings/{booking['id']}/admission", "ann")).json()
    one, another = ({"code": ticket["code"], "scan_id": str(UUID(int=number)), "door": "North"} for number in (1, 2))
    for scan, admitted in ((one, True), (another, False), (one, True)):
        answer = await rest.ask("POST", "/admissions/admit", "usher:admit", json=scan)
        assert (answer.status_code, answer.json()["admitted"]) == (200, admitted)
    undone = await rest.ask("POST", "/admissions/undo", "boss:admin", json={"scan_id": one["scan_id"]})
    assert (undone.status_code, undone.json()["undone_by"]) == (200, "boss")
    assert (await rest.ask("POST", "/admissions/admit", "usher:admit", json=another)).json()["admitted"]


async def test_whoever_may_see_the_booking_may_see_its_qr_code(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    for kind in ("admission", "admission.svg"):
        assert code(await rest.ask("GET", f"/bookings/{booking['id']}/{kind}", "ben")) == (404, "not_found")
        assert code(await rest.ask("GET", f"/bookings/{booking['id']}/{kind}")) == (401, "unauthorized")
        assert (await rest.ask("GET", f"/bookings/{booking['id']}/{kind}", "till:settle")).status_code == 200
    drawn = await rest.ask("GET", f"/bookings/{booking['id']}/admission.svg", "ann")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.headers["cache-control"] == "no-store"
    assert drawn.text.startswith("<svg ")
    assert 'viewBox="0 0 37 37"' in drawn.text, "29 modules and the quiet zone on both sides"


async def test_a_ticket_is_good_only_while_its_booking_is_confirmed(rest: Rest) -> None:
    def check(ticket: str, **more: str) -> Any:
        return rest.ask("POST", "/admissions/check", "usher:settle", json={"code": ticket, **more})

    booking_id = (await rest.book("ann:claim,hold", await rest.hold("ann", 2, 3), pay_later=True)).json()["id"]
    path = f"/bookings/{booking_id}/admission"
    unpaid = await rest.ask("GET", path, "ann")
    assert (code(unpaid), unpaid.json()["facts"]["booking_status"]) == ((409, "booking_state"), "pending")
    await rest.ask("POST", f"/bookings/{booking_id}/confirm", "till:settle")
    ticket = (await rest.ask("GET", path, "ann")).json()["code"]
    assert (await check(ticket, showtime_id="tonight")).json()["good"]
    elsewhere = (await check(ticket, showtime_id="tomorrow")).json()
    assert (elsewhere["good"], elsewhere["problem"]) == (False, "other_showtime")
    await rest.ask("POST", f"/bookings/{booking_id}/cancel", "till:settle")
    ended = (await check(ticket, showtime_id="tonight")).json()
    assert (ended["good"], ended["problem"], ended["booking"]["status"]) == (False, "cancelled", "cancelled")
    assert code(await rest.ask("GET", path, "ann")) == (409, "booking_state")


async def test_foreign_codes_and_codes_of_lost_bookings_get_the_same_answer(rest: Rest) -> None:
    foreign = AdmissionCodes(dataclasses.replace(rest.core.settings, token_secret="x" * 32))
    own = AdmissionCodes(rest.core.settings)
    answers = [
        await rest.ask("POST", "/admissions/check", "usher:settle", json={"code": text})
        for text in ("", "A" * 48, "💺", foreign.write(UUID(int=7)), own.write(UUID(int=7)))
    ]
    assert {code(answer) for answer in answers} == {(422, "bad_ticket")}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_a_server_without_secrets_says_that_it_signs_no_tickets(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    token = rest.core.tokens.mint("ann", ["watch"], 60)
    async with door(rest, token_secret="", guest_scopes=()) as http:
        path = f"/api/v1/bookings/{booking['id']}/admission"
        answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert code(answer) == (409, "conflict")
        assert "cannot sign tickets" in answer.json()["detail"]


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
