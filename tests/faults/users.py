"""Users who hold, give back, book, pay and cancel through real sockets, and remember everything that they were told.

Each user has one live room and does one errand after the other. A request whose outcome is not known is made again, as
the protocol says, on any server; what cannot be known stays open in the history. `Till` is the seller's payment system.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from seatserver.client import Disconnected, LiveRoom, RemoteError, SeatClient
from seatserver.client.live_room import SHORTEST_PAUSE_S
from seatserver.errors import SeatsRefused
from seatserver.seats.states import SeatState
from seatserver.wire import from_server
from tests.faults.history import History, Step
from tests.faults.site import NEWCOMERS, SHOWTIME, Server, Site

AGAIN_S = 60.0
"""How long somebody repeats a request whose outcome is not known."""
AFTER_LOAD_S = 120.0
GONE = ("hold_gone", "hold_conflict")
RETRYABLE = ("unavailable", "outcome_unknown", "busy", "hold_pinned")


class FollowedRoom(LiveRoom):
    """A live room of the Python client that writes down each version it shows, and a digest of what it showed then."""

    def __init__(self, client: SeatClient, showtime_id: str, encoding: str) -> None:
        super().__init__(client, showtime_id, encoding)
        self.seen: list[tuple[str, int, int]] = []

    async def _take(self, message: from_server.ServerMessage, connection: Any) -> None:
        await super()._take(message, connection)
        if isinstance(message, (from_server.Snapshot, from_server.Delta)):
            self.seen.append((self.room.epoch, self.room.version, hash(bytes(self.room.states))))

    def drop(self) -> bool:
        """Break the connection, as a network does; whether there was one."""
        connection, self._pause_s = self._connection, SHORTEST_PAUSE_S
        if connection is not None:
            connection.transport.abort()
        return connection is not None


@dataclass(slots=True)
class Promises:
    """What users were told of bookings. Ids are those of holds and bookings, which are the same."""

    confirmed: dict[UUID, tuple[int, ...]] = field(default_factory=dict)
    cancelling: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    refused: set[UUID] = field(default_factory=set)

    def since(self, before: Promises) -> set[UUID]:
        """Those of which something was said after ``before`` was copied."""
        return {
            *(self.confirmed.keys() ^ before.confirmed.keys()),
            *(self.cancelling ^ before.cancelling),
            *(self.cancelled ^ before.cancelled),
        }

    def forget(self, ids: set[UUID]) -> None:
        """What was said of these binds nobody any more."""
        for booking_id in ids:
            self.confirmed.pop(booking_id, None)
            for those in (self.cancelling, self.cancelled, self.refused):
                those.discard(booking_id)


class Till:
    """The seller's payment system: captures money for a booking, and gives it back when the booking did not stand."""

    def __init__(self) -> None:
        self.captured: Counter[UUID] = Counter()
        self.refunded: Counter[UUID] = Counter()

    def capture(self, booking_id: UUID) -> None:
        """The buyer has paid."""
        self.captured[booking_id] += 1

    def forget(self) -> None:
        """The books are closed."""
        self.captured.clear()
        self.refunded.clear()

    def refund(self, booking_id: UUID) -> None:
        """The buyer gets the money back."""
        self.refunded[booking_id] += 1


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What becomes of holds: weights. ``pause_s`` is the longest pause between two errands of a user."""

    book: int = 30
    pay: int = 25
    release: int = 20
    extend: int = 10
    abandon: int = 15
    cancel: float = 0.8
    most_seats: int = 3
    blind: float = 0.2
    pause_s: float = 0.02


class User:
    """One user with one room."""

    def __init__(self, load: Load, name: str, client: SeatClient, room: FollowedRoom, rng: random.Random) -> None:
        self.load, self.name, self.client, self.room = load, name, client, room
        self._rng = rng

    async def live(self) -> None:
        """Errand after errand until the load ends."""
        while not self.load.ending:
            await asyncio.sleep(self._rng.uniform(0, self.load.mix.pause_s))
            try:
                await self._errand()
            except Disconnected as error:
                raise AssertionError(f"{self.name} was sent away for good: {error}") from None

    async def _errand(self) -> None:
        mix, rng = self.load.mix, self._rng
        held = await self.hold(uuid4(), self._choice())
        if held is None:
            return
        kinds = ("book", "pay", "release", "extend", "abandon")
        match rng.choices(kinds, [mix.book, mix.pay, mix.release, mix.extend, mix.abandon])[0]:
            case "book":
                if await self.book(held) == "confirmed" and rng.random() < mix.cancel:
                    await self.cancel(held)
            case "pay":
                await self._pay(held)
            case "release":
                await self.release(held)
            case "extend":
                await self.extend(held)
                await self.release(held)

    def _choice(self) -> tuple[int, ...]:
        """Mostly what looks free, sometimes whatever."""
        rng, mix = self._rng, self.load.mix
        count = rng.randint(1, mix.most_seats)
        seats = range(self.load.site.seats - NEWCOMERS)
        free = [seat for seat in seats if self.room.room.states[seat] == SeatState.FREE]
        if len(free) < count or rng.random() < mix.blind:
            return tuple(sorted(rng.sample(seats, count)))
        return tuple(sorted(rng.sample(free, count)))

    async def _pay(self, held: Step) -> None:
        """Claim, pay, and confirm with the seller; some change their mind, some never pay."""
        if await self.book(held, pay_later=True) != "pending":
            return
        chance = self._rng.random()
        if chance < 0.15:
            return  # the reaper's
        if chance < 0.3:
            await self.cancel(held)
            return
        self.load.till.capture(held.hold_id)
        status = await self.load.confirm(held)
        if status not in ("confirmed", ""):
            self.load.till.refund(held.hold_id)
        elif status == "confirmed" and self._rng.random() < self.load.mix.cancel:
            await self.cancel(held)

    # ------------------------------------------------------------ the requests

    async def hold(self, hold_id: UUID, seats: tuple[int, ...]) -> Step | None:
        """Hold; the step when it is ours. Repeated while nobody knows, with the same id."""

        async def ask(step: Step) -> None:
            held = await self.room.hold(*seats, hold_id=hold_id)
            step.deadline_ms, step.outcome = float(held.deadline_ms), "ok"

        step = await self._until_known("hold", hold_id, seats, ask)
        return step if step.outcome == "ok" else None

    async def release(self, held: Step) -> None:
        """Give all of it back."""

        async def ask(step: Step) -> None:
            await self.room.release(held.hold_id)
            step.outcome = "ok"

        await self._until_known("release", held.hold_id, held.seats, ask)

    async def extend(self, held: Step) -> None:
        """Ask for more time."""

        async def ask(step: Step) -> None:
            longer = await self.room.extend(held.hold_id)
            step.deadline_ms, step.outcome = float(longer.deadline_ms), "ok"

        await self._until_known("extend", held.hold_id, held.seats, ask)

    async def book(self, held: Step, *, pay_later: bool = False) -> str:
        """Book; the booking's status, empty when there is none or nobody knows."""
        status = ""

        async def ask(step: Step) -> None:
            nonlocal status
            step.pending = pay_later
            booked = await self.room.book(held.hold_id, pay_later=pay_later)
            status, step.outcome = booked.status, "ok"

        step = await self._until_known("book", held.hold_id, held.seats, ask)
        promises = self.load.promises
        if step.outcome in ("gone", "refused"):
            promises.refused.add(held.hold_id)
        elif step.outcome == "ok" and status == "confirmed":
            promises.confirmed[held.hold_id] = held.seats
        return status

    async def cancel(self, held: Step) -> None:
        """Cancel the booking."""
        self.load.promises.cancelling.add(held.hold_id)
        await self.load.settle("cancel", held)

    async def _until_known(
        self, verb: Any, hold_id: UUID, seats: tuple[int, ...], ask: Callable[[Step], Awaitable[None]]
    ) -> Step:
        with self.load.history.step(verb, self.name, hold_id, seats) as step:
            await self.load.until_known(step, lambda: ask(step))
        return step


class Load:
    """All users of a site, what they did and what they were told."""

    def __init__(self, site: Site, mix: Mix) -> None:
        self.site, self.mix = site, mix
        self.history, self.promises, self.till = History(), Promises(), Till()
        self.users: list[User] = []
        self.errors: Counter[str] = Counter()
        self.ending = False
        self._seller = httpx.AsyncClient(timeout=5.0)
        self._seller_token = site.token("seller", "settle")
        self._turns = itertools.count()
        self._living: list[asyncio.Task[None]] = []

    @property
    def rooms(self) -> list[FollowedRoom]:
        """Every user's room."""
        return [user.room for user in self.users]

    def start(self) -> None:
        """From now on all of them are busy."""
        self._living = [asyncio.create_task(user.live(), name=user.name) for user in self.users]

    async def busy(self, bookings: int = 3, in_flight: int = 2) -> int:
        """Wait until so much is booked and so many requests are under way; how many there are now."""
        async with asyncio.timeout(AFTER_LOAD_S):
            while self.history.count("book") < bookings or len(self.in_flight()) < in_flight:
                self.raise_what_failed()
                await asyncio.sleep(0)
        return len(self.in_flight())

    def in_flight(self) -> list[Step]:
        """Requests that wait for an answer."""
        return self.history.in_flight()

    async def run_for(self, seconds: float) -> None:
        """Let them go on for a while."""
        ends_at = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends_at:
            self.raise_what_failed()
            await asyncio.sleep(0.05)

    async def until(self, is_so: Callable[[], object], at_most_s: float = AFTER_LOAD_S) -> bool:
        """Let them go on until it is so, or for that long; whether it is."""
        ends_at = asyncio.get_running_loop().time() + at_most_s
        while not (found := bool(is_so())) and asyncio.get_running_loop().time() < ends_at:
            self.raise_what_failed()
            await asyncio.sleep(0.01)
        return found

    async def end(self) -> None:
        """Everybody finishes their errand."""
        self.ending = True
        if self._living:
            _, late = await asyncio.wait(self._living, timeout=AFTER_LOAD_S)
            assert not late, f"{len(late)} users never got an answer: {[one.get_name() for one in late]}"
        self.raise_what_failed()

    def raise_what_failed(self) -> None:
        """A user who met what nobody may ever meet fails the test."""
        for task in self._living:
            if task.done() and (error := task.exception()) is not None:
                raise error

    async def close(self) -> None:
        """Nothing of the load is left."""
        for task in self._living:
            task.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)
        await self._seller.aclose()

    # ------------------------------------------------------------ asking until it is known

    async def until_known(self, step: Step, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask, and ask again as long as the answer says that nobody knows; at last give up and leave it open."""
        loop = asyncio.get_running_loop()
        gives_up_at = loop.time() + AGAIN_S
        while True:
            try:
                await ask()
                return
            except SeatsRefused as error:
                step.outcome, step.code = "refused", "seats_refused"
                step.reasons = {seat: str(reason) for seat, reason in error.reasons.items()}
                return
            except RemoteError as error:
                self.errors[error.code] += 1
                step.code = error.code
                if error.code in GONE:
                    step.outcome = "gone"
                    return
                if error.code == "hold_pinned" or (not error.retryable and error.code != "http"):
                    step.outcome = "refused"
                    assert error.code != "internal", error
                    return
            except (TimeoutError, httpx.HTTPError) as error:
                self.errors[type(error).__name__] += 1
            if loop.time() > gives_up_at:
                step.outcome = "error"
                return
            await asyncio.sleep(random.uniform(0.01, 0.1))

    async def confirm(self, held: Step) -> str:
        """The seller says that a booking is paid; the booking's status then, empty when nobody knows."""
        status = await self.settle("confirm", held)
        if status == "confirmed":
            self.promises.confirmed[held.hold_id] = held.seats
        return status

    async def settle(self, verb: Any, held: Step) -> str:
        """Confirm or cancel over REST, on one server after the other until one says how it is."""
        status = ""

        async def ask() -> None:
            nonlocal status
            server = self.next_server()
            response = await self._seller.post(
                f"{server.url}/api/v1/bookings/{held.hold_id}/{verb}",
                headers={"Authorization": f"Bearer {self._seller_token}"},
            )
            body = response.json()
            if response.is_error:
                status = "nowhere" if body["code"] == "not_found" else body["facts"].get("booking_status", "")
                raise RemoteError(body["code"], body["detail"], retryable=body["retryable"], facts=body["facts"])
            status, step.outcome = body["status"], "ok"

        with self.history.step(verb, "seller", held.hold_id, held.seats) as step:
            await self.until_known(step, ask)
        if verb == "cancel" and step.outcome == "ok":
            self.promises.cancelled.add(held.hold_id)
        return status

    def next_server(self) -> Server:
        """In turns."""
        servers = self.site.servers
        return servers[next(self._turns) % len(servers)]


@asynccontextmanager
async def users(
    site: Site, count: int = 8, mix: Mix | None = None, *, on: Sequence[str] = (), called: str = "user"
) -> AsyncIterator[Load]:
    """So many users, on these addresses or the site's servers in turns; they begin with `Load.start`."""
    load = Load(site, mix or Mix())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(load.close)
        addresses = on or [server.url for server in site.servers]
        for number in range(count):
            name = f"{called}-{number}"
            client = SeatClient(addresses[number % len(addresses)], token=site.token(name))
            await stack.enter_async_context(client)
            room = FollowedRoom(client, SHOWTIME, ("msgpack", "json")[number // 2 % 2])
            await stack.enter_async_context(room)
            load.users.append(User(load, name, client, room, random.Random(site.seed * 1000 + number)))
        yield load
