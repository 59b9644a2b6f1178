"""A hall of 12,000 seats, many viewers, and forty holds: does everyone see everything, and how soon?

This is the workload that SeatLayer published: 40 distinct holds in four bursts of ten concurrent writers, each of one
seat; every viewer has 10 s to see each. An update is *received* when the viewer's own map shows the seat as held; if a
frame carries several seats, each counts. Its latency runs from the start of the hold's request. Viewers connect with
tokens, get a snapshot and then versions. The *longest wait* is that of another client with a cheap request during the
run. The plain server gets the same holds and as many viewers in the same run.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from loadtests import limits, report
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import median, median_ms, ratio, rest
from loadtests.prober import probing
from loadtests.systems import HELD, Holder, Ours, Plain, System, Viewer

SEATS = 12_000
BURSTS, WRITERS = 4, 10
HOLDS = BURSTS * WRITERS
DELIVERY_S = 10.0
ANSWER_S = 10.0
PAUSE_S = 0.1
APART = 7
"""Between two seats that are held, so that nobody's seat lies beside another's."""


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("viewers", help="forty holds in a big hall, seen by up to 10,000 viewers")
    parser.add_argument(
        "--stages", type=report.sizes(1), default=[100, 1000, 10_000], help="viewers, by comma (default 100,1000,10000)"
    )
    report.options(parser, repeats=3)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Watch:
    """The holds of one turn: when each began, when each was answered, when each viewer's map showed it."""

    started_at: dict[int, float] = field(default_factory=dict)
    hold_s: list[float] = field(default_factory=list)
    update_s: list[float] = field(default_factory=list)
    refused: int = 0
    longest_wait_s: float = 0.0

    def saw(self, viewer: Viewer, seat: int, state: int, at: float) -> None:
        """A viewer's map shows something new."""
        started_at = self.started_at.get(seat)
        if state == HELD and started_at is not None:
            self.update_s.append(at - started_at)

    def begin(self, writer: Holder, seat: int) -> None:
        """Hold one seat."""
        started_at = self.started_at[seat] = time.time()

        def answered(carried_out: bool, at: float) -> None:
            self.hold_s.append(at - started_at)
            self.refused += not carried_out  # nobody will see it, so that something is missing at the end

        writer.hold((seat,), answered)


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Every stage with both systems in turn."""
    limits.open_files(max(args.stages) + WRITERS)
    systems: tuple[System, ...] = (Ours(), Plain())
    stages = []
    for viewers in args.stages:
        turns: dict[str, list[Watch]] = {system.name: [] for system in systems}
        for repeat in range(args.repeats):
            for system in systems if repeat % 2 == 0 else reversed(systems):
                turns[system.name].append(_turn(place, system, viewers))
        ours, plain = (_figures(turns[system.name], viewers) for system in systems)
        ratios = {
            f"{name}_to_plain_server": ratio(ours[name], plain[name]) for name in ("hold_p95_ms", "update_p99_ms")
        }
        stages.append({"viewers": viewers, **ours, "plain_server": plain, **ratios})
    complete = all(stage["received"] == stage["expected"] for stage in stages)
    return {"seats": SEATS, "holds": HOLDS, "repeats": args.repeats, "stages": stages, "complete": complete}


def _figures(turns: list[Watch], viewers: int) -> dict[str, float]:
    def middle(name: str, share: float) -> float:
        return median_ms([getattr(turn, name) for turn in turns], share)

    return {
        "hold_p50_ms": middle("hold_s", 0.5),
        "hold_p95_ms": middle("hold_s", 0.95),
        "update_p50_ms": middle("update_s", 0.5),
        "update_p95_ms": middle("update_s", 0.95),
        "update_p99_ms": middle("update_s", 0.99),
        "longest_wait_ms": round(median([turn.longest_wait_s for turn in turns]) * 1000, 2),
        # No medians here: one update that is lost in one turn is lost.
        "refused_holds": max(turn.refused for turn in turns),
        "received": min(len(turn.update_s) for turn in turns),
        "expected": viewers * HOLDS,
    }


def _turn(place: Installation, system: System, viewers: int) -> Watch:
    watch = Watch()
    room = place.rooms(1, SEATS)[0]
    with ExitStack() as stack:
        server = stack.enter_context(system.serve(place))
        crowd = stack.enter_context(Crowd(server.url, system.decode, may_lose=True))
        crowd.join(system.viewer(place, room, f"viewer-{number}", SEATS, watch.saw) for number in range(viewers))
        writers = [system.holder(place, room, f"writer-{number}") for number in range(WRITERS)]
        crowd.join(writers)
        prober = stack.enter_context(probing(place, server.url))
        rest(server.pid)
        prober.longest_ms()
        for burst in range(BURSTS):
            seats = [APART * (burst * WRITERS + number) for number in range(WRITERS)]
            for writer, seat in zip(writers, seats, strict=True):
                watch.begin(writer, seat)
            holds = (burst + 1) * WRITERS
            crowd.until(
                lambda due=holds: len(watch.update_s) >= due * viewers and len(watch.hold_s) >= due,  # type: ignore[misc]
                DELIVERY_S,
            )
            crowd.idle(PAUSE_S)
        watch.longest_wait_s = prober.longest_ms() / 1000
    return watch


def show(result: report.Result) -> None:
    """The table, with SeatLayer's columns."""
    print(
        f"{result['seats']:,} seats, {result['holds']} holds in bursts of {WRITERS}; medians of {result['repeats']} "
        "turns each\n"
    )
    rows = []
    for stage in result["stages"]:
        for name, one in (("seatserver", stage), ("plain server", stage["plain_server"])):
            rows.append(
                (
                    stage["viewers"],
                    name,
                    one["hold_p95_ms"],
                    one["update_p95_ms"],
                    one["update_p99_ms"],
                    one["longest_wait_ms"],
                    one["received"],
                    one["expected"],
                )
            )
    report.table(
        ("viewers", "", "hold p95 ms", "update p95 ms", "update p99 ms", "longest wait ms", "received", "expected"),
        rows,
    )
