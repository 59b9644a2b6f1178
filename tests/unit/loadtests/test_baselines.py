"""Every benchmark's result is one form with units, can be a baseline, and is compared with one beyond noise only."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests import baselines, measured, report
from loadtests.__main__ import main
from loadtests.measured import Measured
from seatserver.errors import StartError

RESULT: dict[str, Any] = {
    "rooms": 4,
    "holds_per_s": 1000.0,
    "p99_ms": 8.0,
    "cpu_us_per_hold": 100.0,
    "kib_per_viewer": 12.0,
    "generator_busy": 0.5,
    "ratio_to_plain_server": 2.0,
    "unknown_ms": float("nan"),
    "plain_server": {"p99_ms": 20.0},
    "stages": [{"viewers": 100, "hold_p95_ms": 3.0}],
    "us_per_call": {"hold": {"now": 25.0}},
}


def made(changes: Mapping[str, Any] | None = None, **options: Any) -> Measured:
    return measured.measured("holds", {"rooms": 4, "repeats": 5, **options}, {**RESULT, **(changes or {})})


def test_each_figure_has_a_unit_and_a_direction() -> None:
    found = {figure.name: (figure.unit, figure.better) for figure in made().figures}
    assert found == {
        "rooms": ("", ""),
        "holds_per_s": ("1/s", "more"),
        "p99_ms": ("ms", "less"),
        "cpu_us_per_hold": ("µs", "less"),
        "kib_per_viewer": ("KiB", "less"),
        "generator_busy": ("of 1", ""),
        "ratio_to_plain_server": ("×", ""),
        "plain_server.p99_ms": ("ms", ""),
        "stages.100.viewers": ("", ""),
        "stages.100.hold_p95_ms": ("ms", "less"),
        "us_per_call.hold.now": ("µs", "less"),
    }


def test_a_result_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    found = made()
    measured.write(found, tmp_path / "new" / "holds.json")
    assert measured.read(tmp_path / "new" / "holds.json") == found
    assert found.result["unknown_ms"] is None, "JSON has no NaN"


def test_slower_beyond_noise_is_slower_whatever_the_direction() -> None:
    for changes in ({"p99_ms": 12.0}, {"holds_per_s": 700.0}, {"us_per_call": {"hold": {"now": 40.0}}}):
        found = baselines.compare(made(), made(changes))
        assert (found.word, found.code) == ("slower", 99), changes
        assert [change.word for change in found.changes].count("slower") == 1
    found = baselines.compare(made(), made({"p99_ms": 4.0}))
    assert (found.word, found.code) == ("faster", 0)


def test_noise_and_references_change_no_verdict() -> None:
    assert baselines.compare(made(), made({"p99_ms": 9.0, "holds_per_s": 900.0})).word == "same"
    assert baselines.compare(made(), made({"plain_server": {"p99_ms": 200.0}})).word == "same"
    noisy = made({"p99_ms": 14.0})
    assert baselines.compare(made(), made({"p99_ms": 12.0}), [noisy]).word == "same", "the base itself differs by more"


def test_other_options_cannot_be_compared_and_other_repeats_can() -> None:
    with pytest.raises(StartError, match="test and options must be the same"):
        baselines.compare(made(), made(rooms=8))
    assert baselines.compare(made(), made(repeats=1)).word == "same"


def test_another_machine_is_said() -> None:
    other = msgspec.structs.replace(made(), machine=msgspec.structs.replace(measured.machine(), cores=64))
    assert baselines.compare(made(), other).sentences == (
        "The machines differ: only figures of one machine can be compared.",
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(**changes: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"test": "holds", "json": False, "baseline": None, "save_baseline": None, **changes})


def test_a_baseline_is_kept_and_a_slower_run_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.tell(arguments(save_baseline="before"), {"p99_ms": 8.0}, print) == 0
    assert (folder / ".baselines" / "holds" / "before.json").is_file()
    assert report.tell(arguments(baseline="before"), {"p99_ms": 8.1}, print) == 0
    assert "Compared with the baseline: same." in capsys.readouterr().out
    assert report.tell(arguments(baseline="before", json=True), {"p99_ms": 16.0}, print) == 99
    said = capsys.readouterr()
    assert json.loads(said.out)["figures"][0]["unit"] == "ms"
    assert "slower" in said.err


def test_a_result_that_is_worth_nothing_replaces_no_baseline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep = arguments(save_baseline="before")
    assert report.tell(keep, {"p99_ms": 8.0}, print) == 0
    good = (folder / ".baselines" / "holds" / "before.json").read_bytes()
    assert report.tell(keep, {"p99_ms": 1.0}, print, wrong="nothing arrived") == 1
    said = capsys.readouterr().err
    assert "loadtests: nothing arrived" in said
    assert "not kept as .baselines/holds/before.json, because the run ended with exit code 1" in said
    assert (folder / ".baselines" / "holds" / "before.json").read_bytes() == good


@pytest.mark.parametrize(("code", "kept"), [(0, True), (99, True), (1, False), (3, False), (4, False), (130, False)])
def test_a_rush_is_kept_if_it_has_a_verdict_and_nothing_is_wrong(code: int, kept: bool) -> None:
    rush = arguments(test="rush", scenario="opening", save_baseline="before")
    path = Path(".baselines/rush-opening/before.json")
    assert baselines.path_to_keep(rush, code) == (path if kept else None)


def test_two_files_of_a_benchmark_are_compared_by_the_same_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured.write(made(), folder / "a.json")
    measured.write(made({"p99_ms": 80.0}), folder / "b.json")
    assert main(["compare", "a.json", "b.json"]) == 99
    assert "p99_ms" in capsys.readouterr().out
    assert main(["compare", "a.json", "a.json", "--base-again", "b.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["word"] == "same"


@pytest.mark.parametrize("command", [["holds"], ["rush", "opening"]])
def test_a_baseline_that_is_missing_is_said_before_anything_is_measured(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--baseline", "before"]) == 1
    said = capsys.readouterr().err
    assert f"{'-'.join(command)}/before.json: run this once with --save-baseline before" in said
    assert said.count("\n") == 1
