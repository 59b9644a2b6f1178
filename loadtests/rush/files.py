"""The files of a result: the JSON that can be compared and merged, the report for people, and the histogram log."""

from __future__ import annotations

from pathlib import Path

from loadtests.rush import latency, result
from loadtests.rush.html.page import page
from loadtests.rush.result import Result
from seatserver.errors import StartError


def write_all(found: Result, folder: Path) -> list[Path]:
    """Write everything into a folder, which is made if it is not there; the files. Raises `StartError`."""
    stem = result.stem_of(found)
    data, shown, log = (folder / f"{stem}.{ending}" for ending in ("json", "html", "hlog"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        result.write(found, data)
        log.write_text(latency.log(found.notes.times, found.started_at_ms))
        shown.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise StartError(f"{folder} cannot be written: {error.strerror}") from None
    return [data, shown, log]
