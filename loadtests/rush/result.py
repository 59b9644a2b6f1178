"""A whole run in one value: what was asked, what came, the verdict. This is what a result file contains.

It has everything that a report, a comparison or a later judgement needs, and no token. `merge` puts the results of
several generators of one run together and judges them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from loadtests import interpreter, measured
from loadtests.rush import notes, oracle, verdict
from loadtests.rush.notes import Notes
from loadtests.rush.oracle import Account
from loadtests.rush.scenario import Scenario
from loadtests.rush.verdict import Verdict
from seatserver.errors import StartError
from seatserver.seatmaps.model import SeatMap

FAMILY = "seatserver-rush-"
FORMAT = f"{FAMILY}1"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``hall`` is the first showtime's, for the film."""

    name: str
    scenario: Scenario
    seed: int
    people: int
    part: int
    parts: int
    started_at_ms: int
    server: str
    notes: Notes
    accounts: tuple[Account, ...]
    hall: SeatMap
    verdict: Verdict
    warnings: tuple[str, ...] = ()
    times_count: bool = True
    interpreter: dict[str, Any] = {}
    format: str = FORMAT

    @property
    def started(self) -> str:
        """When it began, for people."""
        return f"{datetime.fromtimestamp(self.started_at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def judged(
    *, name: str, scenario: Scenario, noted: Notes, accounts: Sequence[Account], times_count: bool, **others: Any
) -> Result:
    """The result of a run, with its verdict. A part of a run has none: it does not know what the others bought."""
    if others["parts"] > 1:
        found = Verdict(word="part")
    else:
        wrong = oracle.examine(noted, accounts)
        found = verdict.judge(scenario, noted, accounts, wrong, times_count=times_count)
    return Result(
        name=name,
        scenario=scenario,
        notes=noted,
        accounts=tuple(accounts),
        verdict=found,
        times_count=times_count,
        interpreter=interpreter.ours().facts(),
        **others,
    )


def merge(results: Sequence[Result]) -> Result:
    """Several parts of one run as one. Raises `StartError` unless they are the parts of one and the same run."""
    first = results[0]
    for other in results[1:]:
        same = (first.scenario, first.seed, first.people, first.parts, first.server)
        if (other.scenario, other.seed, other.people, other.parts, other.server) != same:
            raise StartError("these are no parts of one run: scenario, seed, number of people and target must be equal")
    numbers = sorted(one.part for one in results)
    if numbers != list(range(1, first.parts + 1)):
        said = ", ".join(map(str, numbers))
        raise StartError(f"expected the parts 1 to {first.parts}, each once; these are {said}")
    # Whoever asked last has seen the end.
    accounts = max((one.accounts for one in results), key=lambda those: [account.version for account in those])
    return judged(
        name=first.name,
        scenario=first.scenario,
        noted=notes.together([one.notes for one in results]),
        accounts=accounts,
        times_count=all(one.times_count for one in results),
        seed=first.seed,
        people=first.people,
        part=1,
        parts=1,
        started_at_ms=min(one.started_at_ms for one in results),
        server=first.server,
        hall=first.hall,
        warnings=tuple(dict.fromkeys(warning for one in results for warning in one.warnings)),
    )


def write(result: Result, path: Path) -> None:
    """Write a result file. Raises `StartError`."""
    measured.write_file(msgspec.json.encode(result), path)


def is_rush(path: Path) -> bool:
    """Whether a file is the result of a rush, and not of another load test, by the form that it names."""
    try:
        if path.stat().st_size > measured.MOST_BYTES:
            return True
        return msgspec.json.decode(path.read_bytes(), type=_Form).format.startswith(FAMILY)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return True  # `read` says what is wrong with it


class _Form(msgspec.Struct):
    format: str = ""


def read(path: Path) -> Result:
    """Read a result file. Raises `StartError` if it is none."""
    return measured.read_as(Result, path, FORMAT, "`python -m loadtests rush`")


def stem_of(result: Result) -> str:
    """What the files of a result are called, without their endings."""
    stamp = datetime.fromtimestamp(result.started_at_ms / 1000, UTC).strftime("%Y%m%d-%H%M%S")
    part = f"-{result.part}-of-{result.parts}" if result.parts > 1 else ""
    return f"{result.name}-{stamp}{part}"
