"""What operators and their tools ask over REST: health, metrics, the documents, the live view."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

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


def test_every_operation_succeeded_in_a_test_above(contract: Contract, request: pytest.FixtureRequest) -> None:
    # Keep this test last: it checks what the tests above have requested.
    check_all_succeeded(contract, request)
