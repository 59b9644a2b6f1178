"""Slices: everybody gets on, nobody keeps the loop, and who fails ends only itself."""

from __future__ import annotations

import asyncio

from seatserver.live.broadcast.scheduler import TimeSlicer


class Chore:
    """Work of so many steps, one a slice."""

    def __init__(self, name: str, steps: int, log: list[str]) -> None:
        self.name, self.steps, self.log = name, steps, log
        self.done = asyncio.Event()

    def advance(self, until_ns: int) -> bool:
        self.log.append(self.name)
        self.steps -= 1
        if self.steps < 0:
            raise ValueError("no more steps")
        if not self.steps:
            self.done.set()
        return not self.steps


async def test_long_jobs_take_turns() -> None:
    log: list[str] = []
    pump = TimeSlicer(slice_s=0)
    long, short = Chore("long", 4, log), Chore("short", 2, log)
    pump.schedule(long)
    pump.schedule(short)
    await long.done.wait()
    assert log == ["long", "short", "long", "short", "long", "long"]


async def test_ready_callbacks_run_between_two_slices() -> None:
    log: list[str] = []
    pump, long = TimeSlicer(slice_s=0), Chore("slice", 3, log)

    async def command() -> None:
        for step in range(4):
            log.append(f"step {step}")
            await asyncio.sleep(0)

    pump.schedule(long)
    await asyncio.gather(long.done.wait(), command())
    first, last = log.index("slice"), len(log) - log[::-1].index("slice") - 1
    between = log[first:last]
    assert sum(entry.startswith("step") for entry in between) >= 2, log


async def test_a_job_that_fails_does_not_stop_the_others() -> None:
    log: list[str] = []
    pump = TimeSlicer()
    pump.schedule(Chore("bad", 0, log))
    good = Chore("good", 1, log)
    pump.schedule(good)
    await good.done.wait()
    pump.schedule(again := Chore("again", 1, log))
    await again.done.wait()
    assert log == ["bad", "good", "again"]


async def test_no_job_advances_after_close() -> None:
    log: list[str] = []
    pump = TimeSlicer()
    pump.schedule(Chore("never", 1, log))
    pump.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert log == []
