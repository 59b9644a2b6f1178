"""The scripts of a hold, run bare on Redis: what is left when there is no server.

The commands are those that the server itself sends: one hold and one release are watched with MONITOR, and then
repeated for other rooms, users, seats and holds, pipelined on one connection, the next batch on its way while the last
one is answered. Nobody listens to what the scripts publish.
"""

from __future__ import annotations

import re
import socket
import time
from ast import literal_eval
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import hiredis
import msgspec

from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.systems import Holder, Ours
from seatserver.errors import StartError

HALL = 4000
SEATS = (3101, 3102)
"""Of the hold that is watched: numbers that stand for nothing else in its commands."""
USER = "watched-holder"
QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
PATIENCE_S = 10.0
CHUNK = 1 << 16


@dataclass(frozen=True)
class Scripts:
    """The two commands as watched, with what stands in them."""

    hold: list[bytes]
    release: list[bytes]
    room: str
    hold_id: UUID


@dataclass(frozen=True)
class Seat:
    """One client's part: everything but the hold id is encoded already."""

    hold: tuple[bytes, ...]
    release: tuple[bytes, ...]


def watch(place: Installation, rooms: Sequence[str]) -> Scripts:
    """Let a server hold and release, and see what it sends; ``rooms`` are known to Redis afterwards."""
    room = place.rooms(1, HALL)[0]
    ours = Ours()
    with ours.serve(place) as server, Crowd(server.url, ours.decode) as crowd:
        holder = ours.holder(place, room, USER)
        crowd.join([holder, *(ours.holder(place, other, f"loader-{n}") for n, other in enumerate(rooms))])
        _hold_and_release(crowd, holder)  # the first time, scripts may travel whole
        with _connection(place.settings.redis_url) as redis:
            redis.sendall(_encoded([b"MONITOR"]))
            hold_id = _hold_and_release(crowd, holder)
            commands: list[list[bytes]] = []
            lines = redis.makefile("rb")
            while len(commands) < 2:
                line = lines.readline()
                command = [literal_eval(f'b"{part.decode("latin-1")}"') for part in QUOTED.findall(line)]
                if command and command[0].upper() == b"EVALSHA" and str(hold_id).encode() in line:
                    commands.append(command)
    return Scripts(commands[0], commands[1], room, hold_id)


def _hold_and_release(crowd: Crowd, holder: Holder) -> UUID:
    """One round of a client; the hold's id."""
    done: list[bool] = []
    holder.hold(SEATS, lambda carried_out, at: done.append(carried_out))
    crowd.until(lambda: len(done) == 1, PATIENCE_S)
    holder.release(lambda carried_out, at: done.append(carried_out))
    crowd.until(lambda: len(done) == 2, PATIENCE_S)
    if done != [True, True]:
        raise StartError(f"the hold to be watched was not carried out: {holder.said}")
    hold_id: UUID = holder.said.hold_id
    return hold_id


def seat_of(scripts: Scripts, room: str, user: str, seats: tuple[int, int]) -> Seat:
    """The two commands for another client."""

    def others(command: list[bytes]) -> tuple[bytes, ...]:
        replaced = []
        for part in command:
            part = part.replace(scripts.room.encode(), room.encode()).replace(USER.encode(), user.encode())
            for old, new in zip(SEATS, seats, strict=True):
                part = re.sub(rb"\b%d\b" % old, b"%d" % new, part)
            replaced.append(part)
        return tuple(_encoded(replaced).split(str(scripts.hold_id).encode()))

    return Seat(others(scripts.hold), others(scripts.release))


def holds_per_s(redis_url: str, clients: Sequence[Seat], seconds: float) -> float:
    """Hold and release for every client, again and again; the holds of a second."""
    reader = hiredis.Reader()
    with _connection(redis_url) as redis:
        held = expected = 0
        started_at = time.perf_counter()
        while expected < 2 * len(clients) or time.perf_counter() - started_at < seconds:
            ids = [str(uuid4()).encode() for _ in clients]
            for verb in ("hold", "release"):
                redis.sendall(
                    b"".join(hold_id.join(getattr(seat, verb)) for seat, hold_id in zip(clients, ids, strict=True))
                )
                expected += len(clients)
                # The batch before this one.
                held += _read(redis, reader, len(clients) if expected > len(clients) else 0)
        held += _read(redis, reader, len(clients))
        return held / (time.perf_counter() - started_at)


def _read(redis: socket.socket, reader: hiredis.Reader, count: int) -> int:
    """Read so many answers; how many of them say ``held``."""
    held = 0
    while count:
        answer = reader.gets()
        if answer is False:
            reader.feed(redis.recv(CHUNK))
            continue
        if not isinstance(answer, bytes):
            raise StartError(f"Redis refuses a watched command: {answer}")
        said = msgspec.msgpack.decode(answer)
        if said[0] not in ("held", "released"):
            raise StartError(f"a watched command did not do the same again: {said}")
        held += said[0] == "held"
        count -= 1
    return held


def _connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    made = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=PATIENCE_S)
    if parts.password:
        names = [unquote(parts.username)] if parts.username else []
        made.sendall(_encoded([b"AUTH", *(name.encode() for name in names), unquote(parts.password).encode()]))
        if not made.recv(CHUNK).startswith(b"+OK"):
            raise StartError("Redis refuses the password")
    return made


def _encoded(command: Sequence[bytes]) -> bytes:
    """A command in Redis' protocol."""
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in command)
    return b"*%d\r\n%s" % (len(command), parts)
