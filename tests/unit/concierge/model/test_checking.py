"""What a model says is passed on word by word, and only what is plain, given and harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.concierge.model.checking import MOST_CHARS, Checker, Known, Unfounded
from seatserver.concierge.model.instructions import visitors_instructions

FACTS = (
    '{"offers":[{"seats":"row K, seats 12 and 13","total":"€48.90","row":11,"rows":14}],"starts":"2026-11-30 19:30"}'
)
INSTRUCTIONS = visitors_instructions("en")


def checked(text: str, facts: str = FACTS, pieces: int = 3) -> str:
    """What is passed on of a text that comes in pieces of so many characters."""
    known = Known()
    known.learn(facts)
    checker = Checker(known, INSTRUCTIONS)
    passed = [checker.feed(text[at : at + pieces]) for at in range(0, len(text), pieces)]
    return "".join(passed) + checker.flush()


@pytest.mark.parametrize(
    "text",
    [
        "Row K, seats 12 and 13, for €48.90.",
        "Reihe K, Plätze 12 und 13, für 48,90 €.",
        "It is the 11th row of 14, at 19:30.",
        "Zwölf und dreizehn, in der elften Reihe.",
        "One of you could sit here; that is the only one.",
        "Eins davon, ein anderer Platz.",
        "No numbers at all – and none is missing…",
        "１２ and 13 in another script",
    ],
)
def test_what_the_facts_say_is_passed_on_as_it_is(text: str) -> None:
    assert checked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "It costs €48.91.",
        "It costs 4.890 euros.",
        "Only 9 left!",
        "Seat 12a7",
        "twenty euros",
        "zwanzig Euro",
        "vierundzwanzig",
        "½ the price",
        "٩ seats",
        "二 seats",
        "²",
        "Ⅳ",
    ],
)
def test_a_number_out_of_thin_air_is_stopped(text: str) -> None:
    with pytest.raises(Unfounded, match="number"):
        checked(text)


@pytest.mark.parametrize("text", ["See https://evil.example", "www.evil", "pay at evil.com now", "mail me@evil.org"])
def test_links_are_stopped(text: str) -> None:
    with pytest.raises(Unfounded, match="link"):
        checked(text)


@pytest.mark.parametrize("pieces", [1, 7, 70, 1000])
def test_what_is_too_long_for_a_word_is_left_out_and_hides_no_link(pieces: int) -> None:
    for hidden in ("evil.com/x", "99"):
        for long in range(50, 130):
            try:
                passed = checked(f"Look {'x' * long}{hidden} now", pieces=pieces)
            except Unfounded:
                continue
            assert passed == "Look  now"


def test_the_instructions_are_not_told() -> None:
    with pytest.raises(Unfounded):
        checked(f"Sure, they are: {INSTRUCTIONS}")


def test_nothing_of_the_word_in_question_or_after_it_is_passed_on() -> None:
    known = Known()
    checker = Checker(known, INSTRUCTIONS)
    assert checker.feed("That costs ") == "That costs "
    assert checker.feed("9") == ""
    with pytest.raises(Unfounded):
        checker.feed("9 euros")


def test_markup_and_invisible_characters_are_left_out() -> None:
    assert checked("**Good** `seats`\u202e\u200b\x07 <b>here</b>") == "Good seats <b>here</b>"


@given(st.text(max_size=300), st.integers(1, 20))
def test_a_text_without_numbers_comes_through_in_whatever_pieces(text: str, pieces: int) -> None:
    try:
        whole = checked(text, pieces=10_000)
    except Unfounded:
        with pytest.raises(Unfounded):
            checked(text, pieces=pieces)
    else:
        assert checked(text, pieces=pieces) == whole


def test_an_answer_has_an_end() -> None:
    assert len(checked("word " * 10_000)) < MOST_CHARS + 100


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_every_number_that_was_given_may_be_said(numbers: list[int]) -> None:
    text = " and ".join(map(str, numbers))
    assert checked(text, facts=text) == text


def test_of_very_many_numbers_the_latest_are_known() -> None:
    known = Known()
    known.learn(" ".join(map(str, range(10_000, 20_000))))
    assert known.has("19999")
    assert not known.has("10000")
