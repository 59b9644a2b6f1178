"""A message as a row of words that patterns can match: folded, counted, and bounded.

Both languages share one alphabet here: small letters without accents, ``ä`` as ``ae``. A number is written ``#4``,
whether it was a digit or a word; what may be an article or a number ("a", "ein") is ``@``. Patterns match the words
joined by spaces and take away what they understood. What is left over is shown as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MOST_CHARS = 1000
"""Of a longer message only the beginning is read; the socket refuses one before that."""
MOST_WORDS = 150
LARGEST = 10**7

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[€$£]")
PAUSE = re.compile(r"[.,!?;:…]+(?=\s|$)|[\n\r]+")
FOLDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "’": "'"})
TAKEN = "|"
"""Stands where a pattern took its words, so that no pattern matches across the hole."""
ARTICLES = frozenset({"a", "an", "ein", "eine", "einen", "einem", "einer", "eines"})

_ENGLISH = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_GERMAN = "null eins zwei drei vier fuenf sechs sieben acht neun zehn elf zwoelf dreizehn vierzehn fuenfzehn sechzehn"
NUMBERS: dict[str, int] = {
    **{word: number for number, word in enumerate(_ENGLISH.split())},
    **{word: number for number, word in enumerate(_GERMAN.split())},
    **{"seventeen": 17, "eighteen": 18, "nineteen": 19, "siebzehn": 17, "achtzehn": 18, "neunzehn": 19},
    **{"zwo": 2, "hundert": 100, "hundred": 100, "dozen": 12, "dutzend": 12},
}
_TENS_ENGLISH = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_TENS_GERMAN = "zwanzig dreissig vierzig fuenfzig sechzig siebzig achtzig neunzig".split()
NUMBERS |= {word: 10 * number for words in (_TENS_ENGLISH, _TENS_GERMAN) for number, word in enumerate(words, start=2)}
_UNITS = {"ein": 1, **{word: NUMBERS[word] for word in _GERMAN.split()[2:10]}}
NUMBERS |= {
    f"{unit}und{ten}": units + 10 * number
    for number, ten in enumerate(_TENS_GERMAN, start=2)
    for unit, units in _UNITS.items()
}


def folded(text: str) -> str:
    """Small letters without accents; German umlauts are written as two letters."""
    composed = unicodedata.normalize("NFKC", text).casefold().translate(FOLDED)
    letters = unicodedata.normalize("NFKD", composed)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


class Taken(NamedTuple):
    """What a pattern matched, and the words of it as they were written."""

    match: re.Match[str]
    written: str

    def group(self, name: str) -> str | None:
        """The named group of the match, or None."""
        found: str | None = self.match.groupdict().get(name)
        return found


class Words:
    """The words of one message. Patterns take words away; `left` are those that nobody took."""

    def __init__(self, text: str) -> None:
        text = text[:MOST_CHARS]
        found = list(WORD.finditer(text))[:MOST_WORDS]
        self._written = [match[0] for match in found]
        self._folded = [folded(word) for word in self._written]
        self._shown = [_shown(word) for word in self._folded]
        _join_tens(self._shown)
        # No pattern reaches over a pause: "we are four, kids are two" does not speak of four kids.
        ends = [match.start() for match in PAUSE.finditer(text)]
        self._breaks = {
            index
            for index, match in enumerate(found)
            if index and any(found[index - 1].end() <= end <= match.start() for end in ends)
        }

    def __str__(self) -> str:
        return "".join(text for text, _ in self._pieces())

    def _pieces(self) -> Iterator[tuple[str, int | None]]:
        yield " ", None
        for index, word in enumerate(self._shown):
            if not word:
                continue
            if index in self._breaks:
                yield "; ", None
            yield word, index
            yield " ", None

    def take(self, pattern: re.Pattern[str]) -> Iterator[Taken]:
        """Every match of a pattern, from left to right. Its words are taken away at once."""
        while (match := pattern.search(str(self))) is not None:
            written = self._take(*match.span())
            if not written:
                return
            yield Taken(match, written)

    def first(self, pattern: re.Pattern[str]) -> Taken | None:
        """The first match, whose words are taken away."""
        return next(self.take(pattern), None)

    def only_number(self, pattern: re.Pattern[str]) -> str | None:
        """The only number that is left, which is taken away; None if there are several, or the pattern refuses it."""
        if sum(shown.startswith("#") for shown, _ in self.left) != 1 or (taken := self.first(pattern)) is None:
            return None
        return taken.group("n")

    def _take(self, start: int, end: int) -> str:
        at, written = 0, []
        for piece, index in list(self._pieces()):
            if index is not None and at < end and start < at + len(piece) and piece != TAKEN:
                self._shown[index] = TAKEN
                written.append(self._written[index])
            at += len(piece)
        return " ".join(written)

    def names_again(self, pattern: re.Pattern[str]) -> None:
        """Undo the reading of a letter as an article where a pattern finds that it is a name ("row A")."""
        for match in pattern.finditer(str(self)):
            at = 0
            for piece, index in list(self._pieces()):
                if index is not None and match.start() <= at < match.end() and piece == "@":
                    self._shown[index] = self._folded[index]
                at += len(piece)

    @property
    def left(self) -> list[tuple[str, str]]:
        """The words that nobody took: as they are matched, and as they were written."""
        return [
            (shown, written)
            for shown, written in zip(self._shown, self._written, strict=True)
            if shown not in (TAKEN, "")
        ]


def _shown(word: str) -> str:
    if word in ARTICLES:
        return "@"
    if word in NUMBERS:
        return f"#{NUMBERS[word]}"
    if word[:1].isdigit():
        # "12,50" and "12.50" stay amounts; "1.000" and "1,000" are a thousand.
        digits = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", word).replace(",", ".")
        if re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,2})?", digits) and float(digits) <= LARGEST:
            return f"#{digits}"
    return word


def _join_tens(shown: list[str]) -> None:
    """Read "twenty five" as 25. The second word becomes empty."""
    for index in range(len(shown) - 1):
        ten, unit = shown[index], shown[index + 1]
        if re.fullmatch(r"#[2-9]0", ten) and re.fullmatch(r"#[1-9]", unit):
            shown[index], shown[index + 1] = f"#{int(ten[1:]) + int(unit[1:])}", ""
