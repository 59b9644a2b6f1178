"""A running server in the test's own event loop, a small hall on sale, and a plain socket to talk to it.

`Instance` is a running server: uvicorn with our settings on a free port of the loopback address, and its `core`, the
`Server` with all parts, so that a test can look inside and cause faults. `Wire` is a WebSocket that knows only frames,
in either encoding.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from seatserver import listening
from seatserver.catalog.catalog import Catalog
from seatserver.catalog.showtime import Auditorium, ShowtimeDraft, Theatre
from seatserver.client import LiveRoom, SeatClient
from seatserver.config import Settings
from seatserver.errors import SeatServerError
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seats.states import SeatState
from seatserver.server import Server
from seatserver.serving import make_server
from tests.waiting import PATIENCE_S, within

SHOWTIME = "tonight"
BLOCKED = 23
SOFA = (24, 25)
OTHER_SOFA = (26, 27)
SEATS = 28
PRICES = {"standard": 1000, "sofa": 1600}
HOUR_MS = 3_600_000
JSON, MSGPACK = "seatmap.v1+json", "seatmap.v1+msgpack"
ALL_SCOPES = ("watch", "hold", "book")
LIVES_S = (2, 8, 32)
"""Of a token that ends during a test. Where it ended before it was used, the test tries again with a longer one."""

Message = dict[str, Any]
Answer = TypeVar("Answer")


def hall() -> SeatMap:
    """Rows A to C of eight standard seats (0 to 23), and row D of two sofas (24 to 27)."""
    seats = [
        Seat(row=row, number=str(number), x=number, y=y, category="standard")
        for y, row in enumerate("ABC")
        for number in range(1, 9)
    ]
    sofas = [Seat(row="D", number=str(number), x=number + 2, y=3, category="sofa") for number in range(1, 5)]
    return SeatMap.build(
        name="Studio",
        categories=[
            Category(key="standard", name="Standard", color="#0072b2"),
            Category(key="sofa", name="Sofa", color="#cc79a7"),
        ],
        screen=Screen(x=4.5, y=-2, width=8),
        seats=[*seats, *sofas],
        groups=[SOFA, OTHER_SOFA],
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def put_on_sale(catalog: Catalog, showtime_id: str = SHOWTIME, **changes: Any) -> None:
    """Put a showtime of the small hall on sale; ``changes`` are fields of its draft."""
    await catalog.put_theatre(Theatre(id="rex", name="Rex", timezone="Europe/Dublin"))
    await catalog.put_auditorium(Auditorium(id="studio", theatre_id="rex", name="Studio"))
    draft = ShowtimeDraft(
        id=showtime_id,
        auditorium_id="studio",
        layout_hash=await catalog.put_layout(hall()),
        title="The Long Night",
        starts_at_ms=now_ms() + 3 * HOUR_MS,
        on_sale_at_ms=now_ms() - HOUR_MS,
        sale_ends_at_ms=now_ms() + 3 * HOUR_MS,
        tariff=Tariff.flat("EUR", PRICES),
    )
    await catalog.put_showtime(msgspec.structs.replace(draft, **changes))


async def block_from_the_start(core: Server, seat: int = BLOCKED, showtime: str = SHOWTIME) -> None:
    """A seat that was blocked before anybody looked: no change of the showtime tells of it."""
    async with core.database.transaction() as connection:
        keep = "INSERT INTO kept_seats (showtime_id, seat, reason, kept_by) VALUES (:id, :seat, 'house seat', 'test')"
        await connection.execute(sa.text(f"{keep} ON CONFLICT DO NOTHING"), {"id": showtime, "seat": seat})


async def eventually(is_so: Callable[[], bool | Awaitable[bool]], what: str = "") -> None:
    """Wait until it is so; how long it takes fails no test, for ever does.

    Who cannot answer at the moment (an error that is ``retryable``: a Postgres that is just coming back, say) is asked
    again.
    """
    away: SeatServerError | None = None
    try:
        async with within(what or _source(is_so)):
            while True:
                try:
                    found = is_so()
                    if found if isinstance(found, bool) else await found:
                        return
                    away = None
                except SeatServerError as error:
                    if not error.retryable:
                        raise
                    away = error
                await asyncio.sleep(0.01)
    except AssertionError as error:
        raise error from away


async def answered(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What somebody answers who may be away for a moment, as `eventually` waits."""
    answers: list[Answer] = []

    async def has_answered() -> bool:
        answers.append(await ask())
        return True

    await eventually(has_answered, "an answer")
    return answers[-1]


def _source(is_so: Callable[..., Any]) -> str:
    """The line that says what is waited for."""
    try:
        lines, number = inspect.getsourcelines(is_so)
    except (OSError, TypeError):
        return repr(is_so)
    return f"{lines[0].strip()} (line {number})"


class Wire:
    """One socket. Every frame it ever got is in ``log``."""

    def __init__(self, connection: ClientConnection, token: str) -> None:
        self.connection = connection
        self.token = token
        self.binary = connection.subprotocol == MSGPACK
        self.log: list[Message] = []
        self._refs = itertools.count(1)

    async def send(self, type: str, **fields: Any) -> None:
        """Send a message."""
        message = {"type": type, **fields}
        await self.connection.send(msgspec.msgpack.encode(message) if self.binary else json.dumps(message))

    async def next(self) -> Message:
        """The next message. Raises `ConnectionClosed`."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self.connection.recv()
        assert isinstance(frame, bytes) is self.binary, "every frame is of the encoding that was agreed on"
        message = msgspec.msgpack.decode(frame) if isinstance(frame, bytes) else json.loads(frame)
        self.log.append(message)
        return cast(Message, message)

    async def until(self, type: str, **fields: Any) -> Message:
        """The next message of a type that has these fields; what comes before is skipped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.next()
                if message["type"] == type and fields.items() <= message.items():
                    return message

    async def told(self, type: str) -> Message:
        """The first message of a type, perhaps one that came already."""
        return next((message for message in self.log if message["type"] == type), None) or await self.until(type)

    async def ask(self, type: str, **fields: Any) -> Message:
        """Send a command and answer its one reply."""
        ref = fields.pop("ref", None) or next(self._refs)
        await self.send(type, ref=ref, **fields)
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.next()).get("ref") != ref:
                pass
            return message

    async def hello(self, **fields: Any) -> Message:
        """Say hello and wait for the welcome."""
        fields.setdefault("token", self.token)
        await self.send("hello", ref=next(self._refs), **fields)
        return await self.until("welcome")

    async def hold(self, *seats: int, hold_id: UUID | None = None) -> Message:
        return await self.ask("hold", hold_id=str(hold_id or uuid4()), seats=list(seats))

    async def closed(self) -> int:
        """Read to the end; the close code."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006

    async def last_words(self) -> tuple[int, list[Message]]:
        """Read to the end; the close code and what was said before, from here on."""
        before = len(self.log)
        return await self.closed(), self.log[before:]


class Instance:
    """A running server."""

    def __init__(self, core: Server, uvicorn: uvicorn.Server, url: str) -> None:
        self.core, self.uvicorn, self.url = core, uvicorn, url
        self.wires: list[Wire] = []

    def token(self, user: str = "ann", *scopes: str, lifetime_s: int = 600) -> str:
        return self.core.tokens.mint(user, scopes or ALL_SCOPES, lifetime_s)

    def address(self, showtime: str = SHOWTIME) -> str:
        return f"ws{self.url.removeprefix('http')}/ws/showtimes/{showtime}"

    def gauge(self, name: str) -> float:
        """A number of the metrics; 0 when it was never counted."""
        return self.core.metrics.registry.get_sample_value(f"seatserver_{name}") or 0.0

    @asynccontextmanager
    async def socket(
        self, user: str = "ann", encoding: str | None = JSON, *, showtime: str = SHOWTIME, **more: Any
    ) -> AsyncIterator[Wire]:
        """A socket that has said nothing yet."""
        protocols = None if encoding is None else [cast(Any, encoding)]
        more = {"max_size": None, "proxy": None, "compression": None, "open_timeout": PATIENCE_S, **more}
        async with connect(self.address(showtime), subprotocols=protocols, **more) as connection:
            wire = Wire(connection, self.token(user))
            self.wires.append(wire)
            yield wire

    @asynccontextmanager
    async def watcher(self, user: str = "ann", encoding: str | None = JSON, **more: Any) -> AsyncIterator[Wire]:
        """A socket that has said hello and has its snapshot."""
        async with self.socket(user, encoding, **more) as wire:
            await wire.hello()
            await wire.until("snapshot")
            yield wire

    @asynccontextmanager
    async def room(self, user: str = "ann", *, showtime: str = SHOWTIME, **more: Any) -> AsyncIterator[LiveRoom]:
        """A room of the Python client."""
        async with SeatClient(self.url, token=self.token(user)) as client, client.room(showtime, **more) as room:
            yield room

    async def states(self, showtime: str = SHOWTIME) -> bytes:
        """Redis' own view of the room."""
        return (await self.core.store.snapshot(showtime, SEATS)).states


async def hold(core: Server, user: str, *seats: int, showtime: str = SHOWTIME) -> UUID:
    """Hold seats; the hold's id."""
    hold_id = uuid4()
    await core.store.hold(showtime, hold_id, user, seats)
    return hold_id


async def rows(core: Server, query: str, **values: Any) -> list[Any]:
    """Ask Postgres, until it answers."""

    async def ask() -> list[Any]:
        async with core.database.reading() as connection:
            return list((await connection.execute(sa.text(query), values)).all())

    return await answered(ask)


BROKEN_BOOKINGS = """
    SELECT bookings.id, bookings.status
    FROM bookings LEFT JOIN booked_seats ON booked_seats.booking_id = bookings.id
    GROUP BY bookings.id
    HAVING count(booked_seats.seat) <> cardinality(bookings.seats)
        OR count(booked_seats.seat) FILTER (WHERE booked_seats.released_at IS NULL)
            <> CASE WHEN bookings.status IN ('pending', 'confirmed') THEN cardinality(bookings.seats) ELSE 0 END
"""
DOUBLE_SOLD = """
    SELECT showtime_id, seat FROM booked_seats WHERE released_at IS NULL GROUP BY showtime_id, seat HAVING count(*) > 1
"""


async def check_books(core: Server) -> None:
    """No seat has two owners, no booking has lost or kept a seat that it should not."""
    assert await rows(core, DOUBLE_SOLD) == []
    assert await rows(core, BROKEN_BOOKINGS) == []


async def settled(core: Server, showtime: str = SHOWTIME) -> bytes:
    """Wait until all that Postgres decided has arrived in Redis and both agree; the states then."""

    async def agree() -> bool:
        ownership = await core.records.load_ownership(showtime)
        view = await core.store.snapshot(showtime, SEATS)
        if view.pgseq != ownership.seq or await rows(core, "SELECT 1 FROM outbox WHERE showtime_id = :id", id=showtime):
            return False
        taken = {seat: state for seat, state in enumerate(view.states) if state in (SeatState.CLAIMED, SeatState.SOLD)}
        assert (taken, view.kept) == (ownership.taken, ownership.kept), "at the same change they show the same"
        return True

    await eventually(agree)
    return (await core.store.snapshot(showtime, SEATS)).states


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Server]:
    """A server without a port, with the showtime on sale."""
    async with Server(settings) as core:
        await put_on_sale(core.catalog)
        await block_from_the_start(core)
        yield core


@asynccontextmanager
async def serving(
    settings: Settings, *, send_buffer: int = 0, options: Mapping[str, Any] | None = None
) -> AsyncIterator[Instance]:
    """A server; afterwards nothing of it is left, and no frame ever showed a traceback.

    ``send_buffer`` is what the system keeps of each socket, in bytes; 0 leaves that to the system. ``options`` of
    uvicorn replace ours.
    """
    with listening.listen(settings) as listener:
        if send_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        async with Server(settings) as core:
            ready = asyncio.get_running_loop().create_future()
            server = make_server(core, ready.set_result)
            vars(server.config).update(options or {})
            task = asyncio.create_task(server.serve([listener]))
            async with within("the server to be ready"):
                await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task  # it says why
            instance = Instance(core, server, await ready)
            try:
                yield instance
            finally:
                server.should_exit = True
                async with within("the server to end"):
                    await task
    for wire in instance.wires:
        assert "Traceback" not in repr(wire.log)
    assert not server.server_state.connections
    assert instance.gauge("sockets") == 0
    assert instance.gauge("rooms") == 0
    assert not core.hub.rooms
