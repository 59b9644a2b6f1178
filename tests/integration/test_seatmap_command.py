"""Promises of `seatserver seatmap` and `seatserver token`: what they print, and that a bad file writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from seatserver.seatmaps.model import SeatMap
from tests.conftest import in_thread

FIXTURES = Path(__file__).parents[1] / "fixtures"
VISTA = str(FIXTURES / "vista-small.json")
SECRET = "a secret of these tests, long enough for HS256"


def seatserver(*arguments: str, database_url: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEATSERVER_")}
    env = {**kept, **environ, "DATABASE_URL": database_url, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "seatserver", *arguments], capture_output=True, encoding="utf-8", env=env, check=False
    )


def stored(database_url: str) -> list[tuple[str, str, int]]:
    async def read() -> list[tuple[str, str, int]]:
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch("SELECT hash, name, seat_count FROM seat_maps")
        finally:
            await connection.close()
        return [tuple(row) for row in rows]

    return in_thread(read())


def test_import_stores_the_hall_and_says_what_to_do_next(database_url: str) -> None:
    done = seatserver("seatmap", "import", VISTA, "--name", "Small hall", database_url=database_url)
    assert done.returncode == 0, done.stderr
    [(layout, name, seats)] = stored(database_url)
    assert (name, seats) == ("Small hall", 16)
    assert f"Stored as layout {layout}" in done.stdout
    assert "note: 1 seat was not empty" in done.stdout
    assert "/api/v1/admin/showtimes/" in done.stdout


def test_importing_again_is_harmless_and_json_is_for_scripts(database_url: str) -> None:
    first, second = (seatserver("seatmap", "import", VISTA, "--json", database_url=database_url) for _ in range(2))
    result = json.loads(first.stdout)
    assert json.loads(second.stdout) == result
    assert (result["name"], result["seats"], result["categories"]) == ("vista-small", 16, {"S1": 12, "L1": 4})
    assert [row[0] for row in stored(database_url)] == [result["hash"]]


def test_a_bad_file_gets_one_line_with_the_place_and_nothing_is_written(database_url: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(Path(VISTA).read_text().replace('"ColumnIndex": 0', '"ColumnIndex": "zero"', 1))
    for verb in ("import", "show", "convert"):
        done = seatserver("seatmap", verb, str(bad), database_url=database_url)
        assert (done.returncode, done.stdout) == (1, "")
        place = "SeatLayoutData.Areas[0].Rows[2].Seats[0].Position.ColumnIndex: expected int, got str"
        assert done.stderr == f"seatserver: {bad}: {place}\n"
    assert stored(database_url) == []


def test_show_draws_the_hall_without_any_database() -> None:
    done = seatserver("seatmap", "show", VISTA)
    assert done.returncode == 0
    assert "D  ◆━◆       ◆━◆  D" in done.stdout.splitlines()


def test_convert_writes_our_own_form() -> None:
    done = seatserver("seatmap", "convert", str(FIXTURES / "pretix-small.json"))
    assert SeatMap.decode(done.stdout.encode()).name == "Garden Cinema"


def test_import_without_a_database_says_which_setting_is_missing() -> None:
    done = seatserver("seatmap", "import", VISTA)
    assert done.returncode == 1
    assert done.stderr.startswith("seatserver: DATABASE_URL is not set")


def test_token_prints_the_token_alone() -> None:
    done = seatserver("token", "--user", "ann", "--scope", "watch", SEATSERVER_TOKEN_SECRET=SECRET)
    assert done.returncode == 0
    assert done.stdout.count(".") == 2
    assert len(done.stdout.split()) == 1


def test_a_token_for_a_sales_channel_says_so_and_a_name_that_is_none_is_refused() -> None:
    done = seatserver("token", "--user", "ann", "--channel", "kiosk", SEATSERVER_TOKEN_SECRET=SECRET)
    assert (done.returncode, done.stderr) == (
        0,
        "ann: watch, hold, book for the sales channel kiosk; good for 12 hours\n",
    )
    refused = seatserver("token", "--user", "ann", "--channel", "the kiosk", SEATSERVER_TOKEN_SECRET=SECRET)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("seatserver: channel is 'the kiosk': expected ")


def test_token_without_a_secret_says_what_to_set() -> None:
    done = seatserver("token", "--user", "ann")
    assert done.returncode == 2
    assert done.stderr.startswith("seatserver: SEATSERVER_TOKEN_SECRET is not set")
