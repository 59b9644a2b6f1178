"""One showtime, live: follows every change, comes back by itself, and carries commands.

A `LiveRoom` reconnects with full jitter, resumes where it stopped, and sends commands again whose answer was lost. That
is safe, because the client makes the hold ids.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from uuid import UUID, uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from seatserver.client.errors import Disconnected, RemoteError, retry_after_s
from seatserver.client.rest import RestClient
from seatserver.errors import SeatsRefused
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seatmaps.model import SeatMap
from seatserver.tasks import raise_if_cancelled
from seatserver.wire import from_client, from_server, values
from seatserver.wire.closing import Close
from seatserver.wire.codec import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from seatserver.wire.reading import Reader

COMMAND_S = 10.0
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
STABLE_S = 10.0
ANY_STATE = range(10)
"""A state of a seat is a digit; a newer server may have more of them than `SeatState`."""

Answer = TypeVar("Answer")


class LiveRoom:
    """One showtime, live: its hall is ``seat_map``, and `state` tells what one seat is now.

    `room` has the whole of it: ``states``, a `SeatState` for each seat, at ``version``. Entering waits for the first
    snapshot, and raises `Disconnected` when the server refuses the client for good. Commands raise `RemoteError`, or
    `SeatsRefused`, which names every seat and what would be possible instead.
    """

    def __init__(self, client: RestClient, showtime_id: str, encoding: str) -> None:
        self.client = client
        self._url = f"ws{client.base_url.removeprefix('http')}/ws/showtimes/{showtime_id}"
        self._binary = encoding == "msgpack"
        self._subprotocol = SUBPROTOCOL_MSGPACK if self._binary else SUBPROTOCOL_JSON
        self._read = Reader("msgpack" if self._binary else "json").read
        self._encode = (msgspec.msgpack if self._binary else msgspec.json).Encoder().encode
        self._refs = itertools.count(1)
        self._waiting: dict[int, tuple[from_client.ClientMessage, asyncio.Future[from_server.ServerMessage]]] = {}
        self._connection: ClientConnection | None = None
        self._token = ""
        self._bye: from_server.Bye | None = None
        self._resyncing = False
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()
        self._gone: Disconnected | None = None
        self._pause_s = SHORTEST_PAUSE_S
        self._room: Room | None = None
        self.seat_map: SeatMap | None = None
        self.welcome: from_server.Welcome | None = None
        self.connections = 0
        self.snapshots = 0
        self.remaining: dict[int, int] = {}
        """General-admission area → its free places."""
        self.notices: list[from_server.ServerMessage] = []
        """What the server said unasked: expired holds, holds and bookings changed elsewhere, goodbyes."""
        self.bookings: dict[UUID, values.OwnBooking] = {}
        """One's own bookings here that have not ended, as last told."""

    @property
    def room(self) -> Room:
        """The room as far as this client knows it."""
        if self._room is None:
            raise RuntimeError("expected to be used inside `async with`")
        return self._room

    @property
    def connected(self) -> bool:
        """Whether the socket is open and the server has answered hello on it."""
        return self._connection is not None

    @property
    def awaits_answers(self) -> bool:
        """Whether a command is not answered yet."""
        return bool(self._waiting)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name=f"room {self._url}")
        try:
            await self.until(lambda _: self._room is not None and self._room.epoch != "")
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave the room. Holds stay the user's until their deadline."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end(Disconnected(1000, "the client left"))

    # ------------------------------------------------------------ commands

    async def hold(self, *seats: str | int, hold_id: UUID | None = None, **options: Any) -> from_server.Held:
        """Hold all these seats (labels or indexes) or none; ``options`` are the other fields of the message `Hold`.

        Raises `SeatsRefused` that names every seat.
        """
        message = from_client.Hold(
            ref=next(self._refs), hold_id=hold_id or uuid4(), seats=self.indexes(seats), **options
        )
        return await self._ask(message, from_server.Held)

    async def best(self, count: int | None = None, *, hold_id: UUID | None = None, **options: Any) -> from_server.Held:
        """Let the server find the best seats and hold them; ``options`` are the other fields of the message `Best`."""
        message = from_client.Best(ref=next(self._refs), hold_id=hold_id or uuid4(), count=count, **options)
        return await self._ask(message, from_server.Held)

    async def offers(self, count: int | None = None, **options: Any) -> tuple[values.SeatOffer, ...]:
        """What `best` would choose from, ranked; ``options`` are the other fields of the message `Offers`."""
        message = from_client.Offers(ref=next(self._refs), count=count, **options)
        return (await self._ask(message, from_server.Offered)).offers

    async def release(self, hold_id: UUID, *seats: str | int) -> from_server.Released:
        """Give back a hold, or only ``seats`` of it."""
        chosen = self.indexes(seats) if seats else None
        return await self._ask(
            from_client.Release(ref=next(self._refs), hold_id=hold_id, seats=chosen), from_server.Released
        )

    async def extend(self, hold_id: UUID) -> from_server.Held:
        """Ask for more time."""
        return await self._ask(from_client.Extend(ref=next(self._refs), hold_id=hold_id), from_server.Held)

    async def book(self, hold_id: UUID, *, pay_later: bool = False) -> from_server.Booked:
        """Turn the hold into a booking; the booking's id is the hold's id."""
        return await self._ask(
            from_client.Book(ref=next(self._refs), hold_id=hold_id, pay_later=pay_later), from_server.Booked
        )

    async def beat(self) -> from_server.Beat:
        """Ask where the server is."""
        return await self._ask(from_client.ClientBeat(ref=next(self._refs)), from_server.Beat)

    def indexes(self, seats: Sequence[str | int]) -> tuple[int, ...]:
        """Labels such as ``C-7`` as seat indexes. Raises `KeyError` for a label that the hall does not have."""
        by_label = self.seat_map.index_by_label if self.seat_map is not None else {}
        if unknown := [seat for seat in seats if isinstance(seat, str) and seat not in by_label]:
            example = f"; its labels look like {next(iter(by_label))}" if by_label else ""
            raise KeyError(f"the hall has no seat {', '.join(unknown)}{example}")
        return tuple(seat if isinstance(seat, int) else by_label[seat] for seat in seats)

    def state(self, seat: str | int) -> int:
        """The `SeatState` of one seat."""
        return self.room.states[self.indexes((seat,))[0]]

    async def resync(self) -> None:
        """Ask for whatever was missed, as after a gap; nothing happens without a connection."""
        if self._connection is not None:
            await self._ask_for_missed(self._connection)

    async def until(self, true: Callable[[LiveRoom], bool], timeout_s: float = COMMAND_S) -> None:
        """Wait until ``true(self)``, which is asked after every message. Raises `TimeoutError`, `Disconnected`."""
        async with asyncio.timeout(timeout_s), self._moved:
            while not true(self):
                if self._gone is not None:
                    raise self._gone
                await self._moved.wait()

    async def _ask(self, message: from_client.ClientMessage, kind: type[Answer]) -> Answer:
        if self._gone is not None:
            raise self._gone
        future: asyncio.Future[from_server.ServerMessage] = asyncio.get_running_loop().create_future()
        self._waiting[message.ref] = (message, future)
        try:
            async with asyncio.timeout(COMMAND_S):
                await self._send(message)
                answer = await future
        finally:
            del self._waiting[message.ref]
        if isinstance(answer, kind):
            return answer
        if isinstance(answer, from_server.Refused):
            raise self._refusal(answer)
        if isinstance(answer, from_server.Error):
            raise RemoteError(answer.code, answer.message, retryable=answer.retryable, facts=answer.facts)
        raise RemoteError("unexpected", f"expected {kind.__name__}, got {answer!r}")

    def _refusal(self, answer: from_server.Refused) -> SeatsRefused:
        seats, areas = (self.seat_map.seats, self.seat_map.general_areas) if self.seat_map is not None else ((), ())
        return SeatsRefused(
            dict(answer.seats),
            areas={areas[area].key: (reason, left) for area, reason, left in answer.areas},
            stranded=answer.stranded,
            fix=answer.fix,
            labels={seat: seats[seat].label for seat in (*dict(answer.seats), *answer.fix)},
            retry_at_ms=dict(answer.retry_at_ms),
        )

    # ------------------------------------------------------------ the connection's life

    async def _live(self) -> None:
        try:
            while self._gone is None:
                pause_s = await self._live_once()
                # A connection that breaks while it is closed hides that we were cancelled; nobody does that twice.
                raise_if_cancelled()
                await asyncio.sleep(pause_s)
        except Exception as error:
            # A message that breaks the contract, or a bug: nobody may wait for what will never come.
            self._gone = Disconnected(1002, f"{type(error).__name__}: {error}")
        await self._end(self._gone)

    async def _live_once(self) -> float:
        """One connection, from hello to its end; how long to wait before the next, in seconds.

        The server's wish is a floor: the jitter on top keeps a thousand clients from coming back in one instant.
        """
        clock = asyncio.get_running_loop().time
        started_at = clock()
        wish_s: float | None = 0.0
        try:
            await self._follow()
        except ConnectionClosed as closed:
            wish_s = self._wish_of(closed)
        except RemoteError as error:
            if not error.retryable:
                self._gone = Disconnected(4000, str(error))
            wish_s = error.retry_after_s
        except InvalidStatus as refused:
            wish_s = retry_after_s(refused.response.headers.get("Retry-After", ""))
        except (OSError, TimeoutError, InvalidHandshake, httpx.HTTPError):
            pass
        finally:
            self._connection = None
        async with self._moved:
            self._moved.notify_all()
        if self._gone is not None:
            return 0.0
        if clock() - started_at > STABLE_S:
            self._pause_s = SHORTEST_PAUSE_S
        if wish_s is None:
            return 0.0
        pause_s = wish_s + random.uniform(0, self._pause_s)
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
        return pause_s

    def _wish_of(self, closed: ConnectionClosed) -> float | None:
        """How long the server wishes us to stay away; None for not at all. Ends the room for a final code."""
        code = closed.rcvd.code if closed.rcvd is not None else 1006
        reason = closed.rcvd.reason if closed.rcvd is not None else ""
        if code in (Close.BAD_TOKEN, Close.TOKEN_EXPIRED, Close.REVOKED) and self.client.forget_guest(self._token):
            return 0.0
        if 4000 <= code <= 4099 or code == 1008:
            self._gone = Disconnected(code, self._bye.reason if self._bye is not None else reason)
        if self._bye is not None and self._bye.reconnect_after_ms >= 0:
            return self._bye.reconnect_after_ms / 1000 or None
        return None if 4200 <= code <= 4299 else 0.0

    async def _end(self, gone: Disconnected | None) -> None:
        """The room is over: whoever waits for it is told."""
        self._gone = self._gone or gone
        for _, future in self._waiting.values():
            if not future.done() and self._gone is not None:
                future.set_exception(self._gone)
        async with self._moved:
            self._moved.notify_all()

    async def _follow(self) -> None:
        """One connection: hello, then every message until it closes."""
        self._token = await self.client.access_token()
        self._bye, self._resyncing = None, False
        async with connect(
            self._url, subprotocols=[cast(Any, self._subprotocol)], compression=None, max_size=None
        ) as connection:
            self.connections += 1
            known = self._room
            resume = values.Resume(epoch=known.epoch, version=known.version) if known and known.epoch else None
            await self._send(from_client.Hello(token=self._token, resume=resume), connection)
            async for frame in connection:
                message = self._read(frame)
                if message is not None:
                    await self._take(message, connection)
        raise ConnectionClosed(connection.protocol.close_rcvd, connection.protocol.close_sent)

    async def _send(self, message: from_client.ClientMessage, connection: ClientConnection | None = None) -> None:
        connection = connection or self._connection
        if connection is None:
            return  # sent again after the next welcome
        frame = self._encode(message)
        try:
            await connection.send(frame if self._binary else frame.decode())
        except ConnectionClosed:
            if not isinstance(message, from_client.Hello):
                return
            raise

    async def _take(self, message: from_server.ServerMessage, connection: ClientConnection) -> None:
        match message:
            case from_server.Welcome():
                await self._arrive(message, connection)
            case from_server.Snapshot(epoch=epoch, version=version, states=states):
                self.snapshots += 1
                self.room.reset(epoch, version, bytes(int(state) for state in states))
                self.remaining = dict(enumerate(message.areas))
            case from_server.Delta():
                change = Change(message.epoch, message.from_, message.version, message.changes)
                applied = self.room.apply(change)
                if applied is Applied.GAP:
                    await self._ask_for_missed(connection)
                elif applied is Applied.YES:
                    self.remaining.update(message.areas)
            case from_server.Beat() if message.ref == 0:
                if (message.epoch, message.version) != (self.room.epoch, self.room.version):
                    await self._ask_for_missed(connection)
            case from_server.Bye():
                self._bye = message
                self.notices.append(message)
            case from_server.Booked():
                self._keep_booking(message)
                if message.ref == 0:
                    self.notices.append(message)
                else:
                    self._answer(message)
            case _ if hasattr(message, "ref"):
                self._answer(message)
            case _:
                self.notices.append(message)  # it answers nothing
        async with self._moved:
            self._moved.notify_all()

    def _keep_booking(self, booking: values.OwnBooking) -> None:
        if booking.status in ("pending", "confirmed"):
            self.bookings[booking.booking_id] = booking
        elif booking.status in ("cancelled", "expired"):
            self.bookings.pop(booking.booking_id, None)
        # A status of a newer server says nothing to us: what was told before stands.

    async def _arrive(self, welcome: from_server.Welcome, connection: ClientConnection) -> None:
        self.welcome = welcome
        if welcome.bookings is not None:
            self.bookings = {booking.booking_id: booking for booking in welcome.bookings}
        if self.seat_map is None or self.seat_map.content_hash != welcome.layout:
            self.seat_map = await self.client.layout(welcome.layout)
            self._room = Room(len(self.seat_map.seats), history=0, known_states=ANY_STATE)
        self._resyncing = False
        if self._connection is connection:
            return  # what waits has been sent on this connection already
        self._connection = connection
        for message, _ in tuple(self._waiting.values()):
            await self._send(message)

    async def _ask_for_missed(self, connection: ClientConnection) -> None:
        if self._resyncing:
            return  # asked already; until the answer comes every further message shows the same gap
        self._resyncing = True
        resume = values.Resume(epoch=self.room.epoch, version=self.room.version)
        await self._send(from_client.Hello(resume=resume), connection)

    def _answer(self, message: from_server.ServerMessage) -> None:
        _, future = self._waiting.get(getattr(message, "ref", 0), (None, None))
        if future is not None and not future.done():
            future.set_result(message)
