"""Kiosks: staff enrol, change and revoke them; a kiosk itself asks who it is, and for a token for its next customer.

What a kiosk shows and when it was last heard of comes with the list. All other news travels on the kiosks' own socket.
"""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict, replace

from seatserver.access.tokens import CHANNEL_PATTERN
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Currency, CurrencyDigits, Document, Id, Millis
from seatserver.errors import Conflict, NotFound, TooMany
from seatserver.kiosks.kiosk import CARD_READER_PATTERN, MAX_MESSAGE, MAX_NAME, MAX_SHOWS, Kiosk, Order
from seatserver.kiosks.messages import EXAMPLE_ID
from seatserver.kiosks.payment_records import Sales
from seatserver.kiosks.readiness import card_reader_of, is_away, printer_of
from seatserver.kiosks.registry import CUSTOMER_S
from seatserver.money import digits_of

KioskName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, description="What staff call it, such as Lobby 1.")]
Channel = Annotated[
    str,
    Meta(
        pattern=f"^$|{CHANNEL_PATTERN}",
        description="Its sales channel: it may take the seats that are allocated to that. Empty: the public.",
    ),
]


CardReader = Annotated[
    str,
    Meta(
        pattern=CARD_READER_PATTERN,
        max_length=100,
        description="The id of its card reader at Stripe, such as tmr_FDOt2wlRZEdpd7. Empty: none.",
    ),
]


TicketReader = Annotated[
    str,
    Meta(
        pattern="^(none|scanner|camera)$",
        description="How tickets that are shown to it are read: by a scanner that types, or by its camera, where its "
        "browser has a BarcodeDetector. Unless it is `none`, the first screen offers to print them.",
    ),
]


class EnrolKiosk(Document, frozen=True):
    """The code on a device's screen, and which kiosk it becomes."""

    code: Annotated[str, Meta(max_length=40, description="As shown. Case, spaces and hyphens do not matter.")]
    theatre_id: Id
    name: KioskName
    channel: Channel = ""


class EnrolAgent(Document, frozen=True):
    """The code of an agent: the process on a kiosk's machine that has its printer."""

    code: Annotated[str, Meta(max_length=40, description="As `seatserver kiosk agent` says it.")]


class ChangeKiosk(Document, frozen=True):
    """What staff change. The rest stays as it is, so that two of them do not undo each other's work."""

    theatre_id: Id | UnsetType = UNSET
    name: KioskName | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    locked: (
        Annotated[bool, Meta(description="A locked kiosk says that it is closed, and sells nothing.")] | UnsetType
    ) = UNSET
    message: (
        Annotated[str, Meta(max_length=MAX_MESSAGE, description="One line that its visitors read; empty for none.")]
        | UnsetType
    ) = UNSET
    card_reader: CardReader | UnsetType = UNSET
    ticket_reader: TicketReader | UnsetType = UNSET


class KioskSales(Document, frozen=True):
    """What a kiosk has sold today, by its theatre's calendar, in one currency."""

    bookings: int
    total_minor: int
    currency: Currency
    currency_digits: CurrencyDigits


class KioskView(Document, frozen=True):
    """A kiosk: what staff set, and what its page last reported."""

    id: UUID
    theatre_id: Id
    name: str
    channel: str
    locked: bool
    message: str
    enrolled_by: Annotated[str, Meta(description="The user who approved it.")]
    enrolled_at_ms: Millis
    revoked_at_ms: Annotated[int | None, Meta(description="When it was revoked. Null while it may sell.")]
    seen_at_ms: Annotated[int | None, Meta(description="When its page last reported. Null: never.")]
    away: Annotated[bool, Meta(description="Whether it has not reported for 30 seconds.")]
    release: Annotated[str, Meta(description="The release that its page came from.")]
    shows: Annotated[str, Meta(description="The name of the screen that it shows.")]
    help_at_ms: Annotated[int | None, Meta(description="Since when somebody there asks for help. Null: nobody does.")]
    visit: Annotated[str, Meta(description="Who is there: another text for each person. Empty: nobody who buys.")]
    showing: Annotated[str, Meta(description="The film and time they have chosen.")]
    seats: Annotated[str, Meta(description="The seats that they hold.")]
    hold_ends_at_ms: Annotated[int | None, Meta(description="Until when they hold them.")]
    card_reader: CardReader
    reader: Annotated[
        str,
        Meta(
            pattern="^(none|simulated|unnamed|ok|away)$",
            description="Its card reader. `none`: the server has none; `unnamed`: it needs a `card_reader`; `away`: "
            "it has not been online for a minute.",
        ),
    ]
    printer: Annotated[
        str,
        Meta(
            pattern="^(none|simulated|ok|low|out|open|away)$",
            description="Its printer. `none`: tickets are codes on the screen. `low`: paper is about to run out. "
            "`open`: its cover is, or it is jammed. `away`: its agent, or the printer itself, can't be reached.",
        ),
    ]
    ticket_reader: TicketReader
    camera: Annotated[
        str,
        Meta(
            pattern="^(|ok|unsupported|away)$",
            description="How its camera is. Empty: it was not needed yet. `unsupported`: its browser reads no codes. "
            "`away`: there is none, or the page may not use it.",
        ),
    ]
    sales_today: Annotated[tuple[KioskSales, ...], Meta(description="One entry a currency. Only in the list.")] = ()


class OrderKiosk(Document, frozen=True):
    """What a kiosk is to do for the person before it."""

    what: Annotated[
        str,
        Meta(
            pattern="^(release|extend|finish|helped)$",
            description="Give the seats back, give more time, end the visit and show the first screen, or note that "
            "they were helped.",
        ),
    ]
    visit: Annotated[str, Meta(max_length=MAX_SHOWS, description="The person for whom, as the list names them.")]


class KioskList(Document, frozen=True):
    """All enrolled kiosks, by theatre and name."""

    kiosks: tuple[KioskView, ...]


class KioskCustomer(Document, frozen=True):
    """A token for one customer at the kiosk. Forget it with the customer."""

    token: str
    user_id: Annotated[str, Meta(description="A new user, who holds the seats and owns the booking.")]
    expires_at_ms: Millis


VIEW = KioskView(
    id=EXAMPLE_ID,
    theatre_id="odeon",
    name="Lobby 1",
    channel="",
    locked=False,
    message="",
    enrolled_by="manager",
    enrolled_at_ms=story.NOW_MS,
    revoked_at_ms=None,
    seen_at_ms=story.NOW_MS,
    away=False,
    release="0.1.0",
    shows="attract",
    card_reader="tmr_FDOt2wlRZEdpd7",
    reader="ok",
    help_at_ms=None,
    visit="",
    showing="",
    seats="",
    hold_ends_at_ms=None,
    printer="ok",
    ticket_reader="scanner",
    camera="",
    sales_today=(KioskSales(bookings=3, total_minor=8550, currency="EUR", currency_digits=2),),
)
RESOURCE = Resource(
    __name__,
    tag="kiosks",
    examples=(
        EnrolKiosk(code="K7F2-9QXM", theatre_id="odeon", name="Lobby 1"),
        EnrolAgent(code="K7F2-9QXM"),
        ChangeKiosk(locked=True, message="The bar is open."),
        VIEW,
        KioskList(kiosks=(VIEW,)),
        OrderKiosk(what="extend", visit="3q2-7wAbCdEf"),
        KioskCustomer(
            token="eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJraW9zayJ9.signature",  # pragma: allowlist secret
            user_id=f"kiosk:{EXAMPLE_ID.hex}:3q2-7wAbCdEf",
            expires_at_ms=story.NOW_MS + CUSTOMER_S * 1000,
        ),
    ),
)


@RESOURCE.get("/kiosks", scope="admin")
async def get_kiosks(call: Call) -> KioskList:
    """List all enrolled kiosks: what each shows, and when it was last heard of."""
    sold = await call.services.kiosk_payments.sales_today()
    return KioskList(
        kiosks=tuple(
            replace(_view(call, kiosk), sales_today=tuple(map(_sales, sold.get(kiosk.id, ()))))
            for kiosk in await call.services.kiosks.all()
        )
    )


@RESOURCE.post("/kiosks/enrol", scope="admin", refusals=(NotFound,))
async def enrol_kiosk(call: Call, body: EnrolKiosk) -> KioskView:
    """Approve the device that shows this code. It becomes a kiosk of the theatre and the sales channel."""
    kiosk = await call.services.kiosks.enrol(
        body.code,
        theatre_id=body.theatre_id,
        name=body.name,
        channel=body.channel,
        by=call.identity.user_id,
    )
    return _view(call, kiosk)


@RESOURCE.get("/kiosks/self", for_kiosks=True)
async def get_own_kiosk(call: Call) -> KioskView:
    """Get the kiosk whose key this is."""
    return _view(call, call.kiosk)


@RESOURCE.post("/kiosks/self/customers", for_kiosks=True, refusals=(Conflict, TooMany))
async def make_kiosk_customer(call: Call) -> KioskCustomer:
    """Get a token for the next customer. It holds seats, for half an hour, and books nothing."""
    if not call.services.settings.token_secret:
        raise Conflict("this server cannot sign tokens for kiosks: set SEATSERVER_TOKEN_SECRET")
    token, user_id = call.services.kiosks.customer(call.kiosk)
    return KioskCustomer(token=token, user_id=user_id, expires_at_ms=call.services.clock() + CUSTOMER_S * 1000)


@RESOURCE.put("/kiosks/{kiosk_id}", scope="admin", refusals=(NotFound,))
async def put_kiosk(call: Call, body: ChangeKiosk) -> KioskView:
    """Name, move, lock or unlock a kiosk, or show a message on it. It knows within two seconds."""
    changes = {name: value for name, value in asdict(body).items() if value is not UNSET}
    kiosk = await call.services.kiosks.change(call.uuid("kiosk_id", "kiosk"), changes, call.identity.user_id)
    return _view(call, kiosk)


@RESOURCE.post("/kiosks/{kiosk_id}/agent", scope="admin", refusals=(NotFound,))
async def enrol_kiosk_agent(call: Call, body: EnrolAgent) -> KioskView:
    """Approve the agent that shows this code: it prints for this kiosk, in place of the one before."""
    kiosk_id = call.uuid("kiosk_id", "kiosk")
    return _view(call, await call.services.kiosks.enrol_agent(kiosk_id, body.code, call.identity.user_id))


@RESOURCE.post("/kiosks/{kiosk_id}/agent/revoke", scope="admin", refusals=(NotFound,))
async def revoke_kiosk_agent(call: Call) -> KioskView:
    """End the agent with a kiosk's printer, as when its machine was stolen. Its key and socket are cut off at once."""
    kiosk_id = call.uuid("kiosk_id", "kiosk")
    return _view(call, await call.services.kiosks.revoke_agent(kiosk_id, call.identity.user_id))


@RESOURCE.post("/kiosks/{kiosk_id}/reload", scope="admin", refusals=(NotFound,))
async def reload_kiosk(call: Call) -> KioskView:
    """Load a kiosk's page again, as soon as nobody uses it."""
    return _view(call, await call.services.kiosks.reload(call.uuid("kiosk_id", "kiosk"), call.identity.user_id))


@RESOURCE.post("/kiosks/{kiosk_id}/order", scope="admin", refusals=(NotFound, Conflict))
async def order_kiosk(call: Call, body: OrderKiosk) -> KioskView:
    """Have a kiosk do something for the person before it: within a second, and for nobody who comes after them.

    Seats are not given back, and no visit is ended, while a payment goes on there.
    """
    kiosk_id, by = call.uuid("kiosk_id", "kiosk"), call.identity.user_id
    if body.what in ("release", "finish") and await call.services.kiosk_payments.goes_on_at(kiosk_id):
        raise Conflict("a payment goes on at this kiosk: wait until it has ended")
    return _view(call, await call.services.kiosks.order(kiosk_id, cast(Order, body.what), body.visit, by))


@RESOURCE.post("/kiosks/{kiosk_id}/revoke", scope="admin", refusals=(NotFound,))
async def revoke_kiosk(call: Call) -> KioskView:
    """End a kiosk for good. Its key, its sockets and its customers' are cut off within two seconds."""
    return _view(call, await call.services.kiosks.revoke(call.uuid("kiosk_id", "kiosk"), call.identity.user_id))


def _sales(sold: Sales) -> KioskSales:
    return KioskSales(
        bookings=sold.count,
        total_minor=sold.total_minor,
        currency=sold.currency,
        currency_digits=digits_of(sold.currency),
    )


def _view(call: Call, kiosk: Kiosk) -> KioskView:
    assert kiosk.theatre_id is not None and kiosk.enrolled_by is not None and kiosk.enrolled_at_ms is not None
    return KioskView(
        id=kiosk.id,
        theatre_id=kiosk.theatre_id,
        name=kiosk.name,
        channel=kiosk.channel,
        locked=kiosk.locked,
        message=kiosk.message,
        enrolled_by=kiosk.enrolled_by,
        enrolled_at_ms=kiosk.enrolled_at_ms,
        revoked_at_ms=kiosk.revoked_at_ms,
        seen_at_ms=kiosk.seen_at_ms,
        away=is_away(kiosk, call.services.clock()),
        release=kiosk.release,
        shows=kiosk.shows,
        help_at_ms=kiosk.help_at_ms,
        visit=kiosk.visit,
        showing=kiosk.showing,
        seats=kiosk.seats,
        hold_ends_at_ms=kiosk.hold_ends_at_ms,
        card_reader=kiosk.card_reader,
        reader=card_reader_of(kiosk, call.services.settings, call.services.clock()),
        printer=printer_of(kiosk, call.services.settings),
        ticket_reader=kiosk.ticket_reader,
        camera=kiosk.camera,
    )
