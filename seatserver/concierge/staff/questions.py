"""Understands staff's questions by patterns, in English and German, and says which words it did not understand.

A question is of one kind: the first of `KINDS` that has a word in it. Its words, those that every question has, and the
names of films, halls and theatres are taken away. What is left over was not understood. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from seatserver.concierge.staff.figures import Order, Unit, Where
from seatserver.concierge.wishes.tokens import Words

Kind = Literal["pace", "kiosks", "refusals", "health", "sales", "showtimes", "help", "nothing"]

HOURS, DAYS = 24, 7
"""So many are told if the question does not say it."""
SHORTEST_NAME = 2


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?<= )(?:{'|'.join(patterns)})(?= )")


KINDS: dict[Kind, re.Pattern[str]] = {
    "kiosks": _words(
        r"kiosks?|kioske[ns]?|terminals?|printers?|drucker|card readers?|kartenleser|paper|papier|needs? help|"
        r"brauch(?:t|en) hilfe"
    ),
    "refusals": _words(
        r"who is pushing|refus\w*|reject\w*|turned away|errors?|pushing|bots?|limits?|abgelehnt\w*|ablehnung\w*|"
        r"abgewiesen\w*|fehler|draengel\w*|grenzen?"
    ),
    "pace": _words(
        r"(?:slow(?:er|est|ly)?|lagging|behind|fast(?:er|est)?|better|worse|poorly|badly)(?: than)?"
        r"(?: (?:usual|normal))?",
        r"(?:than )?(?:usual(?:ly)?|normal(?:ly)?)",
        r"(?:langsam(?:er|sten)?|schleppend(?:er)?|schneller|besser|schlecht(?:er)?|hinterher)(?: als)?"
        r"(?: (?:sonst|ueblich|gewoehnlich|normal))?",
        r"(?:als )?(?:sonst|ueblich|gewoehnlich)",
    ),
    "health": _words(
        r"health\w*|servers?|database|redis|feed|working|all right|(?:is )?everything (?:is )?(?:ok|okay|fine|well)|"
        r"visitors?|viewers?|people|wrong|problems?",
        r"gesund\w*|datenbank\w*|in ordnung|laeuft alles|alles laeuft|stoerung\w*|besucher\w*|leute|probleme?",
    ),
    "sales": _words(
        r"hourly|daily|yesterday|(?:the )?(?:last|past) (?:#\d+ )?(?:hours?|days?|weeks?)|"
        r"(?:per|an|@|each|every|by) (?:hours?|days?)|this week|sales|bookings",
        r"stuendlich|taeglich|gestern|(?:die |den |der )?(?:letzten?|vergangenen?) (?:#\d+ )?(?:stunden?|tage?n?|"
        r"wochen?)|(?:pro|je|jede[rn]?|nach) (?:stunden?|tag(?:en)?)|diese woche|verkaeufe\w*|buchungen",
    ),
    "showtimes": _words(
        r"showtimes?|shows?|films?|movies?|halls?|seats?|free|empt\w*|full\w*|sold(?: out)?|held|selling|sell|starts?|"
        r"next|busiest|today|tonight|tomorrow|tickets?|places?",
        r"vorstellung\w*|filme?n?|saal|saele\w*|plaetze\w*|frei\w*|leer\w*|voll\w*|verkauft|ausverkauft|gehalten|"
        r"beginn\w*|naechste\w*|heute|morgen|karten|verkauf\w*",
    ),
    "help": _words(
        r"help|hilfe|examples?|beispiele?|what can (?:you|i)(?: (?:ask|do))?|was kann(?:st du| ich)(?: (?:fragen|tun))?"
    ),
}
SOLD_TICKETS = re.compile(
    r" (?:how many (?:tickets|bookings)|wie viele (?:karten|tickets|buchungen)) (?!.*(?:free|left|held|frei|gehalten))"
    r".*(?:sold|sell|booked|verkauft|gebucht) "
)
"""This asks when tickets were sold, not for which showtimes."""
FULLEST = _words(r"full\w*|busiest|best|most sold|sold out|voll\w*|ausverkauft\w*|am meisten(?: verkauft)?")
EMPTIEST = _words(r"empt\w*|most free|least sold|leer\w*|am wenigsten(?: verkauft)?")
SLOWER = _words(r"slow\w*|lagging|behind|worse|poorly|badly|langsam\w*|schleppend\w*|schlecht\w*|hinterher")
FASTER = _words(r"fast\w*|better|schneller|besser")
TODAY = _words(r"today|tonight|this evening|heute(?: abend)?")
TOMORROW = _words(r"tomorrow(?: evening)?|morgen(?: abend)?")
COUNT = re.compile(r"(?<= )#(?P<n>\d{1,3}) (?P<unit>\w+)(?= )")
A_DAY = _words(r"days?|tag(?:e|en)?|today|tonight|heute|last|past|letzten?|vergangenen?")
AN_HOUR = _words(r"hour\w*|stuend\w*|stunden?")
A_MINUTE = _words(r"(?:last|past) minute|(?:letzten?|vergangenen?) minute")
A_WEEK = _words(r"weeks?|wochen?")
YESTERDAY = _words(r"yesterday|gestern")
GENERAL = _words(
    # What every question may have, whatever it asks.
    r"showtimes?|shows?|vorstellung\w*|tickets?|karten|sell(?:s|ing)?|sold|sales|sale|verkauf\w*|bookings?|booked|"
    r"buchung\w*|gebucht|seats?|plaetze\w*|halls?|saal|saele\w*|films?|filme?n?",
    r"a|an|the|ones?|of|for|in|on|at|to|by|per|and|or|with|is|are|was|were|be|been|has|have|had|do|does|did|there|it|its|"
    r"which|what|how|many|much|when|where|why|any|all|some|every|each|me|us|we|our|i|you|please|show|tell|list|give|"
    r"right|now|just|currently|so|far|still|left|yet|that|this|these|those|than|not|no|can|could|going|doing|look|"
    r"looking|like|up|out|ok|okay|everything|anything|something|wrong|problems?|hello|hi|about|most|least|s",
    r"der|die|das|den|dem|des|fuer|im|am|an|auf|zu|zum|zur|von|vom|bei|beim|pro|je|und|oder|mit|ist|sind|war|waren|"
    r"wird|werden|wurde|wurden|hat|haben|gibt|es|welche[rsn]?|was|wie|viele?|wann|wo|warum|alle[sn]?|einige|jede[rsn]?"
    r"|mir|uns|wir|unsere?|ich|du|sie|bitte|zeig\w*|sag\w*|nenn\w*|gerade|jetzt|aktuell|bisher|noch|schon|als|nicht|"
    r"kein\w*|kann|koennen|laeuft|laufen|sich|geht|steht|stehen|um|etwas|irgendetwas|problem\w*|hallo|ueber|meisten|"
    r"wenigsten|los|so",
    r"@",
)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was understood of a question; ``leftover`` are the words that were not."""

    kind: Kind
    where: Where = Where()
    order: Order = "soonest"
    meant: Literal["slower", "faster", "all"] = "all"
    unit: Unit = "day"
    count: int = DAYS
    leftover: tuple[str, ...] = ()


def understand(text: str, names: Sequence[str]) -> Question:
    """Read a question. ``names`` are those of films, halls and theatres that it may speak of."""
    words = Words(text)
    name = _named(words, names)
    asked = str(words)
    kind: Kind = next((kind for kind, pattern in KINDS.items() if pattern.search(asked)), "nothing")
    if name and kind in ("nothing", "sales") and not _says_when(asked):
        kind = "showtimes"  # how one showtime sells is told by its places
    if kind == "showtimes" and not name and SOLD_TICKETS.search(asked):
        kind = "sales"
    day = 1 if TOMORROW.search(asked) else 0 if TODAY.search(asked) else None
    unit, count = _period(asked)
    is_about_showtimes = kind in ("pace", "showtimes")
    question = Question(
        kind=kind,
        where=Where(name, day) if is_about_showtimes else Where(),
        order="fullest" if FULLEST.search(asked) else "emptiest" if EMPTIEST.search(asked) else "soonest",
        meant="slower" if SLOWER.search(asked) else "faster" if FASTER.search(asked) else "all",
        unit=unit,
        count=count,
    )
    if kind == "nothing":
        return msgspec.structs.replace(question, leftover=_left(words))
    _take(words, KINDS[kind], *((TODAY, TOMORROW, FULLEST, EMPTIEST) if is_about_showtimes else ()))
    if kind == "sales":
        _take(words, COUNT, A_DAY, AN_HOUR, A_WEEK)
    if kind == "refusals":
        _take(words, A_MINUTE)
    _take(words, GENERAL)
    leftover = _left(words)
    if name and not is_about_showtimes:
        leftover = (name, *leftover)  # these figures cannot be told for one showtime or theatre
    return msgspec.structs.replace(question, leftover=leftover)


def _named(words: Words, names: Sequence[str]) -> str:
    """The longest of the names that the question has, whose words are taken away; empty if it has none."""
    asked = str(words)
    for name in sorted(names, key=len, reverse=True):
        phrase = "".join(f"{shown} " for shown, _ in Words(name).left)
        if len(phrase) > SHORTEST_NAME and f" {phrase}" in asked and GENERAL.sub("", f" {phrase}").strip():
            _take(words, re.compile(rf"(?<= ){re.escape(phrase.strip())}(?= )"))
            return name
    return ""


def _says_when(asked: str) -> bool:
    return any(pattern.search(asked) for pattern in (COUNT, AN_HOUR, YESTERDAY, A_WEEK))


def _period(asked: str) -> tuple[Unit, int]:
    """Which hours or days are meant."""
    said = COUNT.search(asked)
    number = int(said["n"]) if said else None
    if AN_HOUR.search(asked):
        return "hour", number or HOURS
    if A_WEEK.search(asked):
        return "day", 7 * (number or 1)
    if YESTERDAY.search(asked):
        return "day", 2
    if TODAY.search(asked):
        return "day", 1
    return "day", number or DAYS


def _take(words: Words, *patterns: re.Pattern[str]) -> None:
    for pattern in patterns:
        for _ in words.take(pattern):
            pass


def _left(words: Words) -> tuple[str, ...]:
    return tuple(dict.fromkeys(written for _, written in words.left))
