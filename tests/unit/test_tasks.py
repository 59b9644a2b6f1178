"""Work that must not stop halfway is done to its end, however often its caller is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from seatserver import tasks
from seatserver.tasks import Tasks, to_the_end
from tests.waiting import within


async def test_two_cancellations_do_not_stop_the_work_and_the_caller_is_told_at_its_end() -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.set()

    caller = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    for _ in range(2):
        caller.cancel()
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done.is_set()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_failure_reaches_the_caller_unless_it_was_cancelled(cancelled: bool) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        raise ZeroDivisionError

    caller = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    if cancelled:
        caller.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError if cancelled else ZeroDivisionError):
        await caller


async def test_work_that_is_cancelled_itself_ends_its_caller_too() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await to_the_end(work())


async def test_tasks_are_closed_although_one_of_them_swallows_its_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def work() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    running = Tasks()
    running.spawn(work(), "work")
    await asyncio.sleep(0)
    async with within("the tasks to be closed"):
        await running.close()
    assert swallowed == 3
