"""How names, numbers and texts of a file are written in messages, notes and drawings."""

from __future__ import annotations

from collections.abc import Sequence

MAX_SHOWN = 40
"""Longer texts of a file are cut where a message repeats them."""


def shown(text: str, most: int = MAX_SHOWN) -> str:
    """A text of the file, cut to ``most`` characters, with those replaced that cannot be printed."""
    if len(text) <= most and text.isprintable():
        return text
    clean = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: most + 1])
    return clean if len(clean) <= most else f"{clean[:most]}…"


def listed(names: Sequence[str], most: int = 4) -> str:
    """``A``, ``A and B``, ``A, B, C and 9 more``."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def count(number: int, noun: str) -> str:
    """``1 seat``, ``2 seats``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def pitches(distance: float) -> str:
    """A distance for people, with at most two decimals: ``1.5 pitches``."""
    number = f"{distance:.2f}".rstrip("0").rstrip(".") if distance < 10 else f"{distance:.0f}"
    return f"{number} {'pitch' if number == '1' else 'pitches'}"
