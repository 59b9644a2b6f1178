"""The benchmark of best available at its smallest: it runs, and what it compares with all is never worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtests.__main__ import main
from loadtests.seating import FILLINGS, first_run, plain_hall
from seatserver.demo.halls import studio
from seatserver.seatmaps.rules.model import Rules


def test_no_selection_is_better_than_the_offered_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hall = tmp_path / "hall.json"
    hall.write_bytes(studio().encode())
    assert main(["best", "--largest", "100", "--rounds", "1", "--map", str(hall), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["against_all"]["worst_ratio"] == 1 and result["against_all"]["other"] == 0
    assert {row["filling"] for row in result["milliseconds"]} == FILLINGS.keys()
    assert [row["hall"] for row in result["against_the_first"]].count("Studio 1") == 6
    for row in result["against_the_first"]:
        assert row["compared"] <= row["seated"] <= row["requests"]


def test_an_unreadable_hall_file_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "hall.json"
    wrong.write_text("{}")
    for file in (wrong, tmp_path / "missing.json"):
        assert main(["best", "--map", str(file)]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and str(file) in said


def test_the_first_run_is_in_the_first_or_last_row_that_has_one() -> None:
    hall = plain_hall(100)
    assert first_run(hall, bytes(100), 3, Rules(), from_back=False) == (0, 1, 2)
    back = first_run(hall, bytes(100), 3, Rules(), from_back=True)
    # The last row has no three neighbours.
    assert back == (84, 85, 86)
    assert first_run(hall, b"\3" * 100, 1, Rules(), from_back=False) is None
