"""Takes out of a text what tells who wrote it, as far as patterns can: addresses, numbers, and names that say so.

E-mail addresses, links, telephone and card numbers, bank accounts and other long rows of digits are found by their
form. A name is found only where the text says that it is one ("my name is …", "ich heiße …", "Frau …"). Any other name,
a street, an illness or what somebody tells of their life stays: no pattern knows it. So a redacted text may still be
personal, and is treated so: it is kept only with consent, for some days, and can be deleted. No I/O.
"""

from __future__ import annotations

import re
import unicodedata

MOST_CHARS = 4000
"""Of a text that is kept; the rest is cut off."""
NAME = r"[^\W\d_][^\W\d_'’-]*(?:['’-][^\W\d_]+)*"
CAPITAL = rf"(?-i:(?=[A-ZÀ-ÖØ-ÞĀ-Ž])){NAME}"

# What is put in place of each, in this order: an address is gone before its numbers are looked at.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "[e-mail]",
        re.compile(r"[\w.+%'-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", re.IGNORECASE),
    ),
    ("[link]", re.compile(r"(?:\b[a-z][a-z0-9+.-]{1,9}://|\bwww\.)\S+", re.IGNORECASE)),
    ("[account]", re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?\b", re.IGNORECASE)),
    # Cards have 12 to 19 digits; telephone numbers at least 6. Prices, rows, seats and dates have fewer in a row.
    ("[number]", re.compile(r"(?<![\w.,])(?:\+|\(?0)?\(?\d(?:[\s()/.\-]{0,2}\d){11,18}(?![\w])")),
    ("[number]", re.compile(r"(?<![\w.,])(?:\+|00)\s?\d(?:[\s()/.\-]{0,2}\d){5,14}(?![\w])")),
    ("[number]", re.compile(r"(?<![\w.,])\(?0\d(?:[\s()/\-]{0,2}\d){4,13}(?![\w])")),
    ("[number]", re.compile(r"(?<![\w.,])\d(?:[\s/\-]?\d){6,18}(?![\w])")),
    # It goes back over no letter twice (`++`), so that a long row of digits takes no longer than any other text.
    ("[number]", re.compile(r"(?<!\w)(?=(?:\d[A-Z]?|[A-Z]\d)[A-Z0-9]*?\d{5})[A-Z0-9]++(?!\w)")),
)
SAID_NAMES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(rf"(?P<said>\b(?:{said})\s+)(?P<name>{name}(?:\s+{CAPITAL}){{0,2}})", re.IGNORECASE)
    for said, name in (
        (r"my name(?:['’]s| is)|call me|under the name(?: of)?|in the name of|name:|signed,?", NAME),
        (r"mein name ist|ich hei(?:ß|ss)e|auf den namen|unter dem namen|nennen sie mich", NAME),
        (r"mr\.?|mrs\.?|ms\.?|miss|dr\.?|herrn?|frau|for|i am|i['’]m|this is|ich bin|für", rf"{CAPITAL}\s+{CAPITAL}"),
        (r"mr\.?|mrs\.?|ms\.?|dr\.?|herrn?|frau", CAPITAL),
    )
)


def redacted(text: str) -> str:
    """The text without what the patterns find."""
    text = unicodedata.normalize("NFKC", text[:MOST_CHARS])
    text = "".join(letter for letter in text if letter == "\n" or unicodedata.category(letter)[0] != "C")
    for instead, pattern in PATTERNS:
        text = pattern.sub(instead, text)
    for pattern in SAID_NAMES:
        text = pattern.sub(lambda found: f"{found['said']}[name]", text)
    return text[:MOST_CHARS]
