"""One room and all its viewers here: shared frames, merged ticks, served in slices.

An `Audience` listens to one live room and shows it to the sessions in it, delivery by delivery: a delivery merges the
changes since the last one (last write per seat), makes one frame for each encoding in use, and sends it to every
viewer. A change is delivered at once, unless the room's deliveries take too much of the process already: then they
follow each other in ticks (see `pace`). A delivery to many viewers takes several slices of the `TimeSlicer`; a room has
one delivery at a time, which takes up what happens while it has served only a few (see `delivery`).

A mark keeps the order for each viewer. Each event in the room gets a number, the mark. A viewer remembers the last one
that it was shown, and frames that are not newer are not sent to it. So a viewer who joins, comes back, or needs a
snapshot in the middle of a delivery gets the room as it is then, and nothing older after it.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from seatserver.catalog.showtime import Showtime
from seatserver.errors import Unavailable
from seatserver.live.broadcast.delivery import Delivery
from seatserver.live.broadcast.demand import Demand
from seatserver.live.broadcast.news import Frames, News, frames_of, snapshot_of
from seatserver.live.broadcast.pace import Pace
from seatserver.live.broadcast.recipients import RecipientList, Viewer
from seatserver.live.broadcast.scheduler import clock_ns
from seatserver.live.broadcast.services import BroadcastServices
from seatserver.live.views import split_places
from seatserver.rooms.feed import Notice
from seatserver.rooms.hub import LiveRoom
from seatserver.rooms.room import Change, Room
from seatserver.seatmaps.model import SeatMap
from seatserver.wire.codec import Codec
from seatserver.wire.frames import Frame
from seatserver.wire.from_server import Beat, Expired, ServerMessage

RETRY_S = 0.5
FEW_CHANGES = 4
"""If at most this many changes wait, they are sent with the answer: the delivery then has one viewer less to serve."""


class Audience:
    """The viewers of one room on this instance; the room's `Listener`, and a `Job` of the `TimeSlicer`."""

    def __init__(self, showtime_id: str, seat_map: SeatMap, services: BroadcastServices) -> None:
        self.showtime_id = showtime_id
        self.seat_map = seat_map
        self.live: LiveRoom | None = None
        self.showtime: Showtime | None = None
        """The showtime as the latest viewer loaded it; for /ops."""
        self.demand = Demand()
        self.in_flight: set[int] = set()
        """Seats that a `best` on this instance is about to hold: the next one looks elsewhere first."""
        self.mark = 0
        """How much has happened to the room since it came to this instance."""
        self.booking_news = 0
        """How often somebody's booking was made or changed since then."""
        self._recipients: dict[Codec, RecipientList] = {}
        self._by_user: dict[str, set[Viewer]] = {}
        self._services = services
        self._news = News()  # what no delivery has brought or brings
        self._renew = False  # only a snapshot will do
        self._delivery: Delivery | None = None
        self._waiting = False  # for the time slicer
        self._tick: asyncio.TimerHandle | None = None  # until the next delivery may start
        self._pace = Pace(services.pacing)
        self._cost_ns = 0  # the processor time of deliveries that is not charged yet
        self._settling: asyncio.TimerHandle | None = None  # until the room has no debts
        self._heard_ns = 0  # when the last delivery started
        self._snapshots: dict[Codec, tuple[str, int, Frame]] = {}

    @property
    def room(self) -> Room:
        """The room shown here. Only while it has viewers."""
        assert self.live is not None, "an audience without viewers has no room"
        return self.live.room

    @property
    def is_catching_up(self) -> bool:
        """Whether the room may be older than Redis', because changes were missed."""
        return self.live is not None and self.live.buffer is not None

    @property
    def is_delivering(self) -> bool:
        """Whether a delivery is under way."""
        return self._delivery is not None

    @property
    def has_news(self) -> bool:
        """Whether something waits to be delivered."""
        return self._waiting or self._is_due

    @property
    def viewers(self) -> int:
        """How many viewers there are."""
        return sum(map(len, self._recipients.values()))

    def add(self, viewer: Viewer) -> None:
        """Add a viewer, who gets every change after the version that the room has now."""
        recipients = self._recipients.get(viewer.codec)
        if recipients is None or (not len(recipients) and self._delivery is None):
            recipients = self._recipients[viewer.codec] = RecipientList(self.mark, self._services.write_to_each)
        if viewer.slot >= 0:
            recipients.note(viewer, self.mark)
            return
        recipients.add(viewer, self.mark)
        self._by_user.setdefault(viewer.user_id, set()).add(viewer)
        self._services.count(viewer.user_id, 1)

    def discard(self, viewer: Viewer) -> None:
        """Remove a viewer, if it was added."""
        if viewer.slot < 0:
            return
        self._recipients[viewer.codec].remove(viewer)
        theirs = self._by_user[viewer.user_id]
        theirs.remove(viewer)
        if not theirs:
            del self._by_user[viewer.user_id]
        self._services.count(viewer.user_id, -1)

    def redirect(self, viewer: Viewer) -> None:
        """The viewer's descriptor has changed."""
        if viewer.slot >= 0:
            self._recipients[viewer.codec].redirect(viewer)

    def snapshot(self, codec: Codec) -> Frame:
        """The room as one frame, encoded once per version."""
        room = self.room
        cached = self._snapshots.get(codec)
        if cached is not None and cached[:2] == (room.epoch, room.version):
            return cached[2]
        frame = codec.encode(snapshot_of(room))
        self._snapshots[codec] = (room.epoch, room.version, frame)
        return frame

    def show_news(self, viewer: Viewer) -> None:
        """Send one viewer now what it has not been shown yet, so that its next answer overtakes nothing."""
        for frame in self._news_of(viewer):
            viewer.show(frame, self.mark)

    def news_with_answer(self, viewer: Viewer) -> list[Frame]:
        """What a viewer who keeps up has not been shown yet, if it is little: it is sent together with an answer."""
        return self._news_of(viewer) if len(self._news) <= FEW_CHANGES and not self._renew else []

    def _news_of(self, viewer: Viewer) -> list[Frame]:
        recipients, codec = self._recipients[viewer.codec], viewer.codec
        seen = recipients.seen_by(viewer)
        if seen == self.mark:
            return []
        frames = []
        if self._renew:
            frames.append(self.snapshot(codec))
        else:
            if self._delivery is not None and seen < self._delivery.mark:
                frames.append(self._delivery.frame_for(codec, seen))
            if self._news:
                frames.append(self._news.frame(codec, self.room))
        self._services.metrics.frames.labels("snapshot" if self._renew else "delta").inc(len(frames))
        recipients.note(viewer, self.mark)
        return frames

    def beat(self) -> None:
        """Send a beat with the room's version, if the room has been quiet."""
        quiet_ms = (clock_ns() - self._heard_ns) / 1e6
        if self._waiting or self._tick is not None or quiet_ms < self._services.settings.heartbeat_ms / 2:
            return
        if self.live is None or not self.viewers:
            return
        room = self.room
        beat = Beat(epoch=room.epoch, version=room.version, server_ms=self._services.clock())
        self._delivery = self._start("beat", {codec: codec.encode(beat) for codec in self._codecs()})
        self._wake()

    # ------------------------------------------------------------ the room's listener

    def changed(self, change: Change) -> None:
        """The room has changed: deliver that at once, or with the next tick if the room is in one."""
        self.mark += 1
        live = self.live
        if live is not None and live.late_ms >= 0:
            self._services.metrics.expiry.observe(live.late_ms / 1000)
        self._news.add(change, live.published_ms if live is not None else 0)
        self._wake()

    def reset(self) -> None:
        """The room began a new epoch: everybody gets a snapshot."""
        self._snapshots.clear()
        self._begin_anew()
        self._wake()

    def noticed(self, notice: Notice) -> None:
        """Tell a user's sockets what became of a hold or booking."""
        if notice.kind == "booking":
            self.booking_news += 1
        if notice.user_id not in self._by_user:
            return
        if notice.kind == "holds":
            # Also where there is one socket here: the change may come from another process, or from the concierge.
            for viewer in tuple(self._by_user[notice.user_id]):
                viewer.tell_changed(notice.hold_id)
        elif notice.kind == "booking":
            self._services.tasks.spawn(self._tell_booking(notice), "tell booking")
        elif notice.kind != "epoch":
            seats, areas = split_places(notice.seats, self.seat_map)
            gone = Expired(hold_id=UUID(notice.hold_id), seats=seats, areas=areas, reason=notice.kind)
            self._tell(notice.user_id, gone)

    async def _tell_booking(self, notice: Notice) -> None:
        while notice.user_id in self._by_user:
            try:
                message = await self._services.read_booking(UUID(notice.hold_id))
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            if message is not None:
                self._tell(notice.user_id, message)
            return

    def _tell(self, user_id: str, message: ServerMessage) -> None:
        for viewer in tuple(self._by_user.get(user_id, ())):
            viewer.tell(message)

    # ------------------------------------------------------------ deliveries

    @property
    def _is_due(self) -> bool:
        return self._renew or bool(self._news)

    def _wake(self) -> None:
        """Ask for a time slice, unless one is due already or the tick is not over."""
        if not self._waiting and self._tick is None:
            self._waiting = True
            self._services.slicer.schedule(self)

    def advance(self, until_ns: int) -> bool:
        """Go on with the delivery under way, or begin the one that is due. Returns whether nothing is left to do.

        After an error nobody knows who was shown what: everybody gets a snapshot after a moment.
        """
        spent = self._services.pacing.spent
        try:
            if self._skips_news():
                self._waiting = False
                return True
            before_ns = spent()
            is_over = self._advance(until_ns)
            self._cost_ns += spent() - before_ns
            if is_over:
                self._waiting = False
                self._end_delivery()
            return is_over
        except Exception:
            self._begin_anew()
            self._waiting = False
            self._tick = self._services.call_later(RETRY_S, self._tick_over)
            raise

    def _advance(self, until_ns: int) -> bool:
        if self._delivery is not None and self._is_due:
            if self._delivery.kind == "beat":
                self._abandon()  # news is a sign of life too
            elif self._delivery.may_take_up:
                self._take_up(self._delivery)
        if self._delivery is None:
            self._delivery = self._next_delivery()
        return self._delivery is None or self._delivery.advance(until_ns)

    def _skips_news(self) -> bool:
        """Drop what waits if every viewer has been shown it, with an answer. Returns whether that was so."""
        if self._delivery is not None or self._renew or not self._news or not self.viewers:
            return False
        if not all(recipients.has_seen(self.mark) for recipients in self._recipients.values()):
            return False
        news, self._news = self._news, News()
        for recipients in self._recipients.values():
            recipients.skip(self.mark)
        if news.since_ms:
            self._services.propagated(news.since_ms)
        return True

    def _take_up(self, delivery: Delivery) -> None:
        """Let the delivery under way bring what has happened since it began."""
        news, self._news = self._news, News()
        delivery.take_up(news.merged, self.mark, lambda change: frames_of(change, self.room, self._recipients))

    def _abandon(self) -> None:
        if self._delivery is not None:
            self._delivery.abandon()
            self._delivery = None

    def _begin_anew(self) -> None:
        """Let everybody get a snapshot, instead of what is under way or waits."""
        self.mark += 1
        self._abandon()
        self._news = News()
        self._renew = True

    def _next_delivery(self) -> Delivery | None:
        """The delivery that is due now, with everything that waits for it merged."""
        renew, self._renew = self._renew, False
        news, self._news = self._news, News()
        if not self.viewers or not (renew or news):
            return None
        if renew:
            return self._start("snapshot", {codec: self.snapshot(codec) for codec in self._codecs()})
        frames = {codec: news.frame(codec, self.room) for codec in self._codecs()}
        started = self._start("delta", frames, news.merged)
        started.since_ms = news.since_ms
        return started

    def _codecs(self) -> list[Codec]:
        """The encodings in use."""
        return [codec for codec, recipients in self._recipients.items() if len(recipients)]

    def _start(self, kind: str, frames: Frames, change: Change | None = None) -> Delivery:
        self._heard_ns = clock_ns()
        self._recipients = {codec: self._recipients[codec] for codec in frames}
        return Delivery(kind, self.mark, frames, self._recipients, change)

    def _end_delivery(self) -> None:
        done, self._delivery = self._delivery, None
        cost_ns, self._cost_ns = self._cost_ns, 0
        if done is None:
            return
        self._services.metrics.frames.labels(done.kind).inc(done.sent)
        if done.kind == "beat":
            return  # too rare to be charged
        took_s = (clock_ns() - done.started_ns) / 1e9
        self._services.metrics.rounds.observe(took_s)
        if done.since_ms:
            self._services.propagated(done.since_ms)
        tick_s = self._pace.spend(cost_ns) - took_s
        if tick_s > 0:
            self._tick = self._services.call_later(tick_s, self._tick_over)
        elif self._is_due:
            self._wake()  # with what came while it was under way
        if self._settling is None:
            self._settle()

    def _tick_over(self) -> None:
        self._tick = None
        if self._is_due:
            self._wake()

    def _settle(self) -> None:
        """Look again when the room's debts may be paid."""
        left_s = self._pace.settle()
        # A millisecond more: uvloop rounds to whole ones, and would call again and again until the time has come.
        self._settling = self._services.loop.call_later(left_s + 0.001, self._settle) if left_s else None

    def close(self) -> None:
        """The last viewer has left."""
        self._abandon()
        self._news = News()
        self._renew, self._cost_ns = False, 0
        for timer in (self._tick, self._settling):
            if timer is not None:
                timer.cancel()
        self._tick = self._settling = None
        self._pace.forgive()
