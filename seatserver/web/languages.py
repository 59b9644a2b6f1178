"""Choose the language of a page, and hold the few texts that are part of its HTML.

The visitor's choice (the switch in the header, kept in a cookie) comes first, then the browser's preference, then
English. All other texts are written by scripts, in the language of `<html lang>`: those of the pages are in
`pages/shared/words/`, those of the seat map in `seat-map/strings/`, and why something failed, for both, in
`shared/reasons/`. `page.py` calls this module.
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
        "handoff_title": "Your seats from the kiosk",
        "handoff_noscript": "Taking the seats over needs JavaScript.",
        "bookings_noscript": "The list of your bookings needs JavaScript.",
        "sign_in": "Sign in",
        "sign_in_heading": "Sign in for staff",
        "sign_in_noscript": "Signing in needs JavaScript.",
        "sign_in_email": "E-mail",
        "sign_in_password": "Password",
        "sign_in_with_passkey": "Sign in with a passkey",
        "sign_in_live": "Open the live view",
        "sign_out": "Sign out",
        "sign_out_everywhere": "Sign out everywhere",
        "passkeys": "Passkeys",
        "passkeys_what": "A passkey signs you in with your fingerprint, your face or your device’s code.",
        "passkey_name": "Name of the device",
        "passkey_add": "Add a passkey",
        "password_change": "Change password",
        "password_current": "Current password",
        "password_next": "New password",
        "password_rule": "12 characters or more. Several words that have nothing to do with each other are best.",
        "missing_title": "No such page",
        "missing_heading": "There is no such page",
        "missing_text": "The address may be incomplete, or the page no longer exists.",
        "missing_showtime_heading": "There is no such showtime",
        "missing_showtime_text": "It may be over, or the address may be incomplete.",
        "missing_booking_heading": "There is no such booking",
        "missing_booking_text": "The address may be incomplete. Your bookings are listed in the browser you "
        "made them with.",
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
        "front_noscript": "Für das Programm wird JavaScript benötigt.",
        "showtime_title": "Sitzplätze",
        "showtime_noscript": "Für den Saalplan wird JavaScript benötigt.",
        "booking_title": "Ihre Buchung",
        "booking_noscript": "Für diese Seite wird JavaScript benötigt.",
        "handoff_title": "Ihre Plätze vom Automaten",
        "handoff_noscript": "Um die Plätze zu übernehmen, wird JavaScript benötigt.",
        "bookings_noscript": "Für die Liste Ihrer Buchungen wird JavaScript benötigt.",
        "sign_in": "Anmelden",
        "sign_in_heading": "Anmeldung für Mitarbeitende",
        "sign_in_noscript": "Für die Anmeldung wird JavaScript benötigt.",
        "sign_in_email": "E-Mail",
        "sign_in_password": "Passwort",
        "sign_in_with_passkey": "Mit einem Passkey anmelden",
        "sign_in_live": "Live-Ansicht öffnen",
        "sign_out": "Abmelden",
        "sign_out_everywhere": "Überall abmelden",
        "passkeys": "Passkeys",
        "passkeys_what": "Mit einem Passkey melden Sie sich per Fingerabdruck, Gesicht oder Gerätecode an.",
        "passkey_name": "Name des Geräts",
        "passkey_add": "Passkey hinzufügen",
        "password_change": "Passwort ändern",
        "password_current": "Bisheriges Passwort",
        "password_next": "Neues Passwort",
        "password_rule": "Mindestens 12 Zeichen. Am besten mehrere Wörter, die nichts miteinander zu tun haben.",
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
"""Language → name → text. Texts go into the HTML unescaped, so they must not contain <, >, & or straight quotes."""


def language_of(accepted: str, chosen: str | None) -> str:
    """The language for an ``Accept-Language`` header (RFC 9110, 12.5.4) and what the visitor has ``chosen``."""
    if chosen in TEXTS:
        return chosen
    wishes: list[tuple[float, str]] = []
    for part in accepted[:MOST_CHARS].split(","):
        if found := WEIGHTED.fullmatch(part):
            language, weight = found[1].lower(), float(found[2] or 1)
            wishes.append((weight, DEFAULT if language == "*" else language))
    known = [(weight, language) for weight, language in wishes if language in TEXTS and weight > 0]
    # Among equal weights, the first one wins.
    return max(known, key=lambda wish: wish[0])[1] if known else DEFAULT


def filled(template: str, language: str, parts: Mapping[str, str] | None = None) -> str:
    """Replace every ``{{name}}`` by the language's text or by ``parts``. Raises `KeyError` for an unknown name."""
    texts = {**TEXTS[language], "lang": language, **(parts or {})}
    return re.sub(r"{{(\w+)}}", lambda found: texts[found[1]], template)
