"""Seats that administrators block, allocate and open, over REST."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from seatserver.api.shared.story import HALL
from seatserver.seatmaps.model import GeneralArea, SeatMap
from tests.integration.contract import Contract
from tests.integration.rest.support import SHOWTIME, Rest, check_all_succeeded, code, eventually

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


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
