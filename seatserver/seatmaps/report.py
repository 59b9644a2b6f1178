"""A check's report for people, as lines of styled spans, and for scripts, as JSON. This module is pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from seatserver.seatmaps.check import Report
from seatserver.seatmaps.findings import Finding, Severity, count, shown
from seatserver.seatmaps.terminal import DIM, Line, Span, count_places

MOST_ALIKE = 8
"""So many findings of one kind are written out for people; scripts get all."""
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}
INDENT = " " * 9


def report_lines(report: Report) -> Iterator[Line]:
    """The report to read: the hall, every finding with its mending and its places, the sum."""
    if report.seat_map is not None:
        hall = f"  {count_places(report.seat_map)}, {report.format}"
        yield (Span(shown(report.seat_map.name), "bold"), Span(hall))
        yield ()
    alike: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in report.findings:
        alike[finding.severity, finding.code].append(finding)
    for findings in alike.values():
        for finding in findings[:MOST_ALIKE]:
            yield from _lines_of(finding)
        if len(findings) > MOST_ALIKE:
            yield (Span(f"{INDENT}… and {len(findings) - MOST_ALIKE} more like that; --json names all"),)
            yield ()
    for note in report.notes:
        yield (Span(f"note: {note}", DIM),)
    yield (Span(_sum(report), "bold"),)


def _lines_of(finding: Finding) -> Iterator[Line]:
    yield (
        Span(f"{finding.severity:<{len(INDENT)}}", STYLES[finding.severity]),
        Span(finding.what, "bold"),
        Span(f": {finding.problem}"),
    )
    yield (Span(f"{INDENT}→ {finding.mend}"),)
    if finding.at and finding.at != (finding.what,):
        yield (Span(f"{INDENT}at {', '.join(finding.at)}", DIM),)
    yield ()


def _sum(report: Report) -> str:
    if not report.findings:
        return "Nothing to mend."
    return ", ".join(count(number, severity) for severity, number in report.counts.items() if number)


def report_document(report: Report) -> bytes:
    """The report as JSON: ``clean``, ``counts`` by severity, and all findings with stable codes."""
    seat_map = report.seat_map
    return msgspec.json.encode(
        {
            "name": seat_map.name if seat_map is not None else None,
            "format": report.format or None,
            "seats": len(seat_map.seats) if seat_map is not None else 0,
            "clean": report.is_clean,
            "counts": report.counts,
            "findings": report.findings,
            "notes": report.notes,
        }
    )
