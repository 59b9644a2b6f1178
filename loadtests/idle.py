"""What a viewer who only looks costs: memory, the handshake, and the server's longest stall.

All viewers connect, `crowd.AT_ONCE` at a time, each with a token of its own, and then stay. *KiB per viewer* is the
growth of the server process's resident memory from one viewer to all of them, once they have settled. A *stall* is the
longest time that a prober waited for a cheap answer, while they connected and while they stayed; ``longest_stall_ms``
is the larger of the two. The reference in the same run is a Starlette endpoint under uvicorn that accepts, sends one
word and waits: no tokens, no room, no snapshot.
"""

from __future__ import annotations

import argparse
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import msgspec

from loadtests import limits, report
from loadtests.children import Running, running
from loadtests.crowd import Crowd, Member
from loadtests.installation import Installation
from loadtests.meters import median, ratio, rest
from loadtests.prober import probing
from loadtests.systems import Ours

SEATS = 400
SETTLE_S = 0.5


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("idle", help="memory, handshakes and stalls of viewers who only look")
    parser.add_argument("--viewers", type=report.at_least(1), default=10_000, help="sockets (default 10000)")
    parser.add_argument("--seconds", type=report.seconds, default=5.0, help="how long they stay (default 5)")
    report.options(parser, repeats=3)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """One server with all its viewers."""

    kib_per_viewer: float = 0.0
    handshakes_per_s: float = 0.0
    cpu_us_per_handshake: float = 0.0
    stall_connecting_ms: float = 0.0
    stall_idle_ms: float = 0.0


class Greeted(Member):
    """Is in when the server has said its word."""

    def greet(self) -> None:
        """Wait for it."""

    def take(self, message: Any, at: float) -> None:
        if not self.joined:
            self.arrive()


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Both servers in turn, ``args.repeats`` times."""
    limits.open_files(args.viewers + 1)
    ours, starlette = [], []
    for _ in range(args.repeats):
        ours.append(_turn(place, args, _ours))
        starlette.append(_turn(place, args, _starlette))
    result: report.Result = {"viewers": args.viewers, "repeats": args.repeats, **_figures(ours)}
    result["longest_stall_ms"] = max(result["stall_connecting_ms"], result["stall_idle_ms"])
    result["starlette"] = other = _figures(starlette)
    result["ratio_to_starlette_memory"] = ratio(result["kib_per_viewer"], other["kib_per_viewer"])
    result["ratio_to_starlette_handshakes"] = ratio(result["handshakes_per_s"], other["handshakes_per_s"])
    return result


def _figures(turns: list[Turn]) -> dict[str, float]:
    return {name: round(median([getattr(turn, name) for turn in turns]), 2) for name in Turn.__dataclass_fields__}


def _ours(place: Installation, viewers: int, stack: ExitStack) -> tuple[Running, Crowd, list[Member]]:
    ours = Ours()
    server = stack.enter_context(ours.serve(place))
    crowd = stack.enter_context(Crowd(server.url, ours.decode))
    room = place.rooms(1, SEATS)[0]
    members: list[Member] = [
        ours.viewer(place, room, f"viewer-{number}", SEATS, lambda viewer, seat, state, at: None)
        for number in range(viewers)
    ]
    return server, crowd, members


def _starlette(place: Installation, viewers: int, stack: ExitStack) -> tuple[Running, Crowd, list[Member]]:
    started: AbstractContextManager[Running] = running(
        "starlette", "loadtests.references.starlette_loop", folder=place.folder, environ={}
    )
    server = stack.enter_context(started)
    crowd = stack.enter_context(Crowd(server.url, msgspec.json.decode))
    return server, crowd, [Greeted() for _ in range(viewers)]


def _turn(place: Installation, args: argparse.Namespace, opened: Any) -> Turn:
    turn = Turn()
    with ExitStack() as stack:
        server, crowd, members = opened(place, args.viewers + 1, stack)
        crowd.join(members[:1])
        prober = stack.enter_context(probing(place, server.url))
        rest(server.pid, SETTLE_S)
        memory_kib, cpu_s = server.rss_kib(), server.cpu_s()
        prober.longest_ms()
        started_at = time.perf_counter()
        crowd.join(members[1:])
        turn.handshakes_per_s = args.viewers / (time.perf_counter() - started_at)
        turn.cpu_us_per_handshake = (server.cpu_s() - cpu_s) / args.viewers * 1e6
        turn.stall_connecting_ms = prober.longest_ms()
        crowd.idle(SETTLE_S)
        prober.longest_ms()
        crowd.idle(args.seconds)
        turn.stall_idle_ms = prober.longest_ms()
        turn.kib_per_viewer = (server.rss_kib() - memory_kib) / args.viewers
    return turn


def show(result: report.Result) -> None:
    """The table."""
    print(f"{result['viewers']:,} viewers come and stay; medians of {result['repeats']} turns each\n")
    report.table(
        ("", "KiB/viewer", "handshakes/s", "CPU µs/handshake", "longest stall ms: coming", "staying"),
        [
            (
                name,
                one["kib_per_viewer"],
                one["handshakes_per_s"],
                one["cpu_us_per_handshake"],
                one["stall_connecting_ms"],
                one["stall_idle_ms"],
            )
            for name, one in (("seatserver", result), ("Starlette: accept and wait", result["starlette"]))
        ],
    )
