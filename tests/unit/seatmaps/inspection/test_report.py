"""Promises of a check's report: people see the worst first and few of a kind, scripts see all."""

from __future__ import annotations

import json

from seatserver.demo.halls import studio
from seatserver.seatmaps.inspection.inspect import Report, check_document
from seatserver.seatmaps.inspection.report import MOST_ALIKE, report_document, report_lines


def text(report: Report) -> list[str]:
    return ["".join(span.text for span in line) for line in report_lines(report)]


def test_a_sound_hall_is_reported_in_one_sentence() -> None:
    assert text(check_document(studio().encode())) == ["Studio 1  92 seats, seatserver", "", "Nothing to mend."]


def spoiled() -> Report:
    content = json.loads(studio().encode())
    for seat in content["seats"][:30]:
        seat["category"] = "gold"
    content["categories"].append({"key": "vip", "name": "VIP", "color": "#123456"})
    return check_document(json.dumps(content).encode())


def test_many_findings_of_one_kind_are_written_out_for_scripts_only() -> None:
    report = spoiled()
    lines = text(report)
    assert sum(line.startswith("error") for line in lines) == MOST_ALIKE
    assert "         … and 22 more like that; --json names all" in lines
    assert lines[-1] == "30 errors, 1 warning"
    document = json.loads(report_document(report))
    assert (len(document["findings"]), document["counts"]) == (31, {"error": 30, "warning": 1, "hint": 0})


def test_every_finding_says_what_is_wrong_where_and_how_to_mend_it() -> None:
    lines = text(spoiled())
    start = lines.index("warning  the category vip: has no seats")
    assert lines[start + 1 : start + 4] == [
        "         → take it out, or give it its seats: every showtime would have to price it",
        "         at categories[2]",
        "",
    ]
