"""REST on a real Postgres and Redis. Every answer is compared with the OpenAPI document."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import jwt
import msgspec
import pytest
from icalendar import Calendar

from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.accounts.challenges import Challenges
from seatserver.accounts.passkeys import Passkeys
from seatserver.api.interface import ENDPOINTS
from seatserver.api.shared.story import HALL
from seatserver.app import Server, build_app
from seatserver.config import Settings
from seatserver.errors import BookingState, Unavailable
from seatserver.kiosks.payments import Payments
from seatserver.seatmaps.model import GeneralArea, SeatMap
from tests.integration.contract import Contract
from tests.integration.device import Device
from tests.waiting import within

ODEON = {"name": "Odeon", "timezone": "Europe/Berlin"}
SHOWTIME = {
    "auditorium_id": "studio",
    "layout_hash": HALL.content_hash,
    "title": "The Long Take",
    "starts_at": "2100-01-01T20:30:00+01:00",
    "on_sale_at": "2020-01-01T00:00:00Z",
    "sale_ends_at": "2100-01-01T20:45:00+01:00",
    "currency": "EUR",
    "prices": {"standard": 1150, "sofa": 1400},
}
ADULT = {"key": "adult", "name": "Adult", "prices": {"standard": 1200, "sofa": 1500}}
CHILD = {"key": "child", "name": "Child", "prices": {"standard": 800}, "only_with": ["adult"], "per_companion": 2}
FAMILIES = {
    **{name: value for name, value in SHOWTIME.items() if name != "prices"},
    "ticket_types": [ADULT, CHILD],
    "fees": {"per_booking_minor": 100, "per_ticket_minor": 5},
    "rules": {"gap": {"mode": "enforce"}},
}


class Rest:
    """A client, the server behind it, and tokens."""

    def __init__(self, core: Server, http: httpx.AsyncClient) -> None:
        self.core = core
        self.http = http

    async def ask(self, method: str, path: str, user: str | None = None, **more: Any) -> httpx.Response:
        """Ask as ``user``, named ``name`` or ``name:scope,scope``."""
        headers = dict(more.pop("headers", {}))
        if user is not None:
            name, _, scopes = user.partition(":")
            token = self.core.tokens.mint(name, (scopes or "watch,hold,book").split(","), 60)
            headers["Authorization"] = f"Bearer {token}"
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **more)

    async def keep(self, *changes: dict[str, Any], user: str = "boss:admin", **more: Any) -> httpx.Response:
        """Block, allocate and open places of tonight's showtime."""
        path = "/admin/showtimes/tonight/allocations/change"
        return await self.ask("POST", path, user, json={"changes": changes, **more})

    async def hold(self, user: str, *seats: int) -> str:
        hold_id = uuid4()
        await self.core.store.hold("tonight", hold_id, user, seats)
        return str(hold_id)

    async def book(self, user: str, hold_id: str, **more: Any) -> httpx.Response:
        body = {"showtime_id": "tonight", "hold_id": hold_id, **more}
        return await self.ask("POST", "/bookings", user, json=body)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def settled(core: Server) -> None:
    """Wait until the relay has brought all changes to Redis."""
    async with within("the relay to be done"):
        while not core.relay.is_idle:  # noqa: ASYNC110 - the relay tells nobody when it is done
            await asyncio.sleep(0.005)


async def eventually(rest: Rest, path: str, is_so: Callable[[Any], bool]) -> None:
    """Repeat a request until its answer is as expected, because the relay and the feed take a moment."""
    async with within(f"another answer of {path}"):
        while not is_so((await rest.ask("GET", path)).json()):  # noqa: ASYNC110 - there is nothing to wait on over REST
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
async def empty(settings: Settings, contract: Contract) -> AsyncIterator[Rest]:
    """A server with nothing on sale."""
    async with Server(
        dataclasses.replace(settings, request_body_bytes=20_000, kiosk_reader="simulated", kiosk_printer="simulated")
    ) as core:
        transport = httpx.ASGITransport(build_app(core), raise_app_exceptions=False)
        hooks = {"response": [contract.check]}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
            yield Rest(core, http)


@pytest.fixture
async def rest(empty: Rest) -> Rest:
    """A server with one theatre, one studio of four seats, and one showtime, ``tonight``."""
    boss = "boss:admin"
    for path, body in (
        ("/admin/theatres/odeon", {"name": "Odeon", "timezone": "Europe/Berlin"}),
        ("/admin/auditoriums/studio", {"theatre_id": "odeon", "name": "Studio"}),
    ):
        assert (await empty.ask("PUT", path, boss, json=body)).status_code == 200
    imported = await empty.ask("POST", "/admin/layouts", boss, content=HALL.encode())
    assert imported.json() == {
        "hash": HALL.content_hash,
        "name": "Studio",
        "format": "seatserver",
        "seats": 4,
        "areas": {},
        "categories": {"standard": 2, "sofa": 2},
        "groups": 1,
        "notes": [],
    }
    assert (await empty.ask("PUT", "/admin/showtimes/tonight", boss, json=SHOWTIME)).status_code == 200
    blocked = await empty.keep({"action": "block", "seats": ["A-2"], "reason": "house seat"})
    assert blocked.status_code == 200
    await settled(empty.core)  # in Redis too, so that the relay is idle when a test begins
    return empty


# ---------------------------------------------------------------- the offer


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("HUF", 2), ("IQD", 3)])
async def test_every_currency_comes_with_its_minor_digits(rest: Rest, currency: str, digits: int) -> None:
    put = await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json={**SHOWTIME, "currency": currency})
    found = (await rest.ask("GET", "/showtimes/tonight")).json()
    assert put.is_success, put.text
    assert (found["currency"], found["currency_digits"]) == (currency, digits)


async def test_a_showtime_reads_as_it_was_written(rest: Rest) -> None:
    found = (await rest.ask("GET", "/showtimes/tonight")).json()
    assert found["starts_at"] == "2100-01-01T19:30:00Z"
    assert {name: found[name] for name in ("title", "theatre_name", "currency", "prices")} == {
        "title": "The Long Take",
        "theatre_name": "Odeon",
        "currency": "EUR",
        "prices": {"standard": 1150, "sofa": 1400},
    }
    listed = (await rest.ask("GET", "/showtimes", params={"theatre": "odeon", "from": "2099-01-01T00:00:00Z"})).json()
    assert listed == {"showtimes": [found], "next": None}
    assert (await rest.ask("GET", "/showtimes", params={"to": "2099-01-01T00:00:00Z"})).json()["showtimes"] == []
    theatres = (await rest.ask("GET", "/theatres")).json()["theatres"]
    assert theatres[0]["auditoriums"] == [{"id": "studio", "name": "Studio"}]


async def test_ticket_types_fees_and_rules_read_as_they_were_written(rest: Rest) -> None:
    put = await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    found = put.json()
    assert found == (await rest.ask("GET", "/showtimes/tonight")).json()
    nothing: dict[str, Any] = {"at_most": None, "only_with": [], "per_companion": None}
    assert found["ticket_types"] == [{**nothing, **ADULT}, {**nothing, **CHILD}]
    assert (found["prices"], found["fees"]) == (ADULT["prices"], FAMILIES["fees"])
    assert found["rules"]["gap"]["mode"] == "enforce"


async def test_prices_alone_make_one_ticket_type(rest: Rest) -> None:
    found = (await rest.ask("GET", "/showtimes/tonight")).json()
    [ticket_type] = found["ticket_types"]
    assert (ticket_type["key"], ticket_type["prices"]) == ("standard", found["prices"])
    assert found["fees"] == {"per_ticket_minor": 0, "per_booking_minor": 0}


async def test_a_quote_prices_tickets_and_holds_nothing(rest: Rest) -> None:
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    before = (await rest.ask("GET", "/showtimes/tonight/availability")).json()
    tickets = [{"seat": "A-2", "ticket": "child"}, {"seat": 0}]
    found = (await rest.ask("POST", "/showtimes/tonight/quote", json={"tickets": tickets})).json()
    assert found == {
        "lines": [
            {"index": 0, "label": "A-1", "ticket": "adult", "price_minor": 1200},
            {"index": 1, "label": "A-2", "ticket": "child", "price_minor": 800},
        ],
        "fees_minor": 110,
        "total_minor": 2110,
        "currency": "EUR",
        "currency_digits": 2,
    }
    assert (await rest.ask("GET", "/showtimes/tonight/availability")).json() == before


async def test_tickets_that_are_not_sold_together_are_refused_with_an_explanation(rest: Rest) -> None:
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    refused = await rest.ask("POST", "/showtimes/tonight/quote", json={"tickets": [{"seat": "A-1", "ticket": "child"}]})
    assert code(refused) == (409, "tickets_refused")
    assert refused.json()["detail"] == "Child tickets go only together with Adult tickets: add one"
    assert refused.json()["facts"] == {"ticket": "child", "rule": "only_with", "count": 1, "only_with": ["adult"]}


async def test_offers_are_ranked_explained_and_priced_and_hold_nothing(rest: Rest) -> None:
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    before = (await rest.ask("GET", "/showtimes/tonight/availability")).json()
    answer = await rest.ask("POST", "/showtimes/tonight/best-available", "ann", json={"tickets": {"adult": 2}})
    [offer] = answer.json()["offers"]
    assert [seat["label"] for seat in offer["seats"]] == ["B-1", "B-2"]
    assert (offer["parts"], offer["alone"], offer["stranded"]) == ([[2, 3]], 0, [])
    assert offer["cost"] == pytest.approx(sum(offer["breakdown"].values()))
    assert offer["price"]["total_minor"] == 2 * 1500 + 100 + 2 * 5
    held = await rest.hold("ann", *offer["parts"][0])
    assert held
    gone = await rest.ask("POST", "/showtimes/tonight/best-available", "bob", json={"count": 2})
    assert gone.json() == {"offers": []}
    alone = (await rest.ask("POST", "/showtimes/tonight/best-available", "bob", json={"count": 1})).json()["offers"]
    assert [one["seats"][0]["label"] for one in alone] == ["A-1"]
    assert before["total"]["held"] == 0


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({}, "count"),
        ({"count": 0}, "count"),
        ({"count": 51}, "count"),
        ({"count": 1, "tickets": {"standard": 2}}, "count"),
        ({"tickets": {"standard": 30, "other": 30}}, "tickets"),
        ({"count": 1, "wheelchairs": 2}, "wheelchairs"),
        ({"count": 1, "categories": ["box"]}, "categories"),
        ({"count": 1, "areas": ["Circle"]}, "areas"),
        ({"count": 1, "weights": {"aisle": 11}}, "weights.aisle"),
        ({"count": 1, "weights": {"screen": 1}}, "weights.screen"),
        ({"count": 1, "limit": 21}, "limit"),
    ],
)
async def test_an_invalid_search_names_the_field(rest: Rest, wish: dict[str, Any], where: str) -> None:
    refused = await rest.ask("POST", "/showtimes/tonight/best-available", "ann", json=wish)
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}


async def test_a_search_for_tickets_that_are_not_sold_together_is_refused(rest: Rest) -> None:
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=FAMILIES)
    for tickets, rule in (({"infant": 1}, "unknown"), ({"child": 1}, "only_with")):
        refused = await rest.ask("POST", "/showtimes/tonight/best-available", "ann", json={"tickets": tickets})
        assert (code(refused), refused.json()["facts"]["rule"]) == ((409, "tickets_refused"), rule)


async def test_no_seats_are_offered_before_the_sale_opens(rest: Rest) -> None:
    later = {**SHOWTIME, "on_sale_at": "2099-01-01T00:00:00Z"}
    await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json=later)
    refused = await rest.ask("POST", "/showtimes/tonight/best-available", "ann", json={"count": 1})
    assert code(refused) == (409, "not_on_sale")


@pytest.mark.parametrize(
    ("tickets", "where"),
    [
        ([], "tickets"),
        ([{"seat": "Z-9"}], "tickets[0].seat"),
        ([{"seat": 0}, {"seat": 4}], "tickets[1].seat"),
        ([{"seat": -1}], "tickets[0].seat"),
        ([{"seat": "A-1", "ticket": "x" * 65}], "tickets[0].ticket"),
        ([{}], "tickets[0]"),
        ([{"seat": 0, "area": "lawn"}], "tickets[0]"),
        ([{"area": "lawn"}], "tickets[0].area"),
        ([{"seat": 0}, {"seat": "A-1"}], "tickets"),
        ([{"seat": True}], "tickets[0].seat"),
    ],
)
async def test_an_invalid_ticket_names_the_field(rest: Rest, tickets: list[Any], where: str) -> None:
    refused = await rest.ask("POST", "/showtimes/tonight/quote", json={"tickets": tickets})
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}


async def test_places_of_general_areas_are_counted_and_priced(rest: Rest) -> None:
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=2, x=1, y=9, width=4, height=2)
    hall = SeatMap.build(
        name="Open air", categories=HALL.categories[:1], screen=HALL.screen, seats=HALL.seats[:1], general_areas=[lawn]
    )
    await rest.ask("POST", "/admin/layouts", "boss:admin", content=hall.encode())
    showtime = {**SHOWTIME, "layout_hash": hall.content_hash, "prices": {"standard": 1000}}
    assert (await rest.ask("PUT", "/admin/showtimes/outside", "boss:admin", json=showtime)).status_code == 200
    found = (await rest.ask("GET", "/showtimes/outside/availability")).json()
    assert (found["total"]["free"], found["areas"]["lawn"]["free"]) == (3, 2)
    tickets = [{"area": "lawn"}, {"seat": "A-1"}, {"area": "lawn"}]
    quoted = (await rest.ask("POST", "/showtimes/outside/quote", json={"tickets": tickets})).json()
    assert quoted["total_minor"] == 3000
    assert [line["label"] for line in quoted["lines"]] == ["A-1", "Lawn", "Lawn"]
    refused = await rest.ask("POST", "/showtimes/outside/quote", json={"tickets": [{"area": "lawn"}] * 3})
    assert (code(refused), refused.json()["facts"]) == ((400, "bad_request"), {"where": "tickets[2].area"})


async def test_showtimes_are_listed_page_by_page(rest: Rest) -> None:
    for name in ("a", "b", "c"):
        await rest.ask("PUT", f"/admin/showtimes/{name}", "boss:admin", json=SHOWTIME)
    first = (await rest.ask("GET", "/showtimes", params={"limit": 3})).json()
    second = (await rest.ask("GET", "/showtimes", params={"limit": 3, "after": first["next"]})).json()
    assert [[one["id"] for one in page["showtimes"]] for page in (first, second)] == [["a", "b", "c"], ["tonight"]]
    assert second["next"] is None


async def test_a_path_with_an_extra_slash_is_not_found(rest: Rest) -> None:
    assert code(await rest.ask("GET", "/showtimes/")) == (404, "not_found")


async def test_a_layout_may_be_cached_for_ever_by_its_hash(rest: Rest) -> None:
    path = f"/layouts/{HALL.content_hash}"
    first = await rest.ask("GET", path)
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["etag"] == f'"{HALL.content_hash}"'
    assert msgspec.convert(first.json()["map"], type(HALL)) == HALL
    for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = await rest.ask("GET", path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert (await rest.ask("GET", path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_availability_counts_states_in_total_and_by_category(rest: Rest) -> None:
    await rest.hold("ann", 2, 3)
    found = (await rest.ask("GET", "/showtimes/tonight/availability")).json()
    nothing = {"free": 0, "held": 0, "claimed": 0, "sold": 0, "blocked": 0, "allocated": 0}
    assert found["total"] == {**nothing, "free": 1, "held": 2, "blocked": 1}
    assert found["categories"] == {
        "standard": {**nothing, "free": 1, "blocked": 1},
        "sofa": {**nothing, "held": 2},
    }


@pytest.mark.parametrize(
    "path",
    [
        "/showtimes/nope",
        "/showtimes/nope/availability",
        "/layouts/nope",
        "/showtimes/%00",
        "/nowhere",
        "/showtimes/a/b",
    ],
)
async def test_unknown_things_and_paths_are_not_found(rest: Rest, path: str) -> None:
    assert code(await rest.ask("GET", path)) == (404, "not_found")


async def test_a_wrong_method_is_answered_with_the_allowed_ones(rest: Rest) -> None:
    refused = await rest.ask("DELETE", "/bookings")
    assert code(refused) == (405, "method_not_allowed")
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("from=yesterday", "from"),
        ("from=2100-01-01T00:00:00", "from"),
        ("theater=odeon", "theater"),
        ("limit=1&limit=2", "limit"),
        ("after=elsewhere", "after"),
        ("from=1800000000", "from"),
        ("to=null", "to"),
        ("limit=5.0", "limit"),
    ],
)
async def test_an_invalid_query_names_the_parameter(rest: Rest, query: str, where: str) -> None:
    refused = await rest.ask("GET", f"/showtimes?{query}")
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}


async def test_a_query_with_thousands_of_parameters_is_refused_unparsed(rest: Rest) -> None:
    refused = await rest.ask("GET", "/showtimes?" + "&".join(["a"] * 10_000))
    assert code(refused) == (400, "bad_request")
    assert "parameters" in refused.json()["detail"]


async def test_no_answer_lets_browsers_guess_its_type(rest: Rest) -> None:
    for path in ("/theatres", "/showtimes/nope", "/nowhere", f"/layouts/{HALL.content_hash}", "/metrics"):
        assert (await rest.ask("GET", path)).headers["x-content-type-options"] == "nosniff", path


# ---------------------------------------------------------------- writes of administrators


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"title": 5}, "title"),
        ({"title": ""}, "title"),
        ({"title": "\u202emlif A"}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"colour": "red"}, "colour"),
        ({"starts_at": "2100-01-01T20:30:00"}, "starts_at"),
        ({"starts_at": "1900-01-01T20:30:00Z"}, "starts_at"),
        ({"sale_ends_at": "2000-01-01T20:30:00Z"}, "sale_ends_at"),
        ({"currency": "euro"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"prices": {"standard": 1}}, "prices"),
        ({"prices": {"standard": 1, "sofa": -1}}, "prices[...]"),
        ({"prices": {"standard": 1, "sofa": 1.5}}, "prices[...]"),
        ({"prices": None}, "prices"),
        ({"ticket_types": [ADULT]}, "ticket_types"),
        ({"prices": None, "ticket_types": []}, "ticket_types"),
        ({"prices": None, "ticket_types": [CHILD]}, "ticket_types[0].only_with[0]"),
        ({"prices": None, "ticket_types": [{**ADULT, "prices": {"sofa": 1}}]}, "ticket_types"),
        ({"prices": None, "ticket_types": [ADULT, {**CHILD, "at_most": 0}]}, "ticket_types[1].at_most"),
        ({"fees": {"per_ticket_minor": -1}}, "fees.per_ticket_minor"),
        ({"rules": {"gap": {"mode": "perhaps"}}}, "rules.gap.mode"),
        ({"rules": {"gap": {"width": 4}}}, "rules.gap.width"),
        ({"auditorium_id": "nope"}, "auditorium_id"),
        ({"layout_hash": "0" * 32}, "layout_hash"),
        ({"layout_hash": "nope"}, "layout_hash"),
    ],
)
async def test_an_invalid_field_is_named_and_nothing_is_written(rest: Rest, change: dict[str, Any], where: str) -> None:
    refused = await rest.ask("PUT", "/admin/showtimes/other", "boss:admin", json={**SHOWTIME, **change})
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}
    assert (await rest.ask("GET", "/showtimes/other")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": "\xff"}', b"\xff\xfe", b"null", b'{"name": "a"} {}'])
async def test_a_body_that_is_not_a_json_object_is_a_bad_request(rest: Rest, body: bytes) -> None:
    assert code(await rest.ask("PUT", "/admin/theatres/t", "boss:admin", content=body)) == (400, "bad_request")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused(rest: Rest, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    content = b" " * 100_000 if announced else pieces()
    refused = await rest.ask("POST", "/admin/layouts", "boss:admin", content=content)
    assert code(refused) == (413, "too_large")
    assert refused.json()["facts"] == {"limit_bytes": 20_000}


async def test_a_bad_seat_map_is_refused_with_the_place_in_the_file(rest: Rest) -> None:
    broken = msgspec.json.decode(HALL.encode())
    broken["seats"][1]["category"] = "box"
    refused = await rest.ask("POST", "/admin/layouts", "boss:admin", json=broken)
    assert code(refused) == (422, "bad_seat_map")
    assert refused.json()["facts"] == {"place": "seats[1].category"}


async def test_a_layout_can_be_renamed_on_import(rest: Rest) -> None:
    imported = await rest.ask("POST", "/admin/layouts?name=Blue", "boss:admin", content=HALL.encode())
    assert imported.json()["name"] == "Blue"


async def test_the_currency_cannot_change_once_there_are_bookings(rest: Rest) -> None:
    await rest.book("ann", await rest.hold("ann", 0))
    refused = await rest.ask("PUT", "/admin/showtimes/tonight", "boss:admin", json={**SHOWTIME, "currency": "CHF"})
    assert code(refused) == (409, "conflict")


# ---------------------------------------------------------------- blocked and allocated seats

ALLOCATIONS = "/admin/showtimes/tonight/allocations"
LATER = "2099-12-31T23:00:00+01:00"


async def test_allocations_show_who_made_them_why_and_until_when(rest: Rest) -> None:
    sofa = {"action": "allocate", "channel": "kiosk", "rows": ["B"], "reason": "for the door", "release_at": LATER}
    changed = (await rest.keep(sofa, user="ann:admin")).json()
    [entry] = changed["entries"]
    expected = {"channel": "kiosk", "seats": ["B-1", "B-2"], "places": {}, "reason": "for the door", "by": "ann"}
    assert expected.items() <= entry.items()
    assert (entry["action"], entry["release_at"], changed["notes"]) == ("allocate", "2099-12-31T22:00:00Z", [])
    assert (await rest.keep(sofa, user="bob:admin")).json() == {"entries": [], "notes": []}, "nothing to change"
    house_seat, kiosk = (await rest.ask("GET", ALLOCATIONS, "boss:admin")).json()["allocations"]
    assert (house_seat["channel"], house_seat["seats"], house_seat["by"]) == (None, ["A-2"], "boss")
    assert (house_seat["reason"], house_seat["release_at"]) == ("house seat", None)
    assert expected.items() <= kiosk.items()
    await eventually(rest, "/showtimes/tonight/availability", lambda found: found["total"]["allocated"] == 2)
    assert (await rest.ask("GET", "/showtimes/tonight/availability")).json()["total"]["blocked"] == 1


async def test_the_log_is_listed_page_by_page_newest_first(rest: Rest) -> None:
    for reason in ("one", "two", "three"):
        await rest.keep({"action": "block", "seats": ["A-1"], "reason": reason})
    await rest.keep({"action": "open", "categories": ["standard"], "reason": "all is well"})
    first = (await rest.ask("GET", f"{ALLOCATIONS}/log", "boss:admin", params={"limit": 3})).json()
    second = (await rest.ask("GET", f"{ALLOCATIONS}/log", "boss:admin", params={"after": first["next"]})).json()
    assert [entry["reason"] for entry in first["entries"]] == ["all is well", "three", "two"]
    assert first["entries"][0]["seats"] == ["A-1", "A-2"]
    assert [entry["reason"] for entry in second["entries"]] == ["one", "house seat"]
    assert second["next"] is None


async def test_places_of_a_general_area_are_allocated_by_number(rest: Rest) -> None:
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=9, x=1, y=9, width=4, height=2)
    stalls = [msgspec.structs.replace(HALL.seats[0], area="Stalls")]
    hall = SeatMap.build(
        name="Open air", categories=HALL.categories[:1], screen=HALL.screen, seats=stalls, general_areas=[lawn]
    )
    await rest.ask("POST", "/admin/layouts", "boss:admin", content=hall.encode())
    showtime = {**SHOWTIME, "layout_hash": hall.content_hash, "prices": {"standard": 1000}}
    await rest.ask("PUT", "/admin/showtimes/outside", "boss:admin", json=showtime)

    async def keep(**change: Any) -> httpx.Response:
        body = {"changes": [{"reason": "picnic", **change}]}
        return await rest.ask("POST", "/admin/showtimes/outside/allocations/change", "boss:admin", json=body)

    async def free(count: int) -> None:
        path = "/showtimes/outside/availability"
        await eventually(rest, path, lambda found: found["areas"]["lawn"]["free"] == count)

    for _ in range(2):
        assert (await keep(action="allocate", channel="kiosk", places={"lawn": 4})).status_code == 200
    await keep(action="block", places={"lawn": 3})
    await free(2)
    fewer = (await keep(action="block", places={"lawn": 1})).json()["entries"]
    assert [(entry["action"], entry["places"], entry["seats"]) for entry in fewer] == [("open", {"lawn": 2}, [])]
    await free(4)
    refused = await keep(action="block", places={"lawn": 6})
    assert (code(refused), refused.json()["detail"]) == ((409, "seats_refused"), "refused: Lawn full")
    for wrong, where in (({"lawn": 10}, "changes[0].places"), ({"pool": 1}, "changes[0].places")):
        refused = await keep(action="block", places=wrong)
        assert (code(refused), refused.json()["facts"]) == ((400, "bad_request"), {"where": where})
    many = await keep(action="block", places={"lawn": 10})
    assert many.json()["detail"] == "changes[0].places keeps 10 of 'lawn': expected 0 to 9, as many as there are"
    everything = (await keep(action="block", areas=["Stalls", "lawn"])).json()["entries"]
    assert [(entry["places"], entry["seats"]) for entry in everything] == [({"lawn": 8}, ["A-1"])]
    await free(0)
    await keep(action="open", areas=["lawn"])
    await free(9)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"action": "sell"}, "changes[0].action"),
        ({"action": "open"}, "changes[0]"),
        ({"reason": ""}, "changes[0].reason"),
        ({"reason": "two\nlines"}, "changes[0].reason"),
        ({"reason": "x" * 201}, "changes[0].reason"),
        ({"seats": ["A-1", "Z-9"]}, "changes[0].seats[1]"),
        ({"seats": [4]}, "changes[0].seats[0]"),
        ({"rows": ["B", "Z"]}, "changes[0].rows[1]"),
        ({"areas": ["lawn"]}, "changes[0].areas[0]"),
        ({"categories": [""]}, "changes[0].categories[0]"),
        ({"places": {"lawn": 1}}, "changes[0].places"),
        ({"seats": ["A-1"], "channel": "kiosk"}, "changes[0].channel"),
        ({"seats": ["A-1"], "action": "allocate"}, "changes[0].channel"),
        ({"seats": ["A-1"], "action": "allocate", "channel": "the kiosk"}, "changes[0].channel"),
        ({"seats": ["A-1"], "release_at": "2020-01-01T00:00:00Z"}, "changes[0].release_at"),
        ({"seats": ["A-1"], "release_at": "9999-12-31T23:59:59-23:59"}, "changes[0].release_at"),
        ({"seats": ["A-1"], "release_at": "2099-01-01T00:00:00"}, "changes[0].release_at"),
        ({"seats": ["A-2"], "action": "open", "release_at": LATER}, "changes[0].release_at"),
        ({"seats": ["A-1"], "for_whom": "us"}, "changes[0].for_whom"),
    ],
)
async def test_an_invalid_allocation_names_the_field(rest: Rest, change: dict[str, Any], where: str) -> None:
    refused = await rest.keep({"action": "block", "reason": "wet paint", **change})
    assert code(refused) == (400, "bad_request")
    assert refused.json()["facts"] == {"where": where}
    assert len((await rest.ask("GET", ALLOCATIONS, "boss:admin")).json()["allocations"]) == 1


async def test_a_request_may_name_a_seat_only_once(rest: Rest) -> None:
    block = {"action": "block", "reason": "wet paint", "seats": ["A-1"]}
    refused = await rest.keep(block, {"action": "open", "reason": "dry", "rows": ["A"]})
    assert (code(refused), refused.json()["facts"]) == ((400, "bad_request"), {"where": "changes[1]"})
    assert code(await rest.keep()) == (400, "bad_request")
    assert code(await rest.keep(*[block] * 101)) == (400, "bad_request")


async def test_a_sold_seat_makes_the_whole_change_fail_and_is_named(rest: Rest) -> None:
    await rest.book("ann", await rest.hold("ann", 2, 3))
    refused = await rest.keep(
        {"action": "block", "reason": "wet paint", "seats": ["A-1"]},
        {"action": "allocate", "channel": "kiosk", "reason": "for the door", "rows": ["B"]},
    )
    assert code(refused) == (409, "seats_refused")
    assert refused.json()["facts"] == {"seats": [[2, "sold"], [3, "sold"]]}
    assert refused.json()["detail"] == "refused: B-1 sold, B-2 sold"
    assert len((await rest.ask("GET", ALLOCATIONS, "boss:admin")).json()["allocations"]) == 1


async def test_blocking_held_seats_ends_the_hold_or_is_refused_as_requested(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 2, 3)
    block = {"action": "block", "reason": "wet paint", "rows": ["A", "B"]}
    refused = await rest.keep(block, held="refuse")
    assert (code(refused), refused.json()["facts"]) == ((409, "seats_refused"), {"seats": [[2, "held"], [3, "held"]]})
    assert (await rest.keep(block, held="end")).status_code == 200
    await eventually(rest, "/showtimes/tonight/availability", lambda found: found["total"]["blocked"] == 4)
    assert code(await rest.book("ann", hold_id)) == (409, "hold_gone")


async def test_blocking_half_a_sofa_warns_that_nobody_can_buy_the_rest(rest: Rest) -> None:
    changed = (await rest.keep({"action": "block", "reason": "spring is out", "seats": ["B-2"]})).json()
    assert changed["notes"] == ["B-1 and B-2 are sold only together but are not kept alike: now nobody can buy them"]


async def test_only_administrators_see_and_change_allocations(rest: Rest) -> None:
    block = {"action": "block", "reason": "mine", "seats": ["A-1"]}
    assert code(await rest.keep(block, user="ann")) == (403, "forbidden")
    for path in (ALLOCATIONS, f"{ALLOCATIONS}/log"):
        assert code(await rest.ask("GET", path, "ann")) == (403, "forbidden")
        assert code(await rest.ask("GET", path.replace("tonight", "never"), "boss:admin")) == (404, "not_found")
    assert code(await rest.ask("GET", f"{ALLOCATIONS}/log?after=x", "boss:admin")) == (400, "bad_request")


# ---------------------------------------------------------------- access


async def test_while_guests_are_free_an_answer_that_nobody_asked_for_makes_one_too(rest: Rest) -> None:
    answer = await rest.ask("POST", "/guests/prove", json={"challenge": "1.x.y", "answer": "7"})
    assert (answer.status_code, answer.json()["scopes"]) == (201, ["book", "hold", "watch"])
    wrong = {"challenge": "x" * 201, "answer": "7"}
    assert code(await rest.ask("POST", "/guests/prove", json=wrong)) == (400, "bad_request")


async def test_a_guest_gets_a_token_that_works(rest: Rest) -> None:
    guest = (await rest.ask("POST", "/guests")).json()
    assert guest["scopes"] == ["book", "hold", "watch"]
    headers = {"Authorization": f"Bearer {guest['token']}"}
    ticket = (await rest.ask("POST", "/tickets", headers=headers)).json()["ticket"]
    assert (await rest.core.socket_tickets.redeem(ticket)).user_id == guest["user_id"]


async def test_a_guests_renewal_gives_a_token_for_the_same_guest_and_no_access(rest: Rest) -> None:
    guest = (await rest.ask("POST", "/guests")).json()
    for _ in range(2):
        renewed = (await rest.ask("POST", "/guests/renew", json={"renewal": guest["renewal"]})).json()
        assert renewed["user_id"] == guest["user_id"]
        assert renewed["renewal_expires_at_ms"] == guest["renewal_expires_at_ms"]
        headers = {"Authorization": f"Bearer {renewed['token']}"}
        assert (await rest.ask("GET", "/bookings", headers=headers)).json()["bookings"] == []
    headers = {"Authorization": f"Bearer {guest['renewal']}"}
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "unauthorized")
    for wrong in (guest["token"], "", guest["renewal"][:-2]):
        assert code(await rest.ask("POST", "/guests/renew", json={"renewal": wrong})) == (401, "unauthorized")


BOX_OFFICE = {"name": "Box office", "user_id": "box-office", "scopes": ["book", "hold"], "channel": "box-office"}


async def test_administrators_make_list_rotate_and_revoke_keys(rest: Rest) -> None:
    boss = "boss:admin"
    made = await rest.ask("POST", "/keys", boss, json={**BOX_OFFICE, "days": 10})
    assert made.status_code == 201
    about = made.json()["about"]
    expected = {**BOX_OFFICE, "scopes": ["hold", "book"], "created_by": "boss", "successor": None, "revoked_by": None}
    assert expected.items() <= about.items()
    assert about["expires_at_ms"] - about["created_at_ms"] == 10 * 86_400_000
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    assert (await rest.ask("GET", "/bookings", headers=headers)).status_code == 200
    rotated = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={"overlap_s": 60})
    assert (rotated.status_code, rotated.json()["about"]["user_id"]) == (201, "box-office")
    again = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={})
    assert (code(again), rotated.json()["about"]["id"] in again.json()["detail"]) == ((409, "conflict"), True)
    first = await rest.ask("GET", "/keys?limit=1", boss)
    assert [key["id"] for key in first.json()["keys"]] == [rotated.json()["about"]["id"]]
    second = await rest.ask("GET", f"/keys?limit=1&after={first.json()['next']}", boss)
    assert [key["successor"] for key in second.json()["keys"]] == [rotated.json()["about"]["id"]]
    assert second.json()["next"] is None
    for _ in range(2):
        revoked = await rest.ask("POST", f"/keys/{about['id']}/revoke", boss)
        assert (revoked.status_code, revoked.json()["revoked_by"]) == (200, "boss")
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "revoked")
    ended = await rest.ask("POST", f"/keys/{about['id']}/rotate", boss, json={})
    assert code(ended) == (409, "conflict")
    for key_id in ("a" * 16, "nonsense", made.json()["key"]):
        for action in ("rotate", "revoke"):
            missing = await rest.ask("POST", f"/keys/{key_id}/{action}", boss, json={})
            assert code(missing) == (404, "not_found")
            assert made.json()["key"] not in missing.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "two\nlines"},
        {"user_id": "guest:one"},
        {"user_id": "a\tb"},
        {"scopes": []},
        {"scopes": ["fly"]},
        {"channel": "box office"},
        {"days": 0},
        {"days": 367},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_key_with_a_wrong_field_is_refused_by_name(empty: Rest, wrong: dict[str, Any]) -> None:
    refused = await empty.ask("POST", "/keys", "boss:admin", json={**BOX_OFFICE, **wrong})
    assert code(refused) == (400, "bad_request")
    assert next(iter(wrong)) in refused.json()["facts"]["where"]
    assert (await empty.ask("GET", "/keys", "boss:admin")).json()["keys"] == []


@pytest.mark.parametrize("after", ["%00", "nonsense", "a" * 17])
async def test_keys_are_listed_only_from_a_page_s_own_next_on(empty: Rest, after: str) -> None:
    refused = await empty.ask("GET", f"/keys?after={after}", "boss:admin")
    assert (*code(refused), refused.json()["facts"]["where"]) == (400, "bad_request", "after")


async def test_only_administrators_see_or_change_keys(empty: Rest) -> None:
    for user, expected in ((None, (401, "unauthorized")), ("ann:settle,admit,book", (403, "forbidden"))):
        assert code(await empty.ask("GET", "/keys", user)) == expected
        assert code(await empty.ask("POST", "/keys", user, json=BOX_OFFICE)) == expected
        assert code(await empty.ask("POST", f"/keys/{'a' * 16}/rotate", user, json={})) == expected
        assert code(await empty.ask("POST", f"/keys/{'a' * 16}/revoke", user)) == expected


async def test_administrators_revoke_a_user_or_a_token(rest: Rest) -> None:
    path, boss = "/admin/revocations", "boss:admin"
    token, other = (rest.core.tokens.mint("mallory", ["watch"], 60) for _ in range(2))
    headers, others = ({"Authorization": f"Bearer {one}"} for one in (token, other))
    revoked = await rest.ask("POST", path, boss, json={"token": token})
    assert (revoked.status_code, revoked.json()["kind"]) == (200, "token")
    assert code(await rest.ask("GET", "/bookings", headers=headers)) == (401, "revoked")
    again = await rest.ask("POST", path, boss, json={"token": token})
    assert (again.status_code, again.json()["subject"]) == (200, revoked.json()["subject"]), "the answer may be lost"
    assert (await rest.ask("GET", "/bookings", headers=others)).status_code == 200
    revoked = await rest.ask("POST", path, boss, json={"user_id": "mallory"})
    assert (revoked.json()["kind"], revoked.json()["subject"]) == ("user", "mallory")
    assert code(await rest.ask("GET", "/bookings", headers=others)) == (401, "revoked")
    assert (await rest.ask("POST", path, boss, json={"token_id": "t1"})).status_code == 200
    for wrong in ({}, {"user_id": "a", "token_id": "b"}, {"user_id": ""}, {"token_id": "x" * 256}, {"name": "a"}):
        assert code(await rest.ask("POST", path, boss, json=wrong)) == (400, "bad_request"), wrong
    for wrong in (
        {"user_id": "\0a"},
        {"user_id": "a\0\n"},
        {"token_id": "a\tb"},
        {"token": "nonsense"},
        {"token": "\0"},
    ):
        refused = await rest.ask("POST", path, boss, json=wrong)
        assert code(refused) == (400, "bad_request"), wrong
        assert refused.json()["facts"]["where"].endswith(next(iter(wrong)))
        assert "www-authenticate" not in refused.headers, "the administrator's own token is fine"
    odd = jwt.encode(
        {**jwt.decode(other, options={"verify_signature": False}), "jti": "\0"},
        rest.core.settings.token_secret,
        algorithm="HS256",
    )
    assert code(await rest.ask("POST", path, boss, json={"token": odd})) == (400, "bad_request")
    assert code(await rest.ask("POST", path, "ann:settle", json={"user_id": "bob"})) == (403, "forbidden")


async def test_a_missing_or_invalid_token_is_unauthorized(rest: Rest) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer "}):
        refused = await rest.ask("POST", "/tickets", headers=headers)
        assert code(refused) == (401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_token_without_the_scope_is_forbidden(rest: Rest) -> None:
    hold_id = await rest.hold("ann", 0)
    for method, path, user, body in (
        ("PUT", "/admin/theatres/odeon", "ann", {"name": "Mine", "timezone": "UTC"}),
        ("POST", "/bookings", "ann:hold", {"showtime_id": "tonight", "hold_id": hold_id}),
        ("POST", "/bookings", "ann:claim", {"showtime_id": "tonight", "hold_id": hold_id}),
    ):
        assert code(await rest.ask(method, path, user, json=body)) == (403, "forbidden")


# ---------------------------------------------------------------- bookings


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


# ---------------------------------------------------------------- the link to a ticket


def key_in(booking: dict[str, Any]) -> dict[str, str]:
    """The header of somebody who has only the ticket link."""
    page, _, key = booking["ticket_url"].partition("#key=")
    assert page == f"/bookings/{booking['id']}"
    return {"Authorization": f"Booking {key}"}


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


# ---------------------------------------------------------------- tickets at the door


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


async def test_a_theatres_address_is_one_line(rest: Rest) -> None:
    for address in ("Kantstraße 12a, 10623 Berlin", ""):
        body = {**ODEON, "address": address}
        assert (await rest.ask("PUT", "/admin/theatres/odeon", "boss:admin", json=body)).json()["address"] == address
        assert (await rest.ask("GET", "/theatres")).json()["theatres"][0]["address"] == address
        assert (await rest.ask("GET", "/showtimes/tonight")).json()["theatre_address"] == address
    for wrong in ("two\nlines", "\u202eback", "x" * 301):
        refused = await rest.ask("PUT", "/admin/theatres/odeon", "boss:admin", json={**ODEON, "address": wrong})
        assert (code(refused), refused.json()["facts"]["where"]) == ((400, "bad_request"), "address")


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


async def test_many_showtimes_are_counted_in_one_request(rest: Rest) -> None:
    assert (await rest.ask("PUT", "/admin/showtimes/later", "boss:admin", json=SHOWTIME)).status_code == 200
    await rest.hold("ann", 2, 3)
    answer = await rest.ask("GET", "/availability", params={"showtimes": "later,nothing,tonight,later,,a b"})
    found = {one["showtime_id"]: one["total"] for one in answer.json()["showtimes"]}
    assert list(found) == ["later", "tonight"]
    assert (found["later"]["free"], found["later"]["held"]) == (4, 0)
    assert (found["tonight"]["free"], found["tonight"]["held"], found["tonight"]["blocked"]) == (1, 2, 1)
    many = await rest.ask("GET", "/availability", params={"showtimes": ",".join(map(str, range(101)))})
    assert (code(many), many.json()["facts"]["where"]) == ((400, "bad_request"), "showtimes")


# ---------------------------------------------------------------- service


async def test_health_and_metrics_answer(rest: Rest) -> None:
    assert (await rest.ask("GET", "/health/live")).json() == {"live": True}
    await eventually(rest, "/health/ready", lambda found: found["ready"])
    metrics = await rest.ask("GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert "# HELP" in metrics.text


async def test_readiness_names_the_part_that_does_not_answer(rest: Rest) -> None:
    await rest.core.database.close()
    rest.core.database = type(rest.core.database)(
        dataclasses.replace(rest.core.settings, database_url="postgresql://u@127.0.0.1:1/x")
    )
    answer = await rest.ask("GET", "/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["postgres"] == Unavailable("Postgres").message


async def test_the_documents_are_served(rest: Rest) -> None:
    plain = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(rest.core)), base_url="http://test")
    async with plain:
        assert (await plain.get("/openapi.json")).json()["openapi"] == "3.1.0"
        assert (await plain.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"


@asynccontextmanager
async def door(rest: Rest, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The server with other settings. Its answers may be undocumented."""
    rest.core.settings = dataclasses.replace(rest.core.settings, **changes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(rest.core)), base_url="http://test") as http:
        yield http


async def test_pages_of_allowed_origins_may_send_requests(rest: Rest) -> None:
    path = "/api/v1/admin/theatres/odeon"
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    # Browsers write this origin differently. The socket's check accepts it too.
    async with door(rest, allowed_origins=("https://Cinema.example:443/",)) as http:
        headers = {"Origin": "https://cinema.example"}
        preflight = await http.options(path, headers=headers | asks)
        answer = await http.get("/api/v1/theatres", headers=headers)
        for one in (preflight, answer):
            assert (one.status_code, one.headers["access-control-allow-origin"]) == (200, "https://cinema.example")
        assert (await http.options(path, headers=headers | asks | {"Access-Control-Request-Method": "DELETE"})).is_error


@pytest.mark.parametrize("allowed", [(), ("https://cinema.example",)])
async def test_a_page_of_another_origin_can_read_why_it_is_refused(rest: Rest, allowed: tuple[str, ...]) -> None:
    path = "/api/v1/admin/theatres/palace"
    evil = {"Origin": "https://evil.example", "Authorization": f"Bearer {rest.core.tokens.mint('b', ['admin'], 60)}"}
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    async with door(rest, allowed_origins=allowed) as http:
        preflight = await http.options(path, headers=evil | asks)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
        answer = await http.put(path, headers=evil, json={"name": "Palace", "timezone": "Europe/Berlin"})
        assert code(answer) == (403, "origin_refused")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "https://evil.example" in answer.json()["detail"]
        assert "SEATSERVER" not in answer.json()["detail"], "visitors may read this"
        assert "SEATSERVER_ALLOWED_ORIGINS" in answer.json()["facts"]["settings"]
        assert (await http.get("/api/v1/theatres", headers={"Origin": "null"})).status_code == 403
        own = await http.get("/api/v1/theatres", headers={"Origin": "http://test"})
        assert [theatre["id"] for theatre in own.json()["theatres"]] == ["odeon"]


async def test_pages_of_any_origin_may_load_the_modules(rest: Rest) -> None:
    async with door(rest) as http:
        answer = await http.get("/static/seatmap-client.js", headers={"Origin": "https://anyone.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_a_missing_page_is_html_for_browsers_and_a_problem_for_programs(rest: Rest) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with door(rest, frame_ancestors=("https://portal.example",)) as http:
        page = await http.get("/no/such/page", headers=html | {"If-None-Match": "*"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no such page" in page.text
        assert page.headers["content-security-policy"].endswith("frame-ancestors 'self' https://portal.example")
        for path, headers in (("/no/such/page", {}), ("/api/v1/no", html), ("/static/no.js", html)):
            answer = await http.get(path, headers=headers)
            assert code(answer) == (404, "not_found"), path
        assert code(await http.post("/no/such/page", headers=html)) == (404, "not_found")
        assert code(await http.delete("/docs", headers=html)) == (405, "method_not_allowed")


GARBAGE = (
    "", "\x00", "a" * 3000, "💺", "-1", "1e400", "null", "../..", "a b", "tonight", "studio", HALL.content_hash,
    str(UUID(int=7)), "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9" * 20,
)  # fmt: skip
SOUND: dict[str, dict[str, Any]] = {
    "put_showtime": FAMILIES,
    "quote_tickets": {"tickets": [{"seat": "A-1", "ticket": "standard"}, {"seat": 1}]},
    "best_available": {"tickets": {"standard": 2}, "weights": {"aisle": 3}, "limit": 2},
    "enrol_kiosk": {"code": "K7F2-9QXM", "theatre_id": "odeon", "name": "Lobby 1"},
    "enrol_kiosk_agent": {"code": "K7F2-9QXM"},
    "put_kiosk": {"theatre_id": "odeon", "name": "Lobby 1"},
    "change_allocations": {"changes": [{"action": "block", "seats": ["A-1"], "rows": ["B"], "reason": "wet paint"}]},
}
VALUES: tuple[Any, ...] = (*GARBAGE, None, True, -1, 2**63, 2**70, 1.5, 1e308, [], ["A-1", "A-1"], {}, {"standard": -1})


@pytest.mark.parametrize("seed", range(3))
async def test_random_requests_get_documented_answers_and_never_a_bug(rest: Rest, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(150):
        endpoint = dice.choice(ENDPOINTS)
        path = re.sub(r"{\w+}", lambda _: quote(dice.choice(GARBAGE), safe="") or "x", endpoint.path)
        more: dict[str, Any] = {}
        if endpoint.query is not None and dice.random() < 0.7:
            names = [field.encode_name for field in msgspec.structs.fields(endpoint.query)]
            more["params"] = {name: dice.choice(GARBAGE) for name in dice.sample(names, dice.randint(0, len(names)))}
        if endpoint.body is not None:
            sound = SOUND.get(endpoint.name, {"name": "Odeon", "theatre_id": "odeon"})
            more["json"] = {**sound, dice.choice([*sound, "other"]): dice.choice(VALUES)}
        user = dice.choice(["boss:admin", "ann", None])
        answer = await rest.ask(endpoint.method, path.removeprefix("/api/v1"), user, **more)
        assert answer.status_code != 500, (endpoint.method, path, more)


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
    ticket = (await rest.ask("POST", "/kiosks/self/tickets", headers=own, json=shown)).json()
    assert (ticket["booking"]["reference"], ticket["code"]) == (booking["reference"], shown["code"])
    wrong = {"code": "nonsense"}
    assert code(await rest.ask("POST", "/kiosks/self/tickets", headers=own, json=wrong)) == (422, "bad_ticket")


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


async def test_operators_see_the_live_view_and_the_demand_of_a_hall(rest: Rest) -> None:
    live = (await rest.ask("GET", "/admin/house", "boss:admin", params={"rooms": 5})).json()
    assert (live["whole"], live["viewers"], live["showtimes"], len(live["instances"])) == (True, 0, [], 1)
    await rest.hold("ann", 0)
    hall = (await rest.ask("GET", "/admin/showtimes/tonight/demand", "boss:admin")).json()
    assert (hall["states"], hall["wanted"], hall["layout_hash"]) == ("1400", "0000", HALL.content_hash)
    for path in ("/admin/house", "/admin/showtimes/tonight/demand"):
        assert code(await rest.ask("GET", path, "ann")) == (403, "forbidden")


ANNA = {"name": "Anna Bauer", "email": "anna@rex.example", "roles": ["box-office"], "channel": "till"}
PASSWORD = "vierzehn blaue Ziegel"


async def test_staff_are_added_listed_changed_and_disabled(empty: Rest) -> None:
    boss = "boss:admin"
    made = await empty.ask("POST", "/users", boss, json={**ANNA, "password": PASSWORD})
    anna = made.json()
    assert made.status_code == 201
    assert (anna["scopes"], anna["has_password"]) == (["hold", "book", "settle"], True)
    assert code(await empty.ask("POST", "/users", boss, json=ANNA)) == (409, "conflict")
    weak = await empty.ask("POST", "/users", boss, json={**ANNA, "email": "b@rex.example", "password": "short"})
    assert (code(weak), weak.json()["facts"]) == ((400, "bad_request"), {"where": "password"})
    path = f"/users/{anna['id']}"
    assert (await empty.ask("GET", path, boss)).json() == anna
    assert (await empty.ask("GET", "/users", boss)).json() == {"users": [anna], "next": None}
    changed = (await empty.ask("PUT", path, boss, json={**ANNA, "roles": ["usher"]})).json()
    assert changed == {**anna, "roles": ["usher"], "scopes": ["admit"]}
    greeter = (await empty.ask("PUT", "/roles/greeter", boss, json={"scopes": ["admit"]})).json()
    assert greeter in (await empty.ask("GET", "/roles", boss)).json()["roles"]
    assert code(await empty.ask("PUT", "/roles/No Role", boss, json={"scopes": ["admit"]})) == (400, "bad_request")
    other = "drei Kamele rudern weit"
    assert (await empty.ask("POST", f"{path}/password", boss, json={"password": other})).json()["has_password"]
    disabled = (await empty.ask("POST", f"{path}/disable", boss)).json()
    assert disabled["disabled_by"] == "boss"
    assert (await empty.ask("POST", f"{path}/enable", boss)).json()["disabled_by"] is None
    assert (await empty.ask("POST", f"{path}/sign-out", boss)).status_code == 200
    assert (await empty.ask("GET", f"{path}/sessions", boss)).json() == {"sessions": []}
    for unknown in ("/users/staff:aaaaaaaaaaaaaaaa", "/users/%00", f"/users/{'x' * 300}"):
        assert code(await empty.ask("GET", unknown, boss)) == (404, "not_found")


async def test_users_and_keys_get_tokens_by_oauth(empty: Rest) -> None:
    anna = (await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})).json()
    form = {"grant_type": "password", "username": "Anna@rex.example", "password": PASSWORD, "scope": "hold"}
    answer = await empty.ask("POST", "/oauth/token", data=form)
    granted = answer.json()
    assert (granted["token_type"], granted["expires_in"], granted["scope"]) == ("Bearer", 300, "hold")
    assert answer.headers["cache-control"] == "no-store"
    again = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    fresh = (await empty.ask("POST", "/oauth/token", data=again)).json()
    own = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert (await empty.ask("GET", "/bookings", headers=own)).json()["bookings"] == []
    [session] = (await empty.ask("GET", f"/users/{anna['id']}/sessions", "boss:admin")).json()["sessions"]
    assert (session["kind"], session["method"], session["ended_at_ms"]) == ("program", "password", None)
    assert (await empty.ask("POST", "/oauth/revoke", data={"token": fresh["refresh_token"]})).json() == {}
    assert code(await empty.ask("GET", "/bookings", headers=own)) == (401, "revoked")
    key, about = await empty.core.api_keys.create(name="Till", user_id="till", scopes=("hold", "book"), by="boss")
    client = {"grant_type": "client_credentials", "client_id": about.id, "client_secret": key}
    token = (await empty.ask("POST", "/oauth/token", data={**client, "scope": "hold"})).json()
    assert "refresh_token" not in token
    identity = await empty.core.credentials.verify(token["access_token"])
    assert (identity.user_id, identity.key_id, set(identity.scopes)) == ("till", about.id, {"hold"})


async def test_a_user_changes_their_own_password_with_the_current_one(empty: Rest) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    form = {"grant_type": "password", "username": ANNA["email"], "password": PASSWORD}
    token = (await empty.ask("POST", "/oauth/token", data=form)).json()["access_token"]
    own = {"Authorization": f"Bearer {token}"}
    new = "drei Kamele rudern weit"
    wrong = await empty.ask("POST", "/users/self/password", headers=own, json={"current": new, "password": new})
    assert code(wrong) == (401, "sign_in_refused")
    right = {"current": PASSWORD, "password": new}
    assert (await empty.ask("POST", "/users/self/password", headers=own, json=right)).status_code == 200
    assert code(await empty.ask("POST", "/users/self/password", headers=own, json=right)) == (401, "revoked")
    assert (await empty.ask("POST", "/oauth/token", data={**form, "password": new})).status_code == 200
    assert code(await empty.ask("POST", "/users/self/password", "ann", json=right)) == (404, "not_found")
    fresh = (await empty.ask("POST", "/oauth/token", data={**form, "password": new})).json()["access_token"]
    own = {"Authorization": f"Bearer {fresh}"}
    assert (await empty.ask("POST", "/users/self/sign-out", headers=own)).json()["email"] == ANNA["email"]
    assert code(await empty.ask("POST", "/users/self/sign-out", headers=own)) == (401, "revoked")


OWN_PAGE = {"Origin": "http://test"}


async def test_a_page_signs_in_stays_signed_in_and_signs_out(empty: Rest) -> None:
    assert (await empty.ask("GET", "/sign-in")).json() == {"password": False, "passkeys": False}
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    assert (await empty.ask("GET", "/sign-in")).json() == {"password": True, "passkeys": False}
    right = {"email": "Anna@rex.example", "password": PASSWORD}
    wrong = await empty.ask("POST", "/sign-in/password", headers=OWN_PAGE, json={**right, "password": "x"})
    assert code(wrong) == (401, "sign_in_refused")
    assert code(await empty.ask("POST", "/sign-in/renew", headers=OWN_PAGE)) == (401, "session_ended")
    answer = await empty.ask("POST", "/sign-in/password", headers=OWN_PAGE, json=right)
    assert (answer.json()["name"], answer.json()["scopes"]) == ("Anna Bauer", ["hold", "book", "settle"])
    cookie = {**OWN_PAGE, "Cookie": answer.headers["set-cookie"].partition(";")[0]}
    renewed = await empty.ask("POST", "/sign-in/renew", headers=cookie)
    assert "set-cookie" not in renewed.headers
    own = {"Authorization": f"Bearer {renewed.json()['token']}"}
    assert (await empty.ask("GET", "/bookings", headers=own)).status_code == 200
    assert (await empty.ask("POST", "/sign-in/out", headers=cookie)).json() == {}
    assert code(await empty.ask("POST", "/sign-in/renew", headers=cookie)) == (401, "session_ended")
    assert code(await empty.ask("GET", "/bookings", headers=own)) == (401, "revoked")


async def test_without_a_public_address_there_are_no_passkeys(empty: Rest) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    assert code(await empty.ask("POST", "/sign-in/passkey/begin", headers=OWN_PAGE)) == (409, "conflict")
    answer = {"id": "Zm9v", "client_data": "Zm9v", "authenticator_data": "Zm9v", "signature": "Zm9v"}
    assert code(await empty.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=answer)) == (409, "conflict")
    signed_in = await empty.ask(
        "POST", "/sign-in/password", headers=OWN_PAGE, json={"email": ANNA["email"], "password": PASSWORD}
    )
    own = {"Authorization": f"Bearer {signed_in.json()['token']}"}
    assert (await empty.ask("GET", "/users/self/passkeys", headers=own)).json() == {"passkeys": []}
    assert code(await empty.ask("POST", "/users/self/passkeys/begin", headers=own)) == (409, "conflict")
    made = {"name": "Phone", "id": "Zm9v", "client_data": "Zm9v", "attestation": "Zm9v"}
    assert code(await empty.ask("POST", "/users/self/passkeys", headers=own, json=made)) == (409, "conflict")
    assert code(await empty.ask("POST", "/users/self/passkeys/Zm9v/remove", headers=own)) == (404, "not_found")
    assert code(await empty.ask("GET", "/users/self/passkeys", "boss:admin")) == (401, "unauthorized")


async def test_a_user_makes_uses_and_removes_a_passkey(empty: Rest, contract: Contract) -> None:
    await empty.ask("POST", "/users", "boss:admin", json={**ANNA, "password": PASSWORD})
    core, device = empty.core, Device("http://test")
    public = dataclasses.replace(core.settings, public_url="http://test")
    core.passkeys = Passkeys(public, core.database, Challenges(core.redis))
    hooks = {"response": [contract.check]}
    transport = httpx.ASGITransport(build_app(core))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", event_hooks=hooks) as http:
        rest = Rest(core, http)
        right = {"email": ANNA["email"], "password": PASSWORD}
        signed_in = (await rest.ask("POST", "/sign-in/password", headers=OWN_PAGE, json=right)).json()
        own = {"Authorization": f"Bearer {signed_in['token']}"}
        options = (await rest.ask("POST", "/users/self/passkeys/begin", headers=own)).json()["public_key"]
        body = {"name": "Phone", **msgspec.to_builtins(device.make(options))}
        made = (await rest.ask("POST", "/users/self/passkeys", headers=own, json=body)).json()
        assert (await rest.ask("GET", "/users/self/passkeys", headers=own)).json() == {"passkeys": [made]}
        options = (await rest.ask("POST", "/sign-in/passkey/begin", headers=OWN_PAGE)).json()["public_key"]
        signed = msgspec.to_builtins(device.sign(options, signed_in["user_id"]))
        answer = await rest.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=signed)
        assert (answer.status_code, answer.json()["user_id"]) == (200, signed_in["user_id"])
        again = await rest.ask("POST", "/sign-in/passkey", headers=OWN_PAGE, json=signed)
        assert code(again) == (401, "sign_in_refused")
        path = f"/users/self/passkeys/{made['id']}/remove"
        assert (await rest.ask("POST", path, headers=own)).json() == {"passkeys": []}


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    ran = {item.originalname for item in request.session.items if isinstance(item, pytest.Function)}
    if not {name for name in globals() if name.startswith("test_")} <= ran:
        pytest.skip("only a part of the module runs")
    expected = {(method.upper(), path) for path, item in contract.document["paths"].items() for method in item}
    assert expected == {(method, path) for method, path, status in contract.seen if status < 300}
