"""``GET /ws/concierge/{showtime_id}``: the handshake of a conversation, and who is talking in this process.

A conversation has a socket of its own, so a room's sockets carry nothing but the room, and conversations do not slow
them down. Like the room's endpoint, it refuses with an HTTP status only what no script has to understand; the session
says everything else in a `Bye`.

``GET /ws/operations`` is the same for staff, who ask about the live figures of all showtimes.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from seatserver.access.credentials import bearer_of
from seatserver.access.networks import network_of
from seatserver.access.origins import allowed
from seatserver.access.shares import SOCKETS_RETRY_S, Share
from seatserver.access.tokens import Identity
from seatserver.concierge.conversation import Conversation, Tools
from seatserver.concierge.session import ConciergeSession
from seatserver.concierge.staff.conversation import StaffConversation
from seatserver.concierge.staff.figures import Figures
from seatserver.concierge.subject import Subject
from seatserver.concierge.turns import TurnLimits
from seatserver.concierge.voice.service import VoiceService
from seatserver.config import Settings
from seatserver.errors import TooMany
from seatserver.live.session.allowance import Allowance
from seatserver.live.session.endpoint import deny
from seatserver.live.session.leave import Leave
from seatserver.live.transport.asgi_connection import CLOSED, AsgiConnection
from seatserver.live.transport.connection import Connection, ConnectionClosed
from seatserver.live.transport.uvicorn_connection import EXTENSION
from seatserver.metrics import Metrics
from seatserver.wire.closing import Close

PATH = "/ws/concierge/"
STAFF_PATH = "/ws/operations"
PURPOSE = "concierge"
"""What the names of networks are made for that are the same at all showtimes."""
SPREAD_MS = 5000
RETRY_AFTER_S = 5


class Conversations:
    """The conversations of this process: at most so many in all, and of one user."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self.draining = False
        self._open: set[ConciergeSession] = set()

    @property
    def full(self) -> bool:
        """Whether this process takes no more conversations."""
        return len(self._open) >= self._settings.concierge_conversations

    def may_begin(self, user_id: str) -> bool:
        """Whether this user may have another conversation."""
        of_user = Counter(session.user_id for session in self._open)[user_id]
        return of_user < self._settings.concierge_user_conversations

    async def host(self, session: ConciergeSession) -> None:
        """Run a session, which is counted until it ends."""
        self._open.add(session)
        self._metrics.conversations.set(len(self._open))
        try:
            await session.run()
        finally:
            self._open.discard(session)
            self._metrics.conversations.set(len(self._open))

    def recheck(self) -> None:
        """Let every session look whether it was revoked."""
        for session in list(self._open):
            session.recheck()

    def dismiss_where(self, is_over: Callable[[str], bool], leave: Leave) -> None:
        """End the conversations of the users for whom ``is_over`` is true."""
        for session in list(self._open):
            if is_over(session.user_id):
                session.dismiss(leave)

    async def drain(self) -> None:
        """Take no more conversations and say bye to all, within half of `Settings.shutdown_ms`."""
        self.draining = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.shutdown_ms / 2000
        for session in list(self._open):
            session.dismiss(Leave(Close.GOING_AWAY, "this server restarts", random.randrange(100, SPREAD_MS)))
        while self._open and loop.time() < deadline:  # noqa: ASYNC110 - many conditions, one moment
            await asyncio.sleep(0.01)


class Concierge:
    """Does the handshake of every conversation. Requests for any other path go to the application ``others``."""

    def __init__(
        self, conversations: Conversations, tools: Tools, figures: Figures, voice: VoiceService, others: ASGIApp
    ) -> None:
        """``figures`` are what staff may ask for."""
        self._conversations = conversations
        self._tools = tools
        self._figures = figures
        self._voice = voice
        self._others = others
        self._turn_limits = TurnLimits(tools.settings, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one conversation from its handshake to its end."""
        about = _about(scope)
        if about is None or not self._tools.settings.concierge:
            return await self._others(scope, receive, send)
        live = self._tools.live
        try:
            await receive()  # websocket.connect
            network = network_of(scope)
            share = live.shares.of_network(network)
            bearer = await self._let_in(scope, send, share)
        except (ConnectionClosed, *CLOSED):
            return
        allowance = Allowance(live.shares, share, is_unlimited=live.shares.is_unlimited(network))
        name = live.networks.write(about or PURPOSE, network)
        if about:
            subject = self._showtime(about, allowance, name, live.networks.write(PURPOSE, network))
        else:
            subject = self._live_figures()
        begin = partial(
            ConciergeSession,
            subject=subject,
            tools=self._tools,
            turn_limits=self._turn_limits,
            allowance=allowance,
            bearer=bearer,
            network=name,
            voice=self._voice,
            may_begin=self._conversations.may_begin,
        )
        connection: Connection | None = scope.get("extensions", {}).get(EXTENSION, {}).get("connection")
        with allowance.socket():
            if connection is not None:
                await self._conversations.host(begin(connection))
            else:
                async with AsgiConnection(receive, send) as connection:
                    await self._conversations.host(begin(connection))

    def _showtime(self, showtime_id: str, allowance: Allowance, network: str, household: str) -> Subject:
        """What a visitor talks about. ``network`` is a name for it at this showtime, ``household`` at all showtimes."""
        tools = self._tools

        async def open_for(identity: Identity, lang: str) -> Conversation:
            showtime = await tools.live.catalog.showtime(showtime_id)
            of_guests = household if identity.is_guest else ""
            return Conversation(tools, showtime, identity, lang, allowance, network, of_guests)

        return Subject(showtime_id, "watch", "talking to the concierge", open_for, may_hear=True)

    def _live_figures(self) -> Subject:
        """What staff ask about: whoever may see `/ops`, and what it shows."""

        async def open_for(identity: Identity, lang: str) -> StaffConversation:
            return StaffConversation(self._tools, self._figures, identity, lang)

        return Subject("", "admin", "asking about the live figures", open_for, may_hear=False)

    async def _let_in(self, scope: Scope, send: Send, share: Share | None) -> str | None:
        """Accept the socket. Returns the token of its Authorization header; raises `ConnectionClosed` if refused."""
        headers: dict[bytes, str] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value.decode("latin-1"))
        settings, conversations = self._tools.settings, self._conversations
        if not allowed(headers.get(b"origin"), headers.get(b"host"), settings):
            await deny(scope, send, 403, "this web origin may not connect: see SEATSERVER_ALLOWED_ORIGINS")
        if conversations.draining or conversations.full:
            await deny(
                scope, send, 503, "this server takes no more conversations at the moment", retry_after=RETRY_AFTER_S
            )
        if share is not None and settings.network_sockets and share.sockets >= settings.network_sockets:
            share.note_refusal()
            error = TooMany("sockets", SOCKETS_RETRY_S)
            await deny(scope, send, error.status, error.message, retry_after=math.ceil(SOCKETS_RETRY_S))
        await send({"type": "websocket.accept", "subprotocol": None})
        return bearer_of(headers.get(b"authorization", ""))


def _about(scope: Scope) -> str | None:
    """The showtime that the path names; empty for staff's, and None for any other path."""
    if scope["type"] != "websocket":
        return None
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    if path == STAFF_PATH:
        return ""
    showtime_id = path.removeprefix(PATH)
    return showtime_id if showtime_id and showtime_id != path and "/" not in showtime_id else None
