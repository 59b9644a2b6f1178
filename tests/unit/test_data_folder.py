"""The data folder: only ours is used, only ours is emptied, one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatserver.embedded import DataFolder
from seatserver.embedded.folder import LONGEST_PATH_BYTES
from seatserver.errors import StartError


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(StartError, match="not seatserver's"):
        DataFolder(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_becomes_ours(tmp_path: Path) -> None:
    DataFolder(tmp_path).create()
    DataFolder(tmp_path).create()
    assert DataFolder(tmp_path).remembered() == {}


def test_emptying_the_folder_follows_no_link_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = DataFolder(tmp_path / "data")
    folder.create()
    folder.remember(token_secret="old")
    (folder.path / "link").symlink_to(outside)
    (folder.path / "deep" / "er").mkdir(parents=True)
    (folder.path / "deep" / "link").symlink_to(outside)
    with folder.locked():
        folder.empty()
    assert (outside / "kept").exists()
    assert folder.remembered() == {}
    assert {path.name for path in folder.path.iterdir()} == {"SEATSERVER_DATA", "lock", "logs"}


def test_a_second_process_is_told_that_one_is_running(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert not first.is_locked()
    with first.locked():
        assert second.is_locked()
        with pytest.raises(StartError, match=r"already runs on .*--data"), second.locked():
            pass
    assert not second.is_locked()
    with second.locked():
        assert first.is_locked()


def test_remembered_values_are_merged(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.create()
    folder.remember(redis={"port": 1})
    folder.remember(postgres={"port": 2})
    assert folder.remembered() == {"redis": {"port": 1}, "postgres": {"port": 2}}
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0


def test_a_damaged_settings_file_is_reported_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"redis": {"po')
    with pytest.raises(StartError, match=r"settings\.json is damaged: .*--fresh"):
        DataFolder(tmp_path).remembered()


def test_a_path_that_postgres_could_not_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"longer than {LONGEST_PATH_BYTES} bytes"):
        DataFolder(tmp_path / "/".join(["x" * 100] * 10))
    with pytest.raises(StartError, match="unprintable"):
        DataFolder(tmp_path / "a\nb")


def test_a_file_in_place_of_the_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"cannot be used: File exists; .*--data"):
        DataFolder(tmp_path / "file").create()
    with pytest.raises(StartError, match="cannot be used: Not a directory"):
        DataFolder(tmp_path / "file" / "data").create()
