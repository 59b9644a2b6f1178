"""The peers that our holds are compared with: Node with ``ws``, Socket.IO, and Bun's own WebSocket server.

Each is a small program of ours in `loadtests/references/peers`: holds and releases by one Lua script a verb over
ioredis, changes published through Redis and sent to the sockets of the room. ``ws`` and Bun talk as the plain server
does. Socket.IO publishes with its own Redis adapter instead. It has packets of its own (Engine.IO 4 over WebSocket), of
which this module knows the few that occur:

| packet | who | what |
| --- | --- | --- |
| ``0{…}`` | server | the transport is open |
| ``40{…}`` | both | connect, with who and where; connected |
| ``42["NAME",{…}]`` | both | an event |
| ``2``, ``3`` | server, client | ping, pong |
| ``44{…}`` | server | the connection is refused |
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from loadtests import packages
from loadtests.children import Running, launched
from loadtests.crowd import Decode, Member
from loadtests.installation import Installation
from loadtests.systems import Holder, PlainHolder, PlainViewer, Saw, System, Then, Viewer
from seatserver.errors import StartError

SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket"
CONNECT, EVENT, CONNECT_ERROR = b"40", b"42", b"44"
SOCKET_IO_IN_PYTHON = "loadtests.references.socketio_server"
OPEN, PING, PONG = b"0", b"2", b"3"


class Peer:
    """A program that talks as the plain server does."""

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name = name
        self.decode: Decode = msgspec.json.decode
        self._command = command

    def serve(self, place: Installation, **variables: str) -> AbstractContextManager[Running]:
        """A server process on the installation's Redis."""
        environ = {**place.environ, **variables}
        return launched("peer", self._command, folder=place.folder, environ=environ)

    def viewer(self, place: Installation, room: str, user: str, seats: int, saw: Saw) -> Viewer:
        """Somebody who watches."""
        return PlainViewer(room, user, seats, saw)

    def holder(self, place: Installation, room: str, user: str) -> Holder:
        """Somebody who holds."""
        return PlainHolder(room, user)


class SocketIoPeer(Peer):
    """A program that talks Socket.IO."""

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        super().__init__(name, command)
        self.decode = message_of

    def viewer(self, place: Installation, room: str, user: str, seats: int, saw: Saw) -> Viewer:
        return SocketIoViewer(room, user, seats, saw)

    def holder(self, place: Installation, room: str, user: str) -> Holder:
        return SocketIoHolder(room, user)


class SocketIoViewer(PlainViewer):
    """Puts every update on its map."""

    def __init__(self, room: str, user: str, seats: int, saw: Saw) -> None:
        super().__init__(room, user, seats, saw)
        self.path = SOCKET_IO_PATH
        self._connect = connect(room, user)

    def take(self, message: Any, at: float) -> None:
        if not only_transport(self, self._connect, message):
            super().take(message, at)


class SocketIoHolder(PlainHolder):
    """Holds seats, with events for commands and for answers."""

    def __init__(self, room: str, user: str) -> None:
        super().__init__(room, user)
        self.path = SOCKET_IO_PATH
        self._connect = connect(room, user)

    def hold(self, seats: tuple[int, ...], then: Then) -> None:
        self._seats = seats
        self.ask(event("hold", {"ref": 2, "seats": seats}), then)

    def release(self, then: Then) -> None:
        self.ask(event("release", {"ref": 3, "seats": self._seats}), then)

    def take(self, message: Any, at: float) -> None:
        if not only_transport(self, self._connect, message):
            super().take(message, at)


def only_transport(member: Member, way_in: bytes, message: Any) -> bool:
    """Whether a message was about the transport alone; then it has been answered."""
    if message["type"] == "open":
        member.send(way_in)
    elif message["type"] == "ping":
        member.send(PONG)
    else:
        return False
    return True


def connect(room: str, user: str) -> bytes:
    """The packet that connects to the default namespace."""
    return CONNECT + msgspec.json.encode({"room": room, "user": user})


def event(name: str, body: dict[str, Any]) -> bytes:
    """The packet of an event."""
    return EVENT + msgspec.json.encode([name, body])


def message_of(packet: bytes) -> dict[str, Any]:
    """What a packet of a Socket.IO server says, as a message of the plain server would; the event is its ``type``.

    Raises `StartError` when the server refuses the connection, or sends a packet of another kind.
    """
    if packet.startswith(EVENT):
        name, body = msgspec.json.decode(packet[len(EVENT) :], type=tuple[str, dict[str, Any]])
        return {**body, "type": name}
    if packet == PING:
        return {"type": "ping"}
    if packet.startswith(CONNECT):
        return {"type": "connected"}
    if packet.startswith(OPEN):
        return {"type": "open"}
    if packet.startswith(CONNECT_ERROR):
        raise StartError(f"Socket.IO refuses the connection: {packet[len(CONNECT_ERROR) :].decode(errors='replace')}")
    raise StartError(f"Socket.IO sent a packet that the load generator does not know: {packet[:80]!r}")


def in_python() -> tuple[list[System], list[str]]:
    """The peer in Python, or one sentence that says how to get it."""
    try:
        version = metadata.version("python-socketio")
    except metadata.PackageNotFoundError:
        return [], ["No python-socketio: pip install python-socketio."]
    return [SocketIoPeer(f"python-socketio {version}", (sys.executable, "-m", SOCKET_IO_IN_PYTHON))], []


def found(place: Installation) -> tuple[list[System], list[str]]:
    """The peers that can be had on this machine, and one sentence for each that cannot."""
    try:
        folder = packages.install(place.folder)
    except StartError as error:
        return [], [f"No peers (Node ws, Socket.IO, Bun): {error.message}."]
    node = packages.node()
    assert node is not None, "npm has just run on it"
    systems: list[System] = [
        Peer(f"Node, ws {packages.version(folder, 'ws')}", (node, folder / "ws.js")),
        SocketIoPeer(
            f"Node, Socket.IO with its Redis adapter {packages.version(folder, 'socket.io')}",
            (node, folder / "socket-io.js"),
        ),
    ]
    bun = packages.bun(folder)
    if bun is None:
        return systems, ["No Bun: npm has no package of it that runs on this machine."]
    systems.append(Peer(f"Bun {packages.version(folder, 'bun')}", (bun, folder / "bun.js")))
    return systems, []
