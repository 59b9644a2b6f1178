"""What is on sale, over REST: halls, showtimes, prices and the best seats, and how administrators put it there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seatserver.api.shared.story import HALL
from seatserver.seatmaps.model import GeneralArea, SeatMap
from tests.integration.contract import Contract
from tests.integration.rest.support import ADULT, CHILD, FAMILIES, ODEON, SHOWTIME, Rest, check_all_succeeded, code


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


async def test_a_theatres_address_is_one_line(rest: Rest) -> None:
    for address in ("Kantstraße 12a, 10623 Berlin", ""):
        body = {**ODEON, "address": address}
        assert (await rest.ask("PUT", "/admin/theatres/odeon", "boss:admin", json=body)).json()["address"] == address
        assert (await rest.ask("GET", "/theatres")).json()["theatres"][0]["address"] == address
        assert (await rest.ask("GET", "/showtimes/tonight")).json()["theatre_address"] == address
    for wrong in ("two\nlines", "\u202eback", "x" * 301):
        refused = await rest.ask("PUT", "/admin/theatres/odeon", "boss:admin", json={**ODEON, "address": wrong})
        assert (code(refused), refused.json()["facts"]["where"]) == ((400, "bad_request"), "address")


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
