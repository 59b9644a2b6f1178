"""From one room to all its viewers, without a server: shared frames, merged ticks, and everybody sees the room.

The viewers here have real sockets: the tests check what a client would decode.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest
import uvloop
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seatserver import config
from seatserver.live.broadcast import audience as audience_module
from seatserver.live.broadcast import news, recipients
from seatserver.live.broadcast.audience import FEW_CHANGES, Audience
from seatserver.live.broadcast.broadcaster import Broadcaster
from seatserver.live.broadcast.io_uring import NO_FD, WriteToEach, open_batch_writer, write_to_each
from seatserver.live.broadcast.news import delta_of, snapshot_of
from seatserver.live.broadcast.pace import BURST_S, Pace
from seatserver.live.broadcast.scheduler import TimeSlicer
from seatserver.live.broadcast.services import BroadcastServices
from seatserver.metrics import Metrics
from seatserver.redis_io.client import connect
from seatserver.rooms.feed import Notice
from seatserver.rooms.hub import Hub, LiveRoom
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seats.model import Ownership
from seatserver.seats.store import SeatStore
from seatserver.wire.codec import Codec, Codecs
from seatserver.wire.frames import Frame
from seatserver.wire.from_server import Beat, Booked, Delta, Expired, ServerMessage, Snapshot

SEATS = 6


def hall_of(count: int) -> SeatMap:
    """A row of seats."""
    return SeatMap.build(
        name="Row",
        categories=[Category(key="standard", name="Standard", color="#0072b2")],
        screen=Screen(x=0, y=0, width=5),
        seats=[Seat(row="A", number=str(seat + 1), x=seat, y=3, category="standard") for seat in range(count)],
    )


EPOCH = "epoch"
BOOKING = UUID("00000000-0000-4000-8000-000000000007")
CODECS = Codecs()
LONG_NS = 3600 * 10**9
HEAD = 2  # bytes of a short frame before its payload


class Looker:
    """A viewer on a socket, and the picture that a client makes of what arrives there.

    As a line does it keeps what the socket does not take, and has a descriptor only while nothing is kept. ``direct``
    False is a line that has none, like those of other servers.
    """

    def __init__(self, codec: Codec = CODECS.json, user_id: str = "ann", *, direct: bool = True) -> None:
        self.codec = codec
        self.user_id = user_id
        self.slot = -1
        self.seen = 0
        self.audience: Audience | None = None
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)
        self.direct = direct
        self.behind = False
        self.stale = False
        self.kept = b""
        self.shown = 0
        self.told: list[ServerMessage] = []
        self.told_changed: list[str] = []
        self.heard: list[ServerMessage] = []
        self.picture = Room(SEATS, 0)

    def close(self) -> None:
        self.near.close()
        self.far.close()

    # ------------------------------------------------------------ what a session and its line do

    @property
    def descriptor(self) -> int:
        return self.near.fileno() if self.direct and not self.kept and not self.behind else NO_FD

    def show(self, frame: Frame, mark: int) -> bool:
        self.shown += 1
        if self.behind:
            self.stale = True
            return False
        self.seen = mark
        self.write(frame.wire)
        return True

    def finish(self, frame: Frame, sent: int, mark: int) -> None:
        self.seen = mark
        self.write(frame.wire[sent:])

    def tell(self, message: ServerMessage) -> None:
        self.told.append(message)

    def tell_changed(self, hold_id: str) -> None:
        self.told_changed.append(hold_id)

    def write(self, data: bytes) -> None:
        self.kept += data
        try:
            self.kept = self.kept[os.write(self.near.fileno(), self.kept) :]
        except BlockingIOError:
            pass
        self.redirected()

    def redirected(self) -> None:
        if self.audience is not None:
            self.audience.redirect(self)

    def sleep(self) -> None:
        """It reads nothing, and is behind: from now on there is no room for frames."""
        self.behind = True
        self.redirected()

    def wake(self) -> None:
        """It has caught up."""
        self.behind = False
        if self.stale and self.audience is not None:
            self.stale = False
            self.show(self.audience.snapshot(self.codec), self.audience.mark)
        self.redirected()

    # ------------------------------------------------------------ what a client does

    def look(self) -> list[ServerMessage]:
        """Take all that has arrived."""
        arrived = b""
        while True:
            try:
                arrived += self.far.recv(1 << 20)
            except BlockingIOError:
                if not self.kept:
                    break
                self.write(b"")
        messages = []
        while arrived:
            size = arrived[1] if arrived[1] < 126 else int.from_bytes(arrived[2:4])
            head = HEAD if arrived[1] < 126 else HEAD + 2
            messages.append(self.take(arrived[head : head + size]))
            arrived = arrived[head + size :]
        return messages

    def take(self, payload: bytes) -> ServerMessage:
        message: ServerMessage = (
            msgspec.json.decode(payload, type=ServerMessage)
            if self.codec is CODECS.json
            else msgspec.msgpack.decode(payload, type=ServerMessage)
        )
        if isinstance(message, Snapshot):
            newer = message.epoch != self.picture.epoch or message.version >= self.picture.version
            assert newer, "a snapshot never takes a viewer back"
            self.picture.reset(message.epoch, message.version, bytes(map(int, message.states)))
        elif isinstance(message, Delta):
            change = Change(message.epoch, message.from_, message.version, message.changes)
            assert self.picture.apply(change) is Applied.YES, "every delta follows what came before it, and is news"
        elif isinstance(message, Beat):
            assert (message.epoch, message.version) == (self.picture.epoch, self.picture.version)
        self.heard.append(message)
        return message


class Stage:
    """An audience and its room; `play` changes the room as the hub does."""

    def __init__(self, *, heartbeat_ms: int = 15_000, slice_s: float | None = None) -> None:
        settings = config.load({}, redis_url="redis://127.0.0.1:1", tick_ms=1000)
        settings = dataclasses.replace(settings, heartbeat_ms=heartbeat_ms)
        hub = Hub(SeatStore(connect(settings), settings, nothing), settings)
        self.read: list[UUID] = []
        self.broadcaster = Broadcaster(hub, BroadcastServices(settings, Metrics(), lambda: 42, self.read_booking))
        # Every delivery is more than its share: the room is busy after each, until `end_tick`, however long it took.
        pacing = self.broadcaster.services.pacing
        pacing.burst_ns, pacing.least_ns, pacing.most_ns = 0, LONG_NS, LONG_NS
        # However slow the machine: a delivery needs several slices only where a test says so.
        self.broadcaster.services.slicer = TimeSlicer(60 if slice_s is None else slice_s)
        self.broadcaster.services.call_later = self.begin_tick
        self.tick: tuple[asyncio.TimerHandle, Callable[[], None]] | None = None
        self.audience = Audience("show", hall_of(SEATS), self.broadcaster.services)
        self.room = Room(SEATS, 100)
        self.room.reset(EPOCH, 0, bytes(SEATS))
        self.audience.live = LiveRoom("show", self.room, self.audience)
        self.epochs = itertools.count(1)
        self.lookers = ExitStack()

    async def read_booking(self, booking_id: UUID) -> Booked | None:
        self.read.append(booking_id)
        if booking_id != BOOKING:
            return None
        money = {"fees_minor": 0, "total_minor": 900, "currency": "EUR", "currency_digits": 2}
        basket: dict[str, Any] = {"areas": (), "lines": (), **money}
        return Booked(ref=0, booking_id=booking_id, status="confirmed", seats=(1,), **basket)

    def play(self, *pairs: tuple[int, int]) -> None:
        change = Change(self.room.epoch, self.room.version, self.room.version + 1, pairs)
        assert self.room.apply(change) is Applied.YES
        self.audience.changed(change)

    def restart(self) -> None:
        self.room.reset(f"epoch {next(self.epochs)}", 1, bytes(SEATS))
        self.audience.reset()

    def viewer(self, codec: Codec = CODECS.json, user_id: str = "ann", *, direct: bool = True) -> Looker:
        """One who joins, with its snapshot."""
        looker = Looker(codec, user_id, direct=direct)
        self.lookers.callback(looker.close)
        self.join(looker)
        return looker

    def join(self, looker: Looker) -> None:
        """As a session does at hello, the first time and again: from the version that the snapshot shows."""
        looker.audience = self.audience
        self.audience.add(looker)
        looker.show(self.audience.snapshot(looker.codec), self.audience.mark)

    def ask(self, looker: Looker) -> None:
        """As a session answers a beat."""
        if looker.behind:
            return
        self.audience.show_news(looker)
        beat = Beat(epoch=self.room.epoch, version=self.room.version)
        looker.write(looker.codec.encode(beat).wire)

    def answer(self, looker: Looker) -> None:
        """As a session answers another command."""
        if looker.behind:
            return
        for frame in self.audience.news_with_answer(looker):
            looker.write(frame.wire)

    def begin_tick(self, _: float, over: Callable[[], None]) -> asyncio.TimerHandle:
        """However slow the machine, no tick is over before `end_tick`."""
        timer = asyncio.get_running_loop().call_later(3600, over)
        self.tick = timer, over
        return timer

    @property
    def in_tick(self) -> bool:
        return self.tick is not None and not self.tick[0].cancelled()

    def end_tick(self) -> None:
        """Let the room's tick be over."""
        if self.tick is not None and self.in_tick:
            timer, over = self.tick
            timer.cancel()
            over()

    async def deliver(self) -> None:
        """Until everybody has been served."""
        while self.audience.has_news:
            self.end_tick()
            await rounds()


@contextmanager
def staged(**options: Any) -> Iterator[Stage]:
    stage = Stage(**options)
    with stage.lookers:
        yield stage


async def nothing(showtime_id: str) -> Ownership:
    raise AssertionError("nothing is loaded here")


async def rounds(count: int = 3) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_room_that_takes_little_time_delivers_every_change_at_once() -> None:
    with staged() as stage:
        stage.broadcaster.services.pacing.burst_ns = 10**12
        looker = stage.viewer()
        looker.look()
        for version in range(5):
            stage.play((0, 1 - version % 2))
            await rounds()
            assert len(looker.look()) == 1, "no tick"


async def test_what_comes_while_a_delivery_is_under_way_follows_at_once() -> None:
    with staged(slice_s=0.0) as stage:
        stage.broadcaster.services.pacing.burst_ns = 10**12
        lookers = [stage.viewer(), stage.viewer(CODECS.msgpack)]
        stage.play((0, 1))
        while not stage.audience.is_delivering:
            await rounds(1)
        stage.play((1, 1))
        await rounds(20)
        for looker in lookers:
            looker.look()
            assert looker.picture.snapshot() == stage.room.snapshot()


@pytest.fixture
def one_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``slice_s=0``, a delivery serves one viewer a slice."""
    monkeypatch.setattr(recipients, "CHUNK", 1)


def spans(looker: Looker) -> list[tuple[int, int]]:
    """The versions that each delta led from and to."""
    looker.look()
    return [(message.from_, message.version) for message in looker.heard if isinstance(message, Delta)]


async def until_served(lookers: list[Looker], count: int) -> None:
    """Until so many have a delta."""
    while sum(bool(spans(looker)) for looker in lookers) < count:
        await rounds(1)


async def until_delivered(stage: Stage) -> None:
    """Until the delivery under way is over."""
    while stage.audience.is_delivering:
        await rounds(1)


@pytest.mark.usefixtures("one_a_slice")
async def test_what_happens_while_few_are_served_is_brought_by_the_same_delivery() -> None:
    with staged(slice_s=0) as stage:
        lookers = [stage.viewer(codec) for codec in (CODECS.json, CODECS.msgpack) for _ in range(6)]
        stage.play((0, 1))
        await until_served(lookers, 2)
        stage.play((1, 1))
        await until_served(lookers, 4)
        lookers.append(stage.viewer())
        stage.play((0, 2))
        await until_delivered(stage)
        assert stage.in_tick, "one delivery, and no other until the tick is over"
        assert sorted(map(spans, lookers)) == [
            *[[(0, 1), (1, 3)]] * 2,  # the rest is the same for all who were served already
            *[[(0, 2), (1, 3)]] * 2,
            *[[(0, 3)]] * 9,
        ]
        assert all(looker.picture.states == stage.room.states for looker in lookers)


@pytest.mark.usefixtures("one_a_slice")
async def test_what_happens_when_half_are_served_waits_for_the_next_delivery() -> None:
    with staged(slice_s=0) as stage:
        lookers = [stage.viewer() for _ in range(10)]
        stage.play((0, 1))
        await until_served(lookers, 5)
        stage.play((1, 1))
        await until_delivered(stage)
        assert stage.in_tick
        assert list(map(spans, lookers)) == [[(0, 1)]] * 10
        await stage.deliver()
        assert list(map(spans, lookers)) == [[(0, 1), (1, 2)]] * 10


@pytest.mark.usefixtures("one_a_slice")
async def test_a_stream_of_changes_prolongs_no_delivery_and_everybody_is_up_to_date_after_it() -> None:
    with staged(slice_s=0) as stage:
        lookers = [stage.viewer(codec) for codec in (CODECS.json, CODECS.msgpack) for _ in range(10)]
        stage.play((0, 1))
        await until_served(lookers, 1)
        for change in range(200):
            if not stage.audience.is_delivering:
                break
            stage.play((change % SEATS, change % 5))
            stage.viewer()  # newcomers prolong nothing either
            await rounds(1)
        assert stage.in_tick and stage.audience.has_news, "what came last waits for the tick"
        assert all(1 <= len(spans(looker)) <= 2 for looker in lookers)
        await stage.deliver()
        assert all(spans(looker)[-1][1] == stage.room.version for looker in lookers)
        assert all(looker.picture.states == stage.room.states for looker in lookers)


@pytest.mark.usefixtures("one_a_slice")
async def test_encodings_are_served_in_turn_and_nobody_twice_before_all_have_been_served() -> None:
    with staged(slice_s=0) as stage:
        few, many = [stage.viewer() for _ in range(4)], [stage.viewer(CODECS.msgpack) for _ in range(12)]
        stage.play((0, 1))
        await until_served(few + many, 4)
        stage.play((1, 1))
        while stage.audience.is_delivering:
            await rounds(1)
            some, others = ([len(spans(looker)) for looker in lookers] for lookers in (few, many))
            assert sum(some) >= 4 or abs(sum(some) - sum(others)) <= 1, "in turn"
            assert max(some + others) == 1 or min(some + others) == 1, "nobody twice before all"
        assert sum(map(len, map(spans, few + many))) == 16 + 4


@pytest.mark.usefixtures("one_a_slice")
async def test_who_was_served_already_and_asks_gets_the_rest_only_once() -> None:
    with staged(slice_s=0) as stage:
        lookers = [stage.viewer() for _ in range(8)]
        stage.play((0, 1))
        await until_served(lookers, 3)
        stage.play((1, 1))
        await until_served(lookers, 4)
        served = [looker for looker in lookers if spans(looker) == [(0, 1)]]
        assert len(served) == 3
        for looker in served[:2]:
            looker.sleep()
            looker.wake()
        for looker in (*served[1:], lookers[7]):
            stage.ask(looker)
        await until_delivered(stage)
        assert [spans(looker) for looker in lookers] == [[(0, 1), (1, 2)]] * 3 + [[(0, 2)]] * 5


async def test_the_short_cut_is_open_to_everybody_who_is_up_to_date() -> None:
    with staged() as stage:
        stage.audience.discard(stage.viewer(CODECS.msgpack))
        stage.play((0, 1))
        await stage.deliver()
        lookers = [stage.viewer(), stage.viewer(CODECS.msgpack)]
        stage.play((1, 1))
        await stage.deliver()
        assert [looker.shown for looker in lookers] == [1, 1], "the snapshots"
        for again in (stage.answer, stage.join):
            stage.play((2, 1))
            for looker in lookers:
                again(looker)
            await stage.deliver()
            shown = [looker.shown for looker in lookers]
            stage.play((2, 0))
            await stage.deliver()
            assert [looker.shown for looker in lookers] == shown
            assert all(looker.look() and looker.picture.states == stage.room.states for looker in lookers)
        for looker in lookers:
            stage.join(looker)
        shown = [looker.shown for looker in lookers]
        stage.play((0, 0))
        await stage.deliver()
        assert [looker.shown for looker in lookers] == shown


async def test_the_first_viewer_of_an_encoding_is_not_sent_what_its_snapshot_showed() -> None:
    with staged() as stage:
        looker = stage.viewer()
        stage.play((0, 1))
        newcomer = stage.viewer(CODECS.msgpack)
        await stage.deliver()
        assert spans(looker) == [(0, 1)] and spans(newcomer) == []
        stage.play((1, 1))
        await stage.deliver()
        assert spans(looker) == [(0, 1), (1, 2)] and spans(newcomer) == [(1, 2)]


@pytest.mark.usefixtures("one_a_slice")
@pytest.mark.parametrize("left", [False, True])
async def test_the_first_viewer_of_an_encoding_may_come_in_the_middle_of_a_delivery(left: bool) -> None:
    with staged(slice_s=0) as stage:
        if left:  # one of that encoding was here before
            stage.audience.discard(stage.viewer(CODECS.msgpack))
        lookers = [stage.viewer() for _ in range(8)]
        stage.play((0, 1))
        await until_served(lookers, 2)
        newcomers = [stage.viewer(CODECS.msgpack) for _ in range(3)]
        stage.answer(newcomers[0])
        stage.play((1, 1))
        stage.answer(newcomers[1])
        await until_served(lookers, 3)
        newcomers.append(stage.viewer(CODECS.msgpack))
        stage.answer(newcomers[3])
        await until_delivered(stage)
        assert not stage.audience.has_news
        for looker in (*lookers, *newcomers):
            looker.look()
            assert looker.picture.states == stage.room.states
        assert [len(spans(newcomer)) for newcomer in newcomers] == [1, 1, 1, 0]


@pytest.mark.usefixtures("one_a_slice")
async def test_all_frames_of_a_delivery_show_the_areas_as_they_were_at_its_version() -> None:
    with staged(slice_s=0) as stage:
        area = range(SEATS, SEATS + 4)
        stage.room = Room(SEATS, 100, [area])
        stage.room.reset(EPOCH, 0, bytes(SEATS + 4))
        stage.audience.live = LiveRoom("show", stage.room, stage.audience)
        lookers = [stage.viewer(codec) for codec in (CODECS.json, CODECS.msgpack) for _ in range(5)]
        free = {}
        for place, served in zip(area, (0, 3, 7, 10), strict=True):
            await until_served(lookers, served)
            stage.play((place, 1))
            free[stage.room.version] = stage.room.remaining(0)
        await stage.deliver()
        for looker in lookers:
            looker.look()
            deltas = [message for message in looker.heard if isinstance(message, Delta)]
            assert [delta.areas for delta in deltas] == [((0, free[delta.version]),) for delta in deltas]
            assert deltas[-1].version == 4


async def test_a_busy_room_merges_the_changes_of_a_tick() -> None:
    with staged() as stage:
        looker = stage.viewer()
        looker.look()
        stage.play((0, 1))
        await rounds()
        assert looker.look() == [Delta(epoch=EPOCH, from_=0, version=1, changes=((0, 1),))]
        stage.play((1, 1))
        stage.play((2, 1), (1, 0))
        stage.play((2, 3))
        await rounds()
        assert looker.look() == [], "the tick is not over"
        stage.end_tick()
        await rounds()
        assert looker.look() == [Delta(epoch=EPOCH, from_=1, version=4, changes=((1, 0), (2, 3)))]
        stage.end_tick()
        stage.play((0, 0))
        await rounds()
        assert len(looker.look()) == 1, "quiet again"


async def test_the_age_of_news_is_that_of_its_oldest_change_by_the_clock_of_redis() -> None:
    with staged() as stage:
        stage.viewer()
        assert stage.audience.live is not None
        stage.broadcaster.services.redis_ahead_ms = 1000.0
        stage.audience.live.published_ms = 42 + 1000 - 15
        stage.play((0, 1))
        stage.audience.live.published_ms = 42 + 1000 - 2
        stage.play((1, 1))
        await rounds()
        stage.end_tick()
        stage.audience.live.published_ms = 0  # made up for a gap: nobody knows when
        stage.play((0, 0))
        await rounds()
        timed = {bound: count for bound, count in stage.broadcaster.services.metrics.propagation.buckets() if count}
        assert timed == {0.015: 1}


async def test_an_answer_takes_a_little_news_along_and_the_delivery_skips_its_viewer() -> None:
    with staged() as stage:
        first, second = stage.viewer(), stage.viewer(CODECS.msgpack)
        for looker in (first, second):
            looker.look()
        stage.play((0, 1))
        stage.answer(first)
        await rounds()
        news = [Delta(epoch=EPOCH, from_=0, version=1, changes=((0, 1),))]
        assert first.look() == second.look() == news, "once each"

        stage.end_tick()
        stage.play((1, 1))
        for looker in (first, second):
            stage.answer(looker)
            assert len(looker.look()) == 1
        await rounds()
        assert first.look() == second.look() == [] and not stage.in_tick, "there was nobody to serve"
        stage.answer(first)
        assert first.look() == [], "no news"

        for version in range(FEW_CHANGES + 1):
            stage.play((2, version % 2))
        stage.answer(first)
        assert first.look() == [], "more than a little is the round's"
        await rounds()
        assert len(first.look()) == len(second.look()) == 1
        stage.end_tick()
        stage.restart()
        stage.answer(first)
        await rounds()
        for looker in (first, second):
            [snapshot] = looker.look()
            assert isinstance(snapshot, Snapshot)


@pytest.mark.usefixtures("one_a_slice")
@pytest.mark.parametrize("given_up", [0, 1])
async def test_a_room_pays_for_making_its_frames_and_for_deliveries_that_it_gave_up(
    monkeypatch: pytest.MonkeyPatch, given_up: int
) -> None:
    """Here only making a snapshot takes time, and two are more than a room may make at once."""
    spent_ns = 0

    def slowly(room: Room) -> Snapshot:
        nonlocal spent_ns
        spent_ns += 2_000_000
        return snapshot_of(room)

    with staged(slice_s=0) as stage:
        stage.broadcaster.services.pacing.burst_ns = round(BURST_S * 1e9)
        stage.broadcaster.services.pacing.spent = lambda: spent_ns
        for _ in range(4):
            stage.viewer()
        monkeypatch.setattr(audience_module, "snapshot_of", slowly)
        for _ in range(1 + given_up):
            stage.restart()
            while not stage.audience.is_delivering:
                await rounds(1)
        await until_delivered(stage)
        assert stage.in_tick == bool(given_up)


async def test_a_room_without_viewers_owes_nothing() -> None:
    with staged() as stage:
        pacing = stage.broadcaster.services.pacing
        stage.viewer()
        stage.play((0, 1))
        await rounds()
        assert pacing.in_debt == 1
        stage.audience.close()
        assert pacing.in_debt == 0


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_room_with_debts_does_not_look_at_them_in_every_round_of_the_loop(
    monkeypatch: pytest.MonkeyPatch, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """uvloop's timers count whole milliseconds: what is due in less is due at once."""
    looks: list[Pace] = []

    def nearly_paid(pace: Pace) -> float:
        looks.append(pace)
        return 0.0004

    async def scenario() -> None:
        with staged() as stage:
            stage.viewer()
            stage.play((0, 1))
            await rounds()
            await asyncio.sleep(0.1)

    monkeypatch.setattr(Pace, "settle", nearly_paid)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scenario())
    assert 1 <= len(looks) <= 200


async def test_a_frame_is_encoded_once_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    with staged() as stage:
        lookers = [stage.viewer(codec, direct=False) for codec in (CODECS.json, CODECS.msgpack) * 2]
        shown: list[Frame] = []

        def show(looker: Looker, frame: Frame, mark: int) -> bool:
            shown.append(frame)
            return True

        monkeypatch.setattr(Looker, "show", show)
        stage.play((0, 1))
        await rounds()
        assert len(shown) == len(lookers)
        assert len(set(map(id, shown))) == 2


async def test_a_snapshot_is_made_once_per_version_and_encoding() -> None:
    with staged() as stage:
        first = stage.audience.snapshot(CODECS.json)
        assert stage.audience.snapshot(CODECS.json) is first
        assert stage.audience.snapshot(CODECS.msgpack) is not first
        stage.play((0, 1))
        assert stage.audience.snapshot(CODECS.json) is not first
        stage.restart()
        assert msgspec.json.decode(stage.audience.snapshot(CODECS.json).payload, type=Snapshot).epoch == "epoch 1"


async def test_a_reset_to_the_same_version_makes_a_new_snapshot() -> None:
    with staged() as stage:
        before = msgspec.json.decode(stage.audience.snapshot(CODECS.json).payload, type=Snapshot)
        room = stage.audience.room
        room.reset(room.epoch, room.version, bytes([3]) + bytes(SEATS - 1))
        stage.audience.reset()
        after = msgspec.json.decode(stage.audience.snapshot(CODECS.json).payload, type=Snapshot)
        assert (after.version, after.states) == (before.version, "3" + "0" * (SEATS - 1))


async def test_only_the_owner_of_a_hold_is_told_of_it_on_every_socket() -> None:
    with staged() as stage:
        ann, ann_again, bob = stage.viewer(), stage.viewer(CODECS.msgpack), stage.viewer(user_id="bob")
        stage.audience.noticed(Notice("expired", "ann", str(BOOKING), (1, 2)))
        stage.audience.noticed(Notice("sold", "ann", str(BOOKING), (3,)))
        stage.audience.noticed(Notice("epoch", "", "", (0,)))
        stage.audience.noticed(Notice("expired", "somebody else", str(BOOKING), (4,)))
        expected = [
            Expired(hold_id=BOOKING, seats=(1, 2), reason="expired"),
            Expired(hold_id=BOOKING, seats=(3,), reason="sold"),
        ]
        assert ann.told == ann_again.told == expected
        assert bob.told == []


async def test_every_socket_of_a_user_is_told_which_of_their_holds_changed() -> None:
    with staged() as stage:
        ann, ann_again, bob = stage.viewer(), stage.viewer(CODECS.msgpack), stage.viewer(user_id="bob")
        stage.audience.noticed(Notice("holds", "ann", str(BOOKING), ()))
        stage.audience.noticed(Notice("holds", "somebody else", str(BOOKING), ()))
        assert ann.told_changed == ann_again.told_changed == [str(BOOKING)]
        assert bob.told_changed == []


async def test_news_of_a_booking_is_sent_to_its_user() -> None:
    with staged() as stage:
        ann = stage.viewer()
        stage.audience.noticed(Notice("booking", "nobody here", str(BOOKING), (1,)))
        stage.audience.noticed(Notice("booking", "ann", str(BOOKING), (1,)))
        await stage.broadcaster.services.tasks.close(grace_s=60)
        assert stage.read == [BOOKING]
        assert [type(message) for message in ann.told] == [Booked]


async def test_each_socket_of_a_user_is_counted_once() -> None:
    with staged() as stage:
        ann, again = stage.viewer(), stage.viewer()
        stage.join(ann)
        assert stage.broadcaster.services.sockets_of("ann") == stage.audience.viewers == 2
        for looker in (ann, ann, again):
            stage.audience.discard(looker)
        assert stage.broadcaster.services.sockets_of("ann") == stage.audience.viewers == 0


async def test_viewers_who_left_get_nothing_and_those_who_stay_get_everything() -> None:
    with staged() as stage:
        lookers = [stage.viewer(user_id=f"user {number}") for number in range(10)]
        for looker in lookers:
            looker.look()
        for leaving in range(9):
            stage.audience.discard(lookers[leaving])
            stage.play((0, 1 + leaving % 2))
            stage.end_tick()
            await rounds()
            for number, looker in enumerate(lookers):
                assert len(looker.look()) == (number > leaving)


async def test_a_beat_tells_the_version_of_the_room() -> None:
    with staged() as stage:
        looker = stage.viewer()
        stage.play((0, 1))
        await rounds()
        looker.look()
        stage.end_tick()
        stage.audience.beat()
        await rounds()
        assert looker.look() == [], "the room was not quiet"
    with staged(heartbeat_ms=100) as stage:
        looker, other = stage.viewer(), stage.viewer(CODECS.msgpack, direct=False)
        looker.look()
        await asyncio.sleep(0.06)
        stage.audience.beat()
        await rounds()
        assert looker.look() == [Beat(ref=0, epoch=EPOCH, version=0, server_ms=42)]
        assert other.look()[-1] == looker.heard[-1]


async def test_news_does_not_wait_for_a_beat_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "CHUNK", 1)
    with staged(heartbeat_ms=0, slice_s=0) as stage:
        lookers = [stage.viewer() for _ in range(6)]
        stage.audience.beat()
        await rounds(2)
        stage.play((0, 1))
        await rounds(40)
        kinds = [[type(message) for message in looker.look()] for looker in lookers]
        assert [Snapshot, Delta] in kinds, "news is a sign of life too"
        assert all(heard in ([Snapshot, Delta], [Snapshot, Beat, Delta]) for heard in kinds), kinds


async def test_a_room_that_could_not_be_served_once_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Delta:
        raise RuntimeError("an error of ours")

    with staged() as stage:
        looker = stage.viewer()
        with monkeypatch.context() as patch:
            patch.setattr(news, "delta_of", broken)
            stage.play((0, 1))
            await rounds()
        stage.play((1, 1))
        await stage.deliver()
        stage.play((2, 1))
        await stage.deliver()
        assert [type(message) for message in looker.look()] == [Snapshot, Snapshot, Delta]
        assert looker.picture.states == stage.room.states


async def test_a_broken_socket_does_not_affect_the_others() -> None:
    with staged() as stage:
        lookers = [stage.viewer() for _ in range(3)]
        lookers[1].far.close()
        lookers[1].write = lambda data: None  # type: ignore[method-assign]  # as a transport does that is broken
        stage.play((0, 1))
        await rounds()
        for looker in (lookers[0], lookers[2]):
            assert isinstance(looker.look()[-1], Delta)


async def test_a_full_socket_gets_the_rest_of_a_frame_later_and_no_frame_is_torn() -> None:
    with staged() as stage:
        looker, quick = stage.viewer(), stage.viewer()
        sent = 0
        while not looker.kept:
            stage.play((sent % SEATS, 1 + sent // SEATS % 2))
            stage.end_tick()
            await rounds()
            sent += 1
            quick.look()
        assert looker.descriptor == NO_FD
        for _ in range(3):
            stage.play((0, 4))
            stage.end_tick()
            await rounds()
        looker.look()
        quick.look()
        assert [type(message) for message in looker.heard] == [Snapshot] + [Delta] * (sent + 3)
        assert looker.picture.states == quick.picture.states == stage.room.states
        assert looker.descriptor != NO_FD


async def test_a_viewer_who_got_the_frame_of_a_delivery_does_not_get_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipients, "CHUNK", 1)
    with staged(slice_s=0) as stage:
        lookers = [stage.viewer() for _ in range(4)]
        stage.play((0, 1))
        await rounds(3)
        assert stage.audience.is_delivering, "in the middle of it"
        for looker in lookers:
            looker.sleep()
            looker.wake()
            stage.ask(looker)
        await rounds(20)
        for looker in lookers:
            assert [type(message) for message in looker.look()] == [Snapshot, Delta, Beat]


actions = st.one_of(
    st.tuples(st.just("play"), st.lists(st.tuples(st.integers(0, SEATS - 1), st.integers(0, 4)), max_size=3)),
    st.tuples(st.just("step"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["hello", "ask", "answer", "sleep", "wake", "leave", "look"]), st.integers(0, 12)),
    st.tuples(st.just("come"), st.sampled_from([CODECS.json, CODECS.msgpack]), st.booleans()),
    st.tuples(st.sampled_from(["tick", "beat", "restart"])),
)


async def act(stage: Stage, lookers: list[Looker], action: tuple[Any, ...]) -> None:
    match action:
        case ["play", pairs]:
            stage.play(*pairs)
        case ["step", count]:
            await rounds(count)
        case ["come", codec, direct]:
            lookers.append(stage.viewer(codec, direct=direct))
        case ["tick"]:
            stage.end_tick()
        case ["beat"]:
            stage.audience.beat()
        case ["restart"]:
            stage.restart()
        case [deed, who] if lookers:
            do(stage, lookers, deed, who % len(lookers))


def do(stage: Stage, lookers: list[Looker], deed: str, who: int) -> None:
    match deed:
        case "hello":
            stage.join(lookers[who])
        case "ask":
            stage.ask(lookers[who])
        case "answer":
            stage.answer(lookers[who])
        case "sleep":
            lookers[who].sleep()
        case "wake":
            lookers[who].wake()
        case "look":
            lookers[who].look()
        case "leave":
            stage.audience.discard(lookers.pop(who))


@pytest.fixture(scope="module", params=["one by one", "io_uring"])
def write(request: pytest.FixtureRequest) -> Iterator[WriteToEach]:
    """Both ways to a batch of sockets."""
    opened = open_batch_writer() if request.param == "io_uring" else None
    if request.param == "io_uring" and opened is None:
        pytest.skip("no io_uring here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipients, "MIN_BATCH", 1)
        yield write_to_each if opened is None else opened.write_to_each
    if opened is not None:
        opened.close()


@hypothesis_settings(max_examples=300)
@given(each=st.integers(0, 3), script=st.lists(actions, max_size=60))
def test_every_viewer_sees_every_version_once_and_in_order_whatever_happens_during_a_delivery(
    write: WriteToEach, each: int, script: list[tuple[Any, ...]]
) -> None:
    """A delivery serves one viewer a slice here, so that everything can happen in between."""

    async def scenario() -> None:
        with staged(heartbeat_ms=0, slice_s=0) as stage:
            stage.broadcaster.services.write_to_each = write
            kinds = [(codec, direct) for codec in (CODECS.json, CODECS.msgpack) for direct in (True, False)]
            lookers = [stage.viewer(codec, direct=direct) for codec, direct in kinds * each]
            for action in script:
                await act(stage, lookers, action)
            for looker in lookers:
                looker.wake()
            stage.play((0, 1))
            await stage.deliver()
            for looker in lookers:
                looker.look()
                assert looker.picture.epoch == stage.room.epoch
                assert looker.picture.version == stage.room.version
                assert looker.picture.states == stage.room.states
            stage.end_tick()
            shown = [looker.shown for looker in lookers]
            stage.play((0, 2))
            await stage.deliver()
            for looker, before in zip(lookers, shown, strict=True):
                assert len(looker.look()) == 1
                one_by_one = looker.shown > before
                assert one_by_one == (looker.descriptor == NO_FD), "whatever happened, the short cut is open again"

    chunk, recipients.CHUNK = recipients.CHUNK, 1
    try:
        asyncio.run(scenario())
    finally:
        recipients.CHUNK = chunk


def test_a_delta_names_the_version_that_it_follows() -> None:
    frame = CODECS.json.encode(delta_of(Change(EPOCH, 3, 5, ((1, 2), (4, 0))), Room(SEATS, 0)))
    assert frame.payload == '{"type":"delta","epoch":"epoch","from":3,"version":5,"changes":[[1,2],[4,0]]}'
