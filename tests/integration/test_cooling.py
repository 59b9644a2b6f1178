"""Cooling seats as visitors meet them: refused with a retry time, avoided by searches, and per network for guests."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest

from seatserver.access.networks import NetworkNames
from seatserver.access.tokens import Identity
from seatserver.client import SeatClient
from seatserver.errors import SeatsRefused
from seatserver.seats.model import Conditions
from seatserver.seats.states import SeatState
from tests.integration.bench import Bench, Truth
from tests.integration.conftest import MakeServer
from tests.integration.lounge import BEANBAGS, LAWN, LOUNGE, ROW_B, open_lounge, visitor
from tests.integration.server import SHOWTIME, Instance, Message, Wire, now_ms
from tests.waiting import PATIENCE_S

GUESTS = {"guest_scopes": ("watch", "hold", "claim", "book"), "guest_token_s": 7200}
HOME, CAFE = "203.0.113.7", "203.0.113.8"


async def use_up(server: Instance, user: str, *seats: int, showtime: str = SHOWTIME, **more: Any) -> None:
    """Let somebody have had the seats for as long as one may, a moment ago."""
    core = server.core
    hold_id = uuid.uuid4()
    await core.store.hold(showtime, hold_id, user, seats, Conditions(**more))
    key = f"seats:{{{showtime}}}:hold:{hold_id}"
    async with redis_of(server) as redis:
        await redis.hincrby(key, "since", -core.settings.hold_total_ms)
        await redis.hincrby(key, "created", -core.settings.hold_total_ms)
    await core.store.release(showtime, hold_id, user)


@asynccontextmanager
async def redis_of(server: Instance) -> AsyncIterator[Any]:
    bench = Bench(server.core.settings, Truth())
    try:
        yield bench.redis
    finally:
        await bench.close()


@asynccontextmanager
async def guest(server: Instance, address: str | None = None, **headers: str) -> AsyncIterator[tuple[Wire, Identity]]:
    """A new guest, who comes from this address as a proxy says."""
    token, identity = server.core.tokens.guest()
    told: Mapping[str, str] = headers if address is None else {"X-Forwarded-For": address}
    async with server.socket(additional_headers=dict(told)) as wire:
        await wire.hello(token=token)
        yield wire, identity


async def let_age(server: Instance, held: Message) -> None:
    """The hold was made as long ago as a hold may last in all."""
    key = f"seats:{{{SHOWTIME}}}:hold:{held['hold_id']}"
    async with redis_of(server) as redis:
        for name in ("since", "created"):
            await redis.hincrby(key, name, -server.core.settings.hold_total_ms)


async def test_a_refusal_says_which_seats_are_cooling_and_when_to_retry(server: Instance) -> None:
    await use_up(server, "ann", 1, 2)
    async with server.watcher("ann") as wire:
        refused = await wire.hold(1, 2, 3)
        assert (refused["type"], refused["seats"]) == ("refused", [[1, "cooling"], [2, "cooling"]])
        assert [seat for seat, _ in refused["retry_at_ms"]] == [1, 2]
        for _, when in refused["retry_at_ms"]:
            assert now_ms() < when <= now_ms() + server.core.settings.hold_pause_ms
        assert refused["areas_retry_at_ms"] == []
        assert (await wire.hold(3))["type"] == "held"
    async with server.watcher("bob") as wire:
        assert (await wire.hold(1, 2))["type"] == "held"


async def test_a_program_gets_the_retry_time_of_each_seat(server: Instance) -> None:
    await use_up(server, "ann", 1)
    async with server.room("ann") as room:
        with pytest.raises(SeatsRefused) as caught:
            await room.hold(1)
    assert caught.value.reasons == {1: "cooling"}
    assert caught.value.retry_at_ms[1] > now_ms()
    assert caught.value.facts["retry_at_ms"] == [[1, caught.value.retry_at_ms[1]]]


async def test_searches_avoid_cooling_seats_and_say_so(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as room:
        first = await room.best(2)
        await room.release(first.hold_id)
        await use_up(server, "ann", *first.seats, showtime=LOUNGE)
        other = await room.best(2)
        assert not set(other.seats) & set(first.seats)
        assert {seat for seat, why in other.lost if why == "cooling"} <= set(first.seats)
        await room.release(other.hold_id)
        nearest = await room.hold(*first.seats, or_nearest=True)
        assert not set(nearest.seats) & set(first.seats)
        assert dict(nearest.lost) == dict.fromkeys(first.seats, "cooling")


async def test_a_search_that_finds_only_cooling_seats_says_when_to_retry(make_server: MakeServer) -> None:
    server = await make_server(seats_per_user=30)
    await open_lounge(server)
    async with visitor(server, "ann") as room:
        assert room.seat_map is not None
        sofas = [seat for seat, one in enumerate(room.seat_map.seats) if one.category == "sofa"]
        await use_up(server, "ann", *sofas, showtime=LOUNGE)
        with pytest.raises(SeatsRefused) as caught:
            await room.best(2, categories=("sofa",))
        assert set(caught.value.reasons.values()) == {"cooling"}
        with pytest.raises(SeatsRefused) as caught:
            await room.hold(*sofas[:2], or_nearest=True)
        assert set(caught.value.reasons.values()) == {"cooling"}


async def test_the_last_places_of_an_area_cool_as_a_whole(server: Instance) -> None:
    await open_lounge(server)
    seats = len(ROW_B) * 3 + 4
    await use_up(server, "ann", *range(seats, seats + BEANBAGS), showtime=LOUNGE)
    async with server.watcher("ann", showtime=LOUNGE) as wire:
        refused = await wire.ask("hold", hold_id=str(uuid.uuid4()), areas=[{"area": LAWN, "count": 1}])
    assert (refused["seats"], refused["areas"]) == ([], [[LAWN, "cooling", BEANBAGS]])
    [[area, when]] = refused["areas_retry_at_ms"]
    assert area == LAWN
    assert when > now_ms()


async def test_guests_are_tracked_by_network_and_users_by_account(make_server: MakeServer) -> None:
    server = await make_server(**GUESTS)
    async with guest(server, HOME) as (wire, _):
        held = await wire.hold(1)
        await let_age(server, held)
        await wire.ask("release", hold_id=held["hold_id"])
    async with guest(server, HOME) as (wire, _):
        assert (await wire.hold(1))["seats"] == [[1, "cooling"]], "another name is not another person"
        assert (await wire.hold(2))["type"] == "held", "the family chooses other seats"
    async with guest(server, CAFE) as (wire, _):
        held = await wire.hold(1)
        assert held["type"] == "held"
        await wire.ask("release", hold_id=held["hold_id"])
    async with server.socket("ann", additional_headers={"X-Forwarded-For": HOME}) as wire:
        await wire.hello()
        assert (await wire.hold(1))["type"] == "held"


async def test_a_forwarded_address_is_trusted_only_from_proxies_and_never_stored(make_server: MakeServer) -> None:
    server = await make_server(**GUESTS, trusted_proxies=("192.0.2.1",))
    for address in (HOME, CAFE):
        async with guest(server, address) as (wire, _):
            answer = await wire.hold(1)
            if address == HOME:
                await let_age(server, answer)
                await wire.ask("release", hold_id=answer["hold_id"])
    assert answer["seats"] == [[1, "cooling"]], "both came from the same address, whatever they said"
    name = NetworkNames(server.core.settings).write(SHOWTIME, "127.0.0.1")
    async with redis_of(server) as redis:
        kept = b""
        async for key in redis.scan_iter():
            kept += key + b" " + (await redis.dump(key) or b"") + b"\n"
    assert name.encode() in kept
    for address in (HOME, CAFE, "127.0.0.1"):
        assert address.encode() not in kept


async def test_starting_to_pay_and_cancelling_cannot_keep_a_seat_forever(make_server: MakeServer) -> None:
    server = await make_server(
        hold_ms=30_000, hold_total_ms=30_000, hold_pause_ms=60_000, database_statement_ms=500, database_lock_ms=400
    )
    async with SeatClient(server.url, token=server.token("ann")) as client, client.room(SHOWTIME) as room:
        held = await room.hold(1)
        booked = await room.book(held.hold_id, pay_later=True)
        past = f"seats:{{{SHOWTIME}}}:past"
        async with redis_of(server) as redis:
            await room.until(lambda one: one.state(1) == SeatState.CLAIMED, PATIENCE_S)
            ended, claimed, people, had = msgspec.msgpack.decode(await redis.hget(past, "1"))
            assert claimed > 0
            earlier = msgspec.msgpack.encode([ended, claimed - 40_000, people, had])
            await redis.hset(past, "1", earlier)
        await server.core.checkout.cancel(booked.booking_id)
        await room.until(lambda one: one.state(1) == SeatState.FREE, PATIENCE_S)
        with pytest.raises(SeatsRefused) as caught:
            await room.hold(1)
    assert caught.value.reasons == {1: "cooling"}


async def test_offers_leave_out_the_seats_that_their_asker_would_be_refused(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        ranked = await ann.offers(2, limit=3)
        tired = {seat for offer in ranked for seat in offer.seats}
        await use_up(server, "ann", *tired, showtime=LOUNGE)
        others = await ann.offers(2, limit=3)
        assert len(others) == 3
        assert not tired.intersection(seat for offer in others for seat in offer.seats)
        for offer in others:
            held = await ann.hold(*offer.seats)
            await ann.release(held.hold_id)
        # The last release is on its way still; bob's offers are made of the room as it comes to be shown.
        await bob.until(lambda room: not any(room.room.states), PATIENCE_S)
        assert {seat for offer in await bob.offers(2, limit=3) for seat in offer.seats} == tired


async def test_offers_over_rest_leave_out_what_guests_of_a_network_have_used_up(make_server: MakeServer) -> None:
    server = await make_server(**GUESTS)
    await open_lounge(server)
    async with guest(server, HOME) as (_, identity):
        network = NetworkNames(server.core.settings).write(LOUNGE, HOME)
        await use_up(server, identity.user_id, *ROW_B, showtime=LOUNGE, network=network)
    async with httpx.AsyncClient(base_url=server.url) as rest:
        offered = {}
        for address in (HOME, CAFE):
            token, _ = server.core.tokens.guest()
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
            path = f"/api/v1/showtimes/{LOUNGE}/best-available"
            answer = await rest.post(path, json={"count": 2, "limit": 5}, headers=headers)
            assert answer.status_code == 200
            offered[address] = {seat["index"] for offer in answer.json()["offers"] for seat in offer["seats"]}
    assert offered[HOME] and not offered[HOME].intersection(ROW_B)
    assert offered[CAFE].intersection(ROW_B)
