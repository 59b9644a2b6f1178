"""The fields that requests and answers of several resources have in common.

Requests refuse unknown fields, so that a misspelt one is noticed. Dates such as a film's start are RFC 3339 texts.
Deadlines and other clock readings are milliseconds since the epoch and named ``…_ms``. Amounts of money are in the
currency's minor unit. All descriptions here appear in `openapi.json`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.access.key_format import ID_PATTERN as ID_PATTERN_OF_KEYS
from seatserver.accounts.users import ID_PATTERN as ID_PATTERN_OF_USERS
from seatserver.accounts.users import ROLE_PATTERN
from seatserver.catalog.showtime import ID_PATTERN, MAX_ADDRESS, MAX_TITLE
from seatserver.pricing.tariff import CURRENCY_PATTERN
from seatserver.seatmaps.model import MAX_LABEL


class Document(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The base of all requests and answers."""


Id = Annotated[
    str, Meta(pattern=ID_PATTERN, description="Letters, digits, '-' and '_'. Whoever creates the object chooses it.")
]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
Address = Annotated[
    str, Meta(max_length=MAX_ADDRESS, description="One line, for tickets and calendars. Empty if unknown.")
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]
Millis = Annotated[int, Meta(description="Milliseconds since the epoch, by the server's clock.")]
Currency = Annotated[str, Meta(pattern=CURRENCY_PATTERN, description="ISO 4217 code.")]
CurrencyDigits = Annotated[
    int, Meta(ge=0, le=4, description="Minor digits of the currency. Amounts are in units of 1 / 10^digits.")
]
SeatName = Annotated[
    Annotated[int, Meta(ge=0)] | Annotated[str, Meta(max_length=2 * MAX_LABEL + 1)],
    Meta(description="The seat's index in the layout, or its label (C-7)."),
]
LayoutHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="The hash of the layout's content.")]
PosterHash = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{32}$", description="The hash of a poster, which is at /api/v1/posters/{poster_hash}.")
]
Cursor = Annotated[str, Meta(max_length=100)]

# Pagination: a list answers at most `limit` items, and `next` where there are more.
After = Annotated[Cursor | None, Meta(description="`next` of the previous page.")]
Next = Annotated[str | None, Meta(description="Pass it as `after` to get the next page. Null on the last page.")]

PATH_PARAMETERS: dict[str, Any] = {
    "layout_hash": LayoutHash,
    "poster_hash": PosterHash,
    "theatre_id": Id,
    "auditorium_id": Id,
    "showtime_id": Id,
    "booking_id": Annotated[UUID, Meta(description="The booking's id, which is the id of the hold that was booked.")],
    "key_id": Annotated[str, Meta(pattern=ID_PATTERN_OF_KEYS, description="The key's id, which is no secret.")],
    "user_id": Annotated[str, Meta(pattern=ID_PATTERN_OF_USERS, description="The user's id.")],
    "passkey_id": Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+$", description="The passkey's id.")],
    "role": Annotated[str, Meta(pattern=ROLE_PATTERN, description="The role's name.")],
    "kiosk_id": Annotated[UUID, Meta(description="The kiosk's id.")],
}
"""The type of every ``{name}`` in a path."""
