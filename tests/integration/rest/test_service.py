"""What operators and their tools ask over REST: health, metrics, the documents, the live view."""

from __future__ import annotations

import dataclasses

import httpx
import pytest
import sqlalchemy as sa

from seatserver.api.shared.story import HALL
from seatserver.app import build_app
from seatserver.errors import Unavailable
from tests.integration.contract import Contract
from tests.integration.rest.support import Rest, check_all_succeeded, code, eventually


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


async def test_operators_see_the_live_view_and_the_demand_of_a_hall(rest: Rest) -> None:
    live = (await rest.ask("GET", "/admin/house", "boss:admin", params={"rooms": 5})).json()
    assert (live["whole"], live["viewers"], live["showtimes"], len(live["instances"])) == (True, 0, [], 1)
    await rest.hold("ann", 0)
    hall = (await rest.ask("GET", "/admin/showtimes/tonight/demand", "boss:admin")).json()
    assert (hall["states"], hall["wanted"], hall["layout_hash"]) == ("1400", "0000", HALL.content_hash)
    for path in ("/admin/house", "/admin/showtimes/tonight/demand"):
        assert code(await rest.ask("GET", path, "ann")) == (403, "forbidden")


async def test_what_visitors_agreed_to_have_kept_is_listed_by_page_and_deleted(rest: Rest) -> None:
    async with rest.core.database.transaction() as connection:
        for user in ("ann", "bob", "ann"):
            await connection.execute(
                sa.text(
                    "INSERT INTO concierge_log (user_id, showtime_id, language, question, answer) "
                    "VALUES (:user, 'tonight', 'en', 'two', 'Here.')"
                ),
                {"user": user},
            )
    log = "/admin/concierge-log"
    first = (await rest.ask("GET", log, "boss:admin", params={"showtime_id": "tonight", "limit": 2})).json()
    assert [entry["user_id"] for entry in first["entries"]] == ["ann", "bob"]
    rest_of_it = (await rest.ask("GET", log, "boss:admin", params={"after": first["next"], "limit": 2})).json()
    assert ([entry["user_id"] for entry in rest_of_it["entries"]], rest_of_it["next"]) == (["ann"], None)
    assert code(await rest.ask("GET", log, "boss:admin", params={"after": "x"})) == (400, "bad_request")
    long_ago = "2020-01-01T00:00:00Z"
    for times, count in (({"since": long_ago}, 3), ({"until": long_ago}, 0)):
        assert len((await rest.ask("GET", log, "boss:admin", params=times)).json()["entries"]) == count
    deleted = await rest.ask("POST", f"{log}/delete", "boss:admin", json={"user_id": "ann"})
    assert deleted.json() == {"deleted": 2}
    left = (await rest.ask("GET", log, "boss:admin")).json()["entries"]
    assert [entry["user_id"] for entry in left] == ["bob"]
    assert code(await rest.ask("GET", log, "ann")) == (403, "forbidden")
    assert code(await rest.ask("POST", f"{log}/delete", "ann", json={"user_id": "bob"})) == (403, "forbidden")


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
