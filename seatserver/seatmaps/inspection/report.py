"""The report of a check: as styled lines for people, and as JSON for scripts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from seatserver.seatmaps.drawing.text import DIM, StyledLine, StyledText, count_places
from seatserver.seatmaps.inspection.findings import Finding, Severity
from seatserver.seatmaps.inspection.inspect import Report
from seatserver.seatmaps.wording import count, shown

MOST_ALIKE = 8
"""How many findings of one kind are written out for people; scripts get all."""
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}
INDENT = " " * 9


def report_lines(report: Report) -> Iterator[StyledLine]:
    """The report for people: the hall, every finding with what to do and where, and the totals."""
    if report.seat_map is not None:
        hall = f"  {count_places(report.seat_map)}, {report.format}"
        yield (StyledText(shown(report.seat_map.name), "bold"), StyledText(hall))
        yield ()
    alike: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in report.findings:
        alike[finding.severity, finding.code].append(finding)
    for findings in alike.values():
        for finding in findings[:MOST_ALIKE]:
            yield from _lines_of(finding)
        if len(findings) > MOST_ALIKE:
            yield (StyledText(f"{INDENT}… and {len(findings) - MOST_ALIKE} more like that; --json names all"),)
            yield ()
    for note in report.notes:
        yield (StyledText(f"note: {note}", DIM),)
    yield (StyledText(_sum(report), "bold"),)


def _lines_of(finding: Finding) -> Iterator[StyledLine]:
    yield (
        StyledText(f"{finding.severity:<{len(INDENT)}}", STYLES[finding.severity]),
        StyledText(finding.what, "bold"),
        StyledText(f": {finding.problem}"),
    )
    yield (StyledText(f"{INDENT}→ {finding.mend}"),)
    if finding.at and finding.at != (finding.what,):
        yield (StyledText(f"{INDENT}at {', '.join(finding.at)}", DIM),)
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
