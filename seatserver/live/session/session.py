"""One socket, from hello to bye.

A session is one task on one `Connection`. It reads commands one at a time (TCP slows down a client that sends faster
than it is answered) and writes the answers; the room writes to the same connection in between. Every command gets
exactly one reply that repeats its ``ref``: a result or an `Error`. No command is dropped silently and no traceback is
sent. A viewer who is behind gets no frames until it has caught up, and then one snapshot for all it missed; one who
stays behind is closed. However a session ends, it gives back everything it took, except holds: they belong to the user
and stay until their deadline.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from uuid import UUID

from seatserver import logs
from seatserver.access.tokens import Identity
from seatserver.errors import BadRequest, SeatServerError, SeatsRefused, Unauthorized
from seatserver.live.broadcast.audience import Audience
from seatserver.live.broadcast.news import delta_of
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.commands import (
    COMMANDS,
    CommandContext,
    LiveServices,
    buyer_of,
    own_bookings,
    refused,
    welcome,
)
from seatserver.live.session.identity import end_of, identify
from seatserver.live.session.leave import Leave
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.wire import from_client, from_server
from seatserver.wire.closing import Close
from seatserver.wire.codec import Codec, Received
from seatserver.wire.frames import Frame

log = logs.from_outside(__name__)

BAD_MESSAGES = 20


class Session:
    """One socket of one showtime. `run` it; `dismiss` ends it from outside."""

    __slots__ = (
        "_allowance",
        "_audience",
        "_bad_messages",
        "_bearer",
        "_behind",
        "_cancelled",
        "_context",
        "_expiry",
        "_leave",
        "_network",
        "_owed_bytes",
        "_own_holds",
        "_services",
        "_serving",
        "_showtime_id",
        "_task",
        "_told_bookings",
        "codec",
        "connection",
        "owes_snapshot",
        "seen",
        "slot",
        "user_id",
    )

    def __init__(
        self,
        connection: Connection,
        showtime_id: str,
        codec: Codec,
        services: LiveServices,
        bearer: str | None,
        network: str,
        allowance: Allowance,
    ) -> None:
        self.codec = codec
        self.user_id = ""
        self.slot = -1
        self.seen = 0
        self.connection = connection
        self._showtime_id = showtime_id
        self._services = services
        self._bearer = bearer
        self._network = network
        self._allowance = allowance
        self._audience: Audience | None = None
        self._context: CommandContext | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._behind: asyncio.TimerHandle | None = None
        self.owes_snapshot = False
        self._owed_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._leave: Leave | None = None
        self._cancelled = False
        self._serving = False
        self._bad_messages = 0
        self._told_bookings: dict[UUID, str] | None = None
        # Those of the last commands, whose notices are still to come; as texts, as notices have them.
        self._own_holds: tuple[str, ...] = ()

    # ------------------------------------------------------------ as the room sees it

    @property
    def descriptor(self) -> int:
        """The descriptor that a frame may be written to at once, or `io_uring.NO_FD`."""
        return self.connection.descriptor

    def show(self, frame: Frame, mark: int) -> bool:
        """Send a frame that brings the viewer up to ``mark``, unless it is behind. Returns whether it was sent."""
        connection = self.connection
        if connection.behind:
            self.owes_snapshot = True
            return False
        self.seen = mark
        connection.write(frame)
        return True

    def finish(self, frame: Frame, sent: int, mark: int) -> None:
        """Send the rest of a frame after ``sent`` bytes of it were written to the descriptor."""
        self.seen = mark
        self.connection.write_rest(frame, sent)

    def tell_changed(self, hold_id: str) -> None:
        """The user has made, changed or released this hold: tell the client, unless it was this socket's command."""
        # Each of our commands suppresses one notice: the next change may come from another socket.
        if not self._passes_over(hold_id):
            self.tell(from_server.Elsewhere(hold_id=UUID(hold_id)))

    def tell(self, message: from_server.ServerMessage) -> None:
        """Send a message to this socket only. Repeated news of a booking is sent once."""
        if isinstance(message, from_server.Booked):
            told = self._told_bookings = self._told_bookings or {}
            if message.ref == 0 and told.get(message.booking_id) == message.status:
                return
            told[message.booking_id] = message.status
        frame = self.codec.encode(message)
        if self.connection.behind:
            self._owed_bytes += len(frame.wire)
            if self._owed_bytes > self._services.settings.outbox_bytes:
                self._give_up(Leave(Close.SLOW, "you read your replies too slowly", 1000))
                return
        self.connection.write(frame)

    def dismiss(self, leave: Leave) -> None:
        """End the session: it finishes the command under way, says bye and closes."""
        self._leave = self._leave or leave
        if not self._serving:
            self._cancel()

    def recheck(self) -> None:
        """The list of revocations has changed: end the session when its identity ends."""
        if self._context is not None and not self._cancelled:
            identity = self._context.identity
            if self._services.credentials.revoked_at_ms(identity) < identity.expires_at_ms:
                self._await_expiry(identity)

    # ------------------------------------------------------------ as the connection sees it

    def redirected(self) -> None:
        """The connection has another descriptor, or none."""
        if self._audience is not None:
            self._audience.redirect(self)

    def fell_behind(self) -> None:
        """The peer reads less than it is sent: close it if that lasts."""
        if self._cancelled:
            return  # the session is ending anyway
        self._services.metrics.behind.inc()
        slow_s = self._services.settings.slow_ms / 1000
        leave = Leave(Close.SLOW, "you read too slowly", 1000)
        self._behind = asyncio.get_running_loop().call_later(slow_s, self._give_up, leave)

    def caught_up(self) -> None:
        """The peer has read most of what waited: send one snapshot for the frames that it did not get."""
        self._stop_waiting()
        self._owed_bytes = 0
        if self.owes_snapshot and self._audience is not None:
            self.owes_snapshot = False
            self.show(self._audience.snapshot(self.codec), self._audience.mark)

    def _stop_waiting(self) -> None:
        if self._behind is not None:
            self._behind.cancel()
            self._behind = None

    def _give_up(self, leave: Leave) -> None:
        """End the session now, even in the middle of a command."""
        self._leave = leave
        self._cancel()

    def _cancel(self) -> None:
        # Its own task checks `_leave` by itself.
        if self._task is not None and not self._cancelled and self._task is not asyncio.current_task():
            self._cancelled = True
            self._task.cancel()

    # ------------------------------------------------------------ its life

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        self._task = asyncio.current_task()
        self.connection.attach(self, self._services.settings.outbox_bytes)
        try:
            leave = await self._serve_on()
            self._cancelled = True  # it ends by itself from here
            if leave is not None:
                self._services.metrics.closed.labels(str(leave.code)).inc()
                await leave.say(self.connection, self.tell)
        finally:
            self._cancelled, self.owes_snapshot = True, False
            self._stop_waiting()
            if self._expiry is not None:
                self._expiry.cancel()
            if self._audience is not None:
                self._services.broadcaster.leave(self._audience, self)

    async def _serve_on(self) -> Leave | None:
        """Serve until the session ends. Returns why, or None when the socket is gone already."""
        try:
            await self._greet()
            while self._leave is None:
                received = await self.connection.read()
                self._serving = True
                await self._serve(received)
                self._serving = False
                await self._allowance.push_back()
            return self._leave
        except Leave as leave:
            return leave
        except ConnectionClosed:
            return None
        except asyncio.CancelledError:
            if self._leave is None or self._task is None or self._task.uncancel():
                raise
            return self._leave
        except Exception:
            log.exception("session failed", showtime=self._showtime_id)
            return Leave(Close.INTERNAL, "an error on our side", reconnect_after_ms=1000)

    async def _greet(self) -> None:
        """Wait for hello; no other message is served before it."""
        hello_s = self._services.settings.hello_ms / 1000
        try:
            async with asyncio.timeout(hello_s):
                received = await self.connection.read()
        except TimeoutError:
            raise Leave(Close.LATE_HELLO, f"expected hello within {hello_s:g} s", 1000) from None
        handshakes = self._services.broadcaster.handshakes
        if handshakes.waiting >= self._services.settings.handshakes:
            self._services.metrics.turned_away.labels("storm").inc()
            raise Leave.for_now()
        await handshakes.acquire()
        try:
            message = self.codec.decode(received, self._services.settings.message_bytes)
            if not isinstance(message, from_client.Hello):
                raise BadRequest("expected hello as the first message", "type")
            await self._hello(message)
        except SeatServerError as error:
            self._tell_error(self.codec.ref_of(received), error)
            raise Leave.after(error) from None

    async def _serve(self, received: Received) -> None:
        """Carry out one command and answer it."""
        started, name, ref = perf_counter(), "unknown", 0
        try:
            message = self.codec.decode(received, self._services.settings.message_bytes)
            ref = message.ref
            if isinstance(message, from_client.Hello):
                name = "hello"
                self._allowance.count_message(self._services.metrics)
                await self._hello(message)
                return
            assert self._context is not None, "nothing is served before hello"
            command = COMMANDS[type(message)]
            name = command.name
            _check_scope(message, self._context.identity)
            if isinstance(message, from_client.ClientBeat):
                # Its answer names the room's version, so everything up to that goes first.
                self._context.audience.show_news(self)
            changes = str(message.hold_id) if command.declared.changes_holds else None  # type: ignore[union-attr]  # it has one
            if changes is not None:
                self._own_holds = (*self._own_holds[-3:], changes)
            try:
                answer = await self._allowance.carry_out(command, self._context, message)
            except BaseException:
                self._passes_over(changes)  # nothing was changed, so there is no notice of it
                raise
            self._answer(answer)
        except SeatsRefused as error:
            for reason in error.reasons.values():
                self._services.metrics.refusals.labels(reason).inc()
            if self._audience is not None:
                self._audience.demand.refuse(error.reasons)
            hold_id = message.hold_id  # type: ignore[union-attr]  # only commands on holds are refused so
            self.tell(refused(ref, hold_id, error, self._context))
        except SeatServerError as error:
            self._tell_error(self.codec.ref_of(received) if name == "unknown" else ref, error)
            # A valid command with a wrong content is no bad message, but whoever tries tokens and keys sends bad ones.
            if name == "unknown" or (name == "hello" and not error.retryable):
                self._bad_messages += 1
                if self._bad_messages >= BAD_MESSAGES:
                    raise Leave(Close.BAD_MESSAGES, f"{BAD_MESSAGES} messages were not accepted") from None
        except Exception:
            log.exception("command failed", command=name, showtime=self._showtime_id)
            self._tell_error(ref, SeatServerError("an error on our side; it has been logged"))
        finally:
            self._services.metrics.commands.labels(name).observe(perf_counter() - started)

    def _passes_over(self, hold_id: str | None) -> bool:
        """Whether a notice of this hold is of this socket's own command; it is then no longer waited for."""
        if hold_id not in self._own_holds:
            return False
        at = self._own_holds.index(hold_id)
        self._own_holds = (*self._own_holds[:at], *self._own_holds[at + 1 :])
        return True

    def _answer(self, message: from_server.ServerMessage) -> None:
        """Send the answer to a command, together with the room's news if there is little of it."""
        if self._audience is None or self.connection.behind or isinstance(message, from_server.Booked):
            self.tell(message)
        else:
            self.connection.write(self.codec.encode(message), *self._audience.news_with_answer(self))

    def _tell_error(self, ref: int, error: SeatServerError) -> None:
        self._services.metrics.errors.labels(error.code).inc()
        self.tell(
            from_server.Error(
                ref=ref, code=error.code, message=error.message, retryable=error.retryable, facts=error.facts
            )
        )

    # ------------------------------------------------------------ hello

    async def _hello(self, hello: from_client.Hello) -> None:
        """Identify the user, join the room, and bring the viewer up to date."""
        services, before = self._services, self._context
        known = None if before is None else before.identity
        identity = await identify(hello, services.credentials, known, self._bearer)
        _check_scope(hello, identity)
        if before is not None and identity.user_id != before.identity.user_id:
            raise Unauthorized("this socket belongs to another user; open a new one")
        showtime = await services.catalog.showtime(self._showtime_id)
        audience = self._audience
        if audience is None:
            audience = await services.broadcaster.join(showtime.id, showtime.seat_map)
            # From here on `run` leaves the audience at the end.
            self._audience = audience
        holds = await services.store.holds_of(showtime.id, identity.user_id)
        bookings = await own_bookings(services, audience, identity.user_id)

        # No await from here to the end: the viewer joins at exactly the version that it is shown, and no other socket
        # of this user can come between the check and the count.
        if before is None:
            self._check_sockets_of(identity.user_id)
        self._context = CommandContext(
            services=services,
            showtime=showtime,
            identity=identity,
            buyer=buyer_of(identity, self._network, services.settings),
            audience=audience,
        )
        self.user_id = identity.user_id
        self._allowance.begin(identity)
        audience.showtime = showtime
        self._await_expiry(identity)
        audience.add(self)
        self.tell(welcome(self._context, hello.ref, holds, bookings))
        resume = hello.resume
        missed = audience.room.since(resume.epoch, resume.version) if resume is not None else None
        if missed is None:
            self.show(audience.snapshot(self.codec), audience.mark)
        elif missed.version > missed.from_version:
            # Sent even if no seat differs: a follower needs every version.
            self.show(self.codec.encode(delta_of(missed, audience.room)), audience.mark)

    def _check_sockets_of(self, user_id: str) -> None:
        limit = self._services.settings.sockets_per_user
        if self._services.broadcaster.services.sockets_of(user_id) >= limit:
            raise Leave(Close.TOO_MANY_SOCKETS, f"you have {limit} sockets open already", 10_000)

    def _await_expiry(self, identity: Identity) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        services = self._services
        ends_ms, leave = end_of(identity, services.credentials, services.settings)
        # Who is revoked may not even finish the command under way: it could wait for Postgres for seconds.
        end = self._give_up if leave.code == Close.REVOKED else self.dismiss
        left_s = (ends_ms - services.clock()) / 1000
        self._expiry = asyncio.get_running_loop().call_later(max(0.0, left_s), end, leave)


def _check_scope(message: from_client.ClientMessage, identity: Identity) -> None:
    """Raise `Forbidden` unless the token allows this message."""
    declared = message.declared
    if declared.scope:
        identity.require(declared.scope_of(message), declared.action)
