"""Two servers on the same data, and servers that die: acknowledged bookings stay, held seats come back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis

from seatserver.catalog import catalog
from seatserver.client import LiveRoom, RemoteError, SeatClient
from seatserver.config import Settings
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from seatserver.errors import SeatsRefused
from seatserver.seats.states import SeatState
from tests.integration.conftest import MakeServer
from tests.integration.server import BLOCKED, SHOWTIME, Instance, answered, check_books, eventually, settled
from tests.integration.test_demo import Running, environment, running
from tests.ports import fresh_port
from tests.waiting import PATIENCE_S

FREE, HELD, SOLD = SeatState.FREE, SeatState.HELD, SeatState.SOLD
STANDARD = range(BLOCKED)
HOLD_MS = 1500
CHECKOUT_MS = 2600
QUICK = {"hold_ms": HOLD_MS, "checkout_ms": CHECKOUT_MS, "redis_timeout_ms": 500, "seats_per_user": 28}

Start = Callable[[int], AbstractContextManager[Running]]


class Rush:
    """Shoppers who hold and book as fast as they can. ``acknowledged`` are the bookings that they were promised."""

    def __init__(self, rooms: list[LiveRoom]) -> None:
        self.rooms = rooms
        self.acknowledged: dict[UUID, tuple[int, ...]] = {}
        self.errors: list[str] = []
        self._rng = random.Random(11)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        shoppers = [asyncio.create_task(self._shop(room)) for room in self.rooms]
        try:
            yield
        finally:
            for shopper in shoppers:
                shopper.cancel()
        for ended in await asyncio.gather(*shoppers, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended

    async def in_the_middle(self, acknowledged: int) -> None:
        """Wait until so much is sold and somebody waits for an answer."""
        await eventually(
            lambda: len(self.acknowledged) >= acknowledged and any(room.awaits_answers for room in self.rooms)
        )

    async def meets(self, *codes: str, asking: LiveRoom | None = None) -> None:
        """Wait until somebody met one of these errors; ``asking`` asks too, should nobody else have a reason to."""

        async def met() -> bool:
            if asking is not None:
                try:
                    await asking.hold(next(iter(STANDARD)))
                except RemoteError as error:
                    self.errors.append(error.code)
                except (SeatsRefused, TimeoutError):
                    pass
            return not set(codes).isdisjoint(self.errors)

        await eventually(met, f"somebody to meet one of {codes}")

    async def _shop(self, room: LiveRoom) -> None:
        while True:
            await asyncio.sleep(self._rng.uniform(0, 0.01))
            free = [seat for seat in STANDARD if room.state(seat) == FREE]
            if len(free) < 4:
                continue  # some must be left for those who look at the end
            try:
                held = await room.hold(*self._rng.sample(free, 2))
                if self._rng.random() < 0.5:
                    continue
                booked = await room.book(held.hold_id)
                assert booked.status == "confirmed"
                self.acknowledged[booked.booking_id] = booked.seats
            except (SeatsRefused, TimeoutError):
                pass
            except RemoteError as error:
                self.errors.append(error.code)

    async def check(self, server: Instance) -> None:
        """Every promise was kept, and nothing was sold twice."""
        await check_books(server.core)
        states = await settled(server.core)
        for booking_id, seats in self.acknowledged.items():
            booking = await answered(partial(server.core.checkout.get, booking_id))
            assert booking.status == "confirmed"
            assert {states[seat] for seat in seats} == {SOLD}


@asynccontextmanager
async def shoppers(url: str, server: Instance, count: int = 4) -> AsyncIterator[Rush]:
    async with AsyncExitStack() as stack:
        rooms = []
        for number in range(count):
            client = SeatClient(url, token=server.token(f"shopper {number}"))
            await stack.enter_async_context(client)
            rooms.append(await stack.enter_async_context(client.room(SHOWTIME)))
        yield Rush(rooms)


async def all_see(server: Instance, *rooms: LiveRoom) -> None:
    """Wait until every map is Redis' own."""

    async def same() -> bool:
        view = await server.core.store.snapshot(SHOWTIME, BLOCKED + 5)
        return all(
            (room.room.epoch, room.room.version, bytes(room.room.states)) == (view.epoch, view.version, view.states)
            for room in rooms
        )

    await eventually(same)


async def comes_back(room: LiveRoom) -> None:
    """Wait until a seat is free again and can be held and booked."""
    await room.until(lambda one: any(one.state(seat) == FREE for seat in STANDARD), PATIENCE_S)
    seat = next(seat for seat in STANDARD if room.state(seat) == FREE)
    tried = False

    async def works() -> bool:
        nonlocal tried
        try:
            held = await room.hold(seat)
            tried = True
            return (await room.book(held.hold_id)).status == "confirmed"
        except (RemoteError, TimeoutError) as error:
            assert not isinstance(error, RemoteError) or error.retryable or error.code == "hold_gone", error
            return False
        except SeatsRefused as error:
            # An earlier try whose answer was lost holds it still, or has even booked it.
            assert set(error.reasons.values()) <= {"held", "sold"}, error
            return tried and set(error.reasons.values()) == {"sold"}

    await eventually(works)


def as_environment(settings: Settings, **more: str) -> dict[str, str]:
    return environment(
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        SEATSERVER_TOKEN_SECRET=settings.token_secret,
        SEATSERVER_HOLD_MS=str(HOLD_MS),
        SEATSERVER_CHECKOUT_MS=str(CHECKOUT_MS),
        SEATSERVER_DATABASE_STATEMENT_MS="500",
        SEATSERVER_DATABASE_POOL_WAIT_MS="1000",
        SEATSERVER_ANSWER_MS="2200",
        SEATSERVER_DATABASE_LOCK_MS="400",
        SEATSERVER_REDIS_TIMEOUT_MS="500",
        SEATSERVER_SEATS_PER_USER="28",
        **more,
    )


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Start:
    """Starts a server in a process of its own on a port; a context manager."""
    return lambda port: running("serve", "--port", str(port), log=tmp_path / "log", env=as_environment(settings))


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


# ---------------------------------------------------------------- two that live


async def test_a_change_on_one_instance_is_seen_on_the_other(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with here.room("ann") as ann, there.room("bob") as bob, there.room("ann") as anns_phone:
        held = await ann.hold(1, 2)
        await bob.until(lambda room: room.state(1) == room.state(2) == HELD, PATIENCE_S)
        assert (await anns_phone.extend(held.hold_id)).seats == (1, 2), "a hold is the user's, not the socket's"
        await anns_phone.book(held.hold_id)
        for room in (ann, bob):
            await room.until(lambda one: one.state(1) == one.state(2) == SOLD, PATIENCE_S)
        await ann.until(lambda room: bool(room.notices), PATIENCE_S)
        await here.core.checkout.cancel(held.hold_id)
        await bob.until(lambda room: room.state(1) == FREE, PATIENCE_S)
        await all_see(here, ann, bob, anns_phone)


async def test_a_seat_requested_on_two_instances_at_once_goes_to_exactly_one(make_server: MakeServer) -> None:
    here, there = await make_server(seats_per_user=28), await make_server(seats_per_user=28)
    rng = random.Random(5)
    async with here.room("ann") as ann, there.room("bob") as bob:
        winners = {"ann": 0, "bob": 0}
        for _ in range(6):
            takers = [(name, room, seat) for seat in STANDARD for name, room in (("ann", ann), ("bob", bob))]
            rng.shuffle(takers)
            answers = await asyncio.gather(*(room.hold(seat) for _, room, seat in takers), return_exceptions=True)
            owner: dict[int, str] = {}
            for (name, room, seat), answer in zip(takers, answers, strict=True):
                if isinstance(answer, BaseException):
                    assert isinstance(answer, SeatsRefused)
                    assert answer.reasons == {seat: "held"}
                else:
                    assert owner.setdefault(seat, name) == name
                    winners[name] += 1
                    await room.release(answer.hold_id)
            assert set(owner) == set(STANDARD), "one of them got each seat"
        assert all(winners.values())
        await all_see(here, ann, bob)


async def test_when_redis_loses_everything_both_instances_show_the_same_new_room(
    make_server: MakeServer, redis_url: str
) -> None:
    here, there = await make_server(), await make_server()
    async with here.room("ann") as ann, there.room("bob") as bob, Redis.from_url(redis_url) as redis:
        sold = await ann.hold(1)
        await ann.book(sold.hold_id)
        await settled(here.core)
        lost = await ann.hold(2)
        await bob.until(lambda room: room.state(2) == HELD, PATIENCE_S)
        epoch = bob.room.epoch
        await redis.flushall()
        for room in (ann, bob):
            await room.until(
                lambda one: one.room.epoch != epoch and one.state(1) == SOLD and one.state(2) == FREE, PATIENCE_S
            )
        await all_see(here, ann, bob)
        with pytest.raises(RemoteError) as caught:
            await ann.book(lost.hold_id)
        assert caught.value.code == "hold_gone"
        assert (await bob.hold(2)).seats == (2,)


# ---------------------------------------------------------------- one that dies


async def test_after_kill_9_of_a_server_sold_seats_stay_sold_and_held_seats_come_back(
    make_server: MakeServer, start: Start
) -> None:
    survivor = await make_server(**QUICK)
    port = fresh_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        victim = stack.enter_context(start(port))
        victim.until(r"serving")
        rush = await stack.enter_async_context(shoppers(url, survivor))
        watcher = await stack.enter_async_context(survivor.room("watcher"))
        async with rush.going_on():
            await rush.in_the_middle(4)
            kill(victim.process.pid)
            assert any(room.awaits_answers for room in rush.rooms), "somebody was waiting for an answer"
        await rush.check(survivor)
        await watcher.until(lambda room: HELD not in room.room.states, timeout_s=PATIENCE_S)
        assert not any(room.connected for room in rush.rooms)

        stack.enter_context(start(port)).until(r"serving")
        for room in rush.rooms:
            await room.until(lambda one: one.connected, timeout_s=PATIENCE_S)
        await all_see(survivor, watcher, *rush.rooms)
        await comes_back(rush.rooms[0])
        await all_see(survivor, watcher, *rush.rooms)
        await rush.check(survivor)


async def test_after_kill_9_of_redis_acknowledged_bookings_exist_and_sales_continue(
    make_server: MakeServer, redis_server: EmbeddedRedis
) -> None:
    here = await make_server(**QUICK)
    there = await make_server(**QUICK)
    async with shoppers(here.url, here) as rush, there.room("watcher") as watcher:
        async with rush.going_on():
            await rush.in_the_middle(3)
            kill(redis_server.pid)
            await rush.meets("unavailable", asking=watcher)
            redis_server.start()
        await comes_back(watcher)
        await rush.check(here)
        await watcher.until(lambda room: HELD not in room.room.states, timeout_s=PATIENCE_S)
        await all_see(here, watcher, *rush.rooms)


async def test_after_kill_9_of_postgres_acknowledged_bookings_exist_and_sales_continue(
    make_server: MakeServer, postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Known until the end of this test, however long the machine takes to notice that Postgres has gone.
    monkeypatch.setattr(catalog, "SHOWTIME_TTL_S", 3600.0)
    here = await make_server(**QUICK)
    there = await make_server(**QUICK)
    async with shoppers(here.url, here) as rush, there.room("watcher") as watcher:
        async with rush.going_on():
            await rush.in_the_middle(3)
            kill(postgres_server.pid)
            await rush.meets("unavailable", "outcome_unknown")
            held = await watcher.hold(24, 25)
            assert held.seats == (24, 25), "holding needs no Postgres while the showtime is known"
            postgres_server.start()
        await comes_back(watcher)
        await rush.check(here)
        await watcher.until(lambda room: HELD not in room.room.states, timeout_s=PATIENCE_S)
        await all_see(here, watcher, *rush.rooms)
