"""Reads every word of the model before the visitor does: plain text, no links, no numbers out of thin air.

Text is passed on word by word. A number, in digits or in an English or German word, must stand in what a tool
answered, in the facts that the model was given, or in what the visitor wrote; otherwise `Unfounded` is raised before
the word is passed on. The same holds for links, and for longer quotations of the model's instructions. What a number is
said about is not checked, nor are words for numbers in other languages. Words of more than 60 characters are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from seatserver.concierge.wishes.tokens import NUMBERS, folded

NUMBER = re.compile(r"\d+(?:[.,'’\u00a0\u202f]\d+)*")
LINK = re.compile(
    r"://|\bwww\.|@[\w-]+\.|\b[\w-]+\.(?:com|net|org|info|io|de|eu|app|dev|co|me|ly|xyz|top|shop|site)\b", re.I
)
LONGEST_WORD = 60
"""Longer ones are left out: they are no words, and in parts a link or a number could not be told."""
TOO_LONG = re.compile(rf"[^ \n]{{{LONGEST_WORD + 1},}}")
MOST_CHARS = 2000
"""Of one answer; the rest is left out."""
MOST_NUMBERS = 5000
RUN = 8
"""So many words of the instructions in a row are no accident."""
MARKUP = str.maketrans("", "", "*`")


class Unfounded(Exception):
    """The model said something that must not be passed on. ``what`` is the kind: number, link or instructions."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def numbers_in(text: str) -> Iterator[str]:
    """Every number of a text, in each way that it can be read: "1.200" is also 1200, "48,90" also 48.9."""
    # What stands there often is read once: results of tools are long, and read on the event loop.
    for written in dict.fromkeys(NUMBER.findall(text)):
        yield from _readings(written)
    for letter in dict.fromkeys(text):
        value = unicodedata.numeric(letter, None)
        if value is not None and not letter.isdecimal():
            yield _plain(value)
    for word in dict.fromkeys(re.findall(r"[a-z]+", folded(text))):
        if NUMBERS.get(word, 0) > 1:
            yield str(NUMBERS[word])


def _readings(written: str) -> set[str]:
    digits = [str(unicodedata.digit(letter)) if letter.isdecimal() else letter for letter in written]
    text = "".join(digits)
    parts = re.split(r"[.,'’\u00a0\u202f]", text)
    readings = {_plain(float("".join(parts)))} if all(len(part) == 3 for part in parts[1:]) else set()
    if len(parts) > 1:
        readings.add(_plain(float(f"{''.join(parts[:-1])}.{parts[-1]}")))
    return readings


def _plain(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


class Known:
    """The numbers that may be said."""

    def __init__(self) -> None:
        self._numbers: dict[str, None] = {}

    def learn(self, text: str) -> None:
        """Everything in this text may be said. Of very many numbers the oldest are forgotten."""
        for number in numbers_in(text):
            self._numbers.pop(number, None)
            self._numbers[number] = None
        while len(self._numbers) > MOST_NUMBERS:
            del self._numbers[next(iter(self._numbers))]

    def has(self, word: str) -> bool:
        """Whether each number of a word may be said, in one of its readings."""
        for match in NUMBER.finditer(word):
            if _readings(match[0]).isdisjoint(self._numbers):
                return False
        rest = NUMBER.sub(" ", word)
        return all(number in self._numbers for number in numbers_in(rest))


class Checker:
    """Checks one answer. `feed` takes what the model says as it comes, `flush` what is left of it."""

    def __init__(self, known: Known, instructions: str) -> None:
        self._known = known
        self._runs = _runs(instructions)
        self._last: list[str] = []
        self._rest = ""
        self._chars = 0

    @property
    def is_full(self) -> bool:
        """Whether the answer is as long as it may be; nothing more is passed on."""
        return self._chars >= MOST_CHARS

    def feed(self, text: str) -> str:
        """The words that are complete. Raises `Unfounded` before anything of the word in question is passed on."""
        self._rest += "".join(letter for letter in text.translate(MARKUP) if _is_plain(letter))
        end = max(self._rest.rfind(" "), self._rest.rfind("\n")) + 1
        ready, self._rest = self._rest[:end], self._rest[end : end + LONGEST_WORD + 1]
        return self._checked(ready)

    def flush(self) -> str:
        """The last word. Raises `Unfounded`."""
        ready, self._rest = self._rest, ""
        return self._checked(ready)

    def _checked(self, text: str) -> str:
        text = TOO_LONG.sub("", text)
        if not text or self.is_full:
            return ""
        if LINK.search(text):
            raise Unfounded("link")
        if not self._known.has(text):
            raise Unfounded("number")
        self._last += _words(text)
        for at in range(len(self._last) - RUN + 1):
            if tuple(self._last[at : at + RUN]) in self._runs:
                raise Unfounded("instructions")
        self._last = self._last[-(RUN - 1) :]
        self._chars += len(text)
        return text


@lru_cache(maxsize=8)
def _runs(instructions: str) -> frozenset[tuple[str, ...]]:
    """Each `RUN` words in a row; the instructions of all answers in one language are the same."""
    words = _words(instructions)
    return frozenset(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _is_plain(letter: str) -> bool:
    return letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
