"""A small seat server that cheats on purpose, so that the load lab can be caught sleeping.

It speaks as much of the public contract as a rush needs and keeps everything in memory. With no cheat it is honest, and
a rush against it must pass; each cheat breaks one promise that the lab says it checks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState
from seatserver.wire import from_client, from_server, values
from seatserver.wire.codec import Codec, Codecs

Cheat = Literal[
    "",
    "sells_twice",
    "robs",
    "loses_an_update",
    "stalls",
    "answers_before_it_commits",
    "forgets",
    "keeps_holds",
    "closes_a_socket",
    "turns_people_away",
]
STALL_S = 5.0
LATE_COMMIT_S = 3.0
LET_IN = 10
"""So many sockets are open at a time, where the others are turned away."""
HOLD_MS = 30_000
"""Nobody is so slow that a hold ends before it is booked."""
NAMED_EMPTY: dict[str, Any] = {"areas": (), "lines": (), "fees_minor": 0, "total_minor": 0}
MONEY: dict[str, Any] = {"currency": "EUR", "currency_digits": 2}


class CheatingServer:
    """One showtime a hall, as the lab asks for it. ``cheat`` says which promise it breaks."""

    def __init__(self, cheat: Cheat) -> None:
        self.cheat = cheat
        self.halls: dict[str, SeatMap] = {}
        self.states: dict[str, bytearray] = {}
        self.versions: dict[str, int] = {}
        self.sockets: dict[str, list[tuple[WebSocket, Codec]]] = {}
        self.holds: dict[UUID, tuple[str, tuple[int, ...]]] = {}
        self.booked: set[str] = set()
        self._changes = itertools.count(1)
        self._holds_made = itertools.count(1)
        self._books = itertools.count(1)
        self._sockets = itertools.count(1)
        self._inside = 0
        self._codecs = Codecs()
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        """The server's routes."""
        return Starlette(
            routes=[
                Route("/api/v1/admin/layouts", self.put_layout, methods=["POST"]),
                Route("/api/v1/admin/showtimes/{id}", self.put_showtime, methods=["PUT"]),
                Route("/api/v1/admin/{kind}/{id}", self.accept, methods=["PUT"]),
                Route("/api/v1/showtimes/{id}/availability", self.availability),
                Route("/api/v1/bookings/{id}", self.booking),
                WebSocketRoute("/ws/showtimes/{id}", self.live),
            ]
        )

    async def accept(self, request: Request) -> Response:
        return JSONResponse({})

    async def put_layout(self, request: Request) -> Response:
        seat_map = read_seat_map(await request.body()).seat_map
        self.halls[seat_map.content_hash] = seat_map
        return JSONResponse({"hash": seat_map.content_hash})

    async def put_showtime(self, request: Request) -> Response:
        showtime = request.path_params["id"]
        seat_map = self.halls[(await request.json())["layout_hash"]]
        self.states[showtime] = bytearray(len(seat_map.seats))
        self.versions[showtime] = 0
        self.sockets[showtime] = []
        return JSONResponse({})

    async def availability(self, request: Request) -> Response:
        showtime = request.path_params["id"]
        total = {state.name.lower(): self.states[showtime].count(state) for state in SeatState}
        return JSONResponse({"epoch": "one", "version": self.versions[showtime], "total": total})

    async def booking(self, request: Request) -> Response:
        known = request.path_params["id"] in self.booked
        return JSONResponse({}, status_code=200 if known else 404)

    async def live(self, socket: WebSocket) -> None:
        showtime = socket.path_params["id"]
        codec = self._codecs.choose(socket.scope["subprotocols"])
        assert codec is not None
        if self.cheat == "turns_people_away" and self._inside >= LET_IN:
            await socket.close()  # before it is accepted: HTTP 403
            return
        self._inside += 1  # before the first await: no two get the last place
        try:
            await self._converse(socket, codec, showtime)
        finally:
            self._inside -= 1

    async def _converse(self, socket: WebSocket, codec: Codec, showtime: str) -> None:
        await socket.accept(subprotocol=codec.subprotocol)
        if self.cheat == "closes_a_socket" and next(self._sockets) == 3:
            await socket.close(1011)
            return
        try:
            while True:
                received = await socket.receive()
                if received["type"] != "websocket.receive":
                    return
                frame = received.get("bytes") or received.get("text") or b""
                await self._serve(socket, codec, showtime, codec.decode(frame, 4096))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            with contextlib.suppress(ValueError):
                self.sockets[showtime].remove((socket, codec))

    async def _serve(self, socket: WebSocket, codec: Codec, showtime: str, message: from_client.ClientMessage) -> None:
        if isinstance(message, from_client.Hello):
            await self._welcome(socket, codec, showtime, message.ref)
        elif isinstance(message, from_client.Hold):
            await self._hold(socket, codec, showtime, message)
        elif isinstance(message, from_client.Release):
            _, seats = self.holds.pop(message.hold_id, (showtime, ()))
            await self._change(showtime, seats, SeatState.FREE)
            released = from_server.Released(ref=message.ref, hold_id=message.hold_id, seats=seats)
            await self._say(socket, codec, released)
        elif isinstance(message, from_client.Book):
            await self._book(socket, codec, showtime, message)

    async def _welcome(self, socket: WebSocket, codec: Codec, showtime: str, ref: int) -> None:
        welcome = from_server.Welcome(
            ref=ref,
            showtime=showtime,
            layout="",
            epoch="one",
            version=self.versions[showtime],
            server_ms=_now_ms(),
            user="somebody",
            scopes=("watch", "hold", "book"),
            holds=(),
            limits=values.Limits(
                seats_per_user=10, hold_ms=HOLD_MS, hold_total_ms=HOLD_MS, heartbeat_ms=15_000, message_bytes=4096
            ),
            on_sale_at_ms=0,
            sale_ends_at_ms=_now_ms() + 3_600_000,
        )
        await self._say(socket, codec, welcome)
        states = "".join(map(str, self.states[showtime]))
        await self._say(
            socket, codec, from_server.Snapshot(epoch="one", version=self.versions[showtime], states=states)
        )
        if (socket, codec) not in self.sockets[showtime]:
            self.sockets[showtime].append((socket, codec))

    async def _hold(self, socket: WebSocket, codec: Codec, showtime: str, hold: from_client.Hold) -> None:
        if self.cheat == "stalls" and next(self._holds_made) == 5:
            async with self._lock:
                await asyncio.sleep(STALL_S)
        async with self._lock:
            pass
        states = self.states[showtime]
        taken = tuple((seat, "sold") for seat in hold.seats if states[seat] != SeatState.FREE)
        is_blind = self.cheat == "sells_twice" and next(self._holds_made) % 3 == 0
        if taken and not is_blind:
            refused = from_server.Refused(ref=hold.ref, hold_id=hold.hold_id, seats=taken)  # type: ignore[arg-type]
            return await self._say(socket, codec, refused)
        if is_blind:  # whoever comes gets what somebody has already
            owned = [seat for seat, state in enumerate(states) if state == SeatState.SOLD]
            hold = from_client.Hold(ref=hold.ref, hold_id=hold.hold_id, seats=tuple(owned[:1]) or hold.seats)
        self.holds[hold.hold_id] = showtime, hold.seats
        await self._change(showtime, hold.seats, SeatState.HELD)
        self._later(self._expire(hold.hold_id))
        held = from_server.Held(
            ref=hold.ref,
            hold_id=hold.hold_id,
            deadline_ms=_now_ms() + HOLD_MS,
            seats=hold.seats,
            **NAMED_EMPTY,
            **MONEY,
        )
        await self._say(socket, codec, held)

    async def _book(self, socket: WebSocket, codec: Codec, showtime: str, book: from_client.Book) -> None:
        if self.cheat == "robs" and next(self._books) % 4 == 0 and book.hold_id in self.holds:
            _, seats = self.holds.pop(book.hold_id)
            await self._change(showtime, seats, SeatState.FREE)
        if book.hold_id not in self.holds:
            gone = from_server.Error(ref=book.ref, code="hold_gone", message="it has ended", retryable=False)
            return await self._say(socket, codec, gone)
        _, seats = self.holds.pop(book.hold_id)
        if self.cheat == "answers_before_it_commits":
            self._later(self._commit_late(str(book.hold_id)))
        else:
            self.booked.add(str(book.hold_id))
        forgets = self.cheat == "forgets" and len(self.booked) % 3 == 0
        await self._change(showtime, seats, SeatState.FREE if forgets else SeatState.SOLD)
        booked = from_server.Booked(
            ref=book.ref, booking_id=book.hold_id, status="confirmed", seats=seats, **NAMED_EMPTY, **MONEY
        )
        await self._say(socket, codec, booked)

    async def _commit_late(self, booking: str) -> None:
        await asyncio.sleep(LATE_COMMIT_S)
        self.booked.add(booking)

    async def _expire(self, hold_id: UUID) -> None:
        await asyncio.sleep(HOLD_MS / 1000)
        if hold_id in self.holds and self.cheat != "keeps_holds":
            showtime, seats = self.holds.pop(hold_id)
            await self._change(showtime, seats, SeatState.FREE)

    async def _change(self, showtime: str, seats: tuple[int, ...], state: SeatState) -> None:
        for seat in seats:
            self.states[showtime][seat] = state
        before = self.versions[showtime]
        self.versions[showtime] = before + 1
        whole = from_server.Delta(
            epoch="one", from_=before, version=before + 1, changes=tuple((seat, int(state)) for seat in seats)
        )
        empty = from_server.Delta(epoch="one", from_=before, version=before + 1, changes=())
        forgets_one = self.cheat == "loses_an_update" and next(self._changes) % 7 == 0
        for number, (socket, codec) in enumerate(tuple(self.sockets[showtime])):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._say(socket, codec, empty if forgets_one and number == 0 else whole)

    async def _say(self, socket: WebSocket, codec: Codec, message: from_server.ServerMessage) -> None:
        payload = codec.encode(message).payload
        if isinstance(payload, str):
            await socket.send_text(payload)
        else:
            await socket.send_bytes(payload)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def cheating(cheat: Cheat, **options: Any) -> Iterator[str]:
    """Run the server in a thread, with uvicorn's ``options``; its address."""
    app = CheatingServer(cheat).app()
    config = uvicorn.Config(app, port=0, log_level="error", ws="websockets-sansio", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="cheating server")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        scheme = "https" if config.is_ssl else "http"
        yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
