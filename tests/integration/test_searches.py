"""Searches for seats block nobody: they run in a thread of their own, in turns that are shared fairly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from seatserver.client import RemoteError
from seatserver.errors import Busy
from seatserver.holding import holding
from seatserver.holding.search_thread import Searches
from seatserver.seatmaps.search.best import best_offers
from seatserver.seatmaps.search.score import Offer
from seatserver.seats.states import SeatState
from tests.integration.lounge import LOUNGE, ROW_B, ROW_C, open_lounge, visitor
from tests.integration.server import Instance, eventually

B, C = ROW_B.start, ROW_C.start
MOST, MOST_PER_USER = 32, 8


@pytest.fixture
def searches() -> Iterator[Searches]:
    made = Searches(MOST, MOST_PER_USER)
    yield made
    made.close()


@asynccontextmanager
async def long_search(searches: Searches) -> AsyncIterator[asyncio.Task[None]]:
    """Somebody's search that takes as long as the test wants. The task is its caller."""
    begun, over = threading.Event(), threading.Event()

    def search() -> None:
        begun.set()
        over.wait(60)

    task = asyncio.create_task(searches.run(search, user="somebody"))
    await eventually(begun.is_set)
    try:
        yield task
    finally:
        over.set()
        await task


async def queued(searches: Searches, *asked: tuple[str, str], ran: list[Any] | None = None) -> list[asyncio.Task[None]]:
    """Searches of these users in these rooms, asked for in this order; each notes when it ran."""

    def note(who: tuple[str, str]) -> Callable[[], None]:
        return lambda: None if ran is None else ran.append(who)

    tasks = [asyncio.create_task(searches.run(note(who), user=who[0], room=who[1])) for who in asked]
    await asyncio.sleep(0)
    return tasks


async def test_a_running_search_blocks_nobody_else(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob, visitor(server, "cat") as cat:
        async with long_search(server.core.holding.searches):
            best = asyncio.create_task(ann.best(2))
            # A click that leaves a seat over is looked at closely, and waits; one that does not is answered at once.
            nearest = asyncio.create_task(cat.hold(C + 1, C + 2, or_nearest=True))
            assert (await bob.hold(B, B + 1)).seats == (B, B + 1)
            await bob.beat()
            assert not (best.done() or nearest.done())
        assert len((await best).seats) == len((await nearest).seats) == 2


async def test_a_search_that_has_waited_sees_what_was_held_meanwhile(
    server: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = 0

    def counted(*room: Any, **wish: Any) -> list[Offer]:
        nonlocal searched
        searched += 1
        return best_offers(*room, **wish)

    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        [first] = await bob.offers(2, limit=1)
        monkeypatch.setattr(holding, "best_offers", counted)
        async with long_search(server.core.holding.searches):
            asked = asyncio.create_task(ann.best(2))
            await eventually(lambda: server.core.holding.searches.waiting == 1)
            await bob.hold(*first.seats)
            await eventually(lambda: all(ann.state(seat) == SeatState.HELD for seat in first.seats))
        assert set((await asked).seats).isdisjoint(first.seats)
    assert searched == 1, "not one that is refused, and then another"


async def test_too_many_simultaneous_searches_of_one_user_are_refused(server: Instance) -> None:
    await open_lounge(server)
    searches, most = server.core.holding.searches, server.core.settings.searches_per_user
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        async with long_search(searches):
            waiting = await queued(searches, *[("ann", "elsewhere")] * most)
            with pytest.raises(RemoteError, match="your queue of searches for seats is full; try again") as caught:
                await ann.best(2)
            assert (caught.value.code, caught.value.retryable) == ("busy", True)
            others = asyncio.create_task(bob.best(2))
        await asyncio.gather(*waiting)
        assert len((await others).seats) == 2
        assert await ann.best(2)


async def test_users_take_turns_however_many_searches_one_has_queued(searches: Searches) -> None:
    ran: list[Any] = []
    async with long_search(searches):
        tasks = await queued(
            searches, *[("hog", "hall")] * 5, ("ann", "hall"), ("bob", "hall"), ("ann", "hall"), ran=ran
        )
    await asyncio.gather(*tasks)
    assert [user for user, _ in ran] == ["hog", "ann", "bob", "hog", "ann", "hog", "hog", "hog"]


async def test_rooms_take_turns_however_busy_one_is(searches: Searches) -> None:
    ran: list[Any] = []
    crowd = [(f"fan {number}", "premiere") for number in range(6)]
    async with long_search(searches):
        tasks = await queued(searches, *crowd, ("ann", "quiet"), ("bob", "quiet"), ran=ran)
    await asyncio.gather(*tasks)
    assert [room for _, room in ran][:4] == ["premiere", "quiet", "premiere", "quiet"]


async def test_a_user_in_many_rooms_has_no_more_turns_than_one_in_one_room(searches: Searches) -> None:
    ran: list[Any] = []
    async with long_search(searches):
        hog = [("hog", f"room {number}") for number in range(6)]
        tasks = await queued(searches, *hog, ("ann", "hall"), ran=ran)
    await asyncio.gather(*tasks)
    assert ran.index(("ann", "hall")) == 1


async def test_in_a_full_queue_a_newcomer_takes_a_slot_of_the_busiest_user(searches: Searches) -> None:
    async with long_search(searches):
        crowd = await queued(searches, *[(f"user {number}", "hall") for number in range(MOST - 1 - MOST_PER_USER)])
        hog = await queued(searches, *[("hog", "hall")] * MOST_PER_USER)
        [newcomer] = await queued(searches, ("ann", "hall"))
    await asyncio.gather(*crowd, *hog[:-1], newcomer)
    with pytest.raises(Busy, match="your queue of searches"):
        await hog[-1]


async def test_guests_of_one_network_take_turns_as_one_user(searches: Searches) -> None:
    ran: list[str] = []

    def ask(user: str, network: str) -> asyncio.Task[None]:
        search = searches.run(lambda: ran.append(user), user=user, room="hall", network=network)
        return asyncio.create_task(search)

    async with long_search(searches):
        tasks = [ask(f"guest {number}", "n1") for number in range(10)]
        tasks += [ask("ann", ""), ask("a guest from elsewhere", "n2"), ask("bob", "")]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert set(ran[:4]) == {"guest 0", "ann", "a guest from elsewhere", "bob"}
    assert ran[4:] == [f"guest {number}" for number in range(1, 10)]


async def test_guests_of_one_network_cannot_occupy_the_whole_queue(searches: Searches) -> None:
    async def ask(user: str, network: str) -> None:
        await searches.run(lambda: None, user=user, room="hall", network=network)

    async with long_search(searches):
        crowd = [asyncio.create_task(ask(f"guest {number}", "n1")) for number in range(MOST - 1)]
        await asyncio.sleep(0)
        others = [asyncio.create_task(ask(f"user {number}", "")) for number in range(5)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 5
    await asyncio.gather(*others)


async def test_in_a_queue_full_of_single_searches_the_next_is_refused(searches: Searches) -> None:
    async with long_search(searches):
        crowd = await queued(searches, *[(f"user {number}", "hall") for number in range(MOST - 1)])
        [newcomer] = await queued(searches, ("ann", "hall"))
        with pytest.raises(Busy, match="the queue of searches for seats is full"):
            await newcomer
    await asyncio.gather(*crowd)


async def test_a_client_that_leaves_the_queue_frees_its_slot(searches: Searches) -> None:
    async with long_search(searches):
        keeps = await queued(searches, ("ann", "hall"))
        for _ in range(MOST * 2):
            for task in await queued(searches, ("ann", "hall"), ("bob", "hall"), ("ann", "other")):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        for task in keeps:
            task.cancel()
    assert await searches.run(lambda: 7, user="ann", room="hall") == 7


async def test_a_failed_search_fails_only_its_own_caller(searches: Searches) -> None:
    with pytest.raises(ZeroDivisionError):
        await searches.run(lambda: 1 // 0)
    assert await searches.run(lambda: 7) == 7


@pytest.mark.parametrize("commands", [5, 60], ids=["that all came in", "of which many are still on their way"])
async def test_commands_still_queued_when_a_socket_dies_are_dropped(server: Instance, commands: int) -> None:
    """A search waits for its turn, so that what the socket sent after it is unread when the socket hangs up."""
    await open_lounge(server)
    async with server.watcher("ann", showtime=LOUNGE) as wire:
        async with long_search(server.core.holding.searches):
            await wire.send("offers", ref=900, count=2)
            await eventually(lambda: server.core.holding.searches.waiting == 1)
            for number in range(commands):
                await wire.send("hold", ref=1000 + number, hold_id=str(uuid4()), seats=[B + number % 8])
            sessions = server.gauge("sockets")
            wire.connection.transport.close()  # without a goodbye: everything that was sent arrives, then the end
            await wire.connection.wait_closed()
        await eventually(lambda: server.gauge("sockets") < sessions)
    assert await server.core.store.holds_of(LOUNGE, "ann") == ()


async def test_a_caller_that_is_cancelled_at_its_turn_stops_nobody(searches: Searches) -> None:
    ran: list[Any] = []
    with pytest.raises(asyncio.CancelledError):
        async with long_search(searches) as before:
            gone, stays = await queued(searches, ("gone", "room"), ("stays", "room"), ran=ran)
            task = asyncio.create_task(searches.run(lambda: ran.append("last"), user="last", room="room"))
            await asyncio.sleep(0)
            # Two sockets close in the same moment: the search of the first ends, and the second was to be next.
            before.cancel()
            gone.cancel()
    await asyncio.gather(gone, stays, task, return_exceptions=True)
    assert gone.cancelled() and ran == [("stays", "room"), "last"]


async def test_a_cancelled_caller_no_longer_counts_in_the_queue(searches: Searches) -> None:
    async with long_search(searches):
        greedy = await queued(searches, *[("greedy", "room")] * MOST_PER_USER)
        others = await queued(searches, *[(f"user {number}", "room") for number in range(MOST - MOST_PER_USER - 1)])
        greedy[-1].cancel()
        [newcomer] = await queued(searches, ("newcomer", "room"))
    await asyncio.gather(*greedy, *others, newcomer, return_exceptions=True)
    assert newcomer.exception() is None
