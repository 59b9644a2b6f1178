"""What one socket may ask for: its user's share, and for a guest that of the network too.

Every command goes through here, and every hello but a socket's first. All guests of a network together hold only so
many seats of one showtime: what they hold is noted from the answers, and what they have asked for counts until the
answer. Users with a token of a partner have no part in their network's share: who they are does not change with a new
token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seatserver.access.shares import PUSHED_BACK_S, SEATS_RETRY_S, Share, Shares
from seatserver.access.tokens import Identity
from seatserver.errors import TooMany
from seatserver.live.session.commands import CommandContext, ServedCommand
from seatserver.metrics import Metrics
from seatserver.wire import from_client, from_server


class Allowance:
    """The shares that one socket draws from; none where the network has no limits."""

    __slots__ = ("_network", "_of_network", "_of_user", "_pushes", "_shares", "is_unlimited")

    def __init__(self, shares: Shares, network: Share | None, *, is_unlimited: bool) -> None:
        self._shares = shares
        self._network = network
        self.is_unlimited = is_unlimited
        """Whether the operator has taken this network out of all limits."""
        self._of_user: Share | None = None
        self._of_network: Share | None = None
        self._pushes = False

    @contextmanager
    def socket(self) -> Iterator[None]:
        """Count the socket in its network's share for as long as it is open, and in its user's from hello on."""
        if self._network is not None:
            self._network.sockets += 1
        try:
            yield
        finally:
            for share in (self._network, self._of_user):
                if share is not None:
                    share.sockets -= 1

    def begin(self, who: Identity) -> None:
        """The socket has said hello, perhaps not for the first time: from now on this user's share counts."""
        if self.is_unlimited:
            return
        if self._of_user is None:
            self._of_user = self._shares.of_user(who.user_id)
            self._of_user.sockets += 1  # until `socket` ends
        self._of_network = self._network if who.is_guest else None

    async def carry_out(self, command: ServedCommand, at: CommandContext, message: Any) -> from_server.ServerMessage:
        """Carry out a command within the shares. Raises `TooMany`, and what the command raises."""
        if self._of_user is None:
            return await command.carry_out(at, message)
        changes_holds = command.declared.changes_holds
        try:
            _take(self._of_user, changes_holds)
            if self._of_network is None:
                return await command.carry_out(at, message)
            _take(self._of_network, changes_holds)
            most = at.services.settings.network_seats
            if not most or not (changes_holds or isinstance(message, (from_client.Extend, from_client.Book))):
                return await command.carry_out(at, message)
            return await self._hold_within(most, self._of_network, command, at, message)
        except TooMany as error:
            self._note_refusal(error, at.services.metrics)
            raise

    def count_message(self, metrics: Metrics) -> None:
        """Count a message that is no command of the room, such as another hello, as one. Raises `TooMany`."""
        try:
            for share in (self._of_user, self._of_network):
                if share is not None:
                    share.take("commands")
        except TooMany as error:
            self._note_refusal(error, metrics)
            raise

    async def push_back(self) -> None:
        """Let the socket wait, if it was just refused and its network does not stop pushing."""
        if self._pushes:
            self._pushes = False
            await asyncio.sleep(PUSHED_BACK_S)

    def _note_refusal(self, error: TooMany, metrics: Metrics) -> None:
        metrics.turned_away.labels(str(error.facts["what"])).inc()
        if self._network is not None:
            self._network.note_refusal()
            self._pushes = self._network.is_pushing

    @staticmethod
    async def _hold_within(
        most: int, network: Share, command: ServedCommand, at: CommandContext, message: Any
    ) -> from_server.ServerMessage:
        """Carry out a command that changes what the network's guests hold (``most`` seats) or for how long."""
        showtime_id, hold_id, replaces = at.showtime.id, message.hold_id, getattr(message, "replaces", None)
        wanted = seats_wanted(message)
        if wanted and network.seats_held(showtime_id, besides=(hold_id, replaces)) + wanted > most:
            raise TooMany("seats", SEATS_RETRY_S)
        with network.asking(showtime_id, hold_id, wanted):
            answer = await command.carry_out(at, message)
        if isinstance(answer, from_server.Held):
            left_s = (answer.deadline_ms - at.services.clock()) / 1000
            network.hold(showtime_id, hold_id, answer.seats, sum(count for _, count in answer.areas), left_s)
            if replaces is not None and replaces != hold_id:
                network.end(showtime_id, replaces)
        elif isinstance(answer, from_server.Released) and message.seats is not None:
            network.give_back(showtime_id, hold_id, answer.seats)
        elif isinstance(answer, (from_server.Released, from_server.Booked)):
            network.end(showtime_id, hold_id)
        return answer


def _take(share: Share, changes_holds: bool) -> None:
    share.take("commands")
    if changes_holds:
        share.take("holds")


def seats_wanted(message: Any) -> int:
    """How many seats and places a command would hold."""
    if isinstance(message, from_client.Hold):
        return len(message.seats) + sum(places.count for places in message.areas)
    if isinstance(message, from_client.Best):
        return message.count or sum((message.tickets or {}).values())
    return 0
