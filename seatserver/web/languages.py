"""In which language a page is written, and the few texts that stand in its HTML.

A visitor's choice (the switch in the header, kept in a cookie) comes first, then what the browser asks for, then
English. Everything else that a page says is written by its scripts, from `pages/shared/words/`, in the language of
`<html lang>`. This module is pure; `routes.py` calls it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DEFAULT = "en"
COOKIE = "lang"
QUERY = "lang"
COOKIE_S = 365 * 24 * 3600
MOST_CHARS = 500
WEIGHTED = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?")

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "home": "Programme",
        "bookings": "My bookings",
        "api": "API",
        "pages": "Pages",
        "switch": "Deutsch",
        "switch_to": "de",
        "loading": "Loading",
        "front_title": "Films and showtimes",
        "front_heading": "What’s on",
        "front_days": "Days",
        "front_noscript": "The list of showtimes needs JavaScript.",
        "showtime_title": "Seats",
        "showtime_noscript": "The seat map needs JavaScript.",
        "booking_title": "Your booking",
        "booking_noscript": "The booking page needs JavaScript.",
        "bookings_noscript": "The list of your bookings needs JavaScript.",
        "missing_title": "No such page",
        "missing_heading": "There is no such page",
        "missing_text": "The address may have been cut short on its way, or the page is no more.",
        "missing_showtime_heading": "There is no such showtime",
        "missing_showtime_text": "It may be over, or the address was cut short on its way.",
        "missing_booking_heading": "There is no such booking",
        "missing_booking_text": "The address may have been cut short on its way. Your bookings are listed in the "
        "browser you made them with.",
        "missing_way": "See all films and showtimes",
    },
    "de": {
        "home": "Programm",
        "bookings": "Meine Buchungen",
        "api": "API",
        "pages": "Seiten",
        "switch": "English",
        "switch_to": "en",
        "loading": "Wird geladen",
        "front_title": "Filme und Vorstellungen",
        "front_heading": "Programm",
        "front_days": "Tage",
        "front_noscript": "Für das Programm wird JavaScript gebraucht.",
        "showtime_title": "Sitzplätze",
        "showtime_noscript": "Für den Saalplan wird JavaScript gebraucht.",
        "booking_title": "Ihre Buchung",
        "booking_noscript": "Für diese Seite wird JavaScript gebraucht.",
        "bookings_noscript": "Für die Liste Ihrer Buchungen wird JavaScript gebraucht.",
        "missing_title": "Seite nicht gefunden",
        "missing_heading": "Diese Seite gibt es nicht",
        "missing_text": "Vielleicht ist die Adresse unvollständig, oder die Seite gibt es nicht mehr.",
        "missing_showtime_heading": "Diese Vorstellung gibt es nicht",
        "missing_showtime_text": "Vielleicht ist sie vorbei, oder die Adresse ist unvollständig.",
        "missing_booking_heading": "Diese Buchung gibt es nicht",
        "missing_booking_text": "Vielleicht ist die Adresse unvollständig. Ihre Buchungen finden Sie in dem Browser, "
        "mit dem Sie gebucht haben.",
        "missing_way": "Alle Filme und Vorstellungen",
    },
}
"""Language → name → text. A text is put into HTML as it stands, so it has no <, & or quotation mark of HTML."""


def language_of(accepted: str, chosen: str | None) -> str:
    """The page's language, for an ``Accept-Language`` header (RFC 9110, 12.5.4) and what the visitor has ``chosen``."""
    if chosen in TEXTS:
        return chosen
    wishes: list[tuple[float, str]] = []
    for part in accepted[:MOST_CHARS].split(","):
        if found := WEIGHTED.fullmatch(part):
            language, weight = found[1].lower(), float(found[2] or 1)
            wishes.append((weight, DEFAULT if language == "*" else language))
    known = [(weight, language) for weight, language in wishes if language in TEXTS and weight > 0]
    # Of equal ones the first that was named.
    return max(known, key=lambda wish: wish[0])[1] if known else DEFAULT


def filled(template: str, language: str, parts: Mapping[str, str] | None = None) -> str:
    """The HTML with the language's texts, and ``parts``, in place of ``{{name}}``. Raises `KeyError`."""
    texts = {**TEXTS[language], "lang": language, **(parts or {})}
    return re.sub(r"{{(\w+)}}", lambda found: texts[found[1]], template)
