"""What the seat map says keeps its own direction, also where the page around it runs the other way."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.javascript import NODE, WEB


def said(name: str, facts: dict[str, object], direction: str, replaced: dict[str, str] | None = None) -> str:
    """A text of the seat map in a Hebrew page that runs in ``direction``."""
    module = (WEB / "seat-map" / "words.js").as_uri()
    program = f"""
        Object.defineProperty(globalThis, "navigator", {{ value: {{ languages: ["he"] }} }});
        const {{ Words }} = await import({json.dumps(module)});
        const words = new Words("he", {json.dumps(replaced or {})}, {json.dumps(direction)});
        console.log(JSON.stringify(words.say({json.dumps(name)}, {json.dumps(facts)})));
    """
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text: str = json.loads(done.stdout)
    return text


@pytest.mark.parametrize(
    ("direction", "replaced", "text"),
    [
        ("ltr", {}, "Cancelled. The seats are free again."),
        ("rtl", {}, "\u2066Cancelled. The seats are free again.\u2069"),
        ("rtl", {"cancelled": "\u05d1\u05d5\u05d8\u05dc."}, "\u05d1\u05d5\u05d8\u05dc."),
    ],
)
def test_a_sentence_of_ours_keeps_its_order_and_one_of_the_page_the_page_s(
    direction: str, replaced: dict[str, str], text: str
) -> None:
    assert said("cancelled", {}, direction, replaced) == text


def test_what_a_sentence_names_stays_together_within_it() -> None:
    assert said("cancelSure", {"seats": "A-3"}, "rtl") == "\u2066Give up \u2068A-3\u2069?\u2069"
