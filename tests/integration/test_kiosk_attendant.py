"""Staff see what a kiosk shows and that help is asked for, and have it do something for the person who is there."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.integration.conftest import MakeServer
from tests.integration.server import Instance, eventually
from tests.integration.test_kiosk_handoffs import lobby
from tests.integration.test_kiosks import Device, ask, device, enrol

SCENE = {
    "type": "report",
    "release": "0.1.0",
    "shows": "review",
    "help": True,
    "visit": "q7Zr0cX1u9S4",
    "showing": "The Long\nNight · 20:15 · Screen One",
    "seats": "B-3, B-4",
    "left_ms": 240_000,
}


async def listed(server: Instance) -> dict[str, Any]:
    """The only kiosk, as staff see it."""
    [kiosk] = (await ask(server, "GET", "/kiosks")).json()["kiosks"]
    found: dict[str, Any] = kiosk
    return found


async def report(kiosk: Device, **changes: Any) -> None:
    """Say what the kiosk shows, and wait until staff see it."""
    scene = {**SCENE, **changes}
    await kiosk.socket.send(json.dumps({name: value for name, value in scene.items() if value is not ...}))

    async def is_seen() -> bool:
        kiosk_now = await listed(kiosk.server)
        asks = kiosk_now["help_at_ms"] is not None
        told = (kiosk_now["shows"], kiosk_now["visit"], asks)
        return told == (scene["shows"], "" if scene["visit"] is ... else scene["visit"], scene["help"] is True)

    await eventually(is_seen)


async def test_staff_see_that_help_is_asked_for_and_what_the_kiosk_shows(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with device(here) as kiosk:
        await enrol(kiosk)
        await report(kiosk)
        assert (await kiosk.next("state"))["help"], "the kiosk knows that staff see it"
        first = await listed(there)
        assert (first["showing"], first["seats"]) == ("The Long Night · 20:15 · Screen One", "B-3, B-4")
        assert 0 < first["hold_ends_at_ms"] - first["seen_at_ms"] <= 240_000
        await report(kiosk, shows="pay")
        assert (await listed(there))["help_at_ms"] == first["help_at_ms"], "since when it was asked for first"
        await report(kiosk, shows="attract", help=False, visit="", showing="", seats="", left_ms=None)
        assert not (await kiosk.next("state"))["help"]
        last = await listed(there)
        assert (last["help_at_ms"], last["showing"], last["seats"], last["hold_ends_at_ms"]) == (None, "", "", None)


async def test_a_page_of_an_older_release_says_less_and_stays_connected(server: Instance) -> None:
    async with device(server) as kiosk:
        await enrol(kiosk)
        await report(kiosk, help=..., visit=..., showing=..., seats=..., left_ms=...)
        assert (await listed(server))["away"] is False


async def test_what_staff_order_reaches_the_kiosk_through_any_instance_for_the_person_they_saw(
    make_server: MakeServer,
) -> None:
    here, there = await make_server(), await make_server()
    async with device(here) as kiosk:
        made = await enrol(kiosk)
        await report(kiosk)
        assert (await kiosk.next("state"))["order"] is None
        path = f"/kiosks/{made['id']}/order"
        for number, what in enumerate(("extend", "release", "helped", "finish"), 1):
            answer = await ask(there, "POST", path, json={"what": what, "visit": SCENE["visit"]})
            assert (answer.status_code, answer.json()["visit"]) == (200, SCENE["visit"])
            order = (await kiosk.next("state"))["order"]
            assert order == {"number": number, "what": what, "visit": SCENE["visit"]}
        await report(kiosk, shows="tickets", visit="nextPerson123", help=False)
        late = await ask(there, "POST", path, json={"what": "finish", "visit": SCENE["visit"]})
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
        assert "has gone" in late.json()["detail"]
        guest = f"Bearer {there.token('ann')}"
        body = {"what": "finish", "visit": "nextPerson123"}
        assert (await ask(there, "POST", path, guest, json=body)).status_code == 403
        assert (await ask(there, "POST", path, json={**body, "what": "dance"})).status_code == 400
        for nobody in (UUID(int=1), "none"):
            assert (await ask(there, "POST", f"/kiosks/{nobody}/order", json=body)).status_code == 404


async def test_no_visit_is_ended_and_no_seat_released_while_a_payment_goes_on(make_server: MakeServer) -> None:
    server = await make_server(kiosk_reader="simulated")
    async with lobby(server) as one:
        visit = one.basket["user_id"].rsplit(":", 1)[1]
        await report(one.kiosk, visit=visit, help=False, shows="pay")
        path = f"/kiosks/{(await listed(server))['id']}/order"
        assert (await one.post("payments", **one.basket)).status_code == 200
        for what, status in (("finish", 409), ("release", 409), ("extend", 200), ("helped", 200)):
            assert (await ask(server, "POST", path, json={"what": what, "visit": visit})).status_code == status
        await one.post(f"payments/{one.basket['hold_id']}/card", act="tap")
        assert (await ask(server, "POST", path, json={"what": "finish", "visit": visit})).status_code == 200
