"""What one generator of the rush can take, with one process on one core: sockets, messages a second, CPU per message.

People look on, as in a rush: each has a socket of their own and a map that follows every change. Only the server is
another one: `loadtests.references.sink` sends changes and does nothing else, so the figures are the generator's. They
count from when everybody is in.

*Loop late* is by how much the generator's event loop was late at p99. From 100 ms on a rush would have no verdict.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from loadtests import limits, report
from loadtests.children import running
from loadtests.installation import hall
from loadtests.meters import median
from loadtests.references.sink import SEATS
from loadtests.rush import latency
from loadtests.rush.generator import Generator
from loadtests.rush.latency import now
from loadtests.rush.scenario import parse
from loadtests.rush.schedule import schedule
from loadtests.rush.verdict import LAG_P99_MS
from loadtests.rush.world import Stage, World
from seatserver.errors import StartError

JOINS_PER_S = 600
HEAD_START_S = 0.5
JOIN_PATIENCE_S = 60.0


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("generator", help="what one generator of a rush can take, on one core")
    parser.add_argument("--sockets", type=report.at_least(1), default=10_000, help="of one process (default 10000)")
    parser.add_argument("--rooms", type=report.at_least(1), default=20, help="that they look at (default 20)")
    parser.add_argument("--rate", type=report.at_least(1), default=20_000, help="messages a second (default 20000)")
    parser.add_argument("--seconds", type=report.seconds, default=10.0, help="with everybody in (default 10)")
    parser.add_argument("--repeats", type=report.at_least(1), default=1, help="turns to take the median of (default 1)")
    report.output_options(parser)
    parser.set_defaults(run=run)


@dataclass
class Turn:
    """What one generator took. ``samples``: for each second with everybody in, messages and CPU seconds so far.

    ``lost`` counts sockets that were lost meanwhile. They may have come back.
    """

    samples: list[tuple[float, int, float]] = field(default_factory=list)
    open: int = 0
    lost: int = 0
    joined_s: float = 0.0
    late_p99_ms: float | None = None
    """None until everything is measured."""

    def check(self, sockets: int) -> None:
        """Raise `StartError` unless it was measured to the end."""
        if not self.samples:
            raise StartError(
                f"only {self.open:,} of {sockets:,} sockets were open {JOIN_PATIENCE_S:g} s after the last"
            )
        if self.late_p99_ms is None:
            raise StartError(
                f"the {sockets:,} sockets were not open together for long enough: {self.lost:,} were lost meanwhile"
            )


def run(args: argparse.Namespace) -> int:
    """Measure and report; 1 if fewer sockets were open than asked for."""
    limits.open_files(args.sockets)
    result = _measure(args)
    few = result["sockets_open"] < args.sockets
    return report.tell(args, result, show, wrong="fewer sockets were open than asked for" if few else "")


def _measure(args: argparse.Namespace) -> report.Result:
    turns = [_turn(args) for _ in range(args.repeats)]
    figures = [_figures(turn) for turn in turns]
    return {
        "sockets": args.sockets,
        "rooms": args.rooms,
        "sockets_open": min(turn.open for turn in turns),
        "sockets_lost": sum(turn.lost for turn in turns),
        "asked_per_s": args.rate,
        **{name: round(median([one[name] for one in figures]), 2) for name in figures[0]},
        "seconds": args.seconds,
        "load_of_machine": round(os.getloadavg()[0], 1),
        "can": all(late <= LAG_P99_MS for turn in turns if (late := turn.late_p99_ms) is not None),
    }


def _figures(turn: Turn) -> dict[str, float]:
    (began, messages_before, cpu_before), (ended, messages, cpu) = turn.samples[0], turn.samples[-1]
    seconds, count = ended - began, max(1, messages - messages_before)
    return {
        "messages_per_s": count / seconds,
        "cpu_us_per_message": (cpu - cpu_before) / count * 1e6,
        "core_share": (cpu - cpu_before) / seconds,
        "loop_late_p99_ms": turn.late_p99_ms or 0.0,
        "join_s": turn.joined_s,
    }


def _turn(args: argparse.Namespace) -> Turn:
    turn, lost_before = Turn(), 0
    joining_s = args.sockets / JOINS_PER_S
    scenario = parse(
        {
            "title": "The generator alone",
            "question": "What can one generator take?",
            "seconds": joining_s + JOIN_PATIENCE_S + args.seconds,
            "settle": 10.0,
            "showtimes": [{"hall": f"plain:{SEATS}", "count": args.rooms}],
            "arrivals": {"kind": "poisson", "seconds": joining_s},
            "people": {"look": args.sockets},
        },
        "generator",
    )
    stages = [Stage(id=f"room-{number}", hall=hall(SEATS)) for number in range(args.rooms)]
    with (
        tempfile.TemporaryDirectory(prefix="loadtests-") as folder,
        running("sink", "loadtests.references.sink", folder=Path(folder), environ={}) as sink,
    ):
        plans = schedule(scenario, seed=1)

        def watch(world: World) -> None:
            """Once a second."""
            nonlocal lost_before
            if world.closed.is_set():
                return
            turn.lost = sum(world.losses.values()) - lost_before if turn.samples else 0
            if world.sockets < args.sockets:
                return
            if not turn.samples:
                turn.joined_s = world.elapsed
                lost_before = sum(world.losses.values())
                sink.say(f"{args.rate / args.sockets * args.rooms}")
                world.stopwatch.loop = latency.histogram()
            turn.samples.append((now(), world.messages, time.process_time()))
            if turn.samples[-1][0] - turn.samples[0][0] >= args.seconds:
                turn.late_p99_ms = world.stopwatch.loop.get_value_at_percentile(99) / 1000
                sink.say("0")
                world.closed.set()

        async def live() -> None:
            # The world needs the loop that it lives in.
            world = World(
                scenario,
                [sink.url],
                stages,
                lambda person: "none",
                started=now() + HEAD_START_S,
                sources=limits.source_addresses(args.sockets),
            )
            notes = await Generator(world, plans, films=False, watch=watch).run()
            turn.open = notes.sockets_most

        gc.collect()
        gc.disable()  # as a rush does
        try:
            uvloop.run(live())
        finally:
            gc.enable()
    turn.check(args.sockets)
    return turn


def show(result: report.Result) -> None:
    """The figures, and whether a rush of this size would have a verdict."""
    print(
        f"{result['sockets_open']:,} sockets of one process, in {result['rooms']:,} rooms, {result['seconds']:g} s; "
        f"load of the machine {result['load_of_machine']:g}\n"
    )
    rows = [
        ("messages a second", result["messages_per_s"]),
        ("CPU µs per message", result["cpu_us_per_message"]),
        ("share of a core", result["core_share"]),
        ("loop late p99, ms", result["loop_late_p99_ms"]),
        ("everybody in after, s", result["join_s"]),
        ("sockets lost meanwhile", result["sockets_lost"]),
    ]
    report.table(("", "value"), rows)
    if not result["can"]:
        print(f"\nToo much: a loop that is more than {LAG_P99_MS:g} ms late at p99 gives no verdict.")
