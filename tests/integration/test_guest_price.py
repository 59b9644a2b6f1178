"""While very many guests come at once, each costs some work; while few come, none."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import httpx
import msgspec
import pytest

from seatserver.access import guest_price, puzzles
from seatserver.access.guest_price import GuestPrice
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import Shares
from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.errors import ProofRequired
from seatserver.metrics import Metrics
from seatserver.redis_io import client as redis_client
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance
from tests.javascript import WEB, Node
from tests.waiting import PATIENCE_S

BOT, HOME = "203.0.113.66", "198.51.100.7"
FREE = 30
"""Guests a minute; ten at once are as many."""
VERY_FEW = 6


@pytest.fixture
async def hot(make_server: MakeServer) -> Instance:
    """A server at which more guests than that have just arrived."""
    server = await make_server(guests_free_per_min=VERY_FEW, unlimited=())
    for _ in range(50 * VERY_FEW):  # it takes a hundred seconds to cool down
        try:
            server.core.guest_price.ask(BOT)
        except ProofRequired:
            pass
    return server


async def come(http: httpx.AsyncClient, address: str = HOME) -> httpx.Response:
    return await http.post("/api/v1/guests", headers={"X-Forwarded-For": address})


async def prove(http: httpx.AsyncClient, challenge: str, answer: object, address: str = HOME) -> httpx.Response:
    body = {"challenge": challenge, "answer": str(answer)}
    return await http.post("/api/v1/guests/prove", json=body, headers={"X-Forwarded-For": address})


def challenge_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 428, answer.text
    problem = answer.json()
    assert (problem["code"], problem["retryable"]) == ("proof_required", True)
    found: dict[str, Any] = problem["facts"]["challenge"]
    return found


def solved(challenge: dict[str, Any]) -> int:
    number = puzzles.solve(msgspec.convert(challenge, puzzles.Puzzle))
    assert number is not None
    return number


async def test_guests_are_free_until_very_many_come_and_then_the_price_grows_within_bounds(
    make_server: MakeServer,
) -> None:
    server = await make_server(guests_free_per_min=FREE)
    async with httpx.AsyncClient(base_url=server.url) as http:
        answers = [await come(http) for _ in range(FREE // 3)]
        assert [answer.status_code for answer in answers] == [201] * (FREE // 3)
        answers = [await come(http) for _ in range(200)]
        priced = [challenge_of(answer)["most"] for answer in answers if answer.status_code != 201]
        assert guest_price.EASIEST <= priced[0] < priced[-1] <= guest_price.HARDEST
        assert int(answers[-1].headers["Retry-After"]) >= 5, "for programs that solve nothing"
        assert (await come(http, "127.0.0.1")).status_code == 201, "who is on the operator's list"


async def test_an_answer_is_good_for_one_guest_of_its_network_on_all_instances(
    hot: Instance, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An instance that waits no longer for Redis trusts its own memory.
    monkeypatch.setattr(guest_price, "ANSWER_S", PATIENCE_S)
    other = await make_server(guests_free_per_min=FREE, unlimited=())
    async with httpx.AsyncClient(base_url=hot.url) as http, httpx.AsyncClient(base_url=other.url) as elsewhere:
        challenge = challenge_of(await come(http))
        text, number = challenge["challenge"], solved(challenge)
        ends, puzzle, signature = text.split(".")
        for wrong, answer, address in (
            (text, number + 1, HOME),
            (text, "", HOME),
            (text, "🎟", HOME),
            (text, number, BOT),
            (f"{int(ends) + 60}.{puzzle}.{signature}", number, HOME),
            (f"{ends}.{puzzle}", number, HOME),
            ("", number, HOME),
            ("...", number, HOME),
        ):
            assert challenge_of(await prove(http, wrong, answer, address))["challenge"] != text
        answers = await asyncio.gather(
            *(prove(one, text, number) for one in (http, elsewhere)), prove(http, text, number)
        )
        paid = [server.core.metrics.guest_proofs.totals().get("accepted", 0) for server in (hot, other)]
        assert sum(paid) == 1, "the other instance is not hot, so it makes a guest all the same"
        assert 201 in [answer.status_code for answer in answers]
        challenge_of(await prove(http, text, number))


async def test_a_challenge_ends(hot: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_price, "VALID_S", 0)
    async with httpx.AsyncClient(base_url=hot.url) as http:
        challenge = challenge_of(await come(http))
        challenge_of(await prove(http, challenge["challenge"], solved(challenge)))


async def test_a_guest_that_comes_back_pays_nothing(hot: Instance) -> None:
    async with httpx.AsyncClient(base_url=hot.url) as http:
        challenge = challenge_of(await come(http))
        made = (await prove(http, challenge["challenge"], solved(challenge))).json()
        renewed = await http.post("/api/v1/guests/renew", json={"renewal": made["renewal"]})
        assert renewed.json()["user_id"] == made["user_id"]


async def test_the_python_client_solves_the_challenge_by_itself(hot: Instance) -> None:
    async with SeatClient(hot.url) as client, client.room(SHOWTIME) as room:
        await room.hold("A-1")
    assert hot.core.metrics.guest_proofs.totals()["accepted"] == 1


async def test_the_browsers_guest_solves_the_challenge_by_itself(hot: Instance) -> None:
    program = """
        globalThis.location = { origin: "" };
        globalThis.localStorage = { getItem: () => null, setItem() {}, removeItem() {} };
        const { guestOf } = await import(`${home}/shared/guest.js`);
        return typeof await guestOf(new URL(url))();
    """
    with Node() as node:
        assert await node.run(program, home=WEB.as_uri(), url=hot.url) == "string"
    assert hot.core.metrics.guest_proofs.totals()["accepted"] == 1


async def test_the_page_goes_on_while_its_guest_solves_the_hardest_challenge() -> None:
    program = """
        const { solve } = await import(`${home}/shared/work.js`);
        let looks = 0;
        const looking = setInterval(() => (looks += 1), 1);
        const number = await solve(puzzle);
        clearInterval(looking);
        return [number, looks > 0];
    """
    most = guest_price.HARDEST
    text = "A-challenge-of-22-char"
    puzzle = {"kind": guest_price.WORK, "text": text, "hash": puzzles.hash_of(text, most), "most": most}
    with Node() as node:
        assert await node.run(program, home=WEB.as_uri(), puzzle=puzzle) == [most, True]


async def test_without_redis_an_answer_is_still_good_only_once(settings: Settings) -> None:
    settings = dataclasses.replace(settings, guests_free_per_min=1, unlimited=())
    nobody = redis_client.connect(dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0"))
    price = GuestPrice(settings, nobody, Shares(settings), NetworkNames(settings), Metrics())
    with pytest.raises(ProofRequired) as caught:
        price.ask(HOME)
    challenge: Any = caught.value.facts["challenge"]
    number = str(solved(challenge))
    assert await price.take(HOME, HOME, challenge["challenge"], number) == "accepted"
    assert await price.take(HOME, HOME, challenge["challenge"], number) == "refused"
    await nobody.aclose()
