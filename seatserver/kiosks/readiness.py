"""What a kiosk can do at the moment: take cards, and print.

Its page is told, `/ops` shows it, and it is checked before anything is sold.
"""

from __future__ import annotations

from typing import Literal, cast

from seatserver.config import Settings
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.reader_watch import ONLINE_MS

SILENT_MS = 20_000
"""An agent that has not reported for so long counts as away. It reports every five seconds."""
AWAY_MS = 30_000
"""A kiosk that has not reported for so long counts as away."""

PrinterKind = Literal["none", "simulated", "ok", "low", "out", "open", "away"]


def reader_of(kiosk: Kiosk, settings: Settings) -> str:
    """The kind of a kiosk's card reader: ``none``, ``simulated`` or ``stripe``."""
    return "none" if settings.kiosk_reader == "stripe" and not kiosk.card_reader else settings.kiosk_reader


def is_away(kiosk: Kiosk, now_ms: int) -> bool:
    """Whether a kiosk's page has not reported for a while."""
    return kiosk.seen_at_ms is None or now_ms - kiosk.seen_at_ms > AWAY_MS


def card_reader_of(kiosk: Kiosk, settings: Settings, now_ms: int) -> str:
    """How a kiosk's card reader is: ``none``, ``simulated``, ``unnamed``, ``ok`` or ``away``."""
    if settings.kiosk_reader != "stripe":
        return settings.kiosk_reader
    if not kiosk.card_reader:
        return "unnamed"
    seen = kiosk.reader_seen_at_ms
    return "ok" if seen is not None and now_ms - seen <= ONLINE_MS else "away"


def printer_of(kiosk: Kiosk, settings: Settings) -> PrinterKind:
    """How a kiosk's printer is: as its agent says, or ``away`` without one."""
    if settings.kiosk_printer != "agent":
        return "simulated" if settings.kiosk_printer == "simulated" else "none"
    is_silent = kiosk.printer_age_ms is None or kiosk.printer_age_ms > SILENT_MS
    return "away" if is_silent else cast(PrinterKind, kiosk.printer)


def can_print(kiosk: Kiosk, settings: Settings) -> bool:
    """Whether there is paper for another ticket."""
    return printer_of(kiosk, settings) in ("simulated", "ok", "low")
