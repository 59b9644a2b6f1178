"""A result as a run makes it, without a run: small, whole, and of whatever a test wants to see in it."""

from __future__ import annotations

from typing import Any

import msgspec

from loadtests.installation import hall
from loadtests.rush import result
from loadtests.rush.latency import Stopwatch
from loadtests.rush.notes import Frame, Notes, Receipt, Second
from loadtests.rush.oracle import Account
from loadtests.rush.result import Result
from loadtests.rush.scenario import Scenario, parse

SCENARIO: Scenario = parse(
    {
        "title": "A <b>small</b> opening",
        "question": "Does it hold?",
        "seconds": 10,
        "showtimes": [{"hall": "plain:4"}],
        "arrivals": {"kind": "poisson", "seconds": 5},
        "people": {"pick": 2},
        "thresholds": {"sold_out": True},
    },
    "small.toml",
)


def noted(latency_ms: float = 5.0, seconds: int = 10, **changes: Any) -> Notes:
    """Notes of two people who bought two seats each; all answers took so long."""
    watch = Stopwatch(0.0, 1.0)
    for second in range(seconds):
        for part in range(20):
            at = second + part / 20
            took = latency_ms * (1 + (part % 5) / 10) / 1000
            watch.sent(at - took, at - took, at - took)
            watch.answered("hold", at - took, at - took, at)
            watch.shown(0.001)
            watch.looped(0.0001)
    notes = Notes(
        times=watch.times(),
        machine="here",
        people={"pick": 2},
        ended={"booked": 2},
        refusals={"held": 3},
        sockets_asked=3,
        sockets_open=3,
        sockets_most=3,
        receipts=[
            Receipt(person=0, showtime=0, booking="one", seats=(0, 1)),
            Receipt(person=1, showtime=0, booking="two", seats=(2, 3)),
        ],
        seconds={second: Second(arrived=1, asked=20, answered=20, generator_cpu=0.1) for second in range(seconds)},
        frames=[
            Frame(at=0.0, changes=((0, 0), (1, 0), (2, 0), (3, 0))),
            Frame(at=1.0, changes=((0, 1), (1, 1))),
            Frame(at=2.0, changes=((0, 3), (1, 3), (2, 3), (3, 3))),
        ],
        lasted_s=float(seconds),
    )
    return msgspec.structs.replace(notes, **changes)


def account(states: str = "3333", **changes: Any) -> Account:
    """What an honest server says after those notes."""
    counted = {"free": states.count("0"), "held": states.count("1"), "sold": states.count("3")}
    said = Account(showtime=0, epoch="e", version=9, states=states, areas=(), counted=counted)
    return msgspec.structs.replace(said, **changes)


def made(notes: Notes | None = None, said: Account | None = None, **changes: Any) -> Result:
    """The judged result."""
    others = {
        "name": "small",
        "scenario": SCENARIO,
        "seed": 1,
        "people": 2,
        "part": 1,
        "parts": 1,
        "started_at_ms": 1_700_000_000_000,
        "server": "http://127.0.0.1:8000",
        "hall": hall(4),
        "times_count": True,
    }
    return result.judged(noted=notes or noted(), accounts=[said or account()], **{**others, **changes})
