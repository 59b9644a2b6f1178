"""One example of every document and message, as instances: an example that does not fit cannot be written.

They tell one small story: a guest holds and books two sofa seats of a studio.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from seatserver.api import allocation_schemas, ops_schemas, schemas
from seatserver.api.shared.problems import Problem
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from seatserver.seatmaps.pricing import Fees, TicketType
from seatserver.seatmaps.rules import GapRule, Rules
from seatserver.seatmaps.score import Wish, cost_of
from seatserver.wire import messages

HOLD_ID = UUID("6f1c1c1e-8a52-4a53-9d0c-0d2f6b7a4f11")
NOW_MS = 1_893_499_200_000  # 2030-01-01 12:00 UTC
DEADLINE_MS = NOW_MS + 300_000
EPOCH = "k3vq81x"
GUEST = "guest:Tb0yW3mQ"
STARTS = datetime(2030, 1, 1, 19, 30, tzinfo=UTC)
OPENS = datetime(2025, 12, 1, 9, 0, tzinfo=UTC)  # past: who follows the examples finds the sale open
ENDS = datetime(2030, 1, 1, 19, 45, tzinfo=UTC)

HALL = SeatMap.build(
    name="Studio",
    categories=[
        Category(key="standard", name="Standard", color="#0072b2"),
        Category(key="sofa", name="Sofa for two", color="#cc79a7"),
    ],
    screen=Screen(x=1.5, y=-3, width=5),
    seats=[
        Seat(row="A", number="1", x=0, y=0, category="standard"),
        Seat(row="A", number="2", x=1, y=0, category="standard", kind=SeatKind.WHEELCHAIR),
        Seat(row="B", number="1", x=0, y=1.2, category="sofa", kind=SeatKind.SOFA_LEFT),
        Seat(row="B", number="2", x=1, y=1.2, category="sofa", kind=SeatKind.SOFA_RIGHT),
    ],
    groups=[(2, 3)],
)

_HALL_VIEW = schemas.AuditoriumView(id="studio", name="Studio")
_ADDRESS = "Kantstraße 12a, 10623 Berlin"
_THEATRE = schemas.TheatreView(
    id="odeon", name="Odeon", timezone="Europe/Berlin", address=_ADDRESS, auditoriums=(_HALL_VIEW,)
)
_TICKET_TYPES = (
    TicketType(key="adult", name="Adult", prices={"standard": 1150, "sofa": 1400}),
    TicketType(key="child", name="Child", prices={"standard": 750}, only_with=("adult",), per_companion=3),
)
_LINES = (
    schemas.TicketLine(index=2, label="B-1", ticket="adult", price_minor=1400),
    schemas.TicketLine(index=3, label="B-2", ticket="adult", price_minor=1400),
)
_QUOTE = schemas.QuoteView(lines=_LINES, fees_minor=50, total_minor=2850, currency="EUR", currency_digits=2)
_SOFA = (schemas.NamedSeat(index=2, label="B-1"), schemas.NamedSeat(index=3, label="B-2"))
_FOUND = cost_of(HALL, (2, 3), Wish(count=2))
_SHOWTIME = schemas.ShowtimeView(
    id="tonight",
    title="The Long Take",
    theatre_id="odeon",
    theatre_name="Odeon",
    theatre_address=_ADDRESS,
    auditorium_id="studio",
    auditorium_name="Studio",
    starts_at=STARTS,
    on_sale_at=OPENS,
    sale_ends_at=ENDS,
    currency="EUR",
    currency_digits=2,
    prices={"standard": 1150, "sofa": 1400},
    ticket_types=_TICKET_TYPES,
    fees=Fees(per_booking_minor=50),
    rules=Rules(),
    layout_hash=HALL.content_hash,
)
_REFERENCE = "MADQ KJN9"
_TICKET_URL = f"/bookings/{HOLD_ID}#key=mzxw6ytboi3gk5dfon2c4ylsmvwg64tq"
_BOOKING = schemas.BookingView(
    id=HOLD_ID,
    showtime_id="tonight",
    user_id=GUEST,
    reference=_REFERENCE,
    status="confirmed",
    seats=_SOFA,
    lines=_LINES,
    fees_minor=50,
    total_minor=2850,
    currency="EUR",
    currency_digits=2,
    channel="",
    created_at_ms=NOW_MS,
    expires_at_ms=None,
    ticket_url=_TICKET_URL,
)
_CODE = "AFXRYHA6RJJEUU45BQGS6232J4I2UNSOPPH2QGS7DDBJY2TY"
_SCAN_ID = UUID("0c9f4c1e-6f0b-4b52-9a3e-0d5c3f1c7a10")
_ADMISSION = schemas.AdmissionRecord(
    scan_id=_SCAN_ID,
    booking_id=HOLD_ID,
    door="North",
    admitted_at_ms=NOW_MS,
    admitted_by="scanner-2",
    undone_at_ms=None,
    undone_by=None,
)

_BLOCKED = allocation_schemas.AllocationEntry(
    id=7,
    at=OPENS,
    by="manager",
    action="block",
    channel=None,
    seats=("A-1",),
    places={},
    reason="broken armrest",
    release_at=None,
)
_ALLOCATED = allocation_schemas.AllocationEntry(
    id=8,
    at=OPENS,
    by="manager",
    action="allocate",
    channel="box-office",
    seats=("B-1", "B-2"),
    places={},
    reason="for guests at the door",
    release_at=STARTS,
)
_ALLOCATION = allocation_schemas.Allocation(
    channel="box-office",
    seats=("B-1", "B-2"),
    places={},
    reason="for guests at the door",
    by="manager",
    since=OPENS,
    release_at=STARTS,
)

DOCUMENTS: tuple[msgspec.Struct, ...] = (
    Problem(
        type="urn:problem-type:seatserver:seats_refused",
        title="Seats refused",
        status=409,
        detail="refused: B-1 sold, B-2 sold",
        code="seats_refused",
        retryable=False,
        facts={"seats": [[2, "sold"], [3, "sold"]]},
    ),
    schemas.NewBooking(showtime_id="tonight", hold_id=HOLD_ID),
    schemas.PutTheatre(name="Odeon", timezone="Europe/Berlin", address=_ADDRESS),
    schemas.PutAuditorium(theatre_id="odeon", name="Studio"),
    schemas.PutShowtime(
        auditorium_id="studio",
        layout_hash=HALL.content_hash,
        title="The Long Take",
        starts_at=STARTS,
        on_sale_at=OPENS,
        sale_ends_at=ENDS,
        currency="EUR",
        ticket_types=_TICKET_TYPES,
        fees=Fees(per_booking_minor=50),
        rules=Rules(gap=GapRule(mode="warn")),
    ),
    allocation_schemas.ChangeAllocations(
        changes=(
            allocation_schemas.AllocationChange(action="block", reason="broken armrest", seats=("A-1",)),
            allocation_schemas.AllocationChange(
                action="allocate", channel="box-office", reason="for guests at the door", rows=("B",), release_at=STARTS
            ),
        ),
    ),
    allocation_schemas.AllocationsChanged(entries=(_BLOCKED, _ALLOCATED), notes=()),
    _BLOCKED,
    allocation_schemas.AllocationLog(entries=(_ALLOCATED, _BLOCKED), next=None),
    _ALLOCATION,
    allocation_schemas.Allocations(allocations=(_ALLOCATION,)),
    schemas.Layout(hash=HALL.content_hash, map=HALL),
    _HALL_VIEW,
    _THEATRE,
    schemas.Theatres(theatres=(_THEATRE,)),
    _SHOWTIME,
    schemas.Showtimes(showtimes=(_SHOWTIME,), next=None),
    schemas.Availability(
        showtime_id="tonight",
        epoch=EPOCH,
        version=41,
        total=schemas.Counts(free=1, held=2, blocked=1),
        categories={"standard": schemas.Counts(free=1, blocked=1), "sofa": schemas.Counts(held=2)},
        areas={},
    ),
    schemas.CountedShowtimes(
        showtimes=(schemas.ShowtimeCounts(showtime_id="tonight", total=schemas.Counts(free=1, held=2, blocked=1)),)
    ),
    schemas.ShowtimeCounts(showtime_id="tonight", total=schemas.Counts(free=1, held=2, blocked=1)),
    schemas.AskQuote(
        tickets=(schemas.TicketWish(seat="B-1", ticket="adult"), schemas.TicketWish(seat=3)),
    ),
    schemas.AskOffers(tickets={"adult": 2}, categories=("sofa",), limit=1),
    schemas.RankedOffers(
        offers=(
            schemas.OfferView(
                seats=_SOFA,
                parts=_FOUND.parts,
                cost=_FOUND.cost,
                breakdown=_FOUND.breakdown,
                alone=0,
                stranded=(),
                price=_QUOTE,
            ),
        ),
    ),
    _QUOTE,
    schemas.Guest(
        token="eyJhbGciOi…",
        user_id=GUEST,
        scopes=("book", "hold", "watch"),
        expires_at_ms=NOW_MS + 7_200_000,
        renewal="eyJhbGciOi…",
        renewal_expires_at_ms=NOW_MS + 15_552_000_000,
    ),
    schemas.RenewGuest(renewal="eyJhbGciOi…"),
    schemas.Ticket(ticket="q7Zr0cX1u9S4", expires_at_ms=NOW_MS + 30_000),
    _BOOKING,
    schemas.OwnBookings(bookings=(_BOOKING,), showtimes=(_SHOWTIME,), next=None),
    schemas.Admission(booking_id=HOLD_ID, code=_CODE),
    schemas.AskAdmission(code=_CODE, showtime_id="tonight"),
    schemas.AdmissionCheck(
        good=True, problem=None, admitted_at_ms=None, door=None, booking=_BOOKING, showtime=_SHOWTIME
    ),
    schemas.AskAdmit(code=_CODE, scan_id=_SCAN_ID, door="North", showtime_id="tonight"),
    schemas.AdmitAnswer(admitted=True, problem=None, admission=_ADMISSION, booking=_BOOKING, showtime=_SHOWTIME),
    schemas.AskUndo(scan_id=_SCAN_ID),
    _ADMISSION,
    schemas.ImportedLayout(
        hash=HALL.content_hash,
        name="Studio",
        format="seatserver",
        seats=4,
        areas={},
        categories={"standard": 2, "sofa": 2},
        groups=1,
        notes=(),
    ),
    ops_schemas.HouseNow(
        at_ms=NOW_MS,
        whole=True,
        viewers=212,
        rooms=1,
        holds_per_s=1.4,
        bookings={"confirmed": 31},
        refusals={"held": 12, "sold": 3},
        errors={"no_seats_together": 1},
        propagation=ops_schemas.Lag(count=140, half_ms=2, most_ms=7),
        expiry=ops_schemas.Lag(count=9, half_ms=3, most_ms=5),
        instances=(
            ops_schemas.Instance(
                id="5f0c2a9be1d3",
                name="web-1:4711",
                release="0.1.0",
                started_at_ms=NOW_MS - 3_600_000,
                heard_ms_ago=0,
                silent=False,
                draining=False,
                viewers=212,
                rooms=1,
                catching_up=0,
                loop=ops_schemas.Lag(count=490, half_ms=1, most_ms=5),
                postgres_ms=1.2,
                redis_ms=0.4,
                feed=True,
            ),
        ),
        showtimes=(
            ops_schemas.RoomNow(
                showtime_id="tonight",
                title="The Long Take",
                theatre_name="Odeon",
                auditorium_name="Studio",
                starts_at=STARTS,
                viewers=212,
                holds=84,
                refused=15,
                places=schemas.Counts(free=1, held=2, blocked=1),
                catching_up=False,
            ),
        ),
    ),
    ops_schemas.SeatDemand(
        showtime_id="tonight",
        layout_hash=HALL.content_hash,
        epoch=EPOCH,
        version=41,
        states="0411",
        wanted="2099",
        hottest=(ops_schemas.WantedPlaces(label="B-1", held=7, refused=9),),
        areas={},
        missing=0,
    ),
    schemas.Live(live=True),
    schemas.Ready(ready=True, checks={"postgres": "ok", "redis": "ok", "feed": "ok"}),
)

_BASKET: dict[str, Any] = {
    "seats": (2, 3),
    "areas": (),
    "lines": tuple(messages.TicketLine(seat=seat, ticket="adult", price_minor=1400) for seat in (2, 3)),
    "fees_minor": 0,
    "total_minor": 2800,
    "currency": "EUR",
    "currency_digits": 2,
}
_MINE = messages.HoldView(hold_id=HOLD_ID, deadline_ms=DEADLINE_MS, latest_deadline_ms=DEADLINE_MS + 600_000, **_BASKET)
_PENDING = messages.OwnBooking(
    booking_id=UUID(int=HOLD_ID.int + 1),
    reference="1CPT EETD",
    status="pending",
    expires_at_ms=DEADLINE_MS,
    **{**_BASKET, "seats": (0,), "lines": (messages.TicketLine(seat=0, ticket="adult", price_minor=1150),)},
)
_OFFER = messages.SeatOffer(
    seats=(2, 3),
    parts=((2, 3),),
    cost=2.5,
    breakdown={"distance": 2.0, "centre": 0.5},
    alone=0,
    stranded=(),
    total_minor=2800,
    currency="EUR",
    currency_digits=2,
)

MESSAGES: tuple[msgspec.Struct, ...] = (
    messages.Hello(ref=1, token="eyJhbGciOi…", resume=messages.Resume(epoch=EPOCH, version=38)),
    messages.Hold(ref=2, hold_id=HOLD_ID, seats=(2, 3)),
    messages.Release(ref=3, hold_id=HOLD_ID),
    messages.Extend(ref=4, hold_id=HOLD_ID),
    messages.Best(ref=5, hold_id=HOLD_ID, tickets={"adult": 2}, categories=("sofa",)),
    messages.Offers(ref=8, count=2, limit=3),
    messages.Book(ref=6, hold_id=HOLD_ID),
    messages.ClientBeat(ref=7),
    messages.Beat(ref=7, epoch=EPOCH, version=41, server_ms=NOW_MS),
    messages.Welcome(
        ref=1,
        showtime="tonight",
        layout=HALL.content_hash,
        epoch=EPOCH,
        version=40,
        server_ms=NOW_MS,
        user=GUEST,
        scopes=("book", "hold", "watch"),
        holds=(_MINE,),
        limits=messages.Limits(
            seats_per_user=10,
            hold_ms=300_000,
            hold_total_ms=900_000,
            heartbeat_ms=15_000,
            message_bytes=4096,
        ),
        on_sale_at_ms=NOW_MS - 1_000_000,
        sale_ends_at_ms=NOW_MS + 1_000_000,
        bookings=(_PENDING,),
    ),
    messages.Snapshot(epoch=EPOCH, version=40, states="0400"),
    messages.Delta(epoch=EPOCH, from_=40, version=41, changes=((2, 1), (3, 1))),
    messages.Held(ref=2, hold_id=HOLD_ID, deadline_ms=DEADLINE_MS, latest_deadline_ms=DEADLINE_MS + 600_000, **_BASKET),
    messages.Offered(ref=8, offers=(_OFFER,)),
    messages.Refused(ref=2, hold_id=HOLD_ID, seats=((2, "sold"), (3, "sold"))),
    messages.Released(ref=3, hold_id=HOLD_ID, seats=(2, 3)),
    messages.Expired(hold_id=HOLD_ID, seats=(2, 3), reason="expired"),
    messages.Elsewhere(hold_id=HOLD_ID),
    messages.Booked(
        ref=6, booking_id=HOLD_ID, reference=_REFERENCE, status="confirmed", ticket_url=_TICKET_URL, **_BASKET
    ),
    messages.Error(
        ref=4,
        code="hold_gone",
        message=f"hold {HOLD_ID}: it has ended",
        retryable=False,
        facts={"hold_id": str(HOLD_ID)},
    ),
    messages.Bye(code=messages.Close.GOING_AWAY, reason="the server restarts", reconnect_after_ms=1500),
)


def examples() -> dict[type, msgspec.Struct]:
    """Struct to its example."""
    return {type(instance): instance for instance in (*DOCUMENTS, *MESSAGES)}
