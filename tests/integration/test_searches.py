"""Searches for seats stop nobody: they have a thread of their own, and take their turns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatserver.client import RemoteError
from seatserver.holding.search_thread import MOST, Searches
from tests.integration.house import Instance, eventually
from tests.integration.lounge import ROW_B, ROW_C, open_lounge, visitor

B, C = ROW_B.start, ROW_C.start


@asynccontextmanager
async def long_search(searches: Searches) -> AsyncIterator[None]:
    """Somebody's search that takes as long as the test wants."""
    begun, over = threading.Event(), threading.Event()

    def search() -> None:
        begun.set()
        over.wait(60)

    task = asyncio.create_task(searches.run(search))
    await eventually(begun.is_set)
    try:
        yield
    finally:
        over.set()
        await task


async def test_while_seats_are_searched_for_everybody_else_goes_on(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob, visitor(server, "cat") as cat:
        async with long_search(server.house.holding.searches):
            best = asyncio.create_task(ann.best(2))
            # A click that leaves a seat over is looked at closely, and waits; one that does not is answered at once.
            nearest = asyncio.create_task(cat.hold(C + 1, C + 2, or_nearest=True))
            assert (await bob.hold(B, B + 1)).seats == (B, B + 1)
            await bob.beat()
            assert not (best.done() or nearest.done())
        assert len((await best).seats) == len((await nearest).seats) == 2


async def test_more_searches_than_could_be_waited_for_are_refused_clearly(server: Instance) -> None:
    await open_lounge(server)
    searches = server.house.holding.searches
    async with visitor(server, "ann") as ann:
        async with long_search(searches):
            waiting = [asyncio.create_task(searches.run(int)) for _ in range(MOST - 1)]
            await asyncio.sleep(0)
            with pytest.raises(RemoteError, match="queue of searches for seats is full; try again shortly") as caught:
                await ann.best(2)
            assert (caught.value.code, caught.value.retryable) == ("busy", True)
        await asyncio.gather(*waiting)
        assert await ann.best(2)


async def test_who_gives_up_waiting_makes_room_for_the_next() -> None:
    searches = Searches()
    async with long_search(searches):
        for _ in range(MOST * 2):
            task = asyncio.create_task(searches.run(int))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert await searches.run(lambda: 7) == 7
    searches.close()


async def test_a_search_that_fails_fails_alone() -> None:
    searches = Searches()
    with pytest.raises(ZeroDivisionError):
        await searches.run(lambda: 1 // 0)
    assert await searches.run(lambda: 7) == 7
    searches.close()
