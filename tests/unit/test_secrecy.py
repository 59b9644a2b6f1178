"""Secrets that can be guessed are told from random ones."""

from __future__ import annotations

import base64
import secrets

import pytest

from seatserver.secrecy import is_guessable

GUESSABLE = [
    "x" * 32,
    "ab" * 16,
    "0" * 64,
    "password" * 4,
    "changeme-" * 5,
    "12345678901234567890123456789012",
    "abcdefghijklmnopqrstuvwxyz012345",
    "0123456789abcdef0123456789abcdef",
    "zyxwvutsrqponmlkjihgfedcba987654",
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb",
    "secret" + "." * 40,
    "",
]


@pytest.mark.parametrize("secret", GUESSABLE)
def test_a_pattern_is_guessable_however_long_it_is(secret: str) -> None:
    assert is_guessable(secret)


def test_no_random_secret_is_ever_refused() -> None:
    for _ in range(300):
        raw = secrets.token_bytes(32)
        texts = (raw.hex(), raw[:16].hex(), secrets.token_urlsafe(24), base64.b32encode(raw).decode())
        assert not any(map(is_guessable, texts))
