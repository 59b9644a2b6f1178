"""The text of an API key: programs that look for secrets find it, and a damaged one is recognised."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.access import key_format
from seatserver.errors import Unauthorized

KEY, KEPT = key_format.make()
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def test_a_key_is_read_as_what_was_kept_of_it() -> None:
    assert key_format.read(KEY) == KEPT
    assert KEPT.id in KEY


def test_no_two_keys_are_alike_and_what_is_kept_says_nothing_of_the_secret() -> None:
    made = [key_format.make() for _ in range(200)]
    assert len({text for text, _ in made}) == len({kept.id for _, kept in made}) == 200
    for text, kept in made:
        secret = text.rpartition("_")[2]
        assert secret not in repr(kept)
        assert len(kept.secret_hash) == 32


def test_a_scanner_finds_a_key_in_any_text() -> None:
    for text in (f"KEY={KEY}", f'{{"key": "{KEY}"}}', f"https://example.org/?k={KEY}&x=1", f"Bearer {KEY}\n"):
        assert re.findall(key_format.PATTERN, text) == [KEY]


@given(st.integers(len("seatkey_"), len(KEY) - 1), st.sampled_from(LETTERS))
def test_one_wrong_letter_is_noticed_without_asking_anybody(at: int, letter: str) -> None:
    wrong = KEY[:at] + letter + KEY[at + 1 :]
    if wrong == KEY:
        return
    with pytest.raises(Unauthorized):
        key_format.read(wrong)


def test_what_is_no_whole_key_is_refused_without_repeating_it() -> None:
    for text in ("", "seatkey_", KEY[:-1], KEY + "a", KEY.upper(), KEY + "\n", " " + KEY, KEY * 2):
        with pytest.raises(Unauthorized, match="this is not a whole key") as caught:
            key_format.read(text)
        assert KEY not in caught.value.message, text
