"""Receives the changes of all instances through one Redis subscription per process.

The feed has a connection of its own, so no reconnect goes unnoticed. After each one messages may be missing, and every
room is told to catch up (``restored``). The feed also sends itself probes: a connection that looks open but does not
deliver them is closed. Gaps within a connection are noticed by the room, because every change says which version it
follows.
"""

from __future__ import annotations

import asyncio
import math
import random
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from seatserver.config import Settings
from seatserver.errors import Unavailable
from seatserver.redis_io.client import UNAVAILABLE
from seatserver.redis_io.link import Link, packed
from seatserver.seats.store import feed_channel
from seatserver.tasks import raise_if_cancelled

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 2.0


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """News for one user.

    ``kind`` is expired, sold (lost to a booking), blocked (taken back by the house), holds (the user made, changed or
    released this hold), booking (the booking with this id changed), or epoch (for the room, not for a user).
    """

    kind: Literal["expired", "sold", "blocked", "booking", "holds", "epoch"]
    user_id: str
    hold_id: str
    seats: tuple[int, ...]


class FeedMessage(msgspec.Struct, frozen=True, array_like=True):
    """A message that a script published, with ``lua/parts/publish.lua``; ``changes`` alternates seat and state.

    ``late_ms`` is how long past its deadline the oldest hold ended by this change was; -1 if it ended none.
    """

    epoch: str
    from_version: int
    version: int
    now_ms: int
    soonest_ms: int
    changes: tuple[int, ...]
    notices: tuple[Notice, ...]
    late_ms: int = -1


class FeedLost(Exception):
    """The subscription is dead, although its connection may look alive."""


class _Subscription:
    """One channel. It is ``confirmed`` once Redis has answered the latest SUBSCRIBE."""

    __slots__ = ("confirmed", "showtime_id")

    def __init__(self, showtime_id: str) -> None:
        self.showtime_id = showtime_id
        self.confirmed = asyncio.Event()


class Feed:
    """One subscription; `run` it in a task for as long as the process lives.

    ``received(showtime_id, message)`` is called for every change of a subscribed showtime, in Redis' order.
    ``restored()`` is called when messages may have been missed.
    """

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        received: Callable[[str, FeedMessage], None],
        restored: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._received = received
        self._restored = restored
        self._decoder = msgspec.msgpack.Decoder(FeedMessage)
        self._probe_channel = f"seats:probe:{secrets.token_hex(8)}".encode()
        self._subscriptions: dict[bytes, _Subscription] = {}
        self._bells: dict[bytes, Callable[[], None]] = {}
        self._link: Link | None = None
        self._why_lost = ""
        self._ended = asyncio.Event()
        # SUBSCRIBEs not answered yet, by channel: only the answer to the last one confirms.
        self._unanswered: Counter[bytes] = Counter()
        self._complete = asyncio.Event()
        self._probe_seen_at = -math.inf

    @property
    def healthy(self) -> bool:
        """Whether a probe has come back recently."""
        age_s = asyncio.get_running_loop().time() - self._probe_seen_at
        return self._link is not None and age_s * 1000 < self._settings.probe_lost_ms

    async def subscribe(self, showtime_id: str) -> None:
        """Receive a showtime's changes from now on; returns when Redis has confirmed it. Raises `Unavailable`."""
        channel = feed_channel(showtime_id).encode()
        subscription = self._subscriptions[channel] = _Subscription(showtime_id)
        self._order("SUBSCRIBE", channel)
        try:
            async with asyncio.timeout(self._settings.redis_timeout_ms / 1000):
                await subscription.confirmed.wait()
        except TimeoutError:
            raise Unavailable("Redis") from None

    def unsubscribe(self, showtime_id: str) -> None:
        """Forget a showtime."""
        channel = feed_channel(showtime_id).encode()
        if self._subscriptions.pop(channel, None) is not None:
            self._order("UNSUBSCRIBE", channel)

    def listen(self, channel: bytes, rung: Callable[[], None]) -> None:
        """Call ``rung()`` whenever an instance rings on this channel, and when that may have been missed.

        Call this before `run`. A ring carries nothing: it says where to look, not what is there.
        """
        self._bells[channel] = rung

    async def ring(self, channel: bytes) -> None:
        """Ring on this channel, on every instance. While Redis is away nobody hears it."""
        try:
            await self._redis.publish(channel, b"")
        except (*UNAVAILABLE, RedisError) as error:
            log.warning("nobody was rung", channel=channel.decode(), error=str(error))

    async def run(self) -> None:
        """Keep the subscription alive until cancelled."""
        pause_s = 0.05
        while True:
            # In its own task, because Python 3.11 leaves a task whose TaskGroup failed marked as being cancelled.
            listening = asyncio.create_task(self._listen(), name="feed connection")
            try:
                await listening
            except* (*UNAVAILABLE, RedisError, FeedLost) as group:
                log.warning("feed lost", error=str(group.exceptions[0]))
            raise_if_cancelled()
            if self._probe_seen_at > 0:
                pause_s = 0.05
            self._probe_seen_at = -math.inf
            # Full jitter, because many instances lose the same Redis at the same moment.
            await asyncio.sleep(random.uniform(0, pause_s))
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _listen(self) -> None:
        self._why_lost = "the connection was closed"
        self._ended.clear()
        self._link = link = await Link.open(self._redis, self)
        try:
            # The probe comes last: once it is confirmed, everything before it is subscribed too.
            self._order("SUBSCRIBE", *self._subscriptions, *self._bells, self._probe_channel)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._probe())
                await self._ended.wait()
                raise FeedLost(self._why_lost)
        finally:
            self._link = None
            self._unanswered.clear()
            self._complete.clear()
            for subscription in self._subscriptions.values():
                subscription.confirmed.clear()
            link.abort()

    def _order(self, verb: str, *channels: bytes) -> None:
        """Send a command. Without a connection nothing is sent: the next one subscribes to all channels anyway."""
        if self._link is not None:
            self._link.write(packed(verb, *channels))
            if verb == "SUBSCRIBE":
                self._unanswered.update(channels)

    # ------------------------------------------------------------ as the link sees it

    def replied(self, reply: Any) -> None:
        """A message, or the answer to a command."""
        if isinstance(reply, Exception):
            self._why_lost = str(reply)
            self._ended.set()
            return
        kind, channel, payload = reply[0], reply[1], reply[2]
        if kind == b"message":
            self._deliver(channel, payload)
        elif kind == b"subscribe":
            self._confirm(channel)

    def lost(self) -> None:
        """The connection has ended."""
        self._ended.set()

    def writable(self) -> None:
        """Does nothing: commands are few and short and need not wait."""

    # ------------------------------------------------------------ what comes in

    def _confirm(self, channel: bytes) -> None:
        self._unanswered[channel] -= 1
        if self._unanswered[channel] > 0:
            return
        del self._unanswered[channel]
        if channel == self._probe_channel:
            self._complete.set()
        elif channel in self._subscriptions:
            self._subscriptions[channel].confirmed.set()

    def _deliver(self, channel: bytes, payload: bytes) -> None:
        if channel == self._probe_channel:
            first = self._probe_seen_at < 0
            self._probe_seen_at = asyncio.get_running_loop().time()
            if first:
                # Everything was subscribed before the probe was sent: nothing is missed from here on.
                self._restored()
                for rung in self._bells.values():
                    rung()
            return
        subscription = self._subscriptions.get(channel)
        if subscription is None:
            if channel in self._bells:
                self._bells[channel]()
            return
        showtime_id = subscription.showtime_id
        try:
            message = self._decoder.decode(payload)
        except msgspec.DecodeError as error:
            # Someone else writes to our channel. If this hides a change, the room notices the gap.
            log.error("feed message not understood", showtime=showtime_id, error=str(error))
            return
        self._received(showtime_id, message)

    async def _probe(self) -> None:
        loop = asyncio.get_running_loop()
        # A probe sent before its channel is subscribed would never arrive.
        async with asyncio.timeout(self._settings.probe_lost_ms / 1000):
            await self._complete.wait()
        started = loop.time()
        while True:
            await self._redis.publish(self._probe_channel, b"")
            raise_if_cancelled()
            await asyncio.sleep(self._settings.probe_ms / 1000)
            if (loop.time() - max(started, self._probe_seen_at)) * 1000 > self._settings.probe_lost_ms:
                raise FeedLost("the probe did not come back")
