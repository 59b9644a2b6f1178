"""Kiosks over REST: enrolled by staff, used by customers, who pay by card or go on at their phone."""

from __future__ import annotations

import secrets
from uuid import UUID

import pytest

from seatserver.access.admission import AdmissionCodes
from seatserver.kiosks.payments import Payments
from tests.integration.contract import Contract
from tests.integration.rest.support import Rest, check_all_succeeded, code, door


async def test_a_kiosk_is_enrolled_changed_and_revoked(rest: Rest) -> None:
    key = secrets.token_urlsafe(32)
    waiting = await rest.core.kiosks.introduce(key)
    place = {"theatre_id": "odeon", "name": "Lobby 1"}
    kiosk = (await rest.ask("POST", "/kiosks/enrol", "boss:admin", json={"code": waiting.code, **place})).json()
    own = {"Authorization": f"Kiosk {key}"}
    assert (await rest.ask("GET", "/kiosks/self", headers=own)).json() == kiosk
    customer = (await rest.ask("POST", "/kiosks/self/customers", headers=own)).json()
    assert customer["user_id"].startswith("kiosk:")
    path = f"/kiosks/{kiosk['id']}"
    locked = (await rest.ask("PUT", path, "boss:admin", json={**place, "locked": True})).json()
    assert locked == {**kiosk, "locked": True}
    renamed = (await rest.ask("PUT", path, "boss:admin", json={"name": "Foyer"})).json()
    assert renamed == {**locked, "name": "Foyer"}, "it stays locked"
    assert (await rest.ask("PUT", path, "boss:admin", json={})).json() == renamed
    assert code(await rest.ask("PUT", path, "boss:admin", json={"locked": None})) == (400, "bad_request")
    await rest.ask("PUT", path, "boss:admin", json=place)
    assert code(await rest.ask("POST", "/kiosks/self/customers", headers=own)) == (409, "conflict")
    assert (await rest.ask("POST", f"{path}/reload", "boss:admin")).json() == locked
    agent = await rest.core.kiosks.introduce(secrets.token_urlsafe(32), is_agent=True)
    assert code(await rest.ask("POST", "/kiosks/enrol", "boss:admin", json={"code": agent.code, **place}))[0] == 404
    assert (await rest.ask("POST", f"{path}/agent", "boss:admin", json={"code": agent.code})).json() == locked
    assert code(await rest.ask("POST", f"{path}/agent", "boss:admin", json={"code": waiting.code}))[0] == 404
    assert (await rest.ask("POST", f"{path}/agent/revoke", "boss:admin")).json() == locked
    assert (await rest.ask("GET", "/kiosks", "boss:admin")).json() == {"kiosks": [locked]}
    ordered = await rest.ask("POST", f"{path}/order", "boss:admin", json={"what": "helped", "visit": ""})
    assert ordered.json() == locked, "nobody is there"
    late = {"what": "finish", "visit": "q7Zr0cX1u9S4"}
    assert code(await rest.ask("POST", f"{path}/order", "boss:admin", json=late)) == (409, "conflict")
    assert code(await rest.ask("POST", f"{path}/order", "ann", json=late)) == (403, "forbidden")
    revoked = (await rest.ask("POST", f"{path}/revoke", "boss:admin")).json()
    assert revoked["revoked_at_ms"] > 0
    assert (await rest.ask("GET", "/kiosks", "boss:admin")).json() == {"kiosks": []}
    assert code(await rest.ask("GET", "/kiosks/self", headers=own)) == (401, "unauthorized")
    for authorization in ("", "Kiosk", "Kiosk nonsense", f"Bearer {customer['token']}"):
        headers = {"Authorization": authorization}
        assert code(await rest.ask("GET", "/kiosks/self", headers=headers)) == (401, "unauthorized")
    for method, rest_of_path in (("GET", ""), ("POST", "/enrol")):
        body = {"code": waiting.code, **place} if method == "POST" else None
        assert code(await rest.ask(method, f"/kiosks{rest_of_path}", "ann", json=body)) == (403, "forbidden")


async def test_a_customer_of_a_kiosk_pays_by_card(rest: Rest) -> None:
    key, other = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    for device, name in ((key, "Lobby 1"), (other, "Lobby 2")):
        shown = (await rest.core.kiosks.introduce(device)).code
        body = {"code": shown, "theatre_id": "odeon", "name": name}
        await rest.ask("POST", "/kiosks/enrol", "boss:admin", json=body)
    own, foreign = ({"Authorization": f"Kiosk {device}"} for device in (key, other))
    customer = (await rest.ask("POST", "/kiosks/self/customers", headers=own)).json()["user_id"]
    asked = {"showtime_id": "tonight", "hold_id": await rest.hold(customer, 2, 3), "user_id": customer}
    path = "/kiosks/self/payments"
    assert code(await rest.ask("POST", path, headers=foreign, json=asked)) == (403, "forbidden")
    began = (await rest.ask("POST", path, headers=own, json=asked)).json()
    assert (began["status"], began["stage"], began["booking"]["status"]) == ("open", "waiting", "pending")
    assert (await rest.ask("POST", path, headers=own, json=asked)).json() == began
    one = f"{path}/{asked['hold_id']}"
    assert code(await rest.ask("GET", one, headers=foreign)) == (404, "not_found")
    declined = (await rest.ask("POST", f"{one}/card", headers=own, json={"act": "decline"})).json()
    assert (declined["status"], declined["stage"]) == ("open", "declined")
    assert (await rest.ask("POST", f"{one}/retry", headers=own)).json()["stage"] == "waiting"
    lost = (await rest.ask("POST", f"{one}/card", headers=own, json={"act": "lose"})).json()
    assert (lost["status"], lost["stage"]) == ("open", None), "nobody knows"
    while (paid := (await rest.ask("GET", one, headers=own)).json())["status"] != "paid":
        assert paid["status"] == "open"
    assert (paid["booking"]["status"], paid["code"] is not None) == ("confirmed", True)
    assert (await rest.ask("GET", path, headers=own)).json()["payment"]["status"] == "paid"
    assert (await rest.ask("POST", f"{one}/cancel", headers=own)).json()["status"] == "paid"
    copy = {"copy": 1, "language": "en"}
    printed = (await rest.ask("POST", f"{one}/print", headers=own, json=copy)).json()
    assert (printed["copy"], printed["status"], printed["picture"][:4]) == (1, "printed", "<svg")
    assert code(await rest.ask("POST", f"{one}/print", headers=own, json={**copy, "copy": 3})) == (409, "conflict")
    assert code(await rest.ask("POST", f"{one}/print", headers=foreign, json=copy)) == (404, "not_found")
    await rest.ask("POST", f"{one}/done", headers=own)
    assert (await rest.ask("GET", path, headers=own)).json() == {"payment": None}
    [first, second] = (await rest.ask("GET", "/kiosks", "boss:admin")).json()["kiosks"]
    assert first["sales_today"] == [{"bookings": 1, "total_minor": 2800, "currency": "EUR", "currency_digits": 2}]
    assert second["sales_today"] == []


async def test_a_basket_of_a_kiosk_moves_to_a_phone_and_its_ticket_back_to_a_kiosk(rest: Rest) -> None:
    key = secrets.token_urlsafe(32)
    waiting = await rest.core.kiosks.introduce(key)
    await rest.core.kiosks.enrol(waiting.code, theatre_id="odeon", name="Lobby", channel="", by="test")
    own = {"Authorization": f"Kiosk {key}"}
    customer = (await rest.ask("POST", "/kiosks/self/customers", headers=own)).json()["user_id"]
    basket = {"showtime_id": "tonight", "hold_id": await rest.hold(customer, 2, 3), "user_id": customer}
    path = "/kiosks/self/handoffs"
    offered = (await rest.ask("POST", path, headers=own, json=basket)).json()
    assert (await rest.ask("POST", f"{path}/fate", headers=own, json=basket)).json() == {"fate": "held"}
    scanned = {"code": offered["url"].partition("#")[2]}
    taken = (await rest.ask("POST", "/handoffs", "ann", json=scanned)).json()
    assert (taken["showtime_id"], taken["hold_id"]) == ("tonight", str(basket["hold_id"]))
    assert (await rest.ask("POST", f"{path}/fate", headers=own, json=basket)).json() == {"fate": "taken"}
    assert code(await rest.ask("POST", path, headers=own, json=basket)) == (409, "handoff_refused")
    assert code(await rest.ask("POST", "/handoffs", "bob", json=scanned)) == (409, "handoff_refused")
    assert code(await rest.ask("POST", "/handoffs", json=scanned)) == (401, "unauthorized")
    booking = (await rest.book("ann", taken["hold_id"])).json()
    shown = {"code": AdmissionCodes(rest.core.settings).write(UUID(booking["id"]))}
    path = "/kiosks/self/tickets"
    ticket = (await rest.ask("POST", path, headers=own, json=shown)).json()
    assert (ticket["booking"]["reference"], ticket["copy"]) == (booking["reference"], 1)
    assert code(await rest.ask("POST", path, headers=own, json={"code": "nonsense"})) == (422, "bad_ticket")
    copy = {**shown, "copy": 1, "language": "de"}
    printed = (await rest.ask("POST", f"{path}/print", headers=own, json=copy)).json()
    assert (printed["copy"], printed["status"], printed["picture"][:4]) == (1, "printed", "<svg")
    assert code(await rest.ask("POST", f"{path}/print", headers=own, json={**copy, "copy": 3})) == (409, "conflict")


async def test_a_kiosk_without_a_card_reader_sells_nothing(rest: Rest) -> None:
    key = secrets.token_urlsafe(32)
    waiting = await rest.core.kiosks.introduce(key)
    kiosk = await rest.core.kiosks.enrol(waiting.code, theatre_id="odeon", name="Lobby", channel="", by="test")
    own = {"Authorization": f"Kiosk {key}"}
    _, customer = rest.core.kiosks.customer(kiosk)
    hold_id = await rest.hold(customer, 0)
    body = {"showtime_id": "tonight", "hold_id": hold_id, "user_id": customer}
    core = rest.core
    core.kiosk_payments = Payments(core.settings, core.database, core.catalog, core.checkout, core.records, None)
    async with door(rest) as http:
        rest = Rest(core, http)
        assert code(await rest.ask("POST", "/kiosks/self/payments", headers=own, json=body)) == (409, "conflict")
        card = f"/kiosks/self/payments/{hold_id}/card"
        assert code(await rest.ask("POST", card, headers=own, json={"act": "tap"})) == (409, "conflict")


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
