"""The parts of a process: what there is, who knows whom, and in which order they start and stop.

Read ``__init__`` of `Server` from top to bottom. `seatserver.app` puts the doors in front of it, for sockets, REST and
pages; `seatserver.serving` runs both under uvicorn, from the start to a signal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Self
from uuid import UUID

import structlog

from seatserver import descriptors, logs
from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.access.api_keys import ApiKeys
from seatserver.access.captcha import Captcha
from seatserver.access.credentials import Credentials
from seatserver.access.deny_list import DenyList
from seatserver.access.guest_limits import GuestLimits
from seatserver.access.guest_price import GuestPrice
from seatserver.access.networks import NetworkNames
from seatserver.access.revocations import CHANNEL, Revocations
from seatserver.access.shares import Shares
from seatserver.access.socket_tickets import SocketTickets
from seatserver.access.tokens import Tokens
from seatserver.accounts.challenges import Challenges
from seatserver.accounts.openid import openid_of
from seatserver.accounts.passkeys import Passkeys
from seatserver.accounts.passwords import Passwords
from seatserver.accounts.sessions import Sessions
from seatserver.accounts.sign_in import PasswordCheck
from seatserver.accounts.users import Users
from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.own import OwnBookings
from seatserver.bookings.reconcile import Reconciler
from seatserver.bookings.records import Records
from seatserver.bookings.seat_changes import Relay
from seatserver.catalog.catalog import Catalog
from seatserver.concierge.endpoint import Conversations
from seatserver.concierge.gemini import access_of, client_of
from seatserver.concierge.model.gateway import ModelGateway
from seatserver.concierge.model.messages import Setup
from seatserver.concierge.model.process import ModelProcess
from seatserver.concierge.voice.service import VoiceService
from seatserver.config import Clock, Settings, wall_clock
from seatserver.database import Database, away_at_start
from seatserver.errors import SeatServerError, Unavailable
from seatserver.holding.holding import Holding
from seatserver.kiosks.kiosk import kiosk_of
from seatserver.kiosks.payments import Payments
from seatserver.kiosks.print_jobs import PrintJobs
from seatserver.kiosks.printing import Printing
from seatserver.kiosks.reader_watch import ReaderWatch
from seatserver.kiosks.readers import CardReader, SimulatedReader
from seatserver.kiosks.registry import Kiosks
from seatserver.kiosks.sockets import KioskSockets
from seatserver.kiosks.stripe import StripeReader
from seatserver.live import views
from seatserver.live.broadcast.broadcaster import Broadcaster
from seatserver.live.broadcast.services import BroadcastServices
from seatserver.live.session.leave import Leave
from seatserver.live.session.registry import SessionRegistry
from seatserver.loop import LoopWatch
from seatserver.metrics import Metrics
from seatserver.operations.instance_reports import InstanceReports
from seatserver.operations.report_store import ReportStore
from seatserver.redis_io import client as redis_client
from seatserver.rooms.feed import Feed
from seatserver.rooms.hub import Hub
from seatserver.seats.store import SeatStore
from seatserver.tasks import Tasks, raise_if_cancelled
from seatserver.transcripts.log import TIDY_MS, ConciergeLog
from seatserver.wire.closing import Close
from seatserver.wire.from_server import Booked
from seatserver.worker import Worker, repeat

log = structlog.get_logger(__name__)


class Server:
    """Every part of one process. Entering it (``async with``) starts the background tasks; leaving ends them all."""

    def __init__(self, settings: Settings, clock: Clock = wall_clock) -> None:
        """``clock`` decides what is on sale and when a payment is late. Deadlines of holds go by Redis' clock."""
        self.settings = settings
        self.metrics = Metrics()

        # The two servers behind us.
        self.database = Database(settings)
        self.redis = redis_client.connect(settings)

        # Who is asking.
        self.tokens = Tokens(settings)
        self.socket_tickets = SocketTickets(settings, self.redis)
        self.deny_list = DenyList(wall_clock)
        self.revocations = Revocations(self.database, self.deny_list, wall_clock)
        self.api_keys = ApiKeys(self.database, self.revocations, wall_clock)
        self.credentials = Credentials(self.tokens, self.api_keys, self.socket_tickets, self.deny_list)
        self.booking_keys = BookingKeys(settings)
        self.networks = NetworkNames(settings)
        self.shares = Shares(settings)
        self.guest_limits = GuestLimits(settings, self.redis, self.shares, self.networks, self.metrics)
        self.captcha = Captcha(settings) if settings.captcha != "none" else None
        self.guest_price = GuestPrice(settings, self.redis, self.shares, self.networks, self.metrics, self.captcha)

        # The operator's own staff, and where they are signed in.
        self.passwords = Passwords()
        self.users = Users(self.database, self.revocations, wall_clock)
        self.user_sessions = Sessions(settings, self.database, self.tokens, self.revocations, wall_clock)
        challenges = Challenges(self.redis)
        self.passkeys = Passkeys(settings, self.database, challenges)
        self.openid = openid_of(
            settings=settings,
            users=self.users,
            database=self.database,
            challenges=challenges,
            shares=self.shares,
            metrics=self.metrics,
            clock=wall_clock,
        )
        self.password_check = PasswordCheck(self.users, self.passwords, self.shares, self.metrics)

        # What is on sale, and who owns which seat: Postgres decides.
        self.catalog = Catalog(self.database)
        self.records = Records(self.database, clock)
        self.own_bookings = OwnBookings(self.database)

        # Who holds a seat: Redis decides.
        self.store = SeatStore(self.redis, settings, self.records.load_ownership)
        self.holding = Holding(self.store, settings, clock)

        # The rooms, kept up to date by what every instance publishes.
        self.hub = Hub(self.store, settings)
        self.feed = Feed(self.redis, settings, self.hub.received, self.hub.restored)
        self.hub.attach(self.feed)
        self.broadcaster = Broadcaster(self.hub, BroadcastServices(settings, self.metrics, clock, self._read_booking))

        # From a hold to a booking, and from Postgres back to Redis.
        self.relay = Relay(self.database, self.store)
        self.checkout = Checkout(
            settings=settings,
            database=self.database,
            catalog=self.catalog,
            store=self.store,
            records=self.records,
            relay=self.relay,
            metrics=self.metrics,
            clock=clock,
        )
        self.allocations = Allocations(self.database, self.catalog, clock, self.relay.notify)
        self.reconciler = Reconciler(self.records, self.store, self.relay)

        # The terminals in lobbies, and what ends their customers' tokens before their time.
        self.kiosks = Kiosks(self.database, self.tokens)
        self.print_jobs = PrintJobs(self.database)
        self.printing = Printing(settings, self.print_jobs, self.records, self.catalog, AdmissionCodes(settings))
        self.kiosk_sockets = KioskSockets(
            settings, self.kiosks, self.print_jobs, self.printing.read, self.shares, self._cut_kiosks
        )
        self.tokens.refuse_ended = self.kiosks.check_customer
        reader = _card_reader(settings, self.database)
        self.kiosk_payments = Payments(settings, self.database, self.catalog, self.checkout, self.records, reader)
        watch = ReaderWatch(self.kiosks, reader) if isinstance(reader, StripeReader) else None

        # What visitors agreed to have kept of the concierge.
        self.concierge_log = ConciergeLog(settings, self.database)

        # What happens in the background.
        self.worker = Worker(
            settings=settings,
            store=self.store,
            checkout=self.checkout,
            allocations=self.allocations,
            relay=self.relay,
            reconciler=self.reconciler,
            kiosk_payments=self.kiosk_payments,
            card_readers=watch,
            metrics=self.metrics,
        )

        # Who is connected, and what operators see of all this.
        self.share = descriptors.share(settings)
        self.sessions = SessionRegistry(settings, self.metrics, self.share.sockets)
        self.conversations = Conversations(settings, self.metrics)
        asking = _model_process(settings)
        self.model = None if asking is None else ModelGateway(settings, asking, self.redis, self.metrics, wall_clock)
        ears = client_of(settings) if settings.hears_s else None
        self.voice = VoiceService(settings, ears, self.model, self.metrics, time.monotonic)
        self.loop_watch = LoopWatch(settings, self.metrics)
        self.reports = InstanceReports(
            metrics=self.metrics,
            broadcaster=self.broadcaster,
            board=ReportStore(self.redis),
            clock=wall_clock,
            ping_database=self.database.ping,
            is_feed_healthy=lambda: self.feed.healthy,
            who_pushes=self.shares.pushing,
            is_draining=lambda: self.sessions.draining,
        )

        self._tasks = Tasks()
        self.feed.listen(CHANNEL, self.revocations.look)
        self.revocations.attach(
            changed=self._recheck,
            ring=lambda: self.feed.ring(CHANNEL),
        )

    async def __aenter__(self) -> Self:
        try:
            await self.check()
            raise_if_cancelled()
        except BaseException:
            await self.close_connections()
            raise
        if shortage := self.share.shortage(self.settings):
            tell = log.warning if self.share.is_much_less(self.settings) else log.info
            tell("fewer sockets than the settings say", problem=shortage)
        self.loop_watch.start()
        self._tasks.spawn(self.revocations.run(), "revocations")
        self._tasks.spawn(self.hub.run(), "hub")
        self._tasks.spawn(self.broadcaster.run(), "beats")
        self._tasks.spawn(self.reports.run(), "reports")
        self._tasks.spawn(logs.tell_counts(), "counts of the log")
        self._tasks.spawn(self.metrics.settle_on(), "metrics")
        self._tasks.spawn(repeat("kiosks", self.settings.kiosk_ms, self.kiosk_sockets.look, self.metrics), "kiosks")
        if self.settings.duties:
            self._tasks.spawn(self.worker.run(), "duties")
            tidy = repeat("concierge log", TIDY_MS, self.concierge_log.tidy, self.metrics)
            self._tasks.spawn(tidy, "concierge log")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        # Bookings that are being written finish first. Then their readers stop, and the connections close last.
        await self.checkout.close(grace_s=self.settings.shutdown_ms / 4000)
        await self._tasks.close()
        await self.concierge_log.close(grace_s=self.settings.shutdown_ms / 8000)
        await self.api_keys.close()
        await self.reports.close()
        await self.own_bookings.close()
        await self.relay.close()
        await self.broadcaster.close()
        await self.hub.close()
        await self.close_connections()
        self.loop_watch.close()

    async def drain(self) -> None:
        """Say goodbye to everybody on a socket; take no more."""
        await asyncio.gather(self.sessions.drain(), self.conversations.drain())

    async def check(self) -> None:
        """Raise `NotThereYet` if Postgres or Redis does not answer, another `StartError` if waiting would not help."""
        try:
            await self.database.ping()
            await self.database.check_migrated()
            await self.revocations.refresh()
        except Unavailable as error:
            raise away_at_start(error) from None
        await redis_client.check(self.redis)

    async def ready(self) -> dict[str, str | None]:
        """Each part that is needed to serve, with None or what is wrong with it."""
        return {
            "postgres": await _problem(self.database.ping()),
            "redis": await _problem(self._ping_redis()),
            "feed": None if self.feed.healthy else "the probe over Redis pub/sub does not come back",
            "server": "draining" if self.sessions.draining else None,
        }

    async def _ping_redis(self) -> None:
        try:
            await self.redis.ping()
        except redis_client.UNAVAILABLE:
            raise Unavailable("Redis") from None

    async def _read_booking(self, booking_id: UUID) -> Booked | None:
        booking = await self.records.find(booking_id)
        if booking is None:
            return None
        return views.booked(booking, (await self.catalog.showtime(booking.showtime_id)).seat_map, self.booking_keys)

    def _recheck(self) -> None:
        """Something was revoked: whoever is on a socket may be meant."""
        self._tasks.spawn(self.sessions.recheck(), "recheck sessions")
        self.conversations.recheck()

    def _cut_kiosks(self, kiosk_ids: set[UUID]) -> None:
        leave = Leave(Close.BAD_TOKEN, "this kiosk was revoked")
        for sockets in (self.sessions, self.conversations):
            sockets.dismiss_where(lambda user_id: kiosk_of(user_id) in kiosk_ids, leave)

    async def model_spent(self) -> tuple[int, int] | None:
        """The tokens and the money, in millionths of a cent, that the language model has taken today.

        None where there is none, or while Redis does not answer.
        """
        if self.model is None:
            return None
        try:
            return await self.model.budgets.spent_today()
        except Unavailable:
            return None

    async def has_showtime(self, showtime_id: str) -> bool:
        """Whether there is such a showtime. Raises `Unavailable`."""
        return await self.catalog.existing([showtime_id]) != []

    async def close_connections(self) -> None:
        """Close the connections to Postgres, Redis and others. A server that was never entered needs only this."""
        await self.voice.close()
        if self.model is not None:
            await self.model.close(grace_s=self.settings.shutdown_ms / 8000)
        self.holding.close()
        await self.kiosk_payments.close()
        self.passwords.close()
        if self.captcha is not None:
            await self.captcha.close()
        if self.openid is not None:
            await self.openid.close()
        await self.store.close()
        await self.database.close()
        await self.redis.aclose()


async def _problem(check: Coroutine[Any, Any, None]) -> str | None:
    try:
        await check
    except SeatServerError as error:
        return error.message
    return None


def _model_process(settings: Settings) -> ModelProcess | None:
    """What talks to the language model, where there is a key. It starts with the first question."""
    if not settings.gemini_api_key:
        return None
    return ModelProcess(Setup(access_of(settings), settings.gemini_memory_mb * 1024 * 1024))


def _card_reader(settings: Settings, database: Database) -> CardReader | None:
    if settings.kiosk_reader == "stripe":
        return StripeReader(settings, database)
    return SimulatedReader(database) if settings.kiosk_reader == "simulated" else None
