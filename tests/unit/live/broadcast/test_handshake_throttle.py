"""Turns: some in each round of the loop, in order, and nobody waits for somebody who has gone."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from seatserver.live.broadcast.handshake_throttle import HandshakeThrottle


async def test_each_round_of_the_loop_lets_a_few_handshakes_go_on_in_order_of_arrival() -> None:
    turns, order = HandshakeThrottle(3), []

    async def come(number: int) -> None:
        await turns.acquire()
        order.append(number)

    tasks = [asyncio.create_task(come(number)) for number in range(20)]
    while len(order) < 20:
        before = len(order)
        await asyncio.sleep(0)
        assert len(order) <= before + 3
    assert order == list(range(20))
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("newcomers", [1, 2, 3])
async def test_a_single_client_does_not_wait(newcomers: int) -> None:
    turns = HandshakeThrottle(1)
    for _ in range(newcomers):
        taking = turns.acquire()
        try:
            taking.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waits")
        for _ in range(3):
            await asyncio.sleep(0)
    known = weakref.ref(turns)
    del turns, taking
    assert known() is None, "a loop without newcomers has nothing to do for them"


async def test_a_client_that_leaves_the_queue_frees_its_slot() -> None:
    turns = HandshakeThrottle(1)
    tasks = [asyncio.create_task(turns.acquire()) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks[1:9]:
        task.cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    assert tasks[9].done() and not tasks[9].cancelled()
