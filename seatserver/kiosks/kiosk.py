"""What a kiosk is, and the texts that stand for one: the hash of its key, and the users who are its customers.

`registry.py` reads kiosks from Postgres and changes them.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa

from seatserver.access.tokens import KIOSK
from seatserver.errors import BadRequest
from seatserver.kiosks.tables import kiosks
from seatserver.times import millis_of

"""How the users of kiosks' customers begin."""
KEY_PATTERN = "[A-Za-z0-9_-]{43}"
CARD_READER_PATTERN = "^$|^tmr_[A-Za-z0-9_]{1,80}$"
MAX_NAME, MAX_MESSAGE, MAX_SHOWS, MAX_TOLD = 80, 300, 40, 200


Order = Literal["release", "extend", "finish", "helped"]
"""What staff may have a kiosk do for the person before it: give the seats back, give them more time, end the visit and
show the first screen, or note that they have been helped. Pages end no visit while a card is charged."""


TicketReader = Literal["none", "scanner", "camera"]
"""What reads the codes of tickets that are shown to a kiosk."""
CameraState = Literal["", "ok", "unsupported", "away"]
"""How a kiosk's camera is: empty while nobody has needed it, and ``unsupported`` in a browser that reads no codes."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a kiosk's page shows, and to whom. ``left_ms`` is for how long the seats are still held."""

    release: str
    shows: str
    help: bool = False
    visit: str = ""
    showing: str = ""
    seats: str = ""
    left_ms: int | None = None
    camera: CameraState = ""


COLUMNS = (
    *kiosks.c,
    (sa.extract("epoch", sa.func.now() - kiosks.c.printer_at) * 1000).label("printer_age_ms"),
)


class Kiosk(msgspec.Struct, frozen=True, kw_only=True):
    """A device as it is now. It waits for approval while it has no theatre; times are ms since the epoch.

    One that ``is_agent`` has the printer of the kiosk ``agent_of``. ``printer`` is what a kiosk's agent last said.
    """

    id: UUID
    code: str
    code_ends_at_ms: int
    theatre_id: str | None
    name: str
    channel: str
    locked: bool
    message: str
    reloads: int
    enrolled_by: str | None
    enrolled_at_ms: int | None
    revoked_by: str | None
    revoked_at_ms: int | None
    seen_at_ms: int | None
    release: str
    shows: str
    card_reader: str
    reader_seen_at_ms: int | None
    help_at_ms: int | None
    visit: str
    showing: str
    seats: str
    hold_ends_at_ms: int | None
    order_number: int
    order_what: str
    order_visit: str
    is_agent: bool
    agent_of: UUID | None
    printer: str
    ticket_reader: TicketReader
    camera: CameraState
    printer_age_ms: int | None
    """How long ago that was, by Postgres' clock: an instance's may differ."""


def kiosk_from(row: sa.Row[Any]) -> Kiosk:
    """The device of a row with `COLUMNS`."""
    return Kiosk(
        id=row.id,
        code=row.code,
        code_ends_at_ms=millis_of(row.code_ends_at),
        theatre_id=row.theatre_id,
        name=row.name,
        channel=row.channel,
        locked=row.locked,
        message=row.message,
        reloads=row.reloads,
        enrolled_by=row.enrolled_by,
        enrolled_at_ms=None if row.enrolled_at is None else millis_of(row.enrolled_at),
        revoked_by=row.revoked_by,
        revoked_at_ms=None if row.revoked_at is None else millis_of(row.revoked_at),
        seen_at_ms=None if row.seen_at is None else millis_of(row.seen_at),
        release=row.release,
        shows=row.shows,
        card_reader=row.card_reader,
        reader_seen_at_ms=None if row.reader_seen_at is None else millis_of(row.reader_seen_at),
        help_at_ms=None if row.help_at is None else millis_of(row.help_at),
        visit=row.visit,
        showing=row.showing,
        seats=row.seats,
        hold_ends_at_ms=None if row.hold_ends_at is None else millis_of(row.hold_ends_at),
        order_number=row.order_number,
        order_what=row.order_what,
        order_visit=row.order_visit,
        is_agent=row.is_agent,
        agent_of=row.agent_of,
        printer=row.printer,
        ticket_reader=row.ticket_reader,
        camera=row.camera,
        printer_age_ms=None if row.printer_age_ms is None else int(row.printer_age_ms),
    )


def kiosk_of(user_id: str) -> UUID | None:
    """The kiosk whose customer this user is, or None for anybody else."""
    if not user_id.startswith(KIOSK):  # nearly everybody, and everybody is asked about
        return None
    found = re.fullmatch(f"{KIOSK}([0-9a-f]{{32}}):.+", user_id)
    return None if found is None else UUID(found[1])


def hash_of(key: str) -> bytes:
    """The hash under which a key is known. Raises `BadRequest` for a text that is no key."""
    if re.fullmatch(KEY_PATTERN, key) is None:
        raise BadRequest("this is no key of a kiosk: expected 32 random bytes in base64url", "key")
    return hashlib.sha256(key.encode()).digest()


def one_line(text: str, field: str = "") -> str:
    """A text of staff on one line, without signs that cannot be printed.

    Raises `BadRequest` if nothing is left of a ``field`` that must have a text.
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if field and not line:
        raise BadRequest(f"{field} is empty", field)
    return line
