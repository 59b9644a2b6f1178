"""A basket moves from a kiosk to a phone: the kiosk shows a QR code, and whoever scans it first has the seats.

The code is an address with a text that this server signed: which hold, of which of the kiosk's customers, until when.
The phone sends it back with its own guest's token. One script gives the hold to the guest (`seats/lua/handover.lua`),
so the seats are never free in between and keep their deadline. Nothing is stored: a code works only once because it
moves only a hold that is still the customer's. A phone that lost the answer asks again and gets the same.

| meanwhile | who scans is told | the kiosk |
| --- | --- | --- |
| another phone was faster | ``taken`` | says that the seats have moved, and begins anew |
| the customer pays | ``paying`` | goes on; if the phone was faster, the payment is refused and nothing is charged |
| the hold has ended | ``ended`` | says so |
| `SEATSERVER_KIOSK_HANDOFF_MS` is over | ``over`` | offers a new code |
| the kiosk was revoked | ``over`` | is switched off |

The text is short, because a phone has to read it from a screen. It is signed with a key of its own, derived from the
secret, so neither can stand in for a token, nor a token for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from seatserver.access.networks import NetworkNames
from seatserver.access.tokens import KIOSK, Identity
from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings
from seatserver.errors import Conflict, Forbidden, HandOffRefused, HoldGone, HoldPinned, SeatsRefused
from seatserver.kiosks.kiosk import Kiosk, kiosk_of
from seatserver.kiosks.registry import Kiosks
from seatserver.seats.model import HeldSeats
from seatserver.seats.store import SeatStore

log = structlog.get_logger(__name__)

MAX_CODE_CHARS = 400
PURPOSE = b"seatserver hand-off from a kiosk"
SIGNATURE_BYTES = 13
"""104 bits, as on tickets (`seatserver.access.admission`)."""
TIME_BYTES = 6

Fate = Literal["held", "taken", "ended"]
"""What became of a basket: its customer still has it, a phone has it, or it is over (expired, released, booked)."""


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a kiosk's customer holds."""

    showtime_id: str
    hold_id: UUID
    user_id: str


class HandOffs:
    """Hands baskets of kiosks over. Every method raises `Unavailable` if Redis does not answer."""

    def __init__(
        self,
        settings: Settings,
        store: SeatStore,
        catalog: Catalog,
        kiosks: Kiosks,
        networks: NetworkNames,
        clock: Clock,
    ) -> None:
        secret = settings.token_secret.encode()
        self._key = hmac.digest(secret, PURPOSE, hashlib.sha256) if secret else None
        self._lasts_ms = settings.kiosk_handoff_ms
        self._store = store
        self._catalog = catalog
        self._kiosks = kiosks
        self._networks = networks
        self._clock = clock

    async def offer(self, kiosk: Kiosk, basket: Basket) -> str:
        """A code for this basket. It may be asked for again.

        Raises `HandOffRefused` if there is nothing to hand over (any more), `Conflict` while the kiosk is locked or
        without a secret to sign with, `Forbidden` for a user that is no customer of this kiosk, and `NotFound`.
        """
        if self._key is None:
            raise Conflict("this server cannot sign codes for phones: set SEATSERVER_TOKEN_SECRET")
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        fate = await self.fate(kiosk, basket)
        if fate != "held":
            raise HandOffRefused(fate)
        ends_ms = self._clock() + self._lasts_ms
        visit = basket.user_id.rpartition(":")[2]
        names = f"{visit}\n{basket.showtime_id}".encode()
        content = basket.hold_id.bytes + kiosk.id.bytes + ends_ms.to_bytes(TIME_BYTES, "big") + names
        return base64.urlsafe_b64encode(_signature(self._key, content) + content).rstrip(b"=").decode()

    async def fate(self, kiosk: Kiosk, basket: Basket) -> Fate:
        """What became of a basket. Raises `Forbidden` for a user that is no customer of this kiosk, and `NotFound`."""
        if kiosk_of(basket.user_id) != kiosk.id:
            raise Forbidden("hand over", "handing over the seats of another kiosk's customer")
        showtime = await self._catalog.showtime(basket.showtime_id)
        living = await self._store.holds_of(showtime.id, basket.user_id)
        if any(held.hold_id == basket.hold_id for held in living):
            return "held"
        # Once it is not held by its customer any more it never will be, so it does not matter that this is read later.
        owner, _ = await self._store.fate_of(showtime.id, basket.hold_id)
        return "taken" if owner not in (None, basket.user_id) else "ended"

    async def take(self, code: str, identity: Identity, network: str) -> tuple[str, HeldSeats]:
        """Make the basket of a code this user's; its showtime, and the hold. Repeating it gives the same answer.

        ``network`` is where a guest comes from, empty for everybody else. Raises `HandOffRefused`, which says why, and
        `Busy`.
        """
        basket, ends_ms = self._read(code)
        kiosk_id = kiosk_of(basket.user_id)
        showtime = await self._catalog.showtime(basket.showtime_id)
        if not await self._is_theirs(basket, identity) and (
            ends_ms <= self._clock() or kiosk_id is None or not await self._kiosks.is_live(kiosk_id)
        ):
            raise HandOffRefused("over")
        name = self._networks.write(showtime.id, network)
        try:
            held = await self._store.hand_over(
                showtime.id, basket.hold_id, basket.user_id, identity.user_id, network=name
            )
        except HoldPinned:
            raise HandOffRefused("paying") from None
        except SeatsRefused:
            raise HandOffRefused("limit") from None
        except HoldGone:
            owner, status = await self._store.fate_of(showtime.id, basket.hold_id)
            if status == "booked" and owner == basket.user_id:
                raise HandOffRefused("paying") from None
            is_anothers = owner not in (None, basket.user_id, identity.user_id)
            raise HandOffRefused("taken" if is_anothers else "ended") from None
        log.info("basket handed over", kiosk=str(kiosk_id), showtime=showtime.id, hold=str(basket.hold_id))
        return showtime.id, held

    async def _is_theirs(self, basket: Basket, identity: Identity) -> bool:
        """Whether it is done already. The answer was lost, and may be asked for when the code is over."""
        owner, _ = await self._store.fate_of(basket.showtime_id, basket.hold_id)
        return owner == identity.user_id

    def _read(self, code: str) -> tuple[Basket, int]:
        if self._key is None or len(code) > MAX_CODE_CHARS:
            raise HandOffRefused("over")
        try:
            signed = base64.urlsafe_b64decode(code.encode("ascii") + b"=" * (-len(code) % 4))
        except (UnicodeEncodeError, binascii.Error):
            signed = b""
        signature, content = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(self._key, content)):
            # The same words for every reason: all that anybody can do is have the kiosk show a new code.
            raise HandOffRefused("over")
        hold, kiosk, time, names = (
            content[:16],
            content[16:32],
            content[32 : 32 + TIME_BYTES],
            content[32 + TIME_BYTES :],
        )
        visit, _, showtime_id = names.decode().partition("\n")
        user_id = f"{KIOSK}{kiosk.hex()}:{visit}"
        return Basket(showtime_id=showtime_id, hold_id=UUID(bytes=hold), user_id=user_id), int.from_bytes(time, "big")


def _signature(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, hashlib.sha256)[:SIGNATURE_BYTES]
