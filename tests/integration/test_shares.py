"""Bots, floods and greedy networks are refused and told when to come again, while everybody else goes on."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from seatserver.access import key_format, shares
from seatserver.access.guest_limits import GuestLimits
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import Shares
from seatserver.config import Settings
from seatserver.errors import TooMany
from seatserver.gate import gate
from seatserver.live.session import allowance
from seatserver.live.session.session import BAD_MESSAGES
from seatserver.metrics import Metrics
from seatserver.redis_io import client as redis_client
from seatserver.wire.closing import Close
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, Message, Wire, eventually, now_ms
from tests.waiting import PATIENCE_S

BOT, HOME = "203.0.113.66", "198.51.100.7"


def come_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


@asynccontextmanager
async def guest(server: Instance, address: str) -> AsyncIterator[Wire]:
    token, _ = server.core.tokens.guest()
    async with server.socket(additional_headers=come_from(address)) as wire:
        await wire.hello(token=token)
        yield wire


async def flood(wire: Wire, type: str, most: int = 2000, **fields: Any) -> Message:
    """Send commands until one is refused; the refusal."""
    for ref in itertools.count(1000):
        answer = await wire.ask(type, ref=ref, **fields)
        if answer["type"] == "error" and answer["code"] == "too_many":
            return answer
        assert ref < 1000 + most, "nothing was ever refused"
    raise AssertionError


async def make_guest(http: httpx.AsyncClient, address: str) -> httpx.Response:
    return await http.post("/api/v1/guests", headers=come_from(address))


async def test_one_network_can_make_only_so_many_guests_on_all_instances_together(make_server: MakeServer) -> None:
    one, other = [await make_server(network_guests_per_min=20) for _ in range(2)]
    async with httpx.AsyncClient(base_url=one.url) as here, httpx.AsyncClient(base_url=other.url) as there:
        answers = [await make_guest(http, BOT) for _ in range(30) for http in (here, there)]
        made = [answer for answer in answers if answer.status_code == 201]
        assert len(made) == 20
        refused = answers[-1]
        assert refused.status_code == 429
        assert refused.json()["code"] == "too_many"
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await make_guest(here, HOME)).status_code == 201
        assert (await make_guest(there, "127.0.0.1")).status_code == 201, "who is on the operator's list"
    assert one.core.metrics.turned_away.totals()["guests"] + other.core.metrics.turned_away.totals()["guests"] == 40
    keys = [key async for key in one.core.redis.scan_iter(match="limit*")]
    assert keys
    assert not any(BOT.encode() in key for key in keys), "no address is stored"


async def test_without_redis_guests_still_come_and_floods_still_end(settings: Settings) -> None:
    settings = dataclasses.replace(settings, network_guests_per_min=20)
    nobody = redis_client.connect(dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0"))
    limits = GuestLimits(settings, nobody, Shares(settings), NetworkNames(settings), Metrics())
    for _ in range(20):
        await limits.admit(BOT)
    with pytest.raises(TooMany):
        await limits.admit(BOT)
    await limits.admit(HOME)
    await nobody.aclose()


@pytest.mark.usefixtures("stopped_clock")
async def test_holding_and_releasing_without_end_is_refused_and_nobody_else_notices(make_server: MakeServer) -> None:
    server = await make_server(user_holds_per_min=30)
    async with guest(server, BOT) as bot, guest(server, BOT) as honest:
        cycles = 0
        while True:
            held = await bot.hold(1)
            if held["type"] == "error":
                break
            cycles += 1
            await bot.ask("release", hold_id=held["hold_id"])
        assert cycles == 15
        assert (held["code"], held["retryable"], held["facts"]["what"]) == ("too_many", True, "holds")
        assert 0 < held["facts"]["retry_after_ms"] <= 2000
        assert (await honest.hold(2))["type"] == "held", "another guest of the same network"
        assert (await bot.ask("beat", ref=9))["type"] == "beat", "the socket goes on"


async def test_more_sockets_give_a_user_no_more_commands(make_server: MakeServer) -> None:
    server = await make_server(user_commands_per_s=4)
    token, _ = server.core.tokens.guest()
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(4):
            wire = await stack.enter_async_context(server.socket(additional_headers=come_from(BOT)))
            await wire.hello(token=token)
            sockets.append(wire)
        answers = await asyncio.gather(*(flood(wire, "beat") for wire in sockets))
        assert all(answer["facts"]["what"] == "commands" for answer in answers)
        async with guest(server, BOT) as other:
            assert (await other.ask("beat", ref=9))["type"] == "beat"


async def test_a_user_with_an_open_socket_is_not_forgotten(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST_SHARES", 10)
    server = await make_server()
    known = server.core.shares
    token, who = server.core.tokens.guest()
    async with AsyncExitStack() as stack:
        for _ in range(2):
            wire = await stack.enter_async_context(server.socket(additional_headers=come_from(BOT)))
            await wire.hello(token=token)
            await wire.hello(token=token)
        share = known.of_user(who.user_id)
        assert share.sockets == 2
        for number in range(1000):
            known.of_user(f"ann {number}")
        assert known.of_user(who.user_id) is share
    await eventually(lambda: share.sockets == 0)


async def test_another_hello_counts_as_a_command(make_server: MakeServer) -> None:
    server = await make_server(user_commands_per_s=2)
    async with guest(server, BOT) as bot:
        refused = await flood(bot, "hello", most=20)
        assert refused["facts"]["what"] == "commands"
    assert server.core.metrics.turned_away.totals() == {"commands": 1}


async def test_made_up_keys_are_refused_early_and_end_the_socket(make_server: MakeServer) -> None:
    server = await make_server()
    async with guest(server, BOT) as bot:
        for _ in range(BAD_MESSAGES):
            await bot.send("hello", token=key_format.make()[0])
        code, words = await bot.last_words()
        assert code == Close.BAD_MESSAGES
        assert [word["code"] for word in words if word["type"] == "error"] == ["unauthorized"] * BAD_MESSAGES


async def test_all_guests_of_a_network_share_its_commands_and_a_partners_users_do_not(make_server: MakeServer) -> None:
    server = await make_server(user_commands_per_s=0, network_commands_per_s=4)
    async with guest(server, BOT) as bot, guest(server, BOT) as twin, guest(server, HOME) as home:
        await flood(bot, "beat")
        assert (await twin.ask("beat", ref=9))["type"] == "error"
        assert (await home.ask("beat", ref=9))["type"] == "beat"
        async with server.socket("ann", additional_headers=come_from(BOT)) as ann:
            await ann.hello()
            assert (await ann.ask("beat", ref=9))["type"] == "beat"


async def test_the_guests_of_one_network_hold_only_so_many_seats_however_fast_they_are(make_server: MakeServer) -> None:
    server = await make_server(network_seats=6)
    async with AsyncExitStack() as stack:
        bots = [await stack.enter_async_context(guest(server, BOT)) for _ in range(10)]
        answers = await asyncio.gather(*(bot.hold(2 * at, 2 * at + 1) for at, bot in enumerate(bots)))
        held = [(bot, answer) for bot, answer in zip(bots, answers, strict=True) if answer["type"] == "held"]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert (len(held), len(refused)) == (3, 7)
        assert {answer["facts"]["what"] for answer in refused} == {"seats"}
        async with guest(server, HOME) as home:
            assert (await home.hold(20, 21))["type"] == "held"
        # Whoever changes what they have takes no more than before, and what is given back is there for others.
        bot, answer = held[0]
        changed = await bot.ask(
            "hold", hold_id="6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11", seats=[18, 19], replaces=answer["hold_id"]
        )
        assert changed["type"] == "held"
        await bot.ask("release", hold_id=changed["hold_id"], seats=[19])
        loser = next(bot for bot, answer in zip(bots, answers, strict=True) if answer["type"] == "error")
        assert (await loser.hold(18, 19))["code"] == "too_many"
        assert (await loser.hold(19))["type"] == "held"


async def test_seats_that_were_not_got_and_seats_that_were_booked_do_not_count(make_server: MakeServer) -> None:
    server = await make_server(network_seats=4)
    async with guest(server, HOME) as home, guest(server, BOT) as one, guest(server, BOT) as other:
        await home.hold(0, 1, 2)
        for _ in range(5):
            assert (await one.hold(0, 1, 2))["type"] == "refused"
        held = await one.hold(4, 5, 6)
        assert (await one.ask("book", hold_id=held["hold_id"]))["type"] == "booked"
        assert (await other.hold(8, 9, 10, 11))["type"] == "held"


async def test_giving_back_the_same_seat_again_frees_it_once(make_server: MakeServer) -> None:
    server = await make_server(network_seats=6)
    async with guest(server, BOT) as bot, guest(server, BOT) as other:
        held = await bot.hold(0, 1, 2, 3, 4, 5)
        for _ in range(6):
            assert (await bot.ask("release", hold_id=held["hold_id"], seats=[0]))["type"] == "released"
        assert (await other.hold(8, 9))["code"] == "too_many"
        assert (await other.hold(8))["type"] == "held"
        await bot.ask("release", hold_id=held["hold_id"])
        assert (await other.hold(10, 11, 12, 13, 14))["type"] == "held"


async def test_a_hold_that_is_extended_counts_until_its_new_deadline(make_server: MakeServer) -> None:
    server = await make_server(network_seats=2, hold_ms=4000)
    async with guest(server, BOT) as bot, guest(server, BOT) as other:
        held = await bot.hold(0, 1)
        first_deadline_ms = held["deadline_ms"]
        while now_ms() <= first_deadline_ms:
            held = await bot.ask("extend", hold_id=held["hold_id"])
            assert held["type"] == "held"
            await asyncio.sleep(0.3)
        assert (await other.hold(8))["code"] == "too_many"


async def test_a_hold_that_two_sockets_ask_for_at_once_counts_as_what_it_became(make_server: MakeServer) -> None:
    server = await make_server(network_seats=8)
    token, _ = server.core.tokens.guest()
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(server.socket(additional_headers=come_from(BOT))) for _ in range(2)
        ]
        for wire in (one, other):
            await wire.hello(token=token)
        share = server.core.shares.of_network(BOT)
        assert share is not None
        for _ in range(10):
            hold_id = uuid4()
            answers = await asyncio.gather(
                one.ask("best", hold_id=str(hold_id), count=5), other.hold(8, 9, 10, 11, 12, hold_id=hold_id)
            )
            assert sorted(answer["type"] for answer in answers) == ["error", "held"]
            assert share.seats_held(SHOWTIME, ()) == 5
            await one.ask("release", hold_id=str(hold_id))
            assert share.seats_held(SHOWTIME, ()) == 0


@pytest.mark.usefixtures("stopped_clock")
async def test_a_network_has_only_so_many_sockets_and_handshakes(make_server: MakeServer) -> None:
    server = await make_server(network_sockets=3, network_handshakes_per_min=10)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(guest(server, BOT))
        statuses = []
        for _ in range(10):
            with pytest.raises(InvalidStatus) as caught:
                await stack.enter_async_context(guest(server, BOT))
            assert int(caught.value.response.headers["Retry-After"]) >= 1
            statuses.append(caught.value.response.status_code)
        assert set(statuses) == {429}
        await stack.enter_async_context(guest(server, HOME))
    turned_away = server.core.metrics.turned_away.totals()
    assert (turned_away["sockets"], turned_away["handshakes"]) == (7, 3)
    share = server.core.shares.of_network(BOT)
    assert share is not None
    await eventually(lambda: share.sockets == 0)


@pytest.mark.usefixtures("stopped_clock")
async def test_a_network_has_only_so_many_requests_and_most_pages_are_not_counted(make_server: MakeServer) -> None:
    server = await make_server(network_requests_per_min=30, network_writes_per_min=10)
    async with httpx.AsyncClient(base_url=server.url, headers=come_from(BOT)) as http:
        renewals = [(await http.post("/api/v1/guests/renew", json={"renewal": "x"})) for _ in range(12)]
        assert [answer.status_code for answer in renewals] == [401] * 10 + [429] * 2
        assert renewals[-1].headers["Access-Control-Allow-Origin"] == "*", "its page may read when to come again"
        reads = [(await http.get("/api/v1/theatres")).status_code for _ in range(30)]
        assert reads == [200] * 18 + [429] * 12
        assert (await http.get("/")).status_code == 200
        assert (await http.options("/api/v1/theatres")).status_code != 429
        assert (await http.get("/api/v1/theatres", headers=come_from(HOME))).status_code == 200


@pytest.mark.usefixtures("stopped_clock")
async def test_pages_of_unknown_showtimes_are_counted_because_each_asks_postgres(make_server: MakeServer) -> None:
    server = await make_server(network_requests_per_min=5)
    async with httpx.AsyncClient(base_url=server.url, headers=come_from(BOT)) as http:
        statuses = [(await http.get(f"/showtimes/no-{number}")).status_code for number in range(10)]
        assert statuses == [404] * 5 + [429] * 5
        assert (await http.get("/bookings")).status_code == 200
        assert (await http.get(f"/showtimes/{SHOWTIME}", headers=come_from(HOME))).status_code == 200


async def test_a_storm_of_handshakes_is_told_early_to_come_back_at_different_times(make_server: MakeServer) -> None:
    server = await make_server(handshakes=2)

    async def come() -> int:
        try:
            async with server.socket():
                return 0
        except InvalidStatus as error:
            assert error.response.status_code == 503
            return int(error.response.headers["Retry-After"])

    told = [await asyncio.gather(*(come() for _ in range(60))) for _ in range(3)]
    waits = [wait_s for round in told for wait_s in round if wait_s]
    assert waits, "no more than two may wait"
    assert len(set(waits)) > 1
    assert server.core.metrics.turned_away.totals()["storm"] == len(waits)


async def test_a_socket_that_says_hello_in_a_storm_is_told_when_to_come_back(make_server: MakeServer) -> None:
    server = await make_server(handshakes=6)
    queue = server.core.broadcaster.handshakes
    waits: list[int] = []

    async def come_again_and_again() -> None:
        while True:
            await queue.acquire()

    for _ in range(5):
        async with server.socket() as wire:
            storm = [asyncio.create_task(come_again_and_again()) for _ in range(12)]
            await eventually(lambda: queue.waiting >= 6)
            await wire.send("hello", ref=1, token=wire.token)
            code, words = await wire.last_words()
            for one in storm:
                one.cancel()
            await asyncio.gather(*storm, return_exceptions=True)
        assert (code, words[-1]["type"], words[-1]["code"]) == (Close.TRY_AGAIN_LATER, "bye", Close.TRY_AGAIN_LATER)
        waits.append(words[-1]["reconnect_after_ms"])
    assert all(1000 <= wait_ms <= 5000 for wait_ms in waits)
    assert len(set(waits)) > 1, "not all at the same time"
    assert server.core.metrics.turned_away.totals() == {"storm": 5}


@pytest.mark.usefixtures("stopped_clock")
async def test_operators_see_who_is_pushing_and_never_a_whole_address(make_server: MakeServer) -> None:
    server = await make_server(user_holds_per_min=2)
    async with guest(server, BOT) as bot:
        for seat in range(6):
            await bot.hold(seat)
        token = server.token("boss", "admin")
        async with httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as http:
            house = {}

            async def is_shown() -> bool:
                house.update((await http.get("/api/v1/admin/house")).json())
                return bool(house["turned_away"])

            await eventually(is_shown)
            assert house["pushing"] == {"203.0.113.0/24": 4}
            assert house["turned_away"] == {"holds": 4}
            assert BOT not in repr(house)


async def test_a_school_class_behind_one_address_feels_none_of_the_defaults(make_server: MakeServer) -> None:
    server = await make_server(unlimited=())
    async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=server.url, headers=come_from(HOME)) as http:

        async def pupil(at: int) -> None:
            token = (await http.post("/api/v1/guests")).json()["token"]
            for path in ("/api/v1/theatres", f"/api/v1/showtimes/{SHOWTIME}", f"/api/v1/showtimes/{SHOWTIME}/seats"):
                assert (await http.get(path)).status_code != 429
            wire = await stack.enter_async_context(server.socket(additional_headers=come_from(HOME)))
            await wire.hello(token=token)
            hold_id = None
            for seat in range(at, at + 6):  # they try this seat and that
                answer = await wire.hold(seat % 16)
                assert answer["type"] in ("held", "refused"), answer
                if answer["type"] == "held":
                    hold_id = answer["hold_id"]
                    break
            for _ in range(5):
                assert (await wire.ask("offers", count=2))["type"] in ("offered", "error")
            if hold_id is not None:
                assert (await wire.ask("book", hold_id=hold_id))["type"] == "booked"

        await asyncio.gather(*(pupil(at) for at in range(30)))
    assert server.core.metrics.turned_away.totals() == {}


async def test_probes_are_answered_however_much_their_network_has_asked(make_server: MakeServer) -> None:
    """A forgotten proxy makes all visitors one network; a platform that is refused restarts the process."""
    server = await make_server(network_requests_per_min=5)
    async with httpx.AsyncClient(base_url=server.url, headers=come_from(BOT)) as http:
        while (await http.get("/api/v1/showtimes")).status_code == 200:
            pass
        for path in ("live", "ready"):
            assert (await http.get(f"/api/v1/health/{path}")).status_code == 200


@pytest.mark.usefixtures("stopped_clock")
async def test_a_network_that_never_stops_pushing_waits_for_its_refusals_and_nobody_else_does(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (gate, allowance):
        monkeypatch.setattr(module, "PUSHED_BACK_S", 24 * 3600)
    monkeypatch.setattr(gate, "MOST_PUSHED_BACK", 1)
    monkeypatch.setattr(shares, "PUSHING", 3)
    server = await make_server(network_writes_per_min=1, user_holds_per_min=1, unlimited=())
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as http, guest(server, BOT) as bot:
        answers = [await make_guest(http, BOT) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 429, 429, 429, 429]

        waiting = asyncio.create_task(make_guest(http, BOT))
        await eventually(lambda: server.core.shares.pushing()["203.0.113.0/24"] == 5, "the next one to be refused")
        assert (await make_guest(http, HOME)).status_code == 201
        assert (await make_guest(http, BOT)).status_code == 429, "no more than that wait at a time"
        assert not waiting.done()

        holds = [await bot.ask("release", ref=ref, hold_id=str(uuid4())) for ref in (2, 3)]
        assert holds[-1]["code"] == "too_many", "it is told at once"
        next_one = asyncio.create_task(bot.ask("beat", ref=4))
        async with guest(server, HOME) as honest:
            for ref in range(2, 6):
                await honest.ask("beat", ref=ref)
        assert not next_one.done(), "its next command waits"
        for task in (waiting, next_one):
            task.cancel()
