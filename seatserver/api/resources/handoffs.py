"""From a kiosk to a phone: a basket moves by QR code."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta
from msgspec.structs import asdict

from seatserver import qr
from seatserver.access.networks import network_of
from seatserver.access.origins import own_address
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, Id, Millis
from seatserver.errors import Conflict, Forbidden, HandOffRefused, NotFound
from seatserver.kiosks.handoffs import MAX_CODE_CHARS, Basket
from seatserver.kiosks.messages import EXAMPLE_ID

PAGE = "/handoff#"
"""The page that the QR code leads to. The code is in the fragment, which browsers send to no server."""


class KioskBasket(Document, frozen=True):
    """What a kiosk's customer holds."""

    showtime_id: Id
    hold_id: UUID
    user_id: Annotated[str, Meta(max_length=128, description="The customer, as `/kiosks/self/customers` named them.")]


class KioskHandOff(Document, frozen=True):
    """What the kiosk shows so that a phone can take the seats over."""

    url: Annotated[str, Meta(description="Where the QR code leads. Whoever opens it first has the seats.")]
    qr: Annotated[str, Meta(description="The same as an SVG picture.")]
    lasts_ms: Annotated[int, Meta(description="How long the code is good.")]


class KioskBasketFate(Document, frozen=True):
    """What became of a basket."""

    fate: Annotated[
        str,
        Meta(
            pattern="^(held|taken|ended)$",
            description="`held`: the kiosk's customer still has it. `taken`: a phone has it. `ended`: it is over.",
        ),
    ]


class TakeBasket(Document, frozen=True):
    """What the QR code on a kiosk says."""

    code: Annotated[str, Meta(max_length=MAX_CODE_CHARS)]


class TakenBasket(Document, frozen=True):
    """Seats that are the caller's now. The deadline is the one they had at the kiosk."""

    showtime_id: Id
    hold_id: UUID
    deadline_ms: Millis


BASKET = KioskBasket(showtime_id="tonight", hold_id=story.HOLD_ID, user_id=f"kiosk:{EXAMPLE_ID.hex}:3q2-7wAbCdEf")
RESOURCE = Resource(
    __name__,
    tag="kiosks",
    examples=(
        BASKET,
        KioskHandOff(url="https://tickets.example/handoff#q7Zr0cX1u9S4…", qr="<svg …>", lasts_ms=60_000),
        KioskBasketFate(fate="held"),
        TakeBasket(code="q7Zr0cX1u9S4…"),
        TakenBasket(showtime_id="tonight", hold_id=story.HOLD_ID, deadline_ms=story.NOW_MS + 240_000),
    ),
)


@RESOURCE.post("/kiosks/self/handoffs", for_kiosks=True, refusals=(HandOffRefused, Conflict, Forbidden, NotFound))
async def offer_kiosk_basket(call: Call, body: KioskBasket) -> KioskHandOff:
    """Get a QR code with which a phone takes a customer's seats over: once, and within a minute."""
    code = await call.services.handoffs.offer(call.kiosk, _basket(body))
    url = own_address(call.services.settings, call.request.headers) + PAGE + code
    return KioskHandOff(url=url, qr=qr.drawn(url).decode(), lasts_ms=call.services.settings.kiosk_handoff_ms)


@RESOURCE.post("/kiosks/self/handoffs/fate", for_kiosks=True, refusals=(Forbidden, NotFound))
async def follow_kiosk_basket(call: Call, body: KioskBasket) -> KioskBasketFate:
    """Get whether a phone has taken a customer's seats. Changes nothing."""
    return KioskBasketFate(fate=await call.services.handoffs.fate(call.kiosk, _basket(body)))


@RESOURCE.post("/handoffs", scope="hold", refusals=(HandOffRefused, NotFound))
async def take_kiosk_basket(call: Call, body: TakeBasket) -> TakenBasket:
    """Take over the seats of a kiosk's customer, with the code that the kiosk shows. May be repeated."""
    who = call.identity
    showtime_id, held = await call.services.handoffs.take(
        body.code, who, network_of(call.request.scope) if who.is_guest else ""
    )
    return TakenBasket(showtime_id=showtime_id, hold_id=held.hold_id, deadline_ms=held.deadline_ms)


def _basket(body: KioskBasket) -> Basket:
    return Basket(**asdict(body))
