"""The same rush at ours and at its peers: a scenario with the same people, and then one room as hot as it gets.

The scenario (`loadtests.peer_rush`) asks how long people wait who come when they come. The hot room asks how many holds
a second there can be. Its buyers look at their room's map, choose two free seats side by side, hold them for a moment,
give them back, and choose again; viewers look on. Seats are contested, so some holds are refused, as in a real opening.
The systems take turns, and their medians are compared as ratios: ours, a plain server of the usual kind (Starlette),
python-socketio, and with Node ``ws``, Socket.IO with its Redis adapter and Bun, as far as this machine has them.

Speed is not all. Each turn also counts seats that two people held at once, and viewers whose map is not free of holds
when everything has been given back. A peer that is faster because it loses updates has it in its row.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from loadtests import limits, peer_rush, peers, report
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import median, median_ms, ratio
from loadtests.systems import FREE, Holder, Ours, Plain, System, Viewer
from seatserver.errors import StartError

KEPT_S = 0.02
"""How long a buyer keeps what it holds."""
LAST_S = 15.0
SETTLE_S = 15.0
LONGEST_RUSH_S = 240.0
"""Holds last 300 s, at ours and at its peers."""
COLUMNS = {
    "name": "",
    "holds_per_s": "holds/s",
    "ratio": "ours is ×",
    "refused_share": "refused",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "behind_ms": "behind ms",
    "held_twice": "held twice",
    "wrong_maps": "wrong maps",
    "generator_busy": "generator",
}
"""What the table shows of each system, and the heads of its columns."""


def _rush_seconds(text: str) -> float:
    """How long a rush may be. Peers tell nobody when a hold ends, so it is over before the first one does."""
    value = report.seconds(text)
    if value > LONGEST_RUSH_S:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at most {LONGEST_RUSH_S:g}: soon after that, holds end")
    return value


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("peers", help="the same rush at ours and at plain alternatives, side by side")
    parser.add_argument("--buyers", type=report.at_least(1), default=50, help="who hold and give back (default 50)")
    parser.add_argument("--viewers", type=report.at_least(1), default=100, help="who look on (default 100)")
    parser.add_argument("--seats", type=report.at_least(4), default=200, help="of the hall (default 200)")
    parser.add_argument("--scenario", default="opening", help="who rushes: a scenario of `rush` (default opening)")
    parser.add_argument("--rush-seconds", type=_rush_seconds, default=5.0, help="length of that (default 5)")
    parser.add_argument("--seconds", type=report.seconds, default=2.0, help="length in the hot room (default 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the buyers' choices (default 1)")
    parser.add_argument("--without-node", action="store_true", help="only the systems in Python")
    report.options(parser, repeats=3)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """What happened in one system's turn."""

    latencies_s: list[float] = field(default_factory=list)
    refused: int = 0
    held_twice: int = 0
    wrong_maps: int = 0
    behind_s: float = 0.0
    seconds: float = 0.0
    generator_s: float = 0.0


class Owners:
    """Who has which seats just now: from the answer to a hold until the moment they are given back."""

    def __init__(self) -> None:
        self._seats: Counter[int] = Counter()
        self._keeping: deque[tuple[float, tuple[int, int], Buyer]] = deque()

    def take(self, seats: tuple[int, int], buyer: Buyer) -> int:
        """They are this buyer's for a moment; how many of them are somebody else's too."""
        twice = sum(self._seats[seat] > 0 for seat in seats)
        self._seats.update(seats)
        self._keeping.append((time.perf_counter() + KEPT_S, seats, buyer))
        return twice

    def give_back(self) -> None:
        """Have those whose moment is over give their seats back."""
        while self._keeping and self._keeping[0][0] <= time.perf_counter():
            _, seats, buyer = self._keeping.popleft()
            self._seats.subtract(seats)
            buyer.give_back()


class Buyer:
    """Holds two free seats that it sees on a map, gives them back, and chooses again as long as the turn lasts."""

    def __init__(self, holder: Holder, room: Viewer, turn: Turn, owners: Owners, seed: str) -> None:
        self._holder, self._room, self._turn, self._owners = holder, room, turn, owners
        self._chance = random.Random(seed)
        self._seats: tuple[int, int] = (0, 0)
        self._asked_at = 0.0
        self.going = True
        self.idle = False

    def begin(self) -> None:
        """Hold the next pair."""
        if not self.going:
            self.idle = True
            return
        self._seats = self._pair()
        self._asked_at = time.time()
        self._holder.hold(self._seats, self._answered)

    def _pair(self) -> tuple[int, int]:
        """Two seats side by side that are free on the map; any two if there are none."""
        states = self._room.states
        start = self._chance.randrange(len(states) - 1)
        for step in range(len(states) - 1):
            seat = (start + step) % (len(states) - 1)
            if states[seat] == FREE == states[seat + 1]:
                return seat, seat + 1
        return start, start + 1

    def _answered(self, carried_out: bool, at: float) -> None:
        self._turn.latencies_s.append(at - self._asked_at)
        if not carried_out:
            self._turn.refused += 1
            self.begin()
            return
        self._turn.held_twice += self._owners.take(self._seats, self)

    def give_back(self) -> None:
        """Release what was held last."""
        self._holder.release(self._released)

    def _released(self, carried_out: bool, at: float) -> None:
        self.begin()


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """All systems in turn, ``args.repeats`` times."""
    limits.open_files(args.buyers + args.viewers)
    peer_rush.scenario_of(args)  # a mistake in it is said before anything is started
    node, missing_node = ([], []) if args.without_node else peers.found(place)
    python, missing = peers.in_python()
    systems: list[System] = [Ours(), Plain(), *python, *node]
    (room,) = place.rooms(1, args.seats)
    turns: dict[str, list[Turn]] = {system.name: [] for system in systems}
    rushes: dict[str, list[peer_rush.Turn]] = {system.name: [] for system in systems}
    for repeat in range(args.repeats):
        for system in systems if repeat % 2 == 0 else reversed(systems):
            rushes[system.name].append(peer_rush.turn_of(place, system, room, args))
            turns[system.name].append(_turn(place, system, room, args))
    rush = peer_rush.figures(rushes)
    figures = {system.name: _figures(turns[system.name]) for system in systems}
    ours = figures[systems[0].name]
    return {
        "buyers": args.buyers,
        "viewers": args.viewers,
        "seats": args.seats,
        "repeats": args.repeats,
        "scenario": args.scenario,
        "rush": rush,
        "systems": [
            {"name": name, **one, "ratio": ratio(ours["holds_per_s"], one["holds_per_s"])}
            for name, one in figures.items()
        ],
        "missing": [*missing, *missing_node],
        "complete": ours["wrong_maps"] == ours["held_twice"] == rush[0]["wrong_maps"] == rush[0]["held_twice"] == 0,
    }


def _figures(turns: list[Turn]) -> dict[str, float]:
    held = [turn.latencies_s for turn in turns]
    return {
        "holds_per_s": round(
            median([(len(turn.latencies_s) - turn.refused) / turn.seconds for turn in turns]),
            1,
        ),
        "refused_share": round(median([turn.refused / max(1, len(turn.latencies_s)) for turn in turns]), 3),
        "p50_ms": median_ms(held, 0.5, 3),
        "p99_ms": median_ms(held, 0.99, 3),
        "behind_ms": round(median([turn.behind_s for turn in turns]) * 1000, 1),
        "held_twice": sum(turn.held_twice for turn in turns),
        "wrong_maps": sum(turn.wrong_maps for turn in turns),
        "generator_busy": round(median([turn.generator_s / turn.seconds for turn in turns]), 2),
    }


def _turn(place: Installation, system: System, room: str, args: argparse.Namespace) -> Turn:
    turn = Turn()
    with system.serve(place) as server, Crowd(server.url, system.decode) as crowd:
        viewers = [
            system.viewer(place, room, f"viewer-{number}", args.seats, lambda viewer, seat, state, at: None)
            for number in range(args.viewers)
        ]
        holders = [system.holder(place, room, f"buyer-{number}") for number in range(args.buyers)]
        crowd.join(viewers)
        crowd.join(holders)
        owners = Owners()
        buyers = [
            Buyer(holder, viewers[number % len(viewers)], turn, owners, f"{args.seed} {number}")
            for number, holder in enumerate(holders)
        ]
        generator_before_s, started_at = time.process_time(), time.perf_counter()
        for buyer in buyers:
            buyer.begin()
        while time.perf_counter() < started_at + args.seconds:
            crowd.pump(0.005)
            owners.give_back()
        turn.seconds = time.perf_counter() - started_at
        turn.generator_s = time.process_time() - generator_before_s
        for buyer in buyers:
            buyer.going = False
        ends_at = time.perf_counter() + LAST_S
        while not all(buyer.idle for buyer in buyers) and time.perf_counter() < ends_at:
            crowd.pump(0.005)
            owners.give_back()
        if not all(buyer.idle for buyer in buyers):
            raise StartError(f"{system.name} left a command unanswered for {LAST_S:g} s")
        answered_at = time.perf_counter()
        crowd.until(lambda: not any(any(viewer.states) for viewer in viewers), SETTLE_S)
        turn.behind_s = time.perf_counter() - answered_at
        turn.wrong_maps = sum(any(viewer.states) for viewer in viewers)
    return turn


def show(result: report.Result) -> None:
    """The tables."""
    print(
        f"The people of {result['scenario']}, {result['buyers'] + result['viewers']:,} of them, at a hall of "
        f"{result['seats']:,} seats; medians of {result['repeats']} turns each\n"
    )
    report.columns(peer_rush.COLUMNS, result["rush"])
    print()
    print(
        f"{result['buyers']:,} buyers and {result['viewers']:,} viewers in one room of {result['seats']:,} seats; "
        f"medians of {result['repeats']} turns each\n"
    )
    report.columns(COLUMNS, result["systems"])
    for sentence in result["missing"]:
        print(f"\n{sentence}")
