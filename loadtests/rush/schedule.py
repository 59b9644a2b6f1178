"""Who comes when, and what they mean to do: everything about a run that does not depend on the server.

The schedule follows from the scenario, the number of people and the seed alone, so the same seed makes the same
schedule on every machine. Each person has a seed of their own for what can only be chosen later, such as a seat on
their map. With several generators each takes every nth person of one and the same schedule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import msgspec

from loadtests.rush.scenario import Arrivals, Habits, Kind, Scenario

THOUGHTS = 16
"""How many times to think are drawn for everybody; whoever needs more begins again at the first."""

RUSH = 2
"""How much those who come at once prefer the beginning."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One person. Times are in seconds: ``arrives`` from the start of the run, ``thinks`` before each step."""

    number: int
    kind: Kind
    showtime: int
    arrives: float
    thinks: tuple[float, ...]
    party: int
    changes_mind: bool
    ends: str
    """``book``, ``give_back`` or ``vanish``."""
    seed: int

    def thinks_before(self, step: int) -> float:
        """How long this person thinks before a step."""
        return self.thinks[step % len(self.thinks)]


def people_of(scenario: Scenario, count: int | None = None) -> dict[Kind, int]:
    """How many people of each kind come; with a ``count`` in the scenario's shares, largest remainders first."""
    wanted = {kind: number for kind, number in scenario.people.items() if number}
    if count is None:
        return wanted
    total = sum(wanted.values())
    exact = {kind: number * count / total for kind, number in wanted.items()}
    whole = {kind: math.floor(number) for kind, number in exact.items()}
    for kind in sorted(wanted, key=lambda kind: (whole[kind] - exact[kind], kind))[: count - sum(whole.values())]:
        whole[kind] += 1
    return {kind: number for kind, number in whole.items() if number}


def schedule(scenario: Scenario, *, seed: int, count: int | None = None) -> list[Plan]:
    """Everybody, in the order of their arrival."""
    chance = random.Random(f"seatserver rush {seed}")
    kinds = [kind for kind, number in sorted(people_of(scenario, count).items()) for _ in range(number)]
    chance.shuffle(kinds)
    showtimes = sum(one.count for one in scenario.showtimes)
    arrivals = sorted(_arrivals(scenario.arrivals, len(kinds), chance))
    return [
        _plan(number, kind, arrives, showtimes, scenario.habits, random.Random(f"seatserver rush {seed} {number}"))
        for number, (kind, arrives) in enumerate(zip(kinds, arrivals, strict=True))
    ]


def part_of(plans: list[Plan], part: int, parts: int) -> list[Plan]:
    """The people of one of several generators: every one is in exactly one part."""
    return plans[part::parts]


def _plan(number: int, kind: Kind, arrives: float, showtimes: int, habits: Habits, chance: random.Random) -> Plan:
    fate = chance.random()
    return Plan(
        number=number,
        kind=kind,
        showtime=chance.randrange(showtimes),
        arrives=round(arrives, 6),
        thinks=tuple(round(chance.uniform(*habits.think), 6) for _ in range(THOUGHTS)),
        party=chance.randint(*habits.party),
        changes_mind=chance.random() < habits.change_mind,
        ends="give_back"
        if fate < habits.give_back
        else "vanish"
        if fate < habits.give_back + habits.vanish
        else "book",
        seed=chance.getrandbits(48),
    )


def _arrivals(arrivals: Arrivals, count: int, chance: random.Random) -> Iterator[float]:
    """When so many people come, in any order."""
    if arrivals.kind == "steps":
        yield from _in_steps(arrivals, count, chance)
        return
    for _ in range(count):
        moment = chance.random()
        if arrivals.kind == "ramp":
            moment = math.sqrt(moment)  # the rate grows with the time, so the share that has come with its square
        elif arrivals.kind == "at_once":
            moment = moment**RUSH  # half of the people within the first quarter
        # Otherwise, given how many come, the moments of a Poisson process are independent and even.
        yield arrivals.seconds * moment


def _in_steps(arrivals: Arrivals, count: int, chance: random.Random) -> Iterator[float]:
    starts = [0.0]
    for step in arrivals.steps:
        starts.append(starts[-1] + step.seconds)
    stretch = arrivals.seconds / starts[-1]
    weights = [step.seconds * step.per_second for step in arrivals.steps]
    for at in chance.choices(range(len(weights)), weights, k=count):
        yield stretch * (starts[at] + chance.random() * arrivals.steps[at].seconds)
