"""Pages speak one language: the one that is asked for, and in it they say everything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.web.languages import TEXTS, filled, language_of
from seatserver.web.routes import HERE

PAGES = HERE / "pages"


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        ("", None, "en"),
        ("de", None, "de"),
        ("de-CH-1996, en;q=0.9", None, "de"),
        ("EN;q=0.4,DE;q=0.6", None, "de"),
        ("en;q=0.8, de;q=0.8", None, "en"),
        ("fr, it;q=0.5", None, "en"),
        ("fr, de;q=0.1", None, "de"),
        ("de;q=0, fr", None, "en"),
        ("*", None, "en"),
        ("de;q=x", None, "en"),
        ("en", "de", "de"),
        ("de", "xx", "de"),
    ],
)
def test_the_visitors_choice_comes_first_then_the_browsers_then_english(
    accepted: str, chosen: str | None, language: str
) -> None:
    assert language_of(accepted, chosen) == language


@given(st.text(), st.none() | st.text())
def test_every_request_gets_a_known_language(accepted: str, chosen: str | None) -> None:
    assert language_of(accepted, chosen) in TEXTS


def test_every_language_has_every_text_and_none_needs_escaping() -> None:
    for texts in TEXTS.values():
        assert texts.keys() == TEXTS["en"].keys()
        assert not [text for text in texts.values() if set(text) & set('<>&"')]


def test_an_unknown_text_raises_an_error() -> None:
    with pytest.raises(KeyError):
        filled("{{nothing}}", "en")


def words(language: str) -> dict[str, set[str]]:
    """The texts of a language: the facts in each."""
    source = PAGES.joinpath(f"shared/words/{language}.js").read_text()
    blocks = re.split(r"^  (?=\w+:)", source.partition("export default {")[2], flags=re.MULTILINE)[1:]
    return {block.partition(":")[0]: set(re.findall(r"\{(\w+)\}", block)) - {"count"} for block in blocks}


def test_the_texts_of_every_language_have_the_same_facts() -> None:
    assert words("de") == words("en")


def test_every_text_is_used_and_every_used_text_exists() -> None:
    code = "\n".join(path.read_text() for path in PAGES.rglob("*.js") if path.parent.name != "words")
    known = set(words("en"))
    by_status = {"confirmed", "pending", "cancelled", "expired", "pendingHint", "cancelledHint", "expiredHint"}
    assert known - by_status == {name for name in known - by_status if f'"{name}"' in code}
    assert set(re.findall(r'\bsay\("(\w+)"', code)) <= known


def kiosk_words(language: str) -> dict[str, set[str]]:
    """The kiosk's texts of a language: the facts in each."""
    source = PAGES.joinpath(f"kiosk/words/{language}.js").read_text()
    blocks = re.split(r"^  (?=\w+:)", source.partition("export default {")[2], flags=re.MULTILINE)[1:]
    return {block.partition(":")[0]: set(re.findall(r"\{(\w+)\}", block)) - {"count"} for block in blocks}


def test_the_kiosks_texts_of_every_language_have_the_same_facts() -> None:
    assert kiosk_words("de") == kiosk_words("en")


def test_every_text_of_the_kiosk_is_used() -> None:
    code = "\n".join(path.read_text() for path in PAGES.joinpath("kiosk").rglob("*.js") if path.parent.name != "words")
    assert [name for name in kiosk_words("en") if f'"{name}"' not in code] == []
