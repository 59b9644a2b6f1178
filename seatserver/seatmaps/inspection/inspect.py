"""Everything that is wrong with the file of a hall: what a reader refuses, and what looks like a mistake.

A reader stops at the first problem that makes a hall impossible. This reads the same file patiently: what cannot be
read is left out and reported, and the rest is checked for things that no reader can refuse but nobody can have meant,
such as seats on top of each other, half a sofa, or a row that runs backwards. The checks are in the modules beside this
one; ``CHECKS`` lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import Draft
from seatserver.seatmaps.formats.reader import draft_seat_map
from seatserver.seatmaps.inspection.findings import Finding, Hall, Severity
from seatserver.seatmaps.inspection.floor import check_areas, check_overlaps, check_screen, check_strays, check_unit
from seatserver.seatmaps.inspection.kinds import check_accessible, check_categories, check_groups, check_labels
from seatserver.seatmaps.inspection.rows import check_numbers, check_row_names, check_ways
from seatserver.seatmaps.model import SeatMap

CHECKS: tuple[Callable[[Hall], Iterator[Finding]], ...] = (
    check_unit,
    check_labels,
    check_overlaps,
    check_strays,
    check_ways,
    check_numbers,
    check_row_names,
    check_groups,
    check_accessible,
    check_categories,
    check_screen,
    check_areas,
)


class Report(NamedTuple):
    """What was found in a file, the worst first. ``seat_map``: the hall as far as it could be read, else None."""

    findings: tuple[Finding, ...]
    seat_map: SeatMap | None = None
    format: str = ""
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Severity, int]:
        """The number of findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}

    @property
    def is_clean(self) -> bool:
        """Whether nothing is worse than a hint."""
        return all(finding.severity is Severity.HINT for finding in self.findings)


def check_document(document: bytes, *, name: str = "", unnamed: str = "Seat map") -> Report:
    """Check a file in any known format; the arguments are those of `read_seat_map`.

    The report has a finding ``refused`` exactly if `read_seat_map` refuses the file. Nothing is raised: a file that
    cannot be read at all has one finding, ``unreadable``.
    """
    try:
        draft = draft_seat_map(document, name=name, unnamed=unnamed)
    except BadSeatMap as error:
        return Report((_unreadable(error),))
    return Report(tuple(check_draft(draft)), draft.seat_map, draft.format, draft.notes)


def check_draft(draft: Draft) -> list[Finding]:
    """All findings of a hall, the worst first, grouped by kind."""
    hall = Hall(draft)
    found = list(_refusals(draft))
    for check in CHECKS:
        found += check(hall)
    severities = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda finding: severities.index(finding.severity))


def _refusals(draft: Draft) -> Iterator[Finding]:
    for place, problem, mend in draft.problems():
        yield Finding(
            severity=Severity.ERROR,
            code="refused",
            what=place,
            problem=problem,
            mend=mend,
            at=(place,) if place else (),
        )


def _unreadable(error: BadSeatMap) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        code="unreadable",
        what=error.place,
        problem=error.problem,
        mend="mend that first: nothing else can be said about the file",
        at=(error.place,) if error.place else (),
    )
