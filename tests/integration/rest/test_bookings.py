"""Bookings over REST: from a hold to a ticket, paid or cancelled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from icalendar import Calendar

from seatserver.errors import BookingState
from tests.integration.contract import Contract
from tests.integration.rest.support import FAMILIES, ODEON, Rest, check_all_succeeded, code, eventually, key_in


async def test_booking_a_hold_twice_gives_the_same_booking(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 2, 3)
    first = await rest.book("ann", hold_id)
    booking = first.json()
    assert (booking["id"], booking["status"], booking["total_minor"]) == (hold_id, "confirmed", 2800)
    assert booking["seats"] == [{"index": 2, "label": "B-1"}, {"index": 3, "label": "B-2"}]
    assert (await rest.book("ann", hold_id)).json() == booking
    assert (await rest.ask("GET", f"/bookings/{hold_id}", "ann")).json() == booking


async def test_a_booking_shows_the_price_of_each_seat_and_the_fees(rest: Rest) -> None:
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    assert booking["lines"] == [
        {"index": 2, "label": "B-1", "ticket": "adult", "price_minor": 1500},
        {"index": 3, "label": "B-2", "ticket": "adult", "price_minor": 1500},
    ]
    assert (booking["fees_minor"], booking["total_minor"], booking["channel"]) == (110, 3110, "")


async def test_a_payment_service_confirms_a_pending_booking(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    pending = (await rest.book("ann:claim", hold_id, pay_later=True)).json()
    assert pending["status"] == "pending"
    assert pending["expires_at_ms"] > pending["created_at_ms"]
    assert code(await rest.ask("POST", f"/bookings/{hold_id}/confirm", "ann:claim")) == (403, "forbidden")
    for _ in range(2):
        confirmed = (await rest.ask("POST", f"/bookings/{hold_id}/confirm", "bank:settle")).json()
        assert (confirmed["status"], confirmed["expires_at_ms"]) == ("confirmed", None)


async def test_a_cancelled_booking_frees_its_seats_and_stays_cancelled(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    await rest.book("ann", hold_id)
    for _ in range(2):
        assert (await rest.ask("POST", f"/bookings/{hold_id}/cancel", "ann")).json()["status"] == "cancelled"
    refused = await rest.ask("POST", f"/bookings/{hold_id}/confirm", "ann")
    assert code(refused) == (409, "booking_state")
    await eventually(rest, "/showtimes/tonight/availability", lambda found: found["total"]["free"] == 3)


async def test_with_scope_claim_only_pending_bookings_can_be_cancelled(rest: Rest) -> None:
    unpaid, paid = await rest.hold("ann", 0), await rest.hold("ann", 2, 3)
    for hold_id in (unpaid, paid):
        await rest.book("ann:claim", hold_id, pay_later=True)
    assert (await rest.ask("POST", f"/bookings/{paid}/confirm", "bank:settle")).json()["status"] == "confirmed"
    assert code(await rest.ask("POST", f"/bookings/{paid}/cancel", "ann:claim")) == (403, "forbidden")
    assert code(await rest.ask("POST", f"/bookings/{unpaid}/cancel", "ann:watch")) == (403, "forbidden")
    assert code(await rest.ask("POST", f"/bookings/{unpaid}/cancel", "bob:claim")) == (404, "not_found")
    for _ in range(2):
        assert (await rest.ask("POST", f"/bookings/{unpaid}/cancel", "ann:claim")).json()["status"] == "cancelled"
    with pytest.raises(BookingState):
        await rest.core.checkout.cancel(UUID(paid), only_pending=True)


async def test_users_list_their_own_bookings_page_by_page_newest_first(rest: Rest) -> None:
    made = []
    for seats, pay_later in (((0,), True), ((2, 3), False)):
        made.append((await rest.book("ann", await rest.hold("ann", *seats), pay_later=pay_later)).json())
    listed = (await rest.ask("GET", "/bookings", "ann:watch")).json()
    assert listed["bookings"] == made[::-1]
    assert [showtime["id"] for showtime in listed["showtimes"]] == ["tonight"]
    assert listed["next"] is None
    first = (await rest.ask("GET", "/bookings?limit=1", "ann")).json()
    second = (await rest.ask("GET", f"/bookings?limit=1&after={first['next']}", "ann")).json()
    assert (first["bookings"], second["bookings"], second["next"]) == ([made[1]], [made[0]], None)
    pending = (await rest.ask("GET", "/bookings?status=pending&showtime=tonight", "ann")).json()
    assert pending["bookings"] == [made[0]]
    assert (await rest.ask("GET", "/bookings?showtime=never", "ann")).json()["bookings"] == []
    for stranger in ("bob", "boss:admin", "bank:settle"):
        assert (await rest.ask("GET", "/bookings", stranger)).json()["bookings"] == [], "only their own"
    for wrong in ("after=x", "after=1.x", "limit=0", "limit=101", "status=lost", f"after={'9' * 90}.{UUID(int=1)}"):
        assert code(await rest.ask("GET", f"/bookings?{wrong}", "ann")) == (400, "bad_request")


async def test_other_peoples_bookings_are_not_found(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    await rest.book("ann", hold_id)
    for method, path in (("GET", ""), ("POST", "/confirm"), ("POST", "/cancel")):
        for booking_id in (hold_id, str(UUID(int=1)), "nonsense"):
            refused = await rest.ask(method, f"/bookings/{booking_id}{path}", "bob")
            assert code(refused) == (404, "not_found")
    assert (await rest.ask("GET", f"/bookings/{hold_id}", "boss:admin")).status_code == 200


async def test_only_ones_own_existing_hold_can_be_booked(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    assert code(await rest.book("bob", hold_id)) == (409, "hold_gone")
    assert code(await rest.book("bob", str(uuid4()))) == (409, "hold_gone")
    wrong = await rest.ask("POST", "/bookings", "bob", json={"showtime_id": "tonight", "hold_id": "x"})
    assert (code(wrong), wrong.json()["facts"]) == ((400, "bad_request"), {"where": "hold_id"})


async def test_the_calendar_entry_contains_neither_the_code_nor_the_link(rest: Rest) -> None:
    await rest.ask(
        "PUT", "/admin/theatres/odeon", "boss:admin", json={**ODEON, "address": "Kantstraße 12a, 10623 Berlin"}
    )
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3), pay_later=True)).json()
    path = f"/bookings/{booking['id']}"
    assert code(await rest.ask("GET", f"{path}/calendar.ics", "ann")) == (409, "booking_state")
    await rest.ask("POST", f"{path}/confirm", "bank:settle")
    ticket = (await rest.ask("GET", f"{path}/admission", "ann")).json()
    file = await rest.ask("GET", f"{path}/calendar.ics", headers=key_in(booking))
    assert file.headers["content-type"] == "text/calendar; charset=utf-8"
    assert f"booking-{booking['reference'].replace(' ', '-')}.ics" in file.headers["content-disposition"]
    events: list[Any] = list(Calendar.from_ical(file.content).walk("VEVENT"))
    [event] = events
    assert (event["SUMMARY"], event["UID"]) == ("The Long Take", booking["id"])
    assert event["DTSTART"].dt == datetime(2100, 1, 1, 19, 30, tzinfo=UTC)
    assert event["LOCATION"] == "Odeon, Studio, Kantstraße 12a, 10623 Berlin"
    assert event["DESCRIPTION"] == f"B-1, B-2\n{booking['reference']}"
    assert ticket["code"] not in file.text
    assert booking["ticket_url"].partition("#")[2] not in file.text


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
