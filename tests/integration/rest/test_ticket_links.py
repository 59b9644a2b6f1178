"""The link to a ticket: whoever has it sees that one booking, and can change nothing."""

from __future__ import annotations

import dataclasses
import re
from uuid import UUID

from seatserver.access.admission import BookingKeys
from tests.integration.rest.support import Rest, code, door, key_in


async def test_the_user_who_booked_and_the_service_that_confirms_get_the_ticket_link(rest: Rest) -> None:
    booking = (await rest.book("ann:claim,hold", await rest.hold("ann", 2, 3), pay_later=True)).json()
    path = f"/bookings/{booking['id']}"
    assert re.fullmatch(path + "#key=[a-z2-7]{32}", booking["ticket_url"])
    confirmed = (await rest.ask("POST", f"{path}/confirm", "till:settle")).json()
    assert (confirmed["user_id"], confirmed["ticket_url"]) == ("ann", booking["ticket_url"])
    again = await rest.ask("POST", f"{path}/confirm", "till:settle")
    assert again.json()["ticket_url"] == booking["ticket_url"], "as if the first answer was lost"
    assert (await rest.ask("GET", path, "ann")).json()["ticket_url"] == booking["ticket_url"]
    cancelled = (await rest.ask("POST", f"{path}/cancel", "ann")).json()
    assert (cancelled["status"], cancelled["ticket_url"]) == ("cancelled", booking["ticket_url"])


async def test_staff_do_not_get_a_customers_ticket_link(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    path = f"/bookings/{booking['id']}"
    ticket = (await rest.ask("GET", f"{path}/admission", "ann")).json()
    for staff in ("usher:settle", "boss:admin"):
        seen = (await rest.ask("GET", path, staff)).json()
        assert seen == {**booking, "ticket_url": None}
        checked = await rest.ask("POST", "/admissions/check", staff, json={"code": ticket["code"]})
        assert checked.json()["booking"] == {**booking, "ticket_url": None}
    assert code(await rest.ask("GET", path, "bob")) == (404, "not_found")
    cancelled = (await rest.ask("POST", f"{path}/cancel", "boss:admin")).json()
    assert (cancelled["status"], cancelled["ticket_url"]) == ("cancelled", None)


async def test_the_ticket_link_shows_the_ticket_but_not_who_booked(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    path, headers = f"/bookings/{booking['id']}", key_in(booking)
    seen = await rest.ask("GET", path, headers=headers)
    assert seen.json() == {**booking, "user_id": None, "ticket_url": None}
    assert seen.headers["cache-control"] == "no-store"
    for kind in ("admission", "admission.svg"):
        by_link, by_token = [
            await rest.ask("GET", f"{path}/{kind}", headers=headers),
            await rest.ask("GET", f"{path}/{kind}", "ann"),
        ]
        assert (by_link.status_code, by_link.content) == (200, by_token.content)
    await rest.ask("POST", f"{path}/cancel", "ann")
    assert (await rest.ask("GET", path, headers=headers)).json()["status"] == "cancelled"
    assert code(await rest.ask("GET", f"{path}/admission", headers=headers)) == (409, "booking_state")


async def test_the_ticket_link_cannot_change_anything_or_serve_as_a_token(rest: Rest) -> None:
    booking = (await rest.book("ann:claim,hold", await rest.hold("ann", 0), pay_later=True)).json()
    headers = key_in(booking)
    as_token = {"Authorization": headers["Authorization"].replace("Booking", "Bearer")}
    body = {"showtime_id": "tonight", "hold_id": booking["id"]}
    for given in (headers, as_token):
        for path in (
            f"/bookings/{booking['id']}/confirm",
            f"/bookings/{booking['id']}/cancel",
            "/bookings",
            "/tickets",
        ):
            assert code(await rest.ask("POST", path, headers=given, json=body)) == (401, "unauthorized")
    assert code(await rest.ask("GET", f"/bookings/{booking['id']}", headers=as_token)) == (401, "unauthorized")
    assert (await rest.ask("GET", f"/bookings/{booking['id']}", "ann")).json()["status"] == "pending"


async def test_with_a_wrong_key_no_booking_is_found(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 0))).json()
    other = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    gone = str(UUID(int=7))
    of_gone = {"Authorization": f"Booking {BookingKeys(rest.core.settings).write(UUID(int=7))}"}
    for kind in ("", "/admission", "/admission.svg"):
        answers = [
            (await rest.ask("GET", f"/bookings/{booking_id}{kind}", headers=headers), booking_id)
            for booking_id, headers in (
                (booking["id"], key_in(other)),
                (booking["id"], {"Authorization": "Booking"}),
                (booking["id"], {"Authorization": b"booking AAAA \xff"}),
                (gone, key_in(other)),
                (gone, of_gone),
            )
        ]
        assert {code(answer) for answer, _ in answers} == {(404, "not_found")}
        assert len({answer.text.replace(booking_id, "…") for answer, booking_id in answers}) == 1


async def test_a_server_without_secrets_neither_makes_nor_accepts_ticket_links(rest: Rest) -> None:
    booking = (await rest.book("ann", await rest.hold("ann", 2, 3))).json()
    rest.core.booking_keys = BookingKeys(dataclasses.replace(rest.core.settings, token_secret=""))
    async with door(rest) as http:
        path = f"/api/v1/bookings/{booking['id']}"
        token = rest.core.tokens.mint("ann", ["watch"], 60)
        assert (await http.get(path, headers={"Authorization": f"Bearer {token}"})).json()["ticket_url"] is None
        assert code(await http.get(path, headers=key_in(booking))) == (404, "not_found")
