"""Whom the gate lets through in production: our own names, and operators where only they may read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.conftest import MakeServer
from tests.integration.contract import Contract
from tests.integration.server import JSON, Instance

PUBLIC = "https://seats.example"
FOR_OPERATORS = ["/api/v1/metrics", "/docs", "/openapi.json", "/asyncapi.json"]
FRONT = "/api/v1/theatres"


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    return await make_server(public_url=PUBLIC, hosts=("inside.example",), hsts_s=600)


@pytest.fixture
async def http(server: Instance) -> AsyncIterator[httpx.AsyncClient]:
    port = server.uvicorn.servers[0].sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    contract = Contract()

    async def check(response: httpx.Response) -> None:
        if response.request.url.path.startswith("/api/"):
            await contract.check(response)

    async with httpx.AsyncClient(base_url=server.url, event_hooks={"response": [check]}) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("seats.example", 200),
        ("SEATS.example:443", 200),
        ("seats.example.", 200),
        ("inside.example:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("localhost:8000", 200),
        ("evil.example", 421),
        ("seats.example.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("seats.example@evil.example", 421),
        ("", 421),
    ],
)
async def test_only_our_own_names_are_served(http: httpx.AsyncClient, host: str, status: int) -> None:
    answer = await http.get(FRONT, headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["code"] == "wrong_host"
    assert (await http.get("/api/v1/health/live", headers={"Host": host})).status_code == 200, "balancers may ask"


async def test_a_page_of_a_name_that_points_here_opens_no_socket(server: Instance, http: httpx.AsyncClient) -> None:
    address = server.address()
    evil = {"Host": "evil.example", "Origin": "http://evil.example"}
    with pytest.raises(InvalidStatus) as caught:
        async with connect(address, subprotocols=[JSON], additional_headers=evil, proxy=None):  # type: ignore[list-item]
            pass
    assert caught.value.response.status_code == 421
    assert server.core.metrics.turned_away.totals()["wrong_host"] == 1


async def test_without_a_public_address_every_name_is_served(make_server: MakeServer) -> None:
    server = await make_server()
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get(FRONT, headers={"Host": "anything.example"})).status_code == 200
        for path in FOR_OPERATORS:
            assert (await http.get(path)).status_code == 200


@pytest.mark.parametrize("path", FOR_OPERATORS)
async def test_metrics_and_documents_are_for_operators_where_an_address_is_public(
    server: Instance, http: httpx.AsyncClient, path: str
) -> None:
    def bearing(*scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {server.token('someone', *scopes)}"}

    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers={"Authorization": "Bearer nonsense"})).status_code == 401
    assert (await http.get(path, headers=bearing("watch", "hold"))).status_code == 403
    assert (await http.get(path, headers=bearing("admin"))).status_code == 200
    assert 'href="/docs"' not in (await http.get("/")).text


async def test_an_operators_address_needs_no_token_and_nobody_can_claim_it(make_server: MakeServer) -> None:
    server = await make_server(metrics="operators", operators=("10.1.0.0/16",))
    async with httpx.AsyncClient(base_url=server.url) as http:
        for address, status in (("10.1.2.3", 200), ("10.2.2.3", 401), ("10.1.2.3, 203.0.113.9", 401)):
            answer = await http.get("/api/v1/metrics", headers={"X-Forwarded-For": address})
            assert answer.status_code == status


async def test_browsers_are_told_to_stay_on_https_where_the_operator_says_so(
    http: httpx.AsyncClient, make_server: MakeServer
) -> None:
    assert (await http.get(FRONT)).headers["strict-transport-security"] == "max-age=600"
    plain = await make_server(hsts_s=600)
    async with httpx.AsyncClient(base_url=plain.url) as other:
        assert "strict-transport-security" not in (await other.get(FRONT)).headers, "it was not reached over HTTPS"
        forwarded = await other.get(FRONT, headers={"X-Forwarded-Proto": "https"})
        assert forwarded.headers["strict-transport-security"] == "max-age=600"
