"""From one room to all its viewers, without a server: shared frames, merged ticks, and everybody sees the room."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seatserver import config
from seatserver.live.codec import Codec, Codecs, Frame
from seatserver.live.fanout import Audience, Fanout, delta_of
from seatserver.live.messages import Beat, Booked, Delta, Expired, ServerMessage, Snapshot
from seatserver.live.outgoing import Outgoing
from seatserver.metrics import Metrics
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seats.connection import connect
from seatserver.seats.feed import Notice
from seatserver.seats.hub import Hub, LiveRoom
from seatserver.seats.room import Applied, Change, Room
from seatserver.seats.store import Ground, SeatStore

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


class Looker:
    """A viewer: a queue as a session has it, and the picture that a client makes of what arrives."""

    def __init__(self, codec: Codec = CODECS.json, user_id: str = "ann", limit: int = 3) -> None:
        self.codec = codec
        self.user_id = user_id
        self.outgoing = Outgoing(limit)
        self.frames: list[Frame] = []
        self.told: list[ServerMessage] = []
        self.picture = Room(SEATS, 0)

    def show(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.outgoing.show(frame)

    def lapse(self) -> None:
        self.outgoing.lapse()

    def tell(self, message: ServerMessage) -> None:
        self.told.append(message)

    async def look(self, audience: Audience, frames: int = 1_000_000) -> None:
        """Take what waits, at most so many frames."""
        for _ in range(frames):
            try:
                async with asyncio.timeout(0):
                    frame = await self.outgoing.next()
            except TimeoutError:
                return
            self.take(audience.snapshot(self.codec) if frame is None else frame)

    def take(self, frame: Frame) -> None:
        message = self.read(frame)
        if isinstance(message, Snapshot):
            self.picture = Room(SEATS, 0)
            self.picture.reset(message.epoch, message.version, bytes(map(int, message.states)))
        elif isinstance(message, Delta):
            change = Change(message.epoch, message.from_, message.version, message.changes)
            assert self.picture.apply(change) is not Applied.GAP, "a viewer in the room never has a gap"

    def read(self, frame: Frame) -> ServerMessage:
        message: ServerMessage = (
            msgspec.json.decode(frame, type=ServerMessage)
            if isinstance(frame, str)
            else msgspec.msgpack.decode(frame, type=ServerMessage)
        )
        return message


class Stage:
    """An audience and its room; `play` changes the room as the hub does."""

    def __init__(self, *, heartbeat_ms: int = 15_000) -> None:
        settings = config.load({}, redis_url="redis://127.0.0.1:1", tick_ms=1000, heartbeat_ms=heartbeat_ms)
        hub = Hub(SeatStore(connect(settings), settings, nothing), settings)
        self.read: list[UUID] = []
        self.fanout = Fanout(hub, settings, Metrics(), lambda: 42, self.read_booking)
        self.audience = Audience("show", hall_of(SEATS), self.fanout)
        self.room = Room(SEATS, 100)
        self.room.reset(EPOCH, 0, bytes(SEATS))
        self.audience.live = LiveRoom("show", self.room, self.audience)
        self.epochs = itertools.count(1)

    async def read_booking(self, booking_id: UUID) -> Booked | None:
        self.read.append(booking_id)
        if booking_id != BOOKING:
            return None
        basket: dict[str, Any] = {"areas": (), "lines": (), "fees_minor": 0, "total_minor": 900, "currency": "EUR"}
        return Booked(ref=0, booking_id=booking_id, status="confirmed", seats=(1,), **basket)

    def play(self, *pairs: tuple[int, int]) -> None:
        change = Change(self.room.epoch, self.room.version, self.room.version + 1, pairs)
        assert self.room.apply(change) is Applied.YES
        self.audience.changed(change)

    def restart(self) -> None:
        self.room.reset(f"epoch {next(self.epochs)}", 1, bytes(SEATS))
        self.audience.reset()

    def join(self, looker: Looker) -> None:
        """As a session does at hello: from the version that the snapshot shows."""
        self.audience.add(looker)
        looker.show(self.audience.snapshot(looker.codec))


async def nothing(showtime_id: str) -> Ground:
    raise AssertionError("nothing is loaded here")


async def test_a_quiet_rooms_change_goes_out_at_once_and_those_of_a_tick_as_one() -> None:
    stage, looker = Stage(), Looker()
    stage.audience.add(looker)
    stage.audience.flush()
    stage.play((0, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [looker.read(frame) for frame in looker.frames] == [
        Delta(epoch=EPOCH, from_=0, version=1, changes=((0, 1),))
    ]
    stage.play((1, 1))
    stage.play((2, 1), (1, 0))
    stage.play((2, 3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(looker.frames) == 1, "the tick is not over"
    stage.audience.flush()
    assert looker.read(looker.frames[1]) == Delta(epoch=EPOCH, from_=1, version=4, changes=((1, 0), (2, 3)))


async def test_a_frame_is_encoded_once_and_shared() -> None:
    stage = Stage()
    lookers = [Looker(CODECS.json), Looker(CODECS.msgpack), Looker(CODECS.json), Looker(CODECS.msgpack)]
    for looker in lookers:
        stage.audience.add(looker)
    stage.play((0, 1))
    stage.audience.flush()
    first, second, third, fourth = (looker.frames[0] for looker in lookers)
    assert first is third
    assert second is fourth
    assert isinstance(first, str)
    assert isinstance(second, bytes)


async def test_a_snapshot_is_made_once_per_version_and_encoding() -> None:
    stage = Stage()
    first = stage.audience.snapshot(CODECS.json)
    assert stage.audience.snapshot(CODECS.json) is first
    assert stage.audience.snapshot(CODECS.msgpack) is not first
    stage.play((0, 1))
    assert stage.audience.snapshot(CODECS.json) != first
    stage.restart()
    assert msgspec.json.decode(stage.audience.snapshot(CODECS.json), type=Snapshot).epoch == "epoch 1"


async def test_a_snapshot_is_made_anew_after_a_reset_to_the_same_version() -> None:
    stage = Stage()
    before = msgspec.json.decode(stage.audience.snapshot(CODECS.json), type=Snapshot)
    room = stage.audience.room
    room.reset(room.epoch, room.version, bytes([3]) + bytes(SEATS - 1))
    stage.audience.reset()
    after = msgspec.json.decode(stage.audience.snapshot(CODECS.json), type=Snapshot)
    assert (after.version, after.states) == (before.version, "3" + "0" * (SEATS - 1))


async def test_only_its_own_user_hears_of_a_hold_and_on_every_socket() -> None:
    stage = Stage()
    ann, ann_again, bob = Looker(), Looker(CODECS.msgpack), Looker(user_id="bob")
    for looker in (ann, ann_again, bob):
        stage.audience.add(looker)
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


async def test_a_booking_is_read_and_told_to_its_user() -> None:
    stage, ann = Stage(), Looker()
    stage.audience.add(ann)
    stage.audience.noticed(Notice("booking", "nobody here", str(BOOKING), (1,)))
    stage.audience.noticed(Notice("booking", "ann", str(BOOKING), (1,)))
    await stage.fanout.tasks.close(grace_s=60)
    assert stage.read == [BOOKING]
    assert [type(message) for message in ann.told] == [Booked]


async def test_sockets_of_a_user_are_counted_once_each() -> None:
    stage, ann, again = Stage(), Looker(), Looker()
    for looker in (ann, again, ann):
        stage.audience.add(looker)
    assert stage.fanout.sockets_of("ann") == 2
    for looker in (ann, ann, again):
        stage.audience.discard(looker)
    assert stage.fanout.sockets_of("ann") == 0


async def test_who_left_hears_nothing_more() -> None:
    stage, ann, bob = Stage(), Looker(), Looker(user_id="bob")
    stage.audience.add(ann)
    stage.audience.add(bob)
    stage.audience.discard(ann)
    stage.play((0, 1))
    stage.audience.flush()
    stage.audience.noticed(Notice("expired", "ann", str(BOOKING), (1,)))
    assert (ann.frames, ann.told) == ([], [])
    assert len(bob.frames) == 1


async def test_a_beat_says_where_the_room_is() -> None:
    stage, looker = Stage(), Looker()
    stage.join(looker)
    stage.play((0, 1))
    stage.audience.flush()
    frames = len(looker.frames)
    stage.audience.beat()
    assert len(looker.frames) == frames, "the room was not quiet"
    quiet = Stage(heartbeat_ms=100)
    quiet.join(looker)
    await asyncio.sleep(0.06)
    quiet.audience.beat()
    assert looker.read(looker.frames[-1]) == Beat(ref=0, epoch=EPOCH, version=0, server_ms=42)


actions = st.one_of(
    st.tuples(st.just("play"), st.lists(st.tuples(st.integers(0, SEATS - 1), st.integers(0, 4)), max_size=3)),
    st.tuples(st.just("look"), st.integers(0, 3), st.integers(1, 5)),
    st.tuples(st.just("rejoin"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["flush", "restart"])),
)


@hypothesis_settings(max_examples=200)
@given(script=st.lists(actions, max_size=40))
def test_every_viewer_ends_with_the_rooms_picture_however_slow_it_is(script: list[tuple[Any, ...]]) -> None:
    async def scenario() -> None:
        stage = Stage()
        lookers = [Looker(codec, limit=limit) for codec in (CODECS.json, CODECS.msgpack) for limit in (1, 3)]
        for looker in lookers:
            stage.join(looker)
        for action in script:
            match action:
                case ["play", pairs]:
                    stage.play(*pairs)
                case ["look", who, frames]:
                    await lookers[who].look(stage.audience, frames)
                case ["rejoin", who]:
                    stage.join(lookers[who])
                case ["flush"]:
                    stage.audience.flush()
                case ["restart"]:
                    stage.restart()
        stage.audience.flush()
        for looker in lookers:
            await looker.look(stage.audience)
            assert looker.picture.epoch == stage.room.epoch
            assert looker.picture.version == stage.room.version
            assert looker.picture.states == stage.room.states

    asyncio.run(scenario())


def test_a_change_on_the_wire_says_what_it_follows() -> None:
    frame = CODECS.json.encode(delta_of(Change(EPOCH, 3, 5, ((1, 2), (4, 0))), Room(SEATS, 0)))
    assert frame == '{"type":"delta","epoch":"epoch","from":3,"version":5,"changes":[[1,2],[4,0]]}'
