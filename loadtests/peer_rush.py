"""The people of a scenario at ours and at its peers: the same ones come at the same moments and want the same.

A schedule says who comes when, for how many seats, how long they think, and whether they give back what they got
(`loadtests.rush.schedule`). The peers can hold and release, and nothing else. So whoever would buy keeps its hold, and
whoever would have the best seats found chooses on a map, as all others do. Sockets are open before the doors are.

A request is due when the schedule says so, whether or not the last answer has come. Its latency counts from then, so a
system that cannot keep up cannot hide it.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import Spent, median, median_ms, ratio, spending
from loadtests.rush.scenario import Scenario, read, scaled
from loadtests.rush.schedule import Plan, schedule
from loadtests.systems import FREE, Holder, System, Viewer
from seatserver.errors import StartError

LOOK_ON = ("look", "slow")
SETTLE_S = 30.0
TICK_S = 0.002
COLUMNS = {
    "name": "",
    "p99_ms": "hold p99 ms",
    "p99_ratio": "× ours",
    "p50_ms": "p50 ms",
    "cpu_ms": "CPU ms",
    "cpu_ratio": "× ours",
    "kept": "seats kept",
    "refused": "refused",
    "held_twice": "held twice",
    "wrong_maps": "wrong maps",
}
"""What the table shows of each system, and the heads of its columns."""


@dataclass
class Turn:
    """What happened in one system's turn."""

    latencies_s: list[float] = field(default_factory=list)
    refused: int = 0
    kept: int = 0
    held_twice: int = 0
    wrong_maps: int = 0
    spent: Spent = field(default_factory=Spent)


class Evening:
    """What the visitors of one turn share: the doors, who owns which seat, and who is to be called when."""

    def __init__(self, turn: Turn, tries: int) -> None:
        self.turn = turn
        self.tries = tries
        self.closed = False
        self.owned: Counter[int] = Counter()
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, moment: float, call: Callable[[], None]) -> None:
        """Call it then, as in `time.time`."""
        heapq.heappush(self._calls, (moment, next(self._numbers), call))

    def run_due(self) -> None:
        """Call whatever is due."""
        while self._calls and self._calls[0][0] <= time.time():
            heapq.heappop(self._calls)[2]()


class Visitor:
    """Somebody who buys by a plan, on a socket of their own, with a map that a viewer keeps."""

    def __init__(self, plan: Plan, holder: Holder, room: Viewer, evening: Evening) -> None:
        self._plan, self._holder, self._room, self._evening = plan, holder, room, evening
        self._chance = random.Random(plan.seed)
        self._steps = 0
        self._due = 0.0
        self._seats: tuple[int, ...] = ()
        self.has = False
        self.done = False

    def begin(self, doors_open: float) -> None:
        """Come at the moment of the plan."""
        self._due = doors_open + self._plan.arrives
        self._think(self._hold)

    def _think(self, then: Callable[[], None]) -> None:
        self._due += self._plan.thinks_before(self._steps)
        self._steps += 1
        self._evening.at(self._due, then)

    def _hold(self) -> None:
        if self._evening.closed or self._steps > self._evening.tries:
            self.done = True
            return
        self._seats = self._choose()
        if self._seats:
            self._holder.hold(self._seats, self._answered)
        else:
            self._think(self._hold)  # something may come back

    def _choose(self) -> tuple[int, ...]:
        """Free seats side by side on the map, as many as there are there; none if nothing is free."""
        states = self._room.states
        start = self._chance.randrange(len(states))
        for first in (*range(start, len(states)), *range(start)):
            if states[first] == FREE:
                last = first + 1
                while last - first < self._plan.party and last < len(states) and states[last] == FREE:
                    last += 1
                return tuple(range(first, last))
        return ()

    def _answered(self, carried_out: bool, at: float) -> None:
        evening = self._evening
        evening.turn.latencies_s.append(at - self._due)
        if not carried_out:
            evening.turn.refused += 1
            self._think(self._hold)
            return
        self.has = True
        evening.turn.held_twice += sum(evening.owned[seat] > 0 for seat in self._seats)
        evening.owned.update(self._seats)
        self._think(self._decide)

    def _decide(self) -> None:
        if self._plan.ends == "book":
            self._evening.turn.kept += len(self._seats)
            self.done = True
        else:
            self.give_back()

    def give_back(self) -> None:
        """Release what is held."""
        self.done = False
        self._evening.owned.subtract(self._seats)
        self._holder.release(self._released)

    def _released(self, carried_out: bool, at: float) -> None:
        self.has = False
        self.done = True


def scenario_of(args: argparse.Namespace) -> Scenario:
    """The scenario, in the time that there is."""
    return scaled(read(args.scenario), args.rush_seconds)


def turn_of(place: Installation, system: System, room: str, args: argparse.Namespace) -> Turn:
    """One evening at one system, from the opening of the doors until all is given back."""
    scenario, turn = scenario_of(args), Turn()
    plans = schedule(scenario, seed=args.seed, count=args.buyers + args.viewers)
    lookers = max(1, sum(plan.kind in LOOK_ON for plan in plans))
    with system.serve(place) as server, Crowd(server.url, system.decode) as crowd:
        viewers = [
            system.viewer(place, room, f"looker-{number}", args.seats, lambda viewer, seat, state, at: None)
            for number in range(lookers)
        ]
        buying = [plan for plan in plans if plan.kind not in LOOK_ON]
        holders = [system.holder(place, room, f"visitor-{plan.number}") for plan in buying]
        crowd.join(viewers)
        crowd.join(holders)
        evening = Evening(turn, scenario.habits.tries)
        visitors = [
            Visitor(plan, holder, viewers[number % lookers], evening)
            for number, (plan, holder) in enumerate(zip(buying, holders, strict=True))
        ]
        with spending(server.pid, place.settings.redis_url) as turn.spent:
            doors_open = time.time()
            for visitor in visitors:
                visitor.begin(doors_open)
            _go_on(crowd, evening, lambda: all(one.done for one in visitors), doors_open + scenario.seconds)
        evening.closed = True
        _finish(system, crowd, evening, visitors)
        owned = bytes(evening.owned[seat] > 0 for seat in range(args.seats))
        crowd.until(lambda: all(_shows(one, owned) for one in viewers), SETTLE_S)
        turn.wrong_maps = sum(not _shows(one, owned) for one in viewers)
        for visitor in visitors:
            if visitor.has:
                visitor.give_back()
        _finish(system, crowd, evening, visitors)
        crowd.until(lambda: not any(any(one.states) for one in viewers), SETTLE_S)
    return turn


def _go_on(crowd: Crowd, evening: Evening, done: Callable[[], bool], ends: float) -> None:
    while time.time() < ends and not done():
        evening.run_due()
        crowd.pump(TICK_S)


def _finish(system: System, crowd: Crowd, evening: Evening, visitors: list[Visitor]) -> None:
    """Until everybody has their last answer and has done what they came for."""
    _go_on(crowd, evening, lambda: all(one.done for one in visitors), time.time() + SETTLE_S)
    if not all(one.done for one in visitors):
        raise StartError(f"{system.name} left a command unanswered for {SETTLE_S:g} s")


def _shows(viewer: Viewer, owned: bytes) -> bool:
    return all((state != FREE) == bool(mine) for state, mine in zip(viewer.states, owned, strict=True))


def figures(turns: dict[str, list[Turn]]) -> list[dict[str, object]]:
    """A row for each system, ours first; ratios say how many times ours the others are."""
    rows: list[dict[str, object]] = []
    ours: dict[str, float] = {}
    for name, every in turns.items():
        latencies = [one.latencies_s for one in every]
        row = {
            "p50_ms": median_ms(latencies, 0.5, 3),
            "p99_ms": median_ms(latencies, 0.99, 3),
            "cpu_ms": round(median([one.spent.cpu_s for one in every]) * 1000, 1),
            "kept": round(median([one.kept for one in every])),
            "refused": round(median([one.refused for one in every])),
            "held_twice": sum(one.held_twice for one in every),
            "wrong_maps": sum(one.wrong_maps for one in every),
        }
        ours = ours or row
        ratios = {f"{of}_ratio": ratio(row[f"{of}_ms"], ours[f"{of}_ms"]) for of in ("p99", "cpu")}
        rows.append({"name": name, **row, **ratios})
    return rows
