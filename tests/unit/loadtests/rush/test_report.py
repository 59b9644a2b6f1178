"""The report is one file: it asks no network, hides no verdict, and takes names for names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from loadtests.rush import files, result
from loadtests.rush.html.film import MOST_FRAMES, thinned
from loadtests.rush.html.page import page
from loadtests.rush.notes import Frame
from tests.unit.loadtests.rush.results import account, made, noted


def test_the_page_needs_no_network() -> None:
    shown = page(made())
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', shown)
    assert "url(http" not in shown and "@import" not in shown


def test_the_page_says_the_verdict_and_what_is_wrong() -> None:
    shown = page(made(noted(), account("3330")))
    assert 'class="verdict wrong"' in shown
    assert "confirmed seats are not sold in the server" in shown


def test_names_are_escaped() -> None:
    shown = page(made())
    assert "<b>small</b>" not in shown
    assert "A &lt;b&gt;small&lt;/b&gt; opening" in shown


def test_the_plots_take_their_colours_from_the_page() -> None:
    shown = page(made())
    assert shown.count("<svg") >= 5
    assert "var(--series-1)" in shown and "#0a0001" not in shown


def test_the_film_has_every_change() -> None:
    shown = page(made())
    found = re.search(r'<script type="application/json">(.*?)</script>', shown)
    assert found is not None
    film = json.loads(found[1])
    assert film["frames"][-1] == [2.0, [[0, 3], [1, 3], [2, 3], [3, 3]]]
    assert film["states"][3] == "sold"


def test_a_long_film_is_shortened_and_loses_nothing() -> None:
    frames = [Frame(at=float(at), changes=((at % 7, at % 4),)) for at in range(3 * MOST_FRAMES)]
    short = thinned(frames)
    assert len(short) <= MOST_FRAMES
    states: list[dict[int, int]] = []
    for film in (frames, short):
        last: dict[int, int] = {}
        for frame in film:
            last.update(frame.changes)
        states.append(last)
    assert states[0] == states[1]


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    made_one = made()
    paths = files.write_all(made_one, tmp_path)
    assert sorted(path.suffix for path in paths) == [".hlog", ".html", ".json"]
    assert result.read(paths[0]) == made_one
