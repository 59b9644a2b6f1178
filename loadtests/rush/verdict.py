"""The verdict on a run, and its exit code.

| code | verdict | means |
| --- | --- | --- |
| 0 | ``passed`` | nothing is wrong, every threshold was reached |
| 99 | ``missed`` | a threshold was missed; fewer sockets than asked for is one that every run has |
| 3 | ``saturated`` | the generator was the bottleneck: its figures say nothing about the server |
| 4 | ``wrong`` | a seat was sold twice or lost, a map disagreed, a hold did not end: no load excuses that |
| 130 | ``interrupted`` | somebody ended the run; what is there of it is in the report |
| 0 | ``part`` | one part of a run, which cannot be judged alone: `merge` does it |

What is wrong comes first, because it is true on any machine. Then comes the generator, because no latency counts if it
could not keep up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from loadtests.rush import latency
from loadtests.rush.notes import Notes
from loadtests.rush.oracle import Account, Wrong
from loadtests.rush.scenario import Scenario

Word = Literal["passed", "missed", "saturated", "wrong", "interrupted", "part"]
CODES: dict[Word, int] = {"passed": 0, "missed": 99, "saturated": 3, "wrong": 4, "interrupted": 130, "part": 0}
LAG_P99_MS = 100.0
"""A generator that sends later than this, or whose loop is later than this, is too slow for what it was asked for."""
BUSY = "busy"
CPU_SHARE = 0.97
"""A generator that uses more of its core than this in most of its windows is, too."""


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that was missed: its name, what was wanted, and what came."""

    name: str
    wanted: str
    found: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    word: Word
    wrong: tuple[Wrong, ...] = ()
    missed: tuple[Missed, ...] = ()
    saturated: tuple[str, ...] = ()
    """Why the generator was the bottleneck, if it was."""

    @property
    def code(self) -> int:
        """The process's exit code."""
        return CODES[self.word]


def judge(
    scenario: Scenario, notes: Notes, accounts: Sequence[Account], wrong: Sequence[Wrong], *, times_count: bool = True
) -> Verdict:
    """The verdict. Without ``times_count`` only counts and correctness are judged, as on a shared machine."""
    missed = tuple(_missed(scenario, notes, accounts, times_count=times_count))
    saturated = tuple(_saturated(notes)) if times_count else ()
    word: Word = "passed"
    if wrong:
        word = "wrong"
    elif notes.interrupted:
        word = "interrupted"
    elif saturated:
        word = "saturated"
    elif missed:
        word = "missed"
    return Verdict(word=word, wrong=tuple(wrong), missed=missed, saturated=saturated)


def _saturated(notes: Notes) -> list[str]:
    found = []
    for what, encoded in (("sent its requests", notes.times.lag), ("ran what was due", notes.times.loop)):
        late = latency.summary(encoded)["p99_ms"]
        if late is not None and late > LAG_P99_MS:
            found.append(f"it {what} {late:.0f} ms late at p99; at most {LAG_P99_MS:g} ms are its own affair")
    busy = [second.generator_cpu for second in notes.seconds.values() if second.generator_cpu]
    if busy and sorted(busy)[len(busy) // 2] > CPU_SHARE:
        found.append(f"it used {sorted(busy)[len(busy) // 2]:.0%} of its core most of the time")
    return found


def _missed(scenario: Scenario, notes: Notes, accounts: Sequence[Account], *, times_count: bool) -> list[Missed]:
    wanted = scenario.thresholds
    found = []
    if notes.sockets_open < notes.sockets_asked:
        asked = f"all {notes.sockets_asked:,} asked for"
        found.append(Missed(name="sockets", wanted=asked, found=f"{notes.sockets_open:,}"))
    if notes.away:
        found.append(Missed(name="reconnect", wanted="everybody back", found=f"{notes.away:,} not back in time"))
    if notes.losses:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(notes.losses.items()))
        expected = {event.what for event in scenario.events} & {"restart", "cut_feed"}
        if not expected:
            found.append(Missed(name="connections", wanted="none lost", found=reasons))
    if wanted.sold_out and not notes.interrupted:
        free = sum(account.free for account in accounts)
        if free:
            found.append(Missed(name="sold_out", wanted="nothing free", found=f"{free} places free"))
    errors = {code: count for code, count in sorted(notes.errors.items()) if code != BUSY}
    if wanted.errors_at_most is not None and sum(errors.values()) > wanted.errors_at_most:
        codes = ", ".join(f"{count} {code}" for code, count in errors.items())
        found.append(Missed(name="errors_at_most", wanted=f"{wanted.errors_at_most}", found=codes))
    requests = sum(second.asked for second in notes.seconds.values())
    busy = notes.errors.get(BUSY, 0) / max(1, requests)
    if wanted.busy_at_most is not None and busy > wanted.busy_at_most and times_count:
        found.append(Missed(name="busy_at_most", wanted=f"{wanted.busy_at_most:.1%}", found=f"{busy:.1%}"))
    return found + (_late(scenario, notes) if times_count else [])


def _late(scenario: Scenario, notes: Notes) -> list[Missed]:
    wanted, times = scenario.thresholds, notes.times
    corrected = times.corrected
    limits = (
        ("join_p99_ms", wanted.join_p99_ms, corrected.get("join"), "p99_ms"),
        ("hold_p50_ms", wanted.hold_p50_ms, corrected.get("hold"), "p50_ms"),
        ("hold_p99_ms", wanted.hold_p99_ms, corrected.get("hold"), "p99_ms"),
        ("book_p99_ms", wanted.book_p99_ms, corrected.get("book"), "p99_ms"),
        ("seen_p99_ms", wanted.seen_p99_ms, times.seen, "p99_ms"),
    )
    found = []
    for name, limit, encoded, figure in limits:
        if limit is None or encoded is None:
            continue
        value = latency.summary(encoded)[figure]
        if value is not None and value > limit:
            found.append(Missed(name=name, wanted=f"at most {limit:,g} ms", found=f"{value:,.0f} ms"))
    return found
