"""Whether a secret could be guessed.

Nobody can measure how random one text is, but much that is not random shows: few letters, a pattern that repeats, a row
such as ``abcdef``. `bits` counts what is left without these. A secret made by `openssl rand -hex 32` or by
``secrets.token_urlsafe`` has far more than `ENOUGH_BITS`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Sequence

ENOUGH_BITS = 72
ADVICE = "expected a random one, such as `openssl rand -hex 32` makes"


def is_guessable(secret: str) -> bool:
    """Whether the secret is no better than a word."""
    return bits(secret) < ENOUGH_BITS


def bits(secret: str) -> float:
    """How much of the secret is not a pattern, at most."""
    once = secret[: _period(secret)]
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(once)]
    return min(_entropy(once), _entropy(steps))


def _period(secret: str) -> int:
    """After how many characters the secret repeats itself, the last time perhaps in part."""
    return next((size for size in range(1, len(secret)) if secret[size:] == secret[:-size]), len(secret))


def _entropy(symbols: Sequence[Hashable]) -> float:
    """The symbols' Shannon entropy, by how often each occurs."""
    total = len(symbols)
    return sum(count * math.log2(total / count) for count in Counter(symbols).values())
