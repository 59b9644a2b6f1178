"""What a rush is made of: halls, arrivals, people, habits, events and thresholds, read from a small TOML file.

`shipped` lists the scenarios of `loadtests/scenarios`, `read` reads one of them by name or any file by its path. A
mistake in the file raises `ScenarioError`: one line that names the file, the place in it, what is wrong and what is
expected. Everything has bounds, so a slip of the finger cannot start a run without end.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from seatserver.errors import SeatServerError
from seatserver.misfits import misfit
from seatserver.seatmaps.rules.model import Rules

FOLDER = Path(__file__).parents[1] / "scenarios"
MOST_PEOPLE = 100_000
LONGEST_S = 3600

Seconds = Annotated[float, Meta(ge=0, le=LONGEST_S)]
Share = Annotated[float, Meta(ge=0, le=1)]
Range = tuple[Annotated[float, Meta(ge=0, le=600)], Annotated[float, Meta(ge=0, le=600)]]
"""The shortest and the longest of something, in seconds."""
Kind = Literal["look", "pick", "best", "family", "kiosk", "bot", "slow"]
"""What somebody is. `loadtests.rush.people` says what each does."""


class ScenarioError(SeatServerError):
    """A scenario cannot be used: the file, the place in it, what is wrong, and what is expected."""

    code: ClassVar[str] = "scenario"

    def __init__(self, file: str, place: str, problem: str) -> None:
        super().__init__(f"{file}: {place}: {problem}" if place else f"{file}: {problem}", place=place)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Showtimes(_Part, frozen=True):
    """``count`` showtimes in one hall.

    ``hall`` is one of the demo's (``studio-1``, ``grand-hall``, ``boathouse``), ``plain:SEATS``, or the path of a file
    that ``seatserver seatmap`` reads, relative to the scenario.
    """

    hall: str
    count: Annotated[int, Meta(ge=1, le=1000)] = 1
    rules: Rules = Rules(companions_free_min=7 * 24 * 60, wheelchairs_free_min=7 * 24 * 60)
    """Without ``rules`` every seat is an ordinary one."""


class Step(_Part, frozen=True):
    """A stretch of arrivals at one rate."""

    seconds: Seconds
    per_second: Annotated[float, Meta(ge=0, le=10_000)]


class Arrivals(_Part, frozen=True):
    """When people come.

    ``at_once``: within ``seconds``, half of them in the first quarter. ``ramp``: ever more, from none at first.
    ``poisson``: independently of each other, evenly over the time. ``steps``: in stretches, each with its own rate. The
    steps only say how people are spread over the time; ``people`` says how many there are.
    """

    kind: Literal["at_once", "ramp", "poisson", "steps"]
    seconds: Annotated[float, Meta(gt=0, le=LONGEST_S)]
    steps: tuple[Step, ...] = ()


class Habits(_Part, frozen=True):
    """How people behave. Times are in seconds, shares are between 0 and 1."""

    think: Range = (0.2, 1.0)
    """How long somebody looks before each step."""
    party: tuple[Annotated[int, Meta(ge=1, le=10)], Annotated[int, Meta(ge=1, le=10)]] = (1, 4)
    change_mind: Share = 0.1
    """Who holds other seats in place of the first ones."""
    give_back: Share = 0.1
    """Who releases what they hold and goes."""
    vanish: Share = 0.0
    """Who goes without a word; the hold has to end by itself."""
    tries: Annotated[int, Meta(ge=1, le=1000)] = 20
    """How often somebody asks before they give up."""
    patience: Seconds = 30
    """How long somebody waits for seats to come back when none is free."""
    read_every: Annotated[float, Meta(gt=0, le=60)] = 2.0
    """How often a slow phone reads what has come."""


class Event(_Part, frozen=True):
    """What happens in between.

    ``storm``: a ``share`` of all sockets is cut and comes back at once. ``restart``: a server process is killed and
    started again. ``cut_feed``: Redis drops the connections through which the servers hear of changes.
    """

    at: Seconds
    what: Literal["storm", "restart", "cut_feed"]
    share: Share = 1.0


class Thresholds(_Part, frozen=True):
    """What the run has to reach; whatever is not named is not judged. Latencies are the corrected ones."""

    sold_out: bool = False
    errors_at_most: Annotated[int, Meta(ge=0)] | None = None
    """Errors told to people, apart from refused seats, searches that found nothing, and ``busy``."""
    busy_at_most: Share | None = None
    """The share of all requests that were sent away as ``busy``."""
    join_p99_ms: Annotated[float, Meta(gt=0)] | None = None
    hold_p50_ms: Annotated[float, Meta(gt=0)] | None = None
    hold_p99_ms: Annotated[float, Meta(gt=0)] | None = None
    book_p99_ms: Annotated[float, Meta(gt=0)] | None = None
    seen_p99_ms: Annotated[float, Meta(gt=0)] | None = None


class Scenario(_Part, frozen=True):
    """A whole scenario. ``question`` is what its run answers."""

    title: str
    question: str
    showtimes: tuple[Showtimes, ...]
    arrivals: Arrivals
    people: dict[Kind, Annotated[int, Meta(ge=0, le=MOST_PEOPLE)]]
    """How many of each kind. ``--buyers`` keeps their shares and changes their number."""
    seconds: Annotated[float, Meta(gt=0, le=LONGEST_S)]
    """When the doors close, counted from the start: nobody begins anything new then."""
    settle: Seconds = 30
    """How long the end may take: answers that are due, changes on their way, holds that have to end."""
    seed: int = 1
    habits: Habits = Habits()
    events: tuple[Event, ...] = ()
    thresholds: Thresholds = Thresholds()
    servers: Annotated[int, Meta(ge=1, le=8)] = 1
    """Server processes, where the lab starts them itself."""
    settings: dict[str, str] = {}
    """Their settings, such as ``SEATSERVER_HOLD_MS``."""


def shipped() -> dict[str, Path]:
    """The scenarios that come with the lab, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def read(name: str) -> Scenario:
    """A shipped scenario by its name, or any by the path of its file. Raises `ScenarioError`."""
    path = shipped().get(name)
    if path is None:
        path = Path(name)
        if path.suffix != ".toml":
            known = ", ".join(shipped())
            raise ScenarioError(name, "", f"there is no such scenario; expected {known}, or the path of a .toml file")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(name, "", f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ScenarioError(name, "", f"is not TOML: {error}") from None
    return parse(document, name)


def parse(document: dict[str, Any], file: str) -> Scenario:
    """A scenario from the decoded file. Raises `ScenarioError`."""
    try:
        scenario = msgspec.convert(document, Scenario)
    except msgspec.ValidationError as error:
        place, problem, _ = misfit(error)
        raise ScenarioError(file, place, problem) from None
    for place, problem in _mistakes(scenario):
        raise ScenarioError(file, place, problem)
    return scenario


def scaled(scenario: Scenario, seconds: float) -> Scenario:
    """The same scenario, faster or slower: the doors close after so many seconds, and all its times change alike."""
    factor = seconds / scenario.seconds
    replace = msgspec.structs.replace
    habits, arrivals = scenario.habits, scenario.arrivals
    return replace(
        scenario,
        seconds=seconds,
        arrivals=replace(arrivals, seconds=arrivals.seconds * factor),
        habits=replace(
            habits,
            think=(habits.think[0] * factor, habits.think[1] * factor),
            patience=habits.patience * factor,
            read_every=habits.read_every * factor,
        ),
        events=tuple(replace(event, at=event.at * factor) for event in scenario.events),
    )


def _mistakes(scenario: Scenario) -> list[tuple[str, str]]:
    """What the form allows and yet makes no sense."""
    found = []
    people = sum(scenario.people.values())
    if not 1 <= people <= MOST_PEOPLE:
        found.append(("people", f"are {people}; expected 1 to {MOST_PEOPLE:,} in all"))
    if not scenario.showtimes:
        found.append(("showtimes", "there are none; expected at least one [[showtimes]]"))
    for at, showtimes in enumerate(scenario.showtimes):
        kind, _, seats = showtimes.hall.partition(":")
        if kind == "plain" and not (seats.isascii() and seats.isdigit() and 1 <= int(seats) <= 50_000):
            found.append((f"showtimes[{at}].hall", f"is {showtimes.hall!r}; expected plain:SEATS with 1 to 50,000"))
    arrivals = scenario.arrivals
    if (arrivals.kind == "steps") != bool(arrivals.steps):
        found.append(("arrivals.steps", "expected steps exactly when the kind is steps"))
    if arrivals.kind == "steps" and not any(step.seconds * step.per_second for step in arrivals.steps):
        found.append(("arrivals.steps", "nobody comes; expected one with a time and a rate above 0"))
    if arrivals.seconds > scenario.seconds:
        found.append(("arrivals.seconds", f"is {arrivals.seconds:g}; expected at most seconds ({scenario.seconds:g})"))
    habits = scenario.habits
    for name, (least, most) in (("think", habits.think), ("party", habits.party)):
        if least > most:
            found.append((f"habits.{name}", f"is [{least:g}, {most:g}]; expected the smaller number first"))
    if habits.give_back + habits.vanish > 1:
        found.append(("habits", "give_back and vanish are more than 1 together"))
    for at, event in enumerate(scenario.events):
        if event.at >= scenario.seconds:
            found.append((f"events[{at}].at", f"is {event.at:g}; expected less than seconds ({scenario.seconds:g})"))
    return found
