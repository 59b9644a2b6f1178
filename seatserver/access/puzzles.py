"""The puzzles that a new guest's browser or program solves while very many come at once (`guest_price.py`).

A puzzle is a text, the SHA-256 hash of this text and a number, and how high the number may be. Nobody finds it faster
than by trying: half of all numbers on average, and never more than all. The server makes a puzzle with one hash, and
signs the number instead of keeping it.
"""

from __future__ import annotations

import hashlib
import secrets

import msgspec

TEXT_BYTES = 16


class Puzzle(msgspec.Struct, frozen=True):
    """Which number, from 0 to ``most``, has this hash when it is written behind the text?"""

    text: str
    hash: str
    most: int


def make(most: int) -> tuple[Puzzle, int]:
    """A new puzzle and its number."""
    number = secrets.randbelow(most + 1)
    text = secrets.token_urlsafe(TEXT_BYTES)
    return Puzzle(text, hash_of(text, number), most), number


def solve(puzzle: Puzzle) -> int | None:
    """The number; None if there is none. This takes about a tenth of a second of CPU time."""
    numbers = range(puzzle.most + 1)
    return next((number for number in numbers if hash_of(puzzle.text, number) == puzzle.hash), None)


def hash_of(text: str, number: int) -> str:
    """The hash of a text with a number behind it."""
    return hashlib.sha256(f"{text}{number}".encode()).hexdigest()
