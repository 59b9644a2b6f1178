"""One socket of the concierge, from `Begin` to its end.

It also reads while an answer is being given, so that the visitor can stop it, ask something else, or leave. At most one
answer is under way; it is a task of its own, which ends with the session. The session ends if the visitor reads too
slowly or asks nothing for long, or if their token expires; what they hold stays theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from seatserver import logs
from seatserver.access.tokens import Identity
from seatserver.concierge.conversation import Conversation, Tools
from seatserver.concierge.subject import Answering, Subject
from seatserver.concierge.turns import TurnLimits
from seatserver.concierge.voice.service import VoiceService
from seatserver.concierge.voice.turn import MOST_SPEECH_S, SHORT_BYTES, Memory, Piece, SpokenTurn
from seatserver.errors import BadRequest, SeatServerError, TooLarge, Unauthorized
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.identity import end_of, identify
from seatserver.live.session.leave import Leave
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.wire.closing import Close
from seatserver.wire.codec import Received, TextCodec
from seatserver.wire.concierge import (
    Ask,
    Begin,
    ConciergeCommand,
    ConciergeMessage,
    Done,
    Forget,
    Forgotten,
    Listening,
    Quiet,
    Ready,
    Speak,
    Spoken,
    Stop,
    Words,
)
from seatserver.wire.frames import Frame
from seatserver.wire.from_server import Error

log = logs.from_outside(__name__)

BAD_MESSAGES = 20
CODEC: TextCodec[ConciergeCommand, ConciergeMessage] = TextCodec(ConciergeCommand, "JSON")


class ConciergeSession:
    """One conversation on its socket. `run` it; `dismiss` ends it from outside."""

    def __init__(
        self,
        connection: Connection,
        subject: Subject,
        tools: Tools,
        turn_limits: TurnLimits,
        allowance: Allowance,
        *,
        bearer: str | None,
        network: str,
        voice: VoiceService,
        may_begin: Callable[[str], bool],
    ) -> None:
        """``network`` is a name for a guest's network, not an address.

        ``may_begin(user)`` is whether this user may have another conversation.
        """
        self.user_id = ""
        self._connection = connection
        self._subject = subject
        self._tools = tools
        self._turn_limits = turn_limits
        self._allowance = allowance
        self._bearer = bearer
        self._network = network
        self._voice = voice
        self._voice_memory = Memory()
        self._has_spoken = False
        """Whether speech was sent. It may wait for the visitor's link long after the answer that it belongs to."""
        self._spoken: SpokenTurn | None = None
        self._may_begin = may_begin
        self._conversation: Answering | None = None
        self._answering: asyncio.Task[None] | None = None
        self._not_begun: int | None = None
        """The ref of a question whose answer has not begun yet: it could not say that it was stopped."""
        self._reading: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._leave: Leave | None = None
        self._bad_messages = 0
        self._lang = "en"
        self._keeps = False
        """Whether the visitor agrees that what they write is kept."""

    def dismiss(self, leave: Leave) -> None:
        """End the session: it stops the answer under way, says bye and closes."""
        self._leave = self._leave or leave
        if self._reading is not None:
            self._reading.cancel()

    def recheck(self) -> None:
        """The list of revocations has changed: end the session when its identity ends."""
        if self._conversation is not None and self._leave is None:
            self._await_expiry(self._conversation.identity)

    # ------------------------------------------------------------ as the connection sees it

    def redirected(self) -> None:
        """Nothing is written past the connection."""

    def fell_behind(self) -> None:
        """A text is far smaller than the buffer: who falls behind reads nothing, or more slowly than speech comes.

        After speech, `_answer` leaves out the rest of it, and the conversation goes on. Nothing more is read until they
        have caught up, so at most one answer waits for them. If they never do, it ends as if nothing more were asked.
        """
        if not self._has_spoken:
            self.dismiss(Leave(Close.SLOW, "you read too slowly", 1000))

    def caught_up(self) -> None:
        """Whoever has been dismissed stays so; others go on."""

    # ------------------------------------------------------------ its life

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        self._connection.attach(self, self._tools.settings.outbox_bytes)
        self._reading = asyncio.get_running_loop().create_task(self._read_on(), name="concierge")
        try:
            await asyncio.wait({self._reading})
            await self._stop()
            if (leave := self._end_of(self._reading)) is not None:
                self._tools.metrics.closed.labels(str(leave.code)).inc()
                await leave.say(self._connection, self._tell)
        finally:
            if self._expiry is not None:
                self._expiry.cancel()
            self._reading.cancel()
            if self._answering is not None:
                self._answering.cancel()
            await asyncio.gather(self._reading, *filter(None, [self._answering]), return_exceptions=True)

    def _end_of(self, reading: asyncio.Task[None]) -> Leave | None:
        """Why the session ends, or None if the socket is gone already."""
        if self._leave is not None:
            return self._leave
        error = None if reading.cancelled() else reading.exception()
        if isinstance(error, Leave):
            return error
        if error is None or isinstance(error, ConnectionClosed):
            return None
        log.error("concierge failed", showtime=self._subject.showtime_id, exc_info=error)
        return Leave(Close.INTERNAL, "an error on our side", 1000)

    async def _read_on(self) -> None:
        await self._greet()
        idle_s = self._tools.settings.concierge_idle_ms / 1000
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    received = await self._connection.read()
            except TimeoutError:
                raise Leave(Close.GOING_AWAY, "nothing was asked for long") from None
            await self._serve(received)
            # Messages that came in one piece are read without a pause, and most are served without one.
            await asyncio.sleep(0)

    async def _greet(self) -> None:
        hello_s = self._tools.settings.hello_ms / 1000
        try:
            async with asyncio.timeout(hello_s):
                received = await self._connection.read()
        except TimeoutError:
            raise Leave(Close.LATE_HELLO, f"expected begin within {hello_s:g} s", 1000) from None
        try:
            message = CODEC.decode(received, self._tools.settings.message_bytes)
            if not isinstance(message, Begin):
                raise BadRequest("expected begin as the first message", "type")
            await self._begin(message)
        except SeatServerError as error:
            self._tell_error(CODEC.ref_of(received), error)
            raise Leave.after(error) from None

    async def _serve(self, received: Received) -> None:
        if isinstance(received, bytes) and self._seconds:
            return self._hear(received)
        try:
            message = CODEC.decode(received, self._tools.settings.message_bytes)
        except (BadRequest, TooLarge) as error:
            self._tell_error(CODEC.ref_of(received), error)
            return self._count_bad_message()
        try:
            self._allowance.count_message(self._tools.metrics)
            match message:
                case Begin():
                    await self._begin(message)
                case Ask():
                    await self._stop()
                    self._ask(message)
                case Stop():
                    await self._stop()
                case Speak():
                    await self._stop()
                    self._begin_to_hear(message)
                case Forget():
                    await self._forget(message)
                case Spoken():
                    if self._spoken is not None:
                        self._spoken.finish()
        except SeatServerError as error:
            self._tell_error(message.ref, error)
            if isinstance(message, Begin) and not error.retryable:
                self._count_bad_message()

    def _count_bad_message(self) -> None:
        """Raise `Leave` if there were too many: what is no message of the contract, or a begin that was refused."""
        self._bad_messages += 1
        if self._bad_messages >= BAD_MESSAGES:
            raise Leave(Close.BAD_MESSAGES, f"{BAD_MESSAGES} messages were not accepted") from None

    async def _begin(self, begin: Begin) -> None:
        """Identify the visitor. Raises `Unauthorized`, `Forbidden`, `NotFound`, `Unavailable`."""
        before = None if self._conversation is None else self._conversation.identity
        identity = await identify(begin, self._tools.live.credentials, before, self._bearer)
        identity.require(self._subject.scope, self._subject.action)
        if self._conversation is None:
            conversation = await self._subject.open(identity, begin.lang)
            if not self._may_begin(identity.user_id):
                raise Leave(Close.TOO_MANY_SOCKETS, "you have too many conversations open already", 10_000)
            self._conversation = conversation
        elif identity.user_id != self._conversation.identity.user_id:
            raise Unauthorized("this conversation belongs to another user; open a new one")
        self._conversation.identity = identity
        self._conversation.speak(begin.lang)
        self._lang, self._keeps = begin.lang, begin.log and self._log_days > 0
        self.user_id = identity.user_id
        self._allowance.begin(identity)
        self._await_expiry(identity)
        self._tell(
            Ready(
                ref=begin.ref,
                user=identity.user_id,
                may_hold=identity.may("hold"),
                chars=self._tools.settings.concierge_chars,
                turns=self._conversation.turns,
                model=self._tools.model is not None,
                voice_s=self._seconds,
                log_days=self._log_days,
                logged=self._keeps,
            )
        )

    def _await_expiry(self, identity: Identity) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        live = self._tools.live
        ends_ms, leave = end_of(identity, live.credentials, live.settings)
        left_s = (ends_ms - live.clock()) / 1000
        self._expiry = asyncio.get_running_loop().call_later(max(0.0, left_s), self.dismiss, leave)

    # ------------------------------------------------------------ answering

    def _ask(self, asked: Ask) -> None:
        """Begin to answer. Raises `BadRequest`, and `Busy` if too much was asked."""
        conversation = self._conversation
        assert conversation is not None, "nothing is asked before begin"
        if len(asked.text) > self._tools.settings.concierge_chars:
            raise BadRequest(
                f"text has {len(asked.text)} characters: expected at most {self._tools.settings.concierge_chars}",
                "text",
            )
        self._take_turn(conversation)
        pieces = conversation.answer(asked.ref, asked.text, asked.people)
        most_s = self._tools.settings.concierge_answer_ms / 1000
        self._begin_to_answer(conversation, asked.ref, pieces, most_s, asked.text if self._keeps else "")

    @property
    def _log_days(self) -> int:
        """For how many days what visitors write is kept if they agree; 0 for those of whom nothing is kept."""
        if not self._subject.showtime_id:
            return 0  # staff
        if self._conversation is not None and self._conversation.identity.is_at_kiosk:
            return 0  # who has left a kiosk is nobody any more, and could not have it deleted
        return self._tools.log.days

    async def _forget(self, asked: Forget) -> None:
        """Delete what is kept of this user. Raises `BadRequest` where staff ask, and `Unavailable`."""
        if not self._subject.showtime_id:
            raise BadRequest("nothing is kept of what staff ask", "type")
        self._keeps = False
        await self._stop()
        self._tell(Forgotten(ref=asked.ref, deleted=await self._tools.log.forget(self.user_id)))

    @property
    def _seconds(self) -> int:
        """The longest spoken question; 0 if none is heard."""
        return self._voice.seconds if self._subject.may_hear else 0

    def _take_turn(self, conversation: Answering) -> None:
        """Count a question. Raises `Busy`."""
        if not self._allowance.is_unlimited:
            network = self._network if conversation.identity.is_guest else ""
            self._turn_limits.take(user=self.user_id, network=network, showtime=self._subject.showtime_id)

    def _begin_to_hear(self, asked: Speak) -> None:
        """Begin to answer a spoken question. Raises `BadRequest`, and `Busy` if too much was asked or said."""
        conversation, voice = self._conversation, self._voice
        if not self._seconds:
            raise BadRequest("this server hears nothing: send ask", "type")
        assert isinstance(conversation, Conversation), "nothing is asked before begin, and only visitors are heard"
        self._take_turn(conversation)
        user = self.user_id
        voice.admit(user)
        self._spoken = turn = SpokenTurn(voice, conversation, self._voice_memory, ref=asked.ref, people=asked.people)
        most_s = voice.seconds + MOST_SPEECH_S + voice.answer_s
        self._tell(Listening(ref=asked.ref))
        answering = self._begin_to_answer(conversation, asked.ref, turn.answer(), most_s)

        def end(_: object) -> None:
            voice.leave(user)
            if self._spoken is turn:
                self._spoken = None  # its sound is kept no longer

        answering.add_done_callback(end)

    def _hear(self, sound: bytes) -> None:
        """Take a piece of the visitor's voice. What comes after the question has ended is on its way from before.

        Such pieces, and very short ones, count as messages do; all others are bounded as speech.
        """
        hears = self._spoken is not None and self._spoken.hears
        try:
            if not hears or len(sound) < SHORT_BYTES:
                self._allowance.count_message(self._tools.metrics)
            if len(sound) > self._tools.settings.message_bytes:
                raise TooLarge("the message", self._tools.settings.message_bytes)
            if self._spoken is not None and hears:
                self._spoken.take(sound)
        except SeatServerError as error:
            self._tell_error(0, error)
            if isinstance(error, BadRequest | TooLarge):
                self._count_bad_message()

    def _begin_to_answer(
        self, conversation: Answering, ref: int, pieces: AsyncGenerator[Piece, None], most_s: float, kept: str = ""
    ) -> asyncio.Task[None]:
        """``kept`` is the question, if it is to be kept with its answer."""
        self._not_begun = ref
        answer = self._answer(conversation, ref, pieces, most_s, kept)
        self._answering = asyncio.get_running_loop().create_task(answer, name="answer")
        return self._answering

    async def _answer(
        self, conversation: Answering, ref: int, told: AsyncGenerator[Piece, None], most_s: float, kept: str
    ) -> None:
        """Tell the answer piece by piece, within its time. However it ends, the last message is `Done` or `Error`."""
        clock = asyncio.get_running_loop().time
        started, self._not_begun = clock(), None
        is_cut = False
        said: list[str] = []
        try:
            async with asyncio.timeout(most_s), aclosing(told) as pieces:
                async for piece in pieces:
                    if isinstance(piece, bytes):
                        self._has_spoken = True
                        if self._connection.behind and not is_cut:
                            is_cut = True
                            self._tell(Quiet(ref=ref))
                        if is_cut:
                            continue
                    self._tell(piece)
                    if kept and isinstance(piece, Words):
                        said.append(piece.text)
        except TimeoutError:
            self._tell(Words(ref=ref, text=conversation.too_slow()))
            self._tell(Done(ref=ref, turns=conversation.turns, held=conversation.held, stopped=True))
        except asyncio.CancelledError:
            self._tell(Done(ref=ref, turns=conversation.turns, held=conversation.held, stopped=True))
            raise
        except Exception:
            log.exception("answer failed", showtime=self._subject.showtime_id)
            self._tell_error(ref, SeatServerError("an error on our side; it has been logged"))
        finally:
            self._tools.metrics.answers.observe(clock() - started)
            if kept and self._keeps:  # the visitor may have taken it back meanwhile
                self._keep(kept, "".join(said))
            if conversation.turns <= 0 and self._reading is not None and not self._reading.done():
                self.dismiss(Leave(Close.GOING_AWAY, "this conversation has come to its end"))

    def _keep(self, question: str, answer: str) -> None:
        self._tools.log.keep(
            user_id=self.user_id,
            showtime_id=self._subject.showtime_id,
            language=self._lang,
            question=question,
            answer=answer,
        )

    async def _stop(self) -> None:
        """Stop the answer under way, if there is one, and wait for its last message."""
        if self._answering is None:
            return
        self._answering.cancel()
        await asyncio.wait({self._answering})
        await asyncio.sleep(0)  # until what follows its end, such as leaving its place, has been done
        # Not before the wait: a dismissal may cut it short, and must still find the answer to wait for.
        self._answering = self._spoken = None
        if self._not_begun is not None:
            assert self._conversation is not None, "it was asked"
            self._tell(Done(ref=self._not_begun, turns=self._conversation.turns, stopped=True))
            self._not_begun = None

    # ------------------------------------------------------------ what is sent

    def _tell(self, message: ConciergeMessage | bytes) -> None:
        """Send a message, or a piece of sound."""
        frame = Frame(message, text=False) if isinstance(message, bytes) else CODEC.encode(message)
        self._connection.write(frame)

    def _tell_error(self, ref: int, error: SeatServerError) -> None:
        self._tools.metrics.errors.labels(error.code).inc()
        self._tell(Error(ref=ref, code=error.code, message=error.message, retryable=error.retryable, facts=error.facts))
