"""What a kiosk's page, or the agent with its printer, and the server say on ``/ws/kiosk``. All of it is JSON.

The server sends the kiosk's whole state, not what to do: a page that missed a message, or comes back after a night
without a network, is up to date again with the next one.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from seatserver.kiosks.kiosk import KEY_PATTERN, MAX_SHOWS, MAX_TOLD, CameraState, Order, TicketReader
from seatserver.kiosks.print_jobs import MOST_COPIES
from seatserver.kiosks.receipts import Receipt, ReceiptLine

Key = Annotated[
    str, Meta(pattern=f"^{KEY_PATTERN}$", description="32 random bytes in base64url, which the device made.")
]

PLAIN = "^[A-Za-z0-9 .+_-]*$"


class KioskHello(msgspec.Struct, tag="hello", tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The first message of a device."""

    key: Key
    agent: Annotated[bool, Meta(description="It is not a kiosk's page, but the agent that has a kiosk's printer.")] = (
        False
    )


class KioskReport(
    msgspec.Struct, tag="report", tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """What a kiosk shows. Send it with every new screen, and every ten seconds.

    An older server knows only the first two fields, and closes the socket of a kiosk that sends more: send them where
    `state` has `help`.
    """

    release: Annotated[str, Meta(max_length=40, pattern=PLAIN, description="The release that the page came from.")]
    shows: Annotated[str, Meta(max_length=MAX_SHOWS, pattern=PLAIN, description="The name of the screen.")]
    help: Annotated[bool, Meta(description="Whether somebody there asks for help.")] = False
    visit: Annotated[
        str, Meta(max_length=MAX_SHOWS, pattern=PLAIN, description="Who is there: another text for each person.")
    ] = ""
    showing: Annotated[str, Meta(max_length=MAX_TOLD, description="The film and time they have chosen.")] = ""
    seats: Annotated[str, Meta(max_length=MAX_TOLD, description="The seats that they hold.")] = ""
    left_ms: Annotated[int, Meta(ge=0, le=86_400_000, description="For how long they still hold them.")] | None = None
    camera: Annotated[
        CameraState,
        Meta(
            description="Empty: it was not needed yet. `unsupported`: this browser reads no codes. Send it where "
            "`state` has `ticket_reader`."
        ),
    ] = ""


class KioskOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What staff want done for one person, and for nobody who comes after them.

    Do it when the number has grown and `visit` is who is there: give the seats back (`release`), give more time
    (`extend`), end the visit (`finish`; never while a card is charged), or take the request for help back (`helped`).
    """

    number: int
    what: Order
    visit: str


class PrinterReport(
    msgspec.Struct, tag="printer", tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """How an agent's printer is. Send it every five seconds, and when it changes."""

    release: Annotated[str, Meta(max_length=40, pattern=PLAIN, description="The release of the agent.")]
    state: Annotated[
        Literal["ok", "low", "out", "open", "away"],
        Meta(
            description="`low`: paper is about to run out. `open`: its cover is, or it is jammed. `away`: it can't be "
            "reached."
        ),
    ]


class PrintEnded(
    msgspec.Struct, tag="printed", tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """How a print job ended. `failed`: nothing was printed. `unsure`: nobody knows what is on the paper."""

    booking_id: UUID
    copy: Annotated[int, Meta(ge=1, le=MOST_COPIES)]
    outcome: Literal["printed", "failed", "unsure"]


class KioskWaiting(msgspec.Struct, tag="waiting", tag_field="type", frozen=True, kw_only=True):
    """The device is not enrolled. Show the code and its QR code; staff approve it."""

    code: str
    expires_at_ms: int
    qr: Annotated[str, Meta(description="An SVG picture of a QR code that leads staff to the approval.")]


class KioskState(msgspec.Struct, tag="state", tag_field="type", frozen=True, kw_only=True):
    """What the kiosk is now."""

    id: UUID
    name: str
    theatre_id: str
    channel: str
    locked: Annotated[bool, Meta(description="Sell nothing, and say that the kiosk is closed.")]
    message: Annotated[str, Meta(description="From staff, to be shown; empty if there is none.")]
    reloads: Annotated[int, Meta(description="Load the page again when this has grown, as soon as nobody uses it.")]
    reader: Annotated[str, Meta(description="The kind of its card reader. `none`: it sells nothing.")]
    printer: Annotated[
        Literal["none", "simulated", "ok", "low", "out", "open", "away"],
        Meta(description="`none`: tickets are codes on the screen. `simulated`: the paper is shown as a picture."),
    ]
    needs_paper: Annotated[bool, Meta(description="Sell nothing while nothing can be printed.")]
    ticket_reader: Annotated[
        TicketReader,
        Meta(description="How tickets that are shown to it are read. `none`: do not offer that."),
    ]
    quiet_ms: Annotated[int, Meta(description="Ask whether anybody is there after this long without a touch.")]
    answer_ms: Annotated[int, Meta(description="How long to wait for the answer to that.")]
    voice: Annotated[bool, Meta(description="Let people say which seats they would like.")] = False
    hears: Annotated[
        bool, Meta(description="The server itself hears them; a browser that recognises no speech can listen, too.")
    ] = False
    release: Annotated[str, Meta(description="The server's release. Load the page again when it changes.")]
    help: Annotated[bool, Meta(description="Whether staff see that somebody there asks for help.")]
    order: Annotated[KioskOrder | None, Meta(description="What staff ordered last. Null: nothing yet.")]


class AgentState(msgspec.Struct, tag="agent", tag_field="type", frozen=True, kw_only=True):
    """What an agent is now: it has the printer of this kiosk."""

    kiosk_id: UUID
    name: str
    theatre_id: str


class KioskPrint(msgspec.Struct, tag="print", tag_field="type", frozen=True, kw_only=True):
    """Print this, unless you have done so or have begun to: then say how it ended. It may be sent several times."""

    booking_id: UUID
    copy: int
    receipt: Receipt


class KioskBeat(msgspec.Struct, tag="beat", tag_field="type", frozen=True, kw_only=True):
    """A sign of life, every second. A kiosk that hears nothing for three seconds is offline."""

    server_ms: int


class KioskRevoked(msgspec.Struct, tag="revoked", tag_field="type", frozen=True, kw_only=True):
    """The kiosk was revoked, and its key with it. The socket closes."""


FromKiosk = KioskHello | KioskReport | PrinterReport | PrintEnded
ToKiosk = KioskWaiting | KioskState | AgentState | KioskPrint | KioskBeat | KioskRevoked

EXAMPLE_KEY = "q2Jd0mJc1yC8mB0XoC6c3v6Rk0s8m1r7s0m3mE8nWmQ"
EXAMPLE_BOOKING = UUID("0191e5c0-7a3b-7c1d-8e2f-4a5b6c7d8e9f")
EXAMPLE_ID = UUID("7a4d2e9c-55a1-4f0b-9d0c-3f6b7a4f1101")
EXAMPLES: tuple[FromKiosk | ToKiosk, ...] = (
    KioskHello(key=EXAMPLE_KEY),
    KioskReport(
        release="0.1.0",
        shows="review",
        help=True,
        visit="3q2-7wAbCdEf",
        showing="Alien · 20:15 · Screen 1",
        seats="D-3, D-4",
        left_ms=240_000,
    ),
    KioskWaiting(code="K7F2-9QXM", expires_at_ms=1_764_580_000_000, qr="<svg …>"),
    KioskState(
        id=EXAMPLE_ID,
        name="Lobby 1",
        theatre_id="odeon",
        channel="",
        locked=False,
        message="",
        reloads=0,
        reader="simulated",
        printer="ok",
        needs_paper=False,
        ticket_reader="scanner",
        quiet_ms=45_000,
        answer_ms=20_000,
        voice=True,
        hears=False,
        release="0.1.0",
        help=False,
        order=KioskOrder(number=3, what="extend", visit="3q2-7wAbCdEf"),
    ),
    PrinterReport(release="0.1.0", state="ok"),
    PrintEnded(booking_id=EXAMPLE_BOOKING, copy=1, outcome="printed"),
    AgentState(kiosk_id=EXAMPLE_ID, name="Lobby 1", theatre_id="odeon"),
    KioskPrint(
        booking_id=EXAMPLE_BOOKING,
        copy=1,
        receipt=Receipt(
            lines=(ReceiptLine(text="The Long Night", large=True), ReceiptLine(text="1 Dec 2026, 20:15")),
            code="q2Jd0mJc1yC8mB0XoC6c3v6Rk0s8",
            last=(ReceiptLine(text="Total 28.50 EUR"),),
        ),
    ),
    KioskBeat(server_ms=1_764_580_000_000),
    KioskRevoked(),
)
