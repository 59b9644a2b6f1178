"""What a refused hold costs, against one that is carried out.

A rush is mostly refusals: everybody wants the same seats. Two kinds of turns follow each other on one server, with the
same clients in the same rooms. In one, every client holds two free seats and gives them back. In the other, every
client asks for two seats that a rival has held since before the turn, and is refused.

*CPU* is what one command costs the server's process and, apart from it, Redis; a hold and its release are two commands.
The ratios are those of refused commands to the others.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from loadtests import limits, report
from loadtests.asking import LAST_S, Asker, keep_asking
from loadtests.children import Running
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import median, percentile, ratio, spending
from loadtests.systems import Holder, Ours
from seatserver.errors import StartError

WARM_UP_S = 0.3
RIVALS_PAIR = (0, 1)
"""The seats that a rival holds in every room; the clients' own come after them."""


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("refusals", help="what a refused hold costs, against one that is carried out")
    parser.add_argument("--rooms", type=report.at_least(1), default=64, help="showtimes (default 64)")
    parser.add_argument("--clients", type=report.at_least(1), default=64, help="who ask, over all rooms (default 64)")
    parser.add_argument("--seconds", type=report.seconds, default=2.0, help="length of a turn (default 2)")
    report.options(parser, repeats=5)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass(frozen=True)
class Turn:
    """What one turn's commands cost, in microseconds each, and how long their answers took."""

    commands_per_s: float
    cpu_us: float
    redis_us: float
    p50_ms: float
    p99_ms: float


class Client(Asker):
    """Asks without a pause while ``going``: for its own free seats and back, or for the rival's in vain."""

    def __init__(self, holder: Holder, pair: tuple[int, int]) -> None:
        super().__init__(holder)
        self._pair = pair
        self.latencies_s: list[float] = []
        self.in_vain = False

    def begin(self) -> None:
        """Send the next hold."""
        self.asked_at = time.time()
        self.holder.hold(RIVALS_PAIR if self.in_vain else self._pair, self._answered)

    def _answered(self, carried_out: bool, at: float) -> None:
        if carried_out is self.in_vain:
            raise StartError(f"a hold was {'not ' if self.in_vain else ''}refused: {self.holder.said}")
        self.latencies_s.append(at - self.asked_at)
        if carried_out:
            self.asked_at = time.time()
            self.holder.release(self._released)
        elif self.going:
            self.begin()

    def _released(self, carried_out: bool, at: float) -> None:
        if not carried_out:
            raise StartError(f"a release was refused: {self.holder.said}")
        self.latencies_s.append(at - self.asked_at)
        if self.going:
            self.begin()


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Both kinds of turns, one after the other, ``args.repeats`` times."""
    limits.open_files(args.clients + args.rooms)
    system = Ours()
    rooms = place.rooms(args.rooms, 2 + 2 * -(-args.clients // args.rooms))
    turns: dict[bool, list[Turn]] = {False: [], True: []}
    with system.serve(place) as server, Crowd(server.url, system.decode) as crowd:
        rivals = [system.holder(place, room, f"rival-{number}") for number, room in enumerate(rooms)]
        holders = [system.holder(place, rooms[at % args.rooms], f"client-{at}") for at in range(args.clients)]
        crowd.join([*rivals, *holders])
        _hold_all(crowd, rivals)
        firsts = [2 + 2 * (at // args.rooms) for at in range(args.clients)]
        clients = [Client(holder, (first, first + 1)) for holder, first in zip(holders, firsts, strict=True)]
        for repeat in range(args.repeats):
            for in_vain in (False, True) if repeat % 2 == 0 else (True, False):
                turns[in_vain].append(_turn(place, server, crowd, clients, in_vain, args.seconds))
    accepted, refused = _figures(turns[False]), _figures(turns[True])
    return {
        "rooms": args.rooms,
        "clients": args.clients,
        "repeats": args.repeats,
        "accepted": accepted,
        "refused": refused,
        "cpu_ratio": ratio(refused["cpu_us"], accepted["cpu_us"]),
        "redis_ratio": ratio(refused["redis_us"], accepted["redis_us"]),
    }


def _hold_all(crowd: Crowd, rivals: list[Holder]) -> None:
    held: list[bool] = []
    for rival in rivals:
        rival.hold(RIVALS_PAIR, lambda carried_out, _: held.append(carried_out))
    if not crowd.until(lambda: len(held) == len(rivals), LAST_S) or not all(held):
        raise StartError("the rivals could not hold their seats")


def _turn(
    place: Installation, server: Running, crowd: Crowd, clients: list[Client], in_vain: bool, seconds: float
) -> Turn:
    for client in clients:
        client.in_vain = in_vain
    keep_asking(crowd, clients, WARM_UP_S, Ours.name)
    for client in clients:
        client.latencies_s.clear()
    with spending(server.pid, place.settings.redis_url) as spent:
        keep_asking(crowd, clients, seconds, Ours.name)
    latencies_s = [latency_s for client in clients for latency_s in client.latencies_s]
    commands = max(1, len(latencies_s))
    return Turn(
        commands_per_s=commands / spent.seconds,
        cpu_us=spent.cpu_s / commands * 1e6,
        redis_us=spent.redis_cpu_s / commands * 1e6,
        p50_ms=percentile(latencies_s, 0.5) * 1000,
        p99_ms=percentile(latencies_s, 0.99) * 1000,
    )


def _figures(turns: list[Turn]) -> dict[str, float]:
    return {
        "commands_per_s": round(median([turn.commands_per_s for turn in turns]), 1),
        "cpu_us": round(median([turn.cpu_us for turn in turns]), 1),
        "redis_us": round(median([turn.redis_us for turn in turns]), 1),
        "p50_ms": round(median([turn.p50_ms for turn in turns]), 3),
        "p99_ms": round(median([turn.p99_ms for turn in turns]), 3),
    }


def show(result: report.Result) -> None:
    """The table."""
    print(
        f"{result['clients']:,} clients ask without a pause, over {result['rooms']:,} rooms; "
        f"medians of {result['repeats']} turns each\n"
    )
    columns = ("commands_per_s", "cpu_us", "redis_us", "p50_ms", "p99_ms")
    report.table(
        ["", "commands/s", "CPU µs/command", "Redis CPU µs/command", "p50 ms", "p99 ms"],
        [
            ["two free seats, and back", *(result["accepted"][column] for column in columns)],
            ["two seats that are held: refused", *(result["refused"][column] for column in columns)],
        ],
    )
    print(
        f"\nA refused command costs {result['cpu_ratio']:.2f} × of the server's CPU time and "
        f"{result['redis_ratio']:.2f} × of Redis'."
    )
