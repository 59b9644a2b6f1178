"""`seatserver settings` shows what this environment sets, and never a secret."""

from __future__ import annotations

import json
import os

import pytest

from seatserver import config
from seatserver.cli import main

PASSWORD = "hunter2-and-some-more-to-make-it-long"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SEATSERVER_") or name in ("DATABASE_URL", "REDIS_URL", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("SEATSERVER_HOLD_MS", "240000")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{PASSWORD}@db/seats")


def line_of(name: str, output: str) -> list[str]:
    [line] = [line for line in output.splitlines() if line.strip().startswith(f"{name} ")]
    return line.split()


@pytest.mark.parametrize("columns", ["160", "120", "80", "40"])
def test_every_setting_is_listed_at_any_width_without_its_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["settings"]) == 0
    output = capsys.readouterr().out
    assert PASSWORD not in output
    assert all(row.env in output for row in config.rows())
    assert "| ---" not in output
    assert "`" not in output


def test_a_value_is_listed_with_its_origin_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    output = capsys.readouterr().out
    assert line_of("SEATSERVER_HOLD_MS", output)[:4] == ["SEATSERVER_HOLD_MS", "240000", "environment", "300000"]
    assert line_of("SEATSERVER_CHECKOUT_MS", output)[:4] == ["SEATSERVER_CHECKOUT_MS", "30000", "default", "30000"]
    assert line_of("DATABASE_URL", output)[:4] == ["DATABASE_URL", "•••", "environment", "–"]


def test_the_list_can_be_limited_to_settings_that_are_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--set"]) == 0
    output = capsys.readouterr().out
    assert [name for row in config.rows() if (name := row.env) in output] == ["DATABASE_URL", "SEATSERVER_HOLD_MS"]


def test_settings_can_be_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--json"]) == 0
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    hold = told["SEATSERVER_HOLD_MS"]
    assert (hold["value"], hold["source"], hold["default"]) == ("240000", "environment", "300000")
    assert told["DATABASE_URL"]["value"] == "•••"


def test_the_markdown_table_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--markdown"]) == 0
    assert capsys.readouterr().out == config.markdown() + "\n"


def test_a_wrong_value_is_shown_and_reported_after_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEATSERVER_HOLD_MS", "soon")
    assert main(["settings"]) == 2
    told = capsys.readouterr()
    assert line_of("SEATSERVER_HOLD_MS", told.out)[1] == "soon"
    assert told.err == "seatserver: SEATSERVER_HOLD_MS is 'soon': expected a whole number\n"
