"""One run from the checks to the verdict: prepares the target, starts the generators, and asks the oracle at the end.

A generator is one process with one event loop. With ``processes`` more than one, each takes every nth person, and their
notes are put together. What concerns the servers (a restart, a cut feed) is done by the coordinator, because only it
knows them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import uvloop

from loadtests.rush import accounts, checks, notes, result
from loadtests.rush.generator import Generator
from loadtests.rush.notes import Notes
from loadtests.rush.result import Result
from loadtests.rush.scenario import Scenario
from loadtests.rush.schedule import Plan, part_of, schedule
from loadtests.rush.target import Target
from loadtests.rush.world import Stage, World
from seatserver.errors import StartError

HEAD_START_S = 0.5
"""From the end of the preparations to the opening of the doors."""
READY_S = 120.0
"""Longest wait for the generators' processes to start. A run begins only when all of them are there."""
LOOK_S = 0.2
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

Progress = Callable[[dict[str, Any]], None]
Live = Callable[[float], list[Notes]]
"""Lets generators begin at a moment, as in `time.monotonic`, and returns their notes."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a run, apart from the target."""

    name: str
    scenario: Scenario
    seed: int
    buyers: int | None = None
    processes: int = 1
    part: int = 1
    parts: int = 1
    times_count: bool = True


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One generator's share of a run. It stays in memory, because it has tokens."""

    scenario: Scenario
    urls: tuple[str, ...]
    stages: tuple[Stage, ...]
    plans: list[Plan]
    tokens: dict[int, str]
    sources: tuple[str, ...]
    operator: str
    ca_file: str
    films: bool


@dataclass(frozen=True)
class Channels:
    """How the coordinator and the processes of the generators talk: a manager's queues and its event."""

    told: Any
    ready: Any
    begins: Any
    closing: Any


def rush(target: Target, stages: Sequence[Stage], order: Order, progress: Progress = lambda figures: None) -> Result:
    """Run it. Raises `StartError` if it cannot start."""
    plans = schedule(order.scenario, seed=order.seed, count=order.buyers)
    people = len(plans)
    warnings = checks.check(order.scenario, target, people, most_at_once=_most_at_once(plans))
    stages = asyncio.run(accounts.taken(target, stages))
    warnings += checks.too_few_to_sell_out(order.scenario, plans, stages)
    mine = part_of(plans, order.part - 1, order.parts)
    shares = [part_of(mine, number, order.processes) for number in range(order.processes)]
    tokens = [{plan.number: target.keys.token_of(plan.number) for plan in share} for share in shares]
    jobs = [
        Job(
            scenario=order.scenario,
            urls=target.urls,
            stages=tuple(stages),
            plans=share,
            tokens=tokens[number],
            sources=tuple(checks.sources(target, people)),
            operator=target.keys.operator or "",
            ca_file=target.ca_file,
            films=number == 0,
        )
        for number, share in enumerate(shares)
    ]
    with _ready(jobs, progress) as live:
        started = time.monotonic() + HEAD_START_S
        started_at_ms = time.time_ns() // 1_000_000 + round(HEAD_START_S * 1000)
        with _incidents(target, order.scenario, started):
            parts = live(started)
            said = asyncio.run(accounts.ask(target, stages))
    noted = notes.together(parts)
    return result.judged(
        name=order.name,
        scenario=order.scenario,
        noted=noted,
        accounts=said,
        times_count=order.times_count,
        seed=order.seed,
        people=people,
        part=order.part,
        parts=order.parts,
        started_at_ms=started_at_ms,
        server=", ".join(target.urls) if not target.is_ours else f"{len(target.urls)} of the lab's own",
        hall=stages[0].hall,
        warnings=tuple(warnings),
    )


def _most_at_once(plans: Sequence[Plan]) -> float:
    """The most people that come within one second."""
    arrivals = [plan.arrives for plan in plans]
    most = first = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] < moment - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


# ---------------------------------------------------------------- generators


def _ready(jobs: Sequence[Job], progress: Progress) -> contextlib.AbstractContextManager[Live]:
    """The generators, ready to begin."""
    if len(jobs) == 1:
        return contextlib.nullcontext(lambda started: [_alone(jobs[0], started, progress)])
    return _beside_each_other(jobs, progress)


def _alone(job: Job, started: float, progress: Progress) -> Notes:
    """The one generator, in this process. Ctrl-C closes the doors."""
    generator = _generator(job, started, lambda world: progress(figures_of(world)))

    async def run() -> Notes:
        loop = asyncio.get_running_loop()

        def interrupt(number: signal.Signals) -> None:
            loop.remove_signal_handler(number)  # whoever insists ends the run at once
            generator.interrupt()

        if threading.current_thread() is threading.main_thread():
            for number in INTERRUPTS:
                loop.add_signal_handler(number, interrupt, number)
        return await generator.run()

    before = [signal.getsignal(number) for number in INTERRUPTS]
    try:
        return _without_garbage_collection(lambda: uvloop.run(run()))
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in zip(INTERRUPTS, before, strict=True):  # an event loop leaves the defaults behind
                signal.signal(number, handler)


def _generator(job: Job, started: float, watch: Callable[[World], None]) -> Generator:
    world = World(
        job.scenario,
        job.urls,
        job.stages,
        job.tokens.__getitem__,
        started=started,
        sources=job.sources,
        operator=job.operator,
        ca_file=job.ca_file,
    )
    return Generator(world, job.plans, films=job.films, watch=watch)


def _without_garbage_collection(work: Callable[[], Notes]) -> Notes:
    """A full collection among ten thousand sockets would be measured as the server's."""
    gc.collect()
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()


@contextlib.contextmanager
def _beside_each_other(jobs: Sequence[Job], progress: Progress) -> Iterator[Live]:
    """One process a job, all of them started. Yields what lets them begin together and returns their notes.

    Ctrl-C and SIGTERM reach the coordinator, which has all of them close the doors.
    """
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        manager = stack.enter_context(context.Manager())
        told, ready, begins, closing = manager.Queue(), manager.Queue(), manager.Queue(), manager.Event()
        # Only noted: a handler runs in the middle of anything, and `told` and `closing` share one connection.
        interrupts: list[int] = []
        for number in INTERRUPTS:
            before = signal.signal(number, lambda number, frame: interrupts.append(number))
            stack.callback(signal.signal, number, before)
        pool = stack.enter_context(ProcessPoolExecutor(len(jobs), mp_context=context, initializer=_deaf))
        channels = Channels(told=told, ready=ready, begins=begins, closing=closing)
        running = [pool.submit(_in_process, number, job, channels) for number, job in enumerate(jobs)]

        def live(started: float) -> list[Notes]:
            for _ in jobs:
                begins.put(started)
            latest: dict[int, dict[str, Any]] = {}
            while not all(one.done() for one in running):
                if interrupts:
                    closing.set()
                with contextlib.suppress(queue.Empty):
                    number, figures = told.get(timeout=LOOK_S)
                    latest[number] = figures
                    progress(added_up(latest.values()))
            return [one.result() for one in running]

        try:
            _wait_for(ready, running, interrupts)
            yield live  # which raises what made one of them fail
        finally:
            for _ in jobs:  # those that still wait, because of an error here, end
                begins.put(None)


def _wait_for(ready: Any, running: Sequence[Future[Notes]], interrupts: Sequence[int]) -> None:
    """Wait until every process has said that it is there.

    Raises what made one of them fail, `StartError`, or `KeyboardInterrupt` when a signal was noted: nothing has begun
    that could be reported.
    """
    ends = time.monotonic() + READY_S
    missing = len(running)
    while missing:
        if interrupts:  # first of all: a process that has not become deaf yet dies of the same Ctrl-C
            raise KeyboardInterrupt
        for one in running:
            if one.done():
                one.result()
        if time.monotonic() > ends:
            raise StartError(f"{missing} of {len(running)} generators have not started within {READY_S:g} s")
        with contextlib.suppress(queue.Empty):
            ready.get(timeout=LOOK_S)
            missing -= 1


def _deaf() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_process(number: int, job: Job, channels: Channels) -> Notes:
    channels.ready.put(number)
    started = channels.begins.get()
    if started is None:
        raise StartError("the run has not begun")
    generator = _generator(job, started, lambda world: channels.told.put((number, figures_of(world))))

    async def run() -> Notes:
        async def listen() -> None:
            while not await asyncio.to_thread(channels.closing.wait, LOOK_S):
                pass
            generator.interrupt()

        listening = asyncio.create_task(listen())
        try:
            return await generator.run()
        finally:
            listening.cancel()

    return _without_garbage_collection(lambda: uvloop.run(run()))


# ---------------------------------------------------------------- progress and incidents


def figures_of(world: World) -> dict[str, Any]:
    """How a run is going, for those who watch."""
    return {
        "elapsed_s": world.elapsed,
        "seconds": world.scenario.seconds,
        "closed": world.closed.is_set(),
        "arrived": sum(world.people.values()),
        "sockets": world.sockets,
        "held": sum(second.held for second in world.seconds.values()),
        "booked": len(world.receipts),
        "refused": sum(second.refused for second in world.seconds.values()),
        "errors": sum(world.errors.values()),
        "lost": sum(world.losses.values()),
        "messages": world.messages,
        "hold_p99_ms": world.stopwatch.percentile_ms("hold", 99),
        "lag_p99_ms": world.stopwatch.loop.get_value_at_percentile(99) / 1000,
    }


def added_up(every: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The figures of several generators as one: sums, and of times the longest."""
    found: dict[str, Any] = {}
    for figures in every:
        for name, value in figures.items():
            if name in ("elapsed_s", "seconds", "hold_p99_ms", "lag_p99_ms"):
                found[name] = max(filter(None, (found.get(name), value)), default=None)
            elif name == "closed":
                found[name] = found.get(name, True) and value
            else:
                found[name] = found.get(name, 0) + value
    return found


@contextlib.contextmanager
def _incidents(target: Target, scenario: Scenario, started: float) -> Iterator[None]:
    """What the scenario does to the servers, at its time. An error there is raised at the end.

    A server that was started again lives as long as the ``with`` block.
    """
    failed: list[BaseException] = []
    over = threading.Event()
    what = {"restart": target.restart, "cut_feed": target.cut_feed}

    def work() -> None:
        for event in sorted(scenario.events, key=lambda event: event.at):
            if event.what not in what or over.wait(max(0.0, started + event.at - time.monotonic())):
                continue
            try:
                what[event.what]()
            except BaseException as error:
                failed.append(error)
        over.wait()  # a server that this thread has started ends with it

    thread = threading.Thread(target=work, name="incidents")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failed:
        raise failed[0]
