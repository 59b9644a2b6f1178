"""The two systems that a seat can be held in: ours, and the plain server that ours is compared with.

A `System` serves rooms, and makes the two kinds of members that a benchmark needs: a viewer, who keeps its own map and
says when a seat on it changed, and a holder, who holds and gives back and is told how it went.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from loadtests.children import Running, running
from loadtests.crowd import Decode, Member
from loadtests.installation import Installation
from seatserver.errors import StartError
from seatserver.seats.states import SeatState
from seatserver.wire import from_client, from_server, values
from seatserver.wire.codec import SUBPROTOCOL_JSON

FREE, HELD = int(SeatState.FREE), int(SeatState.HELD)

Then = Callable[[bool, float], None]
"""Told whether a command was carried out, and when its answer came."""
Saw = Callable[["Viewer", int, int, float], None]
"""Told that on a viewer's map a seat got a state, and when."""


class Viewer(Member):
    """A member who only watches. ``states`` is its own map."""

    def __init__(self, saw: Saw) -> None:
        super().__init__()
        self.saw = saw
        self.states = bytearray()

    def show(self, seat: int, state: int, at: float) -> None:
        """Put a state on the map."""
        if self.states[seat] != state:
            self.states[seat] = state
            self.saw(self, seat, state, at)


class Holder(Member):
    """A member who asks, one command at a time, and is read first."""

    goes_first = True

    def __init__(self) -> None:
        super().__init__()
        self._then: Then | None = None
        self.deadline_ms = 0
        self.said: Any = None
        """The last answer."""
        self.changes_seen = 0
        """How many changes of the room this member has been told of since it came."""

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return self._then is not None

    def hold(self, seats: tuple[int, ...], then: Then) -> None:
        """Hold all these seats."""
        raise NotImplementedError

    def release(self, then: Then) -> None:
        """Give back what was held last."""
        raise NotImplementedError

    def ask(self, payload: bytes, then: Then) -> None:
        """Send a command."""
        assert self._then is None, "one command at a time"
        self._then = then
        self.send(payload)

    def answered(self, carried_out: bool, at: float) -> None:
        """The answer has come."""
        then, self._then = self._then, None
        if then is not None:
            then(carried_out, at)


class System(Protocol):
    """A server with rooms."""

    name: str
    decode: Decode

    def serve(self, place: Installation, **variables: str) -> AbstractContextManager[Running]:
        """A server process."""

    def viewer(self, place: Installation, room: str, user: str, seats: int, saw: Saw) -> Viewer:
        """Somebody who watches a room of so many seats."""

    def holder(self, place: Installation, room: str, user: str) -> Holder:
        """Somebody who holds seats."""


# ---------------------------------------------------------------- ours


class OurViewer(Viewer):
    """Follows the rules of the wire: deltas in order, a hello with `resume` for a gap."""

    subprotocol = SUBPROTOCOL_JSON

    def __init__(self, room: str, token: str, saw: Saw) -> None:
        super().__init__(saw)
        self.path = f"/ws/showtimes/{room}"
        self.epoch, self.version = "", 0
        self._token = token
        self._catching_up = False

    def greet(self) -> None:
        self.send(msgspec.json.encode(from_client.Hello(ref=1, token=self._token)))

    def take(self, message: Any, at: float) -> None:
        kind = type(message)
        if kind is from_server.Delta:
            if message.epoch == self.epoch and message.from_ <= self.version:
                if message.version > self.version:
                    self.version, self._catching_up = message.version, False
                    for seat, state in message.changes:
                        self.show(seat, state, at)
            else:
                self._catch_up()
        elif kind is from_server.Snapshot:
            self._reset(message, at)
        elif kind is from_server.Beat:
            if (message.epoch, message.version) != (self.epoch, self.version):
                self._catch_up()
        elif kind is from_server.Error or kind is from_server.Bye:
            raise StartError(f"the server says: {message}")

    def _reset(self, message: from_server.Snapshot, at: float) -> None:
        self.epoch, self.version, self._catching_up = message.epoch, message.version, False
        new = message.states.encode().translate(VALUES)
        if self.joined:
            for seat, state in enumerate(new):
                self.show(seat, state, at)
        else:
            self.states = bytearray(new)
            self.arrive()

    def _catch_up(self) -> None:
        if not self._catching_up:
            self._catching_up = True
            self.send(
                msgspec.json.encode(from_client.Hello(resume=values.Resume(epoch=self.epoch, version=self.version)))
            )


class OurHolder(Holder):
    """Holds seats; keeps no map, but follows the room's version, which every change raises by one."""

    subprotocol = SUBPROTOCOL_JSON

    def __init__(self, room: str, token: str) -> None:
        super().__init__()
        self.path = f"/ws/showtimes/{room}"
        self._token = token
        self._hold_id = uuid4()
        self._first_version = 0

    def greet(self) -> None:
        self.send(msgspec.json.encode(from_client.Hello(ref=1, token=self._token)))

    def hold(self, seats: tuple[int, ...], then: Then) -> None:
        self._hold_id = uuid4()
        self.ask(msgspec.json.encode(from_client.Hold(ref=2, hold_id=self._hold_id, seats=seats)), then)

    def release(self, then: Then) -> None:
        self.ask(msgspec.json.encode(from_client.Release(ref=3, hold_id=self._hold_id)), then)

    def take(self, message: Any, at: float) -> None:
        if type(message) is from_server.Delta:
            self.changes_seen = message.version - self._first_version
            return
        if self._then is not None:
            self.said = message
        match message:
            case from_server.Held():
                self.deadline_ms = message.deadline_ms
                self.answered(True, at)
            case from_server.Released():
                self.answered(True, at)
            case from_server.Snapshot() if not self.joined:
                self._first_version = message.version
                self.arrive()
            case from_server.Snapshot():
                self.changes_seen = message.version - self._first_version
            case from_server.Refused():
                self.answered(False, at)
            case from_server.Error() if self._then is not None:
                self.answered(False, at)
            case from_server.Error() | from_server.Bye():
                raise StartError(f"the server says: {message}")


class Ours:
    """``seatserver serve``, everything on."""

    name = "seatserver"

    def __init__(self) -> None:
        self.decode: Decode = msgspec.json.Decoder(from_server.ServerMessage).decode

    def serve(self, place: Installation, **variables: str) -> AbstractContextManager[Running]:
        return place.serve(**variables)

    def viewer(self, place: Installation, room: str, user: str, seats: int, saw: Saw) -> Viewer:
        return OurViewer(room, place.token(user), saw)

    def holder(self, place: Installation, room: str, user: str) -> Holder:
        return OurHolder(room, place.token(user))


VALUES = bytes(max(0, byte - 48) for byte in range(58)) + bytes(198)
"""For `bytes.translate`: a snapshot's digits as states."""


# ---------------------------------------------------------------- the plain server


class PlainViewer(Viewer):
    """Puts every update on its map."""

    def __init__(self, room: str, user: str, seats: int, saw: Saw) -> None:
        super().__init__(saw)
        self.path = f"/ws/{room}?user={user}"
        self.states = bytearray(seats)

    def greet(self) -> None:
        """The server says that we are in."""

    def take(self, message: Any, at: float) -> None:
        if message["type"] == "update":
            for seat, state in message["changes"]:
                self.show(seat, state, at)
        elif message["type"] == "joined":
            self.arrive()


class PlainHolder(Holder):
    """Holds seats; keeps no map, but counts what it is told."""

    def __init__(self, room: str, user: str) -> None:
        super().__init__()
        self.path = f"/ws/{room}?user={user}"
        self._seats: tuple[int, ...] = ()

    def greet(self) -> None:
        """The server says that we are in."""

    def hold(self, seats: tuple[int, ...], then: Then) -> None:
        self._seats = seats
        self.ask(msgspec.json.encode({"type": "hold", "ref": 2, "seats": seats}), then)

    def release(self, then: Then) -> None:
        self.ask(msgspec.json.encode({"type": "release", "ref": 3, "seats": self._seats}), then)

    def take(self, message: Any, at: float) -> None:
        match message["type"]:
            case "update":
                self.changes_seen += 1
            case "held" | "released":
                self.answered(True, at)
            case "refused":
                self.answered(False, at)
            case "joined":
                self.arrive()


class Plain:
    """`loadtests.references.plain_server` on the same Redis."""

    name = "plain server"

    def __init__(self) -> None:
        self.decode: Decode = msgspec.json.decode

    def serve(self, place: Installation, **variables: str) -> AbstractContextManager[Running]:
        environ = {**place.environ, **variables}
        return running("plain", "loadtests.references.plain_server", folder=place.folder, environ=environ)

    def viewer(self, place: Installation, room: str, user: str, seats: int, saw: Saw) -> Viewer:
        return PlainViewer(room, user, seats, saw)

    def holder(self, place: Installation, room: str, user: str) -> Holder:
        return PlainHolder(room, user)
