"""A result for the terminal: the verdict first, then why, then the figures, raw and corrected side by side."""

from __future__ import annotations

from typing import Any

from loadtests import report
from loadtests.rush import latency
from loadtests.rush.compare import Comparison
from loadtests.rush.result import Result
from loadtests.rush.verdict import Word

WORDS: dict[Word, str] = {
    "passed": "PASSED: nothing is wrong, and every threshold was reached.",
    "missed": "MISSED: a threshold was not reached.",
    "saturated": "NO VERDICT: the generator was the bottleneck, so its figures say nothing about the server.",
    "wrong": "WRONG: something happened that must never happen.",
    "part": "ONE PART of a run. `python -m loadtests merge` judges all parts together.",
    "interrupted": "INTERRUPTED: the run was ended before its time.",
}
UNRESTRAINED = "Take more --processes, a machine of its own for the generator, or fewer --buyers."


def show(result: Result) -> None:
    """Print it."""
    noted, verdict = result.notes, result.verdict
    print(f"{result.scenario.title}: {result.scenario.question}")
    print(f"{result.people:,} people, seed {result.seed}, {result.started}, {noted.lasted_s:.0f} s, {result.server}\n")
    print(WORDS[verdict.word])
    for line in reasons(result):
        print(f"  {line}")
    print()
    report.table(["", "count"], [[name, value] for name, value in counts(result)])
    print()
    heads = ["milliseconds", "count", "p50", "p50 raw", "p99", "p99 raw", "max", "max raw"]
    report.table(heads, latencies(result))
    print()
    print("Corrected latencies count from the moment at which a request was due, raw ones from when it was sent.")


NAMED: dict[str, str] = {
    "sockets": "Connections opened",
    "reconnect": "Back after the cut",
    "connections": "Connections lost",
    "sold_out": "Sold out",
    "errors_at_most": "Errors",
    "busy_at_most": "Requests answered with “busy”",
    "join_p99_ms": "Joining, 99 of 100 people",
    "hold_p50_ms": "Holding seats, half of the people",
    "hold_p99_ms": "Holding seats, 99 of 100 people",
    "book_p99_ms": "Booking, 99 of 100 people",
    "seen_p99_ms": "A change on all screens, 99 of 100 times",
}
"""Thresholds in words."""
COMPARED: dict[str, str] = {
    "slower": "SLOWER: the new run is slower, and noise does not explain it.",
    "faster": "FASTER: the new run is faster, and noise does not explain it.",
    "same": "THE SAME: whatever differs may be noise.",
    "wrong": "WRONG: the new run cannot be compared, because something in it must never happen.",
    "saturated": "NO VERDICT: the generator was the bottleneck.",
}


def show_comparison(found: Comparison) -> None:
    """Print what became of the latencies of all requests."""
    print(COMPARED[found.word])
    for sentence in found.sentences:
        print(f"  {sentence}")
    if not found.changes:
        return
    print()
    heads = ["corrected latency", "base ms", "new ms", "new is ×", "at least ×", "at most ×", ""]
    rows = [[one.name, one.base_ms, one.new_ms, one.ratio, one.least, one.most, one.word] for one in found.changes]
    report.table(heads, rows)
    print(f"\nA difference counts if it is more than {found.floor:g} × and 95 % of the draws agree on its direction.")


def reasons(result: Result) -> list[str]:
    """Why the verdict is what it is, and what else should be known; one line each."""
    verdict = result.verdict
    found = []
    for wrong in verdict.wrong:
        examples = f": {'; '.join(wrong.examples)}" if wrong.examples else ""
        found.append(f"{wrong.code}: {wrong.count:,} {wrong.sentence}{examples}")
    found += [f"generator: {why}" for why in verdict.saturated]
    if verdict.saturated:
        found.append(UNRESTRAINED)
    found += [
        f"{NAMED.get(missed.name, missed.name)}: wanted {missed.wanted}, found {missed.found} ({missed.name})"
        for missed in verdict.missed
    ]
    if result.notes.holds_kept:
        found.append(
            f"note: {result.notes.holds_kept:,} holds had not ended by themselves within "
            f"{result.scenario.settle:g} s and were given back"
        )
    found += [f"note: {warning}" for warning in result.warnings]
    if not result.times_count:
        found.append("note: judged by counts and correctness only, not by times")
    return found


def counts(result: Result) -> list[tuple[str, int]]:
    """What was counted, by name."""
    noted = result.notes
    found = [
        ("sockets asked for", noted.sockets_asked),
        ("sockets opened", noted.sockets_open),
        ("open at once, at most", noted.sockets_most),
        ("messages from the server", noted.messages),
        ("bookings confirmed", len(noted.receipts)),
        ("places sold", noted.sold),
        ("places free at the end", sum(account.free for account in result.accounts)),
        ("bookings looked up at once", noted.looked_up),
    ]
    found += [(f"people: {how.replace('_', ' ')}", count) for how, count in noted.ended.items()]
    found += [(f"refused: {reason}", count) for reason, count in noted.refusals.items()]
    found += [(f"error: {code}", count) for code, count in noted.errors.items()]
    found += [(f"lost: {why}", count) for why, count in noted.losses.items()]
    if noted.cut_by_us:
        found.append(("connections that the lab cut", noted.cut_by_us))
    if noted.reconnects:
        found.append(("reconnects", noted.reconnects))
    if noted.doubts:
        found.append(("bookings without an answer", len(noted.doubts)))
    return found


def latencies(result: Result) -> list[list[Any]]:
    """A row for each verb, and for what the generator says of itself."""
    times = result.notes.times
    rows = []
    for verb in times.corrected:
        corrected, raw = latency.summary(times.corrected[verb]), latency.summary(times.raw[verb])
        figures = [one[name] for name in ("p50_ms", "p99_ms", "max_ms") for one in (corrected, raw)]
        rows.append([verb, corrected["count"], *figures])
    for name, encoded in (
        ("first screen to the others", times.seen),
        ("generator: late to send", times.lag),
        ("generator: late event loop", times.loop),
    ):
        one = latency.summary(encoded)
        rows.append([name, one["count"], one["p50_ms"], None, one["p99_ms"], None, one["max_ms"], None])
    return rows
