"""Both kinds of socket connection keep the same promises: uvicorn's transport, and any ASGI server's `send`."""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import itertools
import json
import random
import ssl
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from seatserver.live.session import leave
from seatserver.live.session.leave import Leave
from seatserver.live.transport.asgi_connection import AsgiConnection
from seatserver.live.transport.uvicorn_connection import INBOX_MESSAGES, UvicornConnection
from seatserver.wire.frames import Frame
from tests.integration.conftest import MakeServer
from tests.integration.server import JSON, MSGPACK, SEATS, SHOWTIME, Instance, Wire, eventually
from tests.integration.test_goodbye import SMALL_BUFFER, asleep, make_noise, reader
from tests.waiting import PATIENCE_S, within

MakeLined = Callable[..., Awaitable[Instance]]
LINES = {
    "in batches": (UvicornConnection, True),
    "one by one": (UvicornConnection, False),
    "ordinary": (WebSocketsSansIOProtocol, True),
}


@pytest.fixture(params=LINES)
def make_lined(request: pytest.FixtureRequest, make_server: MakeServer) -> MakeLined:
    """Starts a server whose sockets have one kind of line."""

    async def make(**changes: Any) -> Instance:
        protocol, io_uring = LINES[request.param]
        return await make_server(options={"ws": protocol}, io_uring=io_uring, **changes)

    return make


def lines_of(server: Instance) -> list[Any]:
    return list(server.core.sessions.connections)


async def test_the_server_decides_which_connection_class_a_socket_uses(make_server: MakeServer) -> None:
    for protocol, kind in ((UvicornConnection, UvicornConnection), (WebSocketsSansIOProtocol, AsgiConnection)):
        server = await make_server(options={"ws": protocol})
        async with server.watcher(), server.watcher(encoding=MSGPACK):
            assert [type(line) for line in lines_of(server)] == [kind, kind]


async def test_every_viewer_sees_every_change_in_order_in_its_encoding(make_lined: MakeLined) -> None:
    server = await make_lined()

    async def follow(wire: Wire, last: int) -> bytes:
        states, version = bytearray(SEATS), -1
        for message in itertools.chain(tuple(wire.log), itertools.repeat(None)):
            if message is None and version >= last:
                return bytes(states)
            message = message or await wire.next()
            if message["type"] == "snapshot":
                version = message["version"]
                states[:] = bytes(map(int, message["states"]))
            elif message["type"] == "delta":
                assert message["from"] <= version < message["version"], "in order and without a gap"
                version = message["version"]
                for seat, state in message["changes"]:
                    states[seat] = state
            elif message["type"] == "beat":
                assert message["version"] == version, "an answer overtakes nothing"
        raise AssertionError("endless")

    async with (
        server.watcher("ann", JSON) as ann,
        server.watcher("bob", MSGPACK) as bob,
        server.watcher("eve", MSGPACK) as busy,
    ):
        for number in range(20):
            held = await busy.hold(number % 10)
            if number % 3:
                await busy.ask("release", hold_id=held["hold_id"])
            await ann.ask("beat")
            if number == 10:
                await bob.hello(resume={"epoch": bob.log[0]["epoch"], "version": 0})
        last = (await busy.ask("beat"))["version"]
        assert server.gauge("round_seconds_count") > 0
        expected = await server.states()
        for wire in (ann, bob, busy):
            assert await follow(wire, last) == expected


async def test_a_viewer_who_falls_behind_gets_nothing_and_then_one_snapshot(
    make_lined: MakeLined,
) -> None:
    server = await make_lined(send_buffer=SMALL_BUFFER, outbox_bytes=4096, tick_ms=0, tick_most_ms=0, seats_per_user=28)
    async with asleep(server) as slow, server.watcher("busy") as busy, reader(server) as quick:
        [sleeper] = server.core.sessions.of_user("sleeper")
        await make_noise(busy, lambda: sleeper.owes_snapshot)
        version = await make_noise(busy, lambda: True)
        first = slow.log[-1]["version"]

        slow.connection.transport.resume_reading()
        snapshot = await slow.until("snapshot")
        deltas = [message for message in slow.log if message["type"] == "delta"]
        assert deltas, "what was on its way arrives"
        assert [delta["version"] for delta in deltas] == [delta["from"] for delta in deltas[1:]] + [
            deltas[-1]["version"]
        ]
        assert deltas[0]["from"] == first
        assert deltas[-1]["version"] < snapshot["version"] <= version, "what came after that is in the snapshot"
        assert (await slow.ask("beat"))["version"] == version
        assert [message["type"] for message in slow.log].count("snapshot") == 2

        seen = quick.log[-1]["version"]
        while seen < version:
            delta = await quick.until("delta")
            assert delta["from"] == seen, "the quick one misses nothing"
            seen = delta["version"]


async def test_a_viewer_who_stays_behind_is_closed(make_lined: MakeLined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave, "CLOSE_S", 0.1)
    monkeypatch.setattr(UvicornConnection, "linger_s", 0.1)
    server = await make_lined(
        send_buffer=SMALL_BUFFER, outbox_bytes=4096, tick_ms=0, tick_most_ms=0, seats_per_user=28, slow_ms=200
    )
    async with asleep(server), server.watcher("busy") as busy:
        await make_noise(busy, lambda: server.gauge("sockets") == 1)
        closed = server.core.metrics.registry.get_sample_value("seatserver_closed_total", {"code": "4101"})
        assert closed == 1
        assert server.gauge("fell_behind_total") >= 1


async def test_a_viewer_who_wakes_in_time_reads_that_it_was_too_slow(make_server: MakeServer) -> None:
    server = await make_server(
        send_buffer=SMALL_BUFFER, outbox_bytes=4096, tick_ms=0, tick_most_ms=0, seats_per_user=28, slow_ms=200
    )
    async with asleep(server) as slow, server.watcher("busy") as busy:
        await make_noise(busy, lambda: server.gauge("sockets") == 1)
        slow.connection.transport.resume_reading()
        assert await slow.closed() == 4101


@pytest.mark.long
async def test_little_is_buffered_for_a_viewer_who_reads_nothing(make_server: MakeServer) -> None:
    server = await make_server(outbox_bytes=65_536)
    piece = Frame(bytes(10_000), text=False)
    async with server.watcher("ann", MSGPACK, max_queue=None) as ann:
        ann.connection.transport.pause_reading()
        [line] = lines_of(server)
        written = 0
        async with within("the peer's system to take no more"):
            while not line.behind:
                line.write(piece)
                written += len(piece.wire)
                await asyncio.sleep(0)
        # What the peer's system takes for it is not ours; a default there is some hundred kilobytes.
        assert line.transport.get_write_buffer_size() <= 65_536 + len(piece.wire)
        assert written < 2_000_000, "the default is more than twice that"


async def test_excess_commands_wait_at_the_peer(make_lined: MakeLined) -> None:
    server = await make_lined()
    many = 4000
    async with server.watcher("ann") as ann:
        hold_id = (await ann.hold(1))["hold_id"]
        async with server.core.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes FOR UPDATE"))
            await ann.send("book", ref=1, hold_id=hold_id)
            await eventually(lambda: server.core.checkout.is_writing)
            for ref in range(2, many):
                # Straight to the transport: the client's library would wait.
                ann.connection.protocol.send_text(b'{"type":"beat","ref":%d}' % ref)
            ann.connection.send_data()
            [line] = lines_of(server)
            if isinstance(line, UvicornConnection):
                await eventually(lambda: not line.transport.is_reading())
                assert INBOX_MESSAGES <= line.queue.qsize() < INBOX_MESSAGES + 100
        replies = [await ann.next() for _ in range(many - 1)]
        while len(refs := [reply["ref"] for reply in replies if reply.get("ref")]) < many - 1:
            replies.append(await ann.next())
        assert refs == list(range(1, many)), "each is answered once, in order"


async def test_early_and_fragmented_messages_are_read(make_lined: MakeLined) -> None:
    server = await make_lined()
    async with server.socket() as wire:
        await wire.send("hello", ref=1, token=wire.token)
        await wire.send("beat", ref=2)
        message = json.dumps({"type": "beat", "ref": 3})
        await wire.connection.send([message[:5], "", message[5:]])
        for ref in (1, 2, 3):
            while (await wire.next()).get("ref") != ref:
                pass


async def test_a_client_that_sends_before_the_handshake_ends_is_still_heard_later(
    make_lined: MakeLined, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await make_lined()
    knocked, come_in = asyncio.Event(), asyncio.Event()

    async def take() -> None:
        knocked.set()
        await come_in.wait()

    monkeypatch.setattr(server.core.broadcaster.handshakes, "acquire", take)
    async with asyncio.timeout(PATIENCE_S):
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /ws/showtimes/{SHOWTIME} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await knocked.wait()
        hello = json.dumps({"type": "hello", "ref": 1, "token": server.token()}).encode()
        writer.write(frames.Frame(Opcode.TEXT, hello).serialize(mask=True))
        [line] = [cast(WebSocketsSansIOProtocol, one) for one in server.uvicorn.server_state.connections]
        # It has arrived, wherever it waits: in the inbox, or unread before it.
        await eventually(lambda: not line.transport.is_reading() or not line.queue.empty())
        come_in.set()
        await reader.readuntil(b'"welcome"')
        writer.write(frames.Frame(Opcode.TEXT, b'{"type": "beat", "ref": 2}').serialize(mask=True))
        await reader.readuntil(b'"beat","ref":2')
        writer.close()
        await writer.wait_closed()


async def test_a_close_right_after_an_invalid_text_message_is_answered(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.watcher() as wire:
        for opcode, payload in ((Opcode.TEXT, b"\xff"), (Opcode.CLOSE, frames.Close(1000, "").serialize())):
            wire.connection.protocol.writes.append(frames.Frame(opcode, payload).serialize(mask=True))
        wire.connection.transport.write(b"".join(wire.connection.protocol.data_to_send()))
        assert await wire.closed() == 1000


@pytest.mark.parametrize("seed", range(4))
async def test_messages_are_read_however_their_bytes_are_split(make_server: MakeServer, seed: int) -> None:
    chance, count = random.Random(seed), 200
    server = await make_server()
    async with server.watcher("ann") as ann:
        stream = b""
        for ref in range(1, count + 1):
            said = b'{"type":"beat","ref":%d%s}' % (ref, b" " * chance.choice((0, 0, 80, 300)))
            cut = chance.randrange(len(said))
            pieces = [said] if chance.random() < 0.8 else [said[:cut], said[cut:]]
            for at, piece in enumerate(pieces):
                opcode = Opcode.CONT if at else Opcode.TEXT
                stream += frames.Frame(opcode, piece, fin=at == len(pieces) - 1).serialize(mask=True)
                if chance.random() < 0.1:
                    stream += frames.Frame(Opcode.PING, b"alive?").serialize(mask=True)
        while stream:
            cut = chance.choice((1, 2, 5, 40, 500, 5000))
            ann.connection.transport.write(stream[:cut])
            stream = stream[cut:]
            if chance.random() < 0.5:
                await asyncio.sleep(0.001)
        refs: list[int] = []
        while len(refs) < count:
            refs += [message["ref"]] if (message := await ann.next()).get("ref") else []
        assert refs == list(range(1, count + 1))

        ann.connection.transport.write(frames.Frame(Opcode.TEXT, b'{"type":"\xff"}').serialize(mask=True))
        assert (await ann.last_words())[0] == 1007, "text that is none"


async def test_a_refused_handshake_says_why(make_lined: MakeLined) -> None:
    server = await make_lined(sockets=1)
    for refused, status, reason in (
        ({"origin": "https://evil.example"}, 403, b"SEATSERVER_ALLOWED_ORIGINS"),
        ({"encoding": "graphql-ws"}, 400, b"seatmap.v1+json"),
    ):
        with pytest.raises(InvalidStatus) as caught:
            async with server.socket(**refused):
                pass
        assert caught.value.response.status_code == status
        assert reason in caught.value.response.body
    async with server.socket():
        with pytest.raises(InvalidStatus) as caught:
            async with server.socket():
                pass
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 5, "not the same for everybody"


async def test_a_stopping_server_says_bye(make_lined: MakeLined) -> None:
    server = await make_lined()
    async with server.watcher("ann") as ann, server.watcher("bob", MSGPACK) as bob:
        server.uvicorn.should_exit = True
        for wire in (ann, bob):
            code, words = await wire.last_words()
            assert (code, words[-1]["type"]) == (1012, "bye")


async def test_a_viewer_who_vanishes_is_forgotten(make_lined: MakeLined) -> None:
    server = await make_lined()
    async with server.watcher("ann") as ann, server.watcher("bob") as bob:
        ann.connection.transport.abort()
        await eventually(lambda: server.gauge("sockets") == 1)
        await bob.hold(1)
        assert (await bob.told("delta"))["changes"] == [[1, 1]]


async def test_over_tls_nothing_bypasses_the_encryption(make_server: MakeServer, tmp_path: Path) -> None:
    certificate, key = certify(tmp_path)
    server = await make_server(options={"ssl_certfile": certificate, "ssl_keyfile": key})
    server.url = server.url.replace("http://", "https://")
    tls = ssl.create_default_context(cafile=certificate)
    async with server.watcher("ann", ssl=tls) as ann, server.watcher("bob", MSGPACK, ssl=tls) as bob:
        assert [line.descriptor for line in lines_of(server)] == [-1, -1]
        await ann.hold(1)
        for wire in (ann, bob):
            assert (await wire.told("delta"))["changes"] == [[1, 1]]


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate", folder / "key"


async def test_pings_are_spread_over_their_interval(make_server: MakeServer) -> None:
    server = await make_server(heartbeat_ms=10_000)
    async with asyncio.timeout(60):
        sockets = [server.socket(f"user {number}") for number in range(20)]
        for socket in sockets:
            await socket.__aenter__()
        due = sorted(line.ping_timer.when() for line in lines_of(server))
        # The chance that twenty moments fall into a tenth of the interval is nil.
        assert due[-1] - due[0] > 1.0
        assert due[-1] - asyncio.get_running_loop().time() <= 10.0
        for socket in sockets:
            await socket.__aexit__(None, None, None)


async def test_a_closed_connection_leaves_no_reference_cycles(make_server: MakeServer) -> None:
    server = await make_server()
    gc.collect()
    gc.disable()
    try:
        async with server.watcher("ann") as ann, server.watcher("bob"), server.watcher("eve"):
            left = [weakref.ref(part) for line in lines_of(server) for part in (line, line.conn, line.conn.reader)]
            ann.connection.transport.abort()
            [bob] = server.core.sessions.of_user("bob")
            bob.dismiss(Leave(4200, "the end", 0))
            del bob
        await eventually(lambda: all(part() is None for part in left))
    finally:
        gc.enable()
