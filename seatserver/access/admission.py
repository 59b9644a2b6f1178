"""The codes on tickets, which an usher's scanner reads, and the keys in the links that lead to tickets.

A code contains the booking's id and this server's signature, nothing else. Whether the ticket is valid is looked up at
the door, because a booking can be cancelled after its ticket was printed. The signature is needed because a booking's
id is no secret: it is part of addresses and e-mails, and a client may even choose it. Knowing an id is not enough to
make its code.

A key lets anyone who has the link read one booking. A guest's token is gone when the window is closed, but the ticket
must still open on a phone a week later. Codes and keys come from the same secrets, but neither can be made from the
other. REST and the socket give both to the buyer; only REST reads them.
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
"""104 bits, too many to guess over a network (RFC 2104, section 5, asks for at least 80). With the version and the id
that makes 30 bytes, which base32 writes without padding."""
CODE_CHARS = 48
PURPOSE = b"seatserver admission code"
KEY_PURPOSE = b"seatserver booking key"
KEY_BYTES = 20
"""160 bits, which base32 writes without padding. That is too many to guess, so wrong keys need not be counted."""
KEY_PATTERN = "[a-z2-7]{32}"
"""Small letters and digits only: programs that turn addresses in a text into links may leave out a sign at the end."""
MISREAD = str.maketrans("018", "OIB")
"""Digits that base32 does not use, and the letters for which people mistake them."""


class AdmissionCodes:
    """Writes and reads codes. The first secret in the settings signs; all of them are accepted."""

    def __init__(self, settings: Settings) -> None:
        self._keys = _keys_for(PURPOSE, settings)

    def write(self, booking_id: UUID) -> str:
        """The booking's code: 48 capitals and digits, which a QR code holds in its compact alphanumeric mode.

        Always the same for the same booking, so a ticket that is printed again replaces nothing. Raises `Conflict`
        where no secret is set.
        """
        if not self._keys:
            raise Conflict(
                "this server cannot sign tickets: set SEATSERVER_ADMISSION_SECRETS or SEATSERVER_TOKEN_SECRET"
            )
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
    """Makes and checks the keys of bookings, with the codes' secrets: the first makes them, all are accepted."""

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
        """Whether this is the booking's key. Takes the same time however much of it is right."""
        given = key.encode("utf-8", "replace")
        return any([hmac.compare_digest(given, _booking_key(own, booking_id).encode()) for own in self._keys])


def _keys_for(purpose: bytes, settings: Settings) -> list[bytes]:
    """One signing key for each secret and purpose, so a key that signs tickets cannot sign tokens."""
    secrets = settings.admission_secrets or tuple(filter(None, (settings.token_secret,)))
    return [hmac.digest(secret.encode(), purpose, hashlib.sha256) for secret in secrets]


def _booking_key(own: bytes, booking_id: UUID) -> str:
    return base64.b32encode(hmac.digest(own, booking_id.bytes, hashlib.sha256)[:KEY_BYTES]).decode().lower()


def _signature(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)[:SIGNATURE_BYTES]
