"""Holds per second and their latency, through real sockets.

Every client holds two seats, releases them, and starts again as soon as it is answered. Only the holds are counted and
timed. Clients do not compete for seats; `rush` measures that. The references take turns with ours on the same Redis:
the same scripts on bare Redis (`loadtests.bare_redis`), and a plain server of the usual kind
(`loadtests.references.plain_server`), which gets the same holds through the same sockets. With ``--peers``, npm first
installs Node's ``ws``, Socket.IO and Bun, and they take turns too (`loadtests.peers`), as far as this machine has them.

A hold is done when its room knows of it. So for every server a turn lasts until every client has every change of its
room, and none gains by answering at once and telling the others later. *Behind ms* is how long that took after the last
answer. Latencies are those of the answers.

*CPU* is what a hold and its release cost the server's process and, apart from it, Redis. *Generator* is the share of a
turn in which the load generator was busy: a system near 1 may be faster than its figure says.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass, field

from loadtests import bare_redis, limits, peers, report
from loadtests.asking import Asker, keep_asking
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import Spent, median, median_ms, ratio, spending
from loadtests.systems import Holder, Ours, Plain, System
from seatserver.errors import StartError

PAIRS = 4
"""Pairs of seats that each client takes in turn."""
WARM_UP_S = 0.3
COLUMNS = {
    "name": "",
    "holds_per_s": "holds/s",
    "ratio": "ours is ×",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "behind_ms": "behind ms",
    "cpu_us_per_hold": "CPU µs/hold",
    "redis_us_per_hold": "Redis CPU µs/hold",
    "generator_busy": "generator",
}
"""What the table shows of each system, and the heads of its columns."""
TOLD_S = 60.0


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("holds", help="holds per second, against bare Redis and a plain server")
    parser.add_argument("--rooms", type=report.at_least(1), default=64, help="showtimes (default 64)")
    parser.add_argument("--clients", type=report.at_least(1), default=64, help="who hold, over all rooms (default 64)")
    parser.add_argument("--seconds", type=report.seconds, default=2.0, help="length of a turn (default 2)")
    parser.add_argument("--peers", action="store_true", help="also Node with ws, Socket.IO and Bun, installed by npm")
    report.options(parser, repeats=5)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """What one system did in one turn."""

    latencies_s: list[float] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    behind_s: float = 0.0

    @property
    def holds_per_s(self) -> float:
        """Holds that were answered in the turn."""
        return len(self.latencies_s) / self.spent.seconds


class Client(Asker):
    """Holds and releases without a pause while the turn lasts."""

    def __init__(self, holder: Holder, number: int, turn: Turn, pairs: int = PAIRS) -> None:
        super().__init__(holder)
        self._pairs = [(seat, seat + 1) for seat in range(2 * pairs * number, 2 * pairs * (number + 1), 2)]
        self._turn = turn
        self._rounds = 0
        self.carried_out = 0
        """How many holds and releases."""

    def begin(self) -> None:
        """Hold the next pair."""
        self._rounds += 1
        self.asked_at = time.time()
        self.holder.hold(self._pairs[self._rounds % len(self._pairs)], self._held)

    def _held(self, carried_out: bool, at: float) -> None:
        if not carried_out:
            raise StartError(f"a hold of free seats was refused: {self.holder.said}")
        self.carried_out += 1
        self._turn.latencies_s.append(at - self.asked_at)
        self.holder.release(self._released)

    def _released(self, carried_out: bool, at: float) -> None:
        if not carried_out:
            raise StartError(f"a release was refused: {self.holder.said}")
        self.carried_out += 1
        if self.going:
            self.begin()


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """All contestants in turn, ``args.repeats`` times."""
    limits.open_files(args.clients)
    others, missing = peers.found(place) if args.peers else ([], [])
    rooms = place.rooms(args.rooms, _seats(args))
    scripts = bare_redis.watch(place, rooms)
    seats = [
        bare_redis.seat_of(scripts, rooms[number % args.rooms], f"client-{number}", (at, at + 1))
        for number in range(args.clients)
        for at in (2 * PAIRS * (number // args.rooms),)
    ]
    systems: tuple[System, ...] = (Ours(), Plain(), *others)
    turns: dict[str, list[Turn]] = {system.name: [] for system in systems}
    bare: list[float] = []
    for repeat in range(args.repeats):
        for system in systems if repeat % 2 == 0 else reversed(systems):
            turns[system.name].append(_turn(place, system, rooms, args))
        bare.append(bare_redis.holds_per_s(place.settings.redis_url, seats, args.seconds / 2))
    ours, plain, *theirs = (_figures(turns[system.name]) for system in systems)
    return {
        "rooms": args.rooms,
        "clients": args.clients,
        "repeats": args.repeats,
        **ours,
        "plain_server": plain,
        "bare_redis_holds_per_s": round(median(bare)),
        "ratio_to_bare_redis": ratio(ours["holds_per_s"], median(bare)),
        "ratio_to_plain_server": ratio(ours["holds_per_s"], plain["holds_per_s"]),
        "p99_to_plain_p50": ratio(ours["p99_ms"], plain["p50_ms"]),
        "peers": [
            {"name": system.name, "ratio": ratio(ours["holds_per_s"], their["holds_per_s"]), **their}
            for system, their in zip(others, theirs, strict=True)
        ],
        "peers_missing": missing,
    }


def _seats(args: argparse.Namespace) -> int:
    """Seats for the clients of the fullest room."""
    return int(2 * PAIRS * -(-args.clients // args.rooms))


def _figures(turns: list[Turn]) -> dict[str, float]:
    latencies_s = [turn.latencies_s for turn in turns]
    return {
        "holds_per_s": round(median([turn.holds_per_s for turn in turns]), 1),
        "p50_ms": median_ms(latencies_s, 0.5, 3),
        "p99_ms": median_ms(latencies_s, 0.99, 3),
        "behind_ms": round(median([turn.behind_s for turn in turns]) * 1000, 1),
        "cpu_us_per_hold": round(median([turn.spent.cpu_s / max(1, len(turn.latencies_s)) for turn in turns]) * 1e6, 1),
        "redis_us_per_hold": round(
            median([turn.spent.redis_cpu_s / max(1, len(turn.latencies_s)) for turn in turns]) * 1e6, 1
        ),
        "generator_busy": round(median([turn.spent.generator_s / turn.spent.seconds for turn in turns]), 2),
    }


def _turn(place: Installation, system: System, rooms: list[str], args: argparse.Namespace) -> Turn:
    turn = Turn()
    with system.serve(place) as server, Crowd(server.url, system.decode) as crowd:
        holders = [
            system.holder(place, rooms[number % args.rooms], f"client-{number}") for number in range(args.clients)
        ]
        crowd.join(holders)
        clients = [Client(holder, number // args.rooms, turn) for number, holder in enumerate(holders)]
        _rush(system, crowd, clients, holders, args.rooms, WARM_UP_S)
        turn.latencies_s.clear()
        with spending(server.pid, place.settings.redis_url) as turn.spent:
            turn.behind_s = _rush(system, crowd, clients, holders, args.rooms, args.seconds)
    return turn


def _rush(
    system: System, crowd: Crowd, clients: list[Client], holders: list[Holder], rooms: int, seconds: float
) -> float:
    """Hold and release for so long, and until every client has every change; how long the latter took."""
    # The last holds are given back, so that the next turn finds every seat free.
    keep_asking(crowd, clients, seconds, system.name)
    answered_at = time.perf_counter()
    made = [sum(client.carried_out for client in clients[room::rooms]) for room in range(rooms)]
    told = list(zip(holders, itertools.cycle(made), strict=False))
    if not crowd.until(lambda: all(holder.changes_seen >= changes for holder, changes in told), TOLD_S):
        raise StartError(f"{system.name} has told not everybody of every change {TOLD_S:g} s after the last one")
    return time.perf_counter() - answered_at


def show(result: report.Result) -> None:
    """The table."""
    print(
        f"{result['clients']:,} clients hold two seats and give them back, over {result['rooms']:,} rooms; "
        f"medians of {result['repeats']} turns each\n"
    )
    ours, plain = {"name": "seatserver", "ratio": 1.0, **result}, result["plain_server"]
    plain_name = "plain server: SET NX, publish, send_json in a loop"
    rows = [ours, {"name": plain_name, "ratio": result["ratio_to_plain_server"], **plain}, *result["peers"]]
    bare = (
        "the same scripts bare on Redis, pipelined",
        result["bare_redis_holds_per_s"],
        result["ratio_to_bare_redis"],
    )
    nothing = [None] * (len(COLUMNS) - len(bare))
    report.table(list(COLUMNS.values()), [[row[key] for key in COLUMNS] for row in rows] + [[*bare, *nothing]])
    for sentence in result["peers_missing"]:
        print(f"\n{sentence}")
