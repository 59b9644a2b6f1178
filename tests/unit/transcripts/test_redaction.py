"""What is taken out of a text before it is kept, and, honestly, what is not."""

from __future__ import annotations

from time import process_time

import pytest

from seatserver.transcripts.redaction import MOST_CHARS, redacted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mail me: Ann.Smith+seats@mail.example.org!", "mail me: [e-mail]!"),
        ("ann (at) example.org", "[e-mail]"),
        ("see https://example.org/ann?x=1 and www.ann.example", "see [link] and [link]"),
        ("call +49 (0)151 2345 6789 please", "call [number] please"),
        ("Tel. 0151/23456789", "Tel. [number]"),
        ("555-123-4567", "[number]"),
        ("0044 20 7946 0958", "[number]"),
        ("my card 4111 1111 1111 1111, 2 seats", "my card [number], 2 seats"),
        ("4111111111111111", "[number]"),
        ("DE89 3704 0044 0532 0130 00", "[account]"),
        ("My name is Ann Smith and we are two", "My name is [name] and we are two"),
        ("ich heiße Anna-Lena Müller, zwei Plätze", "ich heiße [name], zwei Plätze"),
        ("Frau Müller möchte zwei Plätze", "Frau [name] möchte zwei Plätze"),
        ("two seats for Ann Smith", "two seats for [name]"),
        ("I'm Ann O’Neil, two please", "I'm [name], two please"),
        ("booked as 12345678", "booked as [number]"),
        ("passport C01X00T478123456, customer 7X12345Z", "passport [number], customer [number]"),
        ("a\u202enn@example.org", "[e-mail]"),
    ],
)
def test_what_tells_who_wrote_it_is_taken_out(text: str, kept: str) -> None:
    assert redacted(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Two seats in the middle, under 25 euros, please",
        "Vier Personen, eine im Rollstuhl, in Reihe C, bis 50,00 €",
        "row 10, seats 12 to 15, at 20:15 for 12.50 each",
        "The best: row B, seats 1 and 2 – side by side, 2nd row of 4, €20.00 in all.",
        "I am two adults and one child",
        "für zwei Personen am Gang",
    ],
)
def test_a_wish_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text", ["ann smith here, two please", "I had a stroke, so an aisle", "we live at 5 Elm Street"]
)
def test_no_pattern_knows_every_name_street_or_illness(text: str) -> None:
    assert redacted(text) == text, "the README says so; if this changes, say it there"


def test_a_very_long_text_is_cut_off() -> None:
    assert len(redacted("1" * 10 * MOST_CHARS)) <= MOST_CHARS
    assert len(redacted("a." * MOST_CHARS)) == MOST_CHARS


@pytest.mark.parametrize("text", ["1" * 1999 + "_", "A1" * 1000 + "_", "1-" * 1000 + "x", "my name is " + "A'" * 1000])
def test_no_text_takes_longer_than_others_of_its_length(text: str) -> None:
    started = process_time()
    redacted(text)
    assert process_time() - started < 10, "milliseconds, unless it goes back over the text again and again"
