"""`seatserver seatmap` and `seatserver token`: what they print, and that a bad file changes nothing."""

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


def test_import_stores_the_hall_and_prints_the_next_step(database_url: str) -> None:
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


def test_import_counts_the_places_of_general_admission_areas(database_url: str, tmp_path: Path) -> None:
    hall = tmp_path / "hall.json"
    content = json.loads(Path(VISTA).read_text())
    lawn = {
        "AreaCategoryCode": "S1",
        "Description": "Lawn",
        "IsAllocatedSeating": False,
        "NumberOfSeats": 25,
        "Rows": [],
    }
    content["SeatLayoutData"]["Areas"].append(lawn)
    hall.write_text(json.dumps(content))
    done = seatserver("seatmap", "import", str(hall), "--json", database_url=database_url)
    result = json.loads(done.stdout)
    assert (result["seats"], result["areas"], result["categories"]) == (16, {"area-3": 25}, {"S1": 37, "L1": 4})
    [(_, _, places)] = stored(database_url)
    assert places == 16 + 25
    assert result["notes"][-1] == "the area Lawn has 25 places without seat numbers; it is drawn behind the last row"


def test_a_bad_file_is_reported_in_one_line_with_its_position_and_not_stored(database_url: str, tmp_path: Path) -> None:
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


def test_check_of_a_sound_hall_gives_hints_at_most_and_needs_no_database() -> None:
    done = seatserver("seatmap", "check", VISTA)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("vista-small  16 seats, Vista SeatLayoutData\n")
    assert done.stdout.endswith("\n2 hints\n")


def test_check_reports_every_mistake_with_its_position_and_remedy(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    text = Path(VISTA).read_text().replace('"ColumnIndex": 0', '"ColumnIndex": "zero"', 1)
    bad.write_text(text.replace('"NumberOfSeats": 4', '"NumberOfSeats": 5'))
    done = seatserver("seatmap", "check", str(bad))
    assert (done.returncode, done.stderr) == (1, "")
    area = "SeatLayoutData.Areas"
    misplaced = f"error    {area}[0].Rows[2].Seats[0].Position.ColumnIndex: expected int, got str\n         → "
    miscounted = f"error    {area}[1].NumberOfSeats: says 5 but the area has 4 seats\n         → look for the seats"
    assert misplaced in done.stdout
    assert miscounted in done.stdout
    report = json.loads(seatserver("seatmap", "check", str(bad), "--json").stdout)
    assert (report["clean"], report["counts"]["error"]) == (False, 3)
    assert report["findings"][0]["at"] == [f"{area}[0].Rows[2].Seats[0].Position.ColumnIndex"]


def test_check_of_a_file_that_is_no_seat_map_is_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"seats": [')
    done = seatserver("seatmap", "check", str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"seatserver: {bad}: line 1, column 12: not valid JSON: the file ends in the middle\n"
    report = json.loads(seatserver("seatmap", "check", str(bad), "--json").stdout)
    assert [finding["code"] for finding in report["findings"]] == ["unreadable"]


def test_draw_writes_a_picture_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    out = tmp_path / "hall.svg"
    done = seatserver("seatmap", "draw", VISTA, "-o", str(out), "--party", "3", "--name", "Small")
    assert (done.returncode, done.stdout) == (0, f"Drew Small to {out}\n")
    assert "Best for 3 people: B-1 to B-3" in out.read_text()
    assert seatserver("seatmap", "draw", VISTA, "--party", "3", "--name", "Small").stdout == out.read_text()


def test_draw_reports_errors_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "hall.svg"
    done = seatserver("seatmap", "draw", VISTA, "-o", str(missing))
    assert (done.returncode, done.stderr) == (1, f"seatserver: {missing}: No such file or directory\n")
    for party in ("0", "51", "four", "-1"):
        done = seatserver("seatmap", "draw", VISTA, "--party", party)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith(f"argument --party: is '{party}'; expected 1 to 50 people")


def test_convert_writes_our_own_format() -> None:
    done = seatserver("seatmap", "convert", str(FIXTURES / "pretix-small.json"))
    assert SeatMap.decode(done.stdout.encode()).name == "Garden Cinema"


def test_import_without_a_database_names_the_missing_setting() -> None:
    done = seatserver("seatmap", "import", VISTA)
    assert done.returncode == 1
    assert done.stderr.startswith("seatserver: DATABASE_URL is not set")


def test_token_prints_only_the_token() -> None:
    done = seatserver("token", "--user", "ann", "--scope", "watch", SEATSERVER_TOKEN_SECRET=SECRET)
    assert done.returncode == 0
    assert done.stdout.count(".") == 2
    assert len(done.stdout.split()) == 1


def test_a_token_carries_its_sales_channel_and_an_invalid_name_is_refused() -> None:
    done = seatserver("token", "--user", "ann", "--channel", "kiosk", SEATSERVER_TOKEN_SECRET=SECRET)
    assert (done.returncode, done.stderr) == (
        0,
        "ann: watch, hold, book for the sales channel kiosk; valid for 12 hours\n",
    )
    refused = seatserver("token", "--user", "ann", "--channel", "the kiosk", SEATSERVER_TOKEN_SECRET=SECRET)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("seatserver: channel is 'the kiosk': expected ")


def test_token_without_a_secret_names_the_missing_setting() -> None:
    done = seatserver("token", "--user", "ann")
    assert done.returncode == 2
    assert done.stderr.startswith("seatserver: SEATSERVER_TOKEN_SECRET is not set")
