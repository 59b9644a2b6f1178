"""The codes on tickets, which an usher's scanner reads, and the keys in the links that lead to tickets.

A code carries the booking's number and a signature of this server, nothing else. Whether the ticket is good is asked of
the booking at the door, because a booking can be cancelled after its ticket was printed. The signature is there because
a booking's number is no secret: it stands in addresses and e-mails, and a client may even choose it. Whoever knows a
number but may not see its booking cannot make the code from it.

A key opens one booking to whoever has its link, to read it: a guest's token is gone with the window that booked, and a
ticket must be there on the phone a week later. Both come from the same secrets, but neither can be made from the other.
This module is pure; REST and the socket tell whoever booked, and REST alone reads what they bring back.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from uuid import UUID

from seatserver.config import Settings
from seatserver.errors import BadTicket, Conflict

VERSION = b"\x01"
SIGNATURE_BYTES = 13
"""104 bits: more than anybody can guess over a network (RFC 2104, section 5, asks for 80 at least), and with version
and number just 30 bytes, which base32 writes without padding."""
CODE_CHARS = 48
PURPOSE = b"seatserver admission code"
KEY_PURPOSE = b"seatserver booking key"
KEY_BYTES = 20
"""160 bits, which base32 writes without padding: so much that nobody has to count wrong guesses."""
KEY_PATTERN = "[a-z2-7]{32}"
"""Small letters and digits only: whatever makes a link of an address in a text takes all of these, but may leave a sign
at the end to the sentence."""
MISREAD = str.maketrans("018", "OIB")
"""Digits that base32 does not have, and the letters that people who type a code mean by them."""


class AdmissionCodes:
    """Writes and reads codes. The first of the settings' secrets signs, every one of them is believed."""

    def __init__(self, settings: Settings) -> None:
        self._keys = _keys_for(PURPOSE, settings)

    def write(self, booking_id: UUID) -> str:
        """The booking's code: 48 capitals and digits, which a QR code holds in its compact alphanumeric mode.

        Always the same for the same booking, so a ticket that is printed again replaces nothing. Raises `Conflict`
        where no secret is set.
        """
        if not self._keys:
            raise Conflict("this server signs no tickets: SEATSERVER_ADMISSION_SECRETS is not set")
        content = VERSION + booking_id.bytes
        return base64.b32encode(content + _signature(self._keys[0], content)).decode()

    def read(self, code: str) -> UUID:
        """The booking of a code, however it was typed: in small letters, in groups, with a 0 for an O.

        Raises `BadTicket`, for whatever reason in the same words.
        """
        typed = re.sub(r"[\s-]", "", code).upper().translate(MISREAD)
        try:
            found = base64.b32decode(typed.encode("ascii")) if len(typed) == CODE_CHARS else b""
        except (UnicodeEncodeError, binascii.Error):
            raise BadTicket from None
        content, signature = found[:-SIGNATURE_BYTES], found[-SIGNATURE_BYTES:]
        if not any([hmac.compare_digest(signature, _signature(key, content)) for key in self._keys]):
            raise BadTicket
        if content[:1] != VERSION:
            raise BadTicket
        return UUID(bytes=content[1:])


class BookingKeys:
    """Writes and tries the keys of bookings, with the secrets of the codes: the first signs, every one is believed."""

    def __init__(self, settings: Settings) -> None:
        self._keys = _keys_for(KEY_PURPOSE, settings)

    def write(self, booking_id: UUID) -> str | None:
        """The booking's key: 32 small letters and digits, always the same. None where no secret is set."""
        return _booking_key(self._keys[0], booking_id) if self._keys else None

    def link(self, booking_id: UUID) -> str | None:
        """The path of the ticket's page, for the booking's owner. None where no secret is set.

        The key is in the fragment, which browsers send to no server: neither here nor as Referer.
        """
        key = self.write(booking_id)
        return key and f"/bookings/{booking_id}#key={key}"

    def fits(self, key: str, booking_id: UUID) -> bool:
        """Whether this is the booking's key, found in the same time however much of it is right."""
        given = key.encode("utf-8", "replace")
        return any([hmac.compare_digest(given, _booking_key(own, booking_id).encode()) for own in self._keys])


def _keys_for(purpose: bytes, settings: Settings) -> list[bytes]:
    """One key for each secret. Each purpose has its own: who learns what signs tickets cannot sign tokens with it."""
    secrets = settings.admission_secrets or tuple(filter(None, (settings.token_secret,)))
    return [hmac.digest(secret.encode(), purpose, hashlib.sha256) for secret in secrets]


def _booking_key(own: bytes, booking_id: UUID) -> str:
    return base64.b32encode(hmac.digest(own, booking_id.bytes, hashlib.sha256)[:KEY_BYTES]).decode().lower()


def _signature(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)[:SIGNATURE_BYTES]
