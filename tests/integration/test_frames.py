"""What RFC 6455 says of frames holds on our own connection, and no bytes whatever hurt the server.

The cases are those of the RFC's sections 5, 7.4 and 8, as its public test suites count them. Each is sent after a hello
was answered, so that our own reading of whole messages takes part, and not only uvicorn's parser.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatserver import logs
from tests.integration.conftest import MakeServer
from tests.integration.server import JSON, Instance, eventually
from tests.integration.test_heads import HANDSHAKE, LIVE, MIB, Peer, peer_of, resident_bytes
from tests.waiting import PATIENCE_S

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"
NOT_UTF8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
JSON_SPOKEN = f"Sec-WebSocket-Protocol: {JSON}\r\n\r\n".encode()
BEAT = json.dumps({"type": "beat", "ref": 7}).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK) -> bytes:
    """A frame as a client sends it; without ``mask`` as none may."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = b"\x7e" + struct.pack(">H", size) if size < 1 << 16 else b"\x7f" + struct.pack(">Q", size)
    first = bytes([fin << 7 | rsv << 4 | opcode])
    if mask is None:
        return first + length + payload
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return first + bytes([length[0] | 0x80]) + length[1:] + mask + masked


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack(">H", code) + reason)


class FramePeer:
    """A client that has said hello and sends bytes; it reads frames."""

    def __init__(self, peer: Peer) -> None:
        self._reader = peer.reader
        self.send = peer.send

    async def next(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        async with asyncio.timeout(PATIENCE_S):
            first, second = await self._reader.readexactly(2)
            assert first & 0xF0 == 0x80, "the server sends whole messages without reserved bits"
            assert second < 0x80, "and masks nothing"
            size = second
            if size == 126:
                [size] = struct.unpack(">H", await self._reader.readexactly(2))
            elif size == 127:
                [size] = struct.unpack(">Q", await self._reader.readexactly(8))
            return first & 0x0F, await self._reader.readexactly(size)

    async def until(self, opcode: int) -> bytes:
        """The payload of the next frame of this kind."""
        while True:
            kind, payload = await self.next()
            if kind == opcode:
                return payload

    async def message(self, type: str) -> dict[str, object]:
        """The next message of this type."""
        while True:
            message: dict[str, object] = json.loads(await self.until(TEXT))
            if message["type"] == type:
                return message

    async def closed(self) -> int | None:
        """Read to the end; the code of the server's close frame, None without one."""
        code = None
        try:
            while True:
                kind, payload = await self.next()
                if kind == CLOSE:
                    assert code is None, "only one close frame is sent"
                    code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                else:
                    assert code is None, "nothing follows a close frame"
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return code


@asynccontextmanager
async def in_the_room(server: Instance) -> AsyncIterator[FramePeer]:
    """A peer whose hello was answered."""
    async with peer_of(server) as peer:
        await peer.send(HANDSHAKE + JSON_SPOKEN)
        assert await peer.status() == 101
        in_room = FramePeer(peer)
        await in_room.send(frame(TEXT, json.dumps({"type": "hello", "ref": 1, "token": server.token()}).encode()))
        await in_room.message("snapshot")
        yield in_room


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    return await make_server()


WRONG = {
    "a frame that is not masked": (frame(TEXT, BEAT, mask=None), 1002),
    "the first reserved bit": (frame(TEXT, BEAT, rsv=4), 1002),
    "the second reserved bit": (frame(TEXT, BEAT, rsv=2), 1002),
    "the third reserved bit of a ping": (frame(PING, rsv=1), 1002),
    **{f"the reserved opcode {opcode}": (frame(opcode, BEAT), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a ping in fragments": (frame(PING, b"a", fin=False), 1002),
    "a close frame in fragments": (frame(CLOSE, fin=False), 1002),
    "a ping of 126 bytes": (frame(PING, bytes(126)), 1002),
    "a close frame of 126 bytes": (close(1000, b"a" * 124), 1002),
    "a continuation of nothing": (frame(CONT, BEAT), 1002),
    "a last continuation of nothing": (frame(TEXT, BEAT) + frame(CONT, BEAT), 1002),
    "a new message within another": (frame(TEXT, b"{", fin=False) + frame(TEXT, BEAT), 1002),
    "text that is not UTF-8": (frame(TEXT, NOT_UTF8), 1007),
    "text in fragments that is not UTF-8": (frame(TEXT, NOT_UTF8[:9], fin=False) + frame(CONT, NOT_UTF8[9:]), 1007),
    "text that ends within a character": (frame(TEXT, "é".encode()[:1]), 1007),
    "a close frame of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a close reason that is not UTF-8": (close(1000, NOT_UTF8), 1007),
    **{f"the close code {code}": (close(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2999, 5000)},
    "a length of 64 bits that is negative": (b"\x81\xff" + b"\x80" + bytes(7) + MASK, 1009),
    "a message that is too long to be read": (b"\x81\xff" + struct.pack(">Q", 1 << 40) + MASK, 1009),
}


async def test_a_frame_that_the_rfc_forbids_fails_the_connection_with_its_code(server: Instance) -> None:
    found = {}
    for kind, (data, _) in WRONG.items():
        async with in_the_room(server) as peer:
            await peer.send(data)
            found[kind] = await peer.closed()
    assert found == {kind: code for kind, (_, code) in WRONG.items()}
    await eventually(lambda: server.core.sessions.count == 0)


async def test_a_close_frame_is_answered_with_its_code(server: Instance) -> None:
    for code in (1000, 1001, 1003, 1007, 1008, 1011, 3000, 4000, 4999):
        async with in_the_room(server) as peer:
            await peer.send(close(code, b"bye"))
            assert await peer.closed() == code


async def test_a_close_frame_without_a_code_is_answered_and_nothing_after_it_is_served(server: Instance) -> None:
    async with in_the_room(server) as peer:
        await peer.send(frame(CLOSE) + frame(TEXT, BEAT) + frame(PING, b"late"))
        assert await peer.closed() in (1000, 1005)


async def test_a_ping_is_answered_with_what_it_said_also_within_a_message(server: Instance) -> None:
    async with in_the_room(server) as peer:
        for payload in (b"", b"hello", b"\x00\xff\xfe\xfd", bytes(125)):
            await peer.send(frame(PING, payload))
            assert await peer.until(PONG) == payload
            await peer.send(frame(TEXT, BEAT[:5], fin=False) + frame(PING, payload))
            assert await peer.until(PONG) == payload
            await peer.send(frame(CONT, BEAT[5:]))
            assert (await peer.message("beat"))["ref"] == 7


async def test_a_pong_that_nobody_asked_for_changes_nothing(server: Instance) -> None:
    async with in_the_room(server) as peer:
        await peer.send(frame(PONG, b"hello") + frame(PONG) + frame(TEXT, BEAT))
        assert (await peer.message("beat"))["ref"] == 7


async def test_any_mask_is_undone_and_every_form_of_a_length_is_read(make_server: MakeServer) -> None:
    """The messages are padded with spaces, which JSON allows."""
    server = await make_server(message_bytes=65_536)
    async with in_the_room(server) as peer:
        for mask in (MASK, bytes(4), b"\xff\x00\xff\x00"):
            for size in (125, 126, 127, 128, 65_534, 65_535, 65_536):
                await peer.send(frame(TEXT, BEAT.ljust(size), mask=mask))
                assert (await peer.message("beat"))["ref"] == 7


async def test_a_character_may_be_divided_by_fragments(server: Instance) -> None:
    text = json.dumps({"type": "beat", "ref": 7, "é": 1}, ensure_ascii=False).encode()
    within = text.index("é".encode()) + 1
    async with in_the_room(server) as peer:
        await peer.send(frame(TEXT, text[:within], fin=False) + frame(CONT, fin=False) + frame(CONT, text[within:]))
        # Commands refuse a field that they do not know, so it was read as a whole.
        assert (await peer.message("error"))["ref"] == 7


# ---------------------------------------------------------------- any bytes

CORPUS = (
    LIVE + b"\r\n",
    b"POST /api/v1/guests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /api/v1/showtimes?limit=2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n" + LIVE + b"\r\n",
    HANDSHAKE + b"\r\n" + frame(TEXT, b'{"type":"hello"}') + frame(PING, b"a") + close(1000),
    HANDSHAKE
    + f"Sec-WebSocket-Protocol: {JSON}\r\n\r\n".encode()
    + frame(TEXT, BEAT[:4], fin=False)
    + frame(CONT, BEAT),
    HANDSHAKE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" + frame(BINARY, bytes(200)),
)
PEERS = 400
AT_ONCE = 12


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with some of them changed, left out, repeated or moved."""
    found = bytearray(data)
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(found) + 1)
        piece = found[at : at + chance.choice((1, 1, 2, 4, 16, 64))]
        match chance.randrange(6):
            case 0:
                found[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del found[at : at + len(piece)]
            case 2:
                found[at:at] = piece * chance.choice((1, 2, 50))
            case 3:
                found[at:at] = chance.randbytes(chance.choice((1, 4, 32)))
            case 4:
                found[at:at] = chance.choice((b"\r\n", b"\r\n\r\n", b"\x00", b" ", b":", b"\xff\xff", b"Host: y\r\n"))
            case _:
                if piece:
                    flipped = chance.randrange(len(piece))
                    found[at + flipped] ^= 1 << chance.randrange(8)
    return bytes(found)


def statuses(answer: bytes) -> list[int]:
    """The statuses of the answers in what a connection has said."""
    return [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


async def test_no_bytes_are_answered_with_a_5xx_and_everybody_else_is_served(
    make_server: MakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = await make_server(head_ms=1000, hello_ms=1000)
    seed = random.randrange(1 << 32)
    chance, turn = random.Random(seed), asyncio.Semaphore(AT_ONCE)

    async def attack(data: bytes, pieces: list[int]) -> bytes:
        async with turn, peer_of(server) as peer:
            try:
                for start, end in zip([0, *pieces], [*pieces, len(data)], strict=True):
                    await peer.send(data[start:end])
                    await asyncio.sleep(0)
                peer.writer.write_eof()
            except (ConnectionError, OSError):
                return b""
            return await peer.answer()

    attacks = []
    for _ in range(PEERS):
        data = mutated(chance.choice(CORPUS), chance)
        attacks.append(attack(data, sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(4)))))
    async with in_the_room(server) as honest:
        answers, before = [], 0
        for some in (attacks[: PEERS // 2], attacks[PEERS // 2 :]):
            before = resident_bytes()  # in the end: after the first half, which has grown what stays
            attacking = asyncio.gather(*some)
            while not attacking.done():
                await honest.send(frame(TEXT, BEAT))
                assert (await honest.message("beat"))["ref"] == 7, f"seed {seed}"
                await asyncio.sleep(0.01)
            answers += await attacking
        assert resident_bytes() - before < 8 * MIB, f"seed {seed}"
        wrong = [answer for answer in answers if any(status >= 500 for status in statuses(answer))]
        assert not wrong, f"seed {seed}"
        assert any(statuses(answer) for answer in answers)
        await eventually(lambda: server.core.sessions.count == 1)
    # What a library says of garbage is logged as one line a minute.
    said = [one.getMessage() for one in caplog.records if one.exc_info and one.msg not in logs.GARBAGE]
    assert not said, f"seed {seed}"
