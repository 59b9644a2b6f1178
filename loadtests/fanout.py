"""What it costs to tell a room of viewers that one seat changed, compared with three other ways.

In a round, one seat is held or released, and every viewer gets one frame. *Deliveries per second* are the viewers
divided by the time from the first viewer's frame to the last one's. The kernel stamps frames on arrival, so a slow load
generator changes nothing. *CPU per delivery* is all CPU time of the server's process in these rounds, including the
command and its Redis calls, divided by the deliveries. *Above rest*, it is less by what the process uses in the same
time while nothing happens, for pings above all. The references send a frame of the same length: a bare loop of send(2),
Starlette's ``send_text`` in a loop, and `websockets.broadcast`. The contestants take turns, each in a fresh process.

After its rounds our server gets *bursts*: forty holds by ten writers, ten at the same time. The latency of an update
runs from the start of a hold's request to the frame that shows it to a viewer. Its p99 over all holds and viewers is
also given in rounds of the bare loop: with 1.0 nobody waits for longer than one frame to everybody takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from loadtests import limits, report
from loadtests.children import Running, running
from loadtests.crowd import Crowd, Member
from loadtests.installation import Installation
from loadtests.meters import median, median_ms, ratio, rest
from loadtests.references.raw_send import compiled
from loadtests.systems import Ours, Viewer
from loadtests.viewers import APART, BURSTS, WRITERS
from seatserver.errors import StartError
from seatserver.wire import from_server

FRAME = msgspec.json.encode(from_server.Delta(epoch="0123456789abcdef", from_=1001, version=1002, changes=((17, 1),)))
SEATS = 400
WARM_UP = 3
RESTING_S = 2.0
PAUSE_S = 0.05
"""Between two rounds, so that each finds a quiet room; longer after a long round."""
LOST_S = 10.0


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("fanout", help="one change to many viewers, against bare send(2), Starlette, websockets")
    parser.add_argument("--viewers", type=report.at_least(1), default=1000, help="sockets in the room (default 1000)")
    parser.add_argument("--seconds", type=report.seconds, default=2.0, help="length of a turn (default 2)")
    report.options(parser, repeats=5)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


class Ear(Member):
    """Hears frames and counts them for the turn."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn

    def take(self, message: Any, at: float) -> None:
        if self.joined:
            self.turn.hear(at)
        else:
            self.arrive()  # the first word of the references

    def greet(self) -> None:
        if not self.upgrades:
            self.arrive()


class RawEar(Ear):
    """A TCP socket without a handshake."""

    upgrades = False


@dataclass
class Turn:
    """One contestant's rounds: ``spread_s`` from the first viewer's frame to the last one's, ``round_s`` from the
    request to the last one's."""

    heard: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    expected: int = 0
    received: int = 0
    cpu_s: float = 0.0
    resting_cpu_s: float = 0.0
    """What the process would have used in the same time if nothing had happened."""
    spread_s: list[float] = field(default_factory=list)
    round_s: list[float] = field(default_factory=list)
    update_s: list[float] = field(default_factory=list)
    """How long each viewer waited for each hold of the bursts."""

    def hear(self, at: float) -> None:
        """A viewer's kernel got a frame."""
        self.heard += 1
        self.first_at = min(self.first_at, at)
        self.last_at = max(self.last_at, at)


@dataclass(frozen=True)
class Contestant:
    """One way to tell everybody, with its viewers: `begin` starts a round, and the next one may begin if `is_free`.

    `burst` has ten writers hold a seat each, and waits until every viewer knows.
    """

    server: Running
    crowd: Crowd
    begin: Callable[[], None]
    is_free: Callable[[], bool] = lambda: True
    burst: Callable[[int], None] | None = None


@dataclass(frozen=True)
class Way:
    """One way to tell everybody."""

    name: str
    open: Callable[[ExitStack, Turn, int], Contestant]


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """All contestants in turn, ``args.repeats`` times."""
    limits.open_files(args.viewers)
    library = compiled(place.folder)
    ways = [
        Way("seatserver", lambda stack, turn, viewers: _ours(place, stack, turn, viewers)),
        Way("raw_send", lambda stack, turn, viewers: _raw(place, library, stack, turn, viewers)),
        Way("starlette", lambda stack, turn, viewers: _told(place, "starlette_loop", stack, turn, viewers)),
        Way("broadcast", lambda stack, turn, viewers: _told(place, "broadcast", stack, turn, viewers)),
    ]
    turns: dict[str, list[Turn]] = {way.name: [] for way in ways}
    for repeat in range(args.repeats):
        for at in range(len(ways)):
            way = ways[(at + repeat) % len(ways)]
            turns[way.name].append(_turn(way, args.viewers, args.seconds))
    figures = {name: _figures(taken, args.viewers) for name, taken in turns.items()}
    ours = figures["seatserver"]
    bursts = _burst_figures(turns["seatserver"], args.viewers, figures["raw_send"]["round_p50_ms"])
    references = {name: figures[name] for name in ("raw_send", "starlette", "broadcast")}
    return {
        "viewers": args.viewers,
        "repeats": args.repeats,
        "frame_bytes": len(FRAME),
        **ours,
        "raw_send_loop": "C" if library else "Python",
        **references,
        **{
            f"ratio_to_{name}": ratio(ours["deliveries_per_s"], other["deliveries_per_s"])
            for name, other in references.items()
        },
        **{
            f"cpu_ratio_to_{name}": ratio(ours["cpu_us_per_delivery"], other["cpu_us_per_delivery"])
            for name, other in references.items()
        },
        "cpu_above_rest_ratio_to_raw_send": ratio(ours["cpu_us_above_rest"], figures["raw_send"]["cpu_us_above_rest"]),
        **bursts,
        "complete": all(one["received"] == one["expected"] for one in figures.values())
        and bursts["burst_received"] == bursts["burst_expected"],
    }


def _figures(turns: list[Turn], viewers: int) -> dict[str, Any]:
    spread_s = median([median(turn.spread_s) for turn in turns])
    return {
        # One frame is there at once; the others take the time.
        "deliveries_per_s": round(max(1, viewers - 1) / max(spread_s, 1e-6)),
        "cpu_us_per_delivery": round(median([turn.cpu_s / max(1, turn.received) * 1e6 for turn in turns]), 2),
        "cpu_us_above_rest": round(
            median([(turn.cpu_s - turn.resting_cpu_s) / max(1, turn.received) * 1e6 for turn in turns]), 2
        ),
        "round_p50_ms": median_ms([turn.round_s for turn in turns], 0.5),
        "round_p99_ms": median_ms([turn.round_s for turn in turns], 0.99),
        "received": sum(turn.received for turn in turns),
        "expected": sum(turn.expected for turn in turns),
    }


def _burst_figures(turns: list[Turn], viewers: int, raw_round_ms: float) -> dict[str, Any]:
    updates_s = [turn.update_s for turn in turns]
    p99_ms = median_ms(updates_s, 0.99)
    return {
        "burst_p50_ms": median_ms(updates_s, 0.5),
        "burst_p99_ms": p99_ms,
        "burst_p99_in_raw_rounds": ratio(p99_ms, raw_round_ms),
        "burst_received": sum(len(turn.update_s) for turn in turns),
        "burst_expected": len(turns) * BURSTS * WRITERS * viewers,
    }


def _turn(way: Way, viewers: int, seconds: float) -> Turn:
    turn = Turn()
    with ExitStack() as stack:
        one = way.open(stack, turn, viewers)
        rest(one.server.pid)
        for _ in range(WARM_UP):
            _round(turn, one, viewers)
        turn.spread_s, turn.round_s, turn.received, turn.expected = [], [], 0, 0
        before_s, began_at = one.server.cpu_s(), time.monotonic()
        while not turn.round_s or time.monotonic() - began_at < seconds:
            _round(turn, one, viewers)
        turn.cpu_s = one.server.cpu_s() - before_s
        took_s = time.monotonic() - began_at
        one.crowd.idle(PAUSE_S)  # the last round's aftermath
        before_s, began_at = one.server.cpu_s(), time.monotonic()
        one.crowd.idle(RESTING_S)
        turn.resting_cpu_s = (one.server.cpu_s() - before_s) / (time.monotonic() - began_at) * took_s
        if one.burst is not None:
            for number in range(BURSTS):
                rest(one.server.pid)
                one.burst(number)
    return turn


def _round(turn: Turn, one: Contestant, viewers: int) -> None:
    turn.heard, turn.first_at, turn.last_at = 0, float("inf"), 0.0
    started_at = time.time()
    one.begin()
    one.crowd.until(lambda: turn.heard >= viewers and one.is_free(), LOST_S)
    turn.received += turn.heard
    turn.expected += viewers
    turn.spread_s.append(max(0.0, turn.last_at - turn.first_at))
    turn.round_s.append(max(0.0, turn.last_at - started_at))
    one.crowd.idle(max(PAUSE_S, turn.round_s[-1]))


# ---------------------------------------------------------------- the contestants


def _ours(place: Installation, stack: ExitStack, turn: Turn, viewers: int) -> Contestant:
    ours = Ours()
    server = stack.enter_context(ours.serve(place))
    crowd = stack.enter_context(Crowd(server.url, ours.decode, stamped=True))
    room = place.rooms(1, SEATS)[0]
    begun_at: dict[int, float] = {}  # the seats of bursts

    def saw(viewer: Viewer, seat: int, state: int, at: float) -> None:
        if seat in begun_at:
            turn.update_s.append(at - begun_at[seat])
        else:
            turn.hear(at)

    crowd.join(ours.viewer(place, room, f"viewer-{number}", SEATS, saw) for number in range(viewers))
    holder = ours.holder(place, room, "holder")
    writers = [ours.holder(place, room, f"writer-{number}") for number in range(WRITERS)]
    crowd.join([holder, *writers])
    busy = [False, False]  # waiting for an answer; holding

    def answered(carried_out: bool, at: float) -> None:
        if not carried_out:
            raise StartError(f"a command was not carried out: {holder.said}")
        busy[0] = False

    def begin() -> None:
        busy[:] = [True, not busy[1]]
        if busy[1]:
            holder.hold((17,), answered)
        else:
            holder.release(answered)

    def burst(number: int) -> None:
        for at, writer in enumerate(writers, number * WRITERS):
            begun_at[APART * at] = time.time()
            writer.hold((APART * at,), lambda carried_out, answered_at: None)
        crowd.until(
            lambda: len(turn.update_s) >= len(begun_at) * viewers and not any(writer.busy for writer in writers), LOST_S
        )

    return Contestant(server, crowd, begin, lambda: not busy[0], burst)


def _raw(place: Installation, library: Path | None, stack: ExitStack, turn: Turn, viewers: int) -> Contestant:
    arguments = [str(library)] if library else []
    return _reference(place, "raw_send", arguments, [RawEar(turn) for _ in range(viewers)], stack)


def _told(place: Installation, module: str, stack: ExitStack, turn: Turn, viewers: int) -> Contestant:
    return _reference(place, module, [], [Ear(turn) for _ in range(viewers)], stack)


def _reference(place: Installation, module: str, arguments: list[str], ears: list[Ear], stack: ExitStack) -> Contestant:
    started = running(module, f"loadtests.references.{module}", *arguments, folder=place.folder, environ={})
    server = stack.enter_context(started)
    crowd = stack.enter_context(Crowd(server.url, msgspec.json.decode, stamped=True))
    crowd.join(ears)
    return Contestant(server, crowd, lambda: server.say(FRAME.decode()))


def show(result: report.Result) -> None:
    """The table."""
    print(f"One seat changes, {result['viewers']:,} viewers see it; medians of {result['repeats']} turns each\n")
    names = {
        "seatserver": result,
        f"send(2) in a bare loop, {result['raw_send_loop']}": result["raw_send"],
        "Starlette send_text": result["starlette"],
        "websockets.broadcast": result["broadcast"],
    }
    report.table(
        (
            "",
            "deliveries/s",
            "ours is ×",
            "CPU µs/delivery",
            "above rest",
            "round p50 ms",
            "p99 ms",
            "received",
            "expected",
        ),
        [
            (
                name,
                one["deliveries_per_s"],
                ratio(result["deliveries_per_s"], one["deliveries_per_s"]),
                one["cpu_us_per_delivery"],
                one["cpu_us_above_rest"],
                one["round_p50_ms"],
                one["round_p99_ms"],
                one["received"],
                one["expected"],
            )
            for name, one in names.items()
        ],
    )
    print(
        f"\n{BURSTS * WRITERS} holds in bursts of {WRITERS}: an update takes {result['burst_p50_ms']} ms at p50 and "
        f"{result['burst_p99_ms']} ms at p99, {result['burst_p99_in_raw_rounds']} rounds of the bare loop; "
        f"{result['burst_received']:,} of {result['burst_expected']:,} received"
    )
