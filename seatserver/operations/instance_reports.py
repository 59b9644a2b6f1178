"""The figures of the operator's live view: a report for each process, and how the reports add up.

Once a second a process reads its own counters and rooms and writes a `Report` of the last seconds to the `ReportStore`
in Redis. `InstanceReports.all` reads the reports of all processes. Reports contain sums and bucket counts, never
averages, so adding them up gives what one big process would have counted. A process without a report for `SILENT_MS`
no longer counts. Without Redis there is only the report of the process that was asked.

Reporting also compares Redis' clock with this machine's: the broadcaster needs that to tell how old a change is.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from heapq import nlargest

import msgspec
import structlog

import seatserver
from seatserver.catalog.showtime import Showtime
from seatserver.config import Clock
from seatserver.errors import SeatServerError, Unavailable
from seatserver.live.broadcast.audience import Audience
from seatserver.live.broadcast.broadcaster import Broadcaster
from seatserver.live.broadcast.demand import PERIOD_S
from seatserver.metrics import Metrics
from seatserver.operations.report_store import PublishedReports, ReportStore
from seatserver.seats.states import SeatState
from seatserver.tasks import raise_if_cancelled

log = structlog.get_logger(__name__)

REPORT_S = 1.0
HEALTH_S = 2.0
SHORT, LONG = 10, 60
"""The seconds that rates and lags cover, and the seconds over which rarer events are counted."""
SILENT_MS = 6000
"""A process whose report is older counts as gone, because several reports in a row are missing."""
ROOMS_AT_MOST = 64
"""Most rooms that a report describes, the busiest first; all rooms are counted."""
CLOCK_SAMPLES = 30

RoomDemand = dict[int, tuple[float, int, int]]
"""What `Demand.by_place` says."""


class RoomReport(msgspec.Struct, frozen=True, array_like=True):
    """A live room of one process; ``states`` counts its places by state, ``catching_up`` while they may be old."""

    showtime_id: str
    title: str
    theatre_name: str
    auditorium_name: str
    starts_at_ms: int
    viewers: int
    holds: int
    refused: int
    version: int
    catching_up: bool
    states: tuple[int, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one process says of itself.

    Lags are counts for each of their histogram's buckets in the last `SHORT` seconds, ``expiry``, ``bookings``,
    ``refusals`` and ``errors`` of the last `LONG`. ``rooms`` has four bytes for each live room, the same in every
    process. ``postgres_ms`` and ``redis_ms`` are None when they did not answer.
    """

    id: str
    name: str
    release: str
    started_ms: int
    viewers: int = 0
    rooms: bytes = b""
    catching_up: int = 0
    holds_per_s: float = 0.0
    bookings: dict[str, int] = {}
    refusals: dict[str, int] = {}
    errors: dict[str, int] = {}
    turned_away: dict[str, int] = {}
    pushing: dict[str, int] = {}
    propagation: list[tuple[float, int]] = []
    expiry: list[tuple[float, int]] = []
    loop: list[tuple[float, int]] = []
    postgres_ms: float | None = None
    redis_ms: float | None = None
    feed: bool = False
    draining: bool = False
    showtimes: tuple[RoomReport, ...] = ()


class ReceivedReport(msgspec.Struct, frozen=True):
    """A report and its age; ``silent`` says that it is too old to count."""

    report: Report
    age_ms: int

    @property
    def silent(self) -> bool:
        """Whether its process counts as gone."""
        return self.age_ms > SILENT_MS


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The process' counters at a moment of the loop's clock."""

    at: float
    holds: int
    bookings: dict[str, int]
    refusals: dict[str, int]
    errors: dict[str, int]
    turned_away: dict[str, int]
    propagation: list[tuple[float, int]]
    expiry: list[tuple[float, int]]
    loop: list[tuple[float, int]]


class InstanceReports:
    """Writes this process' reports while `run` runs, and reads those of all processes."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        broadcaster: Broadcaster,
        board: ReportStore,
        clock: Clock,
        ping_database: Callable[[], Awaitable[None]],
        is_feed_healthy: Callable[[], bool],
        who_pushes: Callable[[], dict[str, int]],
        is_draining: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._broadcaster = broadcaster
        self._board = board
        self._clock = clock
        self._ping_database = ping_database
        self._is_feed_healthy = is_feed_healthy
        self._who_pushes = who_pushes
        self._is_draining = is_draining
        self._samples: deque[Totals] = deque(maxlen=LONG + 1)
        self._clock_samples: deque[tuple[float, float]] = deque(maxlen=CLOCK_SAMPLES)
        self._postgres_ms: float | None = None
        self._redis_ms: float | None = None
        self._redis_is_gone = False  # known since the last look; who asks need not wait in vain as well
        self._looked_at: tuple[str, ...] = ()
        self._turn_at = 0.0
        self.id = secrets.token_hex(6)
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._started_ms = clock()

    async def run(self) -> None:
        """Report once a second until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_on(), name="reports")
            tasks.create_task(self._look_after_health(), name="health")

    async def close(self) -> None:
        """Remove this process' report, because it ends in good order."""
        try:
            await self._board.withdraw(self.id)
        except Unavailable:
            pass  # it ends by itself
        except Exception:
            log.exception("report not taken down")  # no reason not to close what closes next

    # ------------------------------------------------------------ everybody's

    async def all(self) -> tuple[list[ReceivedReport], bool]:
        """The reports of all processes, ours first, and whether that is all. Without Redis there is only ours."""
        ours = ReceivedReport(self.report(), 0)
        if self._redis_is_gone:
            return [ours], False
        try:
            pinned = await self._board.read()
        except Unavailable:
            return [ours], False
        others = (_heard(one) for one in pinned if one.id != self.id)
        return [ours, *(other for other in others if other is not None)], True

    async def demand(self, showtime_id: str) -> tuple[RoomDemand, int]:
        """How much each place of a room is wanted, over all processes, and how many of them have not said yet.

        Raises `Unavailable`.
        """
        if self._redis_is_gone:
            raise Unavailable("Redis")
        self._turn()
        speaking = [heard.report for heard in (await self.all())[0] if not heard.silent]
        concerned = [one.id for one in speaking if one.id != self.id and mark_of(showtime_id) in marks_of(one.rooms)]
        texts = await self._board.look_at(showtime_id, concerned)
        theirs = [demand for text in texts.values() if (demand := _demand(text)) is not None]
        return added([self._own_demand(showtime_id), *theirs]), len(concerned) - len(theirs)

    # ------------------------------------------------------------ our own

    def report(self) -> Report:
        """Our own, as of this moment."""
        audiences = self._broadcaster.audiences
        newest = self._totals()
        short, long = self._before(SHORT, newest), self._before(LONG, newest)
        busiest = nlargest(ROOMS_AT_MOST, audiences.values(), key=_busyness)
        return Report(
            id=self.id,
            name=self._name,
            release=seatserver.__version__,
            started_ms=self._started_ms,
            viewers=sum(audience.viewers for audience in audiences.values()),
            rooms=b"".join(map(mark_of, audiences)),
            catching_up=sum(audience.is_catching_up for audience in audiences.values()),
            holds_per_s=(newest.holds - short.holds) / max(1.0, newest.at - short.at),
            bookings=_more(newest.bookings, long.bookings),
            refusals=_more(newest.refusals, long.refusals),
            errors=_more(newest.errors, long.errors),
            turned_away=_more(newest.turned_away, long.turned_away),
            pushing=self._who_pushes(),
            propagation=_between(newest.propagation, short.propagation),
            expiry=_between(newest.expiry, long.expiry),
            loop=_between(newest.loop, short.loop),
            postgres_ms=self._postgres_ms,
            redis_ms=self._redis_ms,
            feed=self._is_feed_healthy(),
            draining=self._is_draining(),
            showtimes=tuple(
                _described(audience, audience.showtime) for audience in busiest if audience.showtime is not None
            ),
        )

    def _totals(self) -> Totals:
        metrics = self._metrics
        return Totals(
            at=asyncio.get_running_loop().time(),
            holds=metrics.holds.total(),
            bookings=metrics.bookings.totals(),
            refusals=metrics.refusals.totals(),
            errors=metrics.errors.totals(),
            turned_away=metrics.turned_away.totals(),
            propagation=metrics.propagation.buckets(),
            expiry=metrics.expiry.buckets(),
            loop=metrics.loop_lag.buckets(),
        )

    def _before(self, seconds: int, newest: Totals) -> Totals:
        """The counters as they were so many seconds ago, or the oldest known ones."""
        return next((one for one in self._samples if newest.at - one.at <= seconds + REPORT_S / 2), newest)

    def _own_demand(self, showtime_id: str) -> RoomDemand:
        audience = self._broadcaster.audiences.get(showtime_id)
        return audience.demand.by_place() if audience is not None else {}

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._turn_at:
            self._turn_at = now + PERIOD_S
            for audience in self._broadcaster.audiences.values():
                audience.demand.begin_period()

    async def _report_on(self) -> None:
        while True:
            self._turn()
            self._samples.append(self._totals())
            rooms = {one: msgspec.msgpack.encode(self._own_demand(one)) for one in self._looked_at}
            try:
                self._looked_at = await self._board.publish(self.id, msgspec.msgpack.encode(self.report()), rooms)
            except SeatServerError as error:
                self._looked_at = ()
                log.debug("report not pinned", error=str(error))
            except Exception:
                log.exception("report not pinned")
            raise_if_cancelled()
            await asyncio.sleep(REPORT_S)

    async def _look_after_health(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._ping_database()
                self._postgres_ms = (loop.time() - started) * 1000
            except Exception as error:
                self._postgres_ms = None
                if not isinstance(error, SeatServerError):
                    log.exception("database not asked")
            await self._compare_clocks()
            raise_if_cancelled()
            await asyncio.sleep(HEALTH_S)

    async def _compare_clocks(self) -> None:
        before = self._clock()
        try:
            took_ms, theirs_ms = await self._board.clock()
        except Exception as error:
            self._redis_ms, self._redis_is_gone = None, True
            if not isinstance(error, SeatServerError):
                log.exception("Redis not asked")
            return
        self._redis_ms, self._redis_is_gone = took_ms, False
        self._clock_samples.append((took_ms, theirs_ms - (before + self._clock()) / 2))
        # The quickest answer is the most exact: its error is at most half of the round trip.
        self._broadcaster.services.redis_ahead_ms = min(self._clock_samples)[1]


_REPORT = msgspec.msgpack.Decoder(Report)
_DEMAND = msgspec.msgpack.Decoder(RoomDemand)


def _heard(pinned: PublishedReports) -> ReceivedReport | None:
    try:
        return ReceivedReport(_REPORT.decode(pinned.text), pinned.age_ms)
    except msgspec.DecodeError as error:  # from an instance that reports otherwise
        log.warning("report not understood", id=pinned.id, error=str(error))
        return None


def _demand(text: bytes) -> RoomDemand | None:
    try:
        return _DEMAND.decode(text)
    except msgspec.DecodeError as error:
        log.warning("demand not understood", error=str(error))
        return None


def mark_of(showtime_id: str) -> bytes:
    """Four bytes that stand for a room when rooms are counted; two rooms have the same once in four billion."""
    return zlib.crc32(showtime_id.encode()).to_bytes(4, "big")


def marks_of(rooms: bytes) -> set[bytes]:
    """The marks in a report's ``rooms``."""
    return {rooms[at : at + 4] for at in range(0, len(rooms), 4)}


def added(demands: Sequence[RoomDemand]) -> RoomDemand:
    """Merge what several processes report of a room."""
    found: RoomDemand = {}
    for demand in demands:
        for place, (wanted, held, refused) in demand.items():
            before = found.get(place, (0.0, 0, 0))
            found[place] = (before[0] + wanted, before[1] + held, before[2] + refused)
    return found


def _busyness(audience: Audience) -> tuple[int, int]:
    return sum(audience.demand.last_minute()), audience.viewers


def _described(audience: Audience, showtime: Showtime) -> RoomReport:
    holds, refused = audience.demand.last_minute()
    room = audience.room
    return RoomReport(
        showtime.id,
        showtime.title,
        showtime.theatre_name,
        showtime.auditorium_name,
        showtime.starts_at_ms,
        audience.viewers,
        holds,
        refused,
        room.version,
        audience.is_catching_up,
        tuple(room.states.count(state) for state in SeatState),
    )


def _more(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}


def _between(now: Sequence[tuple[float, int]], before: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    return [(bound, count - earlier) for (bound, count), (_, earlier) in zip(now, before, strict=True)]
