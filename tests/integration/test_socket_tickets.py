"""Single-use socket tickets, on a real Redis."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from seatserver.access.socket_tickets import SocketTickets
from seatserver.access.tokens import Identity
from seatserver.config import Settings
from seatserver.errors import Unauthorized, Unavailable
from seatserver.redis_io.client import connect

pytestmark = pytest.mark.clock


def ann(expires_in_s: int = 60) -> Identity:
    return Identity("ann", frozenset({"watch", "hold"}), int(time.time() + expires_in_s) * 1000, "kiosk")


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    async with connect(settings) as client:
        yield client


async def test_a_socket_ticket_is_valid_once(settings: Settings, redis: Redis) -> None:
    tickets = SocketTickets(settings, redis)
    identity = ann()
    ticket = await tickets.issue(identity)
    assert await tickets.redeem(ticket) == identity
    with pytest.raises(Unauthorized, match="used before"):
        await tickets.redeem(ticket)


async def test_a_socket_ticket_used_many_times_at_once_admits_exactly_one(settings: Settings, redis: Redis) -> None:
    tickets = SocketTickets(settings, redis)
    ticket = await tickets.issue(ann())
    answers = await asyncio.gather(*(tickets.redeem(ticket) for _ in range(200)), return_exceptions=True)
    assert sum(isinstance(answer, Identity) for answer in answers) == 1
    assert sum(isinstance(answer, Unauthorized) for answer in answers) == 199


async def test_a_socket_ticket_expires_after_the_configured_time(settings: Settings, redis: Redis) -> None:
    ticket = await SocketTickets(dataclasses.replace(settings, ticket_s=7), redis).issue(ann())
    assert 0 < await redis.pttl(f"ticket:{ticket}") <= 7000


@pytest.mark.parametrize("ticket", ["", "made up", "x" * 10_000])
async def test_an_unknown_socket_ticket_is_refused(ticket: str, settings: Settings, redis: Redis) -> None:
    with pytest.raises(Unauthorized):
        await SocketTickets(settings, redis).redeem(ticket)


async def test_a_socket_ticket_does_not_outlive_its_token(settings: Settings, redis: Redis) -> None:
    tickets = SocketTickets(settings, redis)
    ticket = await tickets.issue(ann(expires_in_s=-1))
    with pytest.raises(Unauthorized, match="expired"):
        await tickets.redeem(ticket)


async def test_without_redis_socket_tickets_raise_unavailable(settings: Settings) -> None:
    async with connect(dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0")) as nobody:
        tickets = SocketTickets(settings, nobody)
        with pytest.raises(Unavailable):
            await tickets.issue(ann())
        with pytest.raises(Unavailable):
            await tickets.redeem("a ticket")
