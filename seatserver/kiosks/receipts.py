"""What a kiosk prints: the ticket and receipt of one booking, as lines and a QR code.

The agent on the kiosk's machine prints the lines as they are, so nothing about languages or bookings is known there.
`picture` draws the same paper for the screen of a kiosk whose printer is simulated.
"""

from __future__ import annotations

import html
import textwrap
from collections import Counter
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from seatserver import qr
from seatserver.bookings.records import Booking
from seatserver.catalog.showtime import Showtime
from seatserver.money import digits_of
from seatserver.seatmaps.model import SeatMap

Language = Literal["en", "de"]
COLUMNS = 42
"""Characters of a line, on paper of 80 mm in the printer's usual type. Large type is twice as wide."""

WORDS = {
    "en": {
        "copy": "Copy {copy}",
        "seats": "Seats",
        "total": "Total",
        "booking": "Booking",
        "show": "Show this code at the entrance.",
    },
    "de": {
        "copy": "Kopie {copy}",
        "seats": "Plätze",
        "total": "Summe",
        "booking": "Buchung",
        "show": "Zeigen Sie diesen Code am Einlass.",
    },
}
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the paper, in the middle of it."""

    text: Annotated[str, Meta(max_length=COLUMNS)]
    large: Annotated[bool, Meta(description="Twice as high and wide.")] = False


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket with its receipt. The code comes after ``lines`` and before ``last``."""

    lines: tuple[ReceiptLine, ...]
    code: str
    last: tuple[ReceiptLine, ...]


def receipt_of(
    booking: Booking, showtime: Showtime, timezone: str, code: str, copy: int, language: Language
) -> Receipt:
    """The paper of a booking. Every copy but the first says which one it is."""
    words = WORDS[language]
    starts = datetime.fromtimestamp(showtime.starts_at_ms / 1000, ZoneInfo(timezone))
    first = [
        *_wrapped(showtime.theatre_name),
        *_wrapped(showtime.theatre_address),
        *([] if copy == 1 else _wrapped(words["copy"].format(copy=copy), large=True)),
        *_wrapped(showtime.title, large=True),
        *_wrapped(_time(starts, language)),
        *_wrapped(showtime.auditorium_name),
        *_wrapped(f"{words['seats']} {_places(booking, showtime.seat_map)}", large=True),
    ]
    last = [
        *_wrapped(words["show"]),
        *_wrapped(f"{words['booking']} {booking.reference}"),
        *_wrapped(f"{words['total']} {_money(booking.total_minor, booking.currency, language)}"),
    ]
    return Receipt(lines=tuple(first), code=code, last=tuple(last))


def picture(receipt: Receipt) -> str:
    """The paper as an SVG picture: what the printer would print."""
    width, step, code_size = 420, 26, 220
    parts: list[str] = []
    y = 20

    def write(lines: tuple[ReceiptLine, ...]) -> None:
        nonlocal y
        for line in lines:
            size = 32 if line.large else 16
            y += round(size * 1.4) if line.large else step
            weight = ' font-weight="bold"' if line.large else ""
            parts.append(
                f'<text x="{width // 2}" y="{y}" font-size="{size}"{weight} text-anchor="middle">'
                f"{html.escape(line.text)}</text>"
            )

    write(receipt.lines)
    code = qr.drawn(receipt.code).decode()
    place = f'<svg x="{(width - code_size) // 2}" y="{y + 12}" width="{code_size}" height="{code_size}" '
    parts.append(code.replace("<svg ", place, 1))
    y += code_size + 12
    write(receipt.last)
    height = y + 28
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<g font-family="monospace" fill="#000">{"".join(parts)}</g></svg>'
    )


def _places(booking: Booking, seat_map: SeatMap) -> str:
    areas: Counter[str] = Counter()
    labels = []
    for place in sorted(booking.seats):
        area = seat_map.area_of(place)
        if area is None:
            labels.append(seat_map.seats[place].label)
        else:
            areas[seat_map.general_areas[area].name] += 1
    return ", ".join([*labels, *(f"{count} x {name}" for name, count in areas.items())])


def _wrapped(text: str, *, large: bool = False) -> list[ReceiptLine]:
    most = COLUMNS // 2 if large else COLUMNS
    return [ReceiptLine(text=line, large=large) for line in textwrap.wrap(" ".join(text.split()), most)]


def _time(moment: datetime, language: Language) -> str:
    if language == "de":
        return moment.strftime("%d.%m.%Y, %H:%M")
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M}"


def _money(minor: int, currency: str, language: Language) -> str:
    digits = digits_of(currency)
    amount = f"{minor // 10**digits}.{minor % 10**digits:0{digits}}" if digits else str(minor)
    return f"{amount.replace('.', ',') if language == 'de' else amount} {currency}"
