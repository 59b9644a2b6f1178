"""The concierge's languages say the same: none lacks a sentence or a fact that another has."""

from __future__ import annotations

from dataclasses import asdict
from string import Formatter
from typing import Any, get_args

from seatserver.concierge.phrases.english import ENGLISH
from seatserver.concierge.phrases.german import GERMAN
from seatserver.concierge.phrases.language import Sentence

OWN = {"numbers", "nth", "comma"}
"""What has its own form in each language."""


def facts(words: Any) -> Any:
    """The names in braces of every text, in the same places as the texts."""
    if isinstance(words, dict):
        return {name: facts(text) for name, text in words.items()}
    if isinstance(words, tuple):
        return tuple(map(facts, words))
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def test_every_language_has_the_same_sentences_and_says_the_same_facts_in_each() -> None:
    english, german = (
        {name: facts(text) for name, text in asdict(words).items() if name not in OWN} for words in (ENGLISH, GERMAN)
    )
    assert german == english
    assert set(get_args(Sentence)) == ENGLISH.said.keys()


def test_every_language_has_words_for_the_same_numbers() -> None:
    assert len(GERMAN.numbers) == len(ENGLISH.numbers)
